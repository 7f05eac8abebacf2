//! The entries of the tables: mappings, locations and functions.

use super::error::{ProfileError, ProfileErrorKind};
use super::fields;
use super::limits::ProfileLimits;
use super::profile::Profile;
use super::wire::{Fields, Span};
use crate::event::Text;

impl Profile<'_> {
    /// Returns the mappings. Usually the first is the program's binary, and the others are libraries.
    pub fn mappings(&self) -> impl ExactSizeIterator<Item = Mapping<'_>> {
        (0..self.mappings.len()).map(|place| Mapping::new(self, place))
    }

    /// Returns the locations, in the order of the file.
    pub fn locations(&self) -> impl ExactSizeIterator<Item = ProfileLocation<'_>> {
        (0..self.locations.len()).map(|place| ProfileLocation::new(self, place))
    }

    /// Returns the functions, in the order of the file.
    pub fn functions(&self) -> impl ExactSizeIterator<Item = Function<'_>> {
        (0..self.functions.len()).map(|place| Function::new(self, place))
    }
}

/// A binary or library that was mapped into the program's memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Mapping<'a> {
    /// The ID in the profile.
    pub id: u64,
    /// The first address.
    pub start: u64,
    /// The address after the last address.
    pub limit: u64,
    /// The offset of the mapping in its file, in bytes.
    pub offset: u64,
    /// The path of the file. Empty if unknown.
    pub file: Text<'a>,
    /// The build ID of the file. Empty if unknown.
    pub build_id: Text<'a>,
    /// Whether the functions of locations are known.
    pub has_functions: bool,
    /// Whether the source files of locations are known.
    pub has_filenames: bool,
    /// Whether the lines of locations are known.
    pub has_line_numbers: bool,
    /// Whether inlined calls of locations are known.
    pub has_inline_frames: bool,
}

impl<'a> Mapping<'a> {
    pub(super) fn id_of(span: Span<'_>, limits: &ProfileLimits) -> Result<u64, ProfileError> {
        id_of(span, fields::mapping::ID, "Mapping", limits)
    }

    pub(super) fn check(profile: &Profile<'_>, span: Span<'_>) -> Result<(), ProfileError> {
        let mut fields = Fields::few(span, "Mapping", &profile.limits);
        while let Some(field) = fields.next_field()? {
            let value = match field.number {
                fields::mapping::ID..=fields::mapping::HAS_INLINE_FRAMES => fields.integer(field)?,
                _ => continue,
            };
            if matches!(field.number, fields::mapping::FILENAME | fields::mapping::BUILD_ID) {
                profile.text_at(value, field.at)?;
            }
        }
        Ok(())
    }

    /// Decodes the mapping at index `place` of the table. Its message has been checked already.
    pub(super) fn new(profile: &'a Profile<'a>, place: usize) -> Self {
        let span = profile.mappings.span(profile.bytes(), place);
        let mut fields = Fields::few(span, "Mapping", &profile.limits);
        let mut mapping = Mapping::default();
        while let Ok(Some(field)) = fields.next_field() {
            let value = fields.integer(field).unwrap_or(0);
            match field.number {
                fields::mapping::ID => mapping.id = value,
                fields::mapping::MEMORY_START => mapping.start = value,
                fields::mapping::MEMORY_LIMIT => mapping.limit = value,
                fields::mapping::FILE_OFFSET => mapping.offset = value,
                fields::mapping::FILENAME => mapping.file = profile.text(value),
                fields::mapping::BUILD_ID => mapping.build_id = profile.text(value),
                fields::mapping::HAS_FUNCTIONS => mapping.has_functions = value != 0,
                fields::mapping::HAS_FILENAMES => mapping.has_filenames = value != 0,
                fields::mapping::HAS_LINE_NUMBERS => mapping.has_line_numbers = value != 0,
                fields::mapping::HAS_INLINE_FRAMES => mapping.has_inline_frames = value != 0,
                _ => {}
            }
        }
        mapping
    }
}

/// A function of the program.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Function<'a> {
    /// The ID in the profile.
    pub id: u64,
    /// The name for display. For Go functions it is the linker's name, such as
    /// `net/http.(*conn).serve`.
    pub name: Text<'a>,
    /// The name that the linker uses.
    pub system_name: Text<'a>,
    /// The path of the source file. Empty if unknown.
    pub file: Text<'a>,
    /// The line at which the function starts. 0 if unknown.
    pub start_line: i64,
}

impl<'a> Function<'a> {
    pub(super) fn id_of(span: Span<'_>, limits: &ProfileLimits) -> Result<u64, ProfileError> {
        id_of(span, fields::function::ID, "Function", limits)
    }

    pub(super) fn check(profile: &Profile<'_>, span: Span<'_>) -> Result<(), ProfileError> {
        let mut fields = Fields::few(span, "Function", &profile.limits);
        while let Some(field) = fields.next_field()? {
            let value = match field.number {
                fields::function::ID..=fields::function::START_LINE => fields.integer(field)?,
                _ => continue,
            };
            if matches!(field.number, fields::function::NAME..=fields::function::FILENAME) {
                profile.text_at(value, field.at)?;
            }
        }
        Ok(())
    }

    /// Decodes the function at index `place` of the table. Its message has been checked already.
    pub(super) fn new(profile: &'a Profile<'a>, place: usize) -> Self {
        let span = profile.functions.span(profile.bytes(), place);
        let mut fields = Fields::few(span, "Function", &profile.limits);
        let mut function = Function::default();
        while let Ok(Some(field)) = fields.next_field() {
            let value = fields.integer(field).unwrap_or(0);
            match field.number {
                fields::function::ID => function.id = value,
                fields::function::NAME => function.name = profile.text(value),
                fields::function::SYSTEM_NAME => function.system_name = profile.text(value),
                fields::function::FILENAME => function.file = profile.text(value),
                fields::function::START_LINE => function.start_line = value.cast_signed(),
                _ => {}
            }
        }
        function
    }
}

/// An address of the program, with its source lines.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct ProfileLocation<'p> {
    profile: &'p Profile<'p>,
    place: usize,
    /// The ID in the profile.
    pub id: u64,
    /// The address. 0 if unknown.
    pub address: u64,
    /// The ID of the mapping that contains the address. 0 if unknown.
    pub mapping_id: u64,
    /// Whether the linker merged several identical functions here. Then the lines may be lines of another function.
    pub is_folded: bool,
}

impl<'p> ProfileLocation<'p> {
    pub(super) fn id_of(span: Span<'_>, limits: &ProfileLimits) -> Result<u64, ProfileError> {
        id_of(span, fields::location::ID, "Location", limits)
    }

    pub(super) fn check(profile: &Profile<'_>, span: Span<'_>) -> Result<(), ProfileError> {
        let limits = profile.limits;
        let mut fields = Fields::few(span, "Location", &limits);
        let mut count = 0;
        while let Some(field) = fields.next_field()? {
            match field.number {
                fields::location::LINE => {
                    count += 1;
                    if count > limits.lines {
                        let kind =
                            ProfileErrorKind::LimitExceeded { what: "lines in a location", limit: limits.lines.into() };
                        return Err(ProfileError::unpacked(kind, field.at));
                    }
                    check_line(profile, fields.span(field)?)?;
                }
                fields::location::ID..=fields::location::IS_FOLDED => {
                    fields.integer(field)?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Decodes the location at index `place` of the table. Its message has been checked already.
    pub(super) fn new(profile: &'p Profile<'p>, place: usize) -> Self {
        let mut location = ProfileLocation { profile, place, id: 0, address: 0, mapping_id: 0, is_folded: false };
        let mut fields = location.fields();
        while let Ok(Some(field)) = fields.next_field() {
            let value = fields.integer(field).unwrap_or(0);
            match field.number {
                fields::location::ID => location.id = value,
                fields::location::MAPPING_ID => location.mapping_id = value,
                fields::location::ADDRESS => location.address = value,
                fields::location::IS_FOLDED => location.is_folded = value != 0,
                _ => {}
            }
        }
        location
    }

    fn fields(&self) -> Fields<'p> {
        let span = self.profile.locations.span(self.profile.bytes(), self.place);
        Fields::few(span, "Location", &self.profile.limits)
    }

    /// Returns the mapping that contains the address. `None` if it is unknown or not in the table.
    pub fn mapping(&self) -> Option<Mapping<'p>> {
        self.mapping_place().map(|place| Mapping::new(self.profile, place))
    }

    /// Returns the index of the mapping in its table.
    pub(super) fn mapping_place(&self) -> Option<usize> {
        self.profile.mappings.find(self.mapping_id)
    }

    /// Returns the source lines, innermost first. Each function except the last was inlined into the next function.
    /// Empty if only the address is known.
    pub fn lines(&self) -> ProfileLines<'p> {
        ProfileLines { profile: self.profile, fields: self.fields() }
    }
}

/// A source line of a location.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct ProfileLine<'a> {
    /// The function.
    pub function: Function<'a>,
    /// The line in the function's file. 0 if unknown.
    pub line: i64,
    /// The column. 0 if unknown.
    pub column: i64,
}

/// The source lines of a [`ProfileLocation`].
#[derive(Clone, Debug)]
pub struct ProfileLines<'p> {
    profile: &'p Profile<'p>,
    fields: Fields<'p>,
}

impl<'p> ProfileLines<'p> {
    /// Returns the next line: the index of its function in the table, the line and the column. Faster than
    /// [`next`](Self::next), which decodes the function.
    pub(super) fn next_place(&mut self) -> Option<(usize, i64, i64)> {
        // The lines have been checked, so this hides no errors.
        while let Ok(Some(field)) = self.fields.next_field() {
            if let (fields::location::LINE, Ok(span)) = (field.number, self.fields.span(field)) {
                let (function_id, line, column) = read_line(span, &self.profile.limits).ok()?;
                return Some((self.profile.functions.find(function_id)?, line, column));
            }
        }
        None
    }
}

impl<'p> Iterator for ProfileLines<'p> {
    type Item = ProfileLine<'p>;

    fn next(&mut self) -> Option<ProfileLine<'p>> {
        let (place, line, column) = self.next_place()?;
        Some(ProfileLine { function: Function::new(self.profile, place), line, column })
    }
}

fn check_line(profile: &Profile<'_>, span: Span<'_>) -> Result<(), ProfileError> {
    let (function_id, _, _) = read_line(span, &profile.limits)?;
    profile.functions.place(function_id, span.start).map(|_| ())
}

/// Decodes a line into its function ID, line and column.
fn read_line(span: Span<'_>, limits: &ProfileLimits) -> Result<(u64, i64, i64), ProfileError> {
    let (mut function_id, mut line, mut column) = (0, 0, 0);
    let mut fields = Fields::few(span, "Line", limits);
    while let Some(field) = fields.next_field()? {
        match field.number {
            fields::line::FUNCTION_ID => function_id = fields.integer(field)?,
            fields::line::LINE => line = fields.integer(field)?.cast_signed(),
            fields::line::COLUMN => column = fields.integer(field)?.cast_signed(),
            _ => {}
        }
    }
    Ok((function_id, line, column))
}

fn id_of(span: Span<'_>, number: u32, message: &'static str, limits: &ProfileLimits) -> Result<u64, ProfileError> {
    let mut id = 0;
    let mut fields = Fields::few(span, message, limits);
    while let Some(field) = fields.next_field()? {
        if field.number == number {
            id = fields.integer(field)?;
        }
    }
    Ok(id)
}
