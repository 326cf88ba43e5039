//! The folder of a publisher over HTTP, as a web server offers it.

use crate::fetch::server::{Answer, Request, Server};
use rapsheet_ship::Digest;
use std::fs;
use std::path::Path;

/// A server of a folder.
pub(super) fn offer(site: &Path) -> Server {
    let server = Server::start();
    let site = site.to_owned();
    server.on("*", move |request| answer(&site, request));
    server
}

/// What a good server answers: with a validator, 304 where the client has it, and a part where one is asked for.
pub(super) fn answer(site: &Path, request: &Request) -> Answer {
    let Ok(bytes) = fs::read(site.join(request.path.trim_start_matches('/'))) else {
        return Answer::new(404, "not here\n");
    };
    let etag = format!("\"{}\"", Digest::of(&bytes));
    if request.header("if-none-match") == Some(&etag) {
        return Answer::not_modified().header("ETag", &etag);
    }
    match begin(request) {
        None => Answer::new(200, bytes).header("ETag", &etag),
        Some(from) if from >= bytes.len() => Answer::new(416, "no such part\n"),
        Some(from) => {
            let range = format!("bytes {from}-{}/{}", bytes.len() - 1, bytes.len());
            Answer::new(206, &bytes[from..]).header("ETag", &etag).header("Content-Range", &range)
        }
    }
}

/// The first byte that is asked for, where it is a part.
pub(super) fn begin(request: &Request) -> Option<usize> {
    request.header("range")?.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok()
}
