//! What is written is read, and damaged files end.

use super::*;
use crate::{Cell, Column, Kind, Writer};
use proptest::prelude::*;

#[derive(Clone, Debug, PartialEq)]
struct Row {
    text: Option<String>,
    texts: Vec<String>,
    number: Option<i64>,
    time: Option<i64>,
}

fn columns() -> [Column; 4] {
    [("text", Kind::Text), ("texts", Kind::Texts), ("number", Kind::Number), ("time", Kind::Time)]
        .map(|(name, kind)| Column::new(name, kind))
}

fn file(rows: &[Row]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut writer = Writer::new(&columns(), &[("built", "now")]).expect("columns");
    for row in rows {
        let texts: Vec<&str> = row.texts.iter().map(String::as_str).collect();
        let cells = [
            row.text.as_deref().map_or(Cell::None, Cell::Text),
            Cell::Texts(&texts),
            row.number.map_or(Cell::None, Cell::Number),
            row.time.map_or(Cell::None, Cell::Time),
        ];
        writer.row(&cells, &mut out).expect("a row");
    }
    writer.finish(&mut out).expect("memory");
    out
}

fn read(file: &[u8]) -> Result<Vec<Row>, ReadError> {
    let mut reader = Reader::new(file.to_vec())?;
    let mut rows = Vec::new();
    loop {
        let mut row = Row { text: None, texts: Vec::new(), number: None, time: None };
        let is_row = reader.row(&mut |column, value| match (column, value) {
            (0, Value::Text(text)) => row.text = Some(text.into_owned()),
            (1, Value::Text(text)) => row.texts.push(text.into_owned()),
            (2, Value::Number(number)) => row.number = i64::try_from(number).ok(),
            (3, Value::Time(time)) => row.time = Some(time),
            _ => {}
        })?;
        if !is_row {
            return Ok(rows);
        }
        rows.push(row);
    }
}

fn sample(count: usize) -> Vec<Row> {
    let row = |at: usize| Row {
        text: (!at.is_multiple_of(7)).then(|| format!("h{at}.evil-one.com")),
        texts: (0..at % 4).map(|number| format!("feed-{number}")).collect(),
        number: (!at.is_multiple_of(5)).then_some(at as i64 - 9),
        time: Some(1_780_000_000 + at as i64),
    };
    (0..count).map(row).collect()
}

#[test]
fn row_groups_are_bounded_and_bytes_are_the_same_each_time() {
    let rows = sample(150_000);
    let file = file(&rows);
    assert!(read(&file).expect("a sound file") == rows);
    assert_eq!(Reader::new(file.clone()).expect("a sound file").groups.len(), 3);
    assert!(file == super::tests::file(&rows));
    assert_eq!(read(&super::tests::file(&[])), Ok(Vec::new()));
}

#[test]
fn cells_fit_their_columns() {
    let mut writer = Writer::new(&columns(), &[]).expect("columns");
    let wrong = [Cell::Number(1), Cell::None, Cell::None, Cell::None];
    assert!(writer.row(&wrong, &mut Vec::new()).is_err());
    assert!(writer.row(&wrong[..3], &mut Vec::new()).is_err());
    assert!(Writer::new(&[], &[]).is_err());
    assert!(Writer::new(&[Column::new("a", Kind::Text), Column::new("a", Kind::Time)], &[]).is_err());
}

#[test]
fn what_is_no_parquet_is_refused_by_name() {
    let why =
        |file: &[u8]| Reader::new(file.to_vec()).err().map(|error| error.to_string()).unwrap_or_default();
    assert!(why(b"<html></html>").contains("expected PAR1"));
    assert!(why(b"PAR1").contains("too short"));
    assert!(why(b"PAR1\xff\xff\xff\xffPAR1").contains("its footer has 4294967295 bytes"));
    assert!(why(b"PAR1\0\x01\0\0\0PAR1").contains("no schema"));
}

/// Whatever byte is changed, and wherever the file is cut, rows or an error come of it.
#[test]
fn damaged_files_end() {
    let sound = file(&sample(40));
    let mut refused = 0;
    for at in 0..sound.len() {
        for byte in [0, 1, 0x0f, 0x7f, 0x80, 0xff, sound[at] ^ 1, sound[at] ^ 0x10] {
            let mut damaged = sound.clone();
            damaged[at] = byte;
            refused += usize::from(read(&damaged).is_err());
        }
        assert!(read(&sound[..at]).is_err());
    }
    assert!(refused > sound.len(), "{refused}");
}

proptest! {
    #[test]
    fn rows_come_back(
        rows in proptest::collection::vec(
            (
                proptest::option::of("[\\PC\0\n\"]{0,9}"),
                proptest::collection::vec("[a-c\0\n\"]{0,3}", 0..4),
                any::<Option<i64>>(),
                proptest::option::of(-4_000_000_000i64..4_000_000_000),
            ),
            0..60,
        )
    ) {
        let rows: Vec<Row> =
            rows.into_iter().map(|(text, texts, number, time)| Row { text, texts, number, time }).collect();
        prop_assert_eq!(read(&file(&rows)).expect("a sound file"), rows);
    }

    #[test]
    fn bytes_in_any_order_end(seed in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..9)) {
        let mut damaged = file(&sample(20));
        for (at, byte) in seed {
            let at = at.index(damaged.len());
            damaged[at] = byte;
        }
        let _ = read(&damaged);
    }
}
