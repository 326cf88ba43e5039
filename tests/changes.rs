//! What an operator changes in the catalogue between two nights: feeds rest and come back, change sides, mode and
//! retention, and go away. What they listed must be dated and ended as if nobody had touched anything else.

use crate::support::{DAY, House, contents, day};
use rapsheet_ingest::report::FeedReport;
use rapsheet_query::Searcher;
use rapsheet_snapshot::{Status, Time};

const LIST: &[u8] = b"45.9.20.1\n45.9.20.2\n";

/// One feed of a catalogue, with what differs from the usual.
fn feed(id: &str, more: &str) -> String {
    format!(
        "[[feed]]\nid = \"{id}\"\nprovider = \"{id}.example\"\nfile = \"{id}.txt\"\nformat = \"plain-ip\"\n{more}\n"
    )
}

/// A house in which two feeds have had a first night.
fn after_a_night(more: &str) -> House {
    let mut house = House::new(&(feed("a", more) + &feed("b", "")));
    house.download("a.txt", LIST, day(0));
    house.download("b.txt", b"45.9.30.1\n", day(0));
    house.night(day(0));
    house
}

fn report_of(house: &mut House, now: Time, id: &str) -> FeedReport {
    let mut feeds = house.night(now).report.feeds.into_iter();
    feeds.find(|feed| feed.id == id).expect("it was read")
}

fn status(house: &House, text: &str, at: Time) -> Status {
    Searcher::new(house.snapshot(), at).lookup(text).expect("an address").status
}

#[test]
fn a_feed_that_rested_does_not_take_its_old_rows_for_new_ones() {
    let mut house = after_a_night("mode = \"accumulated\"\nretention = \"3d\"");
    let awake = house.catalog.clone();
    house.catalog = feed("a", "mode = \"accumulated\"\nenabled = false") + &feed("b", "");
    for night in [1, 2] {
        house.night(day(night));
        assert_eq!(contents(house.snapshot()).len(), 1, "what rests lists nothing");
    }
    house.catalog = awake;
    let list = [LIST, b"45.9.20.3\n"].concat();
    house.download("a.txt", &list, day(3));
    let woken = report_of(&mut house, day(3), "a");
    assert_eq!((woken.expired, woken.accepted), (2, 1), "only one row is new");
    let again = report_of(&mut house, day(3), "a");
    assert_eq!((again.expired, again.accepted), (2, 1), "and so it stays");
}

#[test]
fn a_feed_that_changes_sides_says_nothing_of_what_it_said_before() {
    for more in ["", "keep_absent = true", "mode = \"accumulated\""] {
        let mut house = after_a_night(more);
        house.catalog = feed("a", &format!("list = \"allow\"\n{more}")) + &feed("b", "");
        house.download("a.txt", b"45.9.20.2\n45.9.20.3\n", day(1));
        let built = house.night(day(1));
        let ended: Vec<(&str, u64, &str)> =
            built.report.ended.iter().map(|feed| (feed.id.as_str(), feed.sightings, feed.reason)).collect();
        assert_eq!(ended, [("a", 2, "other-list")], "{more}");
        let said = ["45.9.20.1", "45.9.20.2", "45.9.20.3"].map(|text| status(&house, text, day(1)));
        assert_eq!(said, [Status::Unknown, Status::Allowed, Status::Allowed], "{more}");
    }
}

#[test]
fn feeds_that_leave_the_catalogue_are_told_with_what_they_listed() {
    for (more, reason) in [(None, "removed"), (Some("enabled = false"), "disabled")] {
        let mut house = after_a_night("");
        house.catalog = more.map(|more| feed("a", more)).unwrap_or_default() + &feed("b", "");
        let built = house.night(day(1));
        assert_eq!(built.report.ended.len(), 1);
        let ended = &built.report.ended[0];
        assert_eq!((ended.id.as_str(), ended.sightings, ended.reason), ("a", 2, reason));
        assert_eq!(house.night(day(1)).report.ended, [], "it is told once");
    }
}

#[test]
fn another_retention_holds_for_what_is_listed_already() {
    let mut house = after_a_night("");
    std::fs::remove_file(house.path("a.txt")).expect("it was there");
    house.catalog = feed("a", "retention = \"36h\"") + &feed("b", "");
    house.night(day(1));
    let end = day(0).plus(DAY * 3 / 2);
    assert_eq!(status(&house, "45.9.20.1", end.plus(-1)), Status::Blocked);
    assert_eq!(status(&house, "45.9.20.1", end), Status::Unknown);
    assert_eq!(report_of(&mut house, end, "a").lapsed, 2);
}

#[test]
fn another_mode_keeps_what_is_listed_and_its_first_seen() {
    let mut house = after_a_night("");
    house.catalog = feed("a", "mode = \"accumulated\"") + &feed("b", "");
    house.download("a.txt", b"45.9.20.2\n", day(1));
    let accumulated = report_of(&mut house, day(1), "a");
    assert_eq!((accumulated.reconfirmed, accumulated.carried, accumulated.removed), (1, 1, 0));
    house.catalog = feed("a", "") + &feed("b", "");
    house.download("a.txt", b"45.9.20.2\n", day(2));
    let reset = report_of(&mut house, day(2), "a");
    assert_eq!((reset.reconfirmed, reset.carried, reset.removed), (1, 0, 1));
    let seen = contents(house.snapshot())[&("a".to_owned(), "45.9.20.2".to_owned())];
    assert_eq!(seen, (day(0), day(2)));
}

#[test]
fn another_provider_speaks_for_the_same_feed() {
    let mut house = after_a_night("");
    house.catalog = house.catalog.replace("a.example", "z.example");
    std::fs::remove_file(house.path("a.txt")).expect("it was there");
    house.night(day(1));
    let searcher = Searcher::new(house.snapshot(), day(1));
    let answer = searcher.lookup("45.9.20.1").expect("an address");
    let provider = house.snapshot().feed(answer.sources[0].feed).map(|feed| feed.provider.as_str());
    assert_eq!((provider, answer.sources[0].first_seen), (Some("z.example"), day(0)));
}

#[test]
fn a_feed_that_nobody_fetches_is_stale_in_the_report() {
    let mut house = after_a_night("max_age = \"2d\"");
    let edge = day(2);
    assert!(!report_of(&mut house, edge, "a").stale);
    let old = report_of(&mut house, edge.plus(1), "a");
    assert_eq!((old.stale, old.max_age_seconds), (true, 2 * DAY));
    assert_eq!(status(&house, "9.9.9.9", edge.plus(1)), Status::Unknown, "another feed is well");
}
