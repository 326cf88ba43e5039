//! The outputs of `lookup`: one file and one row each. Help and validation read the table.

use crate::color::Color;
use rapsheet_query::{Searcher, Verdict};
use rapsheet_snapshot::{Refusal, Snapshot, Status, Time};
use std::io::{self, Write};

mod csv;
mod json;
mod jsonl;
mod metadefender;
mod text;

/// Every output, in the order in which people are shown them.
pub(crate) static OUTPUTS: &[&LookupOutput] =
    &[&text::OUTPUT, &json::OUTPUT, &jsonl::OUTPUT, &csv::OUTPUT, &metadefender::OUTPUT];

/// One row of the table.
pub(crate) struct LookupOutput {
    /// The word of `--format`.
    pub(crate) name: &'static str,
    /// Prints what comes before all answers.
    head: fn(&mut dyn Write) -> io::Result<()>,
    /// Prints one answer.
    answer: fn(&Context<'_>, &Verdict, &mut dyn Write) -> io::Result<()>,
    /// Prints that a text is no indicator, harmlessly: the text is anything at all.
    refused: fn(&str, Refusal, &mut dyn Write) -> io::Result<()>,
}

/// The output of this name.
pub(crate) fn find(name: &str) -> Option<&'static LookupOutput> {
    OUTPUTS.iter().copied().find(|output| output.name == name)
}

impl LookupOutput {
    /// Prints what comes before all answers.
    pub(crate) fn head(&self, out: &mut dyn Write) -> io::Result<()> {
        (self.head)(out)
    }

    /// Prints one answer.
    pub(crate) fn answer(
        &self,
        context: &Context<'_>,
        answer: &Verdict,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        (self.answer)(context, answer, out)
    }

    /// Prints that a text is no indicator.
    pub(crate) fn refused(&self, text: &str, why: Refusal, out: &mut dyn Write) -> io::Result<()> {
        (self.refused)(text, why, out)
    }
}

/// What outputs need beside an answer.
pub(crate) struct Context<'a> {
    /// The snapshot that answered.
    pub(crate) snapshot: &'a Snapshot,
    /// Who judged.
    pub(crate) searcher: &'a Searcher<'a>,
    /// Whether providers that list nothing are named.
    pub(crate) all_sources: bool,
    /// Colour.
    pub(crate) color: Color,
}

impl Context<'_> {
    /// The id of a source's feed, and when the download that the snapshot holds of it was retrieved.
    fn feed(&self, source: &rapsheet_query::Source) -> (&str, Option<Time>) {
        self.snapshot
            .feed(source.feed)
            .map_or(("", None), |feed| (feed.id.as_str(), feed.traits().update_time))
    }

    /// The name of a source's provider.
    fn provider(&self, source: &rapsheet_query::Source) -> &str {
        self.searcher.providers().get(source.provider).map_or("", |provider| &provider.name)
    }

    /// The providers with what they say in `answer`: their status and their sightings. Those without sightings
    /// are left out unless all were asked for.
    fn providers<'c>(&'c self, answer: &'c Verdict, all: bool) -> impl Iterator<Item = Said<'c>> {
        let providers = self.searcher.providers().iter().zip(&answer.providers).enumerate();
        providers.filter_map(move |(at, (provider, status))| {
            let first = answer.sources.partition_point(|source| source.provider < at);
            let end = answer.sources.partition_point(|source| source.provider <= at);
            let sources = answer.sources.get(first..end).unwrap_or(&[]);
            (all || !sources.is_empty()).then_some(Said { provider, status: *status, sources })
        })
    }
}

/// What one provider says.
struct Said<'a> {
    provider: &'a rapsheet_query::Provider,
    status: Status,
    sources: &'a [rapsheet_query::Source],
}

fn no_head(_: &mut dyn Write) -> io::Result<()> {
    Ok(())
}
