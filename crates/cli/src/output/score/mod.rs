//! The outputs of `score`: one file and one row each. Help and validation read the table.

use crate::log::Log;
use rapsheet_query::{Detail, Listing, Searcher};
use rapsheet_snapshot::Time;
use std::cell::OnceCell;
use std::ops::{Deref, Range};

mod annotated;
mod jsonl;
mod lines;
mod table;

/// Every output, in the order of help.
pub(crate) static OUTPUTS: &[&ScoreOutput] =
    &[&jsonl::OUTPUT, &table::CSV, &table::TSV, &lines::OUTPUT, &annotated::OUTPUT];

/// What finds indicators in a log.
pub(crate) type Scorer<'s> = rapsheet_query::Scorer<'s, CachedListing>;
/// The indicators that were found in a log.
pub(crate) type Matches = rapsheet_query::Matches<CachedListing>;
/// Some of them.
pub(crate) type MatchSlice<'m> = rapsheet_query::MatchSlice<'m, CachedListing>;

/// What a scorer keeps of a listing. The parts of a row that are the same for all indicators with this listing
/// are made with the first of them.
pub(crate) struct CachedListing {
    listing: Listing,
    /// The end of its JSON row.
    json: OnceCell<Box<[u8]>>,
    /// The cells of assessments and providers.
    cells: OnceCell<[Box<str>; 2]>,
}

impl From<Listing> for CachedListing {
    fn from(listing: Listing) -> CachedListing {
        CachedListing { listing, json: OnceCell::new(), cells: OnceCell::new() }
    }
}

impl AsRef<Listing> for CachedListing {
    fn as_ref(&self) -> &Listing {
        &self.listing
    }
}

impl Deref for CachedListing {
    type Target = Listing;

    fn deref(&self) -> &Listing {
        &self.listing
    }
}

/// One row of the table.
pub(crate) struct ScoreOutput {
    /// The word of `--output`.
    pub(crate) name: &'static str,
    /// What it is, for help.
    pub(crate) about: &'static str,
    /// Whether it needs all matches of a record at once.
    pub(crate) is_by_record: bool,
    /// How much of a match it prints.
    pub(crate) detail: Detail,
    /// Appends what comes before all blocks; the flag says whether `--context` adds a column.
    pub(crate) header: fn(bool, &mut Vec<u8>),
    /// Appends the output for a block.
    block: fn(&ScoredBlock<'_>, &mut Vec<u8>),
    /// Makes a line of output, without its end, safe for a terminal: the author of a log must not control the
    /// terminal of its reader.
    for_terminal: fn(&[u8]) -> String,
}

impl ScoreOutput {
    /// Appends the output for a block.
    pub(crate) fn block(&self, scored: &ScoredBlock<'_>, out: &mut Vec<u8>) {
        if !scored.options.to_terminal {
            return (self.block)(scored, out);
        }
        let mut text = Vec::new();
        (self.block)(scored, &mut text);
        for line in text.split_inclusive(|byte| *byte == b'\n') {
            let line = line.strip_suffix(b"\n").unwrap_or(line);
            out.extend_from_slice((self.for_terminal)(line.strip_suffix(b"\r").unwrap_or(line)).as_bytes());
            out.push(b'\n');
        }
    }
}

/// A block of lines, and the matches in a part of it.
pub(crate) struct ScoredBlock<'a> {
    /// The name of the file.
    pub(crate) file: &'a str,
    /// The lines, with their ends.
    pub(crate) bytes: &'a [u8],
    /// The part: whole records where the output needs them, else any.
    pub(crate) range: Range<usize>,
    /// The byte offset of the first line in the file.
    pub(crate) offset: u64,
    /// The number of the first line, from 1.
    pub(crate) line: u64,
    /// Whether the block ends inside a line.
    pub(crate) is_piece: bool,
    /// The state of the log where the part begins.
    pub(crate) log: &'a Log,
    /// The matches, by offset.
    pub(crate) found: MatchSlice<'a>,
    /// The line of the last match in the parts before, counted like the lines of `found`.
    pub(crate) last_reported_line: Option<usize>,
    /// The time of each match's record, where records are looked up as of their own times.
    pub(crate) times: Option<&'a [Option<Time>]>,
    /// Knows the providers.
    pub(crate) searcher: &'a Searcher<'a>,
    /// How to print.
    pub(crate) options: FormatOptions,
}

/// How an output is printed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FormatOptions {
    /// Lines go to a terminal, and must not control it.
    pub(crate) to_terminal: bool,
    /// Records without a match are left out.
    pub(crate) only_listed: bool,
    /// Cells that a spreadsheet would run as a formula begin with a quote mark.
    pub(crate) spreadsheet: bool,
    /// The line of each match is added.
    pub(crate) context: bool,
}

/// The longest context, in bytes.
const CONTEXT_MAX: usize = 4 << 10;

impl<'a> ScoredBlock<'a> {
    /// The line that holds a byte, as text, where `--context` is given.
    fn context(&self, at: usize) -> Option<String> {
        let (before, after) = self.bytes.split_at_checked(at).filter(|_| self.options.context)?;
        let start = memchr::memrchr(b'\n', before).map_or(0, |end| end + 1);
        let end = memchr::memchr(b'\n', after).map_or(self.bytes.len(), |end| at + end);
        let line = self.log.standalone_line(self.bytes.get(start..end)?);
        let line = line.get(..CONTEXT_MAX).unwrap_or(&line);
        Some(String::from_utf8_lossy(line.trim_ascii_end()).into_owned())
    }

    /// The providers whose status is the overall one, by name.
    pub(crate) fn deciding_providers(&self, listing: &'a Listing) -> impl Iterator<Item = &'a str> {
        let providers = self.searcher.providers();
        listing.decided_by().filter_map(|at| providers.get(at)).map(|provider| provider.name.as_str())
    }
}
