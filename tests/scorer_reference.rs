//! The scorer against a reference that extracts and looks up one indicator at a time.
//!
//! Both find the same in real logs and in random text, however the text is cut into blocks. The output of the
//! program agrees with sets of all listed indicators, at any number of threads.

use crate::files::{files, read_text};
use crate::sample;
use crate::support::{DAY, Harness, Random, contents, corpus, day};
use crate::test_dir::{TestDir, code, stderr};
use rapsheet_query::extract::extract;
use rapsheet_query::{Assessments, Batch, Detail, Listing, MatchFilter, Matches, Scorer, Searcher, Time};
use rapsheet_snapshot::{Snapshot, Status};
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// Offset, indicator and status.
pub(crate) type Row = (usize, String, Status);

pub(crate) fn reference_rows(searcher: &Searcher<'_>, text: &[u8], all: bool) -> Vec<Row> {
    let (mut batch, mut offsets) = (Batch::new(), Vec::new());
    extract(text, &mut batch, &mut offsets);
    let mut rows: Vec<Row> = Vec::new();
    for (answer, at) in searcher.verdicts(&batch).zip(&offsets) {
        if all || matches!(answer.status, Status::Blocked | Status::Allowed) {
            rows.push((*at, answer.indicator, answer.status));
        }
    }
    rows.sort_by_key(|(at, ..)| *at);
    let ends = |text: &[u8]| text.iter().filter(|byte| **byte == b'\n').count();
    let (mut line, mut counted, mut seen) = (0, 0, HashSet::new());
    rows.retain(|(at, indicator, _)| {
        if *at > counted {
            line += ends(&text[counted..*at]);
            counted = *at;
        }
        seen.insert((line, indicator.clone()))
    });
    rows
}

pub(crate) fn rows(found: &Matches) -> Vec<Row> {
    found.iter().map(|scored| (scored.at, scored.indicator.to_string(), scored.status())).collect()
}

/// Pieces of text that are, begin, end or interrupt indicators.
const PIECES: &[&[u8]] = &[
    b"45.9.20.5",
    b"45.9.20.5",
    b"evilpanel.com",
    b"a.evilpanel.com",
    b"http://evilpanel.com/x",
    b"goodpanel.com",
    b"1.2",
    b"10:05:03",
    b"2a06:e480::7",
    b"::",
    b"user@",
    b"\"",
    b" ",
    b" ",
    b"\n",
    b"\t",
    b",",
    b"=",
    b"[",
    b"]:80",
    b"://",
    b"http://",
    b"index.php",
    b".",
    b":",
    b"\xff",
    b"x",
    b"17/May/2015",
    b"xn--",
    b"|",
    b"\\",
    b"\\n",
    b"\\\\t",
    b"\\u0026",
    b"\\x22",
    b"\\/",
    b":\\/\\/",
    b"%2F",
    b"https",
    b"\\u003a",
    b"\\.",
    b"\x1b[31m",
    b"\x1b",
    b"#011",
    b"\\033[0m",
    b"&amp;",
    b"&#46;",
    b"&#x3a;",
    b"%3A",
    b"%252F",
    b"%2E",
    b"^[[0m",
    b"\\u002e",
    b"src:",
    b":443",
    b"?u=",
    b"@8080\\",
    "”".as_bytes(),
];

#[test]
fn random_text_agrees_with_the_reference() {
    let folder = tempfile::TempDir::new().expect("a folder");
    let path = folder.path().join("sample.rap");
    sample::publish(&path);
    let snapshot = Snapshot::open(&path).expect("the sample");
    let searcher = Searcher::new(&snapshot, sample::time(sample::NOW));
    let mut random = Random::new(5);
    let mut scorers = [(true, MatchFilter::All), (false, MatchFilter::Listed)]
        .map(|(all, report)| (all, Scorer::new(&searcher, report, 1 << 14)));
    for round in 0..6000 {
        let text: Vec<u8> = (0..random.below(60)).flat_map(|_| random.pick(PIECES).iter().copied()).collect();
        for (all, scorer) in &mut scorers {
            let found = rows(&scorer.score(&text));
            assert_eq!(
                found,
                reference_rows(&searcher, &text, *all),
                "round {round}: {}",
                String::from_utf8_lossy(&text)
            );
        }
    }
}

/// Status, providers that list it, and where asked for, more.
type Stated = (Status, usize, Assessments, Vec<usize>, Option<Time>, Option<Time>);

#[test]
fn matches_say_what_a_verdict_says_as_far_as_they_are_asked() {
    let folder = tempfile::TempDir::new().expect("a folder");
    let path = folder.path().join("sample.rap");
    sample::publish(&path);
    let snapshot = Snapshot::open(&path).expect("the sample");
    let mut random = Random::new(6);
    for now in [sample::time(sample::NOW), snapshot.built_at().plus(-9 * DAY)] {
        let searcher = Searcher::new(&snapshot, now);
        let mut scorers = [Detail::Status, Detail::Listing, Detail::Times].map(|detail| {
            let scorer: Scorer<'_> = Scorer::new(&searcher, MatchFilter::InSnapshot, 1 << 14);
            (detail, scorer.with_detail(detail))
        });
        let mut compared = 0;
        for _ in 0..1500 {
            let text: Vec<u8> =
                (0..random.below(40)).flat_map(|_| random.pick(PIECES).iter().copied()).collect();
            for (detail, scorer) in &mut scorers {
                for found in scorer.score(&text).iter() {
                    let verdict = searcher.lookup(found.indicator).expect("an indicator");
                    let listing = Listing::from(&verdict);
                    let times = verdict.sources.iter().filter(|source| source.status == verdict.status);
                    let (first, last) = (
                        times.clone().map(|one| one.first_seen).min(),
                        times.map(|one| one.detect_time).max(),
                    );
                    let all: Stated = (
                        verdict.status,
                        listing.detected_by,
                        listing.assessments,
                        listing.listed_by().collect(),
                        first,
                        last,
                    );
                    let expected = match detail {
                        Detail::Status => (all.0, 0, Assessments::EMPTY, Vec::new(), None, None),
                        Detail::Listing => (all.0, all.1, all.2, all.3, None, None),
                        _ => all,
                    };
                    let listing = found.listing;
                    let stated = (
                        listing.status,
                        listing.detected_by,
                        listing.assessments,
                        listing.listed_by().collect(),
                        found.first_seen,
                        found.detect_time,
                    );
                    assert_eq!(stated, expected, "{detail:?}: {} at {now}", found.indicator);
                    compared += 1;
                }
            }
        }
        assert!(compared > 3000, "{compared}");
    }
}

#[test]
fn reports_each_of_many_indicators_on_a_line_once() {
    let folder = tempfile::TempDir::new().expect("a folder");
    let path = folder.path().join("sample.rap");
    sample::publish(&path);
    let snapshot = Snapshot::open(&path).expect("the sample");
    let searcher = Searcher::new(&snapshot, sample::time(sample::NOW));
    let line: String = (0..60_000).map(|at| format!("h{}.evilpanel.com,", at % 40_000)).collect();
    let text = format!("{line}\nh1.evilpanel.com 45.9.20.5 h1.evilpanel.com\n{line}").replace(',', " ");
    let found = rows(&Scorer::new(&searcher, MatchFilter::All, 1 << 16).score(text.as_bytes()));
    assert_eq!(found.len(), 80_002);
    assert!(found == reference_rows(&searcher, text.as_bytes(), true));
}

/// Every real log, decompressed.
fn logs(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for group in files(&folder.join("logs")) {
        for path in files(&group) {
            let text = read_text(&path);
            found.push((path, text));
        }
    }
    found
}

#[test]
fn real_logs_agree_with_the_reference() {
    let Some(folder) = corpus("real_logs_agree_with_the_reference") else { return };
    let dir = TestDir::new();
    let snapshot = Snapshot::open(dir.path("rapsheet.rap")).expect("the sample");
    let searcher = Searcher::new(&snapshot, sample::time(sample::NOW));
    let mut scorer = Scorer::new(&searcher, MatchFilter::All, 1 << 20);
    let (logs, mut total) = (logs(&folder), 0);
    assert!(logs.len() > 8, "{}", logs.len());
    for (path, text) in logs {
        let found = rows(&scorer.score(&text));
        let expected = reference_rows(&searcher, &text, true);
        assert!(found == expected, "{}: {} and {}", path.display(), found.len(), expected.len());
        total += found.len();
    }
    assert!(total > 50_000, "{total}");
}

/// Feeds of addresses, names and URLs.
pub(crate) const CATALOG: &str = r#"
[[feed]]
id = "some-ip"
provider = "some.example"
title = "Some of the addresses"
url = "https://some.example/ip.txt"
file = "ip.txt"
format = "plain-ip"
list = "block"
mode = "reset"
assessment = ["botnet"]
[[feed]]
id = "some-names"
provider = "some.example"
title = "Some of the names"
url = "https://some.example/names.txt"
file = "names.txt"
format = "plain-domain"
list = "block"
mode = "reset"
scope = "tree"
assessment = ["phishing"]
[[feed]]
id = "some-urls"
provider = "some.example"
title = "Some of the URLs"
url = "https://some.example/urls.txt"
file = "urls.txt"
format = "url-list"
list = "block"
mode = "reset"
assessment = ["malware"]
"#;

/// The listed indicators of a snapshot, as text.
pub(crate) struct ListedSet(HashSet<String>);

impl ListedSet {
    pub(crate) fn new(listed: impl Iterator<Item = String>) -> ListedSet {
        ListedSet(listed.collect())
    }

    fn lists(&self, indicator: &str) -> bool {
        let is_in = |text: &str| self.0.contains(text);
        let name = |name: &str| {
            let tails = name.match_indices('.').map(|(at, _)| &name[at + 1..]);
            std::iter::once(name).chain(tails).any(|tail| is_in(&format!("tree:{tail}")))
        };
        let Some((_, rest)) = indicator.split_once("://") else { return is_in(indicator) || name(indicator) };
        let host = rest.split(['/', '?']).next().expect("a host");
        let host = host
            .rsplit_once(':')
            .filter(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()))
            .map_or(host, |(host, _)| host);
        let host = host.trim_matches(['[', ']']);
        is_in(indicator) || is_in(host) || name(host)
    }
}

/// Lists of every fifth address, name and URL of these logs.
fn lists_from_logs(logs: &[(PathBuf, Vec<u8>)]) -> [String; 3] {
    let (mut seen, mut lists) = (HashSet::new(), [const { String::new() }; 3]);
    for (_, text) in logs {
        let (mut batch, mut offsets) = (Batch::new(), Vec::new());
        extract(text, &mut batch, &mut offsets);
        for question in batch.iter() {
            let list = match question.type_word() {
                "domain" => 1,
                "url" => 2,
                _ => 0,
            };
            let text = question.to_string();
            if seen.insert(text.clone()) && seen.len() % 5 == 0 {
                lists[list] += &(text + "\n");
            }
        }
    }
    lists
}

#[test]
fn score_output_agrees_with_listed_sets_at_any_thread_count() {
    let Some(folder) = corpus("score_output_agrees_with_listed_sets_at_any_thread_count") else { return };
    let (logs, dir) = (logs(&folder), TestDir::new());
    let (mut harness, now) = (Harness::new(CATALOG), day(400));
    for (file, list) in ["ip.txt", "names.txt", "urls.txt"].iter().zip(lists_from_logs(&logs)) {
        harness.download(file, list.as_bytes(), now.plus(-DAY));
    }
    let built = harness.build(now);
    built.image.publish(dir.path("rapsheet.rap")).expect("published");
    let sets = ListedSet::new(contents(harness.snapshot()).into_keys().map(|(_, text)| text));
    let searcher = Searcher::new(harness.snapshot(), now);
    let total: usize =
        logs.iter().map(|(path, text)| check_output(&dir, &searcher, &sets, path, text).len()).sum();
    assert!(total > 20_000, "{total}");
}

/// Compares the rows that the program prints for a log, at one, two and eight threads, with the sets. Returns
/// their offsets.
pub(crate) fn check_output(
    dir: &TestDir,
    searcher: &Searcher<'_>,
    sets: &ListedSet,
    path: &Path,
    text: &[u8],
) -> Vec<usize> {
    dir.write("x.log", text);
    let now = searcher.at().to_string();
    let run = |threads: &str| {
        dir.run(&["score", "--input", "text", "-o", "tsv", "--threads", threads, "--now", &now, "x.log"])
    };
    let one = run("1");
    assert_eq!(code(&one), 0, "{}: {}", path.display(), stderr(&one));
    for threads in ["2", "8"] {
        assert!(run(threads).stdout == one.stdout, "{} at {threads} threads", path.display());
    }
    let rows = String::from_utf8(one.stdout).expect("text");
    let cells = |row: &str| {
        let mut cells = row.split('\t').skip(2).map(str::to_owned);
        let offset: usize = cells.next().and_then(|offset| offset.parse().ok()).expect("an offset");
        (offset, cells.next().expect("an indicator"))
    };
    let rows: Vec<(usize, String)> = rows.lines().skip(1).map(cells).collect();
    let expected = reference_rows(searcher, text, true);
    let expected: Vec<(usize, String)> = expected
        .into_iter()
        .filter(|(_, indicator, _)| sets.lists(indicator))
        .map(|(at, indicator, _)| (at, indicator))
        .collect();
    assert!(rows == expected, "{}: {} and {}", path.display(), rows.len(), expected.len());
    rows.into_iter().map(|(at, _)| at).collect()
}
