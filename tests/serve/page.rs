//! The pages, without a browser: what they say, and that nothing that a client or a feed says becomes markup.

use super::client::Answer;
use super::html::Document;
use super::listed::{self, ALLOWED, HOSTILE_TITLE, HOSTILE_URL, LISTED, UNLISTED};
use super::{Client, Running};
use crate::test_dir::{TestDir, stdout};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

pub(super) fn encoded(text: impl AsRef<[u8]>) -> String {
    text.as_ref().iter().map(|byte| format!("%{byte:02X}")).collect()
}

fn lookup(text: impl AsRef<[u8]>) -> String {
    format!("/lookup/{}", encoded(text))
}

/// A page that was checked, and its answer.
fn page(answer: &Answer) -> Document {
    assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"), "{answer:?}");
    assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    let text = answer.text();
    let style = text.split("<style>").nth(1).and_then(|rest| rest.split("</style>").next()).expect("a style");
    let digest = STANDARD.encode(Sha256::digest(style));
    let policy = answer.header("content-security-policy").expect("a policy");
    assert_eq!(
        policy,
        format!(
            "default-src 'none'; style-src 'sha256-{digest}'; form-action 'self'; base-uri 'none'; \
             frame-ancestors 'none'"
        )
    );
    let document = Document::read(&text);
    document.check();
    document
}

fn listed() -> (TestDir, Running) {
    let dir = TestDir::new();
    listed::publish(&dir);
    let server = Running::start(&dir, &[]);
    (dir, server)
}

fn main_text(document: &Document) -> String {
    document.one("main").text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn the_verdict_stands_in_the_title_and_the_heading() {
    let (dir, server) = listed();
    let old = ["--now", "2026-12-04T00:00:00Z"];
    let stale = Running::start(&dir, &old);
    for (server, asked, word, lead) in [
        (
            &server,
            LISTED,
            "Blocklisted",
            "5 of 7 providers that list IPv4 addresses blocklist it for botnet,",
        ),
        (&server, LISTED, "Blocklisted", "1 allowlists it, which does not undo that."),
        (
            &server,
            ALLOWED,
            "Allowlisted",
            "1 of 7 providers that list IPv4 addresses allowlists it, and none blocklists it.",
        ),
        (
            &server,
            "evil-two.com",
            "Blocklisted",
            "1 of 1 provider that lists names blocklists it for phishing.",
        ),
        (&server, UNLISTED, "Unknown", "That does not make it harmless"),
        (&server, UNLISTED, "Unknown", "The data of 2 providers is missing or too old."),
        (&stale, UNLISTED, "Cannot be judged", "No provider that could list it has data to go by."),
        (&stale, UNLISTED, "Cannot be judged", "The snapshot is 12 days old."),
    ] {
        let document = page(&server.get(&lookup(asked)));
        assert_eq!(document.one("title").text, format!("{word}: {asked} · rapsheet"));
        assert_eq!(document.one("h1").text, format!("{word} {asked}"));
        let text = main_text(&document);
        assert!(text.contains(lead), "{asked}: {lead}: {text}");
    }
    assert!(!main_text(&page(&server.get("/"))).contains("The snapshot is"));
}

#[test]
fn the_sources_are_all_there_with_their_times() {
    let (_dir, server) = listed();
    let text = main_text(&page(&server.get(&lookup(LISTED))));
    for row in [
        "botnets.example c2 Blocklisted botnet 45.9.20.5 2026-11-22 00:00 UTC just now",
        "networks.example drop Blocklisted high risk 45.9.20.4/30",
        "old.example old Blocklisted spam 45.9.20.5 2026-11-14 03:00 UTC 7 days ago 2026-11-14 03:00 UTC 7 days ago \
         2026-11-29 03:00 UTC in 7 days stale 7 days ago",
        "own.example own Allowlisted trustworthy",
        // What is not known.
        "1 provider may list it",
        "lost.example lost failed",
        "1 provider publishes no list of IPv4 addresses phishing.example",
    ] {
        assert!(text.contains(row), "{row}: {text}");
    }
    let text = main_text(&page(&server.get(&lookup(UNLISTED))));
    assert!(text.contains("5 providers do not list it botnets.example bruteforce.example"), "{text}");
    assert!(
        text.contains("old.example old stale fetched 7 days ago, and its data counts as new for 3 days"),
        "{text}"
    );
    let text = main_text(&page(&server.get(&lookup("45.9.20.0/27"))));
    assert!(text.contains("45.9.20.4/30 a part of it"), "{text}");
}

#[test]
fn programs_get_a_command_and_the_json_of_lookup() {
    let (dir, server) = listed();
    let document =
        page(&Client::connect(server.address).get_with(&lookup(LISTED), "x-forwarded-proto: https\r\n"));
    let texts: Vec<&str> = document.all("pre").iter().map(|pre| pre.text.as_str()).collect();
    assert_eq!(texts[0], "curl 'https://x/v1/lookup/45.9.20.5'");
    assert_eq!(texts[1], stdout(&dir.run(&["lookup", "-o", "json", LISTED])).trim_end().to_owned() + "\n");
}

#[test]
fn what_is_asked_or_listed_is_never_markup() {
    let (_dir, server) = listed();
    let document = page(&server.get(&lookup(HOSTILE_URL)));
    assert!(
        document.one("title").text.starts_with("Blocklisted: http://evil-one.com/"),
        "{}",
        document.one("title").text
    );
    assert!(document.one("h1").text.contains("<script>"), "it stays readable");
    let feeds = server.get("/feeds");
    assert!(!feeds.text().contains('\u{202e}'));
    assert!(
        main_text(&page(&feeds)).contains("<img src=x onerror=alert(1)> \\u{202e}\"'"),
        "{HOSTILE_TITLE}"
    );
    for asked in [
        &b"<script>alert(1)</script>"[..],
        b"\"><img src=x onerror=alert(1)>",
        b"' onfocus='alert(1)' autofocus='",
        b"</textarea></title><script>",
        b"javascript:alert(1)",
        b"&lt;b&gt;&#60;b&#62;",
        b"\xff\xfe<b>\xc3",
        b"a\0b\r\nset-cookie: x",
        "\u{202e}moc.live\u{2066}\u{200b}".as_bytes(),
        &[b'<'; 2000],
    ] {
        let answer = server.get(&lookup(asked));
        assert_eq!(answer.status, 400, "{asked:?}");
        let document = page(&answer);
        assert_eq!(document.one("title").text, "Not an indicator · rapsheet");
        assert!(answer.header("set-cookie").is_none());
        // What is shown is visible; what a browser sends again is what was asked.
        let value = document.all("input")[0].attribute("value").to_owned();
        let shown = answer.text().replace(&value, "");
        assert!(!shown.contains(HIDDEN) && !answer.text().contains(['\0', '\r']), "{shown}");
    }
    let bytes = page(&server.get(&lookup(b"\xff\xfe<b>")));
    assert_eq!(bytes.all("pre")[0].text, "\\xff\\xfe<b>");
}

/// Characters that are not shown, or that turn text around.
const HIDDEN: [char; 4] = ['\u{202e}', '\u{2066}', '\u{200b}', '\u{feff}'];

/// A control of a form holds the text itself: what its escapes say is another question.
#[test]
fn a_box_holds_what_was_typed() {
    let (_dir, server) = listed();
    for (asked, value, shown) in [
        ("evil-\u{feff}two.com", "evil-\u{feff}two.com", "evil-\\u{feff}two.com"),
        ("\u{202e}moc<b>\"'&", "\u{202e}moc<b>\"'&", "\\u{202e}moc<b>\"'&"),
        ("a\tb\0c\x1b\nd ", "a\tb\u{fffd}c\u{fffd}\u{fffd}d", "a\\x09b\\x00c\\x1b\\x0ad "),
    ] {
        let answer = server.get(&(lookup(asked) + "?at=%E2%80%8B2026"));
        assert_eq!(answer.status, 400);
        let document = page(&answer);
        assert_eq!(document.all("input")[0].attribute("value"), value);
        assert_eq!(document.all("input")[1].attribute("value"), "\u{200b}2026");
        assert_eq!(document.all("pre")[0].text, shown);
        assert!(main_text(&document).contains("found `\\u{200b}2026`"), "{}", main_text(&document));
    }
}

/// A browser takes dots alone for a step up, and bytes that are no text stay those that were sent.
#[test]
fn the_form_loses_no_question() {
    let (_dir, server) = listed();
    for dots in [".", "..", "....", "%2E."] {
        let answer = server.get(&format!("/lookup?q={dots}"));
        assert_eq!((answer.status, answer.header("location")), (400, None), "{dots}");
        let document = page(&answer);
        assert_eq!(document.one("title").text, "Not an indicator · rapsheet");
        assert_eq!(document.all("input")[0].attribute("value"), dots.replace("%2E", "."));
    }
    let leads = |query: &str| {
        let answer = server.get(&format!("/lookup?{query}"));
        assert_eq!(answer.status, 303, "{query}");
        answer.header("location").expect("a location").to_owned()
    };
    assert_eq!(leads("q=%FF"), "/lookup/%FF");
    assert_eq!(leads("q=+evil-two.com%0A"), "/lookup/evil-two.com");
    assert_eq!(leads("q=..%2Fx"), "/lookup/..%2Fx");
    assert_eq!(leads("q=x&at=%FF"), "/lookup/x?at=%FF");
    assert_eq!(page(&server.get("/lookup/%FF")).all("pre")[0].text, "\\xff");
}

#[test]
fn errors_are_pages_that_say_what_to_do() {
    let (dir, server) = listed();
    for (path, status, told) in [
        (lookup("010.0.0.1"), 400, "Write each part of the address without zeros in front"),
        (lookup("localhost"), 400, "Write the whole name"),
        (
            lookup(LISTED) + "?at=tomorrow",
            400,
            "At: expected a time such as 2026-08-23T00:00:00Z, found `tomorrow`",
        ),
        (lookup(LISTED) + "?at=2026-11-15T02:00:00+02:00", 400, "+ must be written %2B"),
        (lookup("x".repeat(3000)), 414, "“Many at once” takes longer questions."),
        ("/bulk/x".to_owned(), 404, "There is no such page."),
        ("/feeds/x".to_owned(), 404, "There is no such page."),
    ] {
        let answer = server.get(&path);
        assert_eq!(answer.status, status, "{path}");
        let text = main_text(&page(&answer));
        assert!(text.contains(told), "{path}: {text}");
    }
    let answer = server.post("/lookup", "q=x");
    assert_eq!((answer.status, answer.header("allow")), (405, Some("GET, HEAD")));
    page(&answer);
    // Programs get the JSON of all errors.
    assert_eq!(server.get("/nothing").code(), 404_001);
    let empty = Running::start(&dir, &["--snapshot", "none.rap"]);
    let answer = empty.get(&lookup(LISTED));
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("5")));
    assert!(main_text(&page(&answer)).contains("Nothing can be answered until there is one"));
    assert_eq!(page(&answer).one("h1").text, "No sound snapshot yet");
    assert!(main_text(&page(&empty.get("/"))).contains("No sound snapshot yet. Nothing can be answered"));
    page(&empty.get("/bulk"));
}

#[test]
fn a_url_in_the_address_keeps_its_query() {
    let (_dir, server) = listed();
    let document = page(&server.get("/lookup/http://evil-two.com/gate.php?id=1&x=2"));
    assert_eq!(document.one("h1").text, "Blocklisted http://evil-two.com/gate.php?id=1&x=2");
    let document = page(&server.get("/lookup/http://evil-two.com/x?at=home&y=1"));
    assert_eq!(document.one("h1").text, "Blocklisted http://evil-two.com/x?at=home&y=1");
    assert_eq!(document.all("input")[1].attribute("value"), "");
}

/// As `cp` does it, and no build.
#[test]
fn a_snapshot_that_was_written_over_is_told() {
    let (dir, mut server) = listed();
    let mut bytes = std::fs::read(dir.path("rapsheet.rap")).expect("the snapshot");
    *bytes.last_mut().expect("a byte") ^= 1;
    std::fs::write(dir.path("rapsheet.rap"), &bytes).expect("written");
    server.line_with("publish by renaming");
    let answer = server.get(&lookup(LISTED));
    assert_eq!(answer.status, 503);
    let (error, front) = (page(&answer), page(&server.get("/")));
    assert_eq!(error.one("h1").text, "No sound snapshot");
    assert!(
        main_text(&front).contains("No sound snapshot. Nothing can be answered"),
        "{}",
        main_text(&front)
    );
    for document in [error, front] {
        let text = main_text(&document);
        assert!(text.contains("was written over") && text.contains("published by renaming"), "{text}");
    }
}

#[test]
fn another_instant_is_asked_for_and_named() {
    let (_dir, server) = listed();
    let answer = server.get("/lookup?q=45.9.20.5&at=2026-11-15");
    assert_eq!((answer.status, answer.header("location")), (303, Some("/lookup/45.9.20.5?at=2026-11-15")));
    assert_eq!(server.get("/lookup?q=+&at=x").header("location"), Some("/"));
    let document = page(&server.get("/lookup/45.9.20.5?at=2026-11-15"));
    let text = main_text(&document);
    assert!(text.contains("This is the answer as of 2026-11-15 00:00 UTC"), "{text}");
    assert!(text.contains("1 of 7 providers that list IPv4 addresses blocklists it for spam."), "{text}");
    assert!(text.contains("21 hours before"), "{text}");
    let plus = main_text(&page(&server.get("/lookup/45.9.20.5?at=2026-11-15T02:00:00%2B02:00")));
    assert!(plus.contains("This is the answer as of 2026-11-15 00:00 UTC"), "{plus}");
    let present = main_text(&page(&server.get("/lookup/45.9.20.5?at=")));
    assert!(present.contains("5 of 7 providers") && !present.contains("as of"), "{present}");
    assert_eq!(document.all("input")[1].attribute("value"), "2026-11-15");
}

#[test]
fn feeds_in_trouble_come_first() {
    let (_dir, server) = listed();
    let document = page(&server.get("/feeds"));
    let headers = document.all("th");
    let rows: Vec<&str> =
        headers.iter().filter(|th| th.attribute("scope") == "row").map(|th| th.text.as_str()).collect();
    assert_eq!(rows.len(), 10);
    assert!(rows[0].starts_with("lost.example lost") && rows[1] == "old.example old", "{rows:?}");
    let text = main_text(&document);
    assert!(text.contains("10 feeds of 8 providers. 2 cannot be relied on, and stand first"), "{text}");
    assert!(
        text.contains("networks.example drop ok 2026-11-22 00:00 UTC just now 3 blocklist 15 days"),
        "{text}"
    );
}
