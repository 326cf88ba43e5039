//! The outputs of `score`: one file and one row each. Help and validation read the table.

use query::{Judge, Scored};

mod jsonl;
mod lines;

/// Every output, in the order in which people are shown them.
pub(crate) static OUTPUTS: &[&ScoreOutput] = &[&jsonl::OUTPUT, &lines::OUTPUT];

/// One row of the table.
pub(crate) struct ScoreOutput {
    /// The word of `--output`.
    pub(crate) name: &'static str,
    /// Puts what is printed of a block behind what is in the buffer.
    block: fn(&ScoredBlock<'_>, &mut Vec<u8>),
}

/// The output of this name.
pub(crate) fn find(name: &str) -> Option<&'static ScoreOutput> {
    OUTPUTS.iter().copied().find(|output| output.name == name)
}

impl ScoreOutput {
    /// Puts what is printed of a block behind what is in the buffer.
    pub(crate) fn block(&self, scored: &ScoredBlock<'_>, out: &mut Vec<u8>) {
        (self.block)(scored, out);
    }
}

/// A block of lines and what was found in it.
pub(crate) struct ScoredBlock<'a> {
    /// The name of the file.
    pub(crate) file: &'a str,
    /// The lines, with their ends.
    pub(crate) bytes: &'a [u8],
    /// The byte offset of the first one in the file.
    pub(crate) offset: u64,
    /// The number of the first one, counted from 1.
    pub(crate) line: u64,
    /// What was found, by offset.
    pub(crate) found: &'a [Scored],
    /// Who judged.
    pub(crate) judge: &'a Judge<'a>,
    /// Whether lines go to a terminal, which must not be steered by them.
    pub(crate) to_terminal: bool,
}
