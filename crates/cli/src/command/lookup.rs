//! `lookup`: questions from arguments or stdin, answers in one of the outputs.
//!
//! A text that is no indicator is answered with the reason and does not stop the others; the exit code says so
//! at the end. From a pipe, answers are handed on as soon as no further question is waiting, so that another
//! program can hold a conversation.

use super::stdout;
use crate::args::Lookup;
use crate::exit::{Exit, Failure};
use crate::input;
use crate::output::lookup::{Context, LookupOutput};
use crate::setting::Setting;
use rapsheet_query::{Batch, Searcher};
use rapsheet_snapshot::{Refusal, Status};
use std::io::{BufRead, BufReader, Read, Write};

/// No indicator is longer, in bytes.
const QUESTION_MAX: u64 = 64 << 10;

/// Runs the command.
pub(super) fn run(args: &Lookup, setting: &Setting) -> Result<Exit, Failure> {
    let crate::args::Policy::Any = args.policy;
    let snapshot = setting.open()?;
    let searcher = Searcher::new(&snapshot, args.at.unwrap_or(setting.now));
    let context = Context {
        snapshot: &snapshot,
        searcher: &searcher,
        all_sources: args.all_sources,
        color: setting.color,
    };
    let mut desk = Desk {
        context,
        output: args.format,
        batch: Batch::new(),
        out: Box::new(stdout()),
        unusable: false,
        listed: false,
    };
    desk.output.head(&mut desk.out)?;
    if args.indicators.is_empty() {
        desk.stdin()?;
    }
    for indicator in &args.indicators {
        match indicator.as_encoded_bytes() {
            b"-" => desk.stdin()?,
            text => desk.ask(text)?,
        }
    }
    desk.out.flush()?;
    Ok(match () {
        () if desk.unusable => Exit::Usage,
        () if desk.listed && args.exit_code => Exit::Listed,
        () => Exit::Done,
    })
}

/// Where questions are answered.
struct Desk<'a> {
    context: Context<'a>,
    output: &'static LookupOutput,
    batch: Batch,
    out: Box<dyn Write>,
    unusable: bool,
    listed: bool,
}

impl Desk<'_> {
    fn ask(&mut self, text: &[u8]) -> Result<(), Failure> {
        self.batch.clear();
        if let Err(why) = self.batch.push(text) {
            return self.refuse(text, why);
        }
        for verdict in self.context.searcher.verdicts(&self.batch) {
            self.listed |= verdict.status == Status::Blocked;
            self.output.answer(&self.context, &verdict, &mut self.out)?;
        }
        Ok(())
    }

    fn refuse(&mut self, text: &[u8], why: Refusal) -> Result<(), Failure> {
        self.unusable = true;
        self.output.refused(&String::from_utf8_lossy(text), why, &mut self.out)?;
        Ok(())
    }

    /// Answers the lines of stdin; empty ones are no questions.
    fn stdin(&mut self) -> Result<(), Failure> {
        let input = input::stdin().map_err(Failure::refused)?;
        let mut reader = BufReader::with_capacity(1 << 16, input.reader);
        let mut line = Vec::new();
        loop {
            if input.live && !reader.buffer().contains(&b'\n') {
                self.out.flush()?;
            }
            line.clear();
            let read = reader.by_ref().take(QUESTION_MAX).read_until(b'\n', &mut line);
            if read.map_err(|error| Failure::refused(format_args!("(stdin): {error}")))? == 0 {
                return Ok(());
            }
            let whole = line.ends_with(b"\n") || (line.len() as u64) < QUESTION_MAX;
            if !whole {
                skip_line(&mut reader).map_err(|error| Failure::refused(format_args!("(stdin): {error}")))?;
                line.truncate(80);
                self.refuse(&line, Refusal::TooLong)?;
            } else if !line.trim_ascii().is_empty() {
                self.ask(line.trim_ascii())?;
            }
        }
    }
}

/// Reads to the end of a line and keeps nothing.
fn skip_line(reader: &mut impl BufRead) -> std::io::Result<()> {
    loop {
        let buffer = reader.fill_buf()?;
        let newline = buffer.iter().position(|byte| *byte == b'\n');
        let length = newline.map_or(buffer.len(), |at| at + 1);
        reader.consume(length);
        if newline.is_some() || length == 0 {
            return Ok(());
        }
    }
}
