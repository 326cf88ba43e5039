//! The feeds of the model, built and exported with the program, and the questions with the answers of
//! `lookup`.

use super::model::{Model, Range, Says, Verdict};
use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

/// When the feeds were downloaded, and when they are exported and asked. Some have ended in between.
const BUILT: &str = "2026-08-21T00:00:00Z";
pub(super) const NOW: &str = "2026-08-23T00:00:00Z";

/// How many days lie between.
pub(super) const DAYS_BEFORE: u32 = 2;

/// How many indicators each consumer is asked for.
const QUESTIONS: usize = 2000;

/// An address that consumers are asked for.
pub(super) struct Address {
    pub(super) is_ipv6: bool,
    pub(super) text: String,
    pub(super) verdict: Verdict,
}

/// A name that consumers are asked for.
pub(super) struct Name {
    pub(super) text: String,
    pub(super) verdict: Verdict,
}

pub(super) struct World {
    pub(super) folder: PathBuf,
    pub(super) model: Model,
    pub(super) addresses: Vec<Address>,
    pub(super) names: Vec<Name>,
}

/// An exported file, and how many entries lost what.
pub(super) struct Exported {
    pub(super) path: PathBuf,
    pub(super) losses: BTreeMap<String, u64>,
}

impl Exported {
    pub(super) fn text(&self) -> String {
        fs::read_to_string(&self.path).expect("an exported text")
    }
}

/// The one world that all tests share.
pub(super) fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(World::new)
}

impl World {
    fn new() -> World {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("consumers");
        // Left there by an earlier run, for those who look for why it failed.
        drop(fs::remove_dir_all(&folder));
        fs::create_dir_all(folder.join("downloads")).expect("a folder");
        let model = Model::new(1);
        let (catalog, files) = model.files();
        fs::write(folder.join("catalog.toml"), catalog).expect("written");
        for (name, text) in files {
            fs::write(folder.join("downloads").join(&name), text).expect("written");
            let note = format!("{{\"fetched_at\":\"{BUILT}\"}}");
            fs::write(folder.join("downloads").join(format!("{name}.meta.json")), note).expect("written");
        }
        let mut world = World { folder, model, addresses: Vec::new(), names: Vec::new() };
        world.build();
        world.addresses = world.model.addresses(QUESTIONS).into_iter().map(|row| world.asked(row)).collect();
        let names = world.model.names(QUESTIONS).into_iter();
        world.names = names.map(|text| Name { verdict: world.model.name(&text), text }).collect();
        world.check_against_lookup();
        world
    }

    fn asked(&self, (is_ipv6, bits): (bool, u128)) -> Address {
        let text = Range::address(is_ipv6, bits).to_string();
        Address { is_ipv6, text, verdict: self.model.address(is_ipv6, bits) }
    }

    /// Builds the snapshot. No guard may refuse a line, or the model would not be what is built.
    fn build(&self) {
        let args = ["build", "--catalog", "catalog.toml", "--downloads", "downloads", "--out", "s.rap"];
        let output = self.rapsheet(&[&args[..], &["--report", "build.json", "--now", BUILT]].concat(), "");
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        let report = fs::read_to_string(self.folder.join("build.json")).expect("a report");
        let report: serde_json::Value = serde_json::from_str(&report).expect("JSON");
        for feed in report["feeds"].as_array().expect("feeds") {
            assert_eq!(feed["rejected"], 0, "{feed}");
        }
    }

    /// Runs the program in the folder.
    pub(super) fn rapsheet(&self, args: &[&str], input: &str) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rapsheet"));
        command.current_dir(&self.folder).env_remove("RAPSHEET_SNAPSHOT").args(args);
        run_with_input(&mut command, input)
    }

    /// The model and `lookup` agree on each question, and enough of the questions are listed and not.
    fn check_against_lookup(&self) {
        let addresses = self.addresses.iter().map(|address| (&address.text, &address.verdict));
        let names = self.names.iter().map(|name| (&name.text, &name.verdict));
        for asked in [addresses.collect::<Vec<_>>(), names.collect()] {
            let input: String = asked.iter().map(|(text, _)| format!("{text}\n")).collect();
            let output = self.rapsheet(&["lookup", "--snapshot", "s.rap", "-o", "tsv", "--now", NOW], &input);
            let text = String::from_utf8(output.stdout).expect("text");
            let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split('\t').collect()).collect();
            let rows: Vec<_> = rows.into_iter().filter(|row| row[0] != "input").collect();
            assert_eq!(rows.len(), asked.len());
            for (row, (text, verdict)) in rows.iter().zip(&asked) {
                let status = match (verdict.is_blocked(), verdict.is_allowed) {
                    (true, _) => "1",
                    (false, true) => "0",
                    (false, false) => "5",
                };
                assert_eq!(row[..2], [text.as_str(), status], "{row:?}");
                assert_eq!(row[2], verdict.providers.len().to_string(), "{row:?}");
            }
            let blocked = asked.iter().filter(|(_, verdict)| verdict.is_blocked()).count();
            assert!((QUESTIONS / 5..QUESTIONS * 4 / 5).contains(&blocked), "{blocked} of {}", asked.len());
        }
    }

    /// Writes a format into a folder of its own, and checks that exactly these kinds of losses are reported.
    pub(super) fn export(&self, format: &str, name: &str, lost: &[&str]) -> Exported {
        let folder = self.folder.join(name);
        fs::create_dir_all(&folder).expect("a folder");
        let (path, report) = (folder.join("exported"), folder.join("report.json"));
        let (file, at) = (path.to_str().expect("UTF-8"), report.to_str().expect("UTF-8"));
        let args =
            ["export", "--snapshot", "s.rap", "--now", NOW, "-o", format, "--file", file, "--report", at];
        let output = self.rapsheet(&args, "");
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        let report: serde_json::Value =
            serde_json::from_str(&fs::read_to_string(report).expect("a report")).expect("JSON");
        let losses = report["losses"].as_array().expect("losses").iter().map(|loss| {
            let kind = loss["kind"].as_str().expect("a kind").to_owned();
            (kind, loss["count"].as_u64().expect("a count"))
        });
        let losses: BTreeMap<String, u64> = losses.collect();
        let kinds: Vec<&str> = losses.keys().map(String::as_str).collect();
        let mut lost = lost.to_vec();
        lost.sort_unstable();
        assert_eq!(kinds, lost, "{format} loses this");
        Exported { path, losses }
    }

    /// Compares what a consumer says of each address with what the model says.
    pub(super) fn check_addresses(&self, consumer: &str, is_blocked: &[bool]) {
        assert_eq!(is_blocked.len(), self.addresses.len(), "{consumer} answers each question");
        let rows = self.addresses.iter().zip(is_blocked);
        let wrong: Vec<String> = rows
            .filter(|(address, found)| address.verdict.is_blocked() != **found)
            .map(|(address, found)| format!("{}: {found}, but {:?}", address.text, address.verdict))
            .collect();
        report(consumer, &wrong);
    }

    /// Compares what a consumer says of each name with what a file can say that says so much. Only names that
    /// are lost as `scope` may differ from `lookup`, and only where `lost` counts some.
    pub(super) fn check_names(&self, consumer: &str, says: Says, exported: &Exported, is_blocked: &[bool]) {
        assert_eq!(is_blocked.len(), self.names.len(), "{consumer} answers each question");
        let (mut wrong, mut narrowed) = (Vec::new(), 0);
        for (name, found) in self.names.iter().zip(is_blocked) {
            let expected = self.model.is_written(&name.text, says);
            if expected != *found {
                wrong.push(format!("{}: {found}, but {:?}", name.text, name.verdict));
            }
            narrowed += usize::from(expected != name.verdict.is_blocked());
        }
        report(consumer, &wrong);
        let lost = exported.losses.get("scope").copied().unwrap_or(0);
        assert_eq!(narrowed > 0, lost > 0, "{consumer}: {narrowed} questions differ, {lost} scopes are lost");
    }
}

fn report(consumer: &str, wrong: &[String]) {
    let shown = wrong.iter().take(20).cloned().collect::<Vec<_>>().join("\n");
    assert!(wrong.is_empty(), "{consumer} answers {} questions wrongly:\n{shown}", wrong.len());
}

/// Runs a command with an input.
pub(super) fn run_with_input(command: &mut Command, input: &str) -> Output {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("it runs");
    let mut pipe = child.stdin.take().expect("a pipe");
    let input = input.to_owned();
    let writer = std::thread::spawn(move || drop(pipe.write_all(input.as_bytes())));
    let output = child.wait_with_output().expect("an exit status");
    writer.join().expect("a finished writer");
    output
}

/// A network, or an address as the network of it alone.
pub(super) fn network(text: &str) -> ipnet::IpNet {
    text.parse().unwrap_or_else(|_| ipnet::IpNet::from(text.parse::<std::net::IpAddr>().expect("an address")))
}
