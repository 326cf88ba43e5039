//! `parquet`: a table of named columns. Each row becomes a row of text, which is read as `csv` is.
//!
//! Columns have roles by their names, by options or by content, as in any table. The values of a list stand
//! in one field with `; ` between them, a column in a group has the names of both with a dot between them,
//! and timestamps are written as times. Control characters in a text become blanks, so that no value reaches
//! into another row.
//!
//! A file may be forged: `rapsheet-parquet` reads it within bounds, and the text is limited as that of a
//! compressed file.

use super::csv;
use super::role;
use super::{Format, Head, LineReader, OpenError, Shape};
use crate::download::decode;
use crate::download::refusal::FileRefusal;
use crate::format::options::{OptionRow, Options};
use rapsheet_parquet::{ReadError, Reader, Value};
use rapsheet_snapshot::{Kinds, Time};
use std::io::{self, Read};

/// The row of the table.
pub(super) static FORMAT: Format = Format {
    id: "parquet",
    about: "a Parquet file; its columns are known by name, option or content, as those of csv",
    example: "a binary file",
    kinds: Kinds::ALL,
    options: role::with_role_options![],
    shape: Shape::Converted(convert, open),
    ..Format::DEFAULT
};

/// How many bytes of rows are made at a time.
const CHUNK: usize = 64 << 10;

fn open(options: &Options, head: Head<'_>) -> Result<Box<dyn LineReader>, OpenError> {
    let mut options = options.clone();
    options.push("delimiter", "tab");
    csv::open(&options, head)
}

fn convert(file: Vec<u8>) -> Result<Box<dyn Read + Send>, FileRefusal> {
    let table = Reader::new(file).map_err(|error| broken(&error))?;
    let names: Vec<String> = table.columns().map(str::to_owned).collect();
    let mut rows = Rows { fields: names, table, lines: Vec::new(), at: 0 };
    rows.end_line();
    Ok(Box::new(rows))
}

fn broken(error: &ReadError) -> FileRefusal {
    FileRefusal::Truncated(error.to_string())
}

/// The rows of a table as text.
struct Rows {
    table: Reader,
    /// The next row: a field for each column.
    fields: Vec<String>,
    lines: Vec<u8>,
    /// How much of the lines was read.
    at: usize,
}

impl Rows {
    /// Makes the next rows; none at the end.
    fn refill(&mut self) -> Result<(), ReadError> {
        self.lines.clear();
        self.at = 0;
        while self.lines.len() < CHUNK {
            let fields = &mut self.fields;
            let is_row = self.table.row(&mut |column, value| {
                fields.get_mut(column).into_iter().for_each(|field| add(&value, field));
            })?;
            if !is_row {
                break;
            }
            self.end_line();
        }
        Ok(())
    }

    /// Writes the fields as a line, and empties them.
    fn end_line(&mut self) {
        for (number, field) in self.fields.iter_mut().enumerate() {
            if number > 0 {
                self.lines.push(b'\t');
            }
            write_field(field, &mut self.lines);
            field.clear();
        }
        self.lines.push(b'\n');
    }
}

/// Adds a value to a field.
fn add(value: &Value<'_>, field: &mut String) {
    if !field.is_empty() {
        field.push_str("; ");
    }
    match value {
        Value::Text(text) => field.push_str(text),
        Value::Number(number) => field.push_str(&number.to_string()),
        Value::Float(number) => field.push_str(&number.to_string()),
        Value::Time(seconds) => field.push_str(&Time::from_unix(*seconds).to_string()),
        Value::Truth(is_true) => field.push_str(if *is_true { "true" } else { "false" }),
        _ => {}
    }
}

/// Writes a field. What would begin a comment or a quote is quoted.
fn write_field(field: &str, lines: &mut Vec<u8>) {
    let is_quoted = field.starts_with(['"', '#', ';', ' ']);
    let plain = |byte: u8| if byte.is_ascii_control() { b' ' } else { byte };
    if is_quoted {
        lines.push(b'"');
    }
    for byte in field.bytes() {
        lines.extend((byte == b'"' && is_quoted).then_some(byte));
        lines.push(plain(byte));
    }
    if is_quoted {
        lines.push(b'"');
    }
}

impl Read for Rows {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at == self.lines.len() {
            self.refill().map_err(|error| decode::refused(broken(&error)))?;
        }
        let mut rest = self.lines.get(self.at..).unwrap_or(&[]);
        let count = rest.read(buffer)?;
        self.at += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::Rules;
    use crate::pipeline::{EventLog, ParseConfig, parse_text};
    use rapsheet_parquet::{Cell, Column, Kind, Writer};
    use rapsheet_snapshot::{ListKind, Scope};

    fn file(names: [&str; 3], rows: &[[Cell<'_>; 3]]) -> Vec<u8> {
        let columns = [Column::new(names[0], Kind::Text), Column::new(names[1], Kind::Texts)];
        let columns = [columns.as_slice(), &[Column::new(names[2], Kind::Time)]].concat();
        let (mut writer, mut out) = (Writer::new(&columns, &[]).expect("columns"), Vec::new());
        rows.iter().for_each(|row| writer.row(row, &mut out).expect("a row"));
        writer.finish(&mut out).expect("memory");
        out
    }

    fn read(file: &[u8], pairs: &[(&str, &str)]) -> Vec<String> {
        let rules = Rules::new(Time::from_unix(1_780_000_000), ListKind::Block, Scope::Exact);
        let (mut options, mut log) = (Options::default(), EventLog::new(ListKind::Block));
        pairs.iter().for_each(|(key, value)| options.push(key, value));
        let config = ParseConfig { format: &FORMAT, options: &options, rules: &rules, can_be_empty: true };
        parse_text(&config, &mut &*file, &mut log)
            .map_err(|error| format!("{error:?}"))
            .expect("a sound file");
        let short = |event: &crate::pipeline::Event| {
            let what = event.indicator.as_deref().or(event.reason).unwrap_or_default();
            format!("{} {what} {}", event.line, event.assessments.join("+"))
        };
        log.events.iter().map(short).collect()
    }

    #[test]
    fn columns_have_roles_and_values_stay_in_their_row() {
        let time = Cell::Time(1_779_000_000);
        let rows = [
            [Cell::Text("45.9.20.5"), Cell::Texts(&["botnet", "spam"]), time],
            [Cell::Text("http://evil-one.com/a\"b,c;d\te"), Cell::None, Cell::None],
            [Cell::Text("#45.9.20.6\n45.9.20.7"), Cell::None, time],
            [Cell::Text("\"evil-one.com"), Cell::None, time],
            [Cell::None, Cell::None, Cell::None],
        ];
        let expected =
            ["1 header ", "2 45.9.20.5 botnet+spam", "3 bad-url ", "4 bad-ip ", "5 bad-host ", "6 blank "];
        let found = read(&file(["indicator", "tags", "first_seen"], &rows), &[]);
        assert_eq!(found, expected);
        let options = [("value", "x"), ("category", "z")];
        assert_eq!(read(&file(["x", "z", "y"], &rows[..1]), &options)[1], "2 45.9.20.5 botnet+spam");
    }

    #[test]
    fn other_files_are_refused() {
        let why =
            |file: &[u8]| convert(file.to_vec()).err().map(|refusal| refusal.to_string()).unwrap_or_default();
        assert!(why(b"indicator\n45.9.20.5\n").contains("expected PAR1"));
    }
}
