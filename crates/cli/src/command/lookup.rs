//! `lookup`: answers questions from arguments or stdin.
//!
//! A text that is no indicator is answered with the reason, and the exit code says so at the end. On a pipe,
//! answers are flushed as soon as no further question is buffered, so that another program can ask and read in
//! turns. Such a pipe may stay open for weeks: whenever a question had to be waited for, the clock is read and the
//! path of the snapshot is checked, and a snapshot that was published meanwhile answers it.
//!
//! Questions that arrived together are looked up together. Outputs that programs read print them without a verdict
//! for each; what such an output has no short form for is answered one by one, with the same bytes.

use super::stdout;
use crate::answers::Answers;
use crate::args::Lookup;
use crate::exit::{Exit, Failure, print_stderr};
use crate::input;
use crate::output::lookup::{Answered, BatchPrinter, Context, LookupOutput, Refused, Style};
use crate::question_lines::{Line, QuestionLines};
use crate::reach;
use crate::settings::Settings;
use rapsheet_json::Directory;
use rapsheet_query::answer::AnswerBuffers;
use rapsheet_query::{Batch, Searcher};
use rapsheet_snapshot::{ParseError, Status, Time};
use std::io::{BufWriter, Stdout, Write};
use std::path::Path;

/// How many questions are looked up together. Their answers are in memory together with them, a few kilobytes each
/// where dozens of feeds list all of them.
const QUESTIONS_MAX: usize = 1024;
/// How many bytes of answers are written at once.
const WRITE_LEN: usize = 64 << 10;

/// Runs the command.
pub(super) fn run(args: &Lookup, settings: &Settings) -> Result<Exit, Failure> {
    // Does not compile once there is another policy to apply.
    let crate::args::Policy::Any = args.policy;
    #[cfg(feature = "remote")]
    if let Some(server) = &args.server {
        return super::lookup_server::run(server, args, settings);
    }
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

impl Session<'_> {
    /// The instant to answer for, where the present is `now`.
    fn at(&self, now: Time) -> Time {
        self.args.at.filter(|_| self.args.lists.is_empty()).unwrap_or(now)
    }

    fn context<'c>(&self, directory: &'c Directory, searcher: &'c Searcher<'c>) -> Context<'c> {
        Context { directory, searcher: Some(searcher), at: searcher.at(), style: self.style }
    }

    /// Answers an argument. All of them are judged as of one instant.
    fn answer_argument(&self, text: &[u8], printer: &mut Printer) -> Result<(), Failure> {
        let snapshot = self.answers.current();
        let searcher = Searcher::new(&snapshot, self.at(self.settings.now));
        let directory = Directory::of(&snapshot, &searcher);
        printer.answer(&self.context(&directory, &searcher), &searcher, text)
    }

    /// Answers the lines of stdin, except blank ones.
    fn answer_stdin(&self, printer: &mut Printer) -> Result<(), Failure> {
        let input = input::questions().map_err(Failure::refused)?;
        let mut lines = QuestionLines::new(input.reader);
        // Each turn has the snapshot and the instant that its questions are judged by.
        loop {
            let snapshot = self.answers.current();
            let searcher = Searcher::new(&snapshot, self.at(self.settings.instant()));
            let directory = Directory::of(&snapshot, &searcher);
            let context = self.context(&directory, &searcher);
            let mut batch_printer = (printer.output.batch)(self.style);
            loop {
                while lines.take(QUESTIONS_MAX, &mut printer.lines) {
                    printer.answer_lines(&context, &searcher, batch_printer.as_deref_mut(), &lines)?;
                }
                if input.is_stream {
                    printer.out.flush()?;
                }
                if !lines.wait()? {
                    let trailing = input.trailing.as_ref().and_then(|trailing| trailing.note());
                    trailing
                        .iter()
                        .for_each(|text| self.settings.note(&format!("rapsheet: (stdin): {text}")));
                    return Ok(());
                }
                if self.is_outdated(searcher.at()) {
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

/// Where answers go, and what they were so far.
struct Printer {
    output: &'static LookupOutput,
    style: Style,
    /// Whether nothing is printed.
    is_silent: bool,
    batch: Batch,
    buffers: AnswerBuffers,
    /// The lines that are answered together.
    lines: Vec<Line>,
    /// Why each of them is no question, where it is none.
    refused: Vec<Option<ParseError>>,
    /// Answers that were not written yet.
    text: Vec<u8>,
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
            buffers: AnswerBuffers::default(),
            lines: Vec::new(),
            refused: Vec::new(),
            text: Vec::new(),
            out: stdout(),
            any_refused: false,
            any_listed: false,
        };
        if !printer.is_silent {
            (printer.output.header)(style, &mut printer.out)?;
        }
        Ok(printer)
    }

    /// Answers lines of stdin.
    fn answer_lines(
        &mut self,
        context: &Context<'_>,
        searcher: &Searcher<'_>,
        batch_printer: Option<&mut (dyn BatchPrinter + 'static)>,
        questions: &QuestionLines,
    ) -> Result<(), Failure> {
        if let Some(batch_printer) = batch_printer {
            return self.answer_batch(context, searcher, batch_printer, questions);
        }
        let lines = std::mem::take(&mut self.lines);
        for line in &lines {
            match questions.text(line) {
                text if line.is_cut => self.refuse(text, ParseError::TooLong)?,
                text => self.answer(context, searcher, text)?,
            }
        }
        self.lines = lines;
        Ok(())
    }

    /// Answers lines of stdin together. Allocates nothing, once its buffers have grown, but for ranges.
    fn answer_batch(
        &mut self,
        context: &Context<'_>,
        searcher: &Searcher<'_>,
        batch_printer: &mut dyn BatchPrinter,
        questions: &QuestionLines,
    ) -> Result<(), Failure> {
        self.batch.clear();
        self.refused.clear();
        for line in &self.lines {
            let pushed =
                if line.is_cut { Err(ParseError::TooLong) } else { self.batch.push(questions.text(line)) };
            self.refused.push(pushed.err());
        }
        let mut answers = searcher.answers(&mut self.batch, &mut self.buffers);
        for (line, refused) in self.lines.iter().zip(&self.refused) {
            let (input, text) = (questions.text(line), &mut self.text);
            if let Some(why) = *refused {
                self.any_refused = true;
                if !self.is_silent {
                    let input = &String::from_utf8_lossy(input);
                    (self.output.refused)(self.style, &Refused::new(input, why), text)?;
                }
            } else if let Some((question, answer)) = answers.next() {
                let status = match answer {
                    Some(answer) => {
                        if !self.is_silent {
                            batch_printer.answer(context, input, &answer, text);
                        }
                        answer.status
                    }
                    None => {
                        let answer = &searcher.verdict(question);
                        let input = &String::from_utf8_lossy(input);
                        if !self.is_silent {
                            (self.output.answer)(context, &Answered { input, answer }, text)?;
                        }
                        answer.status
                    }
                };
                self.any_listed |= status == Status::Blocked;
            }
            if text.len() >= WRITE_LEN {
                self.out.write_all(text)?;
                text.clear();
            }
        }
        self.out.write_all(&self.text)?;
        self.text.clear();
        Ok(())
    }

    /// Answers one question, which is one object of output.
    fn answer(&mut self, context: &Context<'_>, searcher: &Searcher<'_>, text: &[u8]) -> Result<(), Failure> {
        self.batch.clear();
        if let Err(why) = self.batch.push(text) {
            return self.refuse(text, why);
        }
        let input = String::from_utf8_lossy(text);
        for answer in searcher.verdicts(&self.batch) {
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
            (self.output.refused)(self.style, &Refused::new(input, why), &mut self.out)?;
        }
        Ok(())
    }
}
