//! Text in lines that fit the terminal.

use std::io::{self, Write};

use super::names;
use crate::terminal::Terminal;

/// Writes a text after a heading. Lines after the first are indented by the width of the heading. A word that is longer than a
/// line is split.
pub fn write(heading: &str, text: &str, terminal: &mut Terminal) -> io::Result<()> {
    let indent = names::width(heading);
    let room = terminal.width().saturating_sub(indent).max(1);
    let text = names::printable(text);
    let mut prefix = heading.to_owned();
    for line in lines(&text, room) {
        writeln!(terminal, "{}", format!("{prefix}{line}").trim_end())?;
        prefix = " ".repeat(indent);
    }
    Ok(())
}

/// The lines of a text that is `room` columns wide. There is always one.
pub fn lines(text: &str, room: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut taken = 0;
    for word in text.split(' ') {
        if taken > 0 && taken + 1 + names::width(word) > room {
            lines.push(String::new());
            taken = 0;
        }
        if taken > 0 {
            push(&mut lines, ' ');
            taken += 1;
        }
        for letter in word.chars() {
            let width = names::width(letter.encode_utf8(&mut [0; 4]));
            if taken + width > room && taken > 0 {
                lines.push(String::new());
                taken = 0;
            }
            push(&mut lines, letter);
            taken += width;
        }
    }
    lines
}

fn push(lines: &mut [String], letter: char) {
    if let Some(line) = lines.last_mut() {
        line.push(letter);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_kept_whole_if_they_fit() {
        assert_eq!(lines("one two three", 7), ["one two", "three"]);
        assert_eq!(lines("a abcdefghij b", 4), ["a", "abcd", "efgh", "ij b"]);
        assert_eq!(lines("", 4), [""]);
    }
}
