//! The outputs of `ledger`: one file and one row each. Help and validation read the table. The drawing is
//! apart, because it is a file beside the output.

mod csv;
mod json;
mod svg;
mod text;

pub(crate) use svg::svg;

use rapsheet_ledger::{Churn, Cover, CoverShare, FeedFigures, Ledger, LogHits};
use rapsheet_snapshot::{FeedRecord, ListKind, Snapshot, Time};
use std::cmp::Reverse;
use std::io::{self, Write};

/// Every output, in the order of help.
pub(crate) static OUTPUTS: &[&LedgerOutput] = &[&text::OUTPUT, &json::OUTPUT, &csv::OUTPUT];

/// One row of the table.
pub(crate) struct LedgerOutput {
    /// The word of `--output`.
    pub(crate) name: &'static str,
    /// What it is, for help.
    pub(crate) about: &'static str,
    /// Prints all of it.
    pub(crate) print: fn(&View<'_>, &mut dyn Write) -> io::Result<()>,
}

/// A ledger, as it is printed.
pub(crate) struct View<'a> {
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) ledger: Ledger,
    pub(crate) now: Time,
    /// The kind of list that is compared.
    pub(crate) list: ListKind,
    /// The share that was to be covered, and by what it is.
    pub(crate) share: CoverShare,
    pub(crate) cover: Cover,
    /// When the older snapshot was built, and what changed since, in the order of the feeds.
    pub(crate) churn: Option<(Time, Vec<Churn>)>,
    /// What is found in logs, in the order of the feeds.
    pub(crate) hits: Option<Vec<LogHits>>,
    /// Whether cells that a spreadsheet would run are prefixed.
    pub(crate) spreadsheet: bool,
}

/// All that is known of one feed.
pub(crate) struct Row<'a> {
    /// Its position in the ledger.
    pub(crate) at: usize,
    pub(crate) id: &'a str,
    pub(crate) provider: &'a str,
    pub(crate) figures: FeedFigures,
    pub(crate) churn: Option<Churn>,
    pub(crate) hits: Option<LogHits>,
}

impl View<'_> {
    /// All feeds, those first that list most of what no other feed has.
    pub(crate) fn rows(&self) -> Vec<Row<'_>> {
        let feeds = self.ledger.feeds().iter().enumerate();
        let mut rows: Vec<Row<'_>> = feeds.map(|(at, figures)| self.row(at, figures)).collect();
        rows.sort_by_key(|row| (Reverse(row.figures.unique), Reverse(row.figures.entries), row.id));
        rows
    }

    fn row(&self, at: usize, figures: &FeedFigures) -> Row<'_> {
        let record = self.snapshot.feed(figures.feed);
        let text = |field: fn(&FeedRecord) -> &str| record.map_or("", field);
        Row {
            at,
            id: text(|feed| &feed.id),
            provider: text(|feed| &feed.provider),
            figures: *figures,
            churn: self.churn.as_ref().and_then(|(_, churns)| churns.get(at).copied()),
            hits: self.hits.as_ref().and_then(|hits| hits.get(at).copied()),
        }
    }

    /// The id of the feed at a position.
    pub(crate) fn id(&self, at: usize) -> &str {
        let feed = self.ledger.feeds().get(at).and_then(|feed| self.snapshot.feed(feed.feed));
        feed.map_or("", |feed| &feed.id)
    }

    /// The number of entries of all feeds together.
    pub(crate) fn entries(&self) -> u64 {
        self.ledger.feeds().iter().fold(0, |sum, feed| sum.saturating_add(feed.entries))
    }
}

/// A part of a whole, rounded to a millionth; `None` of nothing.
pub(crate) fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| (part as f64 / whole as f64 * 1e6).round() / 1e6)
}

/// A part of a whole in few characters. Only all of it is 100, and only nothing is 0.
pub(crate) fn percent(part: u64, whole: u64) -> String {
    match u128::from(part) * 100 / u128::from(whole.max(1)) {
        _ if whole == 0 => "-".to_owned(),
        0 if part > 0 => "<1%".to_owned(),
        hundredths => format!("{hundredths}%"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percents_are_not_rounded_up() {
        let shown =
            [(0, 0), (0, 5), (1, 1000), (999, 1000), (7, 7)].map(|(part, whole)| percent(part, whole));
        assert_eq!(shown, ["-", "0%", "<1%", "99%", "100%"]);
        assert_eq!([share(1, 0), share(1, 3)], [None, Some(0.333_333)]);
    }
}
