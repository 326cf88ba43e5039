//! Any bytes as a log: the scorer with its vectors, batches and memory finds what the plain extractor finds byte by
//! byte, wherever the log is cut between two lines.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rapsheet_fuzz::{SAMPLE, now};
use rapsheet_query::extract::extract;
use rapsheet_query::{Batch, MatchFilter, Scorer, Searcher};
use rapsheet_snapshot::{Snapshot, Status};
use std::collections::HashSet;
use std::sync::LazyLock;

static SNAPSHOT: LazyLock<Snapshot> =
    LazyLock::new(|| Snapshot::from_bytes(SAMPLE.0.clone()).expect("a sound snapshot"));
const MEMORY: usize = 1 << 14;

/// The line, the indicator and its status.
type Row = (usize, String, Status);

fuzz_target!(|text: &[u8]| {
    let searcher = Searcher::new(&SNAPSHOT, now());
    let cut = text.iter().position(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    for (report, all) in [(MatchFilter::All, true), (MatchFilter::Listed, false)] {
        let expected = plain(&searcher, text, all);
        let mut scorer = Scorer::new(&searcher, report, MEMORY);
        assert_eq!(scored(&mut scorer, text, 0), expected, "read at once");
        let mut found = scored(&mut scorer, &text[..cut], 0);
        found.extend(scored(&mut scorer, &text[cut..], usize::from(cut > 0)));
        assert_eq!(found, expected, "read in two blocks, with everything met before");
    }
});

fn scored(scorer: &mut Scorer<'_>, text: &[u8], line: usize) -> Vec<Row> {
    let row =
        |found: rapsheet_query::Match<'_>| (line + found.line, found.indicator.to_string(), found.status());
    scorer.score(text).iter().map(row).collect()
}

/// One question at a time, and each indicator once a line.
fn plain(searcher: &Searcher<'_>, text: &[u8], all: bool) -> Vec<Row> {
    let (mut batch, mut offsets) = (Batch::new(), Vec::new());
    extract(text, &mut batch, &mut offsets);
    let mut rows = Vec::new();
    for (answer, at) in searcher.verdicts(&batch).zip(&offsets) {
        if all || matches!(answer.status, Status::Blocked | Status::Allowed) {
            rows.push((*at, answer.indicator, answer.status));
        }
    }
    rows.sort_by_key(|(at, ..)| *at);
    let mut seen = HashSet::new();
    rows.into_iter()
        .map(|(at, indicator, status)| {
            (text[..at].iter().filter(|byte| **byte == b'\n').count(), indicator, status)
        })
        .filter(|(line, indicator, _)| seen.insert((*line, indicator.clone())))
        .collect()
}
