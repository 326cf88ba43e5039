//! `parse`: how one file would be read, event by event, as it is read.

use super::stdout;
use crate::args::{List, Parse, Reach};
use crate::exit::{Exit, Failure};
use crate::input;
use crate::setting::Setting;
use ingest::decode::{self, Caps};
use ingest::format::{self, Format, OpenError};
use ingest::intake::{self, Recipe};
use ingest::options::Options;
use ingest::refused::FileRefusal;
use ingest::scribe::{Details, Key, Place, Rules, Sink, Skip, Warnings};
use ingest::transcript::Transcript;
use serde::Serialize;
use snapshot::{ListKind, Refusal, Scope};
use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufWriter, ErrorKind, Read, Stdout, Write};
use std::path::Path;
use std::rc::Rc;

/// Runs the command.
pub(super) fn run(args: &Parse, setting: &Setting) -> Result<Exit, Failure> {
    let format = find(&args.format)?;
    let options = options(args, format)?;
    let (list, scope) = (list(args.list), scope(args.scope));
    let rules = Rules::new(setting.now, list, scope);
    let stop = Rc::new(Cell::new(false));
    let mut printer = Printer { transcript: Transcript::new(list), out: stdout(), failed: None, stop };
    let read = open(&args.file).map_err(OpenError::File).and_then(|reader| {
        let mut text = Stoppable { reader, stop: Rc::clone(&printer.stop) };
        let recipe = Recipe { format, options: &options, rules: &rules, can_be_empty: false };
        intake::transcribe(&recipe, &mut text, &mut printer)
    });
    if let Some(error) = printer.failed.take() {
        return Err(error.into());
    }
    let exit = match read {
        Ok(_) => Exit::Done,
        Err(OpenError::Options(error)) => return Err(Failure::usage(format_args!("--{error}"))),
        Err(OpenError::File(refusal)) => printer.refused(&refusal)?,
    };
    printer.out.flush()?;
    Ok(exit)
}

fn find(id: &str) -> Result<&'static Format, Failure> {
    if id == "auto" {
        return Err(Failure::usage("--format auto is not there yet; `rapsheet formats` lists the formats"));
    }
    format::find(id)
        .ok_or_else(|| Failure::usage(format_args!("no format `{id}`; `rapsheet formats` lists them")))
}

fn options(args: &Parse, format: &Format) -> Result<Options, Failure> {
    let mut options = Options::default();
    args.options.iter().for_each(|(key, value)| options.push(key, value));
    options.check(format.options).map_err(|error| Failure::usage(format_args!("--{error}")))?;
    Ok(options)
}

fn list(list: List) -> ListKind {
    match list {
        List::Block => ListKind::Block,
        List::Allow => ListKind::Allow,
    }
}

fn scope(reach: Reach) -> Scope {
    match reach {
        Reach::Exact => Scope::Exact,
        Reach::Tree => Scope::Tree,
        Reach::Subdomains => Scope::Subdomains,
    }
}

fn open(path: &Path) -> Result<Box<dyn Read + Send>, FileRefusal> {
    if input::is_stdin(path) {
        return decode::open_stream(io::stdin(), Caps::default());
    }
    let refuse = |error: io::Error| match error.kind() {
        ErrorKind::NotFound => FileRefusal::Missing,
        _ => FileRefusal::Unreadable(error.to_string()),
    };
    let file = File::open(path).map_err(refuse)?;
    match file.metadata().map_err(refuse)? {
        about if about.is_dir() => Err(FileRefusal::Unreadable("it is a folder".to_owned())),
        about if about.is_file() => decode::open(file, Caps::default()),
        _ => decode::open_stream(file, Caps::default()),
    }
}

/// Prints events as they come.
struct Printer {
    transcript: Transcript,
    out: BufWriter<Stdout>,
    failed: Option<io::Error>,
    stop: Rc<Cell<bool>>,
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

    /// Prints what has come. After a failure nothing is printed, and the input is told to end.
    fn print(&mut self) {
        for event in self.transcript.events.drain(..) {
            if self.failed.is_some() {
                continue;
            }
            let written = serde_json::to_writer(&mut self.out, &event).map_err(io::Error::from);
            if let Err(error) = written.and_then(|()| self.out.write_all(b"\n")) {
                self.failed = Some(error);
                self.stop.set(true);
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

    fn reject(&mut self, place: Place, why: Refusal, text: &[u8]) {
        self.transcript.reject(place, why, text);
        self.print();
    }
}

/// An input that ends when nobody reads the output any more, so that an endless one ends too.
struct Stoppable {
    reader: Box<dyn Read + Send>,
    stop: Rc<Cell<bool>>,
}

impl Read for Stoppable {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.stop.get() { Ok(0) } else { self.reader.read(buffer) }
    }
}
