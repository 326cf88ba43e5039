//! The outputs of `lookup`: one file and one row each. Help and validation read the table.

use crate::color::Color;
use rapsheet_query::answer::Answer;
use rapsheet_query::{Searcher, Verdict};
use rapsheet_snapshot::{FeedId, ParseError, Snapshot, Status, Time};
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
    /// Prints that a text is no indicator. The text may hold any characters, which must not reach a terminal.
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

/// A question that is no indicator.
pub(crate) struct Refused<'a> {
    /// The question as it was typed.
    pub(crate) input: &'a str,
    /// Why it is no indicator.
    pub(crate) why: ParseError,
}

impl Refused<'_> {
    /// The question without the blanks around it.
    fn indicator(&self) -> &str {
        self.input.trim_ascii()
    }
}

/// What outputs need besides an answer.
pub(crate) struct Context<'a> {
    /// The snapshot that answered.
    pub(crate) snapshot: &'a Snapshot,
    /// Knows the providers, in the order of `Verdict::providers`.
    pub(crate) searcher: &'a Searcher<'a>,
    /// How it is to look.
    pub(crate) style: Style,
}

impl Context<'_> {
    /// The id of a feed, and when the download that the snapshot holds of it was retrieved.
    fn feed(&self, feed: FeedId) -> (&str, Option<Time>) {
        self.snapshot.feed(feed).map_or(("", None), |feed| (feed.id.as_str(), feed.traits().update_time))
    }

    /// The name of a source's provider.
    fn provider(&self, source: &rapsheet_query::Source) -> &str {
        self.searcher.provider_of(source)
    }

    /// The part of each provider in an answer. Providers without sightings are left out unless `all`.
    fn providers<'c>(&'c self, answer: &'c Verdict, all: bool) -> impl Iterator<Item = ProviderAnswer<'c>> {
        let providers = self.searcher.providers().iter().zip(&answer.providers).enumerate();
        providers.filter_map(move |(at, (provider, status))| {
            let first = answer.sources.partition_point(|source| source.provider < at);
            let end = answer.sources.partition_point(|source| source.provider <= at);
            let sources = answer.sources.get(first..end).unwrap_or(&[]);
            (all || !sources.is_empty()).then_some(ProviderAnswer { provider, status: *status, sources })
        })
    }
}

/// The part of one provider in an answer: its status and its sightings.
struct ProviderAnswer<'a> {
    provider: &'a rapsheet_query::Provider,
    status: Status,
    sources: &'a [rapsheet_query::Source],
}

/// The batch printer of outputs that have none.
fn no_batch(_: Style) -> Option<Box<dyn BatchPrinter>> {
    None
}

fn no_header(_: Style, _: &mut dyn Write) -> io::Result<()> {
    Ok(())
}
