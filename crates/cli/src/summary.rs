//! The summary of a run: matches per file, indicator, provider and assessment.
//!
//! Summaries are additive: those of the shards of a log, or of a day's logs, merge in any order into the
//! summary of the whole.
//!
//! Bound: at most [`INDICATORS_MAX`] indicators are counted one by one; matches of further ones are counted
//! together, in `uncounted`.

use crate::args::TableOutput;
use crate::exit::Failure;
use crate::input;
use crate::output::score::ScoredBlock;
use crate::printable;
use crate::table::{Column, Table, bytes, count, noun};
use rapsheet_snapshot::Time;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::{self, Read, Write};
use std::path::Path;

/// The version of the JSON form.
const VERSION: u32 = 1;
/// How many indicators are counted one by one.
const INDICATORS_MAX: usize = 100_000;
/// How many rows each printed table has.
const ROWS_MAX: usize = 20;

/// The counts of one run, or the sum of several.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(expecting = "a summary of `rapsheet score --summary=json`")]
pub(crate) struct Summary {
    /// See [`VERSION`].
    version: u32,
    /// The build times of the snapshots.
    snapshots: BTreeSet<String>,
    /// The instants as of which matches were looked up, or `event` for the time of each record.
    at: BTreeSet<String>,
    /// The sum over all files.
    total: Counts,
    /// By file name.
    files: BTreeMap<String, Counts>,
    /// By status number.
    statuses: BTreeMap<u8, u64>,
    assessments: BTreeMap<String, u64>,
    providers: BTreeMap<String, u64>,
    /// The most frequent first.
    indicators: Vec<Indicator>,
    /// Matches of indicators that are not in `indicators`.
    uncounted: u64,
    /// With `--at event`: records that state no time, and were looked up as of now.
    #[serde(default)]
    records_without_time: u64,
    /// With `--at`: records judged as of a time before the snapshot's memory, of which it cannot say what was
    /// listed.
    #[serde(default)]
    records_before_memory: u64,
}

/// The counts of one file, or of all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Counts {
    lines: u64,
    bytes: u64,
    /// Lines with a match.
    lines_found: u64,
    /// Matches; an indicator counts once a line.
    found: u64,
}

impl Counts {
    fn add(&mut self, other: &Counts) {
        self.lines += other.lines;
        self.bytes += other.bytes;
        self.lines_found += other.lines_found;
        self.found += other.found;
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Indicator {
    indicator: String,
    #[serde(rename = "type")]
    type_word: String,
    status: u8,
    count: u64,
}

/// Counts matches, and merges summaries.
#[derive(Debug, Default)]
pub(crate) struct SummaryBuilder {
    summary: Summary,
    indicators: HashMap<String, Indicator>,
}

impl SummaryBuilder {
    /// Counts matches in the snapshot built at `built_at`, as of `at`, or as of the time of each record.
    pub(crate) fn new(built_at: Time, at: Option<Time>) -> SummaryBuilder {
        let at = at.map_or("event".to_owned(), |at| at.to_string());
        let (snapshots, at) = (BTreeSet::from([built_at.to_string()]), BTreeSet::from([at]));
        let summary = Summary { version: VERSION, snapshots, at, ..Summary::default() };
        SummaryBuilder { summary, indicators: HashMap::new() }
    }

    /// Counts a block.
    pub(crate) fn add(&mut self, scored: &ScoredBlock<'_>) {
        let lines: BTreeSet<usize> = scored.found.positions().map(|(_, line)| line).collect();
        // A line may begin in one part of a block and end in the next; it counts once.
        let is_counted = scored.last_reported_line.is_some_and(|line| lines.contains(&line));
        let bytes = scored.bytes.get(scored.range.clone()).unwrap_or(&[]);
        // A last line without a line end is a line, but not the end of a piece of one.
        let is_last = scored.range.end == scored.bytes.len() && !scored.is_piece;
        let has_open_line = is_last && !bytes.is_empty() && !bytes.ends_with(b"\n");
        let counts = Counts {
            lines: memchr::memchr_iter(b'\n', bytes).count() as u64 + u64::from(has_open_line),
            bytes: bytes.len() as u64,
            lines_found: lines.len() as u64 - u64::from(is_counted),
            found: scored.found.len() as u64,
        };
        self.summary.total.add(&counts);
        self.summary.files.entry(scored.file.to_owned()).or_default().add(&counts);
        for found in scored.found.iter() {
            let listing = found.listing;
            *self.summary.statuses.entry(listing.status.number()).or_default() += 1;
            for assessment in listing.assessments.iter() {
                *self.summary.assessments.entry(assessment.word().to_owned()).or_default() += 1;
            }
            for provider in scored.deciding_providers(listing) {
                *self.summary.providers.entry(provider.to_owned()).or_default() += 1;
            }
            self.count(found.indicator, found.type_word, listing.status.number(), 1);
        }
    }

    fn count(&mut self, indicator: &str, type_word: &str, status: u8, times: u64) {
        if let Some(info) = self.indicators.get_mut(indicator) {
            info.count += times;
            // Where the status differs between records, blocklisted wins.
            info.status = if info.status == 1 { 1 } else { status };
        } else if self.indicators.len() < INDICATORS_MAX {
            let (indicator, type_word) = (indicator.to_owned(), type_word.to_owned());
            let row = Indicator { indicator: indicator.clone(), type_word, status, count: times };
            self.indicators.insert(indicator, row);
        } else {
            self.summary.uncounted += times;
        }
    }

    /// Sets how many records could not be judged as of their own times.
    pub(crate) fn set_unjudged(&mut self, without_time: u64, before_memory: u64) {
        self.summary.records_without_time = without_time;
        self.summary.records_before_memory = before_memory;
    }

    /// Adds a summary.
    pub(crate) fn merge(&mut self, other: Summary) {
        let summary = &mut self.summary;
        summary.version = VERSION;
        summary.snapshots.extend(other.snapshots);
        summary.at.extend(other.at);
        summary.total.add(&other.total);
        summary.uncounted += other.uncounted;
        summary.records_without_time += other.records_without_time;
        summary.records_before_memory += other.records_before_memory;
        other
            .files
            .iter()
            .for_each(|(name, counts)| summary.files.entry(name.clone()).or_default().add(counts));
        other
            .statuses
            .iter()
            .for_each(|(status, count)| *summary.statuses.entry(*status).or_default() += count);
        for (all, others) in
            [(&mut summary.assessments, other.assessments), (&mut summary.providers, other.providers)]
        {
            others.into_iter().for_each(|(word, count)| *all.entry(word).or_default() += count);
        }
        for row in other.indicators {
            self.count(&row.indicator, &row.type_word, row.status, row.count);
        }
    }

    /// The finished summary.
    pub(crate) fn finish(self) -> Summary {
        let mut indicators: Vec<Indicator> = self.indicators.into_values().collect();
        indicators.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.indicator.cmp(&b.indicator)));
        Summary { indicators, ..self.summary }
    }
}

impl Summary {
    /// Reads a file of `score --summary=json`.
    pub(crate) fn read(path: &Path) -> Result<Summary, Failure> {
        let refused = |why: String| Failure::refused(format_args!("{}: {why}", path.display()));
        let mut text = Vec::new();
        let input = input::open(path).map_err(|why| Failure::Message(why.exit, why.to_string()))?;
        input.reader.take(1 << 30).read_to_end(&mut text).map_err(|error| refused(error.to_string()))?;
        let summary: Summary = serde_json::from_slice(&text).map_err(|error| {
            refused(format!(
                "not a summary: {error}; expected what `rapsheet score --all --summary=json` prints"
            ))
        })?;
        if summary.version != VERSION {
            return Err(refused(format!(
                "expected version {VERSION} of a summary, found {}; merge it with the rapsheet that wrote it",
                summary.version
            )));
        }
        Ok(summary)
    }

    /// The indicators, each with how often it was found.
    #[cfg(any(feature = "ingest", feature = "ledger"))]
    pub(crate) fn rows(&self) -> impl Iterator<Item = (&str, u64)> {
        self.indicators.iter().map(|row| (row.indicator.as_str(), row.count))
    }

    /// Whether it has an indicator that was in no list.
    #[cfg(feature = "ingest")]
    pub(crate) fn has_unlisted(&self) -> bool {
        self.indicators.iter().any(|row| row.status > 1)
    }

    /// How many matches are of indicators that it does not name.
    #[cfg(any(feature = "ingest", feature = "ledger"))]
    pub(crate) fn uncounted(&self) -> u64 {
        self.uncounted
    }

    /// Prints the summary as JSON or as tables.
    pub(crate) fn print(&self, kind: TableOutput, out: &mut dyn Write) -> io::Result<()> {
        match kind {
            TableOutput::Json => {
                let text = serde_json::to_vec_pretty(self)?;
                writeln!(out, "{}", printable::json_line(&text))
            }
            TableOutput::Table => self.tables(out),
        }
    }

    fn tables(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut files = Table::new(&[
            Column::Left("file"),
            Column::Right("lines"),
            Column::Right("size"),
            Column::Right("lines found"),
            Column::Right("found"),
        ]);
        let mut file = |name: &str, counts: &Counts| {
            let numbers =
                [count(counts.lines), bytes(counts.bytes), count(counts.lines_found), count(counts.found)];
            files.push([name.to_owned()].into_iter().chain(numbers).collect());
        };
        let mut by_found: Vec<_> = self.files.iter().collect();
        by_found.sort_by_key(|(_, counts)| std::cmp::Reverse(counts.found));
        by_found.iter().take(ROWS_MAX).for_each(|(name, counts)| file(name, counts));
        if self.files.len() > 1 {
            file(&format!("{} files", self.files.len()), &self.total);
        }
        files.print(out)?;
        self.indicator_table(out)?;
        count_table("provider", &self.providers, out)?;
        count_table("assessment", &self.assessments, out)?;
        self.unjudged(out)
    }

    /// Says how much of the log the counts above say nothing about.
    fn unjudged(&self, out: &mut dyn Write) -> io::Result<()> {
        for (records, what) in [
            (self.records_without_time, "without a time, looked up as of now"),
            (
                self.records_before_memory,
                "from before the snapshot's memory: what was listed then is not known",
            ),
        ] {
            if records > 0 {
                let noun = noun(records, "record", "records");
                writeln!(out, "\n{} {noun} {what}", count(records))?;
            }
        }
        Ok(())
    }

    fn indicator_table(&self, out: &mut dyn Write) -> io::Result<()> {
        if self.indicators.is_empty() {
            return Ok(());
        }
        let heads = [
            Column::Left("indicator"),
            Column::Left("type"),
            Column::Right("status"),
            Column::Right("count"),
        ];
        let mut table = Table::new(&heads);
        for row in self.indicators.iter().take(ROWS_MAX) {
            let cells =
                [row.indicator.clone(), row.type_word.clone(), row.status.to_string(), count(row.count)];
            table.push(cells.to_vec());
        }
        writeln!(out)?;
        table.print(out)?;
        print_more(self.indicators.len(), out)
    }
}

fn count_table(title: &'static str, counts: &BTreeMap<String, u64>, out: &mut dyn Write) -> io::Result<()> {
    if counts.is_empty() {
        return Ok(());
    }
    let mut sorted: Vec<(&String, &u64)> = counts.iter().collect();
    sorted.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    let mut table = Table::new(&[Column::Left(title), Column::Right("count")]);
    sorted
        .iter()
        .take(ROWS_MAX)
        .for_each(|(word, number)| table.push(vec![(*word).clone(), count(**number)]));
    writeln!(out)?;
    table.print(out)?;
    print_more(counts.len(), out)
}

/// The number of rows that were left out.
fn print_more(all: usize, out: &mut dyn Write) -> io::Result<()> {
    match all.checked_sub(ROWS_MAX) {
        None | Some(0) => Ok(()),
        Some(more) => writeln!(out, "and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(names: &[(&str, u64)]) -> Summary {
        let mut builder = SummaryBuilder::new(Time::from_unix(0), None);
        names.iter().for_each(|(name, times)| builder.count(name, "domain", 1, *times));
        builder.summary.total.found = names.iter().map(|(_, times)| times).sum();
        builder.finish()
    }

    #[test]
    fn merges_in_any_order() {
        let parts = [part(&[("a", 1), ("b", 5)]), part(&[("b", 2), ("c", 3)]), part(&[])];
        let sum = |order: &[usize]| {
            let mut builder = SummaryBuilder::default();
            order.iter().for_each(|at| builder.merge(parts[*at].clone()));
            builder.finish()
        };
        let all = sum(&[0, 1, 2]);
        assert_eq!(all, sum(&[2, 1, 0]));
        let rows: Vec<(&str, u64)> =
            all.indicators.iter().map(|row| (row.indicator.as_str(), row.count)).collect();
        assert_eq!((rows, all.total.found), (vec![("b", 7), ("c", 3), ("a", 1)], 11));
        let text = serde_json::to_string(&all).expect("it is text");
        assert_eq!(serde_json::from_str::<Summary>(&text).expect("it reads"), all);
    }
}
