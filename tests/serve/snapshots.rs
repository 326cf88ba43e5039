//! The snapshot at the path: a new one is taken at once, and what is none never.

use super::{Client, Running, wait_until};
use crate::test_dir::TestDir;
use std::fs;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

fn replace(dir: &TestDir, bytes: &[u8]) {
    dir.write("next", bytes);
    fs::rename(dir.path("next"), dir.path("rapsheet.rap")).expect("renamed");
}

fn generation(server: &Running) -> u64 {
    server.get("/v1/info").json()["generation"].as_u64().expect("a number")
}

#[test]
fn a_server_waits_for_its_first_snapshot() {
    let dir = TestDir::new();
    let sample = fs::read(dir.path("rapsheet.rap")).expect("the sample");
    fs::remove_file(dir.path("rapsheet.rap")).expect("removed");
    let server = Running::start(&dir, &[]);
    for path in ["/readyz", "/v4/ip/45.9.20.5", "/v1/lookup/45.9.20.5", "/v1/feeds"] {
        let answer = server.get(path);
        assert_eq!((answer.code(), answer.header("retry-after")), (503_001, Some("5")), "{path}");
    }
    assert_eq!(server.get("/healthz").status, 200);
    assert_eq!(server.get("/").status, 200);
    assert_eq!(server.get("/metrics").status, 200);
    replace(&dir, &sample);
    wait_until("a snapshot", || server.get("/readyz").status == 200);
    assert_eq!(server.get("/v4/ip/45.9.20.5").json()["lookup_results"]["detected_by"], 1);
}

#[test]
fn an_old_snapshot_is_not_ready() {
    let dir = TestDir::new();
    let server = Running::start(&dir, &["--max-stale", "90s"]);
    assert_eq!(server.get("/readyz").code(), 503_002);
    assert_eq!(server.get("/v4/ip/45.9.20.5").status, 200, "it answers all the same");
}

#[test]
fn what_is_no_snapshot_is_never_taken() {
    let dir = TestDir::new();
    let sample = fs::read(dir.path("rapsheet.rap")).expect("the sample");
    let mut server = Running::start(&dir, &[]);
    let before = server.get("/v1/lookup/45.9.20.5").text();
    let mut flipped = sample.clone();
    *flipped.last_mut().expect("a byte") ^= 1;
    for (bad, refused) in [(&b"no snapshot"[..], 1), (&sample[..sample.len() / 2], 2), (&flipped, 3)] {
        replace(&dir, bad);
        let line = server.line_with("going on with the previous snapshot");
        assert!(line.contains("rapsheet.rap"), "{line}");
        assert_eq!(server.get("/v1/lookup/45.9.20.5").text(), before);
        let expected = format!("\nrapsheet_snapshots_refused_total {refused}\n");
        assert!(server.get("/metrics").text().contains(&expected));
    }
    replace(&dir, &sample);
    wait_until("the next sound one", || generation(&server) == 2);
}

/// Which a build never does, and `cp` does.
#[test]
fn a_snapshot_that_is_written_in_place_is_not_used_any_more() {
    let dir = TestDir::new();
    let sample = fs::read(dir.path("rapsheet.rap")).expect("the sample");
    let mut flipped = sample.clone();
    *flipped.last_mut().expect("a byte") ^= 1;
    let mut server = Running::start(&dir, &[]);
    fs::write(dir.path("rapsheet.rap"), &flipped).expect("written");
    server.line_with("publish by renaming");
    for path in ["/v1/lookup/45.9.20.5", "/readyz"] {
        assert_eq!(server.get(path).code(), 503_001, "{path}");
    }
    replace(&dir, &sample);
    wait_until("a sound one", || server.get("/readyz").status == 200);
    // One that is in memory is not reached.
    let mut server = Running::start(&dir, &["--in-memory"]);
    for bytes in [&flipped[..], b""] {
        fs::write(dir.path("rapsheet.rap"), bytes).expect("written");
        server.line_with("going on with the previous snapshot");
        assert_eq!(server.get("/v4/ip/45.9.20.5").json()["lookup_results"]["detected_by"], 1);
    }
}

#[test]
fn no_request_fails_while_snapshots_are_replaced() {
    let dir = TestDir::new();
    let sample = fs::read(dir.path("rapsheet.rap")).expect("the sample");
    let server = Running::start(&dir, &[]);
    let (ends, answered) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut client = Client::connect(server.address);
                while !ends.load(Ordering::Relaxed) {
                    let answer = client.post("/v4/ip", br#"{"address":["45.9.20.5","45.9.20.6"]}"#);
                    let data = answer.json()["data"].clone();
                    assert_eq!(data[0]["lookup_results"]["detected_by"], 1);
                    assert_eq!(data[1]["lookup_results"]["detected_by"], 0);
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for at in 0..20 {
            replace(&dir, if at % 4 == 3 { b"bad" } else { &sample });
            thread::sleep(Duration::from_millis(100));
        }
        ends.store(true, Ordering::Relaxed);
    });
    assert!(generation(&server) > 3, "some of them were taken");
    assert!(answered.into_inner() > 40);
}
