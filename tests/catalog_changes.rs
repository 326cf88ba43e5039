//! Changes of the catalogue between two builds: a feed is disabled and enabled again, gets another list kind,
//! mode, retention or provider, or is removed. Sightings keep their times, or end, as the change demands.

use crate::support::{DAY, Harness, contents, day};
use rapsheet_ingest::report::FeedReport;
use rapsheet_query::Searcher;
use rapsheet_snapshot::{Status, Time};

const LIST: &[u8] = b"45.9.20.1\n45.9.20.2\n";

/// One feed of a catalogue, with more keys.
fn feed(id: &str, more: &str) -> String {
    format!(
        "[[feed]]\nid = \"{id}\"\nprovider = \"{id}.example\"\nfile = \"{id}.txt\"\nformat = \"plain-ip\"\n{more}\n"
    )
}

/// A harness with two feeds, after a first build.
fn after_first_build(more: &str) -> Harness {
    let mut harness = Harness::new(&(feed("a", more) + &feed("b", "")));
    harness.download("a.txt", LIST, day(0));
    harness.download("b.txt", b"45.9.30.1\n", day(0));
    harness.build(day(0));
    harness
}

fn report_of(harness: &mut Harness, now: Time, id: &str) -> FeedReport {
    let mut feeds = harness.build(now).report.feeds.into_iter();
    feeds.find(|feed| feed.id == id).expect("a feed in the report")
}

fn status(harness: &Harness, text: &str, at: Time) -> Status {
    Searcher::new(harness.snapshot(), at).lookup(text).expect("an address").status
}

#[test]
fn re_enabled_feed_does_not_redate_known_rows() {
    let mut harness = after_first_build("mode = \"accumulated\"\nretention = \"3d\"");
    let enabled = harness.catalog.clone();
    harness.catalog = feed("a", "mode = \"accumulated\"\nenabled = false") + &feed("b", "");
    for days in [1, 2] {
        harness.build(day(days));
        assert_eq!(contents(harness.snapshot()).len(), 1, "a disabled feed lists nothing");
    }
    harness.catalog = enabled;
    let list = [LIST, b"45.9.20.3\n"].concat();
    harness.download("a.txt", &list, day(3));
    let report = report_of(&mut harness, day(3), "a");
    assert_eq!((report.expired, report.accepted), (2, 1), "only one row is new");
    let again = report_of(&mut harness, day(3), "a");
    assert_eq!((again.expired, again.accepted), (2, 1), "a repeated build agrees");
}

#[test]
fn changing_the_list_kind_ends_earlier_sightings() {
    for more in ["", "keep_absent = true", "mode = \"accumulated\""] {
        let mut harness = after_first_build(more);
        harness.catalog = feed("a", &format!("list = \"allow\"\n{more}")) + &feed("b", "");
        harness.download("a.txt", b"45.9.20.2\n45.9.20.3\n", day(1));
        let built = harness.build(day(1));
        let ended: Vec<(&str, u64, &str)> =
            built.report.ended.iter().map(|feed| (feed.id.as_str(), feed.sightings, feed.reason)).collect();
        assert_eq!(ended, [("a", 2, "other-list")], "{more}");
        let statuses = ["45.9.20.1", "45.9.20.2", "45.9.20.3"].map(|text| status(&harness, text, day(1)));
        assert_eq!(statuses, [Status::Unknown, Status::Allowed, Status::Allowed], "{more}");
    }
}

#[test]
fn reports_removed_feeds_with_their_sighting_count() {
    for (more, reason) in [(None, "removed"), (Some("enabled = false"), "disabled")] {
        let mut harness = after_first_build("");
        harness.catalog = more.map(|more| feed("a", more)).unwrap_or_default() + &feed("b", "");
        let built = harness.build(day(1));
        assert_eq!(built.report.ended.len(), 1);
        let ended = &built.report.ended[0];
        assert_eq!((ended.id.as_str(), ended.sightings, ended.reason), ("a", 2, reason));
        assert_eq!(harness.build(day(1)).report.ended, [], "reported once");
    }
}

#[test]
fn new_retention_applies_to_existing_sightings() {
    let mut harness = after_first_build("");
    std::fs::remove_file(harness.path("a.txt")).expect("an existing file");
    harness.catalog = feed("a", "retention = \"36h\"") + &feed("b", "");
    harness.build(day(1));
    let end = day(0).plus(DAY * 3 / 2);
    assert_eq!(status(&harness, "45.9.20.1", end.plus(-1)), Status::Blocked);
    assert_eq!(status(&harness, "45.9.20.1", end), Status::Unknown);
    assert_eq!(report_of(&mut harness, end, "a").expired_since, 2);
}

#[test]
fn changing_the_mode_keeps_sightings_and_first_seen() {
    let mut harness = after_first_build("");
    harness.catalog = feed("a", "mode = \"accumulated\"") + &feed("b", "");
    harness.download("a.txt", b"45.9.20.2\n", day(1));
    let accumulated = report_of(&mut harness, day(1), "a");
    assert_eq!((accumulated.reconfirmed, accumulated.kept, accumulated.removed), (1, 1, 0));
    harness.catalog = feed("a", "") + &feed("b", "");
    harness.download("a.txt", b"45.9.20.2\n", day(2));
    let reset = report_of(&mut harness, day(2), "a");
    assert_eq!((reset.reconfirmed, reset.kept, reset.removed), (1, 0, 1));
    let seen = contents(harness.snapshot())[&("a".to_owned(), "45.9.20.2".to_owned())];
    assert_eq!(seen, (day(0), day(2)));
}

#[test]
fn changing_the_provider_keeps_sightings() {
    let mut harness = after_first_build("");
    harness.catalog = harness.catalog.replace("a.example", "z.example");
    std::fs::remove_file(harness.path("a.txt")).expect("an existing file");
    harness.build(day(1));
    let searcher = Searcher::new(harness.snapshot(), day(1));
    let answer = searcher.lookup("45.9.20.1").expect("an address");
    let provider = harness.snapshot().feed(answer.sources[0].feed).map(|feed| feed.provider.as_str());
    assert_eq!((provider, answer.sources[0].first_seen), (Some("z.example"), day(0)));
}

#[test]
fn reports_an_unfetched_feed_as_stale() {
    let mut harness = after_first_build("max_age = \"2d\"");
    let edge = day(2);
    assert!(!report_of(&mut harness, edge, "a").stale);
    let old = report_of(&mut harness, edge.plus(1), "a");
    assert_eq!((old.stale, old.max_age_seconds), (true, 2 * DAY));
    assert_eq!(status(&harness, "9.9.9.9", edge.plus(1)), Status::Unknown, "the other feed is not stale");
}
