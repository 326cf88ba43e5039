//! House rules that matter are tests: where unsafe may stand, how files begin, what may not exist.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of the project") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn all_sources() -> Vec<(String, String)> {
    let mut found = Vec::new();
    ["crates", "tests", "benches"]
        .map(|folder| root().join(folder))
        .iter()
        .filter(|path| path.is_dir())
        .for_each(|path| {
            sources(path, &mut found);
        });
    assert!(found.len() > 50, "the sources are found");
    let name = |path: &Path| path.strip_prefix(root()).expect("inside").to_string_lossy().into_owned();
    found.iter().map(|path| (name(path), fs::read_to_string(path).expect("text"))).collect()
}

#[test]
fn every_file_says_what_it_is_for() {
    let silent: Vec<String> = all_sources()
        .into_iter()
        .filter(|(_, text)| !text.starts_with("//!"))
        .map(|(name, _)| name)
        .collect();
    assert_eq!(silent, Vec::<String>::new());
}

#[test]
fn unsafe_stands_in_the_map_and_in_kernels_with_a_plain_twin_alone() {
    let word = ["unsafe", " {"].concat();
    let item = ["unsafe", " fn"].concat();
    let holders: Vec<String> = all_sources()
        .into_iter()
        .filter(|(_, text)| text.contains(&word) || text.contains(&item))
        .map(|(name, _)| name)
        .collect();
    let expected = [
        "crates/query/src/tokenizer.rs",
        "crates/snapshot/src/map.rs",
        "crates/snapshot/src/section/lanes.rs",
        "crates/snapshot/src/section/soon.rs",
    ];
    assert_eq!(holders.iter().collect::<BTreeSet<_>>(), expected.map(str::to_owned).iter().collect());
}

#[test]
fn nothing_is_called_util() {
    const BANNED: [&str; 5] = ["util", "utils", "helpers", "types", "misc"];
    let banned: Vec<String> = all_sources()
        .into_iter()
        .map(|(name, _)| name)
        .filter(|name| name.split(['/', '.']).any(|part| BANNED.contains(&part)))
        .collect();
    assert_eq!(banned, Vec::<String>::new());
}

#[test]
fn libraries_read_no_clock_and_print_nothing() {
    const BANNED: [&str; 7] =
        ["SystemTime::now", "Instant::now", "Utc::now", "println!", "eprintln!", "std::env::var", "dbg!"];
    let breaches: Vec<String> = all_sources()
        .into_iter()
        .filter(|(name, _)| name.starts_with("crates/") && !name.starts_with("crates/cli"))
        .filter(|(name, _)| !name.ends_with("tests.rs"))
        .filter_map(|(name, text)| {
            let code = text.split("#[cfg(test)]").next().unwrap_or_default().to_owned();
            BANNED.iter().find(|banned| code.contains(*banned)).map(|banned| format!("{name}: {banned}"))
        })
        .collect();
    assert_eq!(breaches, Vec::<String>::new());
}

#[test]
fn rooms_keep_to_their_dependencies() {
    for (krate, banned) in [
        ("snapshot", &["rayon", "csv", "clap", "indicatif", "chrono"][..]),
        (
            "query",
            &["rayon", "csv", "clap", "indicatif", "serde", "rapsheet-ingest", "memmap2", "fst", "idna"],
        ),
        ("ingest", &["clap", "indicatif", "memmap2", "fst", "bincode", "rapsheet-query"]),
    ] {
        let manifest =
            fs::read_to_string(root().join("crates").join(krate).join("Cargo.toml")).expect("a manifest");
        let used = manifest.split("[dev-dependencies]").next().unwrap_or_default();
        for name in banned {
            assert!(!used.contains(&format!("\n{name}.workspace")), "{krate} must not use {name}");
        }
    }
}

#[test]
fn the_readme_stays_short_and_inside() {
    let readme = fs::read_to_string(root().join("README.md")).expect("a README");
    assert!(readme.lines().count() <= 200, "{} lines", readme.lines().count());
    assert!(!readme.contains("../"), "a user has nothing outside the repository");
    for target in readme.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
        let local = !target.contains("://") && !target.starts_with('#');
        assert!(!local || root().join(target).exists(), "README.md links to {target}, which is not there");
    }
}
