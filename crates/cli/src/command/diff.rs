//! `diff`: what changed from one snapshot to another, as counts for each feed or as a list.

use super::stdout;
use crate::args::{Diff, DiffOutput};
use crate::exit::{Exit, Failure};
use crate::names;
use crate::output::json;
use crate::settings::Settings;
use crate::table::{Column, Table, count, noun};
use rapsheet_query::{Change, ChangeKind, SightingData};
use rapsheet_snapshot::{FeedRecord, ListKind, Scope, Snapshot};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::{self, Write};
use std::path::Path;

/// Runs the command.
pub(super) fn run(args: &Diff, settings: &Settings) -> Result<Exit, Failure> {
    let (old, new) = (open(&args.old)?, open(&args.new)?);
    check_feeds(args, &old, &new)?;
    let mut out = stdout();
    match args.output {
        DiffOutput::Table => {
            let (counts, same) = count_changes(args, &old, &new)?;
            table(&counts).print(&mut out)?;
            settings.note(&format!(
                "{} {} unchanged",
                count(same),
                noun(same, "sighting is", "sightings are")
            ));
        }
        DiffOutput::Jsonl => list_changes(args, &old, &new, &mut out)?,
    }
    out.flush()?;
    Ok(Exit::Done)
}

fn open(path: &Path) -> Result<Snapshot, Failure> {
    Snapshot::open(path).map_err(|error| Failure::unopened(&error, &error))
}

/// A feed that neither snapshot has changes nothing, which would look like an answer.
fn check_feeds(args: &Diff, old: &Snapshot, new: &Snapshot) -> Result<(), Failure> {
    let feeds = [new, old].into_iter().flat_map(|snapshot| &snapshot.origin().feeds);
    let known: BTreeSet<&str> = feeds.map(|feed| feed.id.as_str()).collect();
    match args.feeds.iter().find(|feed| !known.contains(feed.as_str())) {
        Some(feed) => Err(Failure::usage(format_args!("--feed: {}", names::unknown("feed", feed, known)))),
        None => Ok(()),
    }
}

impl Diff {
    fn wants(&self, changed: &Change<'_>) -> bool {
        let is_wanted_kind = self.changes.is_empty() || self.changes.contains(&changed.kind);
        is_wanted_kind && (self.feeds.is_empty() || self.feeds.iter().any(|feed| feed == changed.feed))
    }
}

/// The changes of one feed, in the order of [`ChangeKind::ALL`].
type Counts = [u64; 3];

fn count_changes(
    args: &Diff,
    old: &Snapshot,
    new: &Snapshot,
) -> Result<(BTreeMap<String, Counts>, u64), Failure> {
    let mut counts: BTreeMap<String, Counts> = BTreeMap::new();
    let same = rapsheet_query::diff(old, new, |changed| {
        if !args.wants(changed) {
            return;
        }
        if !counts.contains_key(changed.feed) {
            counts.insert(changed.feed.to_owned(), Counts::default());
        }
        let number = counts.get_mut(changed.feed).and_then(|feed| feed.get_mut(changed.kind as usize));
        number.into_iter().for_each(|number| *number += 1);
    });
    Ok((counts, same.map_err(Failure::refused)?))
}

fn table(counts: &BTreeMap<String, Counts>) -> Table {
    let words = ChangeKind::ALL.map(|change| Column::Right(change.word()));
    let mut table = Table::new(&[&[Column::Left("feed")], words.as_slice()].concat());
    let mut total = Counts::default();
    for (feed, counts) in counts {
        total.iter_mut().zip(counts).for_each(|(sum, number)| *sum += number);
        table.push(row(feed, counts));
    }
    table.push(row("total", &total));
    table
}

fn row(title: &str, counts: &Counts) -> Vec<String> {
    std::iter::once(title.to_owned()).chain(counts.iter().copied().map(count)).collect()
}

#[derive(Serialize)]
struct Row<'a> {
    change: &'static str,
    indicator: &'a str,
    feed: &'a str,
    provider: &'a str,
    list: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<&'static str>,
    before: Option<Side>,
    after: Option<Side>,
}

#[derive(Serialize)]
struct Side {
    assessments: Vec<&'static str>,
    first_seen: String,
    detect_time: String,
    expires: String,
}

/// Prints every change. After the first error, such as a closed pipe, nothing more is written.
fn list_changes(args: &Diff, old: &Snapshot, new: &Snapshot, out: &mut dyn Write) -> Result<(), Failure> {
    let feeds = FeedsById::new(old, new);
    let mut written: io::Result<()> = Ok(());
    let walked = rapsheet_query::diff(old, new, |changed| {
        if written.is_ok() && args.wants(changed) {
            written = json::line(&feeds.row(changed), out);
        }
    });
    written?;
    walked.map(|_| ()).map_err(Failure::refused)
}

/// The feeds of both snapshots by id. A forged snapshot may have 65,536 of them, and a change for each byte.
struct FeedsById<'a> {
    old: HashMap<&'a str, &'a FeedRecord>,
    new: HashMap<&'a str, &'a FeedRecord>,
}

impl<'a> FeedsById<'a> {
    fn new(old: &'a Snapshot, new: &'a Snapshot) -> FeedsById<'a> {
        let by_id = |snapshot: &'a Snapshot| {
            snapshot.origin().feeds.iter().map(|feed| (feed.id.as_str(), feed)).collect()
        };
        FeedsById { old: by_id(old), new: by_id(new) }
    }

    fn row(&self, changed: &'a Change<'_>) -> Row<'a> {
        let side = |feeds: &HashMap<&str, &FeedRecord>, state: Option<SightingData>| {
            state.zip(feeds.get(changed.feed)).map(|(state, feed)| Side {
                assessments: state.assessments.iter().map(|assessment| assessment.word()).collect(),
                first_seen: state.times.first_seen.to_string(),
                detect_time: state.times.detect_time.to_string(),
                expires: state.times.expires(feed.retention_seconds).to_string(),
            })
        };
        let feed = self.new.get(changed.feed).or_else(|| self.old.get(changed.feed));
        Row {
            change: changed.kind.word(),
            indicator: changed.indicator,
            feed: changed.feed,
            provider: feed.map_or("", |feed| &feed.provider),
            list: if changed.list == ListKind::Block { "block" } else { "allow" },
            scope: (changed.scope != Scope::Exact).then(|| changed.scope.word()),
            before: side(&self.old, changed.before),
            after: side(&self.new, changed.after),
        }
    }
}
