//! Every format reads its sample as expected, line by line, and both catalogues are valid.
//!
//! The expectations in `tests/expected/` have one short line for each event: `12 ip 45.9.20.5`, `13 skip
//! comment`, `14 reject bad-ip`. `RAPSHEET_BLESS=1` makes the test write them; review the difference before
//! you commit it.

use crate::files::files;
use rapsheet_ingest::catalog::{Catalog, Feed};
use rapsheet_ingest::decode::{self, Limits};
use rapsheet_ingest::format::options::Options;
use rapsheet_ingest::format::{FORMATS, Format};
use rapsheet_ingest::pipeline::{Event, EventLog, ParseConfig, Rules, parse_download, parse_text};
use rapsheet_snapshot::{ListKind, Scope, Time};
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
    let assessments = event.assessments.iter().map(|assessment| format!(" +{assessment}"));
    text.extend(port.into_iter().chain(times).chain(words).chain(assessments));
    text
}

/// A sample and how it is read. The file that it is compared with has the same id.
struct Sample {
    id: String,
    path: PathBuf,
    format: &'static Format,
    options: Options,
    list: ListKind,
    scope: Scope,
}

/// The feeds of the catalogue of samples, and for every format that none of them has, the file that is named
/// after the format. So a new format needs no row in the catalogue, unless its sample needs options.
fn samples() -> Vec<Sample> {
    let of_feed = |feed: Feed| Sample {
        path: folder("feeds/samples").join(&feed.file),
        id: feed.id,
        format: feed.format,
        options: feed.options,
        list: feed.list,
        scope: feed.scope,
    };
    let mut samples: Vec<Sample> =
        catalog("feeds/samples/catalog.toml").feeds.into_iter().map(of_feed).collect();
    for format in FORMATS {
        if samples.iter().all(|sample| sample.format.id != format.id) {
            samples.push(sample_of(format));
        }
    }
    samples
}

/// The file `feeds/samples/ID.EXTENSION` of a format, read without options.
fn sample_of(format: &'static Format) -> Sample {
    let mut paths = files(&folder("feeds/samples")).into_iter();
    let path = paths.find(|path| path.file_stem().is_some_and(|stem| stem == format.id));
    let path =
        path.ok_or_else(|| format!("feeds/samples holds no sample named `{}`", format.id)).expect("a sample");
    let (id, options) = (format.id.to_owned(), Options::default());
    Sample { id, path, format, options, list: format.list, scope: Scope::Exact }
}

#[test]
fn every_sample_reads_as_expected() {
    for sample in samples() {
        let mut text = decode::open_path(&sample.path, Limits::default()).expect("a sample");
        let rules = Rules::new(now(), sample.list, sample.scope);
        let config = ParseConfig {
            format: sample.format,
            options: &sample.options,
            rules: &rules,
            can_be_empty: false,
        };
        let mut event_log = EventLog::new(sample.list);
        parse_download(&config, &mut text, &mut event_log).counters.expect("a sample is a feed");
        let read: String = event_log.events.iter().map(|event| event_line(event) + "\n").collect();
        let path = folder("tests/expected").join(format!("{}.txt", sample.id));
        if std::env::var_os("RAPSHEET_BLESS").is_some() {
            fs::write(&path, &read).expect("written");
        }
        let bless = "to accept what was read, run the test with RAPSHEET_BLESS=1 and review the difference";
        let expected = fs::read_to_string(&path);
        let expected = expected.unwrap_or_else(|error| panic!("{}: {error}; {bless}", path.display()));
        let first = read.lines().zip(expected.lines()).find(|(read, expected)| read != expected);
        assert!(read == expected, "{}: {first:?}; {bless}", sample.id);
    }
}

#[test]
fn catalogue_of_real_feeds_is_valid() {
    let feeds = catalog("feeds/catalog.toml").feeds;
    let enabled = feeds.iter().filter(|feed| feed.enabled).count();
    assert!(enabled >= 40, "{enabled} enabled feeds");
    for feed in &feeds {
        assert!(feed.url.starts_with("http"), "{} has no url", feed.id);
        assert!(!feed.licence.is_empty(), "{} has no licence", feed.id);
        assert!(feed.enabled || !feed.note.is_empty(), "{} is disabled without a reason", feed.id);
        // A format reports missing or invalid options when it is opened.
        let rules = Rules::new(now(), feed.list, feed.scope);
        let config =
            ParseConfig { format: feed.format, options: &feed.options, rules: &rules, can_be_empty: true };
        let mut event_log = EventLog::new(feed.list);
        let empty = parse_text(&config, &mut b"value,x\n".as_slice(), &mut event_log);
        let empty = empty.map_err(|error| format!("{error:?}"));
        assert!(!matches!(&empty, Err(error) if error.contains("Options")), "{}: {empty:?}", feed.id);
    }
}
