//! Iterates over the samples of a profile.

use super::error::{ProfileError, ProfileErrorKind};
use super::fields;
use super::location::{ProfileLine, ProfileLines, ProfileLocation};
use super::model::{LabelValue, ProfileFrame, SampleLabel};
use super::profile::Profile;
use super::wire::{Fields, Span};

impl Profile<'_> {
    /// Returns the samples, in the order of the file.
    pub fn samples(&self) -> Samples<'_> {
        let (start, end) = self.samples;
        Samples::new(self, Span { bytes: &self.bytes[..end], start })
    }
}

/// Iterates over the samples of a profile, in the order of the file.
#[derive(Debug)]
pub struct Samples<'p> {
    profile: &'p Profile<'p>,
    /// The fields of the profile from the first sample to the last. They may include other fields.
    fields: Fields<'p>,
    /// The values of the current sample.
    values: Vec<i64>,
    locations: Vec<u32>,
    ended: bool,
}

impl<'p> Samples<'p> {
    pub(super) fn new(profile: &'p Profile<'p>, span: Span<'p>) -> Self {
        let fields = Fields::new(span, "Profile", &profile.limits);
        Samples { profile, fields, values: Vec::new(), locations: Vec::new(), ended: false }
    }

    /// Returns the next sample, or `None` at the end and after an error.
    ///
    /// # Errors
    ///
    /// Fails if the number of values is wrong, if a location is not in the table, or if the
    /// encoding is invalid.
    pub fn next_sample(&mut self) -> Result<Option<Sample<'_, 'p>>, ProfileError> {
        if self.ended {
            return Ok(None);
        }
        let span = match self.read_next() {
            Ok(Some(span)) => span,
            end => {
                self.ended = true;
                return end.map(|_| None);
            }
        };
        Ok(Some(Sample { profile: self.profile, span, values: &self.values, locations: &self.locations }))
    }

    fn read_next(&mut self) -> Result<Option<Span<'p>>, ProfileError> {
        while let Some(field) = self.fields.next_field()? {
            if field.number == fields::profile::SAMPLE {
                let span = self.fields.span(field)?;
                return self.read_sample(span).map(|()| Some(span));
            }
        }
        Ok(None)
    }

    fn read_sample(&mut self, span: Span<'p>) -> Result<(), ProfileError> {
        let Samples { profile, values, locations, .. } = self;
        values.clear();
        locations.clear();
        let expected = profile.sample_type_count();
        let most = profile.limits.stack;
        let mut fields = Fields::new(span, "Sample", &profile.limits);
        while let Some(field) = fields.next_field()? {
            match field.number {
                fields::sample::LOCATION_ID => fields.integers(field, |id, at| {
                    // An index fits into 32 bits, because the table is smaller than 4 GiB.
                    locations.push(profile.locations.place(id, at)? as u32);
                    match locations.len() > most as usize {
                        true => Err(too_deep(most, at)),
                        false => Ok(()),
                    }
                })?,
                fields::sample::VALUE => fields.integers(field, |value, at| {
                    values.push(value.cast_signed());
                    match values.len() > expected {
                        true => Err(wrong_count(expected, values.len(), at)),
                        false => Ok(()),
                    }
                })?,
                fields::sample::LABEL => {
                    fields.span(field)?;
                }
                _ => {}
            }
        }
        match values.len() == expected {
            true => Ok(()),
            false => Err(wrong_count(expected, values.len(), span.start)),
        }
    }
}

#[cold]
fn too_deep(most: u32, at: usize) -> ProfileError {
    ProfileError::unpacked(ProfileErrorKind::LimitExceeded { what: "locations in a stack", limit: most.into() }, at)
}

#[cold]
fn wrong_count(expected: usize, found: usize, at: usize) -> ProfileError {
    ProfileError::unpacked(ProfileErrorKind::WrongValueCount { expected, found }, at)
}

/// A sample: a stack, labels, and a value for each sample type of the profile.
#[derive(Clone, Copy, Debug)]
pub struct Sample<'s, 'p> {
    profile: &'p Profile<'p>,
    span: Span<'p>,
    values: &'s [i64],
    locations: &'s [u32],
}

impl<'s, 'p> Sample<'s, 'p> {
    /// Returns the values, in the order of [`Profile::sample_types`].
    pub fn values(&self) -> &'s [i64] {
        self.values
    }

    /// Returns the stack as locations, innermost first.
    pub fn locations(&self) -> impl ExactSizeIterator<Item = ProfileLocation<'p>> + use<'s, 'p> {
        let profile = self.profile;
        self.locations.iter().map(move |&place| ProfileLocation::new(profile, place as usize))
    }

    /// Returns the error for stacks that have too many frames in total.
    pub(crate) fn too_many_frames(&self) -> ProfileError {
        let kind = ProfileErrorKind::LimitExceeded {
            what: "frames in the stacks of a report",
            limit: self.profile.most_frames(),
        };
        ProfileError::unpacked(kind, self.span.start)
    }

    /// Returns the stack as indexes into the table of locations.
    pub(crate) fn places(&self) -> &'s [u32] {
        self.locations
    }

    /// Returns the stack as source lines, innermost first. A location without lines becomes a frame with only an
    /// address.
    pub fn frames(&self) -> SampleFrames<'s, 'p> {
        SampleFrames { profile: self.profile, locations: self.locations.iter(), current: None }
    }

    /// Iterates over the labels. They are checked during iteration.
    pub fn labels(&self) -> SampleLabels<'p> {
        let fields = Fields::new(self.span, "Sample", &self.profile.limits);
        SampleLabels { profile: self.profile, fields, ended: false }
    }
}

/// Iterates over the frames of a stack, innermost first.
#[derive(Clone, Debug)]
pub struct SampleFrames<'s, 'p> {
    profile: &'p Profile<'p>,
    locations: std::slice::Iter<'s, u32>,
    current: Option<Current<'p>>,
}

/// The current location, which has at least one more line.
#[derive(Clone, Debug)]
struct Current<'p> {
    address: u64,
    next: ProfileLine<'p>,
    rest: ProfileLines<'p>,
}

impl<'p> Iterator for SampleFrames<'_, 'p> {
    type Item = ProfileFrame<'p>;

    fn next(&mut self) -> Option<ProfileFrame<'p>> {
        let current = match self.current.take() {
            Some(current) => current,
            None => {
                let location = ProfileLocation::new(self.profile, *self.locations.next()? as usize);
                let mut rest = location.lines();
                match rest.next() {
                    Some(next) => Current { address: location.address, next, rest },
                    None => return Some(ProfileFrame { address: location.address, ..ProfileFrame::default() }),
                }
            }
        };
        let Current { address, next: ProfileLine { function, line, .. }, mut rest } = current;
        self.current = rest.next().map(|next| Current { address, next, rest });
        Some(ProfileFrame {
            func: function.name,
            file: function.file,
            line,
            start_line: function.start_line,
            address,
            inlined: self.current.is_some(),
        })
    }
}

/// Iterates over the labels of a sample, in the order of the file.
#[derive(Clone, Debug)]
pub struct SampleLabels<'p> {
    profile: &'p Profile<'p>,
    /// The fields of the sample.
    fields: Fields<'p>,
    ended: bool,
}

impl<'p> SampleLabels<'p> {
    /// Returns the next label, or `None` at the end and after an error.
    ///
    /// # Errors
    ///
    /// Fails if a string is not in the table, or if the encoding is invalid.
    pub fn next_label(&mut self) -> Result<Option<SampleLabel<'p>>, ProfileError> {
        if self.ended {
            return Ok(None);
        }
        let next = self.read_next();
        self.ended = !matches!(next, Ok(Some(_)));
        next
    }

    fn read_next(&mut self) -> Result<Option<SampleLabel<'p>>, ProfileError> {
        while let Some(field) = self.fields.next_field()? {
            if field.number == fields::sample::LABEL {
                return self.read_label(self.fields.span(field)?).map(Some);
            }
        }
        Ok(None)
    }

    fn read_label(&self, span: Span<'p>) -> Result<SampleLabel<'p>, ProfileError> {
        let (mut key, mut text, mut number, mut unit) = (0, 0, 0, 0);
        let mut fields = Fields::new(span, "Label", &self.profile.limits);
        while let Some(field) = fields.next_field()? {
            match field.number {
                fields::label::KEY => key = fields.integer(field)?,
                fields::label::STR => text = fields.integer(field)?,
                fields::label::NUM => number = fields.integer(field)?.cast_signed(),
                fields::label::NUM_UNIT => unit = fields.integer(field)?,
                _ => {}
            }
        }
        let look_up = |index| self.profile.text_at(index, span.start);
        let key = look_up(key)?;
        let value = match text {
            0 => LabelValue::Number { value: number, unit: look_up(unit)? },
            _ => LabelValue::Text(look_up(text)?),
        };
        Ok(SampleLabel { key, value })
    }
}
