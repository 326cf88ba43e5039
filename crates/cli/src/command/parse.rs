//! `parse`: prints how one feed file is read, event by event, while it is read.

use super::formats::find;
use super::stdout;
use crate::args::{ListArg, Parse, ParseOutput, ScopeArg};
use crate::exit::{Exit, Failure};
use crate::input;
use crate::output::json;
use crate::printable;
use crate::settings::Settings;
use rapsheet_ingest::decode::{self, Limits, Text};
use rapsheet_ingest::format::options::Options;
use rapsheet_ingest::format::sniff;
use rapsheet_ingest::format::{Format, OpenError};
use rapsheet_ingest::pipeline::{
    self, Details, EventLog, FileRefusal, Key, ListMetadata, ParseConfig, Parsed, Position, Rules, Sink,
    Skip, Warnings,
};
use rapsheet_snapshot::{ListKind, ParseError, Scope};
use serde::Serialize;
use std::io::{self, BufWriter, Read, Stdout, Write};
use std::path::Path;

/// How much of a file is read to detect its format, in bytes.
const HEAD_LEN: u64 = 1 << 20;

/// The share of rejected lines, in percent of the lines with data, above which a note asks whether the format
/// is right.
const REJECTS_TOLERATED: u64 = 20;

/// Runs the command.
pub(super) fn run(args: &Parse, settings: &Settings) -> Result<Exit, Failure> {
    let ParseOutput::Jsonl = args.output;
    let format = find(&args.format)?;
    let options = options(args, format)?;
    let list = list(args.list, if args.list.is_none() { detected(format, &args.file) } else { format });
    let rules = Rules::new(settings.now, list, scope(args.scope));
    let mut printer = Printer { event_log: EventLog::new(list), out: stdout(), failed: None };
    let config = ParseConfig { format, options: &options, rules: &rules, can_be_empty: false };
    let read = match open(&args.file) {
        Ok(mut text) => {
            let read = pipeline::parse_download(&config, &mut text, &mut printer);
            let trailing = text.trailing().note();
            trailing.iter().for_each(|trailing| {
                settings.note(&format!("rapsheet: {}: {trailing}", args.file.display()));
            });
            read
        }
        Err(refusal) => Parsed { counters: Err(refusal.into()), guess: None },
    };
    if let Some(error) = printer.failed.take() {
        return Err(error.into());
    }
    print_notes(&read, args, settings);
    let exit = match read.counters {
        Ok(_) => Exit::Done,
        Err(OpenError::Options(error)) => return Err(Failure::usage(format_args!("--{error}"))),
        Err(OpenError::File(refusal)) => printer.refused(&refusal)?,
    };
    printer.out.flush()?;
    Ok(exit)
}

/// The format of a file whose format is `auto`. It decides the kind of list, which must be known before the
/// file is read. A pipe cannot be read twice, and counts as a blocklist.
fn detected(format: &'static Format, path: &Path) -> &'static Format {
    if format.id != "auto" || input::is_stdin(path) || !path.is_file() {
        return format;
    }
    let mut head = Vec::new();
    let text = decode::open_path(path, Limits::default()).ok();
    let read = text.map(|text| text.take(HEAD_LEN).read_to_end(&mut head));
    let guess = read.and_then(|read| read.ok()).and_then(|_| sniff::guess(&head));
    guess.map_or(format, |guess| guess.format)
}

/// Prints on stderr which format was detected, and whether it looks wrong.
fn print_notes(read: &Parsed, args: &Parse, settings: &Settings) {
    let name = args.file.to_string_lossy();
    let file = printable::text(&name);
    if let Some(guess) = &read.guess {
        settings.note(&format!("rapsheet: {file}: read as {}: {}", guess.format.id, guess.why));
    }
    let Ok(counters) = &read.counters else { return };
    let expected = counters.data_lines + counters.rejected_lines;
    if counters.rejected_lines * 100 > expected * REJECTS_TOLERATED {
        let remedy = match read.guess {
            Some(_) => "name another with --format, which `rapsheet formats` lists",
            None => "`rapsheet parse` without --format detects it",
        };
        settings.note(&format!(
            "rapsheet: {file}: {} of {expected} lines with data were rejected; is the format right? {remedy}",
            counters.rejected_lines
        ));
    }
}

fn options(args: &Parse, format: &Format) -> Result<Options, Failure> {
    let mut options = Options::default();
    args.options.iter().for_each(|(key, value)| options.push(key, value));
    options.check(format.options).map_err(|error| Failure::usage(format_args!("--{error}")))?;
    Ok(options)
}

fn list(list: Option<ListArg>, format: &Format) -> ListKind {
    match list {
        Some(ListArg::Block) => ListKind::Block,
        Some(ListArg::Allow) => ListKind::Allow,
        None => format.list,
    }
}

fn scope(scope: ScopeArg) -> Scope {
    match scope {
        ScopeArg::Exact => Scope::Exact,
        ScopeArg::Tree => Scope::Tree,
        ScopeArg::Subdomains => Scope::Subdomains,
    }
}

fn open(path: &Path) -> Result<Text, FileRefusal> {
    if input::is_stdin(path) {
        return decode::open_stream(io::stdin(), Limits::default());
    }
    decode::open_path(path, Limits::default())
}

/// Prints events as they come.
struct Printer {
    event_log: EventLog,
    out: BufWriter<Stdout>,
    failed: Option<io::Error>,
}

#[derive(Serialize)]
struct Refused {
    result: &'static str,
    reason: &'static str,
    text: String,
}

impl Printer {
    fn refused(&mut self, refusal: &FileRefusal) -> Result<Exit, Failure> {
        let row = Refused { result: "file-reject", reason: refusal.word(), text: refusal.to_string() };
        json::line(&row, &mut self.out)?;
        Ok(Exit::Refused)
    }

    /// Prints the events so far. After a failed write nothing more is printed.
    fn print(&mut self) {
        for event in self.event_log.events.drain(..) {
            if self.failed.is_some() {
                continue;
            }
            if let Err(error) = json::line(&event, &mut self.out) {
                self.failed = Some(error);
            }
        }
    }
}

impl Sink for Printer {
    fn entry(&mut self, position: Position, key: Key<'_>, details: &Details, warnings: Warnings) {
        self.event_log.entry(position, key, details, warnings);
        self.print();
    }

    fn skip(&mut self, position: Position, why: Skip) {
        self.event_log.skip(position, why);
        self.print();
    }

    fn metadata(&mut self, position: Position, metadata: ListMetadata) {
        self.event_log.metadata(position, metadata);
    }

    fn reject(&mut self, position: Position, why: ParseError, text: &[u8]) {
        self.event_log.reject(position, why, text);
        self.print();
    }

    /// A closed output ends the reading, which may be of an endless input.
    fn is_closed(&self) -> bool {
        self.failed.is_some()
    }
}
