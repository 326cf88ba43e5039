//! Redirects: followed by hand, never to a place where a list has no business.

use super::certificates::Authority;
use super::folder::{Folder, LIST, minute};
use super::proxies::public_network;
use super::server::{Answer, Server};

/// A server whose `/a` redirects to a location, and its folder.
fn redirecting(status: u16, location: &str) -> (Server, Folder) {
    let server = Server::start();
    server.always("/a", Answer::redirect(status, location));
    server.always("/list", Answer::list(LIST));
    let folder = Folder::with_feed(&server.url("/a"));
    (server, folder)
}

#[test]
fn every_kind_is_followed() {
    for status in [301, 302, 303, 307, 308] {
        let (server, folder) = redirecting(status, "/list");
        let run = folder.fetch(0);
        run.assert_state("fetched");
        assert_eq!(server.paths(), ["/a", "/list"]);
        assert_eq!(folder.text("a.txt"), LIST);
        let note = folder.note("a.txt");
        assert_eq!(
            (&note["url"], &note["final_url"]),
            (&server.url("/a").into(), &server.url("/list").into())
        );
        assert_eq!(run.get("a", "requests"), "2");
    }
}

#[test]
fn relative_locations_are_joined() {
    let server = Server::start();
    server.always("/x/y/a", Answer::redirect(302, "../z/list?b=1#part"));
    server.always("/x/z/list?b=1", Answer::list(LIST));
    let folder = Folder::with_feed(&server.url("/x/y/a"));
    folder.fetch(0).assert_state("fetched");
    assert_eq!(server.paths(), ["/x/y/a", "/x/z/list?b=1"]);
}

#[test]
fn to_another_host() {
    let other = Server::at("127.0.0.2");
    other.always("/b", Answer::list(LIST));
    let (_server, folder) = redirecting(302, &other.url("/b"));
    folder.fetch(0).assert_state("fetched");
    assert_eq!(other.requests()[0].header("host"), Some(other.address().to_string().as_str()));
}

#[test]
fn five_and_no_more() {
    for (count, state) in [(5, "fetched"), (6, "failed")] {
        let server = Server::start();
        for at in 0..count {
            server.always(&format!("/{at}"), Answer::redirect(302, &format!("/{}", at + 1)));
        }
        server.always(&format!("/{count}"), Answer::list(LIST));
        let folder = Folder::with_feed(&server.url("/0"));
        assert_eq!(folder.fetch(0).state("a"), state, "{count}");
        assert_eq!(server.requests().len(), 6, "{count}");
    }
}

#[test]
fn loops_end() {
    let server = Server::start();
    server.always("/a", Answer::redirect(302, "/b"));
    server.always("/b", Answer::redirect(302, "/a"));
    let folder = Folder::with_feed(&server.url("/a"));
    folder.fetch(0).assert_failed(&["redirect"]);
    assert!(server.requests().len() <= 6, "{:?}", server.paths());
    assert_eq!(folder.names(), Vec::<String>::new());
}

#[test]
fn a_redirect_to_nowhere_fails() {
    for location in ["http://", "//", "http://[::1", "http://a b/"] {
        let (server, folder) = redirecting(302, location);
        folder.fetch(0).assert_failed(&["redirect", "location", "url"]);
        assert_eq!(server.requests().len(), 1, "{location}");
    }
    let server = Server::start();
    server.always("/a", Answer::new(302, "moved"));
    Folder::with_feed(&server.url("/a")).fetch(0).assert_failed(&["redirect", "location"]);
}

#[test]
fn never_to_a_file_or_another_scheme() {
    let folder = Folder::new();
    std::fs::write(folder.path("list"), LIST).expect("written");
    let file = format!("file://{}", folder.path("list").display());
    for location in
        [file.as_str(), "ftp://127.0.0.1/list", "gopher://127.0.0.1/", "data:,45.9.20.5", "javascript:1"]
    {
        let (_server, folder) = redirecting(302, location);
        folder.fetch(0).assert_failed(&["redirect", "scheme", "http"]);
        assert_eq!(folder.names(), Vec::<String>::new(), "{location}");
    }
}

#[test]
fn never_from_https_to_http() {
    let authority = Authority::new();
    let secure = Server::tls("127.0.0.1", &authority.identity(&["127.0.0.1"]));
    let plain = Server::at("127.0.0.2");
    secure.always("/a", Answer::redirect(302, &plain.url("/b")));
    plain.always("/b", Answer::list(LIST));
    let mut folder = Folder::with_feed(&secure.url("/a"));
    authority.write(&folder.path("ca.pem"));
    folder.set("SSL_CERT_FILE", folder.path("ca.pem").display().to_string());
    folder.fetch(0).assert_failed(&["http"]);
    assert_eq!((plain.connections(), folder.names()), (0, Vec::new()));
}

#[test]
fn from_http_to_https_it_is_followed() {
    let authority = Authority::new();
    let secure = Server::tls("127.0.0.1", &authority.identity(&["127.0.0.1"]));
    secure.always("/b", Answer::list(LIST));
    let (_server, mut folder) = redirecting(301, &secure.url("/b"));
    authority.write(&folder.path("ca.pem"));
    folder.set("SSL_CERT_FILE", folder.path("ca.pem").display().to_string());
    folder.fetch(0).assert_state("fetched");
    assert_eq!(folder.text("a.txt"), LIST);
}

/// A catalogue that writes one's own machine plainly means it.
#[test]
fn a_catalogue_may_name_loopback_itself() {
    let servers = [Server::start(), Server::at("::1")];
    servers.iter().for_each(|server| server.always("/a", Answer::list(LIST)));
    let [v4, v6] = servers.each_ref().map(|server| server.address().port());
    for host in [format!("127.0.0.1:{v4}"), format!("localhost:{v4}"), format!("[::1]:{v6}")] {
        let mut folder = Folder::new();
        folder.feed_outside("a", &format!("http://{host}/a"), "");
        folder.fetch(0).assert_state("fetched");
    }
}

/// A name that leads there, and the odd ways to write it, do not.
#[test]
fn a_name_that_leads_to_loopback_needs_a_word_of_the_catalogue() {
    let server = Server::start();
    let v4 = server.address().port();
    for host in ["localhost.", "2130706433", "0x7f.1", "0177.0.0.1", "127.1", "0"] {
        let mut folder = Folder::new();
        folder.feed_outside("a", &format!("http://{host}:{v4}/a"), "");
        let run = folder.fetch(0);
        assert!([2, 3].contains(&run.code), "{host}: {}", run.stderr);
        assert_eq!(server.connections(), 0, "{host}");
    }
}

/// A public server redirects to this machine. A proxy stands for the public network.
#[test]
fn a_redirect_to_loopback_needs_a_word_of_the_catalogue() {
    let inside = Server::at("127.0.0.2");
    inside.always("/metadata", Answer::list(LIST));
    let literal = inside.url("/metadata");
    let name = format!("http://localhost:{}/metadata", inside.address().port());
    for location in [literal.as_str(), &name, "http://169.254.169.254/latest/meta-data/", "http://[::1]:1/"] {
        let (proxy, far) = public_network(&Answer::redirect(302, location));
        let mut folder = Folder::new();
        folder.feed_outside("a", "http://feeds.example.org/a", "");
        folder.set("HTTP_PROXY", proxy.url(""));
        folder.set("NO_PROXY", "127.0.0.2");
        folder.fetch(0).assert_failed(&["private"]);
        assert_eq!((inside.connections(), folder.names()), (0, Vec::new()), "{location}");
        assert_eq!(proxy.paths().len(), 1, "nor is the proxy asked: {location}");
        assert!(proxy.paths()[0].contains("feeds.example.org"), "{:?} {:?}", proxy.paths(), far.paths());
    }
}

#[test]
fn validators_belong_to_the_url_of_the_catalogue() {
    let server = Server::start();
    server.always("/a", Answer::redirect(302, "/list"));
    server.offer("/list", "\"v1\"", LIST);
    let folder = Folder::with_feed(&server.url("/a"));
    folder.fetch(0).assert_state("fetched");
    folder.fetch(120).assert_state("not-modified");
    assert_eq!(server.paths(), ["/a", "/list", "/a", "/list"]);
    assert!(folder.noted("a.txt", "fetched_at") >= minute(120));
}

#[test]
fn a_status_between_is_no_redirect() {
    for status in [300, 305, 306] {
        let (server, folder) = redirecting(status, "/list");
        folder.fetch(0).assert_failed(&["HTTP 30"]);
        assert_eq!(server.paths(), ["/a"]);
    }
}
