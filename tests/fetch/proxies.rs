//! Who is really asked: proxies, as the environment names them, and the certificates of servers.

use super::certificates::Authority;
use super::folder::{Folder, LIST};
use super::server::{Answer, Server, Step};

const FAR: &str = "http://feeds.example.org/a";

/// A proxy that has the list of [`FAR`], and passes connections on to a server.
fn proxy(to: Option<&Server>) -> Server {
    let proxy = Server::at("127.0.0.3");
    proxy.always(FAR, Answer::list(LIST));
    if let Some(to) = to {
        pass_on(&proxy, to);
    }
    proxy
}

/// Makes a proxy of a server: connections are passed on to another one.
pub(super) fn pass_on(proxy: &Server, to: &Server) {
    let to = to.address();
    proxy.on("*", move |request| match request.method.as_str() {
        "CONNECT" => Answer::new(200, "").raw_framing().then(Step::Tunnel(to)),
        _ => Answer::new(404, "not here"),
    });
}

/// A proxy, and the server that stands for a public one behind it; it answers a plain request or through a tunnel.
pub(super) fn public_network(answer: &Answer) -> (Server, Server) {
    let (proxy, far) = (Server::at("127.0.0.3"), Server::at("127.0.0.4"));
    far.always("/a", answer.clone());
    pass_on(&proxy, &far);
    proxy.always(FAR, answer.clone());
    (proxy, far)
}

#[test]
fn a_proxy_is_used() {
    for name in ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"] {
        let (proxy, _far) = public_network(&Answer::list(LIST));
        let mut folder = Folder::with_feed(FAR);
        folder.set(name, proxy.url(""));
        folder.fetch(0).assert_state("fetched");
        assert_eq!((proxy.requests().len(), folder.text("a.txt").as_str()), (1, LIST), "{name}");
    }
}

/// As curl and wget ask: few proxies let others connect to port 80.
#[test]
fn a_proxy_is_asked_with_the_whole_url() {
    for name in ["HTTP_PROXY", "http_proxy", "ALL_PROXY"] {
        let proxy = proxy(None);
        let mut folder = Folder::with_feed(FAR);
        folder.set(name, proxy.url(""));
        let run = folder.fetch_with(0, &["-v"]);
        run.assert_state("fetched");
        assert_eq!((proxy.paths(), folder.text("a.txt").as_str()), (vec![FAR.to_owned()], LIST), "{name}");
        assert_eq!(proxy.requests()[0].header("host"), Some("feeds.example.org"));
        let address = proxy.address().to_string();
        assert!(run.stderr.contains(&address), "-v names it: {}", run.stderr);
        assert!(run.report["proxy"].as_str().is_some_and(|proxy| proxy.contains(&address)), "{}", run.report);
    }
}

/// A feed that may not come from a private network is fetched through a proxy that stands in one.
#[test]
fn a_proxy_may_be_in_the_private_network() {
    let (proxy, _far) = public_network(&Answer::list(LIST));
    let mut folder = Folder::new();
    folder.feed_outside("a", FAR, "");
    folder.set("HTTP_PROXY", proxy.url(""));
    folder.fetch(0).assert_state("fetched");
}

#[test]
fn hosts_of_no_proxy_are_asked_directly() {
    for text in ["127.0.0.1", "example.org,127.0.0.1", "*", " 127.0.0.1 , x "] {
        let (proxy, server) = (proxy(None), Server::start());
        server.always("/a", Answer::list(LIST));
        let mut folder = Folder::with_feed(&server.url("/a"));
        folder.set("HTTP_PROXY", proxy.url(""));
        folder.set("NO_PROXY", text);
        let run = folder.fetch(0);
        assert_eq!(run.state("a"), "fetched", "{text:?}: {}", run.report);
        assert_eq!((proxy.connections(), server.requests().len()), (0, 1), "{text:?}");
    }
}

#[test]
fn without_a_proxy_none_is_reported() {
    let server = Server::start();
    server.always("/a", Answer::list(LIST));
    let run = Folder::with_feed(&server.url("/a")).fetch_with(0, &["-v"]);
    assert!(run.report["proxy"].is_null(), "{}", run.report);
    assert!(run.report["tls_roots"].as_str().is_some_and(|roots| !roots.is_empty()), "{}", run.report);
}

#[test]
fn https_goes_through_a_tunnel() {
    let authority = Authority::new();
    let server = Server::tls("127.0.0.1", &authority.identity(&["feeds.example.org"]));
    server.always("/a", Answer::list(LIST));
    let proxy = proxy(Some(&server));
    let mut folder = Folder::with_feed("https://feeds.example.org/a");
    authority.write(&folder.path("ca.pem"));
    folder.set("SSL_CERT_FILE", folder.path("ca.pem").display().to_string());
    folder.set("HTTPS_PROXY", proxy.url(""));
    folder.fetch(0).assert_state("fetched");
    assert_eq!(
        (proxy.paths(), server.paths()),
        (vec!["feeds.example.org:443".to_owned()], vec!["/a".to_owned()])
    );
    assert_eq!(folder.text("a.txt"), LIST);
}

/// The proxy for http is none for https.
#[test]
fn each_scheme_has_its_proxy() {
    let authority = Authority::new();
    let server = Server::tls("127.0.0.1", &authority.identity(&["127.0.0.1"]));
    server.always("/a", Answer::list(LIST));
    let proxy = proxy(None);
    let mut folder = Folder::with_feed(&server.url("/a"));
    authority.write(&folder.path("ca.pem"));
    folder.set("SSL_CERT_FILE", folder.path("ca.pem").display().to_string());
    folder.set("HTTP_PROXY", proxy.url(""));
    folder.fetch(0).assert_state("fetched");
    assert_eq!((proxy.connections(), server.requests().len()), (0, 1));
}

#[test]
fn a_proxy_that_refuses_fails_its_feeds() {
    let proxy = Server::at("127.0.0.3");
    proxy.always("*", Answer::new(407, "who?"));
    for (name, url) in [("HTTP_PROXY", FAR), ("HTTPS_PROXY", "https://feeds.example.org/a")] {
        let mut folder = Folder::with_feed(url);
        folder.set(name, proxy.url(""));
        folder.fetch(0).assert_failed(&["407", "proxy"]);
    }
}

#[test]
fn a_proxy_that_is_not_there_fails_its_feeds() {
    let mut folder = Folder::with_feed(FAR);
    let address = Server::start().address();
    folder.set("HTTP_PROXY", format!("http://{address}"));
    std::thread::sleep(std::time::Duration::from_millis(50));
    folder.fetch(0).assert_failed(&["refused", "connect", "proxy"]);
}

/// A server with TLS whose certificate is for these names, and a folder that trusts an authority.
fn with_tls(names: &[&str], trusts: bool, expired: bool) -> (Server, Folder) {
    let authority = Authority::new();
    let identity = if expired { authority.expired(names) } else { authority.identity(names) };
    let server = Server::tls("127.0.0.1", &identity);
    server.always("/a", Answer::list(LIST));
    let mut folder = Folder::with_feed(&server.url("/a"));
    let trusted = if trusts { authority } else { Authority::new() };
    trusted.write(&folder.path("ca.pem"));
    folder.set("SSL_CERT_FILE", folder.path("ca.pem").display().to_string());
    (server, folder)
}

#[test]
fn a_certificate_of_a_trusted_authority_is_accepted() {
    let (server, folder) = with_tls(&["127.0.0.1"], true, false);
    let run = folder.fetch_with(0, &["-v"]);
    run.assert_state("fetched");
    assert_eq!((folder.text("a.txt").as_str(), server.requests().len()), (LIST, 1));
    assert!(run.stderr.contains("root certificate"), "-v says which ones count: {}", run.stderr);
}

/// Maltrail switches verification off for its whole process.
#[test]
fn certificates_are_verified() {
    let cases: [(&[&str], bool, bool, &str); 3] = [
        (&["lists.example.org", "127.0.0.2"], true, false, "another name"),
        (&["127.0.0.1"], false, false, "an unknown authority"),
        (&["127.0.0.1"], true, true, "out of date"),
    ];
    for (names, trusts, expired, case) in cases {
        let (server, folder) = with_tls(names, trusts, expired);
        folder.fetch(0).assert_failed(&["certificate"]);
        assert_eq!((server.requests().len(), folder.names()), (0, Vec::new()), "{case}");
        assert_eq!(server.connections(), 1, "{case}: another try would not help");
    }
}

#[test]
fn without_roots_of_the_system_the_bundled_ones_count() {
    let (server, mut folder) = with_tls(&["127.0.0.1"], true, false);
    std::fs::write(folder.path("none.pem"), "").expect("written");
    folder.set("SSL_CERT_FILE", folder.path("none.pem").display().to_string());
    let run = folder.fetch_with(0, &["-v"]);
    run.assert_failed(&["certificate"]);
    assert!(run.stderr.contains("bundled"), "{}", run.stderr);
    assert!(
        run.report["tls_roots"].as_str().is_some_and(|roots| roots.contains("bundled")),
        "{}",
        run.report
    );
    assert_eq!(server.requests().len(), 0);
}

/// A server that speaks no TLS where TLS is expected, and the other way round.
#[test]
fn https_to_a_plain_server_fails() {
    let server = Server::start();
    let folder = Folder::with_feed(&server.url("/a").replace("http:", "https:"));
    folder.fetch(0).assert_failed(&["tls", "timed out"]);
    let (secure, _) = with_tls(&["127.0.0.1"], true, false);
    let folder = Folder::with_feed(&secure.url("/a").replace("https:", "http:"));
    assert_eq!(folder.fetch(0).state("a"), "failed");
}
