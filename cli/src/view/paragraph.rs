//! Wraps text to the width of the terminal.

use std::io::{self, Write};

use anstyle::Style;

use super::{names, units};
use crate::terminal::Terminal;

/// Writes a text after a heading. Lines after the first are indented by the width of the heading. A
/// word that is longer than a line is split.
pub fn write(heading: &str, text: &str, terminal: &mut Terminal) -> io::Result<()> {
    write_headed(Style::new(), heading, text, terminal)
}

/// Like [`write()`], with the heading in a style.
pub fn write_headed(style: Style, heading: &str, text: &str, terminal: &mut Terminal) -> io::Result<()> {
    let indent = names::width(heading);
    let room = terminal.width().saturating_sub(indent).max(1);
    let text = names::printable(text);
    let mut prefix = terminal.paint(style, heading);
    for line in lines(&text, room) {
        writeln!(terminal, "{}", format!("{prefix}{line}").trim_end())?;
        prefix = " ".repeat(indent);
    }
    Ok(())
}

/// Writes a text in a style.
pub fn write_styled(style: Style, text: &str, terminal: &mut Terminal) -> io::Result<()> {
    let text = names::printable(text);
    lines(&text, terminal.width()).iter().try_for_each(|line| writeln!(terminal, "{}", terminal.paint(style, line)))
}

/// Wraps a text to lines of at most `room` columns. There is always at least one line.
pub fn lines(text: &str, room: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut taken = 0;
    for word in &words(text) {
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

/// The words of a text. A number and its unit are one word.
fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match words.last_mut() {
            Some(number) if number.ends_with(|c: char| c.is_ascii_digit()) && units::is_unit(word) => {
                number.push(' ');
                number.push_str(word);
            }
            _ => words.push(word.to_owned()),
        }
    }
    words
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
        assert_eq!(lines("it took 12.3 ms, 1.5 MiB", 10), ["it took", "12.3 ms,", "1.5 MiB"]);
    }
}
