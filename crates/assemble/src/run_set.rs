//! The sorted runs of one source, one for each kind of key; and all rows of a build.

use crate::columns::{Columns, RangeColumn, SCOPE_BITS, TextColumn};
use crate::flatten::AddressNumber;
use crate::limits::SizeLimits;
use crate::merge::{self, RangeCursor, TextCursor};
use crate::run::{RangeRunReader, RangeRunWriter, SortedRun, TextRunReader, TextRunWriter};
use crate::scratch::Scratch;
use rapsheet_snapshot::{AddressRange, TooLarge};

/// Sorted rows of one source: part of a download, the previous snapshot or the state file.
#[derive(Debug, Default)]
pub struct RunSet {
    pub(crate) v4: SortedRun,
    pub(crate) v6: SortedRun,
    pub(crate) names: SortedRun,
    pub(crate) urls: SortedRun,
}

impl RunSet {
    /// Numbers the claims of all rows from `claim_base`.
    pub fn shift_claims(&mut self, claim_base: u32) {
        for run in [&mut self.v4, &mut self.v6, &mut self.names, &mut self.urls] {
            run.tag_shift = run.tag_shift.wrapping_add(claim_base << SCOPE_BITS);
        }
    }

    /// Visits the IPv4 addresses, in order, each with its tag.
    pub fn each_v4(&self, scratch: &Scratch, visit: impl FnMut(u32, u32, u32)) {
        each_range(&self.v4, scratch, visit);
    }

    /// Visits the IPv6 addresses, in order, each with its tag.
    pub fn each_v6(&self, scratch: &Scratch, visit: impl FnMut(u128, u128, u32)) {
        each_range(&self.v6, scratch, visit);
    }

    /// Visits the names, with their bytes reversed, in order, each with its tag.
    pub fn each_name(&self, scratch: &Scratch, visit: impl FnMut(&[u8], u32)) {
        each_text(&self.names, scratch, visit);
    }

    /// Visits the URLs, in order, each with its tag.
    pub fn each_url(&self, scratch: &Scratch, visit: impl FnMut(&[u8], u32)) {
        each_text(&self.urls, scratch, visit);
    }
}

fn each_range<N: AddressNumber>(run: &SortedRun, scratch: &Scratch, mut visit: impl FnMut(N, N, u32)) {
    let mut rows = RangeRunReader::new(run, scratch);
    while rows.advance() {
        visit(rows.ends.0, rows.ends.1, rows.tag);
    }
}

fn each_text(run: &SortedRun, scratch: &Scratch, mut visit: impl FnMut(&[u8], u32)) {
    let mut rows = TextRunReader::new(run, scratch);
    while rows.advance() {
        visit(&rows.key, rows.tag);
    }
}

/// Visits the names of several runs in order, each with the tags of all of its rows.
pub fn each_name_group(runs: &[&RunSet], scratch: &Scratch, mut visit: impl FnMut(&Vec<u8>, &mut Vec<u32>)) {
    let cursors = runs.iter().map(|runs| TextCursor::run(&runs.names, scratch));
    merge::each_group(cursors, |key, tags| visit(&key.bytes, tags));
}

/// Visits the URLs of several runs in order, each with the tags of all of its rows.
pub fn each_url_group(runs: &[&RunSet], scratch: &Scratch, mut visit: impl FnMut(&Vec<u8>, &mut Vec<u32>)) {
    let cursors = runs.iter().map(|runs| TextCursor::run(&runs.urls, scratch));
    merge::each_group(cursors, |key, tags| visit(&key.bytes, tags));
}

/// Visits the ranges of IPv4 of several runs in order, each with the tags of all of its rows.
pub fn each_v4_group(runs: &[&RunSet], scratch: &Scratch, visit: impl FnMut(u32, u32, &mut Vec<u32>)) {
    each_range_group(runs.iter().map(|runs| &runs.v4), scratch, visit);
}

/// Visits the ranges of IPv6 of several runs in order, each with the tags of all of its rows.
pub fn each_v6_group(runs: &[&RunSet], scratch: &Scratch, visit: impl FnMut(u128, u128, &mut Vec<u32>)) {
    each_range_group(runs.iter().map(|runs| &runs.v6), scratch, visit);
}

fn each_range_group<'r, N: AddressNumber>(
    runs: impl Iterator<Item = &'r SortedRun>,
    scratch: &'r Scratch,
    mut visit: impl FnMut(N, N, &mut Vec<u32>),
) {
    merge::each_group(runs.map(|run| RangeCursor::run(run, scratch)), |key: &Option<(N, N)>, tags| {
        key.iter().for_each(|(first, last)| visit(*first, *last, tags));
    });
}

/// Writes the rows of a source that has them in order.
pub struct RunSetWriter<'s> {
    v4: RangeRunWriter<'s, u32>,
    v6: RangeRunWriter<'s, u128>,
    names: TextRunWriter<'s>,
    urls: TextRunWriter<'s>,
}

impl<'s> RunSetWriter<'s> {
    /// Without rows.
    pub fn new(scratch: &'s Scratch) -> RunSetWriter<'s> {
        RunSetWriter {
            v4: RangeRunWriter::new(scratch),
            v6: RangeRunWriter::new(scratch),
            names: TextRunWriter::new(scratch),
            urls: TextRunWriter::new(scratch),
        }
    }

    /// Adds a range of either family: by first address, wider ranges first.
    #[inline]
    pub fn push_range(&mut self, range: AddressRange, tag: u32) {
        match range {
            AddressRange::V4 { first, last } => self.v4.push(first, last, tag),
            AddressRange::V6 { first, last } => self.v6.push(first, last, tag),
        }
    }

    /// Adds a name, with its bytes reversed.
    #[inline]
    pub fn push_name(&mut self, reversed: &[u8], tag: u32) {
        self.names.push(reversed, tag);
    }

    /// Adds a URL.
    #[inline]
    pub fn push_url(&mut self, url: &[u8], tag: u32) {
        self.urls.push(url, tag);
    }

    /// The rows; `None` if those of some kind were out of order.
    pub fn finish(self) -> Option<RunSet> {
        Some(RunSet {
            v4: self.v4.finish()?,
            v6: self.v6.finish()?,
            names: self.names.finish()?,
            urls: self.urls.finish()?,
        })
    }
}

impl Columns {
    /// Sorts the rows and moves them into runs. The columns are empty then, and the memory is free.
    ///
    /// # Errors
    /// [`TooLarge`] if a key is too long for a row.
    pub fn take_runs(&mut self, scratch: &Scratch) -> Result<RunSet, TooLarge> {
        self.check_keys()?;
        self.sort();
        let Columns { names, urls, v4, v6 } = std::mem::take(self);
        Ok(RunSet {
            v4: range_run(v4, scratch),
            v6: range_run(v6, scratch),
            names: text_run(names, scratch),
            urls: text_run(urls, scratch),
        })
    }
}

fn range_run<N: AddressNumber>(column: RangeColumn<N>, scratch: &Scratch) -> SortedRun {
    let mut run = RangeRunWriter::new(scratch);
    column.rows.iter().for_each(|row| run.push(row.first, row.last, row.tag));
    // Sorted just now.
    run.finish().unwrap_or_default()
}

fn text_run(column: TextColumn, scratch: &Scratch) -> SortedRun {
    let mut run = TextRunWriter::new(scratch);
    for at in 0..column.rows().len() {
        column.row_at(at).into_iter().for_each(|(key, tag)| run.push(key, tag));
    }
    run.finish().unwrap_or_default()
}

/// All rows of a build, with the memory that they share.
pub struct Rows<'s> {
    /// Where rows are that do not fit the memory.
    pub(crate) scratch: &'s Scratch,
    /// Rows in memory, in sorted columns.
    pub(crate) columns: Vec<Columns>,
    /// All other rows.
    pub(crate) runs: Vec<RunSet>,
    /// The rows of small downloads, not yet sorted.
    small: Columns,
}

/// Columns with more rows than this are a run of their own; smaller ones are sorted together, because few long runs
/// are merged in less time than many short ones.
const LARGE: usize = 4 << 20;

impl<'s> Rows<'s> {
    /// Without rows.
    pub fn new(scratch: &'s Scratch) -> Rows<'s> {
        Rows { scratch, columns: Vec::new(), runs: Vec::new(), small: Columns::default() }
    }

    /// Adds rows in any order, whose claims are numbered from `claim_base`.
    pub fn add(&mut self, mut columns: Columns, claim_base: u32) {
        if columns.len() > LARGE || self.small.len() == 0 {
            columns.shift_claims(claim_base);
            match columns.len() > LARGE {
                true => self.columns.push(columns),
                false => self.small = columns,
            }
            return;
        }
        self.small.append(&columns, claim_base);
        if self.small.len() > LARGE {
            self.columns.push(std::mem::take(&mut self.small));
        }
    }

    /// Adds sorted rows, whose claims are numbered from `claim_base`.
    pub fn add_runs(&mut self, mut runs: RunSet, claim_base: u32) {
        runs.shift_claims(claim_base);
        self.runs.push(runs);
    }

    /// Sorts what is not yet sorted.
    pub(crate) fn sort(&mut self) -> Result<(), TooLarge> {
        self.columns.push(std::mem::take(&mut self.small));
        self.columns.iter_mut().try_for_each(|columns| {
            columns.check_keys()?;
            columns.sort();
            Ok(())
        })
    }

    /// An error if there are more rows of some kind than the limits allow.
    pub(crate) fn check(&self, limits: &SizeLimits) -> Result<(), TooLarge> {
        let sum = |columns: fn(&Columns) -> usize, run: fn(&RunSet) -> &SortedRun| {
            let rows = self.columns.iter().map(|of| columns(of) as u64);
            rows.chain(self.runs.iter().map(|of| run(of).rows)).sum()
        };
        let check = |what, rows| TooLarge::check(what, "rows", rows, limits.rows);
        check("names", sum(|columns| columns.names.rows().len(), |runs| &runs.names))?;
        check("URLs", sum(|columns| columns.urls.rows().len(), |runs| &runs.urls))?;
        check("IPv4 addresses", sum(|columns| columns.v4.rows().len(), |runs| &runs.v4))?;
        check("IPv6 addresses", sum(|columns| columns.v6.rows().len(), |runs| &runs.v6))
    }
}
