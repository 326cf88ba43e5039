//! `mmdb`: a MaxMind DB. Each network of its tree becomes a line of JSON, which is read as `ndjson` is.
//!
//! `{"status":"blocklisted","assessments":["botnet"],"expires":1790000000,"network":"192.0.2.0/24"}`. The
//! network is the indicator, whatever fields a record has; of those, times and categories are read under the
//! names that JSON may give them. IPv4 stands at `::/96`; other places that lead to the same part of the tree
//! are not read again.
//!
//! A database may be forged. Each node is visited once (`tree.rs`), a record has a bounded depth and size
//! (`value.rs`), and the text is limited as that of a compressed file is.

mod tree;
mod value;

use super::json;
use super::{Format, Head, LineReader, OpenError, Shape};
use crate::download::refusal::FileRefusal;
use crate::format::options::{OptionRow, Options};
use crate::format::role::Role;
use memchr::memmem;
use rapsheet_snapshot::Kinds;
use serde::Deserialize;
use std::io::Read;
use tree::Tree;
use value::Section;

/// The row of the table.
pub(super) static FORMAT: Format = Format {
    id: "mmdb",
    about: "a MaxMind DB: every network of its tree, with times and categories of its record",
    example: "a binary file",
    kinds: Kinds::ADDRESS,
    options: &[
        OptionRow { key: "first_seen", about: "the field with the time when it was first seen" },
        OptionRow { key: "last_seen", about: "the field with the time when it was last seen" },
        OptionRow { key: "expires", about: "the field with the time when it expires" },
        OptionRow { key: "category", about: "the field with the publisher's category" },
        OptionRow { key: "filter", about: "the field that says whether the record counts" },
        OptionRow { key: "keep", about: "the values of the filter field with which a record counts" },
        OptionRow { key: "assessment", about: "the assessment of records without a category" },
    ],
    shape: Shape::Converted(convert, open),
    ..Format::DEFAULT
};

/// What begins the metadata, and how far from the end of the file it may be.
const MARKER: &[u8] = b"\xab\xcd\xefMaxMind.com";
const METADATA_MAX: usize = 128 << 10;

/// The type of databases that `rapsheet export` writes.
const OURS: &str = "rapsheet";

/// What is between tree and data.
const SEPARATOR_LEN: usize = 16;

/// The field with the network.
const NETWORK: &str = "network";

/// No field has this name, so that nothing else is part of the indicator.
const NO_FIELD: &str = "";

#[derive(Deserialize)]
struct Metadata {
    node_count: usize,
    record_size: usize,
    ip_version: u8,
    database_type: String,
}

fn open(options: &Options, head: Head<'_>) -> Result<Box<dyn LineReader>, OpenError> {
    let mut options = options.clone();
    options.push(Role::Value.option(), NETWORK);
    for role in [Role::Start, Role::End, Role::Mask, Role::Port, Role::Kind] {
        options.push(role.option(), NO_FIELD);
    }
    json::open_lines(&options, head)
}

fn convert(file: Vec<u8>) -> Result<Box<dyn Read + Send>, FileRefusal> {
    let from = file.len().saturating_sub(METADATA_MAX);
    let end = file.get(from..).and_then(|tail| memmem::rfind(tail, MARKER)).map(|at| from + at);
    let end = end.ok_or_else(|| broken("the metadata of a MaxMind DB is not at its end"))?;
    let about = file.get(end + MARKER.len()..).unwrap_or(&[]);
    let mut text = Vec::new();
    let read = Section { bytes: about }.write_json(0, METADATA_MAX, &mut text);
    let metadata = read.and_then(|()| serde_json::from_slice(&text).ok());
    let metadata: Metadata = metadata.ok_or_else(|| broken("its metadata cannot be read"))?;
    Ok(Box::new(Tree::new(file, end, &metadata)?))
}

fn broken(why: impl Into<String>) -> FileRefusal {
    FileRefusal::Truncated(why.into())
}

#[cfg(test)]
mod tests;
