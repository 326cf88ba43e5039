//! One transfer: what arrives whole is placed, and what does not is not.

use super::folder::{Fetched, Folder, LIST, OTHER, minute};
use super::server::{Answer, Server, Step};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::net::TcpListener;
use std::time::{Duration, Instant};

const MIB: usize = 1 << 20;

/// A list, and many answers after it.
fn after_a_list(answers: impl IntoIterator<Item = Answer>) -> (Server, Folder) {
    let server = Server::start();
    server.queue("/a", std::iter::once(Answer::list(LIST)).chain(answers));
    let folder = Folder::with_feed(&server.url("/a"));
    folder.fetch(0).assert_state("fetched");
    (server, folder)
}

/// Runs `fetch` again, and expects that the pair of the first run is still there and means the same.
fn fails(server: &Server, folder: &Folder, extra: &[&str], words: &[&str]) -> Fetched {
    let before = folder.note("a.txt");
    let mut args = vec!["--connect-timeout", "2s", "--stall-time", "1s"];
    args.extend(extra);
    let run = folder.fetch_with(120, &args);
    run.assert_failed(words);
    assert_eq!(folder.text("a.txt"), LIST);
    let after = folder.note("a.txt");
    for key in ["fetched_at", "sha256", "bytes", "changed_at", "etag"] {
        assert_eq!(before[key], after[key], "{key}: a failure touches nothing that was fetched");
    }
    assert_eq!(folder.names(), ["a.txt", "a.txt.meta.json"], "nothing else lies there");
    assert!(server.requests_for("/a").len() >= 2, "it was asked");
    run
}

/// An answer that is always a failure, with words of the reason.
fn always_fails(answer: Answer, words: &[&str]) -> usize {
    let (server, folder) = after_a_list([answer]);
    fails(&server, &folder, &[], words);
    server.requests_for("/a").len() - 1
}

#[test]
fn a_list_is_fetched_with_its_note() {
    let server = Server::start();
    let modified = "Sat, 21 Nov 2026 10:00:00 GMT";
    server.always("/a", Answer::list(LIST).header("ETag", "\"v1\"").header("Last-Modified", modified));
    let folder = Folder::with_feed(&server.url("/a"));
    let run = folder.fetch(0);
    run.assert_state("fetched");
    assert_eq!(folder.text("a.txt"), LIST);
    assert_eq!(folder.names(), ["a.txt", "a.txt.meta.json"]);
    let note = folder.note("a.txt");
    let digest: String = Sha256::digest(LIST).iter().map(|byte| format!("{byte:02x}")).collect();
    let expected = [
        ("url", server.url("/a").into()),
        ("etag", "\"v1\"".into()),
        ("last_modified", modified.into()),
        ("date", "Sun, 22 Nov 2026 00:00:00 GMT".into()),
        ("sha256", digest.into()),
        ("framing", "length".into()),
        ("status", 200.into()),
        ("bytes", LIST.len().into()),
        ("wire_bytes", LIST.len().into()),
        ("failures", 0.into()),
        ("retry_after", Value::Null),
    ];
    for (key, value) in expected {
        assert_eq!(note[key], value, "{key}");
    }
    for key in ["fetched_at", "checked_at", "changed_at", "validated_unconditionally_at"] {
        let at = folder.noted("a.txt", key);
        assert!(at >= minute(0) && at < minute(1), "{key}: {at}");
    }
    assert_eq!(folder.noted("a.txt", "next_at"), folder.noted("a.txt", "checked_at").plus(3600));
    assert!(note.as_object().is_some_and(|note| note.contains_key("encoding")));
    let [request] = &server.requests()[..] else { unreachable!("one request") };
    assert_eq!((request.method.as_str(), request.is_conditional()), ("GET", false));
    assert!(request.header("user-agent").is_some_and(|agent| agent.starts_with("rapsheet/")));
    assert!(request.header("accept-encoding").is_some_and(|accepted| accepted.contains("gzip")));
}

#[test]
fn the_report_has_every_key() {
    let server = Server::start();
    server.always("/a", Answer::list(LIST).gzip());
    let folder = Folder::with_feed(&server.url("/a"));
    let run = folder.fetch(0);
    for key in ["generated_at", "downloads", "tls_roots", "proxy", "totals", "feeds"] {
        assert!(run.report.get(key).is_some(), "{key}");
    }
    for key in ["fetched", "not-modified", "deferred", "skipped", "failed", "bytes", "wire_bytes", "seconds"]
    {
        assert!(run.report["totals"][key].is_number(), "{key}: {}", run.report["totals"]);
    }
    let keys = "id file url final_url state reason http_status bytes wire_bytes changed attempts requests duration \
                fetched_at changed_at next_at framing encoding";
    for key in keys.split_whitespace() {
        assert!(run.row("a").get(key).is_some(), "{key}: {}", run.row("a"));
    }
    assert_eq!((run.get("a", "file"), run.get("a", "http_status")), ("a.txt".to_owned(), "200".to_owned()));
    assert_eq!((run.get("a", "attempts"), run.get("a", "requests")), ("1".to_owned(), "1".to_owned()));
    assert_eq!(run.row("a")["changed"], true);
    assert_eq!(run.report["totals"]["fetched"], 1);
}

#[test]
fn build_reads_what_fetch_left() {
    let server = Server::start();
    server.always("/a", Answer::list(LIST));
    let folder = Folder::with_feed(&server.url("/a"));
    folder.fetch(0).assert_state("fetched");
    let feed = folder.built(10, "a");
    assert_eq!((&feed["state"], &feed["accepted"]), (&"ok".into(), &3.into()), "{feed}");
}

#[test]
fn chunks_are_joined() {
    let server = Server::start();
    let list = LIST.repeat(1000);
    server.always("/a", Answer::list(&list).chunked());
    let folder = Folder::with_feed(&server.url("/a"));
    folder.fetch(0).assert_state("fetched");
    assert_eq!(folder.text("a.txt"), list);
    assert_eq!(folder.note("a.txt")["framing"], "chunked");
}

#[test]
fn a_compressed_answer_is_decoded() {
    let server = Server::start();
    let list = LIST.repeat(1000);
    server.always("/a", Answer::list(&list).gzip());
    server.always("/b", Answer::list(&list).gzip().chunked());
    let mut folder = Folder::with_feed(&server.url("/a"));
    folder.feed("b", &server.url("/b"), "");
    folder.fetch(0).assert_state("fetched");
    for file in ["a.txt", "b.txt"] {
        let note = folder.note(file);
        assert_eq!((folder.text(file), &note["encoding"]), (list.clone(), &"gzip".into()));
        assert_eq!(note["bytes"], list.len());
        assert!(note["wire_bytes"].as_u64().is_some_and(|wire| wire < 2000), "{note}");
    }
}

/// A list that is published compressed stays as it is: `build` reads it, and its digest is the publisher's.
#[test]
fn a_compressed_file_stays_compressed() {
    let server = Server::start();
    let file = crate::files::gzip(LIST.as_bytes());
    server.always("/a.txt.gz", Answer::new(200, &file).header("Content-Type", "application/gzip"));
    let mut folder = Folder::new();
    folder.feed("a", &server.url("/a.txt.gz"), "file = \"a.txt.gz\"");
    folder.fetch(0).assert_state("fetched");
    assert_eq!(folder.download("a.txt.gz"), Some(file));
    assert_eq!(folder.built(10, "a")["accepted"], 3);
}

/// Such a body cannot be told from one that was cut, and so the note says how it ended.
#[test]
fn a_body_that_ends_with_the_connection_is_noted() {
    let server = Server::start();
    server.always("/a", Answer::list(LIST).until_close());
    server.always("/b", Answer::list(LIST).until_close().status_line("HTTP/1.0 200 OK"));
    let mut folder = Folder::with_feed(&server.url("/a"));
    folder.feed("b", &server.url("/b"), "");
    folder.fetch(0).assert_state("fetched");
    for file in ["a.txt", "b.txt"] {
        assert_eq!(
            (folder.text(file).as_str(), &folder.note(file)["framing"]),
            (LIST, &"close".into()),
            "{file}"
        );
    }
}

#[test]
fn a_body_shorter_than_its_length_fails() {
    let short = Answer::list(OTHER).length(OTHER.len() + 10).then(Step::Close);
    assert_eq!(
        always_fails(short, &["short", "end", "eof", "closed", "cut", "length"]),
        3,
        "it was tried again"
    );
}

#[test]
fn a_body_cut_between_chunks_fails() {
    let cut = Answer::list(OTHER.repeat(100)).chunked().then(Step::Close);
    assert_eq!(always_fails(cut, &["chunk", "end", "eof", "closed", "cut"]), 3);
}

#[test]
fn a_body_cut_within_a_chunk_fails() {
    let mut body = b"100\r\n".to_vec();
    body.extend(OTHER.as_bytes());
    let cut = Answer::list(body).header("Transfer-Encoding", "chunked").raw_framing().then(Step::Close);
    assert_eq!(always_fails(cut, &["chunk", "end", "eof", "closed", "cut"]), 3);
}

#[test]
fn a_chunk_without_a_size_fails() {
    let odd = Answer::list("zz\r\nabc\r\n0\r\n\r\n").header("Transfer-Encoding", "chunked").raw_framing();
    always_fails(odd.then(Step::Close), &["chunk"]);
}

#[test]
fn a_cut_compressed_body_fails() {
    for cut in [1, 9, 20] {
        let answer = Answer::list(OTHER.repeat(300)).gzip().without_last(cut);
        always_fails(answer, &["gzip", "corrupt", "cut", "end", "eof", "decode", "compress"]);
    }
}

#[test]
fn a_compressed_body_with_a_wrong_checksum_fails() {
    let mut body = crate::files::gzip(OTHER.repeat(300).as_bytes());
    let at = body.len() - 8;
    body[at] ^= 1;
    let answer = Answer::list(body).header("Content-Encoding", "gzip");
    always_fails(answer, &["gzip", "corrupt", "checksum", "decode", "compress"]);
}

/// No one asked for this encoding, and `build` could not read it.
#[test]
fn an_encoding_that_was_not_accepted_fails() {
    always_fails(Answer::list("\u{b}\u{2}").header("Content-Encoding", "br"), &["encod", "br"]);
}

#[test]
fn a_bomb_is_stopped_at_its_limit() {
    let server = Server::start();
    server.always("/a", Answer::list(vec![b'\n'; 200 * MIB]).gzip());
    let mut folder = Folder::new();
    folder.feed("a", &server.url("/a"), "max_bytes = \"1M\"");
    let run = folder.fetch(0);
    run.assert_failed(&["max_bytes", "1 MiB", "1M", "1048576", "larger", "limit"]);
    assert_eq!(folder.download("a.txt"), None);
    assert_eq!(server.requests().len(), 1, "another try would not help");
}

#[test]
fn an_endless_body_is_stopped_at_its_limit() {
    let endless = |answer: Answer, part: &[u8]| answer.raw_framing().then(Step::Forever(part.to_vec()));
    let chunk = [b"c00\r\n".as_slice(), &LIST.as_bytes().repeat(103)[..3072], b"\r\n"].concat();
    let chunked = endless(Answer::list("").header("Transfer-Encoding", "chunked"), &chunk);
    let closed = endless(Answer::list("").header("Connection", "close"), LIST.as_bytes());
    for answer in [chunked, closed] {
        let server = Server::start();
        server.always("/a", answer);
        let mut folder = Folder::new();
        folder.feed("a", &server.url("/a"), "max_bytes = \"300K\"");
        folder.fetch(0).assert_failed(&["max_bytes", "300", "307200", "larger", "limit"]);
        assert_eq!((folder.names(), server.requests().len()), (Vec::new(), 1));
    }
}

#[test]
fn a_length_beyond_the_limit_is_refused_before_the_body() {
    let server = Server::start();
    server.always("/a", Answer::list("").length(10 * MIB).then(Step::Wait(Duration::from_secs(20))));
    let mut folder = Folder::new();
    folder.feed("a", &server.url("/a"), "max_bytes = \"1M\"");
    let began = Instant::now();
    folder.fetch_with(0, &[]).assert_failed(&["max_bytes", "1 MiB", "1M", "1048576", "larger", "limit"]);
    assert!(began.elapsed() < Duration::from_secs(10), "it does not wait for the body");
}

#[test]
fn a_body_of_just_the_limit_is_fetched() {
    let server = Server::start();
    let list = LIST.repeat(100)[..1024].to_owned();
    server.always("/a", Answer::list(&list));
    let mut folder = Folder::new();
    folder.feed("a", &server.url("/a"), "max_bytes = \"1K\"");
    folder.fetch(0).assert_state("fetched");
    assert_eq!(folder.text("a.txt"), list);
}

#[test]
fn one_byte_a_second_stalls() {
    let (server, folder) = after_a_list([Answer::list(OTHER.repeat(9)).drip(Duration::from_secs(1))]);
    let began = Instant::now();
    fails(&server, &folder, &["--retries", "1"], &["timed out", "stall"]);
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    assert_eq!(server.requests_for("/a").len(), 3, "a stall is tried again");
}

/// Each byte comes well within the time of a stall, and still there are too few of them.
#[test]
fn many_small_bits_stall_as_well() {
    let (server, folder) = after_a_list([Answer::list(OTHER.repeat(99)).drip(Duration::from_millis(50))]);
    fails(&server, &folder, &["--retries", "0"], &["timed out", "stall"]);
}

#[test]
fn a_transfer_has_a_time_limit() {
    // 8 KiB a second: no stall.
    let slow: Vec<Step> = (0..300)
        .flat_map(|_| [Step::Send(OTHER.repeat(14).into_bytes()), Step::Wait(Duration::from_millis(50))])
        .collect();
    let head = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n".to_owned();
    let steps = [vec![Step::Send(head.into_bytes())], slow, vec![Step::Close]].concat();
    let (server, folder) = after_a_list([Answer::steps(steps)]);
    let began = Instant::now();
    fails(&server, &folder, &["--max-time", "2s", "--retries", "0"], &["timed out"]);
    assert!((2..9).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
}

#[test]
fn slow_headers_time_out() {
    let head = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 1\r\n\r\na".repeat(4);
    let (server, folder) = after_a_list([Answer::steps([Step::Drip(head, Duration::from_millis(400))])]);
    let began = Instant::now();
    fails(&server, &folder, &["--retries", "0", "--max-time", "5s"], &["timed out", "stall"]);
    assert!(began.elapsed() < Duration::from_secs(9), "{:?}", began.elapsed());
}

#[test]
fn a_silent_server_times_out() {
    let (server, folder) = after_a_list([Answer::steps([Step::Wait(Duration::from_secs(20))])]);
    let began = Instant::now();
    fails(&server, &folder, &["--retries", "0", "--max-time", "5s"], &["timed out", "stall"]);
    assert!(began.elapsed() < Duration::from_secs(9), "{:?}", began.elapsed());
}

#[test]
fn endless_headers_are_refused() {
    let line = b"X-More: and more of it and more of it and more of it\r\n".to_vec();
    let steps = [Step::Send(b"HTTP/1.1 200 OK\r\n".to_vec()), Step::Forever(line)];
    always_fails(Answer::steps(steps), &["header"]);
}

#[test]
fn headers_beyond_64_kib_are_refused() {
    always_fails(Answer::list(OTHER).header("X-Large", &"x".repeat(70_000)), &["header"]);
}

#[test]
fn what_is_no_http_fails() {
    let banner = Step::Send(b"SSH-2.0-OpenSSH_9.2\r\n".to_vec());
    always_fails(Answer::steps([banner, Step::Close]), &["http", "protocol", "header", "status"]);
}

/// The length is that of the first moment, and more has been written since.
#[test]
fn a_file_that_grows_while_it_is_read_has_its_first_length() {
    let server = Server::start();
    let grown = format!("{LIST}{OTHER}").repeat(100);
    server.always("/a", Answer::list(&grown).length(LIST.len()));
    server.always("/b", Answer::list(OTHER));
    let mut folder = Folder::with_feed(&server.url("/a"));
    folder.feed("b", &server.url("/b"), "");
    let run = folder.fetch(0);
    run.assert_state("fetched");
    assert_eq!(run.state("b"), "fetched", "what was too much is no answer to the next request");
    assert_eq!((folder.text("a.txt").as_str(), folder.text("b.txt").as_str()), (LIST, OTHER));
}

#[test]
fn a_reset_before_the_answer_is_tried_again() {
    let reset = Answer::steps([Step::Reset]);
    let (server, folder) = after_a_list([reset, Answer::list(OTHER)]);
    let run = folder.fetch(120);
    run.assert_state("fetched");
    assert_eq!((folder.text("a.txt").as_str(), server.requests_for("/a").len()), (OTHER, 3));
    assert_eq!(run.get("a", "attempts"), "2");
}

/// The connection is reset at once, in the headers, or in the body.
#[test]
fn resets_in_each_phase_fail_in_the_end() {
    let wait = Step::Wait(Duration::from_millis(50));
    let part = Step::Send(b"HTTP/1.1 200 OK\r\nContent-Le".to_vec());
    let phases = [
        Answer::steps([Step::Reset]),
        Answer::steps([part, wait.clone(), Step::Reset]),
        Answer::list(OTHER).length(1000).then(wait.clone()).then(Step::Reset),
        Answer::list(OTHER.repeat(500)).chunked().then(wait).then(Step::Reset),
    ];
    for answer in phases {
        assert_eq!(always_fails(answer, &["reset", "closed", "connection", "disconnect", "end"]), 3);
    }
}

#[test]
fn a_refused_connection_fails() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    let folder = Folder::with_feed(&format!("http://{address}/a"));
    folder.fetch(0).assert_failed(&["refused", "connect"]);
    assert_eq!(folder.download("a.txt"), None);
}

#[test]
fn a_name_that_does_not_exist_fails() {
    let folder = Folder::with_feed("http://feeds.invalid/a");
    folder.fetch(0).assert_failed(&["feeds.invalid", "resolve", "not found", "lookup"]);
}

#[test]
fn client_errors_are_not_tried_again() {
    for status in [400, 401, 403, 404, 410, 451] {
        assert_eq!(always_fails(Answer::new(status, "no\n"), &[&format!("HTTP {status}")]), 1, "{status}");
    }
}

#[test]
fn a_server_error_is_tried_again() {
    let (server, folder) = after_a_list([Answer::new(500, "sorry"), Answer::list(OTHER)]);
    let run = folder.fetch(120);
    run.assert_state("fetched");
    assert_eq!((folder.text("a.txt").as_str(), run.get("a", "attempts")), (OTHER, "2".to_owned()));
    assert_eq!(server.requests_for("/a").len(), 3);
}

#[test]
fn server_errors_fail_in_the_end() {
    for status in [408, 500, 502, 503, 504] {
        assert_eq!(always_fails(Answer::new(status, "no\n"), &[&format!("HTTP {status}")]), 3, "{status}");
    }
}

#[test]
fn retries_are_as_many_as_asked_for() {
    let (server, folder) = after_a_list([Answer::new(500, "no")]);
    fails(&server, &folder, &["--retries", "4"], &["HTTP 500"]);
    assert_eq!(server.requests_for("/a").len(), 6);
}

/// A part that was not asked for, and answers without a list in them.
#[test]
fn other_successes_are_none() {
    for status in [201, 204, 206] {
        let answer =
            if status == 204 { Answer::new(204, "").raw_framing() } else { Answer::new(status, OTHER) };
        always_fails(answer, &[&format!("HTTP {status}")]);
    }
}

#[test]
fn an_ipv6_address_is_asked() {
    let server = Server::at("::1");
    server.always("/a", Answer::list(LIST));
    let folder = Folder::with_feed(&server.url("/a"));
    folder.fetch(0).assert_state("fetched");
    let host = server.requests()[0].header("host").map(str::to_owned);
    assert_eq!(host, Some(server.address().to_string()), "the brackets stay");
}

#[test]
fn a_mirror_is_asked_after_a_failure() {
    let (server, mirror) = (Server::start(), Server::at("127.0.0.2"));
    server.always("/a", Answer::new(404, "gone"));
    mirror.always("/m", Answer::list(OTHER));
    let mut folder = Folder::new();
    folder.feed("a", &server.url("/a"), &format!("mirrors = [\"{}\"]", mirror.url("/m")));
    let run = folder.fetch(0);
    run.assert_state("fetched");
    assert_eq!(folder.text("a.txt"), OTHER);
    assert_eq!((server.paths(), mirror.paths()), (vec!["/a".to_owned()], vec!["/m".to_owned()]));
    let note = folder.note("a.txt");
    let from = note["final_url"].as_str().or(note["url"].as_str());
    assert_eq!(from, Some(mirror.url("/m").as_str()), "{note}");
}

#[test]
fn a_mirror_is_left_alone_while_the_url_answers() {
    let (server, mirror) = (Server::start(), Server::at("127.0.0.2"));
    server.always("/a", Answer::list(LIST));
    let mut folder = Folder::new();
    folder.feed("a", &server.url("/a"), &format!("mirrors = [\"{}\"]", mirror.url("/m")));
    folder.fetch(0).assert_state("fetched");
    assert_eq!(mirror.paths(), Vec::<String>::new());
}

/// One server's validator says nothing of another server's list.
#[test]
fn a_validator_goes_to_no_mirror() {
    let (server, mirror) = (Server::start(), Server::at("127.0.0.2"));
    server.queue("/a", [Answer::list(LIST).header("ETag", "\"v1\""), Answer::new(500, "no")]);
    mirror.always("/m", Answer::list(OTHER).header("ETag", "\"m1\""));
    let mut folder = Folder::new();
    folder.feed("a", &server.url("/a"), &format!("mirrors = [\"{}\"]", mirror.url("/m")));
    folder.fetch(0).assert_state("fetched");
    folder.fetch(120).assert_state("fetched");
    assert_eq!(folder.text("a.txt"), OTHER);
    assert!(!mirror.requests()[0].is_conditional());
    server.always("/a", Answer::list(LIST));
    let asked = server.requests().len();
    folder.fetch(240).assert_state("fetched");
    assert!(!server.requests()[asked].is_conditional(), "nor the mirror's to the server");
}

fn checksum(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_checksum_that_agrees_is_accepted() {
    let forms = [
        checksum(LIST),
        format!("{}\n", checksum(LIST).to_uppercase()),
        format!("{}  a.txt\n", checksum(LIST)),
        format!("{} *a.txt\n", checksum(LIST)),
    ];
    for form in forms {
        let server = Server::start();
        server.always("/a", Answer::list(LIST));
        server.always("/a.sha256", Answer::list(&form));
        let mut folder = Folder::new();
        folder.feed("a", &server.url("/a"), &format!("sha256_url = \"{}\"", server.url("/a.sha256")));
        folder.fetch(0).assert_state("fetched");
    }
}

#[test]
fn a_checksum_that_differs_fails() {
    let server = Server::start();
    server.queue("/a", [Answer::list(LIST), Answer::list(OTHER)]);
    server.always("/a.sha256", Answer::list(checksum(LIST)));
    let mut folder = Folder::new();
    folder.feed("a", &server.url("/a"), &format!("sha256_url = \"{}\"", server.url("/a.sha256")));
    folder.fetch(0).assert_state("fetched");
    folder.fetch(120).assert_failed(&["sha-256", "sha256", "checksum"]);
    assert_eq!(folder.text("a.txt"), LIST, "the old one stays");
    server.always("/a.sha256", Answer::new(404, "no"));
    folder.fetch(480).assert_failed(&["sha-256", "sha256", "checksum"]);
}

#[test]
fn a_file_url_is_read() {
    let mut folder = Folder::new();
    std::fs::write(folder.path("list"), LIST).expect("written");
    let path = folder.path("list");
    folder.feed("a", &format!("file://{}", path.display()), "");
    let run = folder.fetch(0);
    run.assert_state("fetched");
    assert_eq!((folder.text("a.txt").as_str(), run.row("a")["changed"].clone()), (LIST, true.into()));
    let again = folder.fetch(120);
    assert_eq!((again.code, again.row("a")["changed"].clone()), (0, false.into()), "{}", again.row("a"));
    std::fs::remove_file(path).expect("removed");
    folder.fetch(240).assert_failed(&["no such file", "not found"]);
    assert_eq!(folder.text("a.txt"), LIST);
}

#[test]
fn other_schemes_are_errors_of_the_catalogue() {
    for url in [
        "ftp://127.0.0.1/a",
        "gopher://127.0.0.1/",
        "file://host/a",
        "data:,45.9.20.5",
        "http://",
        "/etc/hosts",
    ] {
        let folder = Folder::with_feed(url);
        let run = folder.fetch(0);
        assert_eq!(run.code, 2, "{url}: {}", run.stderr);
        assert!(run.stderr.contains("url"), "{url}: {}", run.stderr);
    }
}
