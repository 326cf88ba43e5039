//! `lookup`: answers questions from arguments or stdin.
//!
//! A text that is no indicator is answered with the reason, and the exit code says so at the end. On a pipe,
//! answers are flushed as soon as no further question is buffered, so that another program can ask and read in
//! turns. Such a pipe may stay open for weeks: whenever a question had to be waited for, the clock is read and the
//! path of the snapshot is checked, and a snapshot that was published meanwhile answers it.

use super::stdout;
use crate::answers::{Answers, Current};
use crate::args::Lookup;
use crate::exit::{Exit, Failure, print_stderr};
use crate::input;
use crate::output::lookup::{Answered, Context, LookupOutput, Refused, Style};
use crate::reach;
use crate::settings::Settings;
use rapsheet_query::{Batch, Searcher};
use rapsheet_snapshot::{ParseError, Status, Time};
use std::io::{self, BufRead, BufReader, BufWriter, Read, Stdout, Write};
use std::path::Path;

/// The longest question, in bytes.
const QUESTION_MAX: u64 = 64 << 10;
/// How much of a longer one is printed, in bytes.
const TOO_LONG_SHOWN: usize = 80;

/// Runs the command.
pub(super) fn run(args: &Lookup, settings: &Settings) -> Result<Exit, Failure> {
    // Does not compile once there is another policy to apply.
    let crate::args::Policy::Any = args.policy;
    let waits = args.indicators.is_empty() || args.indicators.iter().any(|text| text == "-");
    let answers = if waits { Answers::follow } else { Answers::open }(&args.lists, settings)?;
    if !args.lists.is_empty() && args.at.is_some() {
        settings
            .note("rapsheet: a list of your own says nothing of the past: with --list, --at counts as now");
    }
    if let Some(at) = args.at.filter(|_| args.lists.is_empty())
        && let Some(begins) = reach::begins(&answers.current()).filter(|begins| at < *begins)
    {
        settings.note(&format!("rapsheet: --at {at} is {}", reach::unknown_before(begins)));
    }
    let style = Style { all_sources: args.all_sources, spreadsheet: args.spreadsheet, color: settings.color };
    let mut printer = Printer::new(args, settings, style)?;
    let session = Session { answers, args, settings, style };
    if args.indicators.is_empty() {
        session.answer_stdin(&mut printer)?;
    }
    for indicator in &args.indicators {
        match indicator.as_encoded_bytes() {
            b"-" => session.answer_stdin(&mut printer)?,
            text => session.answer_argument(text, &mut printer)?,
        }
        hint_at_file(Path::new(indicator), settings);
    }
    printer.out.flush()?;
    Ok(match () {
        () if printer.any_refused => Exit::Usage,
        () if printer.any_listed && args.exit_code => Exit::Listed,
        () => Exit::Done,
    })
}

/// A file's name may look like a domain name, and its owner may have meant what is in the file.
fn hint_at_file(argument: &Path, settings: &Settings) {
    if !input::is_stdin(argument) && argument.is_file() {
        let name = argument.display();
        settings.note(&format!(
            "rapsheet: {name} is a file: to look up its lines, `rapsheet lookup < {name}`; to search it as a log, \
             `rapsheet score {name}`"
        ));
    }
}

/// What a run answers from, and how.
struct Session<'a> {
    answers: Answers,
    args: &'a Lookup,
    settings: &'a Settings,
    style: Style,
}

/// A line of stdin.
enum Question {
    Blank,
    Text(Vec<u8>),
    TooLong(Vec<u8>),
}

impl Session<'_> {
    /// The instant to answer for, where the present is `now`.
    fn at(&self, now: Time) -> Time {
        self.args.at.filter(|_| self.args.lists.is_empty()).unwrap_or(now)
    }

    fn context<'c>(&self, snapshot: &'c Current<'_>, searcher: &'c Searcher<'c>) -> Context<'c> {
        Context { snapshot, searcher, style: self.style }
    }

    /// Answers an argument. All of them are judged as of one instant.
    fn answer_argument(&self, text: &[u8], printer: &mut Printer) -> Result<(), Failure> {
        let snapshot = self.answers.current();
        let searcher = Searcher::new(&snapshot, self.at(self.settings.now));
        printer.answer(&self.context(&snapshot, &searcher), text)
    }

    /// Answers the lines of stdin, except blank ones.
    fn answer_stdin(&self, printer: &mut Printer) -> Result<(), Failure> {
        let input = input::questions().map_err(Failure::refused)?;
        let mut reader = BufReader::with_capacity(1 << 16, input.reader);
        let mut pending = None;
        // Each turn has the snapshot and the instant that its questions are judged by.
        loop {
            let snapshot = self.answers.current();
            let searcher = Searcher::new(&snapshot, self.at(self.settings.instant()));
            let context = self.context(&snapshot, &searcher);
            loop {
                if let Some(question) = pending.take() {
                    printer.answer_line(&context, &question)?;
                }
                let waits = !reader.buffer().contains(&b'\n');
                if input.is_stream && waits {
                    printer.out.flush()?;
                }
                pending = read_question(&mut reader)?;
                if pending.is_none() {
                    let trailing = input.trailing.as_ref().and_then(|trailing| trailing.note());
                    trailing
                        .iter()
                        .for_each(|text| self.settings.note(&format!("rapsheet: (stdin): {text}")));
                    return Ok(());
                }
                if waits && self.is_outdated(searcher.at()) {
                    break;
                }
            }
        }
    }

    /// Whether the next question is to be judged by another snapshot, or as of another instant.
    fn is_outdated(&self, at: Time) -> bool {
        let is_new = self.answers.refresh().unwrap_or_else(|error| {
            print_stderr(&format!("rapsheet: {error}; going on with the previous snapshot"));
            false
        });
        is_new || self.at(self.settings.instant()) != at
    }
}

/// The next line; `None` at the end.
fn read_question(reader: &mut impl BufRead) -> Result<Option<Question>, Failure> {
    let fail = |error: io::Error| Failure::refused(format_args!("(stdin): {error}"));
    let mut line = Vec::new();
    if reader.by_ref().take(QUESTION_MAX).read_until(b'\n', &mut line).map_err(fail)? == 0 {
        return Ok(None);
    }
    if !line.ends_with(b"\n") && line.len() as u64 == QUESTION_MAX {
        skip_line(reader).map_err(fail)?;
        line.truncate(TOO_LONG_SHOWN);
        return Ok(Some(Question::TooLong(line)));
    }
    line.truncate(without_line_end(&line).len());
    Ok(Some(if line.trim_ascii().is_empty() { Question::Blank } else { Question::Text(line) }))
}

/// Where answers go, and what they were so far.
struct Printer {
    output: &'static LookupOutput,
    style: Style,
    /// Whether nothing is printed.
    is_silent: bool,
    batch: Batch,
    out: BufWriter<Stdout>,
    any_refused: bool,
    any_listed: bool,
}

impl Printer {
    fn new(args: &Lookup, settings: &Settings, style: Style) -> Result<Printer, Failure> {
        let mut printer = Printer {
            output: args.output,
            style,
            is_silent: args.is_silent(settings.quiet),
            batch: Batch::new(),
            out: stdout(),
            any_refused: false,
            any_listed: false,
        };
        if !printer.is_silent {
            (printer.output.header)(style, &mut printer.out)?;
        }
        Ok(printer)
    }

    fn answer_line(&mut self, context: &Context<'_>, question: &Question) -> Result<(), Failure> {
        match question {
            Question::Blank => Ok(()),
            Question::Text(text) => self.answer(context, text),
            Question::TooLong(text) => self.refuse(text, ParseError::TooLong),
        }
    }

    /// Answers one question, which is one object of output.
    fn answer(&mut self, context: &Context<'_>, text: &[u8]) -> Result<(), Failure> {
        self.batch.clear();
        if let Err(why) = self.batch.push(text) {
            return self.refuse(text, why);
        }
        let input = String::from_utf8_lossy(text);
        for answer in context.searcher.verdicts(&self.batch) {
            self.any_listed |= answer.status == Status::Blocked;
            let answered = Answered { input: &input, answer: &answer };
            if !self.is_silent {
                (self.output.answer)(context, &answered, &mut self.out)?;
            }
        }
        Ok(())
    }

    fn refuse(&mut self, text: &[u8], why: ParseError) -> Result<(), Failure> {
        self.any_refused = true;
        let input = &String::from_utf8_lossy(text);
        if !self.is_silent {
            (self.output.refused)(self.style, &Refused { input, why }, &mut self.out)?;
        }
        Ok(())
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
