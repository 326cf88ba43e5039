//! Arrow's C data interface, by the capsules that Python libraries exchange.
//!
//! Any library that has Arrow data can hand it over so: pyarrow, Polars, pandas, DuckDB. None of them is imported
//! here, but for pyarrow, where a column of pandas has to be converted.

mod export;
mod import;
mod raw;

pub(crate) use export::{array_capsules, schema_capsule, stream_capsule};
pub(crate) use import::{Column, import, is_column};
