//! Plain tables for people: numbers aligned right, no lines drawn, and never wider than the terminal.
//!
//! A table that is too wide wraps its texts and leaves out its last columns, and says which. In a pipe or a file it
//! is as wide as its content, and whole.

use crate::printable;
use std::io::{self, IsTerminal, Write};

/// The width of a terminal that does not tell its own.
const WIDTH_DEFAULT: usize = 80;
/// The narrowest that a column of text becomes while there are columns to leave out.
const TEXT_MIN: usize = 18;
/// The narrowest that it becomes at all.
const TEXT_LEAST: usize = 4;
/// How many columns are never left out.
const COLUMNS_MIN: usize = 2;

/// The width of the terminal that is stdout; `None` where stdout is none.
pub(crate) fn stdout_width() -> Option<usize> {
    let stdout = io::stdout();
    stdout.is_terminal().then(|| columns(&stdout).unwrap_or(WIDTH_DEFAULT))
}

/// The width of the terminal that is stderr; `None` where stderr is none.
#[cfg(any(feature = "ingest", feature = "export"))]
pub(crate) fn stderr_width() -> Option<usize> {
    let stderr = io::stderr();
    stderr.is_terminal().then(|| columns(&stderr).unwrap_or(WIDTH_DEFAULT))
}

/// The columns that a terminal tells. One that is driven by a program often tells 0.
#[cfg(unix)]
fn columns(terminal: impl std::os::fd::AsFd) -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(terminal).ok()?;
    Some(usize::from(size.ws_col)).filter(|columns| *columns > 0)
}

#[cfg(not(unix))]
fn columns<T>(_: T) -> Option<usize> {
    None
}

/// A table under construction.
pub(crate) struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<String>>,
}

/// A column's title and alignment.
#[derive(Clone, Copy)]
pub(crate) enum Column {
    /// Text, aligned left.
    Left(&'static str),
    /// A number, aligned right.
    Right(&'static str),
}

impl Column {
    fn title(self) -> &'static str {
        match self {
            Column::Left(title) | Column::Right(title) => title,
        }
    }
}

impl Table {
    /// A table without rows.
    pub(crate) fn new(columns: &[Column]) -> Table {
        Table { columns: columns.to_vec(), rows: Vec::new() }
    }

    /// Adds a row. Control characters are escaped here, once for all tables.
    pub(crate) fn push(&mut self, cells: Vec<String>) {
        self.rows.push(cells.into_iter().map(|cell| printable::text(&cell).into_owned()).collect());
    }

    /// Prints it on stdout, within its terminal.
    pub(crate) fn print(&self, out: &mut dyn Write) -> io::Result<()> {
        self.print_within(stdout_width(), out)
    }

    /// Prints it within a width; `None` is as wide as it is.
    pub(crate) fn print_within(&self, width: Option<usize>, out: &mut dyn Write) -> io::Result<()> {
        let layout = self.layout(width);
        let titles: Vec<String> = self.columns.iter().map(|column| column.title().to_owned()).collect();
        for row in std::iter::once(&titles).chain(&self.rows) {
            self.print_row(row, &layout, out)?;
        }
        let left_out: Vec<&str> =
            self.columns.iter().skip(layout.widths.len()).map(|column| column.title()).collect();
        if left_out.is_empty() {
            return Ok(());
        }
        let text = format!("no room for {}; widen the terminal, or print into a pipe", left_out.join(", "));
        wrap(&text, width.unwrap_or(usize::MAX)).iter().try_for_each(|line| writeln!(out, "{line}"))
    }

    fn content_width(&self, column: usize) -> usize {
        let title = self.columns.get(column).map_or(0, |column| column.title().len());
        let cells = self.rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.max().unwrap_or(0).max(title)
    }

    /// Fits the table into a width: the gaps shrink first, then texts wrap, then the last columns are left out,
    /// and at last texts become as narrow as it takes.
    fn layout(&self, width: Option<usize>) -> Layout {
        let whole: Vec<usize> = (0..self.columns.len()).map(|column| self.content_width(column)).collect();
        let Some(width) = width else { return Layout { widths: whole, gap: 2 } };
        let wide = Layout { widths: whole, gap: 2 };
        if wide.sum() <= width {
            return wide;
        }
        let shown = (COLUMNS_MIN..=wide.widths.len()).rev();
        let mut fits = shown.map(|count| self.shrunk(&wide, count, width, TEXT_MIN));
        let fitting = fits.find(|layout| layout.sum() <= width);
        fitting.unwrap_or_else(|| self.shrunk(&wide, COLUMNS_MIN, width, TEXT_LEAST))
    }

    /// The first columns, with gaps of one, and their texts as narrow as the width asks for, down to `least`.
    fn shrunk(&self, whole: &Layout, count: usize, width: usize, least: usize) -> Layout {
        let mut layout = Layout { widths: whole.widths.iter().copied().take(count).collect(), gap: 1 };
        for _ in width..layout.sum() {
            let columns = layout.widths.iter_mut().zip(&self.columns);
            let texts = columns.filter(|(_, column)| matches!(column, Column::Left(_)));
            match texts.map(|(width, _)| width).max() {
                Some(widest) if *widest > least => *widest -= 1,
                _ => break,
            }
        }
        layout
    }

    /// Prints a row, whose texts may take several lines.
    fn print_row(&self, row: &[String], layout: &Layout, out: &mut dyn Write) -> io::Result<()> {
        let cells: Vec<Vec<String>> =
            row.iter().zip(&layout.widths).map(|(cell, width)| wrap(cell, *width)).collect();
        let height = cells.iter().map(Vec::len).max().unwrap_or(0);
        for at in 0..height {
            let parts = cells.iter().map(|lines| lines.get(at).map_or("", String::as_str));
            writeln!(out, "{}", self.line(parts, layout))?;
        }
        Ok(())
    }

    fn line<'c>(&self, parts: impl Iterator<Item = &'c str>, layout: &Layout) -> String {
        let mut line = String::new();
        for ((at, part), (width, column)) in parts.enumerate().zip(layout.widths.iter().zip(&self.columns)) {
            if at > 0 {
                line.extend(std::iter::repeat_n(' ', layout.gap));
            }
            let blanks = std::iter::repeat_n(' ', width - part.chars().count().min(*width));
            match column {
                Column::Left(_) => line.extend(part.chars().chain(blanks)),
                Column::Right(_) => line.extend(blanks.chain(part.chars())),
            }
        }
        line.truncate(line.trim_end().len());
        line
    }
}

/// The widths of the columns that are shown, and of the gaps between them.
struct Layout {
    widths: Vec<usize>,
    gap: usize,
}

impl Layout {
    fn sum(&self) -> usize {
        self.widths.iter().sum::<usize>() + self.gap * self.widths.len().saturating_sub(1)
    }
}

/// Cuts a text into lines of at most `width` characters, behind a blank or a hyphen where there is one near the end.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(1);
    let mut lines = Vec::new();
    let mut rest = text;
    while let Some((end, _)) = rest.char_indices().nth(width) {
        let line = rest.get(..end).unwrap_or(rest);
        let is_blank_next = rest.get(end..).is_some_and(|next| next.starts_with(' '));
        let mark = line.rfind([' ', '-', ',', '/']).map(|at| at + 1).filter(|at| *at * 2 > end);
        let cut = if is_blank_next { end } else { mark.unwrap_or(end) };
        let (line, next) = rest.split_at(cut);
        lines.push(line.trim_end().to_owned());
        rest = next.trim_start();
    }
    lines.push(rest.to_owned());
    lines
}

/// A count in few characters: exact below 100,000. Reports in JSON hold the exact number.
pub(crate) fn count(number: u64) -> String {
    match number {
        0..100_000 => number.to_string(),
        100_000..1_000_000 => format!("{}k", number / 1000),
        1_000_000..1_000_000_000 => format!("{}.{}M", number / 1_000_000, number / 100_000 % 10),
        _ => format!("{}.{}G", number / 1_000_000_000, number / 100_000_000 % 10),
    }
}

/// A number and what it counts: `1 entry`, `2 entries`.
pub(crate) fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{number} {}", noun(number, one, many))
}

/// The form of a noun behind a number.
pub(crate) const fn noun<'n>(number: u64, one: &'n str, many: &'n str) -> &'n str {
    if number == 1 { one } else { many }
}

/// A number of bytes in few characters.
pub(crate) fn bytes(number: u64) -> String {
    match number {
        0..10_000 => format!("{number} B"),
        10_000..10_000_000 => format!("{} kB", number / 1000),
        _ => format!("{}.{} MB", number / 1_000_000, number / 100_000 % 10),
    }
}

/// A number of seconds in few characters, truncated to its largest unit.
pub(crate) fn age(seconds: i64) -> String {
    match seconds {
        ..60 => format!("{}s", seconds.max(0)),
        60..3600 => format!("{}m", seconds / 60),
        3600..172_800 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// A duration as catalogues write it: in whole days if possible, else in whole hours, else in seconds.
pub(crate) fn duration(seconds: i64) -> String {
    match seconds {
        _ if seconds % 86_400 == 0 => format!("{}d", seconds / 86_400),
        _ if seconds % 3600 == 0 => format!("{}h", seconds / 3600),
        _ => format!("{seconds}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(table: &Table, width: Option<usize>) -> String {
        let mut out = Vec::new();
        table.print_within(width, &mut out).expect("memory takes it");
        String::from_utf8(out).expect("text")
    }

    fn example() -> Table {
        let columns =
            [Column::Left("feed"), Column::Right("lines"), Column::Left("why"), Column::Right("kept")];
        let mut table = Table::new(&columns);
        let row = |cells: [&str; 4]| cells.map(str::to_owned).to_vec();
        table.push(row(["a\x1b", "7", "", "1"]));
        table.push(row(["a-rather-long-name-of-a-feed", "12345", "because of that", "99999"]));
        table
    }

    #[test]
    fn is_whole_in_a_pipe() {
        let long = "w".repeat(300);
        let mut table = example();
        table.push(vec![long.clone(), "1".to_owned(), "-".to_owned(), "2".to_owned()]);
        let text = printed(&table, None);
        assert!(text.contains(&long) && text.contains("a\\x1b "), "{text}");
        assert_eq!(text.lines().count(), 4, "{text}");
    }

    #[test]
    fn fits_every_width_and_loses_no_letter_of_what_it_shows() {
        for width in 10..=80 {
            let text = printed(&example(), Some(width));
            assert!(text.lines().all(|line| line.chars().count() <= width), "{width}\n{text}");
            let feed: String = text.lines().filter_map(|line| line.split(' ').next()).collect();
            assert!(feed.contains("a-rather-long-name-of-a-feed"), "{width}\n{text}");
            let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
            assert_eq!(
                words.contains("no room for"),
                !text.lines().any(|line| line.ends_with("kept")),
                "{text}"
            );
        }
        assert!(printed(&example(), Some(40)).contains("kept; widen"), "{}", printed(&example(), Some(40)));
    }

    #[test]
    fn wraps_behind_blanks_and_hyphens() {
        assert_eq!(wrap("one two three", 8), ["one two", "three"]);
        assert_eq!(wrap("feodo-csv-list", 10), ["feodo-csv-", "list"]);
        assert_eq!(wrap("éééééé", 4), ["éééé", "éé"]);
        assert_eq!(wrap("", 4), [""]);
    }

    #[test]
    fn counts_in_the_singular_and_the_plural() {
        let entries = |number| counted(number, "entry", "entries");
        assert_eq!([entries(0), entries(1), entries(2)], ["0 entries", "1 entry", "2 entries"]);
    }

    #[test]
    fn shortens_numbers() {
        assert_eq!([count(99_999), count(683_000), count(1_250_000)], ["99999", "683k", "1.2M"]);
        assert_eq!([age(-5), age(7200), age(172_800)], ["0s", "2h", "2d"]);
        assert_eq!([duration(1_296_000), duration(5400), duration(7200)], ["15d", "5400s", "2h"]);
    }
}
