//! Hosts: one request at a time, budgets over any hour, pauses that a host asks for; all kept across runs.

use super::folder::{Fetched, Folder, LIST, minute, time};
use super::server::{Answer, Request, Server, Step, most_at_once};
use crate::test_dir::{code, stderr};
use std::fs;
use std::thread;
use std::time::{Duration, Instant};

const STATE: &str = "d/.rapsheet-fetch.json";

/// A host with so many feeds, and limits.
fn host_with(feeds: usize, limits: &str) -> (Server, Folder) {
    let server = Server::start();
    server.always("*", Answer::list(LIST));
    let mut folder = Folder::new();
    for at in 0..feeds {
        folder.feed(&format!("f{at:02}"), &server.url(&format!("/{at:02}")), "min_interval = \"12h\"");
    }
    folder.host("127.0.0.1", limits);
    (server, folder)
}

/// Runs at these minutes. How many requests each run sent.
fn requests_of_runs(server: &Server, folder: &Folder, minutes: &[i64], before: impl Fn(i64)) -> Vec<usize> {
    let run = |at: &i64| {
        before(*at);
        let sent = server.requests().len();
        let run = folder.fetch(*at);
        assert_eq!((run.code, run.count("failed")), (0, 0), "{}", run.report);
        server.requests().len() - sent
    };
    minutes.iter().map(run).collect()
}

/// As many as stand on raw.githubusercontent.com, which answers sixty times an hour.
#[test]
fn sixty_two_feeds_stay_within_forty_an_hour() {
    let (server, folder) = host_with(62, "per_hour = 40");
    let sent = requests_of_runs(&server, &folder, &[0, 30, 60, 90, 120, 150], |_| {});
    for hour in sent.windows(2) {
        assert!(hour.iter().sum::<usize>() <= 40, "{sent:?}");
    }
    assert_eq!(sent[..4].iter().sum::<usize>(), 62, "all within two hours: {sent:?}");
    assert_eq!(server.requests().len(), 62, "and none twice");
    let fetched = folder.names().iter().filter(|name| name.ends_with(".txt")).count();
    assert_eq!(fetched, 62);
}

/// Without the state, what the notes tell must do.
#[test]
fn a_lost_state_file_loses_no_budget() {
    let (server, folder) = host_with(62, "per_hour = 40");
    let minutes = [0, 30, 60, 90, 120];
    let sent = requests_of_runs(&server, &folder, &minutes, |_| {
        let _ = fs::remove_file(folder.path(STATE));
    });
    for hour in sent.windows(2) {
        assert!(hour.iter().sum::<usize>() <= 40, "{sent:?}");
    }
    assert_eq!((sent.iter().sum::<usize>(), server.requests().len()), (62, 62), "{sent:?}");
}

#[test]
fn what_did_not_get_its_turn_is_deferred_and_comes_first() {
    let (server, folder) = host_with(5, "per_hour = 2");
    let run = folder.fetch(0);
    assert_eq!((run.code, run.count("fetched"), run.count("deferred")), (0, 2, 3), "{}", run.report);
    let reason = run.get("f02", "reason");
    assert!(reason.contains("127.0.0.1") && reason.contains("2 requests an hour"), "{reason}");
    assert!(time(&run.row("f02")["next_at"]) >= minute(60));
    assert_eq!(server.paths(), ["/00", "/01"], "by id, where none was fetched before");
    folder.fetch(61);
    folder.fetch(122);
    assert_eq!(server.paths(), ["/00", "/01", "/02", "/03", "/04"]);
}

/// A deferred feed keeps its download, and that is no failure.
#[test]
fn a_deferred_feed_keeps_its_file() {
    let (_server, folder) = host_with(2, "per_hour = 1");
    folder.fetch(0);
    folder.fetch(61);
    let before = folder.note("f01.txt");
    folder.fetch(13 * 60);
    let run = folder.fetch(13 * 60 + 10);
    assert_eq!(run.state("f01"), "deferred", "{}", run.report);
    assert_eq!((folder.text("f01.txt").as_str(), folder.note("f01.txt")), (LIST, before));
}

#[test]
fn those_fetched_longest_ago_come_first() {
    let server = Server::start();
    server.always("*", Answer::list(LIST));
    let mut folder = Folder::new();
    for id in ["a", "b", "c"] {
        folder.feed(id, &server.url(&format!("/{id}")), "");
    }
    folder.fetch_with(0, &["--feed", "c"]);
    folder.fetch_with(10, &["--feed", "a"]);
    folder.fetch_with(20, &["--feed", "b"]);
    folder.feed("z", &server.url("/z"), "");
    folder.fetch(300);
    assert_eq!(server.paths()[3..], ["/z", "/c", "/a", "/b"], "first what was never fetched");
}

#[test]
fn a_gap_is_kept_across_runs() {
    let (server, folder) = host_with(3, "gap = \"30m\"");
    let sent = requests_of_runs(&server, &folder, &[0, 10, 29, 31, 45, 62], |_| {});
    assert_eq!(sent, [1, 0, 0, 1, 0, 1]);
}

#[test]
fn an_ipv6_address_has_limits_as_well() {
    let server = Server::at("::1");
    server.always("*", Answer::list(LIST));
    let mut folder = Folder::new();
    ["/a", "/b"].iter().for_each(|path| folder.feed(&path[1..], &server.url(path), ""));
    folder.host("::1", "per_hour = 1");
    let run = folder.fetch(0);
    assert_eq!((run.count("fetched"), run.count("deferred")), (1, 1), "{} {}", run.report, run.stderr);
}

#[test]
fn redirects_and_retries_are_requests() {
    let (server, folder) = host_with(3, "per_hour = 4");
    server.always("/00", Answer::redirect(302, "/x"));
    server.queue("/01", [Answer::new(500, "no"), Answer::list(LIST)]);
    let run = folder.fetch(0);
    assert_eq!(server.paths(), ["/00", "/x", "/01", "/01"]);
    assert_eq!((run.count("fetched"), run.state("f02").as_str()), (2, "deferred"));
}

#[test]
fn a_budget_that_ends_amid_a_feed_defers_it() {
    let (server, folder) = host_with(1, "per_hour = 1");
    server.always("/00", Answer::redirect(302, "/x"));
    let run = folder.fetch(0);
    assert_eq!((run.state("f00").as_str(), run.code, server.paths().len()), ("deferred", 0, 1));
    assert_eq!(folder.names(), Vec::<String>::new());
}

/// A run that is killed has still counted what it asked.
#[test]
fn requests_of_a_killed_run_count() {
    let (server, folder) = host_with(3, "per_hour = 2");
    server.always("/00", Answer::steps([Step::Wait(Duration::from_secs(30))]));
    let now = minute(0).to_string();
    let mut child = folder.command(&folder.fetch_args(&now, &[])).spawn().expect("it runs");
    let began = Instant::now();
    while server.requests().is_empty() && began.elapsed() < Duration::from_secs(20) {
        thread::sleep(Duration::from_millis(10));
    }
    child.kill().expect("killed");
    child.wait().expect("ended");
    server.always("/00", Answer::list(LIST));
    let run = folder.fetch(1);
    assert_eq!(server.requests().len(), 2, "one before and one after: {}", run.report);
}

/// Runs `fetch` for two feeds on the host that answers the first with this, at once and then at other minutes.
/// How many requests there were after each run.
fn after_answer(answer: &Answer, minutes: &[i64]) -> (Vec<usize>, Fetched) {
    let (server, other) = (Server::start(), Server::at("127.0.0.2"));
    server.queue("/a", [answer.clone(), Answer::list(LIST)]);
    server.always("/b", Answer::list(LIST));
    other.always("/c", Answer::list(LIST));
    let mut folder = Folder::new();
    for (id, url) in [("a", server.url("/a")), ("b", server.url("/b")), ("c", other.url("/c"))] {
        folder.feed(id, &url, "min_interval = \"5m\"");
    }
    let first = folder.fetch(0);
    assert_eq!(
        (first.state("a").as_str(), first.state("b").as_str()),
        ("deferred", "deferred"),
        "{}",
        first.report
    );
    assert_eq!((first.state("c").as_str(), first.code), ("fetched", 0), "another host goes on");
    let mut counts = vec![server.requests().len()];
    counts.extend(minutes.iter().map(|at| {
        folder.fetch_with(*at, &["--feed", "a", "--feed", "b"]);
        server.requests().len()
    }));
    (counts, first)
}

#[test]
fn a_429_pauses_its_host_for_half_an_hour() {
    let (counts, first) = after_answer(&Answer::new(429, "slow down"), &[10, 29, 31]);
    assert_eq!(counts, [1, 1, 1, 3], "nothing until then, and then both");
    assert!(first.get("b", "reason").contains("127.0.0.1"), "{}", first.report);
    assert!(time(&first.row("a")["next_at"]) >= minute(30));
}

#[test]
fn a_429_with_seconds_pauses_as_long() {
    let (counts, _) = after_answer(&Answer::new(429, "").header("Retry-After", "7200"), &[31, 119, 122]);
    assert_eq!(counts, [1, 1, 1, 3]);
}

#[test]
fn a_429_with_a_date_pauses_until_then() {
    for date in
        ["Sun, 22 Nov 2026 03:00:00 GMT", "Sunday, 22-Nov-26 03:00:00 GMT", "Sun Nov 22 03:00:00 2026"]
    {
        let (counts, _) = after_answer(&Answer::new(429, "").header("Retry-After", date), &[31, 179, 182]);
        assert_eq!(counts, [1, 1, 1, 3], "{date}");
    }
}

#[test]
fn a_pause_has_an_end() {
    let (counts, _) =
        after_answer(&Answer::new(429, "").header("Retry-After", "99999999"), &[23 * 60, 24 * 60 + 2]);
    assert_eq!(counts, [1, 1, 3], "a day");
    let date = "Fri, 31 Dec 9999 23:59:59 GMT";
    let (counts, _) =
        after_answer(&Answer::new(429, "").header("Retry-After", date), &[23 * 60, 24 * 60 + 2]);
    assert_eq!(counts, [1, 1, 3], "a day");
}

#[test]
fn a_pause_that_cannot_be_read_is_half_an_hour() {
    for odd in ["soon", "-5", "", "1e9"] {
        let (counts, _) = after_answer(&Answer::new(429, "").header("Retry-After", odd), &[29, 31]);
        assert_eq!(counts, [1, 1, 3], "{odd:?}");
    }
}

#[test]
fn a_503_that_says_when_is_a_pause() {
    let (counts, _) = after_answer(&Answer::new(503, "").header("Retry-After", "3600"), &[31, 62]);
    assert_eq!(counts, [1, 1, 3]);
}

/// A feed is asked again after the longer of both, also where its own answer was the pause.
#[test]
fn a_short_pause_shortens_no_interval() {
    let server = Server::start();
    server.always("/a", Answer::list(LIST));
    server.always("/b", Answer::new(429, "").header("Retry-After", "60"));
    let mut folder = Folder::with_feed(&server.url("/a"));
    folder.feed("b", &server.url("/b"), "");
    folder.fetch(0);
    let run = folder.fetch(5);
    assert_eq!(run.state("a"), "skipped", "its interval is an hour: {}", run.report);
    assert_eq!(server.requests_for("/b").len(), 1, "and so is this one's: {}", run.report);
}

#[test]
fn a_host_is_asked_for_one_feed_at_a_time_and_hosts_side_by_side() {
    let servers: Vec<Server> = (1..=4).map(|at| Server::at(&format!("127.0.2.{at}"))).collect();
    let mut folder = Folder::new();
    for (host, server) in servers.iter().enumerate() {
        server.on("*", |_| Answer::steps([Step::Wait(Duration::from_millis(250))]).then_list(LIST));
        for at in 0..4 {
            folder.feed(&format!("f{host}-{at}"), &server.url(&format!("/{at}")), "");
        }
    }
    let began = Instant::now();
    let run = folder.fetch(0);
    let took = began.elapsed();
    assert_eq!((run.code, run.count("fetched")), (0, 16), "{}", run.report);
    for server in &servers {
        assert_eq!((most_at_once(&server.requests()), server.requests().len()), (1, 4));
    }
    let all: Vec<Request> = servers.iter().flat_map(Server::requests).collect();
    assert!(most_at_once(&all) >= 3, "side by side: {}", most_at_once(&all));
    assert!(took < Duration::from_millis(3500), "one after the other they take four seconds: {took:?}");
}

/// Two ports are two servers, and one machine.
#[test]
fn ports_of_a_host_are_one_host() {
    let servers = [Server::start(), Server::start()];
    let mut folder = Folder::new();
    for (port, server) in servers.iter().enumerate() {
        server.on("*", |_| Answer::steps([Step::Wait(Duration::from_millis(100))]).then_list(LIST));
        for at in 0..3 {
            folder.feed(&format!("f{port}-{at}"), &server.url(&format!("/{at}")), "");
        }
    }
    let run = folder.fetch(0);
    assert_eq!(run.count("fetched"), 6, "{}", run.report);
    let all: Vec<Request> = servers.iter().flat_map(Server::requests).collect();
    assert_eq!(most_at_once(&all), 1);
}

/// Feeds of other hosts that redirect to one, at the same time.
#[test]
fn a_host_that_many_redirect_to_is_asked_once_at_a_time() {
    let target = Server::at("127.0.2.100");
    target.on("*", |_| Answer::steps([Step::Wait(Duration::from_millis(100))]).then_list(LIST));
    let servers: Vec<Server> = (1..=6).map(|at| Server::at(&format!("127.0.2.{at}"))).collect();
    let mut folder = Folder::new();
    for (at, server) in servers.iter().enumerate() {
        server.always("*", Answer::redirect(302, &target.url(&format!("/{at}"))));
        folder.feed(&format!("f{at}"), &server.url("/x"), "");
    }
    let run = folder.fetch(0);
    assert_eq!(run.count("fetched"), 6, "{}", run.report);
    assert_eq!((most_at_once(&target.requests()), target.requests().len()), (1, 6));
}

#[test]
fn connections_are_at_most_as_many_as_asked_for() {
    let servers: Vec<Server> = (1..=8).map(|at| Server::at(&format!("127.0.2.{at}"))).collect();
    let mut folder = Folder::new();
    for (at, server) in servers.iter().enumerate() {
        server.on("*", |_| Answer::steps([Step::Wait(Duration::from_millis(100))]).then_list(LIST));
        folder.feed(&format!("f{at}"), &server.url("/x"), "");
    }
    let run = folder.fetch_with(0, &["--connections", "2"]);
    assert_eq!(run.count("fetched"), 8, "{}", run.report);
    let all: Vec<Request> = servers.iter().flat_map(Server::requests).collect();
    assert_eq!(most_at_once(&all), 2);
}

#[test]
fn connections_are_used_again() {
    let (server, folder) = host_with(10, "");
    assert_eq!(folder.fetch(0).count("fetched"), 10);
    assert_eq!(server.connections(), 1);
}

/// A slow host delays no other, even where it has most of the feeds.
#[test]
fn a_host_that_hangs_delays_no_other() {
    let (slow, good) = (Server::at("127.0.2.1"), Server::at("127.0.2.2"));
    slow.always("*", Answer::steps([Step::Wait(Duration::from_secs(30))]));
    good.always("*", Answer::list(LIST));
    let mut folder = Folder::new();
    (0..3).for_each(|at| folder.feed(&format!("s{at}"), &slow.url(&format!("/{at}")), ""));
    (0..5).for_each(|at| folder.feed(&format!("g{at}"), &good.url(&format!("/{at}")), ""));
    let began = Instant::now();
    let run = folder.fetch_with(0, &["--stall-time", "1s", "--max-time", "2s", "--retries", "0"]);
    assert_eq!((run.count("fetched"), run.count("failed"), run.code), (5, 3, 3), "{}", run.report);
    let last = good.requests().iter().map(|request| request.began).max().expect("requests");
    assert!(last.duration_since(began) < Duration::from_secs(1));
}

#[test]
fn two_fetches_of_one_folder_do_not_meet() {
    let (server, folder) = host_with(1, "");
    server.always("/00", Answer::steps([Step::Wait(Duration::from_secs(3))]).then_list(LIST));
    let now = minute(0).to_string();
    let mut first = folder.command(&folder.fetch_args(&now, &[])).spawn().expect("it runs");
    let began = Instant::now();
    while server.requests().is_empty() && began.elapsed() < Duration::from_secs(20) {
        thread::sleep(Duration::from_millis(10));
    }
    let args = ["fetch", "--catalog", "catalog.toml", "--downloads", "d", "--now", &now];
    let second = folder.command(&args).output().expect("it runs");
    assert_eq!(code(&second), 6, "{}", stderr(&second));
    assert_eq!(first.wait().expect("ended").code(), Some(0));
    assert_eq!(server.requests().len(), 1);
    assert_eq!(folder.text("f00.txt"), LIST);
}

#[test]
fn a_clock_that_was_ahead_keeps_no_host_waiting() {
    let (server, folder) = host_with(2, "per_hour = 1");
    folder.fetch(60 * 24 * 365);
    let run = folder.fetch(0);
    assert!(!run.report.is_null());
    assert_eq!(server.requests().len(), 2, "{}", run.report);
}

/// A network that is down would otherwise take a wait for each feed of a host with many.
#[test]
fn a_host_without_a_connection_is_left_alone() {
    let mut folder = Folder::new();
    for feed in 0..30 {
        folder.feed(&format!("f{feed:02}"), "http://127.0.0.1:1/a", "");
    }
    let run = folder.fetch(0);
    assert_eq!(run.code, 3, "{}", run.stderr);
    assert_eq!(run.state("f00"), "failed", "{}", run.report);
    for feed in 3..30 {
        assert_eq!(run.state(&format!("f{feed:02}")), "deferred", "{}", run.report);
    }
    assert_eq!(folder.fetch(1).state("f00"), "failed", "no publisher was asked, so it is due at once");
    let server = Server::start();
    let port = server.address().port();
    server.always("/a", Answer::list(LIST));
    for feed in 0..30 {
        folder.feed(&format!("g{feed:02}"), &format!("http://127.0.0.1:{port}/a"), "");
    }
    assert_eq!(folder.fetch(120).state("g00"), "fetched", "the next run asks again");
}
