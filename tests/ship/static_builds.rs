//! The binaries for small hosts, as `contrib/static.sh` links them: they pull and answer, on their own processor or on an
//! emulated one.

use super::host::Host;
use super::publisher::Publisher;
use crate::consumers::program::{missing, program};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Links a binary without optimization, which is what takes the time.
fn linked(architecture: &str, out: &Path) -> PathBuf {
    let output = Command::new("sh")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("contrib/static.sh"))
        .args(["--edge", architecture])
        .envs([("PROFILE", "dev"), ("CARGO_PROFILE_DEV_DEBUG", "0"), ("CARGO", env!("CARGO"))])
        .env("OUT", out)
        .output()
        .expect("a shell");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{text}");
    assert!(text.contains("-unknown-linux-musl, with"), "{text}");
    out.join(format!("rapsheet-edge-linux-{architecture}"))
}

fn run(program: &[&Path], host: &Host, args: &[&str]) -> Output {
    let (first, rest) = program.split_first().expect("a program");
    Command::new(first).args(rest).args(args).current_dir(host.path("")).output().expect("it runs")
}

/// What runs binaries of an architecture here: nothing else, or an emulator.
fn emulator(architecture: &str) -> Option<Vec<PathBuf>> {
    match architecture == std::env::consts::ARCH {
        true => Some(Vec::new()),
        false => program(&format!("qemu-{architecture}")).map(|emulator| vec![emulator]),
    }
}

/// Needs both targets of Rust, and takes minutes: it runs where all consumers are installed.
#[test]
fn static_binaries_for_both_processors_pull_and_answer() {
    if std::env::var_os("RAPSHEET_CONSUMERS").is_none() {
        return missing("static binaries take minutes to link");
    }
    let out = tempfile::tempdir().expect("a folder");
    for architecture in ["x86_64", "aarch64"] {
        let binary = linked(architecture, out.path());
        let Some(mut program) = emulator(architecture) else { continue };
        program.push(binary);
        pulls_and_answers(&program.iter().map(PathBuf::as_path).collect::<Vec<_>>());
    }
}

fn pulls_and_answers(program: &[&Path]) {
    let mut publisher = Publisher::new(40);
    let host = Host::new();
    let site = publisher.site();
    for way in ["came as a whole", "came as a delta"] {
        publisher.next();
        let (now, listed) = (publisher.now().to_string(), publisher.listed_address());
        let site = site.to_str().expect("text");
        let pull = ["--now", &now, "ship", "pull", "--from", site, "--to", "h.rap", "--public-key"];
        let pulled = run(program, &host, &[pull.as_slice(), &[publisher.key.public]].concat());
        let told = String::from_utf8_lossy(&pulled.stderr).into_owned();
        assert!(pulled.status.success() && told.contains(way), "{program:?}: {told}");
        let output = run(program, &host, &["--now", &now, "--snapshot", "h.rap", "lookup", &listed]);
        let answer = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(answer.starts_with(&format!("{listed}  blocklisted")), "{program:?}: {answer}");
    }
}
