//! What feeds' texts look like: one file a format, one row in [`FORMATS`].
//!
//! A format turns lines (or one document) into calls on a [`Scribe`], which owns everything that holds for
//! all formats: canonical forms, guards on single entries, times, counting. A format never decides what a
//! spelling means twice, never follows a path or directive that a feed contains, and never gives up on a
//! file because of a line.
//!
//! To add one: write the file, add its `mod` line and its row below, and a sample in `feeds/samples/`.
//! Help, validation, documentation and the tests read the table.

use crate::options::{OptionError, OptionRow, Options};
use crate::refused::FileRefusal;
use crate::scribe::Scribe;
use snapshot::Kinds;
use std::fmt;

pub mod header;
pub mod hosts;
pub mod ip_range;
pub mod maltrail;
pub mod netset;
pub mod plain_domain;
pub mod plain_ip;
pub mod plain_ip_annotated;
pub mod spamhaus_drop_json;
pub mod spamhaus_drop_text;
pub mod url_list;

/// Every format, in the order in which people are shown them.
pub static FORMATS: &[&Format] = &[
    &plain_ip::FORMAT,
    &plain_ip_annotated::FORMAT,
    &ip_range::FORMAT,
    &netset::FORMAT,
    &spamhaus_drop_text::FORMAT,
    &spamhaus_drop_json::FORMAT,
    &plain_domain::FORMAT,
    &plain_domain::WILDCARD_FORMAT,
    &hosts::FORMAT,
    &url_list::FORMAT,
    &maltrail::FORMAT,
];

/// One row of the table of formats.
pub struct Format {
    /// The id that a catalogue names.
    pub id: &'static str,
    /// One line for a person.
    pub about: &'static str,
    /// A line of such a file.
    pub example: &'static str,
    /// The kinds of indicator that such files are made to hold.
    pub kinds: Kinds,
    /// The options it takes, each a `key = value` under `[feed.options]`.
    pub options: &'static [OptionRow],
    /// How such a file is read.
    pub shape: Shape,
}

impl fmt::Debug for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Format({})", self.id)
    }
}

/// How much of a file a format must see at a time.
pub enum Shape {
    /// Lines that mean the same in any order. The file is streamed in blocks, which are read in parallel;
    /// `open` sees the first block, for a header row that binds columns.
    Lines(Open),
    /// Lines whose meaning depends on the whole file, which `open` sees entire; they are read in parallel.
    Surveyed(Open),
    /// One document (JSON, XML), read by a single call.
    Document(ReadDocument),
}

/// Prepares to read one file, from its options and its first block (or all of it, see [`Shape`]).
pub type Open = fn(&Options, &[u8]) -> Result<Box<dyn LineReader>, OpenError>;

/// Reads a whole document. It calls [`Scribe::record_at`] before each record, with the record's byte offset.
pub type ReadDocument = fn(&Options, &[u8], &mut Scribe<'_>) -> Result<(), OpenError>;

/// Why a file could not even be begun.
#[derive(Debug)]
pub enum OpenError {
    /// The catalogue's options are wrong.
    Options(OptionError),
    /// The file is not what its format says.
    File(FileRefusal),
}

impl From<OptionError> for OpenError {
    fn from(error: OptionError) -> OpenError {
        OpenError::Options(error)
    }
}

impl From<FileRefusal> for OpenError {
    fn from(refusal: FileRefusal) -> OpenError {
        OpenError::File(refusal)
    }
}

/// Reads one line at a time, from many threads at once.
pub trait LineReader: Send + Sync {
    /// Reads `line`, which is trimmed of blanks and line ends (see [`crate::lines::trim`]) and not empty: blank
    /// lines are counted by the caller. At least one call on the scribe must follow from every line.
    fn line(&self, line: &[u8], scribe: &mut Scribe<'_>);

    /// Whether leading and trailing blanks carry meaning (tables with empty first columns); such a reader is
    /// handed the line with only its line end removed.
    fn keeps_blanks(&self) -> bool {
        false
    }
}

/// The format with this id.
pub fn find(id: &str) -> Option<&'static Format> {
    FORMATS.iter().copied().find(|format| format.id == id)
}
