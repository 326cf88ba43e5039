//! What feeds' texts look like: one file a format, one row in [`FORMATS`].
//!
//! A format turns lines (or one document) into calls on a [`Scribe`], which owns everything that holds for
//! all formats: canonical forms, guards on single entries, times, counting. A format never decides what a
//! spelling means twice, never follows a path or directive that a feed contains, and never gives up on a
//! file because of a line.
//!
//! To add one: write the file, add its `mod` line and its row below, and a sample in `feeds/samples/`.
//! Help, validation, documentation and the tests read the table.

pub use crate::decode::Markup;
use crate::options::{OptionError, OptionRow, Options};
use crate::refused::FileRefusal;
use crate::scribe::Scribe;
use rapsheet_snapshot::{Kinds, ListKind};
use std::fmt;

pub mod adblock;
pub mod auto;
pub mod autoproxy;
pub mod bind_zones;
pub mod clash;
pub mod csv;
pub mod dnsmasq;
pub mod dshield;
pub mod emule_dat;
pub mod firewall;
pub mod freetext;
pub mod header;
pub mod hosts;
pub mod ids_rules;
pub mod ie_tpl;
pub mod ip_range;
pub mod json;
pub mod maltrail;
pub mod netset;
pub mod p2p_plaintext;
pub mod pac;
pub mod pipe_delimited;
pub mod plain_domain;
pub mod plain_ip;
pub mod plain_ip_annotated;
mod ranges;
pub mod rbldnsd;
pub mod regex_list;
pub mod role;
pub mod rpz;
pub mod spamhaus_drop_json;
pub mod spamhaus_drop_text;
pub mod squidguard;
pub mod suricata_dataset;
pub mod suricata_iprep;
pub mod toplist_csv;
pub mod tor_exit_addresses;
pub mod unbound;
pub mod url_list;
pub mod v2fly;
pub mod xml;
pub mod zeek_intel;

/// Every format, in the order in which people are shown them.
pub static FORMATS: &[&Format] = &[
    &auto::FORMAT,
    &plain_ip::FORMAT,
    &plain_ip_annotated::FORMAT,
    &ip_range::FORMAT,
    &ip_range::CSV_FORMAT,
    &netset::FORMAT,
    &p2p_plaintext::FORMAT,
    &emule_dat::FORMAT,
    &rbldnsd::IP_FORMAT,
    &spamhaus_drop_text::FORMAT,
    &spamhaus_drop_json::FORMAT,
    &firewall::FORMAT,
    &dshield::FORMAT,
    &pipe_delimited::FORMAT,
    &csv::HASH_FORMAT,
    &plain_ip::PROXY_FORMAT,
    &tor_exit_addresses::FORMAT,
    &suricata_iprep::FORMAT,
    &plain_domain::FORMAT,
    &plain_domain::WILDCARD_FORMAT,
    &hosts::FORMAT,
    &adblock::FORMAT,
    &autoproxy::FORMAT,
    &dnsmasq::FORMAT,
    &unbound::FORMAT,
    &bind_zones::FORMAT,
    &rpz::FORMAT,
    &rbldnsd::NAME_FORMAT,
    &squidguard::FORMAT,
    &regex_list::FORMAT,
    &ie_tpl::FORMAT,
    &clash::FORMAT,
    &v2fly::FORMAT,
    &pac::FORMAT,
    &toplist_csv::FORMAT,
    &url_list::FORMAT,
    &maltrail::FORMAT,
    &csv::FORMAT,
    &json::FORMAT,
    &json::LINES_FORMAT,
    &json::onionoo::FORMAT,
    &json::misp_feed::FORMAT,
    &json::misp_warninglist::FORMAT,
    &json::stix::FORMAT,
    &json::otx::FORMAT,
    &json::cloud::FORMAT,
    &json::lsrules::FORMAT,
    &zeek_intel::FORMAT,
    &suricata_dataset::FORMAT,
    &ids_rules::FORMAT,
    &xml::XML_FORMAT,
    &xml::RSS_FORMAT,
    &freetext::FORMAT,
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
    /// What markup at its beginning says against it.
    pub markup: Markup,
    /// What such a list is, where nobody says it.
    pub list: ListKind,
}

impl Format {
    /// The defaults of a row.
    pub const DEFAULT: Format = Format {
        id: "",
        about: "",
        example: "",
        kinds: Kinds::ALL,
        options: &[],
        shape: Shape::Sniffed,
        markup: Markup::Refused,
        list: ListKind::Block,
    };
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
    /// Lines that depend on the lines before them. The file is streamed in order.
    Ordered(OpenOrdered),
    /// Lines whose meaning depends on the whole file, which `survey` sees entire; they are read in parallel.
    Surveyed(Survey),
    /// Lines wrapped in an encoding of the whole file.
    Wrapped(Unwrap, Survey),
    /// One document (JSON, XML), read by a single call.
    Document(ReadDocument),
    /// Whatever the first block looks like: see [`crate::sniff`].
    Sniffed,
}

/// What a reader may see before it begins.
#[derive(Clone, Copy)]
pub struct Head<'a> {
    /// The name of this part of the download, which is empty where the download is one list.
    pub part: &'a str,
    /// The first block, or everything, see [`Shape`].
    pub bytes: &'a [u8],
}

/// Prepares to read one file, from its options and its first block.
pub type Open = fn(&Options, Head<'_>) -> Result<Box<dyn LineReader>, OpenError>;

/// Prepares to read one file in order.
pub type OpenOrdered = fn(&Options, Head<'_>) -> Result<Box<dyn OrderedReader>, OpenError>;

/// Prepares to read one file, from its options and all its blocks.
pub type Survey = fn(&Options, &[&[u8]]) -> Result<Box<dyn LineReader>, OpenError>;

/// Takes the wrapping off a whole file.
pub type Unwrap = fn(Vec<u8>) -> Result<Vec<u8>, FileRefusal>;

/// Reads a whole document. It calls [`Scribe::record_at`] before each record, with the record's byte offset.
pub type ReadDocument = fn(&Options, Head<'_>, &mut Scribe<'_>) -> Result<(), OpenError>;

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

/// Reads one line after another.
pub trait OrderedReader: Send {
    /// Reads `line`, as [`LineReader::line`] does.
    fn line(&mut self, line: &[u8], scribe: &mut Scribe<'_>);

    /// As [`LineReader::keeps_blanks`].
    fn keeps_blanks(&self) -> bool {
        false
    }
}

/// The format with this id.
pub fn find(id: &str) -> Option<&'static Format> {
    FORMATS.iter().copied().find(|format| format.id == id)
}
