//! Poisoned nights: what must be stopped at the door, what must be stopped entry by entry, and what is only odd and
//! must pass.

use crate::support::{House, contents, day};
use rapsheet_ingest::build::{Accept, BuildError, Built};
use rapsheet_query::Searcher;
use rapsheet_snapshot::Status;
use rapsheet_snapshot::section::origin::FeedState;
use std::fmt::Write as _;

/// A house with one feed.
fn house(format: &str, guard: &str) -> House {
    let feed = "[[feed]]\nid = \"feed\"\nprovider = \"feed.example\"\nfile = \"list.txt\"\n";
    House::new(&format!("{feed}format = \"{format}\"\n{guard}"))
}

fn addresses(from: u32, count: u32) -> String {
    (from..from + count).fold(String::new(), |mut text, n| {
        writeln!(text, "45.{}.{}.{}", 16 + n / 62_500, n / 250 % 250, n % 250).expect("text grows");
        text
    })
}

/// The first thing that was wrong with the only feed.
fn stopped(built: &Built) -> Option<&str> {
    let feed = &built.report.feeds[0];
    assert_eq!(built.report.trouble, feed.state != FeedState::Ok);
    (feed.state != FeedState::Ok).then_some(feed.reason.as_str())
}

/// Lets `before` in, if there is any, and tells what stops `after`, of which then nothing may be seen.
fn night_after(format: &str, guard: &str, before: &str, after: &str) -> Option<String> {
    let mut house = house(format, guard);
    if !before.is_empty() {
        house.download("list.txt", before.as_bytes(), day(0));
        assert_eq!(stopped(&house.night(day(0))), None, "the first night is well");
    } else {
        house.night(day(0));
    }
    let listed = contents(house.snapshot());
    let update = house.snapshot().origin().feeds[0].traits().update_time;
    house.download("list.txt", after.as_bytes(), day(1));
    let built = house.night(day(1));
    let stop = stopped(&built).map(str::to_owned);
    if stop.is_some() {
        assert_eq!(contents(house.snapshot()), listed, "what is held changes nothing");
        assert_eq!(house.snapshot().origin().feeds[0].traits().update_time, update);
        let text = &built.report.feeds[0].reason_text;
        assert!(!text.is_empty());
    }
    stop
}

fn assert_door(what: &str, expected: Option<&str>, format: &str, guard: &str, before: &str, after: &str) {
    assert_eq!(night_after(format, guard, before, after).as_deref(), expected, "{what}");
}

#[test]
fn nothing_and_other_things_do_not_replace_a_list() {
    let list = addresses(0, 200);
    let page = "<!DOCTYPE html><html><body>Please log in</body></html>\n";
    let prose = "You can only fetch the data every 30 minutes.\nPlease come back later.\n";
    let compressed = crate::support::gzip(list.as_bytes());
    let cut = String::from_utf8_lossy(&compressed[..40]).into_owned();
    for (what, after, reason) in [
        ("no bytes", "", "empty"),
        ("only comments", "# nothing today\n\n", "empty"),
        ("a page", page, "html"),
        ("prose", prose, "no-data"),
        ("half an archive, as text", cut.as_str(), "binary"),
    ] {
        let found = night_after("plain-ip", "", &list, after);
        let cut_archive = reason == "binary" && found.is_some();
        assert!(cut_archive || found.as_deref() == Some(reason), "{what}: {found:?}");
    }
    let guard = "[feed.guard]\ncan_be_empty = true\n";
    assert_door("an empty list that may be", None, "plain-ip", guard, &list, "# nothing today\n");
    assert_door("a page all the same", Some("html"), "plain-ip", guard, &list, page);
}

#[test]
fn lists_neither_shrink_nor_grow_too_fast() {
    let floor =
        "[feed.guard]\nshrunk_below = \"90%\"\nshrunk_floor = 10\ngrown_above = \"110%\"\ngrown_floor = 10\n";
    let empty = "[feed.guard]\ncan_be_empty = true\n";
    for (what, expected, guard, before, after) in [
        ("to less than half", Some("shrunk"), "", 200, 99),
        ("to just half", None, "", 200, 100),
        ("a small list to little", None, "", 99, 1),
        ("to more than three times", Some("grown"), "", 400, 1201),
        ("to just three times", None, "", 400, 1200),
        ("from little to many, but not too many", None, "", 1, 1000),
        ("from little to too many", Some("grown"), "", 1, 1001),
        ("by the feed's own measure", Some("shrunk"), floor, 100, 89),
        ("by the feed's own measure, just", None, floor, 100, 90),
        ("grown by the feed's own measure", Some("grown"), floor, 100, 111),
        ("to little, where nothing at all is normal", Some("shrunk"), empty, 200, 5),
    ] {
        assert_door(what, expected, "plain-ip", guard, &addresses(0, before), &addresses(0, after));
    }
}

#[test]
fn an_empty_night_is_no_measure_for_the_next_one() {
    let mut house = house("plain-ip", "[feed.guard]\ncan_be_empty = true\n");
    for (night, count) in [(0, 4000), (1, 0), (2, 0), (3, 4100), (4, 1000)] {
        house.download("list.txt", format!("# head\n{}", addresses(0, count)).as_bytes(), day(night));
        let built = house.night(day(night));
        assert_eq!(stopped(&built), (night == 4).then_some("shrunk"), "night {night}");
    }
}

#[test]
fn lines_that_cannot_be_read_are_another_format() {
    let junk = |count: usize| (0..count).map(|n| format!("row {n} of some table\n")).collect::<String>();
    let mixed = |good, bad| addresses(0, good) + &junk(bad);
    let list = addresses(0, 100);
    assert_door("more than a fifth", Some("rejects"), "plain-ip", "", &list, &mixed(79, 21));
    assert_door("just a fifth", None, "plain-ip", "", &list, &mixed(80, 20));
    assert_door("a few lines", None, "plain-ip", "", &addresses(0, 4), &mixed(4, 4));
    assert_door("on the first night, too", Some("rejects"), "plain-ip", "", "", &mixed(79, 21));
    let unlistable = "10.0.0.1\n0.0.0.0/0\n8.8.8.8\n".repeat(20);
    assert_door("entries that may not be listed", None, "plain-ip", "", &list, &(list.clone() + &unlistable));
    let guard = "[feed.guard]\nrejects_above = \"30%\"\n";
    assert_door("by the feed's own measure", None, "plain-ip", guard, &list, &mixed(79, 21));
    let allow = "list = \"allow\"\n";
    assert_door(
        "lists that allow are held tighter",
        Some("rejects"),
        "plain-ip",
        allow,
        &list,
        &mixed(85, 15),
    );
}

#[test]
fn a_list_that_breaks_off_is_seen() {
    let ended = |count| addresses(0, count) + "# END\n";
    assert_door("an end mark is missed", Some("unended"), "plain-ip", "", &ended(90), &addresses(0, 90));
    assert_door("an end mark that is there", None, "plain-ip", "", &ended(90), &ended(80));
    assert_door("an end mark that was never there", None, "plain-ip", "", &addresses(0, 90), &ended(80));
    let guard = "[feed.guard]\nend_mark = \"; EOF\"\n";
    let drop = |count| addresses(0, count) + "; EOF\n\n";
    assert_door("an end that is asked for", None, "spamhaus-drop-text", guard, "", &drop(80));
    assert_door(
        "an end that is not there",
        Some("unended"),
        "spamhaus-drop-text",
        guard,
        "",
        &addresses(0, 80),
    );
    let declared = |says: u32, has| format!("# Entries: {says}\n") + &addresses(0, has);
    let list = addresses(0, 1000);
    assert_door(
        "fewer than it says, and than before",
        Some("short"),
        "plain-ip",
        "",
        &list,
        &declared(1000, 800),
    );
    assert_door("fewer than it says, as before", None, "plain-ip", "", &list, &declared(5000, 990));
    assert_door("fewer than before, as it says", None, "plain-ip", "", &list, &declared(800, 800));
    let note = |text: &str| {
        let house = house("plain-ip", "");
        house.download("list.txt", list.as_bytes(), day(0));
        std::fs::write(house.path("list.txt.meta.json"), text).expect("a note");
        stopped(&house.try_night(day(400))).map(str::to_owned)
    };
    assert_eq!(note(&format!("{{\"bytes\": {}}}", list.len())), None);
    assert_eq!(note("{\"bytes\": 5}").as_deref(), Some("truncated"));
    assert_eq!(note("{\"sha256\": \"00\"}").as_deref(), Some("truncated"));
}

#[test]
fn sentinels_are_looked_for() {
    let must = "[feed.guard]\nmust_contain = [\"45.9.20.77\"]\n";
    let must_not = "[feed.guard]\nmust_not_contain = [\"45.9.20.0/24\"]\n";
    assert_door("listed by itself", None, "plain-ip", must, "", "45.9.20.77\n");
    assert_door("covered by a network", None, "plain-ip", must, "", "45.9.20.0/24\n");
    assert_door("beside what is listed", Some("lacks"), "plain-ip", must, "", "45.9.20.76\n");
    assert_door("inside what must not be touched", Some("lists"), "plain-ip", must_not, "", "45.9.20.7\n");
    assert_door("around what must not be touched", Some("lists"), "plain-ip", must_not, "", "45.9.0.0/16\n");
    assert_door("beside what must not be touched", None, "plain-ip", must_not, "", "45.9.21.0\n");
    let must = "scope = \"tree\"\n[feed.guard]\nmust_contain = [\"test.evilpanel.com\"]\n";
    let must_not = "scope = \"tree\"\n[feed.guard]\nmust_not_contain = [\"*.ourshop.com\"]\n";
    assert_door("a name by its parent", None, "plain-domain", must, "", "evilpanel.com\n");
    assert_door("a name by no parent", Some("lacks"), "plain-domain", must, "", "panel.com\nevilpanel.net\n");
    assert_door(
        "below what must not be touched",
        Some("lists"),
        "plain-domain",
        must_not,
        "",
        "www.ourshop.com\n",
    );
    assert_door("like what must not be touched", None, "plain-domain", must_not, "", "notourshop.com\n");
    let excepted = "||evilpanel.com^\n@@||www.ourshop.com^\n@@||test.panel.com^\n";
    assert_door("an exception lists nothing", None, "adblock", must_not, "", excepted);
    let must = "[feed.guard]\nmust_contain = [\"test.panel.com\"]\n";
    assert_door("nor is it what is looked for", Some("lacks"), "adblock", must, "", excepted);
}

/// `0.0.0.0/0` in as many pieces of the same size as `bits` says.
fn split(bits: u32) -> String {
    (0u32..1 << bits).fold(String::new(), |mut text, n| {
        let address = std::net::Ipv4Addr::from_bits(n << (32 - bits));
        writeln!(text, "{address}/{bits}").expect("text grows");
        text
    })
}

#[test]
fn no_feed_lists_the_world_however_it_is_split() {
    for whole in
        ["0.0.0.0/0\n", "::/0\n", "2002::/16\n", "0.0.0.0/1\n128.0.0.0/1\n", "2000::/3\n", "1.2.3.4/0\n"]
    {
        let text = format!("{whole}45.9.20.5\n");
        let mut house = house("plain-ip", "");
        house.download("list.txt", text.as_bytes(), day(0));
        let built = house.night(day(0));
        assert_eq!(stopped(&built), None, "an entry is at fault, not the feed: {whole}");
        assert_eq!(contents(house.snapshot()).len(), 1, "{whole}");
        assert!(built.report.feeds[0].refusals.contains_key("too-wide"), "{whole}");
    }
    assert_door("256 pieces", Some("covers"), "plain-ip", "", "", &split(8));
    assert_door("65,536 pieces", Some("covers"), "plain-ip", "", "45.9.20.5\n", &split(16));
    let v6: String =
        (0..1u32 << 16).map(|n| format!("{:x}:{:x}::/19\n", 0x2000 | n >> 3, n << 13 & 0xE000)).collect();
    assert_door("2000::/3 in pieces", Some("covers"), "plain-ip", "", "", &v6);
}

#[test]
fn coverage_is_measured_by_what_is_new() {
    // A /8 is 1/256 of the space, and two hundredths are five of them and a bit.
    let eights =
        |from: u32, count: u32| (from..from + count).map(|n| format!("{n}.0.0.0/8\n")).collect::<String>();
    let doubled = eights(20, 5) + &eights(20, 5) + "20.1.0.0/16\n";
    assert_door("just less", None, "plain-ip", "", "", &eights(20, 5));
    assert_door("the same twice", None, "plain-ip", "", "", &doubled);
    assert_door("just more", Some("covers"), "plain-ip", "", "", &eights(20, 6));
    assert_door("five more, bit by bit", None, "plain-ip", "", &eights(20, 5), &eights(20, 10));
    assert_door("six more", Some("covers"), "plain-ip", "", &eights(20, 5), &eights(20, 11));
    let guard = "[feed.guard]\nnew_coverage_above = \"9%\"\n";
    assert_door("by the feed's own measure", None, "plain-ip", guard, "", &eights(20, 20));
    let mut house = house("plain-ip", "");
    let mut stop = None;
    for night in 0..12 {
        house.download("list.txt", eights(20, 5 * (night + 1)).as_bytes(), day(night.into()));
        let built = house.night(day(night.into()));
        stop = stop.or(stopped(&built).map(|reason| (night, reason.to_owned())));
    }
    assert_eq!(stop, Some((7, "covers".to_owned())), "at most 15 % in all, however slowly");
}

/// A list that lists other networks every night, and whose feed keeps those of the nights before.
#[test]
fn what_a_feed_keeps_counts_as_what_it_covers() {
    let eights = |night: i64| (0..5).map(|n| format!("{}.0.0.0/8\n", 20 + 5 * night + n)).collect::<String>();
    let nights = |more: &str| {
        let mut house = house("plain-ip", &format!("retention = \"5d\"\n{more}"));
        house.catalog.insert_str(0, "[guard]\nallow_canaries = true\n");
        let stops = (0..20).map(|night| {
            house.download("list.txt", eights(night).as_bytes(), day(night));
            stopped(&house.night(day(night))).map(str::to_owned)
        });
        stops.collect::<Vec<_>>()
    };
    assert!(nights("").iter().all(Option::is_none), "a list that forgets covers the same every night");
    assert!(nights("mode = \"accumulated\"").iter().all(Option::is_none), "five nights are a tenth");
    let above = "[feed.guard]\ncoverage_above = \"6%\"\n";
    for more in ["mode = \"accumulated\"\n", "keep_absent = true\n"] {
        let stops = nights(&format!("{more}{above}"));
        let first = stops.iter().position(Option::is_some);
        assert_eq!(first, Some(3), "four times five eighths are more than 6 %: {stops:?}");
        assert_eq!(stops[3].as_deref(), Some("covers"));
        assert!(stops[5..].iter().any(Option::is_none), "room is made as entries end: {stops:?}");
    }
}

#[test]
fn what_must_never_be_blocked_is_not() {
    let text = "8.8.8.8\n8.8.8.0/24\n64:ff9b::/96\ngoogle.com\nlogin.google.com\nhttps://www.google.com/\n\
                https://docs.google.com/forms/x\n45.9.20.5\n";
    let mut house = house("freetext", "");
    house.catalog = house.catalog.replace("freetext", "auto");
    house.catalog.insert_str(0, "[guard]\nnever_block = [\"45.9.30.0/24\", \"*.ourshop.com\"]\n");
    house.catalog = house.catalog.replace("\"auto\"", "\"maltrail\"");
    let own = "45.9.30.7\nwww.ourshop.com\nshop.com\n";
    house.download("list.txt", format!("{text}{own}").as_bytes(), day(0));
    let built = house.night(day(0));
    assert_eq!(stopped(&built), None);
    let feed = &built.report.feeds[0];
    assert_eq!(feed.refusals.get("never-block"), Some(&7), "{:?}", feed.refusals);
    let named: Vec<&str> = built.rejects.iter().map(|row| row.text.as_str()).collect();
    assert!(named.contains(&"8.8.8.0/24") && named.contains(&"www.ourshop.com"), "{named:?}");
    let searcher = Searcher::new(house.snapshot(), day(0));
    let status = |text: &str| searcher.lookup(text).expect("a question").status;
    for clear in ["8.8.8.8", "google.com", "https://www.google.com/", "45.9.30.7", "www.ourshop.com"] {
        assert_eq!(status(clear), Status::Unknown, "{clear}");
    }
    for bad in ["login.google.com", "https://docs.google.com/forms/x", "45.9.20.5", "shop.com"] {
        assert_eq!(status(bad), Status::Blocked, "{bad}");
    }
    house.catalog.push_str("[feed.guard]\nallow_canaries = true\n");
    assert_eq!(house.try_night(day(0)).report.feeds[0].rejected, 0, "where the operator says so");
}

#[test]
fn a_hostile_allowlist_whitens_nothing() {
    let feeds = "[[feed]]\nid = \"bad\"\nprovider = \"bad.example\"\nfile = \"bad.txt\"\nformat = \"maltrail\"\n\
                 [[feed]]\nid = \"white\"\nprovider = \"white.example\"\nfile = \"white.txt\"\nformat = \"maltrail\"\n\
                 list = \"allow\"\nscope = \"tree\"\n";
    let listed = "45.9.20.5\nevilpanel.com\nhttp://panel.net/gate.php\n";
    let wide =
        "0.0.0.0/0\n0.0.0.0/1\n128.0.0.0/1\n45.0.0.0/8\n2000::/3\n2a00::/12\ncom\nco.uk\n*.com\ngithub.io\n";
    let mut house = House::new(feeds);
    house.download("bad.txt", listed.as_bytes(), day(0));
    house.download("white.txt", format!("{wide}{listed}").as_bytes(), day(0));
    let built = house.night(day(0));
    let white = built.report.feeds.iter().find(|feed| feed.id == "white").expect("it was read");
    assert_eq!((white.state, white.accepted), (FeedState::Ok, 3), "{:?}", white.refusals);
    let searcher = Searcher::new(house.snapshot(), day(0));
    for bad in ["45.9.20.5", "evilpanel.com", "http://panel.net/gate.php"] {
        let answer = searcher.lookup(bad).expect("a question");
        assert_eq!((answer.status, answer.detected_by), (Status::Blocked, 1), "{bad}");
    }
    for stranger in ["45.9.20.6", "shop.com", "user.github.io", "2a06:e480::1"] {
        let status = searcher.lookup(stranger).expect("a question").status;
        assert_eq!(status, Status::Unknown, "{stranger} is not whitened");
    }
    let tens: String =
        (32..40).flat_map(|n| [0, 64, 128, 192].map(|m| format!("{n}.{m}.0.0/10\n"))).collect();
    house.download("white.txt", tens.as_bytes(), day(1));
    house.download("bad.txt", listed.as_bytes(), day(1));
    let built = house.night(day(1));
    let white = built.report.feeds.iter().find(|feed| feed.id == "white").expect("it was read");
    assert_eq!((white.state, white.reason.as_str()), (FeedState::Held, "covers"));
}

#[test]
fn a_held_download_is_let_in_by_its_digest_and_only_that_one() {
    let mut house = house("plain-ip", "");
    house.download("list.txt", addresses(0, 1000).as_bytes(), day(0));
    house.night(day(0));
    house.download("list.txt", addresses(0, 100).as_bytes(), day(1));
    let built = house.night(day(1));
    assert_eq!(stopped(&built), Some("shrunk"));
    let digest = built.report.feeds[0].digest.clone().expect("it was read");
    assert!(built.report.feeds[0].reason_text.contains(&format!("--accept feed={}", &digest[..16])));
    house.accept = vec![Accept::parse("feed=0123456789abcdef").expect("a digest")];
    assert_eq!(stopped(&house.try_night(day(1))), Some("shrunk"), "another digest lets nothing in");
    house.accept = vec![Accept::parse(&format!("other={digest}")).expect("a digest")];
    assert_eq!(stopped(&house.try_night(day(1))), Some("shrunk"), "nor does another feed's");
    house.accept = vec![Accept::parse(&format!("feed={}", &digest[..16])).expect("a digest")];
    assert_eq!(stopped(&house.night(day(1))), None);
    assert_eq!(contents(house.snapshot()).len(), 100);
    house.accept.clear();
    assert_eq!(stopped(&house.night(day(2))), None, "it is in, and seen again");
    house.download("list.txt", addresses(0, 20).as_bytes(), day(3));
    assert_eq!(stopped(&house.night(day(3))), Some("shrunk"), "the next one is judged anew");
    house.download("list.txt", addresses(0, 500).as_bytes(), day(4));
    assert_eq!(stopped(&house.night(day(4))), None);
    house.download("list.txt", addresses(0, 100).as_bytes(), day(5));
    house.accept = vec![Accept::parse(&format!("feed={digest}")).expect("a digest")];
    let built = house.night(day(5));
    assert_eq!(
        stopped(&built),
        Some("shrunk"),
        "it was let in once, and a forgotten flag does not do it again"
    );
    let text = &built.report.feeds[0].reason_text;
    assert!(text.contains("it was let in before") && !text.contains("--accept"), "{text}");
    for bad in ["feed", "feed=", "=0123456789abcdef", "feed=0123", "feed=0123456789abcdeg"] {
        assert_eq!(Accept::parse(bad), None, "{bad}");
    }
}

/// The state goes to its place before the snapshot does; where the snapshot never gets there, nobody was let in.
#[test]
fn what_a_night_let_in_that_was_not_published_can_be_let_in_again() {
    let mut house = house("plain-ip", "");
    house.download("list.txt", addresses(0, 1000).as_bytes(), day(0));
    house.night(day(0));
    house.download("list.txt", addresses(0, 100).as_bytes(), day(1));
    let digest = house.try_night(day(1)).report.feeds[0].digest.clone().expect("it was read");
    house.accept = vec![Accept::parse(&format!("feed={digest}")).expect("a digest")];
    house.state = Some(house.try_night(day(1)).state);
    let built = house.night(day(2));
    assert_eq!(stopped(&built), None);
    let again = house.night(day(2));
    assert_eq!(stopped(&again), None);
    assert!(again.image.to_bytes() == built.image.to_bytes() && again.state == built.state);
}

#[test]
fn what_is_let_in_stays_in_whatever_stopped_it() {
    let mut house = house("plain-ip", "");
    let junk = addresses(0, 10) + &"no address\n".repeat(10);
    house.download("list.txt", junk.as_bytes(), day(0));
    let digest = house.night(day(0)).report.feeds[0].digest.clone().expect("it was read");
    house.accept = vec![Accept::parse(&format!("feed={digest}")).expect("a digest")];
    assert_eq!(stopped(&house.night(day(0))), None);
    house.accept.clear();
    assert_eq!(stopped(&house.night(day(1))), None, "the same download is not held the night after");
}

#[test]
fn older_downloads_and_clocks_that_jumped_back_are_noticed() {
    let two = "[[feed]]\nid = \"a\"\nprovider = \"a.example\"\nfile = \"a.txt\"\nformat = \"plain-ip\"\n\
               [[feed]]\nid = \"b\"\nprovider = \"b.example\"\nfile = \"b.txt\"\nformat = \"plain-ip\"\n";
    let mut house = House::new(two);
    house.download("a.txt", b"45.9.20.1\n", day(5));
    house.download("b.txt", b"45.9.20.2\n", day(5));
    house.night(day(5));
    assert!(matches!(house.attempt(day(5).plus(-1)), Err(BuildError::ClockBack { .. })));
    house.download("a.txt", b"45.9.20.3\n", day(4));
    let error = house.attempt(day(6)).err().expect("yesterday's folder");
    assert!(matches!(&error, BuildError::OlderInputs { feed, .. } if feed == "a"), "{error}");
    house.download("b.txt", b"45.9.20.4\n", day(6));
    let built = house.night(day(6));
    let states: Vec<(&str, &str)> =
        built.report.feeds.iter().map(|feed| (feed.state.word(), feed.reason.as_str())).collect();
    assert_eq!(states, [("held", "older"), ("ok", "")]);
    assert_eq!(contents(house.snapshot()).len(), 2);
    house.download("a.txt", b"45.9.20.1\n", day(4));
    assert_eq!(
        house.try_night(day(7)).report.feeds[0].state,
        FeedState::Ok,
        "the same file under an older date"
    );
}

#[test]
fn a_list_that_never_changes_is_noticed() {
    let mut house = house("plain-ip", "[feed.guard]\nfrozen_after = \"5d\"\n");
    for night in 0..8 {
        let text = format!("# Last updated: {}\n{}", day(night), addresses(0, 50));
        house.download("list.txt", text.as_bytes(), day(night));
        let built = house.night(day(night));
        let feed = &built.report.feeds[0];
        assert_eq!(feed.unchanged_since.as_deref(), Some(day(0).to_string().as_str()));
        let said = feed.notes.iter().any(|note| note.contains("though it says that it is fresh"));
        assert_eq!(said, night > 5, "night {night}: {:?}", feed.notes);
    }
    house.download("list.txt", format!("45.9.20.9\n{}", addresses(1, 49)).as_bytes(), day(8));
    let built = house.night(day(8));
    assert_eq!(built.report.feeds[0].unchanged_since, Some(day(8).to_string()));
}

#[test]
fn a_download_from_the_future_is_not_fresh_for_ever() {
    let mut house = house("plain-ip", "max_age = \"2d\"\n");
    house.download("list.txt", addresses(0, 50).as_bytes(), day(400));
    for night in 0..4 {
        let built = house.night(day(night));
        let feed = &built.report.feeds[0];
        assert_eq!(feed.update_time, Some(day(0).to_string()), "it was there the first night");
        assert!(feed.notes.iter().any(|note| note.contains("is a clock wrong?")), "{:?}", feed.notes);
        assert_eq!(feed.stale, night > 2);
    }
    house.download("list.txt", addresses(1, 50).as_bytes(), day(400));
    assert_eq!(house.night(day(4)).report.feeds[0].update_time, Some(day(4).to_string()));
}
