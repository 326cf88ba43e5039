//! Admission checks: which downloads are held or failed as a whole, which entries are rejected one by one,
//! and what passes although it is unusual.

use crate::support::{Harness, contents, day};
use rapsheet_ingest::build::{Accept, BuildError, BuildOutput};
use rapsheet_query::Searcher;
use rapsheet_snapshot::Status;
use rapsheet_snapshot::section::origin::FeedState;
use std::fmt::Write as _;

/// A harness with one feed.
fn harness(format: &str, guard: &str) -> Harness {
    let feed = "[[feed]]\nid = \"feed\"\nprovider = \"feed.example\"\nfile = \"list.txt\"\n";
    Harness::new(&format!("{feed}format = \"{format}\"\n{guard}"))
}

fn addresses(from: u32, count: u32) -> String {
    (from..from + count).fold(String::new(), |mut text, n| {
        writeln!(text, "45.{}.{}.{}", 16 + n / 62_500, n / 250 % 250, n % 250).expect("written to a string");
        text
    })
}

/// Why the only feed was held or failed; `None` where its download was accepted.
fn failure_reason(built: &BuildOutput) -> Option<&str> {
    let feed = &built.report.feeds[0];
    assert_eq!(built.report.trouble, feed.state != FeedState::Ok);
    (feed.state != FeedState::Ok).then_some(feed.reason.as_str())
}

/// Builds from `before`, then from `after`, and returns why `after` was held. Held downloads must change
/// nothing.
fn reason_after(format: &str, guard: &str, before: &str, after: &str) -> Option<String> {
    let mut harness = harness(format, guard);
    if !before.is_empty() {
        harness.download("list.txt", before.as_bytes(), day(0));
        assert_eq!(failure_reason(&harness.build(day(0))), None, "the first build accepts its download");
    } else {
        harness.build(day(0));
    }
    let listed = contents(harness.snapshot());
    let update = harness.snapshot().origin().feeds[0].traits().update_time;
    harness.download("list.txt", after.as_bytes(), day(1));
    let built = harness.build(day(1));
    let reason = failure_reason(&built).map(str::to_owned);
    if reason.is_some() {
        assert_eq!(contents(harness.snapshot()), listed, "a held download changes nothing");
        assert_eq!(harness.snapshot().origin().feeds[0].traits().update_time, update);
        let text = &built.report.feeds[0].reason_text;
        assert!(!text.is_empty());
    }
    reason
}

fn assert_admission(
    what: &str,
    expected: Option<&str>,
    format: &str,
    guard: &str,
    before: &str,
    after: &str,
) {
    assert_eq!(reason_after(format, guard, before, after).as_deref(), expected, "{what}");
}

#[test]
fn stops_empty_downloads_and_downloads_that_are_no_list() {
    let list = addresses(0, 200);
    let page = "<!DOCTYPE html><html><body>Please log in</body></html>\n";
    let prose = "You can only fetch the data every 30 minutes.\nPlease come back later.\n";
    let compressed = crate::support::gzip(list.as_bytes());
    let cut = String::from_utf8_lossy(&compressed[..40]).into_owned();
    for (what, after, reason) in [
        ("an empty file", "", "empty"),
        ("only comments", "# nothing today\n\n", "empty"),
        ("an HTML page", page, "html"),
        ("prose", prose, "no-data"),
        ("a truncated gzip file", cut.as_str(), "binary"),
    ] {
        let found = reason_after("plain-ip", "", &list, after);
        let cut_archive = reason == "binary" && found.is_some();
        assert!(cut_archive || found.as_deref() == Some(reason), "{what}: {found:?}");
    }
    let guard = "[feed.guard]\ncan_be_empty = true\n";
    assert_admission("an empty list with can_be_empty", None, "plain-ip", guard, &list, "# nothing today\n");
    assert_admission("an HTML page with can_be_empty", Some("html"), "plain-ip", guard, &list, page);
}

#[test]
fn holds_shrunk_and_grown_downloads() {
    let floor =
        "[feed.guard]\nshrunk_below = \"90%\"\nshrunk_floor = 10\ngrown_above = \"110%\"\ngrown_floor = 10\n";
    let empty = "[feed.guard]\ncan_be_empty = true\n";
    for (what, expected, guard, before, after) in [
        ("less than half", Some("shrunk"), "", 200, 99),
        ("exactly half", None, "", 200, 100),
        ("a list below the floor", None, "", 99, 1),
        ("more than three times", Some("grown"), "", 400, 1201),
        ("exactly three times", None, "", 400, 1200),
        ("grown to the floor", None, "", 1, 1000),
        ("grown above the floor", Some("grown"), "", 1, 1001),
        ("shrunk below the feed's own share", Some("shrunk"), floor, 100, 89),
        ("exactly the feed's own share", None, floor, 100, 90),
        ("grown above the feed's own share", Some("grown"), floor, 100, 111),
        ("shrunk, with can_be_empty", Some("shrunk"), empty, 200, 5),
    ] {
        assert_admission(what, expected, "plain-ip", guard, &addresses(0, before), &addresses(0, after));
    }
}

#[test]
fn empty_download_is_no_baseline() {
    let mut harness = harness("plain-ip", "[feed.guard]\ncan_be_empty = true\n");
    for (days, count) in [(0, 4000), (1, 0), (2, 0), (3, 4100), (4, 1000)] {
        harness.download("list.txt", format!("# head\n{}", addresses(0, count)).as_bytes(), day(days));
        let built = harness.build(day(days));
        assert_eq!(failure_reason(&built), (days == 4).then_some("shrunk"), "day {days}");
    }
}

#[test]
fn holds_downloads_with_too_many_rejects() {
    let junk = |count: usize| (0..count).map(|n| format!("row {n} of some table\n")).collect::<String>();
    let mixed = |good, bad| addresses(0, good) + &junk(bad);
    let list = addresses(0, 100);
    assert_admission("more than a fifth rejected", Some("rejects"), "plain-ip", "", &list, &mixed(79, 21));
    assert_admission("exactly a fifth rejected", None, "plain-ip", "", &list, &mixed(80, 20));
    assert_admission("rejects below the floor", None, "plain-ip", "", &addresses(0, 4), &mixed(4, 4));
    assert_admission("rejects in the first build", Some("rejects"), "plain-ip", "", "", &mixed(79, 21));
    let unlistable = "10.0.0.1\n0.0.0.0/0\n8.8.8.8\n".repeat(20);
    assert_admission(
        "rejected entries count as read",
        None,
        "plain-ip",
        "",
        &list,
        &(list.clone() + &unlistable),
    );
    let guard = "[feed.guard]\nrejects_above = \"30%\"\n";
    assert_admission("rejects_above of the feed", None, "plain-ip", guard, &list, &mixed(79, 21));
    let allow = "list = \"allow\"\n";
    assert_admission("the limit of an allowlist", Some("rejects"), "plain-ip", allow, &list, &mixed(85, 15));
}

#[test]
fn holds_truncated_downloads() {
    let ended = |count| addresses(0, count) + "# END\n";
    assert_admission("a missing end mark", Some("unended"), "plain-ip", "", &ended(90), &addresses(0, 90));
    assert_admission("an end mark", None, "plain-ip", "", &ended(90), &ended(80));
    assert_admission("a new end mark", None, "plain-ip", "", &addresses(0, 90), &ended(80));
    let guard = "[feed.guard]\nend_mark = \"; EOF\"\n";
    let drop = |count| addresses(0, count) + "; EOF\n\n";
    assert_admission("end_mark is present", None, "spamhaus-drop-text", guard, "", &drop(80));
    assert_admission(
        "end_mark is missing",
        Some("unended"),
        "spamhaus-drop-text",
        guard,
        "",
        &addresses(0, 80),
    );
    let declared = |says: u32, has| format!("# Entries: {says}\n") + &addresses(0, has);
    let list = addresses(0, 1000);
    assert_admission(
        "fewer entries than declared and than before",
        Some("short"),
        "plain-ip",
        "",
        &list,
        &declared(1000, 800),
    );
    assert_admission(
        "fewer entries than declared, as before",
        None,
        "plain-ip",
        "",
        &list,
        &declared(5000, 990),
    );
    assert_admission(
        "fewer entries than before, as declared",
        None,
        "plain-ip",
        "",
        &list,
        &declared(800, 800),
    );
    let with_sidecar = |text: &str| {
        let keys = "retention = \"5000d\"\nmax_age = \"5000d\"\nmax_unchanged = \"off\"\n";
        let harness = harness("plain-ip", keys);
        harness.download("list.txt", list.as_bytes(), day(0));
        std::fs::write(harness.path("list.txt.meta.json"), text).expect("a sidecar");
        failure_reason(&harness.build_only(day(400))).map(str::to_owned)
    };
    assert_eq!(with_sidecar(&format!("{{\"bytes\": {}}}", list.len())), None);
    assert_eq!(with_sidecar("{\"bytes\": 5}").as_deref(), Some("truncated"));
    assert_eq!(with_sidecar("{\"sha256\": \"00\"}").as_deref(), Some("truncated"));
}

#[test]
fn checks_must_contain_and_must_not_contain() {
    let must = "[feed.guard]\nmust_contain = [\"45.9.20.77\"]\n";
    let must_not = "[feed.guard]\nmust_not_contain = [\"45.9.20.0/24\"]\n";
    assert_admission("a listed address", None, "plain-ip", must, "", "45.9.20.77\n");
    assert_admission("an address in a listed prefix", None, "plain-ip", must, "", "45.9.20.0/24\n");
    assert_admission("an address that is not listed", Some("lacks"), "plain-ip", must, "", "45.9.20.76\n");
    assert_admission("inside a forbidden prefix", Some("lists"), "plain-ip", must_not, "", "45.9.20.7\n");
    assert_admission("around a forbidden prefix", Some("lists"), "plain-ip", must_not, "", "45.9.0.0/16\n");
    assert_admission("beside a forbidden prefix", None, "plain-ip", must_not, "", "45.9.21.0\n");
    let must = "scope = \"tree\"\n[feed.guard]\nmust_contain = [\"test.evilpanel.com\"]\n";
    let must_not = "scope = \"tree\"\n[feed.guard]\nmust_not_contain = [\"*.ourshop.com\"]\n";
    assert_admission("a name below a listed tree", None, "plain-domain", must, "", "evilpanel.com\n");
    assert_admission(
        "a name that is not listed",
        Some("lacks"),
        "plain-domain",
        must,
        "",
        "panel.com\nevilpanel.net\n",
    );
    assert_admission(
        "below a forbidden name",
        Some("lists"),
        "plain-domain",
        must_not,
        "",
        "www.ourshop.com\n",
    );
    assert_admission("a name that ends alike", None, "plain-domain", must_not, "", "notourshop.com\n");
    let excepted = "||evilpanel.com^\n@@||www.ourshop.com^\n@@||test.panel.com^\n";
    assert_admission("an exception is not listed", None, "adblock", must_not, "", excepted);
    let must = "[feed.guard]\nmust_contain = [\"test.panel.com\"]\n";
    assert_admission("an exception is no listed name", Some("lacks"), "adblock", must, "", excepted);
}

/// `0.0.0.0/0` in `2^bits` prefixes of the same length.
fn split_ipv4_space(bits: u32) -> String {
    (0u32..1 << bits).fold(String::new(), |mut text, n| {
        let address = std::net::Ipv4Addr::from_bits(n << (32 - bits));
        writeln!(text, "{address}/{bits}").expect("written to a string");
        text
    })
}

#[test]
fn refuses_the_whole_address_space_however_it_is_split() {
    for whole in
        ["0.0.0.0/0\n", "::/0\n", "2002::/16\n", "0.0.0.0/1\n128.0.0.0/1\n", "2000::/3\n", "1.2.3.4/0\n"]
    {
        let text = format!("{whole}45.9.20.5\n");
        let mut harness = harness("plain-ip", "");
        harness.download("list.txt", text.as_bytes(), day(0));
        let built = harness.build(day(0));
        assert_eq!(failure_reason(&built), None, "the entry is rejected, not the download: {whole}");
        assert_eq!(contents(harness.snapshot()).len(), 1, "{whole}");
        assert!(built.report.feeds[0].refusals.contains_key("too-wide"), "{whole}");
    }
    assert_admission("256 prefixes", Some("covers"), "plain-ip", "", "", &split_ipv4_space(8));
    assert_admission("65,536 prefixes", Some("covers"), "plain-ip", "", "45.9.20.5\n", &split_ipv4_space(16));
    let v6: String =
        (0..1u32 << 16).map(|n| format!("{:x}:{:x}::/19\n", 0x2000 | n >> 3, n << 13 & 0xE000)).collect();
    assert_admission("2000::/3 in prefixes", Some("covers"), "plain-ip", "", "", &v6);
}

#[test]
fn coverage_limit_counts_new_addresses() {
    // The limit is 2 %. A /8 is 1/256 of the space, so that five of them pass and six do not.
    let eights =
        |from: u32, count: u32| (from..from + count).map(|n| format!("{n}.0.0.0/8\n")).collect::<String>();
    let doubled = eights(20, 5) + &eights(20, 5) + "20.1.0.0/16\n";
    assert_admission("below the limit", None, "plain-ip", "", "", &eights(20, 5));
    assert_admission("duplicates count once", None, "plain-ip", "", "", &doubled);
    assert_admission("above the limit", Some("covers"), "plain-ip", "", "", &eights(20, 6));
    assert_admission(
        "below the limit, added to others",
        None,
        "plain-ip",
        "",
        &eights(20, 5),
        &eights(20, 10),
    );
    assert_admission(
        "above the limit, added to others",
        Some("covers"),
        "plain-ip",
        "",
        &eights(20, 5),
        &eights(20, 11),
    );
    let guard = "[feed.guard]\nnew_coverage_above = \"9%\"\n";
    assert_admission("new_coverage_above of the feed", None, "plain-ip", guard, "", &eights(20, 20));
    let mut harness = harness("plain-ip", "");
    let mut first_stop = None;
    for days in 0..12 {
        harness.download("list.txt", eights(20, 5 * (days + 1)).as_bytes(), day(days.into()));
        let built = harness.build(day(days.into()));
        first_stop = first_stop.or(failure_reason(&built).map(|reason| (days, reason.to_owned())));
    }
    assert_eq!(
        first_stop,
        Some((7, "covers".to_owned())),
        "the total limit is 15 %, however slowly it is reached"
    );
}

/// The list contains other networks in each build, and the feed keeps those of earlier builds.
#[test]
fn coverage_limit_counts_kept_sightings() {
    let eights = |days: i64| (0..5).map(|n| format!("{}.0.0.0/8\n", 20 + 5 * days + n)).collect::<String>();
    let reasons = |more: &str| {
        let mut harness = harness("plain-ip", &format!("retention = \"5d\"\n{more}"));
        harness.catalog.insert_str(0, "[guard]\nallow_never_block = true\n");
        let stops = (0..20).map(|days| {
            harness.download("list.txt", eights(days).as_bytes(), day(days));
            failure_reason(&harness.build(day(days))).map(str::to_owned)
        });
        stops.collect::<Vec<_>>()
    };
    assert!(reasons("").iter().all(Option::is_none), "a reset feed covers the same in each build");
    assert!(reasons("mode = \"accumulated\"").iter().all(Option::is_none), "five builds cover a tenth");
    let above = "[feed.guard]\ncoverage_above = \"6%\"\n";
    for more in ["mode = \"accumulated\"\n", "keep_absent = true\n"] {
        let stops = reasons(&format!("{more}{above}"));
        let first = stops.iter().position(Option::is_some);
        assert_eq!(first, Some(3), "four builds of five /8 cover more than 6 %: {stops:?}");
        assert_eq!(stops[3].as_deref(), Some("covers"));
        assert!(stops[5..].iter().any(Option::is_none), "expired entries lower the coverage: {stops:?}");
    }
}

#[test]
fn rejects_never_block_entries() {
    let text = "8.8.8.8\n8.8.8.0/24\n64:ff9b::/96\ngoogle.com\nlogin.google.com\nhttps://www.google.com/\n\
                https://docs.google.com/forms/x\n45.9.20.5\n";
    let mut harness = harness("freetext", "");
    harness.catalog = harness.catalog.replace("freetext", "auto");
    harness.catalog.insert_str(0, "[guard]\nnever_block = [\"45.9.30.0/24\", \"*.ourshop.com\"]\n");
    harness.catalog = harness.catalog.replace("\"auto\"", "\"maltrail\"");
    let own = "45.9.30.7\nwww.ourshop.com\nshop.com\n";
    harness.download("list.txt", format!("{text}{own}").as_bytes(), day(0));
    let built = harness.build(day(0));
    assert_eq!(failure_reason(&built), None);
    let feed = &built.report.feeds[0];
    assert_eq!(feed.refusals.get("never-block"), Some(&7), "{:?}", feed.refusals);
    let named: Vec<&str> = built.rejects.iter().map(|row| row.text.as_str()).collect();
    assert!(named.contains(&"8.8.8.0/24") && named.contains(&"www.ourshop.com"), "{named:?}");
    let searcher = Searcher::new(harness.snapshot(), day(0));
    let status = |text: &str| searcher.lookup(text).expect("a question").status;
    for clear in ["8.8.8.8", "google.com", "https://www.google.com/", "45.9.30.7", "www.ourshop.com"] {
        assert_eq!(status(clear), Status::Unknown, "{clear}");
    }
    for bad in ["login.google.com", "https://docs.google.com/forms/x", "45.9.20.5", "shop.com"] {
        assert_eq!(status(bad), Status::Blocked, "{bad}");
    }
    harness.catalog.push_str("[feed.guard]\nallow_never_block = true\n");
    assert_eq!(harness.build_only(day(0)).report.feeds[0].rejected, 0, "allow_never_block lets them through");
}

#[test]
fn rejects_wide_allowlist_entries() {
    let feeds = "[[feed]]\nid = \"bad\"\nprovider = \"bad.example\"\nfile = \"bad.txt\"\nformat = \"maltrail\"\n\
                 [[feed]]\nid = \"white\"\nprovider = \"white.example\"\nfile = \"white.txt\"\nformat = \"maltrail\"\n\
                 list = \"allow\"\nscope = \"tree\"\n";
    let listed = "45.9.20.5\nevilpanel.com\nhttp://panel.net/gate.php\n";
    let wide =
        "0.0.0.0/0\n0.0.0.0/1\n128.0.0.0/1\n45.0.0.0/8\n2000::/3\n2a00::/12\ncom\nco.uk\n*.com\ngithub.io\n";
    let mut harness = Harness::new(feeds);
    harness.download("bad.txt", listed.as_bytes(), day(0));
    harness.download("white.txt", format!("{wide}{listed}").as_bytes(), day(0));
    let built = harness.build(day(0));
    let white = built.report.feeds.iter().find(|feed| feed.id == "white").expect("a feed in the report");
    assert_eq!((white.state, white.accepted), (FeedState::Ok, 3), "{:?}", white.refusals);
    let searcher = Searcher::new(harness.snapshot(), day(0));
    for bad in ["45.9.20.5", "evilpanel.com", "http://panel.net/gate.php"] {
        let answer = searcher.lookup(bad).expect("a question");
        assert_eq!((answer.status, answer.detected_by), (Status::Blocked, 1), "{bad}");
    }
    for unlisted in ["45.9.20.6", "shop.com", "user.github.io", "2a06:e480::1"] {
        let status = searcher.lookup(unlisted).expect("a question").status;
        assert_eq!(status, Status::Unknown, "{unlisted} is not allowlisted");
    }
    let tens: String =
        (32..40).flat_map(|n| [0, 64, 128, 192].map(|m| format!("{n}.{m}.0.0/10\n"))).collect();
    harness.download("white.txt", tens.as_bytes(), day(1));
    harness.download("bad.txt", listed.as_bytes(), day(1));
    let built = harness.build(day(1));
    let white = built.report.feeds.iter().find(|feed| feed.id == "white").expect("a feed in the report");
    assert_eq!((white.state, white.reason.as_str()), (FeedState::Held, "covers"));
}

#[test]
fn accept_admits_one_held_download_by_digest() {
    let mut harness = harness("plain-ip", "");
    harness.download("list.txt", addresses(0, 1000).as_bytes(), day(0));
    harness.build(day(0));
    harness.download("list.txt", addresses(0, 100).as_bytes(), day(1));
    let built = harness.build(day(1));
    assert_eq!(failure_reason(&built), Some("shrunk"));
    let digest = built.report.feeds[0].digest.clone().expect("a digest");
    assert!(built.report.feeds[0].reason_text.contains(&format!("--accept feed={}", &digest[..16])));
    harness.accept = vec![Accept::parse("feed=0123456789abcdef").expect("a digest")];
    assert_eq!(failure_reason(&harness.build_only(day(1))), Some("shrunk"), "another digest accepts nothing");
    harness.accept = vec![Accept::parse(&format!("other={digest}")).expect("a digest")];
    assert_eq!(
        failure_reason(&harness.build_only(day(1))),
        Some("shrunk"),
        "the digest of another feed accepts nothing"
    );
    harness.accept = vec![Accept::parse(&format!("feed={}", &digest[..16])).expect("a digest")];
    assert_eq!(failure_reason(&harness.build(day(1))), None);
    assert_eq!(contents(harness.snapshot()).len(), 100);
    harness.accept.clear();
    assert_eq!(failure_reason(&harness.build(day(2))), None, "the accepted download is accepted again");
    harness.download("list.txt", addresses(0, 20).as_bytes(), day(3));
    assert_eq!(failure_reason(&harness.build(day(3))), Some("shrunk"), "the next download is checked");
    harness.download("list.txt", addresses(0, 500).as_bytes(), day(4));
    assert_eq!(failure_reason(&harness.build(day(4))), None);
    harness.download("list.txt", addresses(0, 100).as_bytes(), day(5));
    harness.accept = vec![Accept::parse(&format!("feed={digest}")).expect("a digest")];
    let built = harness.build(day(5));
    assert_eq!(failure_reason(&built), Some("shrunk"), "the same digest is accepted only once");
    let text = &built.report.feeds[0].reason_text;
    assert!(text.contains("it was accepted before") && !text.contains("--accept"), "{text}");
    for bad in ["feed", "feed=", "=0123456789abcdef", "feed=0123", "feed=0123456789abcdeg"] {
        assert_eq!(Accept::parse(bad), None, "{bad}");
    }
}

/// The state file is published before the snapshot. A crash between the two must leave the digest unused.
#[test]
fn accept_can_be_repeated_after_an_unpublished_build() {
    let mut harness = harness("plain-ip", "");
    harness.download("list.txt", addresses(0, 1000).as_bytes(), day(0));
    harness.build(day(0));
    harness.download("list.txt", addresses(0, 100).as_bytes(), day(1));
    let digest = harness.build_only(day(1)).report.feeds[0].digest.clone().expect("a digest");
    harness.accept = vec![Accept::parse(&format!("feed={digest}")).expect("a digest")];
    harness.state = Some(harness.build_only(day(1)).state);
    let built = harness.build(day(2));
    assert_eq!(failure_reason(&built), None);
    let again = harness.build(day(2));
    assert_eq!(failure_reason(&again), None);
    assert!(again.image.to_bytes() == built.image.to_bytes() && again.state == built.state);
}

#[test]
fn accepted_download_stays_accepted() {
    let mut harness = harness("plain-ip", "");
    let junk = addresses(0, 10) + &"no address\n".repeat(10);
    harness.download("list.txt", junk.as_bytes(), day(0));
    let digest = harness.build(day(0)).report.feeds[0].digest.clone().expect("a digest");
    harness.accept = vec![Accept::parse(&format!("feed={digest}")).expect("a digest")];
    assert_eq!(failure_reason(&harness.build(day(0))), None);
    harness.accept.clear();
    assert_eq!(
        failure_reason(&harness.build(day(1))),
        None,
        "the next build does not hold the same download"
    );
}

#[test]
fn detects_older_downloads_and_a_clock_that_went_back() {
    let two = "[[feed]]\nid = \"a\"\nprovider = \"a.example\"\nfile = \"a.txt\"\nformat = \"plain-ip\"\n\
               [[feed]]\nid = \"b\"\nprovider = \"b.example\"\nfile = \"b.txt\"\nformat = \"plain-ip\"\n";
    let mut harness = Harness::new(two);
    harness.download("a.txt", b"45.9.20.1\n", day(5));
    harness.download("b.txt", b"45.9.20.2\n", day(5));
    harness.build(day(5));
    assert!(matches!(harness.try_build(day(5).plus(-1)), Err(BuildError::ClockBack { .. })));
    harness.download("a.txt", b"45.9.20.3\n", day(4));
    let error = harness.try_build(day(6)).err().expect("an error");
    assert!(matches!(&error, BuildError::OlderInputs { feed, .. } if feed == "a"), "{error}");
    harness.download("b.txt", b"45.9.20.4\n", day(6));
    let built = harness.build(day(6));
    let states: Vec<(&str, &str)> =
        built.report.feeds.iter().map(|feed| (feed.state.word(), feed.reason.as_str())).collect();
    assert_eq!(states, [("held", "older"), ("ok", "")]);
    assert_eq!(contents(harness.snapshot()).len(), 2);
    harness.download("a.txt", b"45.9.20.1\n", day(4));
    assert_eq!(
        harness.build_only(day(7)).report.feeds[0].state,
        FeedState::Ok,
        "an unchanged file with an older date is accepted"
    );
}

#[test]
fn notes_a_list_that_never_changes() {
    let mut harness = harness("plain-ip", "[feed.guard]\nfrozen_after = \"5d\"\n");
    for days in 0..8 {
        let text = format!("# Last updated: {}\n{}", day(days), addresses(0, 50));
        harness.download("list.txt", text.as_bytes(), day(days));
        let built = harness.build(day(days));
        let feed = &built.report.feeds[0];
        assert_eq!(feed.unchanged_since.as_deref(), Some(day(0).to_string().as_str()));
        let is_noted = feed.notes.iter().any(|note| note.contains("although it states a newer time"));
        assert_eq!(is_noted, days > 5, "day {days}: {:?}", feed.notes);
    }
    harness.download("list.txt", format!("45.9.20.9\n{}", addresses(1, 49)).as_bytes(), day(8));
    let built = harness.build(day(8));
    assert_eq!(built.report.feeds[0].unchanged_since, Some(day(8).to_string()));
}

#[test]
fn clamps_download_times_in_the_future() {
    let mut harness = harness("plain-ip", "max_age = \"2d\"\n");
    harness.download("list.txt", addresses(0, 50).as_bytes(), day(400));
    for days in 0..4 {
        let built = harness.build(day(days));
        let feed = &built.report.feeds[0];
        assert_eq!(feed.update_time, Some(day(0).to_string()), "clamped to the first build");
        assert!(
            feed.notes.iter().any(|note| note.contains("in the future: it counts as retrieved now")),
            "{:?}",
            feed.notes
        );
        assert_eq!(feed.stale, days > 2);
    }
    harness.download("list.txt", addresses(1, 50).as_bytes(), day(400));
    assert_eq!(harness.build(day(4)).report.feeds[0].update_time, Some(day(4).to_string()));
}
