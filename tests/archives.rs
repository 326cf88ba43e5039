//! Downloads of several parts, archives and folders: read by `parse` and by `build`.

use crate::files::gzip;
use crate::test_dir::{TestDir, code, json_lines};
use serde_json::Value;
use std::fs;

/// A tar archive of these members; a member without a body is a symbolic link.
fn tar_of(members: &[(&str, Option<&str>)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, body) in members {
        let mut header = tar::Header::new_ustar();
        header.set_size(body.map_or(0, |body| body.len() as u64));
        header.set_mode(0o644);
        header.set_entry_type(if body.is_some() { tar::EntryType::Regular } else { tar::EntryType::Symlink });
        // `tar::Builder` refuses `..` and absolute names, so they are written into the header.
        header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
        header.set_cksum();
        builder.append(&header, body.unwrap_or_default().as_bytes()).expect("a member");
    }
    builder.into_inner().expect("an archive")
}

const MEMBERS: &[(&str, Option<&str>)] = &[
    ("blacklists/phishing/domains", Some("evilpanel.com\n45.9.20.5")),
    ("blacklists/phishing/urls", Some("evilpanel.net/a\n45.9.20.6/24\n")),
    ("blacklists/phishing/expressions", Some("^evil\n")),
    ("blacklists/phishing/usage", Some("black\n")),
    ("blacklists/ads", None),
    ("blacklists/press/domains", Some("news.evilpanel.org\n")),
    ("../outside/domains", Some("climber.evilpanel.com\n")),
    ("/etc/domains", Some("absolute.evilpanel.com\n")),
];

fn indicators(rows: &[Value]) -> Vec<String> {
    let text = |row: &Value| {
        let word = row["assessments"][0].as_str().unwrap_or_default().to_owned();
        Some(format!("{} {} {word}", row["result"].as_str()?, row["indicator"].as_str()?).trim().to_owned())
    };
    rows.iter().filter_map(text).collect()
}

#[test]
fn squidguard_archive_takes_categories_from_folder_names() {
    let dir = TestDir::new();
    let expected = [
        "domain-tree evilpanel.com phishing",
        "ip 45.9.20.5 phishing",
        "url //evilpanel.net/a phishing",
        "url //45.9.20.6/24 phishing",
        "domain-tree news.evilpanel.org",
    ];
    for (name, bytes) in [("list.tar", tar_of(MEMBERS)), ("list.tar.gz", gzip(&tar_of(MEMBERS)))] {
        dir.write(name, bytes);
        let output = dir.run(&["parse", "--format", "squidguard", name]);
        assert_eq!(
            (code(&output), indicators(&json_lines(&output))),
            (0, expected.map(str::to_owned).to_vec()),
            "{name}"
        );
        let one = ["parse", "--format", "squidguard", "--option", "categories=phishing", name];
        assert_eq!(indicators(&json_lines(&dir.run(&one))).len(), 4);
    }
}

#[test]
fn refuses_truncated_and_corrupt_archives() {
    let dir = TestDir::new();
    let whole = tar_of(MEMBERS);
    for cut in [700, 1500, 2049] {
        dir.write("cut.tar.gz", gzip(&whole[..cut]));
        let output = dir.run(&["parse", "--format", "squidguard", "cut.tar.gz"]);
        let rows = json_lines(&output);
        let last = rows.last().expect("a row");
        assert_eq!((code(&output), &last["reason"]), (4, &Value::from("damaged")), "{cut}");
    }
    let mut corrupt = whole;
    corrupt[512 * 2 + 10] ^= 1;
    dir.write("corrupt.tar.gz", gzip(&corrupt));
    let output = dir.run(&["parse", "--format", "squidguard", "corrupt.tar.gz"]);
    assert_eq!(json_lines(&output).last().expect("a row")["reason"], "damaged");
}

#[test]
fn reads_a_folder_as_one_download() {
    let dir = TestDir::new();
    fs::create_dir_all(dir.path("feed/deeper")).expect("a folder");
    dir.write("feed/manifest.json", "{\"5f0c\":{\"info\":\"x\"}}");
    dir.write("feed/hashes.csv", "0cc175b9c0f1b6a831c399e269772661,5f0c\n");
    let event = |name: &str| {
        format!(
            "{{\"Event\":{{\"Attribute\":[{{\"type\":\"domain\",\"to_ids\":true,\"value\":\"{name}\"}}]}}}}\n"
        )
    };
    dir.write("feed/b.json", event("b.evilpanel.com"));
    dir.write("feed/a.json", event("a.evilpanel.com"));
    dir.write("feed/deeper/c.json", event("c.evilpanel.com"));
    let output = dir.run(&["parse", "--format", "misp-feed", "feed"]);
    let expected = ["domain a.evilpanel.com", "domain b.evilpanel.com", "domain c.evilpanel.com"];
    assert_eq!((code(&output), indicators(&json_lines(&output))), (0, expected.map(str::to_owned).to_vec()));
    dir.write(
        "catalog.toml",
        "[[feed]]\nid = \"events\"\nprovider = \"bad.example\"\nfile = \"feed\"\nformat = \"misp-feed\"\nassessment = [\"malware\"]\n",
    );
    let built = dir.run(&["build", "--catalog", "catalog.toml", "--downloads", ".", "--out", "s.rap"]);
    assert_eq!(code(&built), 0, "{}", String::from_utf8_lossy(&built.stderr));
    let answer = dir.run(&["lookup", "--snapshot", "s.rap", "--format", "jsonl", "a.evilpanel.com"]);
    assert_eq!(json_lines(&answer)[0]["status"], 1);
}
