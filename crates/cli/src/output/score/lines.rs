//! `lines`: the lines with a match, unchanged, each once, like grep.

use super::{ScoreOutput, ScoredBlock};
use crate::printable;
use rapsheet_query::Detail;

/// The row of the table.
pub(super) static OUTPUT: ScoreOutput = ScoreOutput {
    name: "lines",
    about: "The lines with a match, unchanged, like grep",
    is_by_record: false,
    detail: Detail::Status,
    header: |_, _| {},
    block,
    for_terminal: printable::log_line,
};

fn block(scored: &ScoredBlock<'_>, out: &mut Vec<u8>) {
    let mut printed = scored.last_reported_line;
    for (at, line) in scored.found.positions() {
        if printed.replace(line) == Some(line) {
            continue;
        }
        let (before, after) = scored.bytes.split_at_checked(at).unwrap_or((scored.bytes, &[]));
        let start = memchr::memrchr(b'\n', before).map_or(0, |at| at + 1);
        let end = memchr::memchr(b'\n', after).map_or(scored.bytes.len(), |width| at + width);
        out.extend_from_slice(&scored.log.standalone_line(scored.bytes.get(start..end).unwrap_or(&[])));
        out.push(b'\n');
    }
}
