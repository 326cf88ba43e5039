//! The project's rules as tests: names, words, the places of unsafe code, and what may depend on what.

mod circles;
mod source;
mod words;

use source::{File, markdown, root, rust};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

fn names(files: impl Iterator<Item = File>) -> Vec<String> {
    files.map(|file| file.path).collect()
}

#[test]
fn every_file_has_a_doc_comment() {
    let silent = names(rust().into_iter().filter(|file| !file.text.starts_with("//!")));
    assert_eq!(silent, Vec::<String>::new());
}

#[test]
fn unsafe_code_is_in_these_files() {
    let word = ["unsafe", " {"].concat();
    let item = ["unsafe", " fn"].concat();
    let holders =
        names(rust().into_iter().filter(|file| file.text.contains(&word) || file.text.contains(&item)));
    let expected = [
        "crates/capi/src/exports/mod.rs",
        "crates/capi/src/exports/pointers.rs",
        "crates/cli/src/fault.rs",
        "crates/cli/src/memory.rs",
        "crates/python/src/arrow/export.rs",
        "crates/python/src/arrow/import.rs",
        "crates/python/src/arrow/raw.rs",
        "crates/query/src/byte_classes.rs",
        "crates/query/src/tokenizer.rs",
        "crates/snapshot/src/map.rs",
        "crates/snapshot/src/section/prefetch.rs",
        "crates/snapshot/src/section/simd.rs",
    ];
    assert_eq!(holders.iter().collect::<BTreeSet<_>>(), expected.map(str::to_owned).iter().collect());
}

#[test]
fn no_file_is_called_util() {
    const BANNED: [&str; 5] = ["util", "utils", "helpers", "types", "misc"];
    let is_banned = |file: &File| file.path.split(['/', '.']).any(|part| BANNED.contains(&part));
    assert_eq!(names(rust().into_iter().filter(is_banned)), Vec::<String>::new());
}

/// The files of libraries that read the clock, for callers that ask for the present.
const CLOCKS: [&str; 2] = ["crates/capi/src/clock.rs", "crates/python/src/clock.rs"];

#[test]
fn libraries_read_no_clock_and_print_nothing() {
    const BANNED: [&str; 7] =
        ["SystemTime::now", "Instant::now", "Utc::now", "println!", "eprintln!", "std::env::var", "dbg!"];
    let breaches: Vec<String> = rust()
        .into_iter()
        .filter(|file| file.path.starts_with("crates/") && file.path.contains("/src/"))
        .filter(|file| !file.path.starts_with("crates/cli"))
        .filter(|file| !file.path.ends_with("tests.rs") && !CLOCKS.contains(&file.path.as_str()))
        .filter_map(|file| {
            let code = code_outside_tests(&file.text);
            let banned = BANNED.iter().find(|banned| code.contains(**banned))?;
            Some(format!("{}: {banned}", file.path))
        })
        .collect();
    assert_eq!(breaches, Vec::<String>::new());
}

/// Without the tests at its end and without comments, whose examples may print.
fn code_outside_tests(text: &str) -> String {
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.map(|line| format!("{line}\n")).collect()
}

/// Dependencies that a crate must not have.
const ROOMS: &[(&str, &[&str])] = &[
    ("snapshot", &["rayon", "csv", "clap", "indicatif", "chrono"]),
    (
        "assemble",
        &["csv", "toml", "quick-xml", "serde_json", "chrono", "clap", "indicatif", "memmap2", "zip", "tar"],
    ),
    ("decompress", &["rayon", "csv", "clap", "indicatif", "chrono", "serde", "rapsheet-snapshot"]),
    ("fetch", &["rayon", "csv", "clap", "indicatif", "chrono", "toml", "rapsheet-ingest"]),
    ("ingest", &["clap", "indicatif", "memmap2", "fst", "bincode", "ureq", "url"]),
    ("parquet", &["rayon", "csv", "clap", "indicatif", "chrono", "serde", "rapsheet-snapshot"]),
    ("export", &["rayon", "csv", "clap", "indicatif", "chrono", "memmap2", "ureq"]),
    ("query", &["rayon", "csv", "clap", "indicatif", "serde", "memmap2", "fst", "idna"]),
    ("ledger", &["rayon", "csv", "clap", "indicatif", "chrono", "serde", "memmap2"]),
    ("json", &["rayon", "csv", "clap", "indicatif", "chrono", "memmap2", "tokio"]),
    ("serve", &["rayon", "csv", "clap", "indicatif", "chrono", "memmap2", "ureq", "signal-hook"]),
    ("capi", &["rayon", "csv", "clap", "indicatif", "chrono", "memmap2", "fst", "tokio"]),
    (
        "python",
        &["rayon", "csv", "clap", "indicatif", "chrono", "memmap2", "ureq", "tokio", "rapsheet-ingest"],
    ),
    ("ship", &["csv", "clap", "indicatif", "chrono", "memmap2", "ureq", "toml", "rapsheet-fetch"]),
    ("history", &["csv", "clap", "indicatif", "chrono", "memmap2", "ureq", "toml", "rapsheet-ingest"]),
];

/// The crates of the project that a crate may depend on.
const PATHS: &[(&str, &[&str])] = &[
    ("snapshot", &[]),
    ("decompress", &[]),
    ("fetch", &["snapshot"]),
    ("assemble", &["snapshot"]),
    ("parquet", &[]),
    ("ingest", &["assemble", "decompress", "parquet", "snapshot"]),
    ("query", &["snapshot"]),
    ("ledger", &["query", "snapshot"]),
    ("export", &["parquet", "snapshot"]),
    ("json", &["query", "snapshot"]),
    ("serve", &["json", "query", "snapshot"]),
    ("python", &["decompress", "json", "query", "snapshot"]),
    ("ship", &["assemble", "snapshot"]),
    ("capi", &["json", "query", "snapshot"]),
    ("history", &["assemble", "query", "snapshot"]),
];

/// The names under `[dependencies]`.
fn dependencies(krate: &str) -> Vec<String> {
    let path = root().join("crates").join(krate).join("Cargo.toml");
    let manifest = fs::read_to_string(&path)
        .map_err(|error| format!("{}: {error}", path.display()))
        .expect("a manifest");
    let used = manifest.split("[dependencies]").nth(1).and_then(|rest| rest.split("\n[").next());
    let names = used.unwrap_or_default().lines().filter_map(|line| line.split(['.', ' ', '=']).next());
    names.filter(|name| !name.is_empty() && !name.starts_with('#')).map(str::to_owned).collect()
}

#[test]
fn rooms_keep_to_their_dependencies() {
    for (krate, banned) in ROOMS {
        let used = dependencies(krate);
        for name in *banned {
            assert!(!used.iter().any(|used| used == name), "{krate} must not use {name}");
        }
    }
    for (krate, allowed) in PATHS {
        for used in dependencies(krate) {
            let ours = used.strip_prefix("rapsheet-");
            assert!(ours.is_none_or(|name| allowed.contains(&name)), "{krate} must not use {used}");
        }
    }
}

#[test]
fn the_readme_is_short_and_links_to_nothing_outside() {
    let readme = fs::read_to_string(root().join("README.md")).expect("a README");
    assert!(readme.lines().count() <= 220, "{} lines", readme.lines().count());
    assert!(!readme.contains("../"), "a user has nothing outside the repository");
}

#[test]
fn links_between_documents_lead_to_files() {
    for File { path, text } in markdown() {
        let folder = root().join(Path::new(&path).parent().expect("a file in a folder"));
        for target in text.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next()) {
            let local = !target.contains("://") && !target.starts_with("mailto:");
            assert!(!local || folder.join(target).exists(), "{path} links to {target}, which is not there");
        }
    }
}
