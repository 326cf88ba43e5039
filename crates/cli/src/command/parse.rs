//! `parse`: how one file would be read, event by event, as it is read.

use super::stdout;
use crate::args::{List, Parse, Reach};
use crate::exit::{Exit, Failure};
use crate::input;
use crate::printable;
use crate::setting::Setting;
use rapsheet_ingest::decode::{self, Caps, Text};
use rapsheet_ingest::format::{self, Format, OpenError};
use rapsheet_ingest::intake::{self, Recipe, Transcribed};
use rapsheet_ingest::options::Options;
use rapsheet_ingest::refused::FileRefusal;
use rapsheet_ingest::scribe::{Details, Key, Place, Rules, Sink, Skip, Statement, Warnings};
use rapsheet_ingest::sniff;
use rapsheet_ingest::transcript::Transcript;
use rapsheet_snapshot::{ListKind, ParseError, Scope};
use serde::Serialize;
use std::io::{self, BufWriter, Read, Stdout, Write};
use std::path::Path;

/// How much of a file is looked at, in bytes.
const HEAD: u64 = 1 << 20;

/// Of a hundred lines that should be data, more refusals than this are worth a word.
const REJECTS_TOLERATED: u64 = 20;

/// Runs the command.
pub(super) fn run(args: &Parse, setting: &Setting) -> Result<Exit, Failure> {
    let format = find(&args.format)?;
    let options = options(args, format)?;
    let list = list(args.list, if args.list.is_none() { looked_at(format, &args.file) } else { format });
    let rules = Rules::new(setting.now, list, scope(args.scope));
    let mut printer = Printer { transcript: Transcript::new(list), out: stdout(), failed: None };
    let recipe = Recipe { format, options: &options, rules: &rules, can_be_empty: false };
    let read = match open(&args.file) {
        Ok(mut text) => intake::transcribe_all(&recipe, &mut text, &mut printer),
        Err(refusal) => Transcribed { tally: Err(refusal.into()), guess: None },
    };
    if let Some(error) = printer.failed.take() {
        return Err(error.into());
    }
    remark(&read, args, setting);
    let exit = match read.tally {
        Ok(_) => Exit::Done,
        Err(OpenError::Options(error)) => return Err(Failure::usage(format_args!("--{error}"))),
        Err(OpenError::File(refusal)) => printer.refused(&refusal)?,
    };
    printer.out.flush()?;
    Ok(exit)
}

fn find(id: &str) -> Result<&'static Format, Failure> {
    format::find(id)
        .ok_or_else(|| Failure::usage(format_args!("no format `{id}`; `rapsheet formats` lists them")))
}

/// What a file is taken for, where nobody says it: what it lists is decided before it is read. A pipe cannot be looked
/// at twice, and is a block list.
fn looked_at(format: &'static Format, path: &Path) -> &'static Format {
    if format.id != "auto" || input::is_stdin(path) || !path.is_file() {
        return format;
    }
    let mut head = Vec::new();
    let text = decode::open_path(path, Caps::default()).ok();
    let read = text.map(|text| text.take(HEAD).read_to_end(&mut head));
    let guess = read.and_then(|read| read.ok()).and_then(|_| sniff::guess(&head));
    guess.map_or(format, |guess| guess.format)
}

/// Says on stderr what the file was taken for, and whether that looks right.
fn remark(read: &Transcribed, args: &Parse, setting: &Setting) {
    let name = args.file.to_string_lossy();
    let file = printable::text(&name);
    if let Some(guess) = &read.guess {
        setting.note(&format!("rapsheet: {file}: read as {}: {}", guess.format.id, guess.why));
    }
    let Ok(tally) = &read.tally else { return };
    let told = tally.data_lines + tally.rejected_lines;
    if tally.rejected_lines * 100 > told * REJECTS_TOLERATED {
        let remedy = match read.guess {
            Some(_) => "name another with --format, which `rapsheet formats` lists",
            None => "`rapsheet parse` without --format says what it looks like",
        };
        setting.note(&format!(
            "rapsheet: {file}: {} of {told} lines that should be data were refused; is the format right? {remedy}",
            tally.rejected_lines
        ));
    }
}

fn options(args: &Parse, format: &Format) -> Result<Options, Failure> {
    let mut options = Options::default();
    args.options.iter().for_each(|(key, value)| options.push(key, value));
    options.check(format.options).map_err(|error| Failure::usage(format_args!("--{error}")))?;
    Ok(options)
}

fn list(list: Option<List>, format: &Format) -> ListKind {
    match list {
        Some(List::Block) => ListKind::Block,
        Some(List::Allow) => ListKind::Allow,
        None => format.list,
    }
}

fn scope(reach: Reach) -> Scope {
    match reach {
        Reach::Exact => Scope::Exact,
        Reach::Tree => Scope::Tree,
        Reach::Subdomains => Scope::Subdomains,
    }
}

fn open(path: &Path) -> Result<Text, FileRefusal> {
    if input::is_stdin(path) {
        return decode::open_stream(io::stdin(), Caps::default());
    }
    decode::open_path(path, Caps::default())
}

/// Prints events as they come.
struct Printer {
    transcript: Transcript,
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
        serde_json::to_writer(&mut self.out, &row)?;
        writeln!(self.out)?;
        Ok(Exit::Refused)
    }

    /// Prints what has come. After a failure nothing is printed.
    fn print(&mut self) {
        for event in self.transcript.events.drain(..) {
            if self.failed.is_some() {
                continue;
            }
            let written = serde_json::to_writer(&mut self.out, &event).map_err(io::Error::from);
            if let Err(error) = written.and_then(|()| self.out.write_all(b"\n")) {
                self.failed = Some(error);
            }
        }
    }
}

impl Sink for Printer {
    fn entry(&mut self, place: Place, key: Key<'_>, details: &Details, warnings: Warnings) {
        self.transcript.entry(place, key, details, warnings);
        self.print();
    }

    fn skip(&mut self, place: Place, why: Skip) {
        self.transcript.skip(place, why);
        self.print();
    }

    fn stated(&mut self, place: Place, statement: Statement) {
        self.transcript.stated(place, statement);
    }

    fn reject(&mut self, place: Place, why: ParseError, text: &[u8]) {
        self.transcript.reject(place, why, text);
        self.print();
    }

    /// When nobody reads the output any more, nothing more is read, so that an endless input ends too.
    fn is_closed(&self) -> bool {
        self.failed.is_some()
    }
}
