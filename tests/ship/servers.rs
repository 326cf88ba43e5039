//! Servers that die in the middle, mix, move, stall, and do not keep to the rules.

use super::host::Host;
use super::publisher::Publisher;
use super::web::{answer, begin, offer};
use crate::fetch::server::{Answer, Request, Server, Step};
use rapsheet_ship::Manifest;
use std::process::Stdio;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// A publication, and the path of its whole file.
fn published() -> (Publisher, String) {
    let publisher = Publisher::with_publications(150, 1);
    let path = publisher.manifest().full.path;
    (publisher, format!("/{path}"))
}

/// A server of a folder that answers requests for a path in another way.
fn offer_but(
    publisher: &Publisher,
    path: &str,
    other: impl Fn(&Request, Answer) -> Answer + Send + Sync + 'static,
) -> Server {
    let (server, site) = (offer(&publisher.site()), publisher.site());
    server.on(path, move |request| other(request, answer(&site, request)));
    server
}

/// The bytes that a pull reports.
fn received(report: &str) -> u64 {
    let words = report.split("; ").find_map(|part| part.trim().strip_suffix(" bytes were received"));
    words.and_then(|number| number.parse().ok()).expect("a number of bytes")
}

/// The bytes of what a new host needs.
fn needed(manifest: &Manifest, publisher: &Publisher) -> u64 {
    let small = ["latest.json", "latest.json.minisig"].map(|path| publisher.read(path).len() as u64);
    manifest.full.bytes + small.iter().sum::<u64>()
}

/// Each answer breaks off after some bytes more. No byte comes twice.
#[test]
fn a_transfer_that_breaks_off_goes_on_where_it_ended() {
    let (publisher, path) = published();
    let (host, manifest) = (Host::new(), publisher.manifest());
    let piece = manifest.full.bytes.div_ceil(4) as usize;
    let server = offer_but(&publisher, &path, move |_, answer| answer.cut_after(piece));
    let report = host.succeeds(&server.url("/"), publisher.now());
    assert_eq!(received(&report), needed(&manifest, &publisher), "{report}");
    let begins: Vec<_> = server.requests_for(&path).iter().map(begin).collect();
    assert_eq!(begins, [None, Some(piece), Some(2 * piece), Some(3 * piece)]);
    assert!(host.bytes() == Some(publisher.bytes()));
    host.assert_tidy("after a transfer in pieces");
}

/// What came is kept while the server is away, and the next pull goes on with it.
#[test]
fn a_later_pull_goes_on_where_an_earlier_one_ended() {
    let (publisher, path) = published();
    let server = offer_but(&publisher, &path, |request, answer| match begin(request) {
        None => answer.cut_after(1000),
        Some(_) => Answer::new(503, "not now"),
    });
    let (host, manifest) = (Host::new(), publisher.manifest());
    host.refuses(&server.url("/"), publisher.now());
    let part = host.names().into_iter().find(|name| name.contains(".part-")).expect("what came");
    assert_eq!(std::fs::metadata(host.path(&part)).expect("a file").len(), 1000);
    let server = offer(&publisher.site());
    let report = host.succeeds(&server.url("/"), publisher.now());
    assert_eq!(received(&report), needed(&manifest, &publisher) - 1000);
    assert_eq!(begin(&server.requests_for(&path)[0]), Some(1000));
    host.assert_tidy("after the second pull");
}

/// What came of a file that is damaged in the middle does not stay for ever.
#[test]
fn a_damaged_part_is_begun_anew() {
    let (publisher, path) = published();
    let host = Host::new();
    let name = format!(".edge.rap.part-{}", publisher.manifest().full.blake3);
    for bytes in [vec![b'x'; 1000], vec![b'x'; publisher.manifest().full.bytes as usize], vec![b'x'; 1 << 20]]
    {
        std::fs::write(host.path(&name), &bytes).expect("written");
        let server = offer(&publisher.site());
        let output = host.run(&server.url("/"), publisher.now());
        // With a part that is not its beginning, that is known at its end, and all of it comes again.
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(host.bytes() == Some(publisher.bytes()));
        assert!(!server.requests_for(&path).is_empty());
        host.assert_tidy("after a damaged part");
        std::fs::remove_file(host.snapshot()).expect("removed");
    }
}

/// Answers to a request for a part: all of it, a part that begins elsewhere, none, and one without a range.
#[test]
fn answers_to_a_request_for_a_part() {
    let whole = |_: &Request, site: &[u8]| Answer::new(200, site);
    let elsewhere = |_: &Request, site: &[u8]| {
        Answer::new(206, &site[900..]).header("Content-Range", &format!("bytes 900-{}/*", site.len() - 1))
    };
    let refused = |request: &Request, site: &[u8]| match begin(request) {
        Some(_) => Answer::new(416, "no such part"),
        None => Answer::new(200, site),
    };
    let silent = |_: &Request, site: &[u8]| Answer::new(206, site);
    type Other = fn(&Request, &[u8]) -> Answer;
    let cases: [(&str, Other, bool); 4] = [
        ("200", whole, true),
        ("elsewhere", elsewhere, false),
        ("416", refused, true),
        ("206", silent, false),
    ];
    for (name, other, is_taken) in cases {
        let (publisher, path) = published();
        let bytes = publisher.read(&path[1..]);
        let is_first = Mutex::new(true);
        let server = offer_but(&publisher, &path, move |request, answer| {
            match std::mem::take(&mut *is_first.lock().expect("no panic")) {
                true => answer.cut_after(500),
                false => other(request, &bytes),
            }
        });
        let host = Host::new();
        match is_taken {
            true => drop(host.succeeds(&server.url("/"), publisher.now())),
            false => drop(host.refuses(&server.url("/"), publisher.now())),
        }
        assert_eq!(host.bytes(), is_taken.then(|| publisher.bytes()), "{name}");
        host.succeeds(publisher.site().to_str().expect("UTF-8"), publisher.now());
        host.assert_tidy(name);
    }
}

#[test]
fn redirects_lead_to_other_hosts_and_end() {
    let (publisher, _) = published();
    let mirror = offer(&publisher.site());
    let other = Server::at("127.0.0.2");
    for (status, to) in
        [(301, mirror.url("")), (302, mirror.url("")), (307, mirror.url("")), (308, mirror.url(""))]
    {
        other.on("*", move |request| Answer::redirect(status, &format!("{to}{}", request.path)));
        let host = Host::new();
        host.succeeds(&other.url("/"), publisher.now());
        assert!(host.bytes() == Some(publisher.bytes()), "{status}");
    }
    other.on("*", |request| Answer::redirect(302, &request.path));
    let report = Host::new().refuses(&other.url("/"), publisher.now());
    assert!(report.contains("redirects"), "{report}");
    other.always("*", Answer::redirect(302, "file:///etc/passwd"));
    Host::new().refuses(&other.url("/"), publisher.now());
}

/// A server that leads to another manifest gains nothing by it.
#[test]
fn a_redirect_to_an_old_manifest_is_a_rollback() {
    let mut publisher = Publisher::with_publications(40, 1);
    let old = publisher.copy();
    publisher.next();
    let host = Host::of(&publisher.site(), publisher.now());
    let (mirror, server) = (offer(old.path()), offer(&publisher.site()));
    server.always("/latest.json", Answer::redirect(302, &mirror.url("/latest.json")));
    server.always("/latest.json.minisig", Answer::redirect(302, &mirror.url("/latest.json.minisig")));
    let report = host.refuses(&server.url("/"), publisher.now());
    assert!(report.contains("someone offers an old one"), "{report}");
}

/// Errors that pass are tried again; others are not.
#[test]
fn errors_that_pass_are_tried_again() {
    let (publisher, path) = published();
    for status in [500, 502, 503, 504, 429] {
        let left = Mutex::new(3);
        let server = offer_but(&publisher, &path, move |_, answer| {
            let mut left = left.lock().expect("no panic");
            *left -= i32::from(*left > 0);
            if *left > 0 { Answer::new(status, "later") } else { answer }
        });
        Host::new().succeeds(&server.url("/"), publisher.now());
        assert_eq!(server.requests_for(&path).len(), 3, "{status}");
    }
    for status in [403, 404, 410] {
        let server = offer_but(&publisher, &path, move |_, _| Answer::new(status, "no"));
        let report = Host::new().refuses(&server.url("/"), publisher.now());
        assert!(report.contains(&status.to_string()), "{report}");
        assert_eq!(server.requests_for(&path).len(), 1, "{status}");
    }
}

#[test]
fn connections_that_are_reset_are_tried_again() {
    let (publisher, path) = published();
    let left = Mutex::new(3);
    let server = offer_but(&publisher, &path, move |_, answer| {
        let mut left = left.lock().expect("no panic");
        *left -= i32::from(*left > 0);
        if *left > 0 { Answer::steps([Step::Reset]) } else { answer }
    });
    let host = Host::new();
    host.succeeds(&server.url("/"), publisher.now());
    assert!(host.bytes() == Some(publisher.bytes()));
}

/// While one pull waits, another one is told that it does, and a signal ends it; the old snapshot stays.
#[test]
fn a_server_that_stalls_holds_one_pull_which_a_signal_ends() {
    let mut publisher = Publisher::with_publications(40, 1);
    let host = Host::of(&publisher.site(), publisher.now());
    let before = host.bytes();
    publisher.next();
    let path = format!("/{}", publisher.manifest().deltas[0].file.path);
    let drip = Duration::from_millis(200);
    let server = offer_but(&publisher, &path, move |_, answer| answer.drip(drip));
    let mut command = host.command(&server.url("/"), publisher.now());
    let mut child = command.stderr(Stdio::piped()).spawn().expect("it runs");
    let began = Instant::now();
    while server.requests_for(&path).is_empty() {
        assert!(began.elapsed() < Duration::from_secs(60), "it asks for the delta");
        std::thread::sleep(Duration::from_millis(10));
    }
    let second = host.run(&server.url("/"), publisher.now());
    assert_eq!(second.status.code(), Some(6), "{}", crate::test_dir::stderr(&second));
    let status = std::process::Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
    assert!(status.expect("kill").success());
    assert_eq!(child.wait().expect("a status").code(), Some(5));
    assert!(began.elapsed() < Duration::from_secs(60) && host.bytes() == before);
    host.succeeds(publisher.site().to_str().expect("UTF-8"), publisher.now());
    host.assert_tidy("after the next pull");
}
