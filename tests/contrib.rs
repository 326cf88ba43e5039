//! The files of `contrib/`: systemd accepts the units, `build` accepts their arguments, and the alerts use
//! existing metrics.

use crate::test_dir::{TestDir, code, stderr};
use std::fs;
use std::path::PathBuf;
use std::process::Command;

fn contrib(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("contrib").join(name)
}

#[test]
fn systemd_units_verify() {
    let units = ["systemd/rapsheet.service", "systemd/rapsheet.timer"].map(contrib);
    match Command::new("systemd-analyze").arg("verify").args(units).output() {
        Ok(output) => assert!(output.status.success(), "{}", stderr(&output)),
        Err(_) => eprintln!("skipped: systemd_units_verify needs systemd-analyze"),
    }
}

/// The arguments of `rapsheet build` in a file, split at blanks.
fn build_args(text: &str) -> Vec<String> {
    let text = text.replace("\\\n", " ");
    let line = text.lines().find(|line| line.contains("rapsheet build ")).expect("a build");
    let (_, args) = line.split_once("rapsheet build ").expect("a build");
    args.split_whitespace().take_while(|word| !word.starts_with("2>")).map(str::to_owned).collect()
}

/// `build` accepts every flag: it fails only because the catalogue is missing.
#[test]
fn build_arguments_of_unit_and_cron_line_are_valid() {
    for name in ["systemd/rapsheet.service", "rapsheet.cron"] {
        let text = fs::read_to_string(contrib(name)).expect("an existing file");
        let args = build_args(&text);
        assert!(args.iter().any(|arg| arg == "--metrics"), "{name}: {args:?}");
        let mut all = vec!["build"];
        all.extend(args.iter().map(String::as_str));
        let output = TestDir::new().run(&all);
        assert_eq!(code(&output), 2, "{name}: {}", stderr(&output));
        assert!(
            stderr(&output).contains("--catalog /etc/rapsheet/catalog.toml"),
            "{name}: {}",
            stderr(&output)
        );
    }
}

#[test]
fn alerts_use_metrics_that_build_writes() {
    let dir = TestDir::new();
    dir.write("catalog.toml", "[[feed]]\nid = \"a\"\nprovider = \"a.example\"\nformat = \"plain-ip\"\n");
    dir.write("d/a.txt", "45.9.20.5\n");
    let build = |extra: &[&str]| {
        let args = ["build", "--catalog", "catalog.toml", "--downloads", "d", "--out", "o.rap"];
        dir.run(&[args.as_slice(), extra].concat())
    };
    assert_eq!(code(&build(&["--metrics", "m.prom"])), 0);
    fs::remove_file(dir.path("d/a.txt")).expect("an existing file");
    assert_eq!(code(&build(&["--metrics", "trouble.prom"])), 3);
    let metrics = dir.read("m.prom") + &dir.read("trouble.prom");
    let alerts = fs::read_to_string(contrib("alerts.yml")).expect("an existing file");
    let used: Vec<&str> = alerts
        .lines()
        .filter(|line| line.trim_start().starts_with("expr:"))
        .flat_map(|line| line.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')))
        .filter(|word| word.starts_with("rapsheet_"))
        .collect();
    assert_eq!(used.len(), 4);
    for name in used {
        let sampled = |line: &str| line.split(['{', ' ']).next() == Some(name);
        assert!(metrics.lines().any(sampled), "{name}\n{metrics}");
    }
}
