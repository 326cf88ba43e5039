//! The edge build, `cargo build --no-default-features`: what it leaves out, and what it reads all the same.
//!
//! `cargo test --no-default-features` runs the second half against an edge binary. It is a target of its own,
//! because the other tests build their snapshots with the binary.

#[allow(dead_code, reason = "the other tests use the rest")]
#[path = "files.rs"]
mod files;

use files::{files, gzip};
use std::path::Path;
use std::process::Command;

/// The packages that a build compiles, without those that only tests need.
fn packages(features: &[&str]) -> String {
    let output = Command::new(env!("CARGO"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["tree", "--offline", "--edges", "normal", "--prefix", "none", "--package", "rapsheet"])
        .args(features)
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("names of packages")
}

#[test]
fn compiles_no_parser_and_no_builder() {
    const LEFT_OUT: [&str; 30] = [
        "rapsheet-history",
        "rapsheet-capi",
        "rapsheet-python",
        "pyo3",
        "arrow-array",
        "rapsheet-ledger",
        "rapsheet-serve",
        "rapsheet-ship",
        "minisign",
        "minisign-verify",
        "hyper",
        "tokio",
        "rapsheet-ingest",
        "rapsheet-export",
        "rapsheet-parquet",
        "rapsheet-assemble",
        "rapsheet-fetch",
        "ureq",
        "rustls",
        "base64",
        "csv",
        "parquet",
        "psl",
        "quick-xml",
        "toml",
        "zip",
        "tar",
        "liblzma",
        "bzip2",
        "rayon",
    ];
    let compiles = |tree: &str, name: &str| tree.lines().any(|line| line.split(' ').next() == Some(name));
    let edge = packages(&["--no-default-features"]);
    for name in LEFT_OUT {
        assert!(!compiles(&edge, name), "an edge build compiles {name}");
    }
    for name in ["rapsheet-query", "rapsheet-decompress", "flate2", "zstd"] {
        assert!(compiles(&edge, name), "an edge build lacks {name}");
    }
    // With the client, it asks servers, and pulls snapshots: it checks signatures, and makes sections from
    // rows. It still has no parser of feeds, and nothing that signs.
    const CLIENT: [&str; 8] = [
        "rapsheet-fetch",
        "rapsheet-ship",
        "rapsheet-assemble",
        "rayon",
        "minisign-verify",
        "ureq",
        "rustls",
        "base64",
    ];
    let remote = packages(&["--no-default-features", "--features", "remote"]);
    for name in LEFT_OUT {
        assert_eq!(compiles(&remote, name), CLIENT.contains(&name), "{name}");
    }
    assert!(compiles(&packages(&[]), "rapsheet-ingest"), "the names are those that cargo prints");
}

/// The smallest snapshot that is at hand without a builder.
fn snapshot() -> std::path::PathBuf {
    let golden = files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden"));
    let snapshots =
        golden.into_iter().filter(|path| path.extension().is_some_and(|extension| extension == "rap"));
    snapshots.max().expect("a golden file")
}

/// One block, not compressed, in a frame without checksum (RFC 8878, 3.1.1).
fn zst(text: &[u8]) -> Vec<u8> {
    let length = u8::try_from(text.len()).expect("a short text");
    let block = [length << 3 | 1, length >> 5, 0];
    [b"\x28\xb5\x2f\xfd\x20".as_slice(), &[length], &block, text].concat()
}

#[test]
fn scores_gzip_and_zstd_logs() {
    const LINE: &[u8] = b"GET / from 203.0.113.9\n";
    let dir = tempfile::TempDir::new().expect("a folder");
    for (name, bytes) in [("plain.log", LINE.to_vec()), ("a.gz", gzip(LINE)), ("b.zst", zst(LINE))] {
        std::fs::write(dir.path().join(name), bytes).expect("written");
        let output = Command::new(env!("CARGO_BIN_EXE_rapsheet"))
            .current_dir(dir.path())
            .args(["score", "--all", "--now", "2026-11-23T00:00:00Z", "--snapshot"])
            .arg(snapshot())
            .arg(name)
            .output()
            .expect("it runs");
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
        let found = String::from_utf8(output.stdout).expect("text");
        assert!(found.contains(r#""offset":11,"indicator":"203.0.113.9""#), "{name}: {found}");
    }
}

#[test]
fn help_of_a_command_says_what_this_build_lacks_of_it() {
    let run =
        |args: &[&str]| Command::new(env!("CARGO_BIN_EXE_rapsheet")).args(args).output().expect("it runs");
    for (command, lacks) in [("score", "--list"), ("lookup", "--list"), ("feeds", "--catalog")] {
        let help = String::from_utf8(run(&[command, "--help"]).stdout).expect("text");
        let sentence = help.lines().find(|line| line.contains("This edge build has no"));
        assert_eq!(sentence.is_some(), cfg!(not(feature = "ingest")), "{command}: {help}");
        assert!(sentence.is_none_or(|sentence| sentence.contains(lacks)), "{command}: {sentence:?}");
    }
    if cfg!(not(feature = "ingest")) {
        let output = run(&["lookup", "--list", "x.txt", "45.9.20.5"]);
        assert_eq!(output.status.code(), Some(2));
        assert!(String::from_utf8_lossy(&output.stderr).contains("a full build of rapsheet does"));
    }
}

#[test]
fn help_says_what_this_build_lacks() {
    let output = Command::new(env!("CARGO_BIN_EXE_rapsheet")).arg("--help").output().expect("it runs");
    let help = String::from_utf8(output.stdout).expect("text");
    assert_eq!(help.contains("edge build"), cfg!(not(feature = "ingest")), "{help}");
    assert_eq!(help.lines().any(|line| line.trim_start().starts_with("build ")), cfg!(feature = "ingest"));
}
