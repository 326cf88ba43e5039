//! By every way a host gets the builder's file, byte for byte, and the way is the cheapest one.

use super::host::{Host, SNAPSHOT};
use super::publisher::{ONE, Publisher, TWO};
use super::web::offer;
use crate::test_dir::{code, stderr};
use rapsheet_ship::{Accepted, Cause, Folder, Route};

/// Runs a test over a folder, and over HTTP.
fn each_origin(test: impl Fn(&mut Publisher, &str)) {
    let mut publisher = Publisher::new(150);
    let site = publisher.site();
    test(&mut publisher, site.to_str().expect("UTF-8"));
    let mut publisher = Publisher::new(150);
    let server = offer(&publisher.site());
    test(&mut publisher, &server.url("/"));
}

fn assert_says(report: &str, text: &str) {
    assert!(report.contains(text), "expected `{text}`, found:\n{report}");
}

#[test]
fn a_new_host_takes_the_whole_and_then_deltas() {
    each_origin(|publisher, from| {
        let host = Host::new();
        publisher.next();
        let report = host.succeeds(from, publisher.now());
        assert_says(&report, "came as a whole");
        assert_says(&report, "has accepted nothing of this channel before");
        assert!(host.bytes() == Some(publisher.bytes()));
        host.assert_tidy("the whole");
        for count in ["came as a delta", "came as 2 deltas", "came as 3 deltas"] {
            let steps = count.bytes().find(u8::is_ascii_digit).map_or(1, |digit| usize::from(digit - b'0'));
            (0..steps).for_each(|_| drop(publisher.next()));
            let report = host.succeeds(from, publisher.now());
            assert_says(&report, count);
            assert!(!report.contains("accepted nothing"), "{report}");
            assert!(host.bytes() == Some(publisher.bytes()), "{count}");
            host.assert_tidy(count);
        }
    });
}

#[test]
fn nothing_new_and_the_same_anew_cost_no_file() {
    each_origin(|publisher, from| {
        let host = Host::new();
        publisher.next();
        host.succeeds(from, publisher.now());
        let before = host.accepted();
        assert_says(&host.succeeds(from, publisher.now()), "is in place already");
        assert_eq!(host.accepted(), before);
        publisher.pass(1);
        let published = publisher.publish();
        assert!(published.is_repeated && published.manifest.generation > before.generation);
        assert_says(&host.succeeds(from, publisher.now()), "is in place already");
        let after = host.accepted();
        assert_eq!((after.generation, after.snapshot), (published.manifest.generation, before.snapshot));
        assert_eq!(after.expires, published.manifest.expires, "the host knows that it holds for longer");
        assert!(host.bytes() == Some(publisher.bytes()));
    });
}

#[test]
fn a_server_with_validators_sends_nothing_twice() {
    let mut publisher = Publisher::with_publications(60, 1);
    let server = offer(&publisher.site());
    let (host, from) = (Host::new(), server.url("/"));
    host.succeeds(&from, publisher.now());
    let report = host.succeeds(&from, publisher.now());
    assert_says(&report, "0 bytes were received");
    let requests = server.requests();
    let last = requests.last().expect("a request");
    assert!(last.path == "/latest.json" && last.is_conditional(), "{last:?}");
    // A host whose snapshot was lost does not believe that it has it.
    std::fs::remove_file(host.snapshot()).expect("removed");
    assert_says(&host.succeeds(&from, publisher.now()), "came as a whole");
    publisher.next();
    assert_says(&host.succeeds(&from, publisher.now()), "came as a delta");
    assert!(host.bytes() == Some(publisher.bytes()));
}

/// The bytes that are reported are those of manifest, signature and files.
#[test]
fn the_bytes_are_counted() {
    each_origin(|publisher, from| {
        let host = Host::new();
        for files in ["full", "delta"] {
            let manifest = publisher.next().manifest;
            let delta = manifest.deltas.last().map_or(0, |delta| delta.file.bytes);
            let file = if files == "full" { manifest.full.bytes } else { delta };
            let small = publisher.read("latest.json").len() + publisher.read("latest.json.minisig").len();
            let expected = format!("; {} bytes were received", file + small as u64);
            assert_says(&host.succeeds(from, publisher.now()), &expected);
        }
    });
}

#[test]
fn a_host_that_was_away_takes_what_costs_least() {
    let mut publisher = Publisher::with_publications(400, 1);
    let site = Folder(publisher.site());
    let away: Vec<Host> = [7, 14, 15, 30, 31].map(|_| Host::of(&site.0, publisher.now())).into();
    let here = away[0].accepted().snapshot;
    let mut taken = Vec::new();
    for back in 1..=31 {
        let manifest = publisher.next().manifest;
        let Some(host) = [7, 14, 15, 30, 31].iter().position(|away| *away == back) else { continue };
        let route = Route::cheapest(&manifest, Some(here), u64::MAX);
        assert!(route.bytes(&manifest) <= manifest.full.bytes);
        let pulled = away[host].pull(&site, publisher.now()).expect("a sound publication");
        assert!(away[host].bytes() == Some(publisher.bytes()), "{back} back");
        away[host].assert_tidy("after a delta");
        assert!(pulled.fallback.is_none());
        taken.push((back, pulled.path, pulled.files));
    }
    // Fourteen steps lead from fourteen back; one delta leads from seven and one from thirty back.
    assert_eq!(taken[0], (7, "delta", 1), "the span is cheaper than seven steps");
    assert_eq!(taken[2], (15, "full", 1), "no way leads from there");
    assert_eq!(taken[3], (30, "delta", 1));
    assert_eq!(taken[4], (31, "full", 1));
    let (_, path, files) = taken[1];
    assert!(path == "delta" && (2..=14).contains(&files), "{taken:?}");
}

#[test]
fn less_memory_than_a_delta_needs_means_the_whole() {
    let mut publisher = Publisher::with_publications(100, 1);
    let hosts = [Host::of(&publisher.site(), publisher.now()), Host::of(&publisher.site(), publisher.now())];
    let manifest = publisher.next().manifest;
    let site = Folder(publisher.site());
    for (host, percent, path) in [(&hosts[0], 119, "full"), (&hosts[1], 122, "delta")] {
        let memory_max = manifest.snapshot.bytes * percent / 100;
        let pulled = host.pull_with(&site, publisher.now(), |pull| pull.memory_max = memory_max);
        assert_eq!(pulled.expect("a sound publication").path, path, "{percent} %");
        assert!(host.bytes() == Some(publisher.bytes()));
    }
}

#[test]
fn a_larger_snapshot_than_a_host_takes_is_refused() {
    let mut publisher = Publisher::with_publications(100, 1);
    let host = Host::of(&publisher.site(), publisher.now());
    let (before, length) = (host.bytes(), publisher.next().manifest.snapshot.bytes);
    let site = Folder(publisher.site());
    let pull =
        |most| host.pull_with(&site, publisher.now(), |pull| pull.limits = rapsheet_ship::Limits::new(most));
    pull(length - 1).expect_err("it is larger");
    assert!(host.bytes() == before);
    pull(length).expect("it is as large");
}

/// Hosts learn the second key while the first one still signs; then the second one does.
#[test]
fn keys_are_replaced() {
    let mut publisher = Publisher::with_publications(60, 1);
    let site = Folder(publisher.site());
    let mut hosts = [vec![ONE.public], vec![ONE.public, TWO.public], vec![TWO.public]].map(|keys| {
        let mut host = Host::new();
        host.keys = keys;
        host
    });
    let pull = |hosts: &[Host; 3], publisher: &Publisher| {
        hosts.each_ref().map(|host| match host.pull(&site, publisher.now()) {
            Ok(_) => None,
            Err((cause, _)) => Some(cause),
        })
    };
    assert_eq!(pull(&hosts, &publisher), [None, None, Some(Cause::Signature)]);
    publisher.key = &TWO;
    publisher.next();
    let before = hosts[0].bytes();
    assert_eq!(pull(&hosts, &publisher), [Some(Cause::Signature), None, None]);
    assert!(hosts[0].bytes() == before);
    // The first key was stolen: hosts that gave it up take nothing that it signs.
    hosts[1].keys = vec![TWO.public];
    publisher.key = &ONE;
    publisher.next();
    let before = hosts[1].bytes();
    assert_eq!(pull(&hosts, &publisher)[1], Some(Cause::Signature));
    assert!(hosts[1].bytes() == before);
}

/// Generations of one channel say nothing of those of another.
#[test]
fn channels_are_apart() {
    let mut stable = Publisher::with_publications(60, 3);
    let mut beta = Publisher::new(61);
    beta.channel = "beta";
    beta.next();
    let (site, other) = (Folder(stable.site()), Folder(beta.site()));
    let host = Host::of(&site.0, stable.now());
    let (cause, text) = host.pull(&other, stable.now()).expect_err("another channel");
    assert_eq!(cause, Cause::Channel);
    assert!(text.contains("`default`") && text.contains("`beta`") && text.contains("--channel"), "{text}");
    host.pull_with(&other, stable.now(), |pull| pull.channel = "beta").expect("a lower generation");
    assert!(host.bytes() == Some(beta.bytes()));
    let accepted = |channel| Accepted::read(&host.snapshot(), channel).expect("a file").expect("a row");
    assert!(accepted("beta").generation < accepted("default").generation);
    // Back on the first one, the highest generation still counts.
    assert_eq!(host.pull(&site, stable.now()).expect("the same generation").path, "full");
    assert!(host.bytes() == Some(stable.bytes()));
    let output = beta.try_publish();
    assert!(output.is_ok());
    beta.channel = "gamma";
    let error = beta.try_publish().expect_err("a folder of another channel").to_string();
    assert!(error.contains("`gamma`") && error.contains("`beta`"), "{error}");
    stable.next();
}

#[test]
fn a_snapshot_of_another_origin_is_replaced_and_other_files_are_not() {
    let publisher = Publisher::with_publications(60, 1);
    let from = publisher.site().to_str().expect("UTF-8").to_owned();
    let other = Publisher::with_publications(61, 1);
    let host = Host::new();
    std::fs::copy(other.snapshot(), host.snapshot()).expect("copied");
    assert_says(&host.succeeds(&from, publisher.now()), "came as a whole");
    assert!(host.bytes() == Some(publisher.bytes()));
    let host = Host::new();
    std::fs::write(host.snapshot(), "notes of an operator").expect("written");
    let output = host.run(&from, publisher.now());
    assert_eq!(code(&output), 4, "{}", stderr(&output));
    assert_eq!(host.bytes().as_deref(), Some(&b"notes of an operator"[..]));
    assert_eq!(host.names(), [SNAPSHOT]);
}

/// Whatever became of the snapshot since the last pull.
#[test]
fn a_damaged_snapshot_is_replaced() {
    let publisher = Publisher::with_publications(60, 1);
    let from = publisher.site().to_str().expect("UTF-8").to_owned();
    let host = Host::of(&publisher.site(), publisher.now());
    for bytes in [&publisher.bytes()[..100], b"", b"no snapshot"] {
        std::fs::write(host.snapshot(), bytes).expect("written");
        assert_says(&host.succeeds(&from, publisher.now()), "came as a whole");
        assert!(host.bytes() == Some(publisher.bytes()));
    }
}
