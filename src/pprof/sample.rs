//! Samples, visited one after another.

use super::error::{Error, ErrorKind};
use super::fields;
use super::location::{Lines, Location};
use super::model::{Frame, Label, LabelValue};
use super::profile::Profile;
use super::wire::{Fields, Span};

/// The samples of a profile, in the order of the file.
#[derive(Debug)]
pub struct Samples<'p, 'a> {
    profile: &'p Profile<'a>,
    /// The profile's, from the first sample to the last; others may lie between.
    fields: Fields<'a>,
    /// Of the last sample.
    values: Vec<i64>,
    locations: Vec<u32>,
    ended: bool,
}

impl<'p, 'a> Samples<'p, 'a> {
    pub(super) fn new(profile: &'p Profile<'a>, span: Span<'a>) -> Self {
        let fields = Fields::new(span, "Profile", &profile.limits);
        Samples { profile, fields, values: Vec::new(), locations: Vec::new(), ended: false }
    }

    /// The next sample; `None` when there are no more, and after an error.
    ///
    /// # Errors
    ///
    /// A sample with too few or too many values, a location that is not in the table, and damage to the encoding.
    pub fn next_sample(&mut self) -> Result<Option<Sample<'_, 'a>>, Error> {
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

    fn read_next(&mut self) -> Result<Option<Span<'a>>, Error> {
        while let Some(field) = self.fields.next_field()? {
            if field.number == fields::profile::SAMPLE {
                let span = self.fields.span(field)?;
                return self.read_sample(span).map(|()| Some(span));
            }
        }
        Ok(None)
    }

    fn read_sample(&mut self, span: Span<'a>) -> Result<(), Error> {
        let Samples { profile, values, locations, .. } = self;
        values.clear();
        locations.clear();
        let expected = profile.sample_types().len();
        let most = profile.limits.stack;
        let mut fields = Fields::new(span, "Sample", &profile.limits);
        while let Some(field) = fields.next_field()? {
            match field.number {
                fields::sample::LOCATION_ID => fields.integers(field, |id, at| {
                    // A place is a u32, as the table is shorter than 4 GiB.
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
fn too_deep(most: u32, at: usize) -> Error {
    Error::unpacked(ErrorKind::LimitExceeded { what: "locations in a stack", limit: most.into() }, at)
}

#[cold]
fn wrong_count(expected: usize, found: usize, at: usize) -> Error {
    Error::unpacked(ErrorKind::WrongValueCount { expected, found }, at)
}

/// A sample: a stack, labels, and a value of each of the profile's sample types.
#[derive(Clone, Copy, Debug)]
pub struct Sample<'s, 'a> {
    profile: &'s Profile<'a>,
    span: Span<'a>,
    values: &'s [i64],
    locations: &'s [u32],
}

impl<'s, 'a> Sample<'s, 'a> {
    /// The values, in the order of [`Profile::sample_types`].
    pub fn values(&self) -> &'s [i64] {
        self.values
    }

    /// The stack as addresses, innermost first.
    pub fn locations(&self) -> impl ExactSizeIterator<Item = Location<'s, 'a>> + use<'s, 'a> {
        let profile = self.profile;
        self.locations.iter().map(move |&place| Location::new(profile, place as usize))
    }

    /// The error of a profile whose stacks come to more frames than there may be.
    pub(crate) fn too_many_frames(&self) -> Error {
        let kind =
            ErrorKind::LimitExceeded { what: "frames in the stacks of a report", limit: self.profile.most_frames() };
        Error::unpacked(kind, self.span.start)
    }

    /// The stack as places in the table of locations.
    pub(crate) fn places(&self) -> &'s [u32] {
        self.locations
    }

    /// The stack as source lines, innermost first. An address of which no line is known is a frame without a function.
    pub fn frames(&self) -> Frames<'s, 'a> {
        Frames { profile: self.profile, locations: self.locations.iter(), current: None }
    }

    /// The labels, which are checked when they are asked for.
    pub fn labels(&self) -> Labels<'s, 'a> {
        let fields = Fields::new(self.span, "Sample", &self.profile.limits);
        Labels { profile: self.profile, fields, ended: false }
    }
}

/// The frames of a stack, innermost first.
#[derive(Clone, Debug)]
pub struct Frames<'s, 'a> {
    profile: &'s Profile<'a>,
    locations: std::slice::Iter<'s, u32>,
    current: Option<Current<'s, 'a>>,
}

/// A location of which a line is still to come.
#[derive(Clone, Debug)]
struct Current<'s, 'a> {
    address: u64,
    next: super::Line<'a>,
    rest: Lines<'s, 'a>,
}

impl<'a> Iterator for Frames<'_, 'a> {
    type Item = Frame<'a>;

    fn next(&mut self) -> Option<Frame<'a>> {
        let current = match self.current.take() {
            Some(current) => current,
            None => {
                let location = Location::new(self.profile, *self.locations.next()? as usize);
                let mut rest = location.lines();
                match rest.next() {
                    Some(next) => Current { address: location.address, next, rest },
                    None => return Some(Frame { address: location.address, ..Frame::default() }),
                }
            }
        };
        let Current { address, next: super::Line { function, line, .. }, mut rest } = current;
        self.current = rest.next().map(|next| Current { address, next, rest });
        Some(Frame {
            func: function.name,
            file: function.file,
            line,
            start_line: function.start_line,
            address,
            inlined: self.current.is_some(),
        })
    }
}

/// The labels of a sample, in the order of the file.
#[derive(Clone, Debug)]
pub struct Labels<'s, 'a> {
    profile: &'s Profile<'a>,
    /// The sample's.
    fields: Fields<'a>,
    ended: bool,
}

impl<'a> Labels<'_, 'a> {
    /// The next label; `None` when there are no more, and after an error.
    ///
    /// # Errors
    ///
    /// A string that is not in the table, and damage to the encoding.
    pub fn next_label(&mut self) -> Result<Option<Label<'a>>, Error> {
        if self.ended {
            return Ok(None);
        }
        let next = self.read_next();
        self.ended = !matches!(next, Ok(Some(_)));
        next
    }

    fn read_next(&mut self) -> Result<Option<Label<'a>>, Error> {
        while let Some(field) = self.fields.next_field()? {
            if field.number == fields::sample::LABEL {
                return self.read_label(self.fields.span(field)?).map(Some);
            }
        }
        Ok(None)
    }

    fn read_label(&self, span: Span<'a>) -> Result<Label<'a>, Error> {
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
        Ok(Label { key, value })
    }
}
