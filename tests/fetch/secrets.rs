//! Secrets: sent to the origin that the catalogue names, and to be found nowhere else.
//!
//! Every secret of these tests contains [`MARKER`]. Each test ends by looking for it in every file of its folder and
//! in everything that was printed.

use super::certificates::Authority;
use super::folder::{Fetched, Folder, LIST};
use super::proxies::public_network;
use super::server::{Answer, Request, Server, Step};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// What no output contains.
const MARKER: &str = "hUnTeR2-DoNotPrint";
const AUTH: &str = "auth = { header = \"Auth-Key\", secret = \"abusech\" }";

/// A folder with a feed that needs a secret, and the secret in the environment.
fn with_secret(url: &str) -> Folder {
    let mut folder = Folder::new();
    folder.feed("a", url, AUTH);
    folder.set("RAPSHEET_SECRET_ABUSECH", MARKER);
    folder
}

/// Runs `fetch` and prints all that it can, with every file that it can write.
fn fetch(folder: &Folder, minutes: i64) -> Fetched {
    let args = ["-v", "--metrics", "m.prom", "--stall-time", "1s", "--connect-timeout", "2s"];
    let run = folder.fetch_with(minutes, &args);
    assert_ne!(run.code, 2, "{}", run.stderr);
    assert_nowhere(folder, &run);
    run
}

/// Expects that the marker is in no file and in no output.
fn assert_nowhere(folder: &Folder, run: &Fetched) {
    for (name, text) in [("stdout", &run.stdout), ("stderr", &run.stderr)] {
        assert!(!has_marker(text.as_bytes()), "{name}: {text}");
    }
    search(folder.root());
}

fn has_marker(bytes: &[u8]) -> bool {
    let lower = bytes.to_ascii_lowercase();
    let marker = MARKER.to_ascii_lowercase();
    lower.windows(marker.len()).any(|part| part == marker.as_bytes())
}

/// Looks through a folder. Files that hold secrets for the tests are in folders called `secrets`.
fn search(folder: &Path) {
    for path in crate::files::files(folder) {
        assert!(!has_marker(path.as_os_str().as_encoded_bytes()), "{}", path.display());
        if path.is_dir() {
            if path.file_name().is_none_or(|name| name != "secrets") {
                search(&path);
            }
        } else {
            assert!(!has_marker(&fs::read(&path).expect("a readable file")), "{}", path.display());
        }
    }
}

/// Whether anything in a request is the secret.
fn reveals(request: &Request) -> bool {
    has_marker(request.path.as_bytes())
        || request.headers.iter().any(|(_, value)| has_marker(value.as_bytes()))
}

#[test]
fn the_marker_is_found_where_it_is() {
    assert!(has_marker(format!("x{}y", MARKER.to_uppercase()).as_bytes()) && !has_marker(b"hunter"));
}

#[test]
fn a_secret_is_sent_in_its_header() {
    let server = Server::start();
    server.on("/a", |request| match request.header("auth-key") {
        Some(MARKER) => Answer::list(LIST),
        _ => Answer::new(403, "key, please"),
    });
    let folder = with_secret(&server.url("/a"));
    fetch(&folder, 0).assert_state("fetched");
    let request = &server.requests()[0];
    assert_eq!(request.headers.iter().filter(|(_, value)| has_marker(value.as_bytes())).count(), 1);
    assert!(!has_marker(request.path.as_bytes()));
}

#[test]
fn without_its_secret_a_feed_is_skipped() {
    let server = Server::start();
    let mut folder = Folder::new();
    folder.feed("a", &server.url("/a"), AUTH);
    folder.set("HOME", "/nonexistent");
    let run = folder.fetch(0);
    run.assert_state("skipped");
    let reason = run.get("a", "reason");
    assert!(reason.starts_with("needs secret abusech"), "{reason}");
    assert!(reason.contains("RAPSHEET_SECRET_ABUSECH"), "{reason}");
    assert_eq!(server.connections(), 0);
}

#[test]
fn a_secret_of_the_credentials_directory_is_used() {
    let server = Server::start();
    server.always("/a", Answer::list(LIST));
    let mut folder = Folder::new();
    folder.feed("a", &server.url("/a"), AUTH);
    fs::create_dir(folder.path("secrets")).expect("a folder");
    fs::write(folder.path("secrets/abusech"), format!("{MARKER}\n")).expect("written");
    folder.set("CREDENTIALS_DIRECTORY", folder.path("secrets").display().to_string());
    fetch(&folder, 0).assert_state("fetched");
    assert_eq!(server.requests()[0].header("auth-key"), Some(MARKER), "without the end of its line");
}

#[test]
fn a_secret_of_a_file_is_used_if_only_its_owner_reads_it() {
    for (mode, state) in [(0o600, "fetched"), (0o400, "fetched"), (0o644, "skipped"), (0o640, "skipped")] {
        let server = Server::start();
        server.always("/a", Answer::list(LIST));
        let mut folder = Folder::new();
        folder.feed("a", &server.url("/a"), AUTH);
        let place = folder.path("rapsheet/secrets/abusech");
        fs::create_dir_all(place.parent().expect("a folder")).expect("a folder");
        fs::write(&place, format!("{MARKER}\n")).expect("written");
        fs::set_permissions(&place, fs::Permissions::from_mode(mode)).expect("a mode");
        folder.set("XDG_CONFIG_HOME", folder.root().display().to_string());
        let run = fetch(&folder, 0);
        run.assert_state(state);
        assert_eq!(server.requests().iter().any(reveals), state == "fetched", "{mode:o}");
    }
}

#[test]
fn a_secret_that_no_header_can_carry_is_not_sent() {
    for text in ["", "  ", "hUnTeR2-DoNotPrint\r\nX-Injected: 1", "hUnTeR2-DoNotPrint\u{e9}"] {
        let server = Server::start();
        server.always("/a", Answer::list(LIST));
        let mut folder = Folder::new();
        folder.feed("a", &server.url("/a"), AUTH);
        folder.set("RAPSHEET_SECRET_ABUSECH", text);
        let run = fetch(&folder, 0);
        assert!(["skipped", "failed"].contains(&run.state("a").as_str()), "{text:?}: {}", run.report);
        assert_eq!(server.connections(), 0, "{text:?}");
    }
}

/// curl -L and ureq send such a header on.
#[test]
fn a_redirect_to_another_host_carries_no_secret() {
    let (server, other) = (Server::start(), Server::at("127.0.0.2"));
    other.always("/b", Answer::list(LIST));
    for status in [301, 302, 303, 307, 308] {
        server.always("/a", Answer::redirect(status, &other.url("/b")));
        fetch(&with_secret(&server.url("/a")), 0).assert_state("fetched");
    }
    assert!(server.requests().iter().all(reveals));
    assert!(!other.requests().iter().any(reveals));
    assert_eq!(other.requests().len(), 5);
}

#[test]
fn a_redirect_to_another_port_carries_no_secret() {
    let (server, other) = (Server::start(), Server::start());
    other.always("/b", Answer::list(LIST));
    server.always("/a", Answer::redirect(302, &other.url("/b")));
    fetch(&with_secret(&server.url("/a")), 0).assert_state("fetched");
    assert_eq!(other.requests().iter().map(reveals).collect::<Vec<_>>(), [false]);
}

#[test]
fn a_redirect_to_another_scheme_carries_no_secret() {
    let authority = Authority::new();
    let (server, other) = (Server::start(), Server::tls("127.0.0.1", &authority.identity(&["127.0.0.1"])));
    other.always("/b", Answer::list(LIST));
    server.always("/a", Answer::redirect(302, &other.url("/b")));
    let mut folder = with_secret(&server.url("/a"));
    authority.write(&folder.path("ca.pem"));
    folder.set("SSL_CERT_FILE", folder.path("ca.pem").display().to_string());
    fetch(&folder, 0).assert_state("fetched");
    assert_eq!(other.requests().iter().map(reveals).collect::<Vec<_>>(), [false]);
}

#[test]
fn a_redirect_within_the_origin_keeps_the_secret() {
    let server = Server::start();
    server.always("/a", Answer::redirect(302, "/b"));
    server.always("/b", Answer::list(LIST));
    fetch(&with_secret(&server.url("/a")), 0).assert_state("fetched");
    assert!(server.requests().iter().all(reveals));
}

/// There and back: the origin may have it again, the host between may not.
#[test]
fn a_redirect_through_another_host_shows_it_nothing() {
    let (server, other) = (Server::start(), Server::at("127.0.0.2"));
    server.always("/a", Answer::redirect(302, &other.url("/b")));
    other.always("/b", Answer::redirect(302, &server.url("/c")));
    server.always("/c", Answer::list(LIST));
    fetch(&with_secret(&server.url("/a")), 0).assert_state("fetched");
    assert_eq!(other.requests().iter().map(reveals).collect::<Vec<_>>(), [false]);
}

#[test]
fn mirrors_and_checksums_of_other_hosts_get_no_secret() {
    let (server, mirror, sums) = (Server::start(), Server::at("127.0.0.2"), Server::at("127.0.0.3"));
    server.always("/a", Answer::new(404, "gone"));
    mirror.always("/m", Answer::list(LIST));
    sums.always("/s", Answer::new(404, "none"));
    let keys = format!("{AUTH}\nmirrors = [\"{}\"]\nsha256_url = \"{}\"", mirror.url("/m"), sums.url("/s"));
    let mut folder = Folder::new();
    folder.feed("a", &server.url("/a"), &keys);
    folder.set("RAPSHEET_SECRET_ABUSECH", MARKER);
    fetch(&folder, 0);
    assert!(server.requests().iter().all(reveals));
    for other in [mirror, sums] {
        assert!(
            !other.requests().is_empty() && !other.requests().iter().any(reveals),
            "{:?}",
            other.requests()
        );
    }
}

/// Everyone on the way could read it. Only within one's own network it is sent so.
#[test]
fn a_secret_is_not_sent_over_an_open_connection() {
    let (proxy, far) = public_network(&Answer::list(LIST));
    let mut folder = Folder::new();
    folder.feed_outside("a", "http://feeds.example.org/a", AUTH);
    folder.set("RAPSHEET_SECRET_ABUSECH", MARKER);
    folder.set("HTTP_PROXY", proxy.url(""));
    fetch(&folder, 0).assert_failed(&["https"]);
    assert_eq!((proxy.connections(), far.connections()), (0, 0));
}

/// Feeds of one host share its connection, and not their secrets.
#[test]
fn other_feeds_of_the_host_send_no_secret() {
    let server = Server::start();
    server.always("*", Answer::list(LIST));
    let mut folder = with_secret(&server.url("/a"));
    folder.feed("b", &server.url("/b"), "");
    fetch(&folder, 0).assert_state("fetched");
    assert_eq!(server.requests_for("/b").iter().map(reveals).collect::<Vec<_>>(), [false]);
}

#[test]
fn a_request_for_changes_has_the_secret_as_well() {
    let server = Server::start();
    server.offer("/a", "\"v1\"", LIST);
    let folder = with_secret(&server.url("/a"));
    fetch(&folder, 0).assert_state("fetched");
    fetch(&folder, 120).assert_state("not-modified");
    assert!(server.requests().iter().all(reveals));
}

/// A server that repeats what it was sent: in its page, its status line, its headers.
#[test]
fn a_secret_that_a_server_repeats_is_not_printed() {
    let answers = [
        Answer::new(403, format!("bad key {MARKER}")),
        Answer::new(500, "").status_line(&format!("HTTP/1.1 500 {MARKER}")),
        Answer::new(401, "").header("WWW-Authenticate", &format!("Key realm=\"{MARKER}\"")),
        Answer::new(429, "").header("Retry-After", MARKER),
        Answer::redirect(302, &format!("ftp://{MARKER}.example/")),
        Answer::redirect(302, &format!("http://{MARKER}:x@[")),
        Answer::list(format!("<html>{MARKER}</html>")),
        Answer::list(LIST).header("Content-Encoding", MARKER),
        Answer::steps([Step::Send(format!("{MARKER}\r\n\r\n").into_bytes()), Step::Close]),
    ];
    for answer in answers {
        let server = Server::start();
        server.always("/a", answer);
        let run = fetch(&with_secret(&server.url("/a")), 0);
        assert!(["failed", "deferred"].contains(&run.state("a").as_str()), "{}", run.report);
        assert!(server.requests().iter().all(reveals), "it was sent");
    }
}

/// A redirect with the secret in the URL: the last URL is noted, and without it.
#[test]
fn a_secret_in_the_url_of_a_redirect_is_not_noted() {
    for etag in ["v1", MARKER] {
        a_redirect_with_the_secret(etag);
    }
}

fn a_redirect_with_the_secret(etag: &str) {
    let server = Server::start();
    server.always("/a", Answer::redirect(302, &format!("/b?key={MARKER}")));
    server.always(&format!("/b?key={MARKER}"), Answer::list(LIST).header("ETag", &format!("\"{etag}\"")));
    fetch(&with_secret(&server.url("/a")), 0);
}

#[test]
fn a_secret_in_a_url_of_the_catalogue_is_an_error() {
    for url in ["https://user:word@lists.example/a", "https://lists.example/a?key={key}"] {
        let folder = Folder::with_feed(url);
        let run = folder.fetch_with(0, &["--dry-run"]);
        if url.contains('@') {
            assert_eq!(run.code, 2, "{url}: {}", run.stderr);
        }
        assert!(!run.stderr.contains("word@"), "{}", run.stderr);
    }
}

#[test]
fn the_password_of_a_proxy_is_not_printed() {
    let (proxy, far) = public_network(&Answer::list(LIST));
    let mut folder = Folder::with_feed("http://feeds.example.org/a");
    folder.set("HTTP_PROXY", format!("http://user:{MARKER}@{}", proxy.address()));
    fetch(&folder, 0).assert_state("fetched");
    assert!(proxy.requests()[0].header("proxy-authorization").is_some());
    proxy.always("http://feeds.example.org/a", Answer::new(407, "who?"));
    proxy.always("*", Answer::new(407, "who?"));
    assert_eq!(fetch(&folder, 120).state("a"), "failed");
    drop((proxy, far));
    assert_eq!(fetch(&folder, 600).state("a"), "failed");
}
