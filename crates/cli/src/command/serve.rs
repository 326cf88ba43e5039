//! `serve`: answers over HTTP.
//!
//! The library answers; this file opens its listeners, files and clock, and passes on what the system tells
//! the program.

use super::stdout;
use crate::args::Serve as Args;
use crate::ending;
use crate::exit::{Exit, Failure, print_stderr};
use crate::files::{Files, leads_to_own_stream};
use crate::settings::Settings;
use crate::{activation, input};
use rapsheet_serve::{
    Config, Environment, KeySource, Keys, Limits, OpenLog, Server, Severity, Signals, Tell, new_key,
};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

/// Runs the command.
pub(super) fn run(args: &Args, settings: &Settings) -> Result<Exit, Failure> {
    if let Some(name) = &args.new_key {
        return print_new_key(name);
    }
    check_files(args, settings)?;
    let listeners = listeners(args)?;
    let signals = signals()?;
    let config = Config {
        snapshot: settings.snapshot.clone(),
        in_memory: args.in_memory,
        max_stale_seconds: i64::try_from(args.max_stale.as_secs()).unwrap_or(i64::MAX),
        threads: settings.threads,
        limits: Limits { bulk_max: usize::from(args.bulk_max), ..Limits::default() },
        keys: args.keys.clone().map(key_source).transpose()?,
        access_log: args.access_log.clone().map(open_log),
    };
    let server = Server::new(config, environment(settings)).map_err(|error| unopened(args, &error))?;
    for listener in &listeners {
        if let Ok(address) = listener.local_addr() {
            settings.note(&format!("rapsheet: listening on http://{address}"));
        }
    }
    activation::notify_ready();
    let ran = server.run(listeners, &signals);
    ran.map_err(|error| Failure::unfinished(format_args!("serving ended: {error}")))?;
    Ok(Exit::Done)
}

/// What only the access log can be the reason of: the keys were read before.
fn unopened(args: &Args, error: &io::Error) -> Failure {
    let log = args.access_log.as_deref().unwrap_or(Path::new("-")).display();
    Failure::usage(format_args!("--access-log {log}: {error}"))
}

fn environment(settings: &Settings) -> Environment {
    let began = Instant::now();
    let is_quiet = settings.quiet;
    let tell: Tell = Arc::new(move |severity, message| {
        if severity == Severity::Trouble || !is_quiet {
            print_stderr(&format!("rapsheet: {message}"));
        }
    });
    Environment { clock: Box::new(settings.clock()), stopwatch: Box::new(move || began.elapsed()), tell }
}

/// Checks that the log replaces nothing that is read, and does not wait for a reader.
fn check_files(args: &Args, settings: &Settings) -> Result<(), Failure> {
    let Some(log) = args.access_log.as_deref().filter(|log| !input::is_stdin(log)) else { return Ok(()) };
    let mut files = Files::default();
    files.add_input("--snapshot", &settings.snapshot);
    args.keys.iter().for_each(|keys| files.add_input("--keys", keys));
    files.add_output("--access-log", log)?;
    match is_named_pipe(log) {
        true => Err(Failure::usage(format_args!(
            "--access-log {}: this is a pipe, which would wait for its reader; use `--access-log - | program`",
            log.display()
        ))),
        false => Ok(()),
    }
}

#[cfg(unix)]
fn is_named_pipe(path: &Path) -> bool {
    use std::os::unix::fs::FileTypeExt;
    !leads_to_own_stream(path) && fs::metadata(path).is_ok_and(|about| about.file_type().is_fifo())
}

#[cfg(not(unix))]
fn is_named_pipe(_: &Path) -> bool {
    false
}

/// The sockets of systemd, or those that the arguments name.
fn listeners(args: &Args) -> Result<Vec<TcpListener>, Failure> {
    let mut listeners = activation::listeners().map_err(Failure::usage)?;
    if listeners.is_empty() {
        for address in &args.listen {
            let listener = TcpListener::bind(address).map_err(|error| {
                Failure::unfinished(format_args!("--listen {address}: {error}; name another address or port"))
            })?;
            listeners.push(listener);
        }
    }
    for listener in &listeners {
        let is_open = listener.local_addr().is_ok_and(|address| !address.ip().is_loopback());
        if is_open && args.keys.is_none() {
            let address = listener.local_addr().map(|address| address.to_string()).unwrap_or_default();
            return Err(Failure::usage(format_args!(
                "{address} can be reached from other machines, which needs --keys; make one with \
                 `rapsheet serve --new-key NAME`, or listen on 127.0.0.1"
            )));
        }
    }
    Ok(listeners)
}

/// Reads the file of keys, which has to be sound now, and again whenever it is told to.
fn key_source(path: PathBuf) -> Result<KeySource, Failure> {
    let read = move || {
        let shown = path.display();
        let text = fs::read_to_string(&path).map_err(|error| format!("--keys {shown}: {error}"))?;
        Keys::parse(&text, &shown.to_string())
    };
    read().map_err(Failure::usage)?;
    Ok(Box::new(read))
}

fn open_log(path: PathBuf) -> OpenLog {
    Box::new(move || {
        if input::is_stdin(&path) {
            return Ok(Box::new(io::stdout()) as Box<dyn Write + Send>);
        }
        let file = File::options().append(true).create(true).open(&path)?;
        Ok(Box::new(file))
    })
}

fn print_new_key(name: &str) -> Result<Exit, Failure> {
    let mut random = [0; 32];
    File::open("/dev/urandom")
        .and_then(|mut source| source.read_exact(&mut random))
        .map_err(|error| Failure::unfinished(format_args!("/dev/urandom: {error}")))?;
    let (key, line) = new_key(name, &random).map_err(Failure::usage)?;
    let mut out = stdout();
    writeln!(out, "key, which is shown once: {key}")?;
    writeln!(out, "line for the file of --keys, with limits where you want some:")?;
    writeln!(out, "{line} per-second=20 per-day=100000")?;
    out.flush()?;
    Ok(Exit::Done)
}

/// What the system tells the program. A second signal to end ends it at once.
#[cfg(unix)]
fn signals() -> Result<Signals, Failure> {
    let signals = Signals::default();
    ending::set_on_signals(&signals.end)?;
    signal_hook::flag::register(signal_hook::consts::SIGHUP, Arc::clone(&signals.reload))
        .map_err(|error| Failure::unfinished(format_args!("handlers of signals: {error}")))?;
    Ok(signals)
}

#[cfg(not(unix))]
fn signals() -> Result<Signals, Failure> {
    Ok(Signals::default())
}
