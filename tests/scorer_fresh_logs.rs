//! The scorer on logs in which most tokens are new, against the same reference as on real logs.
//!
//! All kinds of made-up logs, whole, in blocks and damaged; with each filter; with a cache that holds all of
//! their tokens, and with one that is emptied again and again. The output of the program agrees with sets of
//! all listed indicators at any number of threads, for lines with the lines of the rows.

use crate::fresh_logs::{Kind, Listed, kinds};
use crate::scorer_reference::{CATALOG, ListedSet, Row, check_output, reference_rows, rows};
use crate::support::{DAY, Harness, Random, contents, day};
use crate::test_dir::{TestDir, code};
use rapsheet_query::{MatchFilter, Scorer, Searcher};
use rapsheet_snapshot::{Snapshot, Status, Time};
use std::path::PathBuf;

/// Bytes of a cache that holds every token of these logs, and of one that holds a few.
const CACHES: [usize; 2] = [1 << 22, 1 << 13];

/// Made-up lists and a snapshot of them. Names are live for five days, all others for fifteen.
struct Fixture {
    harness: Harness,
    lists: [Vec<String>; 3],
}

/// When the lists were downloaded.
fn downloaded() -> Time {
    day(400)
}

impl Fixture {
    fn new() -> Fixture {
        let mut random = Random::new(41);
        let address = |random: &mut Random| {
            let [a, b, c, d] = [(); 4].map(|()| random.below(200) + 20);
            format!("{a}.{b}.{c}.{d}")
        };
        let addresses: Vec<String> = (0..400).map(|_| address(&mut random)).collect();
        let names: Vec<String> =
            (0..400).map(|_| format!("h{:x}.bad{}.com", random.below(1 << 30), random.below(90))).collect();
        let url = |random: &mut Random| match random.below(3) {
            0 => format!("http://{}/{:x}", address(random), random.next()),
            _ => format!("https://h{:x}.worse.net/{:X}?q=1", random.below(1 << 20), random.next()),
        };
        let urls: Vec<String> = (0..400).map(|_| url(&mut random)).collect();
        let lists = [addresses, names, urls];
        let catalog = CATALOG.replace("id = \"some-names\"", "id = \"some-names\"\nretention = \"5d\"");
        let mut harness = Harness::new(&catalog);
        for (file, list) in ["ip.txt", "names.txt", "urls.txt"].iter().zip(&lists) {
            harness.download(file, list.join("\n").as_bytes(), downloaded());
        }
        harness.build(downloaded());
        Fixture { harness, lists }
    }

    fn snapshot(&self) -> &Snapshot {
        self.harness.snapshot()
    }

    fn log(&self, kind: &Kind, lines: usize) -> Vec<u8> {
        let [addresses, names, urls] = &self.lists;
        kind.make(lines, Listed { addresses, names, urls })
    }
}

/// The rows of the reference that a filter admits. All sightings were live when the lists were downloaded.
fn expected_rows(searcher: &Searcher<'_>, text: &[u8], filter: MatchFilter) -> Vec<Row> {
    let mut all = reference_rows(searcher, text, true);
    let is_in_snapshot = |indicator: &str| {
        let then = searcher.lookup_at(indicator, downloaded()).expect("an indicator");
        !then.sources.is_empty()
    };
    all.retain(|(_, indicator, status)| match filter {
        MatchFilter::Listed => matches!(status, Status::Blocked | Status::Allowed),
        MatchFilter::InSnapshot => is_in_snapshot(indicator),
        _ => true,
    });
    all
}

/// The rows of a scorer for each block of a text, with offsets in the text.
fn rows_of_blocks(scorer: &mut Scorer<'_>, text: &[u8], ends: &[usize]) -> Vec<Row> {
    let (mut all, mut start) = (Vec::new(), 0);
    for end in ends.iter().copied().chain([text.len()]) {
        let found = rows(&scorer.score(&text[start..end]));
        all.extend(found.into_iter().map(|(at, indicator, status)| (start + at, indicator, status)));
        start = end;
    }
    all
}

/// Some ends of lines, between which a block may hold a single line or hundreds.
fn block_ends(text: &[u8], random: &mut Random) -> Vec<usize> {
    let line_ends = (1..text.len()).filter(|end| text[end - 1] == b'\n');
    let odds = [2, 20, 300][random.below(3) as usize];
    line_ends.filter(|_| random.one_in(odds)).collect()
}

#[test]
fn fresh_logs_agree_with_the_reference() {
    let fixture = Fixture::new();
    // The names have expired, the others are live.
    let searcher = Searcher::new(fixture.snapshot(), downloaded().plus(7 * DAY));
    let mut random = Random::new(42);
    let mut totals = [0; 3];
    let filters = [MatchFilter::Listed, MatchFilter::InSnapshot, MatchFilter::All];
    for kind in kinds() {
        let text = fixture.log(kind, 500);
        for (filter, total) in filters.into_iter().zip(&mut totals) {
            let expected = expected_rows(&searcher, &text, filter);
            for cache in CACHES {
                let mut scorer = Scorer::new(&searcher, filter, cache);
                let ends = block_ends(&text, &mut random);
                // A second time, tokens are in the cache.
                for ends in [&[][..], &ends] {
                    let found = rows_of_blocks(&mut scorer, &text, ends);
                    let about = format!("{}, {filter:?}, {} blocks", kind.file, ends.len() + 1);
                    assert_eq!(first_difference(&found, &expected), None, "{about}");
                }
            }
            *total += expected.len();
        }
    }
    let [listed, in_snapshot, all] = totals;
    assert!(listed > 1000 && in_snapshot > listed + 500 && all > in_snapshot + 5000, "{totals:?}");
}

/// The first rows that differ.
fn first_difference<'r>(found: &'r [Row], expected: &'r [Row]) -> Option<(Option<&'r Row>, Option<&'r Row>)> {
    let longest = found.len().max(expected.len());
    (0..longest).map(|at| (found.get(at), expected.get(at))).find(|(found, expected)| found != expected)
}

#[test]
fn damaged_fresh_logs_agree_with_the_reference() {
    let fixture = Fixture::new();
    let searcher = Searcher::new(fixture.snapshot(), downloaded());
    let mut random = Random::new(43);
    let mut scorer = Scorer::new(&searcher, MatchFilter::All, CACHES[1]);
    let mut total = 0;
    for kind in kinds() {
        for round in 0..8 {
            let mut text = fixture.log(kind, 60);
            // Some bytes become any byte, or one that means something.
            for _ in 0..text.len() / 20 {
                let at = random.below(text.len() as u64) as usize;
                text[at] = match random.below(2) {
                    0 => random.next() as u8,
                    _ => *random.pick(b".:/%\\[]@#?\n \"-0aZ\x1b&"),
                };
            }
            let found = rows(&scorer.score(&text));
            let expected = reference_rows(&searcher, &text, true);
            assert_eq!(first_difference(&found, &expected), None, "{}, round {round}", kind.file);
            total += found.len();
        }
    }
    assert!(total > 5000, "{total}");
}

/// A line may hold more tokens in a window of the tokenizer than any log does.
#[test]
fn a_line_of_the_shortest_tokens_hides_nothing_after_it() {
    let fixture = Fixture::new();
    let searcher = Searcher::new(fixture.snapshot(), downloaded());
    let listed = &fixture.lists[0][0];
    for piece in [". ", ".\n", ":: ", "::", "a.b ", "1.1.1. ", "://\"", "%25 ", "x.y:", ". . a"] {
        for count in [1360, 1370, 2048, 2100, 5000] {
            let text = format!("{} {listed}\n{listed} {}", piece.repeat(count), piece.repeat(count));
            for cache in CACHES {
                let mut scorer = Scorer::new(&searcher, MatchFilter::Listed, cache);
                let found = rows(&scorer.score(text.as_bytes()));
                let expected = reference_rows(&searcher, text.as_bytes(), false);
                assert_eq!(first_difference(&found, &expected), None, "{count} times {piece:?}");
                assert!(expected.len() >= 2, "{count} times {piece:?}: the reference finds both");
            }
        }
    }
}

#[test]
fn output_for_fresh_logs_agrees_with_listed_sets_at_any_thread_count() {
    let fixture = Fixture::new();
    let dir = TestDir::new();
    std::fs::write(dir.path("rapsheet.rap"), fixture_bytes(&fixture)).expect("written");
    let sets = ListedSet::new(contents(fixture.snapshot()).into_keys().map(|(_, text)| text));
    let searcher = Searcher::new(fixture.snapshot(), downloaded());
    let mut total = 0;
    for kind in kinds() {
        let text = fixture.log(kind, 700);
        let found = check_output(&dir, &searcher, &sets, &PathBuf::from(kind.file), &text);
        // `lines` prints the lines of these rows, each once.
        let now = searcher.at().to_string();
        for threads in ["1", "2", "8"] {
            let args =
                ["score", "--input", "text", "-o", "lines", "--now", &now, "--threads", threads, "x.log"];
            let printed = dir.run(&args);
            assert_eq!(code(&printed), 0, "{}", kind.file);
            assert!(printed.stdout == lines_at(&text, &found), "{} at {threads} threads", kind.file);
        }
        total += found.len();
    }
    assert!(total > 2000, "{total}");
}

fn fixture_bytes(fixture: &Fixture) -> Vec<u8> {
    fixture.harness.build_only(downloaded()).image.to_bytes()
}

/// The lines that contain these offsets, which ascend.
fn lines_at(text: &[u8], offsets: &[usize]) -> Vec<u8> {
    let (mut lines, mut start, mut offsets) = (Vec::new(), 0, offsets.iter().peekable());
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        let end = start + line.len();
        let mut is_found = false;
        while offsets.next_if(|at| **at < end).is_some() {
            is_found = true;
        }
        if is_found {
            lines.extend_from_slice(line);
        }
        start = end;
    }
    lines
}
