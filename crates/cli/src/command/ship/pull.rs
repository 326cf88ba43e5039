//! `ship pull`, once or again and again.

use super::{metrics, origin};
use crate::args::ShipPull;
use crate::ending;
use crate::exit::{Exit, Failure, print_stderr};
use crate::files::{self, Files, Prepared};
use crate::lock::Lock;
use crate::network::retry_delay;
use crate::settings::Settings;
use crate::steps::Steps;
use rapsheet_ship::{Accepted, Cause, Limits, Origin, PublicKeys, Pull, PullError, Pulled, pause_after};
use rapsheet_snapshot::{layout, remove_stale_temp_files};
use std::cell::Cell;
use std::collections::hash_map::RandomState;
use std::fs;
use std::hash::{BuildHasher, Hasher};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

/// How often what may pass is tried again.
const RETRIES: u32 = 4;
/// How long the end may go unnoticed while nothing happens.
const NAP: Duration = Duration::from_millis(100);

/// Runs the command.
pub(super) fn run(args: &ShipPull, settings: &Settings) -> Result<Exit, Failure> {
    let keys = public_keys(&args.public_key)?;
    let client = origin::client()?;
    let origin = origin::origin(&args.from, &client)?;
    check_paths(args)?;
    let _lock = Lock::take(&args.to)?;
    args.metrics.iter().for_each(remove_stale_temp_files);
    let end = Arc::new(AtomicBool::new(false));
    ending::set_on_signals(&end)?;
    let pulling = Pulling { args, settings, origin: origin.as_ref(), keys: &keys, end: &end };
    let mut counts = metrics::Counts::default();
    loop {
        let exit = pulling.once(&mut counts);
        pulling.write_metrics(&counts);
        let Some(interval) = args.watch else { return Ok(exit) };
        if !wait(jittered(interval), &end) {
            return Ok(Exit::Done);
        }
    }
}

/// Checks that each file has one role, and that nothing but a snapshot is replaced: that of an earlier pull,
/// even one that is damaged, or another.
fn check_paths(args: &ShipPull) -> Result<(), Failure> {
    let mut files = Files::default();
    files.add_input("--from", Path::new(&args.from));
    args.public_key.iter().for_each(|key| files.add_input("--public-key", Path::new(key)));
    files.add_output("--to", &args.to)?;
    files.add_output("--to (what was accepted)", &Accepted::path(&args.to))?;
    files::check_target("--to", &args.to)?;
    if args.to.is_symlink() {
        let to = args.to.display();
        return Err(Failure::usage(format_args!(
            "--to {to}: it is a link, which a pull would replace; name the file"
        )));
    }
    if !Accepted::path(&args.to).exists() {
        files::check_replaces_only("--to", &args.to, "snapshot", layout::is_snapshot)?;
    }
    if let Some(metrics) = &args.metrics {
        files.add_output("--metrics", metrics)?;
        files::check_target("--metrics", metrics)?;
        files::check_report("--metrics", metrics)?;
    }
    Ok(())
}

/// Keys, as arguments or in files.
fn public_keys(arguments: &[String]) -> Result<PublicKeys, Failure> {
    let read = |argument: &String| match Path::new(argument).is_file() {
        true => fs::read_to_string(argument)
            .map_err(|error| Failure::usage(format_args!("--public-key {argument}: {error}"))),
        false => Ok(argument.clone()),
    };
    let texts = arguments.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    PublicKeys::parse(texts.iter().map(String::as_str))
        .map_err(|why| Failure::usage(format_args!("--public-key: {why}")))
}

/// What is equal for all pulls of one run.
struct Pulling<'p> {
    args: &'p ShipPull,
    settings: &'p Settings,
    origin: &'p dyn Origin,
    keys: &'p PublicKeys,
    end: &'p AtomicBool,
}

impl Pulling<'_> {
    /// One pull, and what it reports.
    fn once(&self, counts: &mut metrics::Counts) -> Exit {
        let steps = Steps::new(self.settings);
        let pull = Pull {
            origin: self.origin,
            snapshot: &self.args.to,
            keys: self.keys,
            channel: &self.args.channel,
            now: self.settings.instant(),
            threads: self.settings.threads,
            limits: self.args.max_bytes.map_or_else(Limits::default, Limits::new),
            memory_max: self.args.max_memory.unwrap_or(u64::MAX),
            retries: RETRIES,
            pause: &|tries| {
                let pause = retry_delay().unwrap_or_else(|| jittered(pause_after(tries)));
                wait(pause, self.end)
            },
            goes_on: &|| !self.end.load(Relaxed),
            begins: &|step| steps.begin(step),
            received: Cell::new(0),
        };
        let result = pull.run();
        counts.received += pull.received.get();
        steps.finish();
        match result {
            Ok(pulled) => {
                self.report(&pulled);
                counts.pulled(&pulled);
                Exit::Done
            }
            Err(refusal) => {
                counts.refused(&refusal);
                print_stderr(&format!("rapsheet: {refusal}"));
                exit_of(&refusal)
            }
        }
    }

    fn report(&self, pulled: &Pulled) {
        if let Some(refusal) = &pulled.fallback {
            print_stderr(&format!("rapsheet: {refusal}; took the whole file instead"));
        }
        if pulled.is_first {
            self.settings.note(
                "rapsheet: this host has accepted nothing of this channel before: any generation that has not expired \
                 would do",
            );
        }
        self.settings.note(&sentence(pulled));
    }

    fn write_metrics(&self, counts: &metrics::Counts) {
        let Some(path) = &self.args.metrics else { return };
        let accepted = Accepted::read(&self.args.to, &self.args.channel).ok().flatten();
        let now = self.settings.instant();
        let fill = Box::new(|out: &mut dyn Write| {
            metrics::write(counts, &self.args.to, accepted.as_ref(), now, out)
        });
        if let Err(error) = Prepared::new(path, fill).and_then(Prepared::publish) {
            print_stderr(&format!("rapsheet: --metrics: {error}"));
        }
    }
}

/// What this host could not do is unfinished; what it was offered is refused.
fn exit_of(refusal: &PullError) -> Exit {
    match refusal.cause {
        Cause::Local | Cause::Ended => Exit::Unfinished,
        _ => Exit::Refused,
    }
}

/// What a pull did, for people.
fn sentence(pulled: &Pulled) -> String {
    let Pulled { generation, published_at, received, .. } = pulled;
    let way = match (pulled.path, pulled.files) {
        ("none", _) => "is in place already".to_owned(),
        ("delta", 1) => "came as a delta".to_owned(),
        ("delta", files) => format!("came as {files} deltas"),
        _ => "came as a whole".to_owned(),
    };
    format!(
        "rapsheet: generation {generation}, published at {published_at}, {way}; {received} bytes were received"
    )
}

/// Waits; returns whether the program is to go on.
fn wait(time: Duration, end: &AtomicBool) -> bool {
    let began = Instant::now();
    while began.elapsed() < time && !end.load(Relaxed) {
        thread::sleep(NAP.min(time.saturating_sub(began.elapsed())));
    }
    !end.load(Relaxed)
}

/// Between half of a time and one and a half of it. The keys of a hash map are the random numbers that the
/// standard library has.
fn jittered(time: Duration) -> Duration {
    let random = RandomState::new().build_hasher().finish();
    time.mul_f64(0.5 + (random >> 11) as f64 / (1u64 << 53) as f64)
}
