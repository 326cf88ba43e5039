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
    let units = [
        "systemd/rapsheet.service",
        "systemd/rapsheet.timer",
        "systemd/rapsheet-pull.service",
        "systemd/rapsheet-serve.service",
        "systemd/rapsheet-serve.socket",
    ]
    .map(contrib);
    match Command::new("systemd-analyze").arg("verify").args(units).output() {
        Ok(output) => assert!(output.status.success(), "{}", stderr(&output)),
        Err(_) => eprintln!("skipped: systemd_units_verify needs systemd-analyze"),
    }
}

/// A number below 2.0 is what systemd calls "OK", the best of its words that a service with a network can
/// have.
#[test]
fn the_units_are_hardened() {
    let units =
        ["systemd/rapsheet.service", "systemd/rapsheet-pull.service", "systemd/rapsheet-serve.service"];
    for unit in units {
        let mut command = Command::new("systemd-analyze");
        command.args(["security", "--offline=true", "--no-pager", "--threshold=20"]);
        match command.arg(contrib(unit)).output() {
            Ok(output) if stderr(&output).contains("nrecognized option") => {
                eprintln!("skipped: the_units_are_hardened needs a newer systemd-analyze");
            }
            Ok(output) => {
                let text = String::from_utf8_lossy(&output.stdout).into_owned();
                assert!(output.status.success(), "{unit}: {text}{}", stderr(&output));
            }
            Err(_) => eprintln!("skipped: the_units_are_hardened needs systemd-analyze"),
        }
    }
}

/// `serve` accepts every flag: it fails only because the keys are missing.
#[cfg(feature = "serve")]
#[test]
fn serve_arguments_of_the_unit_are_valid() {
    let unit = fs::read_to_string(contrib("systemd/rapsheet-serve.service")).expect("a unit");
    let line = unit.lines().find_map(|line| line.split_once(" rapsheet serve ")).expect("a command").1;
    let mut words: Vec<&str> = line.split(' ').filter(|word| !word.starts_with('$')).collect();
    words.insert(0, "serve");
    let output = TestDir::new().run(&[words.as_slice(), &["--keys", "missing"]].concat());
    assert_eq!(code(&output), 2, "{}", stderr(&output));
    assert!(stderr(&output).contains("--keys missing"), "{}", stderr(&output));
}

/// `ship pull` accepts every flag: it fails only because there is no publication.
#[test]
fn pull_arguments_of_the_unit_are_valid() {
    let unit = fs::read_to_string(contrib("systemd/rapsheet-pull.service")).expect("a unit");
    let line = unit.lines().find_map(|line| line.split_once(" rapsheet ship pull ")).expect("a command").1;
    let dir = TestDir::new();
    let words = line.split(' ').filter(|word| *word != "$PULL_FLAGS" && !["--watch", "30m"].contains(word));
    let key = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3";
    let words = words.map(|word| match word {
        "${RAPSHEET_FROM}" => "no-such-folder".to_owned(),
        "/etc/rapsheet/rapsheet.pub" => key.to_owned(),
        _ => word.replace("/var/lib/rapsheet/", ""),
    });
    let words: Vec<String> = ["ship", "pull"].map(str::to_owned).into_iter().chain(words).collect();
    let output = dir.run(&words.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(code(&output), 4, "{}", stderr(&output));
    assert!(stderr(&output).contains("no-such-folder/latest.json"), "{}", stderr(&output));
    let metrics = fs::read_to_string(dir.path("ship.prom")).expect("metrics");
    assert!(metrics.contains(r#"rapsheet_ship_refusals_total{cause="unreachable"} 1"#), "{metrics}");
}

/// Needs Ansible.
#[test]
fn the_playbook_is_one() {
    let playbook = contrib("ansible/pull.yml");
    match Command::new("ansible-playbook").arg("--syntax-check").arg(playbook).output() {
        Ok(output) => assert!(output.status.success(), "{}", stderr(&output)),
        Err(_) => eprintln!("skipped: the_playbook_is_one needs ansible-playbook"),
    }
}

/// The unit passes every secret that the catalogue names.
#[test]
fn the_unit_passes_all_secrets() {
    let unit = fs::read_to_string(contrib("systemd/rapsheet.service")).expect("a unit");
    let catalog = fs::read_to_string(contrib("../feeds/catalog.toml")).expect("a catalogue");
    let lines = catalog.lines().filter(|line| line.starts_with("auth = "));
    for name in lines.filter_map(|line| line.split("secret = \"").nth(1)?.split('"').next()) {
        let passes = |line: &str| line == format!("LoadCredential={name}");
        assert!(unit.lines().any(passes), "{name}");
    }
}

/// The arguments of each `rapsheet update` in a file, split at blanks.
fn update_args(text: &str) -> Vec<Vec<String>> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let args = lines.filter_map(|line| line.split_once("rapsheet update ")).map(|(_, args)| {
        let args = args.split_whitespace().take_while(|word| !word.starts_with("2>"));
        args.filter(|word| !word.starts_with('$')).map(str::to_owned).collect()
    });
    args.collect()
}

/// `update` accepts every flag: it fails only because the catalogue is missing.
#[test]
fn update_arguments_of_unit_and_cron_lines_are_valid() {
    for (name, runs) in [("systemd/rapsheet.service", 1), ("rapsheet.cron", 2)] {
        let text = fs::read_to_string(contrib(name)).expect("an existing file");
        let all = update_args(&text);
        assert_eq!(all.len(), runs, "{name}");
        for args in all {
            assert!(args.iter().any(|arg| arg == "--metrics"), "{name}: {args:?}");
            let mut words = vec!["update"];
            words.extend(args.iter().map(|arg| if arg.starts_with("/var") { "." } else { arg.as_str() }));
            words.extend(["--catalog", "missing.toml"]);
            let output = TestDir::new().run(&words);
            assert_eq!(code(&output), 2, "{name}: {}", stderr(&output));
            assert!(stderr(&output).contains("--catalog missing.toml"), "{name}: {}", stderr(&output));
        }
    }
}

/// The second run begins more than an hour after the first one, so that an hour's budget has room again.
#[test]
fn the_runs_of_a_timer_are_more_than_an_hour_apart() {
    let timer = fs::read_to_string(contrib("systemd/rapsheet.timer")).expect("a timer");
    let cron = fs::read_to_string(contrib("rapsheet.cron")).expect("cron lines");
    let clock = |line: &str| {
        let (hour, rest) = line.strip_prefix("OnCalendar=*-*-* ")?.split_once(':')?;
        Some(hour.parse::<u32>().ok()? * 60 + rest.split(':').next()?.parse::<u32>().ok()?)
    };
    let line_of_cron = |line: &str| {
        let mut words = line.split(' ');
        let minute: u32 = words.next()?.parse().ok()?;
        Some(words.next()?.parse::<u32>().ok()? * 60 + minute)
    };
    let starts: [Vec<u32>; 2] =
        [timer.lines().filter_map(clock).collect(), cron.lines().filter_map(line_of_cron).collect()];
    for starts in starts {
        assert!(matches!(starts[..], [first, second] if second > first + 60), "{starts:?}");
    }
    assert!(timer.contains("\nFixedRandomDelay=yes"), "the delay is the same for both");
}

/// Needs a container engine that runs, and the static binary of `contrib/static.sh`.
#[test]
fn the_image_builds_and_runs() {
    let dist = contrib("../dist");
    let runs =
        |engine: &&str| Command::new(engine).arg("info").output().is_ok_and(|output| output.status.success());
    let engine = ["podman", "docker"].into_iter().find(runs);
    let (Some(engine), true) = (engine, dist.join("rapsheet-linux-x86_64").exists()) else {
        return eprintln!(
            "skipped: the_image_builds_and_runs needs podman or docker, and dist/rapsheet-linux-x86_64"
        );
    };
    let run = |args: &[&str]| {
        let output = Command::new(engine).args(args).output().expect("an engine");
        assert!(output.status.success(), "{args:?}: {}", stderr(&output));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let (file, dist) = (contrib("Containerfile"), dist.to_string_lossy().into_owned());
    run(&["build", "-q", "-f", &file.to_string_lossy(), "-t", "rapsheet-test", &dist]);
    assert!(run(&["run", "--rm", "--network=none", "rapsheet-test", "--version"]).starts_with("rapsheet "));
    assert!(
        run(&[
            "run",
            "--rm",
            "--network=none",
            "rapsheet-test",
            "fetch",
            "--downloads",
            "/data",
            "--dry-run"
        ])
        .contains("spamhaus")
    );
    run(&["rmi", "rapsheet-test"]);
}

/// What the image has is what the file names: the program, and no user of the system's.
#[test]
fn the_image_has_the_program_alone() {
    let text = fs::read_to_string(contrib("Containerfile")).expect("a file");
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(lines[0], "FROM scratch");
    assert_eq!(lines.iter().filter(|line| line.starts_with("COPY ") || line.starts_with("ADD ")).count(), 1);
    assert!(!lines.iter().any(|line| line.starts_with("RUN ")), "there is no shell");
    let user = lines.iter().find_map(|line| line.strip_prefix("USER ")).expect("a user");
    assert!(!user.starts_with("0") && !user.starts_with("root"), "{user}");
}

/// Those of `ship pull` that need an accepted publication are in the tests of `ship`.
#[test]
fn alerts_use_metrics_that_pull_writes() {
    let dir = TestDir::new();
    let key = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3";
    let pull =
        ["ship", "pull", "--from", "none", "--to", "o.rap", "--public-key", key, "--metrics", "m.prom"];
    assert_eq!(code(&dir.run(&pull)), 4);
    let alerts = fs::read_to_string(contrib("alerts.yml")).expect("an existing file");
    let group = alerts.split("name: rapsheet-ship").nth(1).and_then(|rest| rest.split("name: ").next());
    let used = metrics_of(group.expect("the group"));
    let written = dir.read("m.prom");
    let is_written = |name: &&str| written.lines().any(|line| line.split(['{', ' ']).next() == Some(*name));
    let missing: Vec<&str> = used.iter().copied().filter(|name| !is_written(name)).collect();
    assert_eq!(used.len(), 4);
    assert_eq!(missing, ["rapsheet_ship_expires_timestamp_seconds"], "{written}");
}

/// The metrics in the expressions of rules.
fn metrics_of(rules: &str) -> Vec<&str> {
    let lines = rules.lines().filter(|line| line.trim_start().starts_with("expr:"));
    let words = lines.flat_map(|line| line.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')));
    words.filter(|word| word.starts_with("rapsheet_")).collect()
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
    let (alerts, _) = alerts
        .split_once("name: rapsheet-ship")
        .expect("the groups of `ship` and `serve`, which have other tests");
    let used = metrics_of(alerts);
    assert_eq!(used.len(), 4);
    for name in used {
        let sampled = |line: &str| line.split(['{', ' ']).next() == Some(name);
        assert!(metrics.lines().any(sampled), "{name}\n{metrics}");
    }
}
