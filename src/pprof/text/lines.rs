//! Splits a text into lines.

use super::super::error::{Place, ProfileError, ProfileErrorKind, start_of};

/// The lines of a text, without white space at their ends.
#[derive(Clone)]
pub(super) struct Lines<'a> {
    text: &'a str,
    rest: std::str::Lines<'a>,
    number: u64,
}

/// A line and its number, which starts from 1.
#[derive(Clone, Copy)]
pub(super) struct Line<'a> {
    pub number: u64,
    pub text: &'a str,
}

impl<'a> Lines<'a> {
    pub fn new(text: &'a str) -> Self {
        Lines { text, rest: text.lines(), number: 0 }
    }

    /// Returns the size of the whole text in bytes.
    pub fn text_len(&self) -> usize {
        self.text.len()
    }

    /// Returns the next line that is neither empty nor a comment. At the end of the text, an empty
    /// line.
    pub fn next_header(&mut self) -> Line<'a> {
        let header = self.find(|line| !line.text.is_empty() && !line.text.starts_with('#'));
        header.unwrap_or(Line { number: self.number, text: "" })
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = Line<'a>;

    fn next(&mut self) -> Option<Line<'a>> {
        let text = self.rest.next()?.trim();
        self.number += 1;
        Some(Line { number: self.number, text })
    }
}

impl Line<'_> {
    /// The error that this line is wrong. Quotes the line if the error does.
    #[cold]
    pub fn error(&self, mut kind: ProfileErrorKind) -> ProfileError {
        if let ProfileErrorKind::Text { found, .. } = &mut kind {
            *found = start_of(self.text);
        }
        ProfileError { kind, at: Place::Line(self.number) }
    }
}
