//! `score`: indicators in logs and their verdicts, in the order of the input.
//!
//! One thread cuts inputs into blocks, as many as were asked for look into them, and one writes. What this file
//! knows is streams, places and outputs; what an indicator in a line looks like is the scorer's business.

use super::stdout;
use crate::args::{Instant, LogKind, Score};
use crate::blocks::{Block, Cutter};
use crate::exit::{Exit, Failure, tell};
use crate::input;
use crate::ordered;
use crate::output::score::{ScoreOutput, ScoredBlock};
use crate::setting::Setting;
use crate::zeek::{self, Header};
use query::{Judge, Scorer};
use std::io::{self, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How many bytes all workers together take to remember what they met lately.
const MEMORY: usize = 12 << 20;

/// Runs the command.
pub(super) fn run(args: &Score, setting: &Setting) -> Result<Exit, Failure> {
    check(args)?;
    let snapshot = setting.open()?;
    let at = match args.at {
        Instant::Now => setting.now,
        Instant::At(time) => time,
    };
    let judge = Judge::new(&snapshot, at);
    let stdin = [PathBuf::from("-")];
    let files = if args.files.is_empty() { &stdin } else { args.files.as_slice() };
    let mut inputs = Inputs::new(files, args);
    let lens = Lens {
        judge: &judge,
        output: args.output,
        fields: &args.fields,
        all: args.all,
        to_terminal: io::stdout().is_terminal(),
    };
    let mut out = stdout();
    let worker = || {
        let (mut scorer, mut masked) =
            (Scorer::new(&judge, lens.all, MEMORY / setting.threads.max(2)), Vec::new());
        move |part: &Part, made: &mut Vec<u8>| lens.look(part, &mut scorer, &mut masked, made)
    };
    let spent = |part: Part| part.block.bytes;
    ordered::run(|buffer| inputs.next(buffer), spent, setting.threads, worker, &mut out)?;
    out.flush()?;
    Ok(inputs.exit())
}

fn check(args: &Score) -> Result<(), Failure> {
    match args.input {
        LogKind::Csv | LogKind::Tsv | LogKind::Jsonl => Err(Failure::usage(
            "--input csv, tsv and jsonl are not there yet; `--input text` reads such lines as plain text",
        )),
        LogKind::Text if !args.fields.is_empty() => {
            Err(Failure::usage("--field needs a log with columns; plain text has none: use --input zeek"))
        }
        _ => Ok(()),
    }
}

/// A block of one of the inputs.
struct Part {
    block: Block,
    file: Arc<str>,
    table: Option<Arc<Header>>,
}

/// What every worker looks through.
#[derive(Clone, Copy)]
struct Lens<'a> {
    judge: &'a Judge<'a>,
    output: &'static ScoreOutput,
    fields: &'a [String],
    all: bool,
    to_terminal: bool,
}

impl Lens<'_> {
    fn look(&self, part: &Part, scorer: &mut Scorer<'_>, masked: &mut Vec<u8>, made: &mut Vec<u8>) {
        let bytes = &part.block.bytes;
        let found = match &part.table {
            Some(header) if !self.fields.is_empty() || zeek::has_header(bytes) => {
                zeek::mask(header, bytes, self.fields, masked);
                scorer.score(masked)
            }
            _ => scorer.score(bytes),
        };
        let scored = ScoredBlock {
            file: &part.file,
            bytes,
            offset: part.block.offset,
            line: part.block.line,
            found: &found,
            judge: self.judge,
            to_terminal: self.to_terminal,
        };
        self.output.block(&scored, made);
    }
}

/// All inputs, one after the other. One that cannot be read is named, and the others go on.
struct Inputs<'a> {
    waiting: std::slice::Iter<'a, PathBuf>,
    args: &'a Score,
    open: Option<Open>,
    refused: bool,
    without_field: bool,
}

/// An input that is being read.
struct Open {
    cutter: Cutter<Box<dyn Read + Send>>,
    name: Arc<str>,
    table: Option<Arc<Header>>,
    fresh: bool,
}

impl<'a> Inputs<'a> {
    fn new(files: &'a [PathBuf], args: &'a Score) -> Inputs<'a> {
        Inputs { waiting: files.iter(), args, open: None, refused: false, without_field: false }
    }

    fn exit(&self) -> Exit {
        match self {
            Inputs { refused: true, .. } => Exit::Refused,
            Inputs { without_field: true, .. } => Exit::Usage,
            _ => Exit::Done,
        }
    }

    /// The next block of any input; `None` at the end of all.
    fn next(&mut self, mut buffer: Vec<u8>) -> Option<Part> {
        loop {
            let Some(mut open) = self.open.take() else {
                let path = self.waiting.next()?;
                self.open = self.open(path);
                continue;
            };
            match open.cutter.next_block(std::mem::take(&mut buffer)) {
                Ok(None) => {}
                Err(error) => self.refuse(&format!("{}: {error}", open.name)),
                Ok(Some(block)) => {
                    let part = self.part(&mut open, block);
                    self.open = Some(open);
                    if part.is_some() {
                        return part;
                    }
                    self.open = None;
                }
            }
        }
    }

    fn open(&mut self, path: &Path) -> Option<Open> {
        match input::open(path) {
            Ok(input) => {
                let name = if input::is_stdin(path) { "-".into() } else { path.to_string_lossy() };
                let cutter = Cutter::new(input.reader, input.live);
                Some(Open { cutter, name: Arc::from(name), table: None, fresh: true })
            }
            Err(error) => {
                self.refuse(&error.to_string());
                None
            }
        }
    }

    fn refuse(&mut self, message: &str) {
        tell(&format!("rapsheet: {message}"));
        self.refused = true;
    }

    /// A block with what it needs from those before it; `None` where its input has no columns to look into.
    fn part(&mut self, open: &mut Open, block: Block) -> Option<Part> {
        if std::mem::take(&mut open.fresh) {
            let is_table = self.args.input == LogKind::Zeek
                || self.args.input == LogKind::Auto && zeek::is_zeek(&block.bytes);
            open.table = is_table.then(Arc::default);
            if !is_table && !self.args.fields.is_empty() {
                self.complain(&format!(
                    "{}: --field needs a log with columns, and this one has none",
                    open.name
                ));
                return None;
            }
        }
        let table = open.table.clone();
        if let Some(after) = table.as_ref().and_then(|header| zeek::header_after(header, &block.bytes)) {
            if !self.args.fields.is_empty() && !after.names().is_empty() && !after.has_any(&self.args.fields)
            {
                self.complain(&format!("{}: no such field; it has {}", open.name, after.names()));
            }
            open.table = Some(after);
        }
        Some(Part { block, file: open.name.clone(), table })
    }

    fn complain(&mut self, message: &str) {
        tell(&format!("rapsheet: {message}"));
        self.without_field = true;
    }
}
