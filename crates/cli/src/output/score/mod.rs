//! The outputs of `score`: one file and one row each. Help and validation read the table.

use crate::log::Log;
use rapsheet_query::{MatchInfo, Searcher};
use rapsheet_snapshot::Time;
use std::cell::OnceCell;
use std::ops::{Deref, Range};

mod annotated;
mod jsonl;
mod lines;
mod table;

/// Every output, in the order in which people are shown them.
pub(crate) static OUTPUTS: &[&ScoreOutput] =
    &[&jsonl::OUTPUT, &table::CSV, &table::TSV, &lines::OUTPUT, &annotated::OUTPUT];

/// What finds indicators in a log.
pub(crate) type Scorer<'s> = rapsheet_query::Scorer<'s, CachedInfo>;
/// An indicator that was found in a log.
pub(crate) type Match = rapsheet_query::Match<CachedInfo>;

/// What a scorer caches of an indicator.
pub(crate) struct CachedInfo {
    info: MatchInfo,
    /// The part of its JSON row that is the same wherever it stands, from its first row on.
    json: OnceCell<Box<[u8]>>,
}

impl From<MatchInfo> for CachedInfo {
    fn from(info: MatchInfo) -> CachedInfo {
        CachedInfo { info, json: OnceCell::new() }
    }
}

impl AsRef<MatchInfo> for CachedInfo {
    fn as_ref(&self) -> &MatchInfo {
        &self.info
    }
}

impl Deref for CachedInfo {
    type Target = MatchInfo;

    fn deref(&self) -> &MatchInfo {
        &self.info
    }
}

/// One row of the table.
pub(crate) struct ScoreOutput {
    /// The word of `--output`.
    pub(crate) name: &'static str,
    /// Whether it needs all that was found in a record at once.
    pub(crate) is_by_record: bool,
    /// Puts what is printed before anything else.
    head: fn(bool, &mut Vec<u8>),
    /// Puts what is printed of a block behind what is in the buffer.
    block: fn(&ScoredBlock<'_>, &mut Vec<u8>),
    /// A line of it, without its end, as it may go to a terminal: whoever writes to a log must not steer the terminal of
    /// whoever reads it.
    shown: fn(&[u8]) -> String,
}

/// The output of this name.
pub(crate) fn find(name: &str) -> Option<&'static ScoreOutput> {
    OUTPUTS.iter().copied().find(|output| output.name == name)
}

impl ScoreOutput {
    /// Puts what is printed before anything else; with context, the lines themselves are added.
    pub(crate) fn head(&self, context: bool, out: &mut Vec<u8>) {
        (self.head)(context, out);
    }

    /// Puts what is printed of a block behind what is in the buffer.
    pub(crate) fn block(&self, scored: &ScoredBlock<'_>, out: &mut Vec<u8>) {
        if !scored.manner.to_terminal {
            return (self.block)(scored, out);
        }
        let mut made = Vec::new();
        (self.block)(scored, &mut made);
        for line in made.split_inclusive(|byte| *byte == b'\n') {
            let line = line.strip_suffix(b"\n").unwrap_or(line);
            out.extend_from_slice((self.shown)(line.strip_suffix(b"\r").unwrap_or(line)).as_bytes());
            out.push(b'\n');
        }
    }
}

/// A block of lines and what was found in a part of it.
pub(crate) struct ScoredBlock<'a> {
    /// The name of the file.
    pub(crate) file: &'a str,
    /// The lines, with their ends.
    pub(crate) bytes: &'a [u8],
    /// The part: whole records, or any, where that is enough.
    pub(crate) range: Range<usize>,
    /// The byte offset of the first one in the file.
    pub(crate) offset: u64,
    /// The number of the first one, counted from 1.
    pub(crate) line: u64,
    /// Whether the block ends within a line.
    pub(crate) is_piece: bool,
    /// What the log is where the part begins.
    pub(crate) log: &'a Log,
    /// What was found, by offset.
    pub(crate) found: &'a [Match],
    /// The last line of which something was found in the parts before, counted as those of what was found.
    pub(crate) line_told: Option<usize>,
    /// The time of the record of each that was found, where records are judged at their own time.
    pub(crate) times: Option<&'a [Option<Time>]>,
    /// Who judged.
    pub(crate) searcher: &'a Searcher<'a>,
    /// How to print.
    pub(crate) manner: Manner,
}

/// How people want an output printed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Manner {
    /// Lines go to a terminal, which must not be steered by them.
    pub(crate) to_terminal: bool,
    /// Records in which nothing was found are left out.
    pub(crate) only_listed: bool,
    /// Cells that a spreadsheet would take for formulas are disarmed.
    pub(crate) spreadsheet: bool,
    /// The line that an indicator stands in is added.
    pub(crate) context: bool,
}

/// How much of a line is added, in bytes.
const CONTEXT_MAX: usize = 4 << 10;

impl<'a> ScoredBlock<'a> {
    /// What was found, each with the number of its line.
    pub(crate) fn each_with_line(&self) -> impl Iterator<Item = (u64, usize, &'a Match)> {
        let line = |found: &Match| self.line + found.line as u64;
        self.found.iter().enumerate().map(move |(at, found)| (line(found), at, found))
    }

    /// The line that holds a byte, as text, if people want it.
    fn context(&self, at: usize) -> Option<String> {
        let (before, after) = self.bytes.split_at_checked(at).filter(|_| self.manner.context)?;
        let start = memchr::memrchr(b'\n', before).map_or(0, |end| end + 1);
        let end = memchr::memchr(b'\n', after).map_or(self.bytes.len(), |end| at + end);
        let line = self.log.shown(self.bytes.get(start..end)?);
        let line = line.get(..CONTEXT_MAX).unwrap_or(&line);
        Some(String::from_utf8_lossy(line.trim_ascii_end()).into_owned())
    }

    /// The providers whose verdict is the overall one, by name.
    pub(crate) fn speakers(&self, info: &'a MatchInfo) -> impl Iterator<Item = &'a str> {
        let providers = self.searcher.providers();
        info.decided_by().filter_map(|at| providers.get(at)).map(|provider| provider.name.as_str())
    }
}
