//! Turns a block of a log into output: finds indicators, looks them up, filters the matches, and prints or
//! counts them.
//!
//! All workers share one [`BlockProcessor`]; each has a scorer and [`Scratch`] of its own, so the only lock
//! is that of the summary.
//!
//! Bound: match information is much larger than the lines it comes from, so matches are never collected for a
//! whole block. The scorer hands over some thousand at a time; they are printed and dropped before it finds
//! the next. An output that needs all matches of a record waits for the record's end, and so holds at most
//! one batch and one record.

use crate::args::{At, Score};
use crate::blocks::safe_cut;
use crate::exit::Failure;
use crate::filter::Filter;
use crate::inputs::LogBlock;
use crate::log::{Log, Stated};
use crate::output::score::{FormatOptions, MatchSlice, Matches, ScoredBlock, Scorer};
use crate::reach;
use crate::settings::Settings;
use crate::summary::SummaryBuilder;
use crate::table::{counted, noun};
use rapsheet_query::{Detail, Listing, Searcher, Verdict};
use rapsheet_snapshot::refang::Refanged;
use rapsheet_snapshot::{Snapshot, Time};
use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// How much text is refanged at a time, in bytes, where lines are shorter.
const REFANG_CHUNK: usize = 64 << 10;
/// The largest part of a longer line that is refanged at a time, in bytes.
const REFANG_CHUNK_MAX: usize = 1 << 20;
/// How many rows are printed at a time where each repeats its line of the log.
const CONTEXT_ROWS: usize = 64;

/// Copies of a block, in buffers that are reused.
#[derive(Default)]
pub(crate) struct Scratch {
    masked: Vec<u8>,
    refanged: Refanged,
    found: Matches,
}

/// What all workers share: arguments, filter, and the counters of the run.
pub(crate) struct BlockProcessor<'a> {
    searcher: &'a Searcher<'a>,
    args: &'a Score,
    filter: Filter,
    /// Whether each record is looked up as of its own time.
    is_event: bool,
    /// Whether the output needs all matches of a record at once.
    is_by_record: bool,
    options: FormatOptions,
    /// The counts of a summary, which replaces the rows.
    summary: Option<Mutex<SummaryBuilder>>,
    /// The instant before which the snapshot knows of no listing, where that can matter.
    memory_begins: Option<Time>,
    /// Whether all records are looked up as of an instant before that.
    is_early: bool,
    /// Whether what is listed is the same at any time, as in a list of one's own.
    is_timeless: bool,
    unjudged: Unjudged,
}

/// How many records could not be judged as of their own times.
#[derive(Default)]
struct Unjudged {
    /// They state no time, and were looked up as of now.
    without_time: AtomicU64,
    /// So many of them state a time that is not understood.
    unclear_time: AtomicU64,
    /// They are from before the snapshot's memory.
    before_memory: AtomicU64,
}

impl<'a> BlockProcessor<'a> {
    /// A processor for these arguments and the snapshot of the searcher.
    pub(crate) fn new(
        searcher: &'a Searcher<'a>,
        args: &'a Score,
        snapshot: &Snapshot,
    ) -> BlockProcessor<'a> {
        let is_event = matches!(args.at, At::Event);
        let is_timeless = !args.lists.is_empty();
        let at = (!is_event).then(|| searcher.at());
        let looks_back = !is_timeless && !matches!(args.at, At::Now);
        let memory_begins = if looks_back { reach::begins(snapshot) } else { None };
        let is_early = at.zip(memory_begins).is_some_and(|(at, begins)| at < begins);
        let options = FormatOptions {
            to_terminal: io::stdout().is_terminal(),
            only_listed: args.only_listed,
            spreadsheet: args.spreadsheet,
            context: args.context,
        };
        let summary = args.summary.map(|_| Mutex::new(SummaryBuilder::new(snapshot.built_at(), at)));
        BlockProcessor {
            searcher,
            args,
            filter: Filter::new(args),
            is_event,
            is_by_record: is_event || is_early || args.summary.is_none() && args.output.is_by_record,
            options,
            summary,
            memory_begins,
            is_early,
            is_timeless,
            unjudged: Unjudged::default(),
        }
    }

    /// A scorer that reports what the filter may accept, with caches of about `memory` bytes.
    pub(crate) fn scorer(&self, memory: usize) -> Scorer<'a> {
        // What is looked up again as of another time needs no listing as of now.
        let detail = match self.summary {
            _ if self.is_event => Detail::Status,
            Some(_) => Detail::Listing,
            None if self.args.output.detail == Detail::Status && !self.filter.is_by_status() => {
                Detail::Listing
            }
            None => self.args.output.detail,
        };
        let filter = self.filter.report(self.is_event);
        Scorer::with_listings(self.searcher, filter, memory).with_detail(detail)
    }

    /// Appends the output for a block to `out`, and calls `flush_partial` after each batch of matches, which
    /// may write and clear it. Returns the number of matches.
    pub(crate) fn process(
        &self,
        log_block: &LogBlock,
        scorer: &mut Scorer<'_>,
        scratch: &mut Scratch,
        out: &mut Vec<u8>,
        mut flush_partial: impl FnMut(&mut Vec<u8>),
    ) -> usize {
        let (mut remaining, mut count) = (Remaining::new(log_block), 0);
        let mut found = std::mem::take(&mut scratch.found);
        self.score(log_block, scorer, scratch, |batch, end| {
            found.append(batch);
            let end = if self.is_by_record { remaining.last_record_end(end) } else { Some(end) };
            if let Some(end) = end {
                count += self.report_until(end, &mut remaining, &mut found, out, &mut flush_partial);
            }
        });
        found.clear();
        scratch.found = found;
        count
    }

    /// Reports the matches before `end`, and leaves the others in `found`. Returns how many the filter
    /// accepted.
    fn report_until(
        &self,
        end: usize,
        remaining: &mut Remaining<'_>,
        found: &mut Matches,
        out: &mut Vec<u8>,
        flush_partial: &mut impl FnMut(&mut Vec<u8>),
    ) -> usize {
        let mut count = 0;
        // A row with its line is long: a few fill the buffer.
        while self.args.context && !self.is_by_record && found.len() > CONTEXT_ROWS {
            let others = found.as_slice().split_at(CONTEXT_ROWS).1;
            let until = others.iter().next().map_or(end, |matched| matched.at);
            count += self.report(remaining, found, until, out);
            flush_partial(out);
        }
        count += self.report(remaining, found, end, out);
        flush_partial(out);
        count
    }

    /// Prints or counts the matches between the beginning of `remaining` and `end`, and removes them from
    /// `found`. Returns how many the filter accepted.
    fn report(
        &self,
        remaining: &mut Remaining<'_>,
        found: &mut Matches,
        end: usize,
        out: &mut Vec<u8>,
    ) -> usize {
        let own = found.as_slice().count_before(end);
        let (accepted, times) = if self.is_event {
            let (kept, times) =
                self.evaluate_at_record_times(remaining, found.as_slice().split_at(own).0, end);
            (Some(kept), Some(times))
        } else {
            if self.is_early {
                self.count_early(remaining, end);
            }
            (None, None)
        };
        let matches = accepted.as_ref().map_or(found.as_slice().split_at(own).0, Matches::as_slice);
        let block = &remaining.log_block.block;
        let scored = ScoredBlock {
            file: &remaining.log_block.file,
            bytes: &block.bytes,
            range: remaining.start..end,
            offset: block.offset,
            line: block.line,
            is_piece: block.is_piece,
            log: &remaining.log,
            found: matches,
            last_reported_line: remaining.last_reported_line,
            times: times.as_deref(),
            searcher: self.searcher,
            options: self.options,
        };
        match &self.summary {
            Some(summary) => summary.lock().unwrap_or_else(PoisonError::into_inner).add(&scored),
            None => self.args.output.block(&scored, out),
        }
        let (count, last_line) = (matches.len(), matches.positions().last().map(|(_, line)| line));
        remaining.advance(end, last_line);
        found.remove_first(own);
        count
    }

    /// Calls `each` with batches of matches, ordered by offset, and with the offset before which there are no
    /// others.
    fn score(
        &self,
        log_block: &LogBlock,
        scorer: &mut Scorer<'_>,
        scratch: &mut Scratch,
        mut each: impl FnMut(&mut Matches, usize),
    ) {
        let mut each = |found: &mut Matches, end| {
            // What is listed at the time of a record is decided later.
            if !self.is_event {
                found.retain(|matched| self.filter.accepts(self.searcher, matched.listing));
            }
            each(found, end);
        };
        let Scratch { masked, refanged, .. } = scratch;
        // The block's reader has looked for headers already: a block without one need not be searched again.
        let is_whole = log_block.log.headers_recur() && !log_block.changes_log && self.args.fields.is_empty();
        let is_masked = !is_whole && log_block.log.mask(&log_block.block.bytes, &self.args.fields, masked);
        let text = if is_masked { masked } else { &log_block.block.bytes };
        if !self.args.defanged {
            return scorer.score_in_parts(text, each);
        }
        let (mut start, mut lines) = (0, 0);
        while start < text.len() {
            let chunk = text.get(start..).unwrap_or(&[]);
            let chunk = chunk.get(..refang_len(chunk)).unwrap_or(chunk);
            refanged.read(chunk);
            scorer.score_in_parts(refanged.text(), |found, end| {
                found.map_positions(|at, line| {
                    *at = start + refanged.original_offset(*at);
                    *line += lines;
                });
                let is_end = end == refanged.text().len();
                each(found, start + if is_end { chunk.len() } else { refanged.original_offset(end) });
            });
            (start, lines) = (start + chunk.len(), lines + memchr::memchr_iter(b'\n', chunk).count());
        }
    }

    /// Evaluates matches again, each as of the time of its record, or as of now where the record has none.
    fn evaluate_at_record_times(
        &self,
        remaining: &Remaining<'_>,
        found: MatchSlice<'_>,
        end: usize,
    ) -> (Matches, Vec<Option<Time>>) {
        let (mut found, bytes) = (found.iter().peekable(), remaining.log_block.block.bytes.as_slice());
        let (mut kept, mut times, mut log) = (Matches::default(), Vec::new(), remaining.log.clone());
        remaining.log.each_record(bytes, remaining.start..end, |start, end| {
            let record = bytes.get(start..end).unwrap_or(&[]);
            if log.is_header(record)
                && let Some(updated) = log.updated_by(record)
            {
                log = updated;
            }
            if log.is_header(record) || record.trim_ascii().is_empty() {
                return;
            }
            let stated = log.time(record.trim_ascii_end(), self.args.time_field.as_deref(), self.now());
            let time = if let Stated::At(time) = stated { Some(time) } else { None };
            self.count_unjudged(stated);
            while let Some(matched) = found.next_if(|matched| matched.at < end) {
                if let Some(verdict) = self.verdict_at(matched.indicator, time) {
                    kept.push(matched.at, matched.line, &verdict);
                    times.push(time);
                }
            }
        });
        (kept, times)
    }

    /// Counts the records of a part, all of which are looked up as of an instant before the snapshot's memory.
    fn count_early(&self, remaining: &Remaining<'_>, end: usize) {
        let bytes = remaining.log_block.block.bytes.as_slice();
        let mut count = 0;
        remaining.log.each_record(bytes, remaining.start..end, |start, end| {
            let record = bytes.get(start..end).unwrap_or(&[]);
            count += u64::from(!remaining.log.is_header(record) && !record.trim_ascii().is_empty());
        });
        self.unjudged.before_memory.fetch_add(count, Ordering::Relaxed);
    }

    /// Counts a record that cannot be judged as of its own time.
    fn count_unjudged(&self, stated: Stated) {
        let is_early = |time| self.memory_begins.is_some_and(|begins| time < begins);
        let one = |counter: &AtomicU64| counter.fetch_add(1, Ordering::Relaxed);
        match stated {
            Stated::At(time) if is_early(time) => one(&self.unjudged.before_memory),
            Stated::At(_) => return,
            Stated::Unclear => one(&self.unjudged.unclear_time) + one(&self.unjudged.without_time),
            Stated::Nothing => one(&self.unjudged.without_time),
        };
    }

    fn now(&self) -> Time {
        self.searcher.at()
    }

    /// The verdict on an indicator at a time, if the filter accepts it.
    fn verdict_at(&self, indicator: &str, time: Option<Time>) -> Option<Verdict> {
        let time = time.filter(|_| !self.is_timeless).unwrap_or(self.now());
        let verdict = self.searcher.lookup_at(indicator, time).ok()?;
        self.filter.accepts(self.searcher, &Listing::from(&verdict)).then_some(verdict)
    }

    /// Prints the summary, if there is one, and says how many records could not be judged as of their own times.
    pub(crate) fn finish(self, settings: &Settings, out: &mut dyn Write) -> Result<(), Failure> {
        let (now, is_early) = (self.now(), self.is_early);
        let Unjudged { without_time, unclear_time, before_memory } = self.unjudged;
        let [without_time, unclear_time, before_memory] =
            [without_time, unclear_time, before_memory].map(AtomicU64::into_inner);
        let summary =
            self.summary.map(|summary| summary.into_inner().unwrap_or_else(PoisonError::into_inner));
        if let (Some(mut summary), Some(kind)) = (summary, self.args.summary) {
            summary.set_unjudged(without_time, before_memory);
            summary.finish().print(kind, out)?;
        }
        out.flush()?;
        if without_time > 0 {
            let unclear = match unclear_time {
                0 => String::new(),
                1 => " (1 of them states a time that is not understood)".to_owned(),
                many => format!(" ({many} of them state a time that is not understood)"),
            };
            settings.note(&format!(
                "rapsheet: {} without a time{unclear} {} looked up as of now; see --time-field",
                counted(without_time, "record", "records"),
                noun(without_time, "was", "were")
            ));
        }
        if let Some(begins) = self.memory_begins.filter(|_| before_memory > 0) {
            let records = counted(before_memory, "record is", "records are");
            let looked_up = if is_early { format!(" looked up as of {now},") } else { " from".to_owned() };
            settings.note(&format!("rapsheet: {records}{looked_up} {}", reach::unknown_before(begins)));
        }
        Ok(())
    }
}

/// How much of a text to refang at a time: whole lines, or a part of a longer line that ends between two
/// words.
fn refang_len(text: &[u8]) -> usize {
    if text.len() <= REFANG_CHUNK {
        return text.len();
    }
    let most = text.get(..REFANG_CHUNK_MAX).unwrap_or(text);
    let last_line = memchr::memrchr(b'\n', text.get(..REFANG_CHUNK).unwrap_or(&[]));
    let end = last_line.or_else(|| memchr::memchr(b'\n', most)).map(|at| at + 1);
    end.unwrap_or_else(|| if most.len() < text.len() { safe_cut(most) } else { most.len() })
}

/// The part of a block that was not reported yet.
struct Remaining<'p> {
    log_block: &'p LogBlock,
    /// Its first byte.
    start: usize,
    /// The log's state at `start`.
    log: Log,
    /// The last line with a match that was reported.
    last_reported_line: Option<usize>,
}

impl<'p> Remaining<'p> {
    fn new(log_block: &'p LogBlock) -> Remaining<'p> {
        Remaining { log_block, start: 0, log: log_block.log.clone(), last_reported_line: None }
    }

    /// The end of the last record that ends at or before `end`; `None` where the first record goes on there.
    fn last_record_end(&self, end: usize) -> Option<usize> {
        let bytes = &self.log_block.block.bytes;
        if end == bytes.len() {
            return Some(end);
        }
        let is_line_end = bytes.get(..end).is_some_and(|before| before.ends_with(b"\n"));
        if !is_line_end || self.log.quoted().is_none() {
            return is_line_end.then_some(end);
        }
        let mut last = None;
        self.log.each_record(bytes, self.start..bytes.len(), |_, record_end| {
            last = Some(record_end).filter(|record_end| *record_end <= end).or(last);
        });
        last
    }

    /// Begins at `end`; `line` is the last line with a match before it, if there is one.
    fn advance(&mut self, end: usize, line: Option<usize>) {
        let bytes = &self.log_block.block.bytes;
        if self.log_block.changes_log && end < bytes.len() {
            let updated = self.log.updated_by(bytes.get(self.start..end).unwrap_or(&[]));
            self.log = updated.unwrap_or_else(|| self.log.clone());
        }
        self.start = end;
        self.last_reported_line = line.or(self.last_reported_line);
    }
}
