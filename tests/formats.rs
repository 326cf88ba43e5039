//! Every format reads its sample as expected, line by line, and both catalogues are valid.
//!
//! `tests/expected` has a line for each event: `12 ip 45.9.20.5`, `13 skip comment`, `14 reject bad-ip`.
//! `RAPSHEET_BLESS=1` writes these files anew; review the difference.

use rapsheet_ingest::catalog::Catalog;
use rapsheet_ingest::decode::{self, Caps};
use rapsheet_ingest::format::FORMATS;
use rapsheet_ingest::intake::{Recipe, transcribe, transcribe_all};
use rapsheet_ingest::scribe::Rules;
use rapsheet_ingest::transcript::{Event, Transcript};
use rapsheet_snapshot::Time;
use std::fs;
use std::path::PathBuf;

fn folder(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn catalog(name: &str) -> Catalog {
    let text = fs::read_to_string(folder(name)).expect("a catalogue");
    Catalog::parse(&text, name).map_err(|error| error.to_string()).expect("a valid catalogue")
}

fn now() -> Time {
    Time::parse_rfc3339("2026-11-23T00:00:00Z").expect("a time")
}

fn event_line(event: &Event) -> String {
    let Event { line, result, .. } = event;
    let what = event.indicator.as_deref().or(event.reason).unwrap_or_default();
    let list = if event.list == Some("allow") { "allow " } else { "" };
    let mut text = format!("{line} {list}{result} {what}");
    let port = event.port.map(|port| format!(" port={port}"));
    let times = [("first", &event.first_seen), ("last", &event.detect_time), ("end", &event.expires)];
    let times = times.iter().filter_map(|(name, time)| Some(format!(" {name}={}", time.as_deref()?)));
    let words = event.warnings.iter().map(|warning| format!(" !{warning}"));
    let bad = event.assessments.iter().map(|assessment| format!(" +{assessment}"));
    text.extend(port.into_iter().chain(times).chain(words).chain(bad));
    text
}

#[test]
fn every_sample_reads_as_expected() {
    for feed in catalog("feeds/samples/catalog.toml").feeds {
        let path = folder("feeds/samples").join(&feed.file);
        let mut text = decode::open_path(&path, Caps::default()).expect("a sample");
        let rules = Rules::new(now(), feed.list, feed.scope);
        let recipe =
            Recipe { format: feed.format, options: &feed.options, rules: &rules, can_be_empty: false };
        let mut transcript = Transcript::new(feed.list);
        transcribe_all(&recipe, &mut text, &mut transcript).tally.expect("a readable sample");
        let read: String = transcript.events.iter().map(|event| event_line(event) + "\n").collect();
        let path = folder("tests/expected").join(format!("{}.txt", feed.id));
        if std::env::var_os("RAPSHEET_BLESS").is_some() {
            fs::write(&path, &read).expect("written");
        }
        let expected = fs::read_to_string(&path).expect("an expectation");
        let first = read.lines().zip(expected.lines()).find(|(read, expected)| read != expected);
        assert!(read == expected, "{}: {first:?}; RAPSHEET_BLESS=1 accepts the change", feed.id);
    }
}

#[test]
fn every_format_has_a_sample() {
    let feeds = catalog("feeds/samples/catalog.toml").feeds;
    for format in FORMATS {
        assert!(feeds.iter().any(|feed| feed.format.id == format.id), "{} has no sample", format.id);
    }
}

#[test]
fn catalogue_of_real_feeds_is_valid() {
    let feeds = catalog("feeds/catalog.toml").feeds;
    let live = feeds.iter().filter(|feed| feed.enabled).count();
    assert!(live >= 40, "{live} live feeds");
    for feed in &feeds {
        assert!(feed.url.starts_with("http"), "{} has no url", feed.id);
        assert!(!feed.licence.is_empty(), "{} has no licence", feed.id);
        assert!(feed.enabled || !feed.note.is_empty(), "{} is disabled without a reason", feed.id);
        // A format reports missing or invalid options when it is opened.
        let rules = Rules::new(now(), feed.list, feed.scope);
        let recipe =
            Recipe { format: feed.format, options: &feed.options, rules: &rules, can_be_empty: true };
        let mut transcript = Transcript::new(feed.list);
        let empty = transcribe(&recipe, &mut b"value,x\n".as_slice(), &mut transcript);
        let empty = empty.map_err(|error| format!("{error:?}"));
        assert!(!matches!(&empty, Err(error) if error.contains("Options")), "{}: {empty:?}", feed.id);
    }
}
