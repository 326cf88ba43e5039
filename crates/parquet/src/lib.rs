//! Rows of named columns as Parquet.
//!
//! The [`Writer`] is a face of the `parquet` crate: rows in, a file of bounded row groups out, the same bytes
//! for the same rows. The [`Reader`] is our own, because a file that others made may be forged: that crate
//! reserves what a damaged page header asks for, and a process that asks for a terabyte is ended. It reads
//! what DuckDB, Arrow, Spark and this writer write by default, and refuses the rest by name.
//!
//! ```
//! use rapsheet_parquet::{Cell, Column, Kind, Reader, Value, Writer};
//!
//! let columns = [Column::new("indicator", Kind::Text), Column::new("feeds", Kind::Texts)];
//! let mut file = Vec::new();
//! let mut writer = Writer::new(&columns, &[])?;
//! writer.row(&[Cell::Text("192.0.2.7"), Cell::Texts(&["one", "two"])], &mut file)?;
//! writer.finish(&mut file)?;
//!
//! let mut reader = Reader::new(file)?;
//! assert_eq!(reader.columns().collect::<Vec<_>>(), ["indicator", "feeds"]);
//! let mut cells = Vec::new();
//! assert!(reader.row(&mut |column, value| cells.push(format!("{column} {value:?}")))?);
//! assert_eq!(cells, ["0 Text(\"192.0.2.7\")", "1 Text(\"one\")", "1 Text(\"two\")"]);
//! assert!(!reader.row(&mut |_, _| ())?);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod reader;
mod writer;

pub use reader::{ReadError, Reader, Value};
pub use writer::{Cell, Column, Kind, Writer};
