//! Colours and styles. Colour is only for good and bad results.

use anstyle::{AnsiColor, Style};

/// A problem.
pub const BAD: Style = AnsiColor::Red.on_default().bold();
/// A possible problem.
pub const WARN: Style = AnsiColor::Yellow.on_default();
/// No problem, where a problem would be red.
pub const GOOD: Style = AnsiColor::Green.on_default();
/// Less important than the rest.
pub const DIM: Style = Style::new().dimmed();
/// Headings.
pub const BOLD: Style = Style::new().bold();
