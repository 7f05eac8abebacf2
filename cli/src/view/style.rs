//! Colours: only for what is bad, and for what may be overlooked.

use anstyle::{AnsiColor, Style};

/// Bad news.
pub const BAD: Style = AnsiColor::Red.on_default().bold();
/// What deserves a look.
pub const WARN: Style = AnsiColor::Yellow.on_default();
/// Good news, where bad news would be red.
pub const GOOD: Style = AnsiColor::Green.on_default();
/// Less important than the rest.
pub const DIM: Style = Style::new().dimmed();
/// Headings.
pub const BOLD: Style = Style::new().bold();
