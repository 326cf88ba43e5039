//! Writes rows. They are gathered by column until there are enough for a row group.

use parquet::basic::{Compression, LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::column::writer::ColumnWriter;
use parquet::data_type::ByteArray;
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::types::{Type, TypePtr};
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

/// How many rows and how many bytes of text a row group has at most. Both bound the memory of a writer.
const GROUP_ROWS: usize = 1 << 16;
const GROUP_BYTES: usize = 8 << 20;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// Texts.
    Text,
    /// Lists of texts.
    Texts,
    /// Whole numbers.
    Number,
    /// Times: timestamps in UTC.
    Time,
}

/// A column of a file.
#[derive(Clone, Debug)]
pub struct Column {
    name: String,
    kind: Kind,
}

impl Column {
    /// A column of this name.
    pub fn new(name: impl Into<String>, kind: Kind) -> Column {
        Column { name: name.into(), kind }
    }

    fn schema(&self) -> Result<Type, ParquetError> {
        let number = || Type::primitive_type_builder(&self.name, Physical::INT64);
        match self.kind {
            Kind::Text => text(&self.name, Repetition::OPTIONAL),
            Kind::Number => number().with_repetition(Repetition::OPTIONAL).build(),
            Kind::Time => {
                let time = LogicalType::timestamp(true, TimeUnit::MILLIS);
                number().with_repetition(Repetition::OPTIONAL).with_logical_type(Some(time)).build()
            }
            Kind::Texts => {
                let element = text("element", Repetition::REQUIRED)?;
                let list = Type::group_type_builder("list")
                    .with_repetition(Repetition::REPEATED)
                    .with_fields(vec![Arc::new(element)])
                    .build()?;
                Type::group_type_builder(&self.name)
                    .with_repetition(Repetition::REQUIRED)
                    .with_logical_type(Some(LogicalType::List))
                    .with_fields(vec![Arc::new(list)])
                    .build()
            }
        }
    }
}

/// The schema of texts.
fn text(name: &str, repetition: Repetition) -> Result<Type, ParquetError> {
    Type::primitive_type_builder(name, Physical::BYTE_ARRAY)
        .with_repetition(repetition)
        .with_logical_type(Some(LogicalType::String))
        .build()
}

/// One value of a row. A cell of another kind than its column is an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cell<'a> {
    /// No value; of a list, no element.
    None,
    /// A text.
    Text(&'a str),
    /// Texts in order.
    Texts(&'a [&'a str]),
    /// A number.
    Number(i64),
    /// A time, in seconds since 1970.
    Time(i64),
}

/// What the rows of a group have in one column.
struct Gathered {
    kind: Kind,
    /// The texts behind each other, and how long each is.
    texts: Vec<u8>,
    lengths: Vec<usize>,
    numbers: Vec<i64>,
    /// For each entry, whether there is a value.
    definitions: Vec<i16>,
    /// For each entry, whether it continues the list of the entry before.
    repetitions: Vec<i16>,
}

impl Gathered {
    fn new(kind: Kind) -> Gathered {
        Gathered {
            kind,
            texts: Vec::new(),
            lengths: Vec::new(),
            numbers: Vec::new(),
            definitions: Vec::new(),
            repetitions: Vec::new(),
        }
    }

    fn entry(&mut self, has_value: bool, is_continued: bool) {
        self.definitions.push(has_value.into());
        self.repetitions.push(is_continued.into());
    }

    fn text(&mut self, text: &str) {
        self.texts.extend_from_slice(text.as_bytes());
        self.lengths.push(text.len());
    }

    fn push(&mut self, cell: Cell<'_>) -> io::Result<()> {
        match (cell, self.kind) {
            (Cell::None | Cell::Texts([]), _) => self.entry(false, false),
            (Cell::Text(text), Kind::Text) => {
                self.entry(true, false);
                self.text(text);
            }
            (Cell::Texts(texts), Kind::Texts) => {
                for (at, text) in texts.iter().enumerate() {
                    self.entry(true, at > 0);
                    self.text(text);
                }
            }
            (Cell::Number(number), Kind::Number) => {
                self.entry(true, false);
                self.numbers.push(number);
            }
            (Cell::Time(seconds), Kind::Time) => {
                self.entry(true, false);
                self.numbers.push(seconds.saturating_mul(1000));
            }
            (cell, kind) => return Err(invalid(format!("a column of {kind:?} cannot hold {cell:?}"))),
        }
        Ok(())
    }

    /// Writes what was gathered, and forgets it.
    fn write(&mut self, column: &mut SerializedColumnWriter<'_>) -> Result<(), ParquetError> {
        let definitions = Some(self.definitions.as_slice());
        match column.untyped() {
            ColumnWriter::ByteArrayColumnWriter(writer) => {
                let (all, mut at) = (ByteArray::from(std::mem::take(&mut self.texts)), 0);
                let texts = self.lengths.iter().map(|length| {
                    at += length;
                    all.slice(at - length, *length)
                });
                let repetitions = (self.kind == Kind::Texts).then_some(self.repetitions.as_slice());
                writer.write_batch(&texts.collect::<Vec<ByteArray>>(), definitions, repetitions)?;
            }
            ColumnWriter::Int64ColumnWriter(writer) => {
                writer.write_batch(&self.numbers, definitions, None)?;
            }
            _ => return Err(ParquetError::General("a column has another type than its schema".to_owned())),
        }
        *self = Gathered::new(self.kind);
        Ok(())
    }
}

/// Where the `parquet` crate writes, until the bytes are passed on. It wants a sink that may move between
/// threads.
#[derive(Clone, Default)]
struct Outbox(Arc<Mutex<Vec<u8>>>);

impl Outbox {
    fn take(&self) -> Vec<u8> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Write for Outbox {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes a file row by row. Memory does not grow with the file.
pub struct Writer {
    file: SerializedFileWriter<Outbox>,
    outbox: Outbox,
    columns: Vec<Gathered>,
    rows: usize,
    bytes: usize,
}

impl Writer {
    /// A file with these columns. `about` is what the file says of itself, by key.
    ///
    /// # Errors
    /// There is no column, or two have one name.
    pub fn new(columns: &[Column], about: &[(&str, &str)]) -> io::Result<Writer> {
        let mut names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        if names.is_empty() || names.len() < columns.len() {
            return Err(invalid("a table needs columns, each with a name of its own"));
        }
        let fields: Vec<TypePtr> = columns
            .iter()
            .map(|column| column.schema().map(Arc::new))
            .collect::<Result<_, _>>()
            .map_err(failed)?;
        let schema = Type::group_type_builder("rapsheet").with_fields(fields).build().map_err(failed)?;
        let about = about.iter().map(|(key, value)| KeyValue::new((*key).to_owned(), (*value).to_owned()));
        // No time of writing and no path: the same rows give the same bytes.
        let properties = WriterProperties::builder()
            .set_created_by(format!("rapsheet {}", env!("CARGO_PKG_VERSION")))
            .set_compression(Compression::SNAPPY)
            .set_statistics_enabled(EnabledStatistics::Chunk)
            .set_key_value_metadata(Some(about.collect()))
            .build();
        let outbox = Outbox::default();
        let file = SerializedFileWriter::new(outbox.clone(), Arc::new(schema), Arc::new(properties));
        let columns = columns.iter().map(|column| Gathered::new(column.kind)).collect();
        Ok(Writer { file: file.map_err(failed)?, outbox, columns, rows: 0, bytes: 0 })
    }

    /// Adds a row, with a cell for each column in their order.
    ///
    /// # Errors
    /// The row does not fit the columns, or the output cannot be written.
    pub fn row(&mut self, cells: &[Cell<'_>], out: &mut dyn Write) -> io::Result<()> {
        if cells.len() != self.columns.len() {
            return Err(invalid(format!("a row has {} cells, expected {}", cells.len(), self.columns.len())));
        }
        for (column, cell) in self.columns.iter_mut().zip(cells) {
            let before = column.texts.len();
            column.push(*cell)?;
            self.bytes += column.texts.len() - before;
        }
        self.rows += 1;
        if self.rows < GROUP_ROWS && self.bytes < GROUP_BYTES {
            return Ok(());
        }
        self.write_group(out)
    }

    fn write_group(&mut self, out: &mut dyn Write) -> io::Result<()> {
        let mut group = self.file.next_row_group().map_err(failed)?;
        for gathered in &mut self.columns {
            let column = group.next_column().map_err(failed)?;
            let mut column =
                column.ok_or_else(|| invalid("a row group has fewer columns than its schema"))?;
            gathered.write(&mut column).map_err(failed)?;
            column.close().map_err(failed)?;
        }
        group.close().map_err(failed)?;
        (self.rows, self.bytes) = (0, 0);
        out.write_all(&self.outbox.take())
    }

    /// Ends the file.
    ///
    /// # Errors
    /// The output cannot be written.
    pub fn finish(mut self, out: &mut dyn Write) -> io::Result<()> {
        if self.rows > 0 {
            self.write_group(out)?;
        }
        self.file.close().map_err(failed)?;
        out.write_all(&self.outbox.take())
    }
}

fn invalid(why: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, why.into())
}

fn failed(error: ParquetError) -> io::Error {
    io::Error::other(error)
}
