//! How a feed is downloaded: from where, how often, with which secret; and what its host allows.
//!
//! A catalogue names secrets and holds none. A URL is printed, logged and stored, so one with a user or a
//! password is refused, and no error here repeats a text that may be a secret.

use super::Problem;
use super::sources::{Place, RawHost};
use super::table_reader::TableReader;
use rapsheet_snapshot::byte_size;
use rapsheet_snapshot::name::NAME_MAX;
use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use toml::Value;

/// How long a feed is left alone between two requests where the catalogue does not say, in seconds.
pub(super) const MIN_INTERVAL: i64 = 3600;
/// The shortest `min_interval`, in seconds.
const MIN_INTERVAL_LEAST: i64 = 60;
/// How many bytes a download may have where the catalogue does not say.
pub(super) const MAX_BYTES: u64 = 256 << 20;
/// The longest name of a secret. Keys of publishers are longer, so that a key is not taken for its name.
const SECRET_NAME_MAX: usize = 30;

/// The secret that a publisher asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Auth {
    /// The header of the request that carries it.
    pub header: String,
    /// Its name, by which the operator provides it.
    pub secret: String,
}

/// What a host allows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HostLimits {
    /// How many requests an hour.
    pub per_hour: Option<u32>,
    /// How long it wants to be left alone between two requests, in seconds.
    pub gap_seconds: Option<i64>,
}

/// What a feed's table says of its download, but for the URL.
pub(super) struct Fetching {
    pub(super) mirrors: Vec<String>,
    pub(super) sha256_url: Option<String>,
    pub(super) min_interval_seconds: i64,
    pub(super) max_bytes: u64,
    pub(super) auth: Option<Auth>,
    pub(super) private_network: bool,
}

impl Fetching {
    pub(super) fn read(reader: &mut TableReader<'_>) -> Fetching {
        Fetching {
            mirrors: read_mirrors(reader),
            sha256_url: reader.text("sha256_url").inspect(|url| check_url(reader, "sha256_url", url, &WEB)),
            min_interval_seconds: read_min_interval(reader),
            max_bytes: read_max_bytes(reader),
            auth: read_auth(reader),
            private_network: reader.flag("private_network", false),
        }
    }
}

/// What a URL may begin with.
struct Schemes {
    /// Whether it may name a file of this machine.
    file: bool,
    /// What errors expect.
    expected: &'static str,
}

const WEB: Schemes = Schemes { file: false, expected: "a URL that begins with https:// or http://" };
const WEB_OR_FILE: Schemes =
    Schemes { file: true, expected: "a URL that begins with https:// or http://, or file:///absolute/path" };

/// Reads `url`; empty where it is absent.
pub(super) fn read_url(reader: &mut TableReader<'_>) -> String {
    let url = reader.text("url").unwrap_or_default();
    if !url.is_empty() {
        check_url(reader, "url", &url, &WEB_OR_FILE);
    }
    url
}

fn read_mirrors(reader: &mut TableReader<'_>) -> Vec<String> {
    let mirrors = reader.texts("mirrors");
    mirrors.iter().for_each(|url| check_url(reader, "mirrors", url, &WEB));
    mirrors
}

fn check_url(reader: &mut TableReader<'_>, key: &str, url: &str, schemes: &Schemes) {
    if let Err(problem) = url_problem(url, schemes) {
        reader.problem(key, problem);
    }
}

fn url_problem(url: &str, schemes: &Schemes) -> Result<(), String> {
    let wrong = |expected: &str| Err(format!("expected {expected}, found `{}`", url.escape_debug()));
    let after_scheme = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = after_scheme.split(['/', '?', '#', '\\']).next().unwrap_or("");
    if authority.contains('@') {
        // The text has a password, perhaps; it is not repeated.
        let remedy = "name a secret in `auth = { header = \"…\", secret = \"…\" }`";
        return Err(format!("expected a URL without a user and a password before its host; {remedy}"));
    }
    if url.starts_with("file:") && schemes.file {
        let path = url.strip_prefix("file:///").filter(|path| !path.is_empty() && !path.ends_with('/'));
        let is_sound = path.is_some_and(|path| !path.contains(char::is_control));
        return if is_sound { Ok(()) } else { wrong("file:///absolute/path") };
    }
    if !url.starts_with("https://") && !url.starts_with("http://") {
        return wrong(schemes.expected);
    }
    if !url.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\') {
        return wrong("a URL of ASCII characters without blanks; write others as %XX");
    }
    if is_host_and_port(authority) { Ok(()) } else { wrong("a URL with a host name or an address") }
}

fn is_host_and_port(authority: &str) -> bool {
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let is_port = |port: &str| {
        port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|port| port > 0)
    };
    let ipv6 = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let is_host = match ipv6 {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => is_host_name(host),
    };
    is_host && port.is_none_or(is_port)
}

/// Whether a text is an IPv4 address or a name as a resolver takes it: `localhost`, too.
fn is_host_name(host: &str) -> bool {
    if rapsheet_snapshot::host::ends_in_number(host.as_bytes()) {
        return host.parse::<Ipv4Addr>().is_ok();
    }
    let is_name_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    let is_label = |label: &str| (1..=63).contains(&label.len()) && label.bytes().all(is_name_byte);
    host.len() <= NAME_MAX && host.split('.').all(is_label)
}

fn read_min_interval(reader: &mut TableReader<'_>) -> i64 {
    let seconds = reader.span("min_interval", MIN_INTERVAL);
    if seconds < MIN_INTERVAL_LEAST {
        reader.problem("min_interval", format!("expected a span of 1m or longer, found {seconds}s"));
    }
    seconds
}

fn read_max_bytes(reader: &mut TableReader<'_>) -> u64 {
    let Some(text) = reader.text("max_bytes") else { return MAX_BYTES };
    byte_size::parse(&text).filter(|bytes| *bytes > 0).unwrap_or_else(|| {
        let found = text.escape_debug();
        reader.problem("max_bytes", format!("expected a size such as 64K, 256M or 1G, found `{found}`"));
        MAX_BYTES
    })
}

fn read_auth(reader: &mut TableReader<'_>) -> Option<Auth> {
    if !reader.unread.get("auth").is_some_and(Value::is_table) {
        // Neither does this error repeat what it found.
        let found = reader.take("auth");
        let expected =
            "expected { header = \"Auth-Key\", secret = \"abusech\" }, the name of a header and of a secret";
        found.iter().for_each(|_| reader.problem("auth", expected.to_owned()));
        return None;
    }
    let mut inner = reader.inner("auth", "auth.");
    let auth = Auth { header: inner.required("header"), secret: inner.required("secret") };
    if !auth.header.bytes().all(is_header_byte) {
        let found = auth.header.escape_debug();
        inner.problem("header", format!("expected the name of a header such as `Auth-Key`, found `{found}`"));
    }
    let is_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte);
    if auth.secret.len() > SECRET_NAME_MAX || !auth.secret.bytes().all(is_name) {
        // The secret itself may have been written here by mistake; it is not repeated.
        let expected = format!("of a-z, 0-9, `_` and `-`, at most {SECRET_NAME_MAX} characters");
        inner.problem(
            "secret",
            format!("expected the name of a secret, {expected}, and not the secret itself"),
        );
    }
    inner.finish();
    Some(auth)
}

/// Whether a name of a header may have this byte (RFC 9110, `token`).
fn is_header_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// Reads the tables of hosts.
pub(super) fn read_hosts(
    hosts: BTreeMap<String, RawHost>,
    problems: &mut Vec<Problem>,
) -> BTreeMap<String, HostLimits> {
    let read = |(name, raw): (String, RawHost)| {
        let limits = read_host(&name, &raw, problems);
        (name, limits)
    };
    hosts.into_iter().map(read).collect()
}

fn read_host(name: &str, raw: &RawHost, problems: &mut Vec<Problem>) -> HostLimits {
    let RawHost { place, table, key_places } = raw;
    let mut reader = host_reader(name, place, key_places, problems);
    reader.unread.clone_from(table);
    if !is_canonical_host(name) {
        let expected = "expected a host name in lower case, without a port, or an address";
        reader.problem("host", format!("{expected}, found `{}`", name.escape_debug()));
    }
    let limits =
        HostLimits { per_hour: read_per_hour(&mut reader), gap_seconds: reader.span_or_off("gap", None) };
    reader.finish();
    limits
}

fn host_reader<'p>(
    name: &str,
    place: &'p Place,
    elsewhere: &'p HashMap<String, Place>,
    problems: &'p mut Vec<Problem>,
) -> TableReader<'p> {
    TableReader {
        within: "",
        place,
        elsewhere,
        feed: format!("host {name}"),
        unread: toml::Table::new(),
        asked: Vec::new(),
        problems,
    }
}

fn is_canonical_host(name: &str) -> bool {
    if let Ok(address) = name.parse::<IpAddr>() {
        return address.to_string() == name;
    }
    is_host_name(name) && !name.bytes().any(|byte| byte.is_ascii_uppercase())
}

fn read_per_hour(reader: &mut TableReader<'_>) -> Option<u32> {
    match reader.take("per_hour")? {
        Value::Integer(number) if (1..=i64::from(u32::MAX)).contains(&number) => u32::try_from(number).ok(),
        Value::String(off) if off == "off" => None,
        other => {
            let expected = "expected a number of requests, 1 or more, or \"off\"";
            reader.problem("per_hour", format!("{expected}; found {other}"));
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Catalog, Feed};
    use super::*;
    use std::fs;

    const GOOD: &str = "[[feed]]\nid = \"a\"\nprovider = \"lists.example\"\nformat = \"plain-ip\"\n";

    fn catalog(more: &str) -> Catalog {
        Catalog::parse(&format!("{GOOD}{more}\n"), "c.toml").expect("a sound catalogue")
    }

    fn feed(more: &str) -> Feed {
        catalog(more).feeds.remove(0)
    }

    /// What is wrong with a feed that has more keys.
    fn errors(more: &str) -> Vec<String> {
        let error = Catalog::parse(&format!("{GOOD}{more}\n"), "c.toml").expect_err(more);
        error.to_string().lines().map(str::to_owned).collect()
    }

    fn error(more: &str) -> String {
        let mut errors = errors(more);
        assert_eq!(errors.len(), 1, "{errors:?}");
        errors.remove(0)
    }

    #[test]
    fn a_feed_has_the_documented_defaults() {
        let feed = feed("");
        assert_eq!((feed.min_interval_seconds, feed.max_bytes), (3600, 256 << 20));
        assert_eq!((feed.auth, feed.sha256_url, feed.mirrors.len()), (None, None, 0));
        assert!(!feed.private_network && catalog("").hosts.is_empty());
    }

    #[test]
    fn every_key_is_read() {
        let feed = feed(
            "url = \"https://lists.example/a.txt\"\n\
             mirrors = [\"http://m1.example/a\", \"https://[2001:db8::1]:8443/a\"]\n\
             min_interval = \"12h\"\nmax_bytes = \"64M\"\nprivate_network = true\n\
             sha256_url = \"https://lists.example/a.sha256\"\n\
             auth = { header = \"Auth-Key\", secret = \"abusech\" }",
        );
        assert_eq!(feed.mirrors, ["http://m1.example/a", "https://[2001:db8::1]:8443/a"]);
        assert_eq!(
            (feed.min_interval_seconds, feed.max_bytes, feed.private_network),
            (43_200, 64 << 20, true)
        );
        assert_eq!(feed.sha256_url.as_deref(), Some("https://lists.example/a.sha256"));
        assert_eq!(feed.auth, Some(Auth { header: "Auth-Key".to_owned(), secret: "abusech".to_owned() }));
    }

    #[test]
    fn urls_name_a_host_or_a_file() {
        let good = [
            "http://localhost:8080/x",
            "https://lists.example",
            "https://_dmarc.lists.example:443/?a=b@c",
            "http://192.0.2.1/x",
            "http://[::1]:1/",
            "https://lists.example/{key}/x",
            "file:///srv/our lists/käse.txt",
        ];
        for url in good {
            assert_eq!(feed(&format!("url = '{url}'")).url, url);
        }
        let bad = [
            "lists.example/x",
            "ftp://lists.example/x",
            "HTTPS://lists.example/",
            "https:///x",
            "https://",
            "https://lists.example:0/",
            "https://lists.example:70000/",
            "https://lists.example:/",
            "https://[::1/",
            "https://a..b/",
            "https://127.1/",
            "https://lists.example/a b",
            "https://lists.example/ä",
            "https://lists.example\\x",
            "file:/x",
            "file://host/x",
            "file:///",
            "file:///folder/",
        ];
        for url in bad {
            let error = error(&format!("url = '{url}'"));
            assert!(error.starts_with("c.toml:1: a: url: expected ") && error.contains("found `"), "{error}");
        }
        for key in ["mirrors", "sha256_url"] {
            let error = error(&format!("{key} = 'file:///x'"));
            let expected = "expected a URL that begins with https:// or http://, found `file:///x`";
            assert_eq!(error, format!("c.toml:1: a: {key}: {expected}"));
        }
    }

    #[test]
    fn no_error_repeats_what_may_be_a_secret() {
        let hidden = "0f9e8d7c6b5a49382716";
        for url in [
            format!("https://user:{hidden}@lists.example/"),
            format!("https://{hidden}@lists.example/"),
            format!("ftp://user:{hidden}@lists.example"),
            format!("user:{hidden}@lists.example/x"),
        ] {
            for key in ["url", "mirrors", "sha256_url"] {
                let error = error(&format!("{key} = '{url}'"));
                assert!(error.contains("without a user") && !error.contains(hidden), "{error}");
                assert!(error.contains("name a secret in `auth"), "{error}");
            }
        }
        assert!(!error(&format!("auth = '{hidden}'")).contains(hidden));
        for secret in [hidden.to_uppercase(), hidden.repeat(2)] {
            let error = error(&format!("auth = {{ header = 'Auth-Key', secret = '{secret}' }}"));
            let expected = "c.toml:1: a: auth.secret: expected the name of a secret, of a-z, 0-9, `_` and `-`, \
                            at most 30 characters, and not the secret itself";
            assert_eq!(error, expected);
        }
    }

    #[test]
    fn intervals_and_sizes_have_bounds() {
        assert_eq!(feed("min_interval = '1m'").min_interval_seconds, 60);
        let short = "c.toml:1: a: min_interval: expected a span of 1m or longer, found 59s";
        assert_eq!(error("min_interval = '59s'"), short);
        assert!(error("min_interval = '0s'").contains("expected a span such as"));
        assert!(error("min_interval = 3600").contains("expected text in quotes, found 3600"));
        for size in ["", "0", "many", "-1M", "1.5G"] {
            let expected = format!("max_bytes: expected a size such as 64K, 256M or 1G, found `{size}`");
            assert!(error(&format!("max_bytes = '{size}'")).ends_with(&expected));
        }
    }

    #[test]
    fn a_secret_has_a_name_and_a_header() {
        assert!(error("auth = 'abusech'").contains("auth: expected { header = "));
        let both = ["auth.header: this key is required", "auth.secret: this key is required"];
        let found = errors("auth = {}");
        assert!(
            found.len() == 2 && found.iter().zip(both).all(|(line, end)| line.ends_with(end)),
            "{found:?}"
        );
        for header in ["Auth Key", "Auth-Key:", "Auth\\nKey", "Schlüssel"] {
            let error = error(&format!("auth = {{ header = \"{header}\", secret = 'x' }}"));
            assert!(
                error.contains("auth.header: expected the name of a header such as `Auth-Key`"),
                "{error}"
            );
        }
        let query = error("auth = { query = 'k', header = 'Auth-Key', secret = 'x' }");
        assert!(query.ends_with("auth.query: unknown key; known: header, secret"), "{query}");
        assert!(feed("auth = { header = 'x', secret = 'a_b-9' }").auth.is_some());
    }

    #[test]
    fn hosts_have_limits() {
        let text = "[host.\"raw.lists.example\"]\nper_hour = 40\n[host.\"192.0.2.1\"]\ngap = '30m'\n\
                    [host.\"2001:db8::1\"]\nper_hour = 1\ngap = '1s'\n[host.localhost]";
        let limits = |per_hour, gap_seconds| HostLimits { per_hour, gap_seconds };
        let expected = [
            ("192.0.2.1", limits(None, Some(1800))),
            ("2001:db8::1", limits(Some(1), Some(1))),
            ("localhost", limits(None, None)),
            ("raw.lists.example", limits(Some(40), None)),
        ];
        let expected = expected.map(|(name, limits)| (name.to_owned(), limits));
        assert_eq!(catalog(text).hosts, BTreeMap::from(expected));
    }

    #[test]
    fn errors_of_hosts_name_the_host_and_its_line() {
        let per_hour = error("[host.\"lists.example\"]\nper_hour = 0");
        let expected = "c.toml:5: host lists.example: per_hour: expected a number of requests, 1 or more, or \
                        \"off\"; found 0";
        assert_eq!(per_hour, expected);
        let unknown = error("\n[host.'lists.example']\ngap_seconds = 3");
        assert_eq!(unknown, "c.toml:6: host lists.example: gap_seconds: unknown key; near it: gap");
        for name in ["Lists.example", "lists.example:443", "https://lists.example", "", "::0001", "127.1"] {
            let error = error(&format!("[host.\"{name}\"]"));
            let expected = "host: expected a host name in lower case, without a port, or an address, found `";
            assert!(error.contains(expected), "{error}");
        }
        let text = "expected tables such as [host.\"lists.example\"]";
        assert!(error("[host]\nx = 1").ends_with(&format!("host: {text}; `x` is integer")));
        let found = Catalog::parse(&format!("host = 3\n{GOOD}"), "c.toml").expect_err("no table").to_string();
        assert!(found.ends_with(&format!("host: {text}, found integer")), "{found}");
    }

    #[test]
    fn an_including_file_wins_key_by_key() {
        let dir = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: &str| {
            let path = dir.path().join(name);
            fs::write(&path, text).expect("a file");
            path
        };
        write(
            "base.toml",
            "[host.\"lists.example\"]\nper_hour = 40\ngap = '30m'\n[host.\"b.example\"]\ngap = '1s'\n",
        );
        let include = "[include]\nfiles = ['base.toml']\n";
        let path = write(
            "own.toml",
            &format!("{include}[host.\"lists.example\"]\nper_hour = 9\n[host.\"b.example\"]\ngap = 'off'\n"),
        );
        let hosts = Catalog::open(&path).expect("a sound catalogue").hosts;
        let expected = HostLimits { per_hour: Some(9), gap_seconds: Some(1800) };
        assert_eq!(hosts.get("lists.example"), Some(&expected));
        assert_eq!(hosts.get("b.example"), Some(&HostLimits::default()), "a limit is taken back");
        // An error names the file that has the key.
        write("base.toml", "[host.\"lists.example\"]\ngap = 'often'\n");
        let error = Catalog::open(&path).expect_err("a bad gap").to_string();
        assert!(error.contains("base.toml:1: host lists.example: gap: "), "{error}");
    }

    #[test]
    fn an_override_names_another_secret() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("c.toml");
        let auth = "auth = { header = 'Auth-Key', secret = 'abusech' }";
        let change = "[[override]]\nid = 'a'\nmin_interval = '2h'\n[override.auth]\nsecret = 'ours'\n";
        fs::write(&path, format!("{GOOD}{auth}\n{change}")).expect("a file");
        let feed = Catalog::open(&path).expect("a sound catalogue").feeds.remove(0);
        let expected = Auth { header: "Auth-Key".to_owned(), secret: "ours".to_owned() };
        assert_eq!((feed.auth, feed.min_interval_seconds), (Some(expected), 7200));
    }

    /// The catalogue inside the program: no feed is stale because it is fetched as seldom as its publisher
    /// asks, and a day's lists of one host fit the budget of an hour, so that a daily run is never late.
    #[test]
    fn the_builtin_catalogue_fits_the_limits_of_its_hosts() {
        let catalog = Catalog::builtin().expect("sound");
        let enabled = || catalog.feeds.iter().filter(|feed| feed.enabled);
        for feed in enabled() {
            assert!(feed.min_interval_seconds * 2 <= feed.max_age_seconds, "{}", feed.id);
            assert!(!feed.url.contains('{'), "{}: its url has a gap", feed.id);
        }
        for (host, limits) in &catalog.hosts {
            let prefix = format!("https://{host}/");
            let of_host = enabled().filter(|feed| feed.url.starts_with(&prefix));
            let a_day: f64 = of_host.map(|feed| (86_400.0 / feed.min_interval_seconds as f64).min(1.0)).sum();
            assert!(limits.per_hour.is_none_or(|per_hour| a_day <= f64::from(per_hour)), "{host}: {a_day}");
        }
        let secrets: Vec<&str> =
            enabled().filter_map(|feed| Some(feed.auth.as_ref()?.secret.as_str())).collect();
        assert_eq!(secrets, ["abusech", "abuseipdb"]);
    }
}
