//! The outputs of `lookup`: one file and one row each. Help and validation read the table.

use crate::color::Color;
use rapsheet_json::{Directory, ProviderAnswer};
use rapsheet_query::answer::Answer;
use rapsheet_query::{Searcher, Verdict};
use rapsheet_snapshot::{FeedId, ParseError, Time};
use std::io::{self, Write};

mod csv;
mod json;
mod jsonl;
mod metadefender;
mod text;
mod tsv;

/// Every output, in the order of help.
pub(crate) static OUTPUTS: &[&LookupOutput] =
    &[&text::OUTPUT, &json::OUTPUT, &jsonl::OUTPUT, &csv::OUTPUT, &tsv::OUTPUT, &metadefender::OUTPUT];

/// One row of the table.
pub(crate) struct LookupOutput {
    /// The word of `--output`.
    pub(crate) name: &'static str,
    /// What it is, for help.
    pub(crate) about: &'static str,
    /// Prints what comes before all answers.
    pub(crate) header: fn(Style, &mut dyn Write) -> io::Result<()>,
    /// Prints one answer.
    pub(crate) answer: fn(&Context<'_>, &Answered<'_>, &mut dyn Write) -> io::Result<()>,
    /// Prints that a text is not answered. The text may hold any characters, which must not reach a terminal.
    pub(crate) refused: fn(Style, &Refused<'_>, &mut dyn Write) -> io::Result<()>,
    /// For outputs that programs read: prints many answers of one searcher, byte for byte as `answer` does. `None`
    /// where the style asks for what the short answers do not have.
    pub(crate) batch: fn(Style) -> Option<Box<dyn BatchPrinter>>,
}

/// Prints short answers, and keeps the texts that they have in common. All answers are of one searcher.
pub(crate) trait BatchPrinter {
    /// Appends the answer to a question that was typed as `input`.
    fn answer(&mut self, context: &Context<'_>, input: &[u8], answer: &Answer<'_>, out: &mut Vec<u8>);
}

/// What the arguments say about the look of an output.
#[derive(Clone, Copy)]
pub(crate) struct Style {
    /// Whether providers that do not list the indicator are printed.
    pub(crate) all_sources: bool,
    /// Whether cells that a spreadsheet would run are prefixed.
    pub(crate) spreadsheet: bool,
    /// Colour.
    pub(crate) color: Color,
}

/// A question and its answer.
pub(crate) struct Answered<'a> {
    /// The question as it was typed.
    pub(crate) input: &'a str,
    /// The answer.
    pub(crate) answer: &'a Verdict,
}

/// A question that is not answered.
pub(crate) struct Refused<'a> {
    /// The question as it was typed.
    pub(crate) input: &'a str,
    /// The word for the reason.
    pub(crate) word: &'a str,
    /// A sentence of the server that was asked.
    pub(crate) message: Option<&'a str>,
}

impl<'a> Refused<'a> {
    /// A question that is no indicator.
    pub(crate) fn new(input: &'a str, why: ParseError) -> Refused<'a> {
        Refused { input, word: why.word(), message: None }
    }

    /// Why the question is no indicator. A server may have other reasons; and a range is one, however wide.
    fn parse_error(&self) -> Option<ParseError> {
        let is = |why: &&ParseError| why.word() == self.word && **why != ParseError::TooWide;
        ParseError::ALL.iter().find(is).copied()
    }

    /// The question without the blanks around it.
    fn indicator(&self) -> &str {
        self.input.trim_ascii()
    }
}

/// What outputs need besides an answer.
pub(crate) struct Context<'a> {
    /// The names that answers refer to.
    pub(crate) directory: &'a Directory,
    /// What gave short answers; `None` where a server answered.
    pub(crate) searcher: Option<&'a Searcher<'a>>,
    /// The instant of the answers of a batch.
    pub(crate) at: Time,
    /// How it is to look.
    pub(crate) style: Style,
}

impl Context<'_> {
    /// The id of a feed, and when the download that the snapshot holds of it was retrieved.
    fn feed(&self, feed: FeedId) -> (&str, Option<Time>) {
        self.directory.feed(feed)
    }

    /// The name of a source's provider.
    fn provider(&self, source: &rapsheet_query::Source) -> &str {
        self.directory.provider(source.provider)
    }

    /// The part of each provider in an answer. Providers without sightings are left out unless `all`.
    fn providers<'c>(&'c self, answer: &'c Verdict, all: bool) -> impl Iterator<Item = ProviderAnswer<'c>> {
        self.directory.answers(answer, all)
    }
}

/// The batch printer of outputs that have none.
fn no_batch(_: Style) -> Option<Box<dyn BatchPrinter>> {
    None
}

fn no_header(_: Style, _: &mut dyn Write) -> io::Result<()> {
    Ok(())
}
