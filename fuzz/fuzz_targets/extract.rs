//! Any bytes as a log: the scorer with its vectors, batches and memory finds what the plain extractor finds byte by
//! byte, wherever the log is cut between two lines.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rapsheet_fuzz::{SAMPLE, now};
use rapsheet_query::extract::extract;
use rapsheet_query::{Judge, Questions, Report, Scorer};
use rapsheet_snapshot::{Snapshot, Status};
use std::collections::HashSet;
use std::sync::LazyLock;

static SNAPSHOT: LazyLock<Snapshot> =
    LazyLock::new(|| Snapshot::from_bytes(SAMPLE.0.clone()).expect("a sound snapshot"));
const MEMORY: usize = 1 << 14;

/// The line, the indicator and its status.
type Row = (usize, String, Status);

fuzz_target!(|text: &[u8]| {
    let judge = Judge::new(&SNAPSHOT, now());
    let cut = text.iter().position(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    for (report, all) in [(Report::All, true), (Report::Listed, false)] {
        let expected = plain(&judge, text, all);
        let mut scorer = Scorer::new(&judge, report, MEMORY);
        assert_eq!(scored(&mut scorer, text, 0), expected, "read at once");
        let mut found = scored(&mut scorer, &text[..cut], 0);
        found.extend(scored(&mut scorer, &text[cut..], usize::from(cut > 0)));
        assert_eq!(found, expected, "read in two blocks, with everything met before");
    }
});

fn scored(scorer: &mut Scorer<'_>, text: &[u8], line: usize) -> Vec<Row> {
    let row = |found: &rapsheet_query::Scored| {
        (line + found.line, found.known.indicator.to_string(), found.known.status)
    };
    scorer.score(text).iter().map(row).collect()
}

/// One question at a time, and each indicator once a line.
fn plain(judge: &Judge<'_>, text: &[u8], all: bool) -> Vec<Row> {
    let (mut questions, mut offsets) = (Questions::new(), Vec::new());
    extract(text, &mut questions, &mut offsets);
    let mut rows = Vec::new();
    for (question, at) in questions.list().iter().zip(&offsets) {
        let answer = judge.answer(&questions, question);
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
