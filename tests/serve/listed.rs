//! A snapshot with all that a page shows: many sources, an exception, feeds that failed or are old, and what feeds say
//! that would be markup.

use crate::test_dir::{TestDir, code, stderr};

/// Listed by many, and allowed by one.
pub(super) const LISTED: &str = "45.9.20.5";
/// Allowed alone.
pub(super) const ALLOWED: &str = "45.9.20.9";
/// Listed by none, where two providers have no data.
pub(super) const UNLISTED: &str = "45.9.21.1";
/// A listed URL that would be markup.
pub(super) const HOSTILE_URL: &str = "http://evil-one.com/\"><script>alert(1)</script>'&lt;b";
/// A title that would be markup.
pub(super) const HOSTILE_TITLE: &str = "<img src=x onerror=alert(1)> \u{202e}\"'";

const FEEDS: [(&str, &str, &str, &str); 9] = [
    ("bruteforce.example", "ssh", "bruteforce", "45.9.20.5\n45.9.20.7\n"),
    ("botnets.example", "c2", "botnet", "45.9.20.5\n"),
    ("networks.example", "drop", "high risk", "45.9.20.4/30\n45.9.22.0/25\n2001:980:77::/48\n"),
    ("scanners.example", "scan", "scanner", "45.9.20.5\n"),
    ("scanners.example", "scan-all", "suspicious", "45.9.20.5\n45.9.20.8\n"),
    ("old.example", "old", "spam", "45.9.20.5\n"),
    ("phishing.example", "names", "phishing", "login.evil-one.com\nevil-two.com\n"),
    ("phishing.example", "urls", "phishing", HOSTILE_URL),
    ("own.example", "own", "trustworthy", "45.9.20.5\n45.9.20.9\n"),
];

/// Publishes it in place of the sample.
pub(super) fn publish(dir: &TestDir) {
    let mut catalog = String::new();
    for (provider, id, assessment, list) in FEEDS {
        let (format, kind) = match id {
            "names" => ("plain-domain", "block"),
            "urls" => ("url-list", "block"),
            "own" => ("plain-ip", "allow"),
            _ => ("plain-ip", "block"),
        };
        catalog += &format!(
            "[[feed]]\nid = \"{id}\"\nprovider = \"{provider}\"\nfile = \"{id}.txt\"\nformat = \"{format}\"\n\
             list = \"{kind}\"\nassessment = [\"{assessment}\"]\n"
        );
        dir.write(&format!("downloads/{id}.txt"), list);
    }
    let title = serde_json::to_string(HOSTILE_TITLE).expect("a string");
    catalog += &format!(
        "[[feed]]\nid = \"lost\"\nprovider = \"lost.example\"\ntitle = {title}\nfile = \"lost.txt\"\n\
         format = \"plain-ip\"\nassessment = [\"malware\"]\n"
    );
    dir.write("downloads/old.txt.meta.json", "{\"fetched_at\":\"2026-11-14T03:00:00Z\"}");
    dir.write("catalog.toml", catalog);
    let args = ["--catalog", "catalog.toml", "--downloads", "downloads", "--out", "rapsheet.rap"];
    let output = dir.run(&[&["build", "--previous", "none"], &args[..]].concat());
    assert_eq!(code(&output), 3, "a feed failed, and no more: {}", stderr(&output));
}
