//! Questions that are looked up together get the answers that each gets alone: from the library, and from the program,
//! which answers arguments one by one and the lines of stdin together.

use crate::fresh_logs::{Kind, Listed, kinds};
use crate::support::{DAY, Harness, Random, day};
use crate::test_dir::{TestDir, code, stderr};
use rapsheet_query::answer::{Answer, AnswerBuffers, AnswerSource};
use rapsheet_query::{Batch, Searcher, Verdict};
use rapsheet_snapshot::Time;
use std::net::Ipv4Addr;

/// Six providers: of addresses, ranges, names in each scope, and URLs; of an allowlist; of rows with times of their
/// own; and of a feed that failed.
const CATALOG: &str = r#"
[guard]
coverage_above = "100%"
new_coverage_above = "100%"

[[feed]]
id = "b-ip"
provider = "b.example"
file = "ip.txt"
format = "plain-ip"
mode = "reset"
assessment = ["botnet", "spam"]
[[feed]]
id = "a-ranges"
provider = "a.example"
file = "ranges.txt"
format = "ip-range"
mode = "reset"
retention = "5d"
[[feed]]
id = "b-names"
provider = "b.example"
file = "names.txt"
format = "plain-domain"
mode = "reset"
scope = "exact"
assessment = ["phishing"]
[[feed]]
id = "c-trees"
provider = "c.example"
file = "trees.txt"
format = "plain-domain"
mode = "reset"
scope = "tree"
[[feed]]
id = "c-below"
provider = "c.example"
file = "below.txt"
format = "plain-domain"
mode = "reset"
scope = "subdomains"
[[feed]]
id = "a-urls"
provider = "a.example"
file = "urls.txt"
format = "url-list"
mode = "reset"
assessment = ["malware"]
[[feed]]
id = "good"
provider = "d.example"
file = "good.txt"
format = "plain-ip"
list = "allow"
mode = "reset"
[[feed]]
id = "rows"
provider = "e.example"
file = "rows.csv"
format = "csv"
mode = "accumulated"
retention = "30d"
[feed.options]
value = "value"
first_seen = "first_seen"
expires = "expires"
[[feed]]
id = "lost"
provider = "f.example"
file = "lost.txt"
format = "plain-ip"
mode = "reset"
"#;

struct Fixture {
    harness: Harness,
    lists: [Vec<String>; 3],
}

fn text_of(lines: impl Iterator<Item = String>) -> String {
    lines.map(|line| line + "\n").collect()
}

impl Fixture {
    fn new() -> Fixture {
        let mut random = Random::new(51);
        // Two /16, so that entries of several feeds cover one address.
        let mut address = || 0x2D09_0000 + random.below(1 << 17) as u32;
        let addresses: Vec<u32> = (0..600).map(|_| address()).collect();
        let ranges: Vec<(u32, u32)> =
            addresses.iter().step_by(3).map(|first| (*first & !0x3F, (*first & !0x3F) + 70)).collect();
        let dotted = |address: &u32| Ipv4Addr::from_bits(*address).to_string();
        let names: Vec<String> = (0..300).map(|at| format!("n{}.evil{}.com", at % 90, at % 17)).collect();
        let trees = (0..10).map(|at| format!("evil{at}.com"));
        let below = (5..15).map(|at| format!("evil{at}.com"));
        let urls: Vec<String> = (0..100)
            .map(|at| match at % 3 {
                0 => format!("n{at}.evil{}.com/{at}", at % 17),
                1 => format!("http://n{at}.evil{}.com/{at}?q=é", at % 17),
                _ => format!("https://{}/{at}", dotted(&addresses[at])),
            })
            .collect();
        let mut harness = Harness::new(CATALOG);
        let row = |(at, address): (usize, &u32)| {
            let (day, hour) = (1 + at % 20, at % 24);
            format!(
                "{},2026-05-{day:02}T{hour:02}:00:00Z,2026-06-{:02}T{hour:02}:30:00Z",
                dotted(address),
                day + 5
            )
        };
        let rows = addresses.iter().step_by(2).enumerate().map(row);
        let range = |(first, last): &(u32, u32)| format!("{}-{}", dotted(first), dotted(last));
        let networks = addresses.iter().step_by(7).map(|address| format!("{}/28", dotted(&(address & !15))));
        for (file, text) in [
            ("ip.txt", text_of(addresses.iter().map(dotted).chain(["2a06:e480::/32".to_owned()]))),
            ("ranges.txt", text_of(ranges.iter().map(range))),
            ("names.txt", text_of(names.iter().cloned())),
            ("trees.txt", text_of(trees)),
            ("below.txt", text_of(below)),
            ("urls.txt", text_of(urls.iter().cloned())),
            ("good.txt", text_of(networks.chain(["2a06:e480:1::/48".to_owned()]))),
            ("rows.csv", text_of(std::iter::once("value,first_seen,expires".to_owned()).chain(rows))),
        ] {
            harness.download(file, text.as_bytes(), day(0));
        }
        harness.build(day(0));
        let addresses = addresses.iter().map(dotted).collect();
        Fixture { harness, lists: [addresses, names, urls] }
    }

    /// Questions of all kinds, of which some are none: the words of made-up logs and some of their lines.
    fn questions(&self) -> Vec<String> {
        let [addresses, names, urls] = &self.lists;
        let mut questions: Vec<String> = [
            "45.9.0.0/16",
            "45.9.20.0-45.10.3.7",
            "2a06:e480:1::7",
            "2a06:e480::/16",
            "evil7.com",
            "x.evil7.com",
            "x.y.evil14.com",
            "n4.evil4.com.",
            "N4.EVIL4[.]com",
            "http://n1.evil1.com/1?q=é",
            "http://n1.evil1.com/1?q=%C3%A9",
            "010.0.0.1",
            "localhost",
            "two words",
            "=1+2",
            "-x.evil3.com",
            "\u{202e}evil.com",
            "a\tb\u{7f}.evil3.com",
            "quo\"te.com",
            "back\\slash.evil2.com",
        ]
        .map(str::to_owned)
        .to_vec();
        let words = |kind: &Kind| {
            let text = kind.make(60, Listed { addresses, names, urls });
            String::from_utf8(text).expect("text")
        };
        for text in kinds().map(words) {
            let lines = text.lines().filter(|line| line.len() < 300).step_by(9);
            let words = text.split_ascii_whitespace().filter(|word| word.len() < 500);
            questions.extend(lines.chain(words).map(str::to_owned));
        }
        questions.extend([addresses, names, urls].into_iter().flatten().step_by(2).cloned());
        questions.retain(|question| !question.trim_ascii().is_empty() && question != "-");
        questions
    }
}

/// The instants at which the feeds differ: now, after the ranges ended, when only rows are live, and much later.
fn instants() -> [Time; 4] {
    [0, 6, 16, 400].map(|days| day(0).plus(days * DAY))
}

/// A sighting, as text.
fn text_of_source(answer: &Answer<'_>, source: &AnswerSource) -> String {
    let mut matched = Vec::new();
    answer.write_matched(source, &mut matched);
    format!(
        "{:?} {} {:?} {} {} {} {} {} {}",
        source.feed,
        source.provider,
        source.status,
        source.assessments,
        String::from_utf8_lossy(&matched),
        source.first_seen,
        source.detect_time,
        source.expires,
        source.stale
    )
}

fn assert_same(answer: &Answer<'_>, verdict: &Verdict) {
    let question = &verdict.indicator;
    let mut indicator = Vec::new();
    answer.write_indicator(&mut indicator);
    assert_eq!(String::from_utf8_lossy(&indicator), *question);
    let numbers = (answer.status, answer.detected_by, answer.failed, answer.assessments());
    let expected = (verdict.status, verdict.detected_by, verdict.failed, verdict.assessments());
    assert_eq!(numbers, expected, "{question}");
    let found: Vec<String> = answer.sources.iter().map(|source| text_of_source(answer, source)).collect();
    let expected: Vec<String> = verdict
        .sources
        .iter()
        .map(|source| {
            format!(
                "{:?} {} {:?} {} {} {} {} {} {}",
                source.feed,
                source.provider,
                source.status,
                source.assessments,
                source.matched,
                source.first_seen,
                source.detect_time,
                source.expires,
                source.stale
            )
        })
        .collect();
    assert_eq!(found, expected, "{question}");
    let listing =
        (0..verdict.providers.len()).filter(|at| verdict.sources.iter().any(|source| source.provider == *at));
    let deciding: Vec<usize> = listing.filter(|at| verdict.providers[*at] == verdict.status).collect();
    assert_eq!(answer.decided_by().collect::<Vec<_>>(), deciding, "{question}");
}

#[test]
fn answers_of_a_batch_are_the_verdicts() {
    let fixture = Fixture::new();
    let questions = fixture.questions();
    let mut buffers = AnswerBuffers::default();
    let (mut answered, mut several, mut ranges) = (0, 0, 0);
    for at in instants() {
        let searcher = Searcher::new(fixture.harness.snapshot(), at);
        let mut batch = Batch::new();
        let accepted: Vec<&String> = questions.iter().filter(|text| batch.push(text).is_ok()).collect();
        let mut answers = searcher.answers(&mut batch, &mut buffers);
        for text in &accepted {
            let verdict = searcher.lookup(text).expect("accepted before");
            match answers.next().expect("an answer for each question") {
                (_, Some(answer)) => {
                    assert_same(&answer, &verdict);
                    answered += 1;
                    several += usize::from(answer.sources.len() > 1);
                }
                (question, None) => {
                    assert_eq!(searcher.verdict(question), verdict);
                    ranges += 1;
                }
            }
        }
        assert!(answers.next().is_none());
    }
    assert!(answered > 4000 && several > 300 && ranges > 50, "{answered}, {several}, {ranges}");
}

#[test]
fn answers_of_a_batch_allocate_nothing() {
    let fixture = Fixture::new();
    let questions = fixture.questions();
    let searcher = Searcher::new(fixture.harness.snapshot(), day(1));
    let (mut batch, mut buffers, mut text) = (Batch::new(), AnswerBuffers::default(), Vec::new());
    let is_single = |question: &&String| {
        let is_range = searcher.lookup(question).is_ok_and(|verdict| verdict.indicator.contains(['/', '-']));
        // A text with an escape is refanged into a text of its own; an IPv6 address is formatted by the library.
        !is_range && question.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.')
    };
    let plain: Vec<&String> = questions.iter().filter(is_single).collect();
    let mut listed = 0;
    let mut look_up = || {
        batch.clear();
        plain.iter().for_each(|question| {
            let _ = batch.push(question);
        });
        text.clear();
        let mut answers = searcher.answers(&mut batch, &mut buffers);
        while let Some((_, answer)) = answers.next() {
            let answer = answer.expect("no ranges");
            answer.write_indicator(&mut text);
            answer.sources.iter().for_each(|source| answer.write_matched(source, &mut text));
            listed += usize::from(!answer.sources.is_empty());
        }
    };
    look_up();
    let cost = allocation_counter::measure(look_up);
    assert!(listed > 200, "{listed}");
    assert_eq!(cost.count_total, 0, "{} bytes after the buffers have grown", cost.bytes_total);
}

#[test]
fn stdin_is_answered_as_arguments_are() {
    let fixture = Fixture::new();
    let questions = fixture.questions();
    let dir = TestDir::new();
    fixture.harness.build_only(day(0)).image.publish(dir.path("rapsheet.rap")).expect("published");
    let input = questions.join("\n");
    for (args, at) in [
        (&["-o", "tsv"][..], 0),
        (&["-o", "jsonl"], 0),
        (&["-o", "jsonl"], 1),
        (&["-o", "tsv"], 2),
        (&["-o", "jsonl"], 3),
        (&["-o", "jsonl", "--all-sources"], 1),
        (&["-o", "tsv", "--spreadsheet"], 1),
        (&["-o", "csv"], 1),
        (&["-o", "tsv", "--at", "2026-05-20"], 0),
    ] {
        let now = instants()[at].to_string();
        let args = [&["lookup", "--now", &now], args].concat();
        let together = dir.run_with_input(&args, input.as_bytes());
        assert_eq!(code(&together), 2, "{}", stderr(&together));
        let mut alone = Vec::new();
        for questions in questions.chunks(400) {
            let questions: Vec<&str> = questions.iter().map(String::as_str).collect();
            let output = dir.run(&[&args, &["--"][..], &questions].concat());
            let header = output.stdout.iter().position(|byte| *byte == b'\n').map_or(0, |at| at + 1);
            let has_header = args.contains(&"csv") && !alone.is_empty();
            alone.extend_from_slice(&output.stdout[if has_header { header } else { 0 }..]);
        }
        assert_eq!(first_difference(&together.stdout, &alone), None, "{args:?}");
    }
}

/// The first lines that differ, as text.
fn first_difference(found: &[u8], expected: &[u8]) -> Option<(String, String)> {
    let lines = |text: &[u8]| -> Vec<String> {
        String::from_utf8_lossy(text).lines().map(str::to_owned).chain(["(the end)".to_owned()]).collect()
    };
    let (found, expected) = (lines(found), lines(expected));
    found.into_iter().zip(expected).find(|(found, expected)| found != expected)
}
