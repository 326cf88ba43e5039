//! Plain tables for people: at most 100 columns wide, numbers aligned right, no lines drawn.

use crate::printable;
use std::io::{self, Write};

/// The widest table.
const WIDTH_MAX: usize = 100;
/// The narrowest that a column of text is cut to.
const TEXT_MIN: usize = 10;

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

    /// Prints it.
    pub(crate) fn print(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut widths: Vec<usize> =
            (0..self.columns.len()).map(|column| self.content_width(column)).collect();
        let gap = self.fit(&mut widths);
        let titles: Vec<String> = self.columns.iter().map(|column| column.title().to_owned()).collect();
        for row in std::iter::once(&titles).chain(&self.rows) {
            writeln!(out, "{}", self.line(row, &widths, gap))?;
        }
        Ok(())
    }

    fn content_width(&self, column: usize) -> usize {
        let title = self.columns.get(column).map_or(0, |column| column.title().len());
        let cells = self.rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.max().unwrap_or(0).max(title)
    }

    /// Fits the table into its width: the gaps shrink first, then the widest columns of text. Returns the
    /// gap.
    fn fit(&self, widths: &mut [usize]) -> usize {
        let sum = |widths: &[usize], gap: usize| {
            widths.iter().sum::<usize>() + gap * widths.len().saturating_sub(1)
        };
        let gap = if sum(widths, 2) > WIDTH_MAX { 1 } else { 2 };
        for _ in WIDTH_MAX..sum(widths, gap) {
            let text =
                widths.iter_mut().zip(&self.columns).filter(|(_, column)| matches!(column, Column::Left(_)));
            match text.map(|(width, _)| width).max() {
                Some(widest) if *widest > TEXT_MIN => *widest -= 1,
                _ => break,
            }
        }
        gap
    }

    fn line(&self, row: &[String], widths: &[usize], gap: usize) -> String {
        let mut line = String::new();
        for ((cell, width), column) in row.iter().zip(widths).zip(&self.columns) {
            if !line.is_empty() {
                line.extend(std::iter::repeat_n(' ', gap));
            }
            let cell = cut(cell, *width);
            let blanks = std::iter::repeat_n(' ', width - cell.chars().count().min(*width));
            match column {
                Column::Left(_) => line.extend(cell.chars().chain(blanks)),
                Column::Right(_) => line.extend(blanks.chain(cell.chars())),
            }
        }
        line.truncate(line.trim_end().len());
        line
    }
}

fn cut(cell: &str, width: usize) -> String {
    if cell.chars().count() <= width {
        return cell.to_owned();
    }
    cell.chars().take(width.saturating_sub(1)).chain(['…']).collect()
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

    fn printed(table: &Table) -> String {
        let mut out = Vec::new();
        table.print(&mut out).expect("memory takes it");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn aligns_columns_within_the_width() {
        let mut table = Table::new(&[Column::Left("feed"), Column::Right("lines"), Column::Left("why")]);
        table.push(vec!["a\x1b".to_owned(), "7".to_owned(), String::new()]);
        table.push(vec!["b".repeat(90), "12345".to_owned(), "w".repeat(200)]);
        let text = printed(&table);
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH_MAX), "{text}");
        assert!(text.contains("a\\x1b ") && text.contains("…"), "{text}");
    }

    #[test]
    fn shortens_numbers() {
        assert_eq!([count(99_999), count(683_000), count(1_250_000)], ["99999", "683k", "1.2M"]);
        assert_eq!([age(-5), age(7200), age(172_800)], ["0s", "2h", "2d"]);
        assert_eq!([duration(1_296_000), duration(5400), duration(7200)], ["15d", "5400s", "2h"]);
    }
}
