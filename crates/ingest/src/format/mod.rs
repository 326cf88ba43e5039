//! The feed formats: one file per format, one row per format in [`FORMATS`].
//!
//! A format turns lines, or one document, into calls on a `Normalizer`. The normalizer does what is the
//! same for all formats: it reads canonical forms, applies the guards on single entries, checks times, and
//! counts. A format decides what each line of its syntax means and nothing else. It never follows a path, URL
//! or include directive that a feed contains, and a malformed line never ends the reading of a file: it is
//! rejected, and the next line is read.
//!
//! To add a format, write its file, add its `mod` line and its row below, put a sample into `feeds/samples/`
//! and bless its expectation (CONTRIBUTING.md, Add a format). The commands `formats` and `parse`, the
//! catalogue's validation and the tests work from the table.

pub use crate::download::decode::Markup;
use crate::download::refusal::FileRefusal;
use crate::entry::Normalizer;
use crate::format::options::{OptionError, OptionRow, Options};
use rapsheet_snapshot::{Kinds, ListKind};
use std::fmt;
use std::io::Read;

mod adblock;
mod auto;
mod autoproxy;
mod bind_zones;
mod clash;
mod crowdsec;
mod csv;
mod dnsmasq;
mod dshield;
mod emule_dat;
mod extent;
mod firewall;
mod firewalld_ipset;
mod freetext;
mod header;
mod hosts;
mod hosts_deny;
mod ids_rules;
mod ie_tpl;
mod indicator_list;
mod ip_range;
mod json;
mod maltrail;
mod mmdb;
mod netset;
pub mod options;
mod p2p_plaintext;
mod pac;
mod parquet;
mod pipe_delimited;
mod plain_domain;
mod plain_ip;
mod plain_ip_annotated;
mod polarity;
mod postfix_access;
mod ranges;
mod rbldnsd;
mod record;
mod regex_list;
pub(crate) mod role;
mod rpz;
pub mod sniff;
mod spamhaus_drop_json;
mod spamhaus_drop_text;
mod squidguard;
mod suricata_dataset;
mod suricata_iprep;
mod token;
mod toplist_csv;
mod tor_exit_addresses;
mod ublacklist;
mod unbound;
mod url_list;
mod v2fly;
mod value;
mod wazuh_cdb;
mod xml;
mod zeek_intel;

/// All formats, in the order in which `rapsheet formats` lists them.
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
    &firewalld_ipset::FORMAT,
    &hosts_deny::FORMAT,
    &postfix_access::FORMAT,
    &crowdsec::FORMAT,
    &wazuh_cdb::FORMAT,
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
    &ublacklist::FORMAT,
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
    &mmdb::FORMAT,
    &parquet::FORMAT,
    &zeek_intel::FORMAT,
    &suricata_dataset::FORMAT,
    &ids_rules::FORMAT,
    &xml::XML_FORMAT,
    &xml::RSS_FORMAT,
    &freetext::FORMAT,
    &indicator_list::FORMAT,
];

/// One row of the table of formats.
pub struct Format {
    /// The id that a catalogue names.
    pub id: &'static str,
    /// A description of one line, for help texts.
    pub about: &'static str,
    /// A typical line of such a file.
    pub example: &'static str,
    /// The kinds of indicator that such files hold.
    pub kinds: Kinds,
    /// The options it takes, each a `key = value` under `[feed.options]`.
    pub options: &'static [OptionRow],
    /// How much of a file its reader must see at a time.
    pub shape: Shape,
    /// Whether a file that begins with markup is refused as an HTML page.
    pub markup: Markup,
    /// The kind of list where no catalogue states it.
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

/// How much of a file a reader must see at a time. The pipeline holds no more of it in memory.
pub enum Shape {
    /// Lines that mean the same in any order. The file is streamed in blocks, which are read in parallel.
    /// `open` sees the first block, because a header row may name the columns.
    Lines(Open),
    /// Lines that depend on the lines before them. The file is streamed in order, on one thread.
    Ordered(OpenOrdered),
    /// Lines that depend on lines anywhere in the file. The first pass sees the whole file; the second reads
    /// its blocks in parallel.
    TwoPass(FirstPass),
    /// As [`Shape::TwoPass`], below an encoding of the whole file.
    Encoded(Decode, FirstPass),
    /// A binary file, converted to lines that mean the same in any order. The file is in memory, its text is not.
    Converted(Convert, Open),
    /// One document (JSON, XML), read by a single call.
    Document(ReadDocument),
    /// The shape of the format that [`crate::format::sniff`] detects.
    Sniffed,
}

/// What a reader sees when it opens a file.
#[derive(Clone, Copy)]
pub struct Head<'a> {
    /// The name of this part of the download; empty where the download is one list.
    pub part: &'a str,
    /// The first block of lines, or the whole document.
    pub bytes: &'a [u8],
}

/// Opens a file of lines, given its options and its first block.
pub type Open = fn(&Options, Head<'_>) -> Result<Box<dyn LineReader>, OpenError>;

/// Opens a file whose lines are read in order, given its options and its first block.
pub type OpenOrdered = fn(&Options, Head<'_>) -> Result<Box<dyn OrderedReader>, OpenError>;

/// Opens a file of lines, given its options and all its blocks.
pub type FirstPass = fn(&Options, &[&[u8]]) -> Result<Box<dyn LineReader>, OpenError>;

/// Decodes a whole file.
pub type Decode = fn(Vec<u8>) -> Result<Vec<u8>, FileRefusal>;

/// Converts a whole file to lines. They are made as they are read.
pub type Convert = fn(Vec<u8>) -> Result<Box<dyn Read + Send>, FileRefusal>;

/// Reads a whole document. It calls `Normalizer::record_at` before each record, with the record's byte
/// offset.
pub type ReadDocument = fn(&Options, Head<'_>, &mut Normalizer<'_>) -> Result<(), OpenError>;

/// Why a file could not be opened.
#[derive(Debug)]
pub enum OpenError {
    /// The feed's options are wrong.
    Options(OptionError),
    /// The file is not in its format.
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

/// Reads lines one at a time, on several threads at once.
pub trait LineReader: Send + Sync {
    /// Reads `line`, which is not empty and has no blanks at its edges (see
    /// `download::lines::trim`); the caller counts blank lines. Every line must give at least one
    /// entry, skip or rejection.
    fn line(&self, line: &[u8], normalizer: &mut Normalizer<'_>);

    /// Whether blanks at the edges of a line have a meaning, as in tables whose first columns may be empty.
    /// Such a reader gets the line without its line end and otherwise unchanged.
    fn keeps_blanks(&self) -> bool {
        false
    }

    /// Whether a record may span lines, as in tables whose fields may be quoted.
    fn spans_lines(&self) -> bool {
        false
    }

    /// The length of the record that `text` begins with; `line` is the length of its first line. `None` where
    /// a quote does not close in time: then the first line is passed alone.
    fn record_len(&self, _text: &[u8], line: usize) -> Option<usize> {
        Some(line)
    }
}

/// Reads lines one after the other.
pub trait OrderedReader: Send {
    /// Reads `line`, as [`LineReader::line`] does.
    fn line(&mut self, line: &[u8], normalizer: &mut Normalizer<'_>);

    /// As [`LineReader::keeps_blanks`].
    fn keeps_blanks(&self) -> bool {
        false
    }
}

/// The format with this id.
pub fn find(id: &str) -> Option<&'static Format> {
    FORMATS.iter().copied().find(|format| format.id == id)
}
