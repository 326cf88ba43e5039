//! Conditional requests: asked only where the bytes are there, and believed only where they can be.
//!
//! The faults of other downloaders are named where a test is about them.

use super::folder::{Fetched, Folder, LIST, OTHER, minute, row};
use super::server::{Answer, Request, Server};
use crate::test_dir::{code, stderr};
use std::fs;
use std::time::{Duration, SystemTime};

const MODIFIED: &str = "Sat, 21 Nov 2026 10:00:00 GMT";
const HOURS: i64 = 60;
const DAYS: i64 = 24 * HOURS;

/// A feed that was fetched with a validator at the first minute.
fn fetched(header: &str, value: &str) -> (Server, Folder) {
    let server = Server::start();
    server.always("/a", Answer::list(LIST).header(header, value));
    let folder = Folder::with_feed(&server.url("/a"));
    folder.fetch(0).assert_state("fetched");
    (server, folder)
}

fn last(server: &Server) -> Request {
    server.requests().pop().expect("a request")
}

/// Whether the request of the next run is conditional.
fn asks_conditionally(server: &Server, folder: &Folder, minutes: i64) -> bool {
    let before = server.requests().len();
    let run = folder.fetch(minutes);
    assert_eq!(run.code, 0, "{}", run.stderr);
    server.requests()[before].is_conditional()
}

/// AdGuard Home never asks so (#7050): each of its users fetches every list anew.
#[test]
fn an_etag_is_sent_back() {
    let (server, folder) = fetched("ETag", "\"v1\"");
    server.always("/a", Answer::not_modified().header("ETag", "\"v1\""));
    folder.fetch(120).assert_state("not-modified");
    assert_eq!(last(&server).header("if-none-match"), Some("\"v1\""));
}

#[test]
fn a_weak_etag_is_sent_as_it_is() {
    let (server, folder) = fetched("ETag", "W/\"v1\"");
    server.always("/a", Answer::not_modified().header("ETag", "W/\"v1\""));
    folder.fetch(120).assert_state("not-modified");
    assert_eq!(last(&server).header("if-none-match"), Some("W/\"v1\""));
}

/// Pi-hole compared with the time of its file (#5263), and update-ipsets does. What the server wrote is sent back, also
/// where the file looks newer or older, and where the text is in an old form.
#[test]
fn a_last_modified_is_sent_back_in_the_words_of_the_server() {
    for text in [MODIFIED, "Saturday, 21-Nov-26 10:00:00 GMT", "Sat Nov 21 10:00:00 2026"] {
        let (server, folder) = fetched("Last-Modified", text);
        for time in [SystemTime::UNIX_EPOCH, SystemTime::now() + Duration::from_secs(86_400)] {
            let file = fs::File::options().write(true).open(folder.path("d/a.txt")).expect("a file");
            file.set_modified(time).expect("a time");
        }
        server.always("/a", Answer::not_modified());
        folder.fetch(120).assert_state("not-modified");
        assert_eq!(last(&server).header("if-modified-since"), Some(text));
    }
}

#[test]
fn an_etag_comes_before_a_time() {
    let server = Server::start();
    let answer = Answer::list(LIST).header("ETag", "\"v1\"").header("Last-Modified", MODIFIED);
    server.queue("/a", [answer, Answer::not_modified()]);
    let folder = Folder::with_feed(&server.url("/a"));
    folder.fetch(0).assert_state("fetched");
    folder.fetch(120).assert_state("not-modified");
    let request = last(&server);
    assert_eq!(request.header("if-none-match"), Some("\"v1\""));
}

/// raw.githubusercontent.com sends no Last-Modified (pi-hole#1139), others no validator at all.
#[test]
fn without_a_validator_the_request_is_unconditional() {
    let server = Server::start();
    server.always("/a", Answer::list(LIST));
    let folder = Folder::with_feed(&server.url("/a"));
    folder.fetch(0).assert_state("fetched");
    assert!(!asks_conditionally(&server, &folder, 120));
}

/// update-ipsets counts a 304 as a failure (firehol PR 533), and Cortex XSOAR once dropped the list (content PR 14460).
#[test]
fn a_304_confirms_what_is_there() {
    let (server, folder) = fetched("ETag", "\"v1\"");
    let before = folder.note("a.txt");
    server.always("/a", Answer::not_modified().header("ETag", "\"v1\""));
    let run = folder.fetch(2 * HOURS);
    run.assert_state("not-modified");
    assert_eq!(run.get("a", "http_status"), "304");
    assert_eq!(run.row("a")["changed"], false);
    let note = folder.note("a.txt");
    assert_eq!(folder.text("a.txt"), LIST);
    assert!(folder.noted("a.txt", "fetched_at") >= minute(120), "it is confirmed: {note}");
    assert_eq!(folder.noted("a.txt", "next_at"), folder.noted("a.txt", "checked_at").plus(3600));
    assert_eq!((&note["failures"], &note["status"]), (&0.into(), &304.into()));
    for key in ["changed_at", "validated_unconditionally_at", "sha256", "bytes", "etag", "url"] {
        assert_eq!(before[key], note[key], "{key}");
    }
    let built = folder.built(2 * HOURS + 5, "a");
    assert_eq!(built["accepted"], 3, "{built}");
}

#[test]
fn the_same_bytes_again_confirm_as_a_304_does() {
    let (server, folder) = fetched("ETag", "\"v1\"");
    let before = folder.note("a.txt");
    server.always("/a", Answer::list(LIST).header("ETag", "\"v1\""));
    let run = folder.fetch(120);
    run.assert_state("fetched");
    assert_eq!(run.row("a")["changed"], false);
    assert_eq!(folder.note("a.txt")["changed_at"], before["changed_at"]);
    assert!(folder.noted("a.txt", "fetched_at") >= minute(120));
    assert!(folder.noted("a.txt", "validated_unconditionally_at") >= minute(120), "a 200 is a proof");
}

/// As of servers that make one of the time (covid-19-data#312). The bytes decide, not the ETag.
#[test]
fn an_etag_of_every_answer_is_no_change() {
    let server = Server::start();
    let next = std::sync::atomic::AtomicUsize::new(0);
    server.on("/a", move |_| {
        let number = next.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        Answer::list(LIST).header("ETag", &format!("\"t{number}\""))
    });
    let folder = Folder::with_feed(&server.url("/a"));
    folder.fetch(0).assert_state("fetched");
    let changed_at = folder.note("a.txt")["changed_at"].clone();
    for at in 1..4_i64 {
        let run = folder.fetch(120 * at);
        run.assert_state("fetched");
        assert_eq!(run.row("a")["changed"], false);
        assert_eq!(last(&server).header("if-none-match"), Some(format!("\"t{}\"", at - 1).as_str()));
        assert_eq!(folder.note("a.txt")["etag"], format!("\"t{at}\""));
    }
    assert_eq!(folder.note("a.txt")["changed_at"], changed_at);
}

#[test]
fn new_bytes_are_a_change() {
    let (server, folder) = fetched("ETag", "\"v1\"");
    server.always("/a", Answer::list(OTHER).header("ETag", "\"v2\""));
    let run = folder.fetch(120);
    run.assert_state("fetched");
    assert_eq!((run.row("a")["changed"].clone(), folder.text("a.txt").as_str()), (true.into(), OTHER));
    assert!(folder.noted("a.txt", "changed_at") >= minute(120));
    assert_eq!(folder.note("a.txt")["etag"], "\"v2\"");
}

/// A 304 with another ETag froze lists of nextdns for months (blocklists#73).
#[test]
fn a_304_with_another_etag_is_not_believed() {
    let (server, folder) = fetched("ETag", "\"v1\"");
    server.on("/a", |request| match request.is_conditional() {
        true => Answer::not_modified().header("ETag", "\"v2\""),
        false => Answer::list(OTHER).header("ETag", "\"v2\""),
    });
    let run = folder.fetch(120);
    run.assert_state("fetched");
    assert_eq!((folder.text("a.txt").as_str(), server.requests().len()), (OTHER, 3), "{}", run.row("a"));
    assert!(!last(&server).is_conditional());
}

/// Only the strength differs: a cache may weaken a validator.
#[test]
fn a_304_with_the_same_etag_made_weak_is_believed() {
    let (server, folder) = fetched("ETag", "\"v1\"");
    server.always("/a", Answer::not_modified().header("ETag", "W/\"v1\""));
    folder.fetch(120).assert_state("not-modified");
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn a_304_to_an_unconditional_request_is_tried_once_again() {
    let server = Server::start();
    server.queue("/a", [Answer::not_modified(), Answer::list(LIST)]);
    let folder = Folder::with_feed(&server.url("/a"));
    folder.fetch(0).assert_state("fetched");
    assert_eq!((folder.text("a.txt").as_str(), server.requests().len()), (LIST, 2));
}

#[test]
fn a_304_to_every_unconditional_request_fails() {
    let server = Server::start();
    server.always("/a", Answer::not_modified());
    let folder = Folder::with_feed(&server.url("/a"));
    folder.fetch(0).assert_failed(&["304", "not modified"]);
    assert_eq!((folder.names(), server.requests().len()), (Vec::new(), 2), "one try more, and no other");
}

/// Some servers answer 304 for ever (capyreader#2201): after a week without a proof, the list is fetched whole.
#[test]
fn after_a_week_of_304s_the_list_is_fetched_whole() {
    let (server, folder) = fetched("ETag", "\"v1\"");
    server.on("/a", |request| match request.is_conditional() {
        true => Answer::not_modified().header("ETag", "\"v1\""),
        false => Answer::list(OTHER).header("ETag", "\"v1\""),
    });
    for day in 1..7 {
        folder.fetch(day * DAYS - HOURS).assert_state("not-modified");
    }
    let run = folder.fetch(7 * DAYS + 1);
    run.assert_state("fetched");
    assert_eq!(folder.text("a.txt"), OTHER, "the list that the server hid");
    assert!(!last(&server).is_conditional());
    assert!(asks_conditionally(&server, &folder, 8 * DAYS), "the proof is new");
}

/// As Maltrail has it: a validator without its bytes is worse than none.
#[test]
fn a_validator_without_its_bytes_is_not_used() {
    type Change = fn(&Folder);
    let changes: [(&str, Change); 7] = [
        ("missing", |folder| fs::remove_file(folder.path("d/a.txt")).expect("removed")),
        ("changed", |folder| fs::write(folder.path("d/a.txt"), OTHER).expect("written")),
        ("cut", |folder| fs::write(folder.path("d/a.txt"), "45.9.20.5\n").expect("written")),
        ("emptied", |folder| fs::write(folder.path("d/a.txt"), "").expect("written")),
        ("without a note", |folder| fs::remove_file(folder.path("d/a.txt.meta.json")).expect("removed")),
        ("with a damaged note", |folder| {
            fs::write(folder.path("d/a.txt.meta.json"), "{\"etag").expect("written");
        }),
        ("with the note of a build", |folder| {
            let note = "{\"fetched_at\": \"2026-11-22T00:00:00Z\", \"etag\": \"\\\"v1\\\"\"}";
            fs::write(folder.path("d/a.txt.meta.json"), note).expect("written");
        }),
    ];
    for (name, change) in changes {
        let (server, folder) = fetched("ETag", "\"v1\"");
        server.offer("/a", "\"v1\"", LIST);
        change(&folder);
        assert!(!asks_conditionally(&server, &folder, 120), "{name}");
        assert_eq!(folder.text("a.txt"), LIST, "{name}");
        assert!(asks_conditionally(&server, &folder, 240), "{name}: healed");
    }
}

#[test]
fn a_validator_is_for_one_url() {
    let (server, mut folder) = fetched("ETag", "\"v1\"");
    server.offer("/b", "\"v1\"", OTHER);
    folder.clear_catalog();
    folder.feed("a", &server.url("/b"), "");
    folder.fetch(120).assert_state("fetched");
    assert_eq!((folder.text("a.txt").as_str(), last(&server).is_conditional()), (OTHER, false));
}

#[test]
fn a_feed_is_not_asked_before_it_is_due() {
    let (server, folder) = fetched("ETag", "\"v1\"");
    for minutes in [0, 30, 59] {
        let run = folder.fetch(minutes);
        run.assert_state("skipped");
        assert!(run.get("a", "reason").contains("not due"), "{}", run.row("a"));
    }
    assert_eq!(server.requests().len(), 1);
    folder.fetch(61).assert_state("fetched");
}

#[test]
fn the_floor_is_kept_without_the_state_file() {
    let server = Server::start();
    server.always("/a", Answer::list(LIST));
    let mut folder = Folder::new();
    folder.feed("a", &server.url("/a"), "min_interval = \"1d\"");
    folder.fetch(0).assert_state("fetched");
    fs::remove_file(folder.path("d/.rapsheet-fetch.json")).expect("removed");
    folder.fetch(23 * HOURS).assert_state("skipped");
    fs::write(folder.path("d/.rapsheet-fetch.json"), "{\"hosts\": {\"a").expect("written");
    folder.fetch(23 * HOURS).assert_state("skipped");
    assert_eq!(server.requests().len(), 1);
    folder.fetch(25 * HOURS).assert_state("fetched");
}

/// update-ipsets halves the interval after a failure, and so asks a server in trouble more often.
#[test]
fn after_failures_a_feed_is_asked_less_often() {
    let server = Server::start();
    server.always("/a", Answer::new(404, "gone"));
    let folder = Folder::with_feed(&server.url("/a"));
    let (mut at, mut waits) = (0, Vec::new());
    for _ in 0..7 {
        let run = folder.fetch(at);
        run.assert_failed(&["HTTP 404"]);
        let next = super::folder::time(&run.row("a")["next_at"]);
        let wait = (next.unix() - minute(at).unix()) / 60;
        waits.push(wait);
        folder.fetch(at + wait - 2).assert_state("skipped");
        at += wait + 1;
    }
    assert_eq!(server.requests().len(), 7);
    assert_eq!(waits, [60, 120, 240, 480, 720, 720, 720], "doubled, at most twelve hours");
    server.always("/a", Answer::list(LIST));
    let run = folder.fetch(at);
    run.assert_state("fetched");
    assert_eq!(folder.note("a.txt")["failures"], 0);
    folder.fetch(at + 61).assert_state("fetched");
}

/// AdGuard Home sets the time of the last update on errors as well, and so never tells that a list is old.
#[test]
fn a_failure_is_no_update() {
    let (server, folder) = fetched("ETag", "\"v1\"");
    let before = folder.note("a.txt");
    server.always("/a", Answer::new(500, "no"));
    let run = folder.fetch(5 * DAYS);
    run.assert_failed(&["HTTP 500"]);
    assert_eq!(folder.note("a.txt")["fetched_at"], before["fetched_at"]);
    assert_eq!(super::folder::time(&run.row("a")["fetched_at"]), folder.noted("a.txt", "fetched_at"));
    let output = folder.build(5 * DAYS + 1, &[]);
    assert_eq!(code(&output), 3, "the feed is stale: {}", stderr(&output));
    assert_eq!(row(&super::folder::json(&folder.path("b.json")), "a")["stale"], true);
}

#[test]
fn the_file_has_the_time_of_its_note() {
    let (_server, folder) = fetched("ETag", "\"v1\"");
    let modified = |folder: &Folder| {
        let time = fs::metadata(folder.path("d/a.txt")).expect("a file").modified().expect("a time");
        time.duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_secs() as i64
    };
    assert_eq!(modified(&folder), folder.noted("a.txt", "fetched_at").unix());
}

fn run(folder: &Folder, minutes: i64, state: &str) -> Fetched {
    let run = folder.fetch(minutes);
    assert_eq!(run.count(state), 2, "{}", run.report);
    let output = folder.build(minutes + 10, &[]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    run
}

/// What differs is what the server answered: the bytes of the downloads and their times are the same.
#[test]
fn a_build_after_304s_is_that_after_200s_with_the_same_bytes() {
    let server = Server::start();
    let [confirmed, fetched] = ["not-modified", "fetched"].map(|state| {
        let mut folder = Folder::new();
        for (id, mode) in [("a", "reset"), ("b", "accumulated")] {
            folder.feed(id, &server.url(&format!("/{id}")), &format!("mode = \"{mode}\""));
            if state == "fetched" {
                server.always(&format!("/{id}"), Answer::list(LIST).header("ETag", "\"v1\""));
            } else {
                server.offer(&format!("/{id}"), "\"v1\"", LIST);
            }
        }
        run(&folder, 0, "fetched");
        run(&folder, DAYS, state);
        let times = ["a.txt", "b.txt"].map(|file| folder.noted(file, "fetched_at"));
        assert_eq!(times, [minute(DAYS); 2], "the clock of the test stands still");
        ["o.rap", "o.rap.state"].map(|file| fs::read(folder.path(file)).expect("a file"))
    });
    for (left, right) in confirmed.iter().zip(&fetched) {
        let first = left.iter().zip(right).position(|(left, right)| left != right);
        assert!(left == right, "{} and {} bytes; they differ from byte {first:?}", left.len(), right.len());
    }
}
