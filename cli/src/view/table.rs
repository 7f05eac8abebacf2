//! Tables that fit the terminal.
//!
//! Table libraries cut or wrap a cell at a fixed width. Here, columns are left out first: those
//! whose values are all zero, and then the least important ones. Then function names are shortened:
//! first the package path, then the rest. Widths of characters come from `unicode-width`.

use std::io::{self, Write};

use anstyle::Style;

use super::bar::Bar;
use super::names;
use crate::terminal::Terminal;

/// Spaces between two columns.
const GAP: usize = 2;

/// Names are not shortened to fewer columns than this.
const SHORTEST_NAME: usize = 16;

/// Table columns are left out before names are shortened to fewer columns than this.
const READABLE_NAME: usize = 24;

/// Bars are left out if they have less room than this.
const SHORTEST_BAR: usize = 8;

/// Bars are at most this wide.
const WIDEST_BAR: usize = 80;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    /// Numbers, aligned right.
    Number,
    /// Short words, aligned left, never cut.
    Word,
    /// Names of functions: shortened by package path first.
    Name,
    /// Other text: its end is cut.
    Text,
    /// Bars, which take the room that the other columns leave.
    Bar,
}

/// A column: its heading, and how it fits.
#[derive(Clone, Debug)]
pub struct Column {
    head: &'static str,
    shape: Shape,
    detail: u8,
}

impl Column {
    const fn new(head: &'static str, shape: Shape) -> Self {
        Column { head, shape, detail: 0 }
    }

    /// Numbers, aligned right.
    pub const fn number(head: &'static str) -> Self {
        Self::new(head, Shape::Number)
    }

    /// Short words, aligned left, that are never cut.
    pub const fn word(head: &'static str) -> Self {
        Self::new(head, Shape::Word)
    }

    /// Names of functions, which lose their package path if there is no room.
    pub const fn name(head: &'static str) -> Self {
        Self::new(head, Shape::Name)
    }

    /// Other text, whose end is cut if there is no room.
    pub const fn text(head: &'static str) -> Self {
        Self::new(head, Shape::Text)
    }

    /// Bars, which take the room that the other columns leave. They are left out if that is too little.
    pub const fn bar(head: &'static str) -> Self {
        Self::new(head, Shape::Bar)
    }

    /// A column that may be left out if there is no room, the highest rank first.
    pub const fn detail(mut self, rank: u8) -> Self {
        self.detail = rank;
        self
    }
}

/// A cell: its text, and a style if it is a good or bad result.
#[derive(Clone, Debug, Default)]
pub struct Cell {
    text: String,
    style: Option<Style>,
    bar: Option<Bar>,
}

impl Cell {
    /// A cell in a style.
    pub fn styled(text: impl Into<String>, style: Style) -> Self {
        Cell { text: text.into(), style: Some(style), bar: None }
    }
}

impl From<Bar> for Cell {
    fn from(bar: Bar) -> Self {
        Cell { bar: Some(bar), ..Cell::default() }
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Cell { text: text.into(), ..Cell::default() }
    }
}

/// Rows under headings.
#[derive(Clone, Debug)]
pub struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<Cell>>,
    indent: usize,
}

impl Table {
    /// An empty table.
    pub fn new(columns: impl Into<Vec<Column>>) -> Self {
        Table { columns: columns.into(), rows: Vec::new(), indent: 0 }
    }

    /// Indents every line.
    pub fn indent(mut self, columns: usize) -> Self {
        self.indent = columns;
        self
    }

    /// Adds a row: a cell for each column; cells that are missing are empty.
    pub fn row<C: Into<Cell>>(&mut self, cells: impl IntoIterator<Item = C>) {
        let mut row: Vec<Cell> = cells.into_iter().map(Into::into).collect();
        row.resize(self.columns.len(), Cell::default());
        for cell in &mut row {
            cell.text = names::printable(&cell.text);
        }
        self.rows.push(row);
    }

    /// Writes the headings and the rows, a line each.
    pub fn write(&self, terminal: &mut Terminal) -> io::Result<()> {
        let widths = self.layout(terminal.width().saturating_sub(self.indent));
        let heads = self.columns.iter().map(|column| Cell::from(column.head));
        self.write_row(&heads.collect::<Vec<_>>(), &widths, Some(super::style::BOLD), terminal)?;
        self.rows.iter().try_for_each(|row| self.write_row(row, &widths, None, terminal))
    }

    /// The width of each column, `None` for those that are left out.
    fn layout(&self, room: usize) -> Vec<Option<usize>> {
        let natural = |index: usize| {
            let cells = self.rows.iter().map(|row| names::width(&row[index].text));
            cells.max().unwrap_or(0).max(names::width(self.columns[index].head))
        };
        let natural: Vec<usize> = (0..self.columns.len()).map(natural).collect();
        let is_flexible = |index: usize| matches!(self.columns[index].shape, Shape::Name | Shape::Text);
        let at_least = |index: usize, least: usize| match is_flexible(index) {
            true => natural[index].min(least),
            false => natural[index],
        };
        let readable = |index: usize| at_least(index, READABLE_NAME);
        let least = |index: usize| at_least(index, SHORTEST_NAME);
        let is_bar = |index: &usize| self.columns[*index].shape == Shape::Bar;
        // A column without a heading whose cells are all empty is left out with its gap.
        let is_shown = |index: &usize| !is_bar(index) && natural[*index] > 0;
        let mut shown: Vec<usize> = (0..self.columns.len()).filter(is_shown).collect();
        let needed = |shown: &[usize], width: &dyn Fn(usize) -> usize| -> usize {
            shown.iter().map(|&index| width(index)).sum::<usize>() + GAP * shown.len().saturating_sub(1)
        };
        while needed(&shown, &readable) > room {
            let details = shown.iter().copied().filter(|&index| self.columns[index].detail > 0);
            let last = details.max_by_key(|&index| (self.is_zero(index), self.columns[index].detail));
            let Some(dropped) = last else { break };
            shown.retain(|&index| index != dropped);
        }
        let mut widths: Vec<Option<usize>> = vec![None; self.columns.len()];
        shown.iter().for_each(|&index| widths[index] = Some(natural[index]));
        // While the row is too wide, take one character from the widest flexible column.
        let mut excess = needed(&shown, &|index| natural[index]).saturating_sub(room);
        while excess > 0 {
            let flexible =
                shown.iter().copied().filter(|&index| is_flexible(index) && widths[index] > Some(least(index)));
            let Some(widest) = flexible.max_by_key(|&index| widths[index]) else { break };
            widths[widest] = widths[widest].map(|width| width - 1);
            excess -= 1;
        }
        // Bars get the room that is left.
        let taken: usize = widths.iter().flatten().map(|width| width + GAP).sum();
        let left = room.saturating_sub(taken).min(WIDEST_BAR);
        for index in (0..self.columns.len()).filter(is_bar) {
            widths[index] = (left >= SHORTEST_BAR).then_some(left);
        }
        widths
    }

    /// Whether every value of a column is zero or missing, so that leaving it out loses nothing.
    fn is_zero(&self, index: usize) -> bool {
        let is_zero = |text: &str| matches!(text, "" | "–" | "0") || text.starts_with("0 ");
        self.rows.iter().all(|row| is_zero(&row[index].text))
    }

    fn write_row(
        &self,
        cells: &[Cell],
        widths: &[Option<usize>],
        style: Option<Style>,
        terminal: &mut Terminal,
    ) -> io::Result<()> {
        let mut line = " ".repeat(self.indent);
        let mut padding = 0;
        for ((cell, column), width) in cells.iter().zip(&self.columns).zip(widths) {
            let Some(width) = *width else { continue };
            let text = match column.shape {
                _ if style.is_some() => names::cut(&cell.text, width),
                Shape::Name => names::fit(&cell.text, width),
                Shape::Text => names::cut(&cell.text, width),
                Shape::Number | Shape::Word => cell.text.clone(),
                Shape::Bar => cell.bar.as_ref().map_or_else(String::new, |bar| bar.draw(width)),
            };
            let rest = width.saturating_sub(names::width(&text));
            let (before, after) = if column.shape == Shape::Number { (rest, 0) } else { (0, rest) };
            line.extend(std::iter::repeat_n(' ', padding + before));
            match cell.style.or(style) {
                Some(style) if !text.is_empty() => line.push_str(&terminal.paint(style, &text)),
                _ => line.push_str(&text),
            }
            padding = after + GAP;
        }
        writeln!(terminal, "{}", line.trim_end())
    }
}
