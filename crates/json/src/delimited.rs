//! Rows of CSV and TSV, for all outputs that have them.
//!
//! CSV is quoted as RFC 4180 says; in TSV, which has no quotes, a tab or line end becomes a blank. Written by
//! hand instead of with the `csv` crate, because `score` appends each row to a block's buffer, where a
//! `csv::Writer` would allocate its own, and because the crate knows neither of the rules for TSV and for
//! spreadsheets.

use crate::push_number;
use rapsheet_query::Time;
use std::io::Write as _;

/// What separates the cells of a row, and so how they are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// Separated by commas.
    Csv,
    /// Separated by tabs.
    Tsv,
    /// [`Dialect::Csv`] for spreadsheets: what they would run as a formula begins with a quote mark instead
    /// (OWASP, "CSV Injection").
    CsvForSpreadsheet,
    /// [`Dialect::Tsv`] for spreadsheets.
    TsvForSpreadsheet,
}

impl Dialect {
    /// The same dialect, for spreadsheets where `spreadsheet`.
    pub const fn for_spreadsheet(self, spreadsheet: bool) -> Dialect {
        match self {
            Dialect::Csv if spreadsheet => Dialect::CsvForSpreadsheet,
            Dialect::Tsv if spreadsheet => Dialect::TsvForSpreadsheet,
            _ => self,
        }
    }

    /// Appends a row and its line end.
    pub fn row<C: AsRef<str>>(self, cells: impl IntoIterator<Item = C>, out: &mut Vec<u8>) {
        for (at, cell) in cells.into_iter().enumerate() {
            if at > 0 {
                self.cell(cell.as_ref(), out);
            } else {
                self.first_cell(cell.as_ref(), out);
            }
        }
        out.push(b'\n');
    }

    const fn is_csv(self) -> bool {
        matches!(self, Dialect::Csv | Dialect::CsvForSpreadsheet)
    }

    const fn separator(self) -> u8 {
        if self.is_csv() { b',' } else { b'\t' }
    }

    /// Appends the first cell of a row.
    pub fn first_cell(self, cell: &str, out: &mut Vec<u8>) {
        if self.is_csv() { self.csv_cell(cell, out) } else { self.tsv_cell(cell, out) }
    }

    /// Appends a cell that is not the first one.
    pub fn cell(self, cell: &str, out: &mut Vec<u8>) {
        out.push(self.separator());
        self.first_cell(cell, out);
    }

    /// As [`Dialect::cell`], for a number.
    pub fn number(self, number: u64, out: &mut Vec<u8>) {
        out.push(self.separator());
        push_number(number, out);
    }

    /// As [`Dialect::cell`], for a time, which may be missing.
    pub fn time(self, time: Option<Time>, out: &mut Vec<u8>) {
        out.push(self.separator());
        if let Some(time) = time {
            // Cannot fail: the writer is memory.
            let _ = write!(out, "{time}");
        }
    }

    fn csv_cell(self, cell: &str, out: &mut Vec<u8>) {
        if !cell.contains([',', '"', '\n', '\r']) {
            self.disarm(cell, out);
            return out.extend_from_slice(cell.as_bytes());
        }
        out.push(b'"');
        self.disarm(cell, out);
        for byte in cell.bytes() {
            // A quote mark inside quotes is doubled.
            out.extend(std::iter::repeat_n(byte, 1 + usize::from(byte == b'"')));
        }
        out.push(b'"');
    }

    fn tsv_cell(self, cell: &str, out: &mut Vec<u8>) {
        self.disarm(cell, out);
        out.extend(cell.bytes().map(|byte| if matches!(byte, b'\t' | b'\n' | b'\r') { b' ' } else { byte }));
    }

    fn disarm(self, cell: &str, out: &mut Vec<u8>) {
        let for_spreadsheet = matches!(self, Dialect::CsvForSpreadsheet | Dialect::TsvForSpreadsheet);
        if for_spreadsheet && cell.starts_with(['=', '+', '-', '@', '\t', '\r']) {
            out.push(b'\'');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_and_disarms_only_where_needed() {
        let row = |dialect: Dialect| {
            let mut out = Vec::new();
            dialect.row(["a,b", "=1+2", "d\"e", "f\tg", ""], &mut out);
            String::from_utf8(out).expect("text")
        };
        assert_eq!(row(Dialect::Csv), "\"a,b\",=1+2,\"d\"\"e\",f\tg,\n");
        assert_eq!(row(Dialect::Tsv), "a,b\t=1+2\td\"e\tf g\t\n");
        assert_eq!(row(Dialect::Csv.for_spreadsheet(true)), "\"a,b\",'=1+2,\"d\"\"e\",f\tg,\n");
        assert_eq!(row(Dialect::Tsv.for_spreadsheet(true)), "a,b\t'=1+2\td\"e\tf g\t\n");
    }
}
