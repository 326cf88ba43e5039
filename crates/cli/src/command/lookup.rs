//! `lookup`: answers questions from arguments or stdin.
//!
//! A text that is no indicator is answered with the reason, and the exit code says so at the end. On a pipe,
//! answers are flushed as soon as no further question is buffered, so that another program can ask and read
//! in turns.

use super::stdout;
use crate::args::Lookup;
use crate::exit::{Exit, Failure};
use crate::input;
use crate::output::lookup::{Answered, Context, LookupOutput, Refused};
use crate::settings::Settings;
use rapsheet_query::{Batch, Searcher};
use rapsheet_snapshot::{ParseError, Status};
use std::io::{self, BufRead, BufReader, BufWriter, Read, Stdout, Write};

/// The longest question, in bytes.
const QUESTION_MAX: u64 = 64 << 10;
/// How much of a longer one is printed, in bytes.
const TOO_LONG_SHOWN: usize = 80;

/// Runs the command.
pub(super) fn run(args: &Lookup, settings: &Settings) -> Result<Exit, Failure> {
    // Does not compile once there is another policy to apply.
    let crate::args::Policy::Any = args.policy;
    let is_asked_later = args.indicators.is_empty() || args.indicators.iter().any(|text| text == "-");
    let snapshot = if is_asked_later { settings.load()? } else { settings.open()? };
    let searcher = Searcher::new(&snapshot, args.at.unwrap_or(settings.now));
    let context = Context {
        snapshot: &snapshot,
        searcher: &searcher,
        all_sources: args.all_sources,
        color: settings.color,
    };
    let mut session = Session {
        context,
        output: args.output,
        batch: Batch::new(),
        out: stdout(),
        any_refused: false,
        any_listed: false,
    };
    (session.output.header)(&mut session.out)?;
    if args.indicators.is_empty() {
        session.answer_stdin()?;
    }
    for indicator in &args.indicators {
        match indicator.as_encoded_bytes() {
            b"-" => session.answer_stdin()?,
            text => session.answer(text)?,
        }
    }
    session.out.flush()?;
    Ok(match () {
        () if session.any_refused => Exit::Usage,
        () if session.any_listed && args.exit_code => Exit::Listed,
        () => Exit::Done,
    })
}

/// The state of a run: its snapshot, output and results so far.
struct Session<'a> {
    context: Context<'a>,
    output: &'static LookupOutput,
    batch: Batch,
    out: BufWriter<Stdout>,
    any_refused: bool,
    any_listed: bool,
}

impl Session<'_> {
    /// Answers one question, which is one object of output.
    fn answer(&mut self, text: &[u8]) -> Result<(), Failure> {
        self.batch.clear();
        if let Err(why) = self.batch.push(text) {
            return self.refuse(text, why);
        }
        let input = String::from_utf8_lossy(text);
        for answer in self.context.searcher.verdicts(&self.batch) {
            self.any_listed |= answer.status == Status::Blocked;
            let answered = Answered { input: &input, answer: &answer };
            (self.output.answer)(&self.context, &answered, &mut self.out)?;
        }
        Ok(())
    }

    fn refuse(&mut self, text: &[u8], why: ParseError) -> Result<(), Failure> {
        self.any_refused = true;
        let input = &String::from_utf8_lossy(text);
        (self.output.refused)(&Refused { input, why }, &mut self.out)?;
        Ok(())
    }

    /// Answers the lines of stdin, except blank ones.
    fn answer_stdin(&mut self) -> Result<(), Failure> {
        let input = input::stdin().map_err(Failure::refused)?;
        let mut reader = BufReader::with_capacity(1 << 16, input.reader);
        let mut line = Vec::new();
        loop {
            if input.is_stream && !reader.buffer().contains(&b'\n') {
                self.out.flush()?;
            }
            line.clear();
            let read = reader.by_ref().take(QUESTION_MAX).read_until(b'\n', &mut line);
            if read.map_err(|error| Failure::refused(format_args!("(stdin): {error}")))? == 0 {
                return Ok(());
            }
            let is_whole = line.ends_with(b"\n") || (line.len() as u64) < QUESTION_MAX;
            if !is_whole {
                skip_line(&mut reader).map_err(|error| Failure::refused(format_args!("(stdin): {error}")))?;
                line.truncate(TOO_LONG_SHOWN);
                self.refuse(&line, ParseError::TooLong)?;
            } else if !line.trim_ascii().is_empty() {
                self.answer(without_line_end(&line))?;
            }
        }
    }
}

fn without_line_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// Discards the rest of a line.
fn skip_line(reader: &mut impl BufRead) -> io::Result<()> {
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
