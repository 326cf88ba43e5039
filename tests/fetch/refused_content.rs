//! Answers with status 200 that are no list: `build` would refuse them, and so they never replace one.

use super::folder::{Folder, LIST, OTHER};
use super::server::{Answer, Server};

/// Fetches a list, then this; the list stays.
fn refuses(answer: Answer, words: &[&str]) {
    let server = Server::start();
    server.queue("/a", [Answer::list(LIST), answer]);
    let folder = Folder::with_feed(&server.url("/a"));
    folder.fetch(0).assert_state("fetched");
    folder.fetch(120).assert_failed(words);
    assert_eq!(folder.text("a.txt"), LIST);
    assert_eq!(folder.names(), ["a.txt", "a.txt.meta.json"]);
    assert_eq!(folder.built(130, "a")["accepted"], 3, "build still reads the list");
}

#[test]
fn a_page_is_no_list() {
    refuses(Answer::page(), &["html", "page"]);
}

/// The type of the content does not decide: many servers call every file `text/html`.
#[test]
fn a_page_that_is_called_text_is_no_list() {
    refuses(Answer::list("\n\n <HTML><body>Sorry</body></HTML>"), &["html", "page"]);
}

#[test]
fn a_list_that_is_called_a_page_is_a_list() {
    let server = Server::start();
    server.always("/a", Answer::new(200, LIST).header("Content-Type", "text/html"));
    let folder = Folder::with_feed(&server.url("/a"));
    folder.fetch(0).assert_state("fetched");
    assert_eq!(folder.text("a.txt"), LIST);
}

#[test]
fn a_compressed_page_is_no_list() {
    refuses(Answer::page().gzip(), &["html", "page"]);
}

#[test]
fn nothing_is_no_list() {
    refuses(Answer::list(""), &["empty", "nothing"]);
    refuses(Answer::list("").gzip(), &["empty", "nothing"]);
    refuses(Answer::list("").chunked(), &["empty", "nothing"]);
}

#[test]
fn comments_alone_are_no_list() {
    refuses(Answer::list("# nothing today\n"), &["empty", "nothing", "no data", "no-data"]);
}

#[test]
fn nothing_is_a_list_where_the_catalogue_says_so() {
    let server = Server::start();
    server.queue("/a", [Answer::list(LIST), Answer::list("")]);
    let mut folder = Folder::new();
    folder.feed("a", &server.url("/a"), "[feed.guard]\ncan_be_empty = true");
    folder.fetch(0).assert_state("fetched");
    folder.fetch(120).assert_state("fetched");
    assert_eq!(folder.text("a.txt"), "");
}

#[test]
fn prose_is_no_list() {
    refuses(
        Answer::list("Please come back later.\nThank you.\n"),
        &["no-data", "no data", "nothing", "prose"],
    );
}

#[test]
fn a_program_is_no_list() {
    refuses(Answer::new(200, b"\x7fELF\x02\x01\0\0\0\0\0\0"), &["binary"]);
}

/// A hotel's network answers for every host, with a redirect to its own page.
#[test]
fn a_captive_portal_is_no_list() {
    let portal = Server::at("127.0.0.2");
    portal.always("/login", Answer::page());
    refuses(Answer::redirect(302, &portal.url("/login")), &["html", "page"]);
    assert_eq!(portal.paths(), ["/login"]);
}

#[test]
fn an_archive_that_was_cut_is_no_list() {
    let whole = crate::files::gzip(OTHER.repeat(300).as_bytes());
    refuses(Answer::new(200, &whole[..whole.len() - 9]), &["damaged", "cut", "truncated", "gzip", "end"]);
}
