//! The entries of one block as columns of rows, ready to be sorted.
//!
//! Millions of rows differ in their key and share everything else, so a row is a key and the number of its
//! *attributes*. A block has few distinct attributes, except in feeds whose rows state their own times.

use crate::entry::{Details, Key, Position, Sink, Skip, Warnings};
use crate::report::{REJECTS_MAX, quote};
use rapsheet_assemble::{Claim, ClaimSource, Columns, RunSet, Scratch, TextColumn, claim_of, scope_of, tag};
use rapsheet_snapshot::section::times::MaybeTime;
use rapsheet_snapshot::{Assessments, FeedId, ListKind, ParseError, Scope, TooLarge, hash};
use std::collections::HashMap;

/// What a row of a download states, apart from its key, in sixteen bytes: there may be as many as rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Attributes {
    /// The row's first-seen time.
    first_seen: MaybeTime,
    /// The row's last-seen time.
    last_seen: MaybeTime,
    /// The row's own expiry.
    expires: MaybeTime,
    /// The row's assessments; empty where it states none.
    assessments: Assessments,
    /// Block or allow.
    pub(crate) list: ListKind,
}

impl Attributes {
    /// The claim of a feed's download that has these attributes.
    fn claim(&self, feed: FeedId) -> Claim {
        Claim {
            feed,
            list: self.list,
            source: ClaimSource::Download,
            assessments: self.assessments,
            first_seen: self.first_seen.get(),
            last_seen: self.last_seen.get(),
            expires: self.expires.get(),
        }
    }

    fn content_hash(&self) -> u64 {
        let time = |time: MaybeTime| time.get().map_or(1, |time| time.unix().unsigned_abs());
        let times = [self.first_seen, self.last_seen, self.expires].map(time);
        let flags = u64::from(self.assessments.bits()) << 1 | self.list as u64;
        times.iter().fold(hash::mix(flags), |sum, time| hash::mix(sum ^ time))
    }
}

/// A hash of an IPv6 address. Only its lower half is mixed, so that equal halves do not cancel out.
fn mix_wide(number: u128) -> u64 {
    hash::mix(number as u64) ^ (number >> 64) as u64
}

/// A rejected line.
pub(crate) struct Rejected {
    /// Its position.
    pub(crate) position: Position,
    /// The reason.
    pub(crate) why: ParseError,
    /// Its text, cut off.
    pub(crate) text: String,
}

/// What a build takes for distinct attributes: here, and as a claim.
const ATTRIBUTES_COST: usize = 40;

/// Collects the entries of one block, or of all blocks of a download.
pub(crate) struct Collector {
    list: ListKind,
    /// The rows in memory. The claims in their tags are positions in `attributes`.
    pub(crate) columns: Columns,
    /// The rows that did not fit the memory, as sorted runs.
    pub(crate) spilled: Vec<RunSet>,
    /// The distinct attributes of the rows.
    attributes: Vec<Attributes>,
    /// How many rows have each, as far as [`ClaimTable`](rapsheet_assemble::ClaimTable) wants to know.
    uses: Vec<u8>,
    /// Rejected lines, up to [`REJECTS_MAX`].
    pub(crate) rejects: Vec<Rejected>,
    numbers: HashMap<Attributes, u32>,
    last: Option<(Attributes, u32)>,
}

impl Collector {
    /// An empty collector for a list of this kind.
    pub(crate) fn new(list: ListKind) -> Collector {
        Collector {
            list,
            columns: Columns::default(),
            spilled: Vec::new(),
            attributes: Vec::new(),
            uses: Vec::new(),
            rejects: Vec::new(),
            numbers: HashMap::new(),
            last: None,
        }
    }

    /// How many bytes of memory the rows and their attributes take.
    pub(crate) fn memory(&self) -> u64 {
        self.columns.memory() + (self.attributes.len() * ATTRIBUTES_COST) as u64
    }

    /// Moves the rows to sorted runs, beyond the memory that is left. Returns how many bytes that made free.
    pub(crate) fn spill(&mut self, scratch: &Scratch) -> Result<u64, TooLarge> {
        let memory = self.columns.memory();
        self.spilled.push(self.columns.take_runs(scratch)?);
        Ok(memory)
    }

    /// The attributes of a row, by its tag.
    pub(crate) fn attributes(&self, tag: u32) -> Option<&Attributes> {
        self.attributes.get(claim_of(tag))
    }

    /// The claims of a feed's download that rows have, each with the number of its rows.
    pub(crate) fn claims(&self, feed: FeedId) -> impl Iterator<Item = (Claim, u8)> {
        self.attributes.iter().map(move |attributes| attributes.claim(feed)).zip(self.uses.iter().copied())
    }

    /// Visits all IPv4 addresses, in memory and out of it, each with its tag.
    pub(crate) fn each_v4(&self, scratch: &Scratch, mut visit: impl FnMut(u32, u32, u32)) {
        self.columns.v4.rows().iter().for_each(|row| visit(row.first, row.last, row.tag));
        self.spilled.iter().for_each(|runs| runs.each_v4(scratch, &mut visit));
    }

    /// Visits all IPv6 addresses, each with its tag.
    pub(crate) fn each_v6(&self, scratch: &Scratch, mut visit: impl FnMut(u128, u128, u32)) {
        self.columns.v6.rows().iter().for_each(|row| visit(row.first, row.last, row.tag));
        self.spilled.iter().for_each(|runs| runs.each_v6(scratch, &mut visit));
    }

    /// Visits all names, with their bytes reversed, each with its tag.
    pub(crate) fn each_name(&self, scratch: &Scratch, mut visit: impl FnMut(&[u8], u32)) {
        let names = &self.columns.names;
        names.rows().iter().for_each(|row| visit(names.key(row), row.tag));
        self.spilled.iter().for_each(|runs| runs.each_name(scratch, &mut visit));
    }

    /// Visits all URLs, each with its tag.
    pub(crate) fn each_url(&self, scratch: &Scratch, mut visit: impl FnMut(&[u8], u32)) {
        let urls = &self.columns.urls;
        urls.rows().iter().for_each(|row| visit(urls.key(row), row.tag));
        self.spilled.iter().for_each(|runs| runs.each_url(scratch, &mut visit));
    }

    /// Adds all that the collector of the next block has. One collector holds a whole download, so that the
    /// memory of blocks is used again for the next ones.
    pub(crate) fn append(&mut self, block: Collector) {
        // A download has at most 2^30 bytes of text, and an entry more than four, so that tags hold the sum.
        self.columns.append(&block.columns, self.attributes.len() as u32);
        self.attributes.extend(block.attributes);
        self.uses.extend(block.uses);
        let room = REJECTS_MAX.saturating_sub(self.rejects.len());
        self.rejects.extend(block.rejects.into_iter().take(room));
    }

    /// Frees what only collecting needs, which for rows with times of their own is more than the rows.
    pub(crate) fn finish(&mut self) {
        self.numbers = HashMap::new();
    }

    /// A hash of the rows that does not depend on their order. Two downloads with equal sums list the same.
    pub(crate) fn content_hash(&self) -> u64 {
        let hashes: Vec<u64> = self.attributes.iter().map(Attributes::content_hash).collect();
        let of_tag = |tag: u32| {
            let attributes = hashes.get(claim_of(tag)).copied().unwrap_or(0);
            hash::mix(attributes ^ scope_of(tag) as u64)
        };
        let Columns { names, urls, v4, v6 } = &self.columns;
        let texts = [(names, 1), (urls, 2)].into_iter().flat_map(|(texts, kind)| text_hashes(texts, kind));
        let v4 = v4
            .rows()
            .iter()
            .map(|row| (hash::mix(u64::from(row.first) << 32 | u64::from(row.last)), row.tag));
        let v6 = v6.rows().iter().map(|row| (mix_wide(row.first) ^ hash::mix(mix_wide(row.last)), row.tag));
        texts.chain(v4).chain(v6).fold(0, |sum, (key, tag)| sum.wrapping_add(hash::mix(key ^ of_tag(tag))))
    }

    /// The number of a row's attributes. Neighbouring rows mostly have the same.
    fn attributes_of(&mut self, details: &Details) -> u32 {
        let attributes = Attributes {
            list: if details.inverted { self.list.inverted() } else { self.list },
            assessments: details.assessments,
            first_seen: details.first_seen.into(),
            last_seen: details.last_seen.into(),
            expires: details.expires.into(),
        };
        if let Some((last, number)) = self.last
            && last == attributes
        {
            return self.count_use(number);
        }
        let number = *self.numbers.entry(attributes).or_insert_with(|| {
            self.attributes.push(attributes);
            self.uses.push(0);
            // A block is at most 64 MiB long, and every entry takes a byte of it.
            self.attributes.len() as u32 - 1
        });
        self.last = Some((attributes, number));
        self.count_use(number)
    }

    fn count_use(&mut self, number: u32) -> u32 {
        self.uses.get_mut(number as usize).into_iter().for_each(|uses| *uses = uses.saturating_add(1));
        number
    }
}

/// The hashes of names or URLs, with the tags of their rows. `kind` keeps the two apart.
fn text_hashes(texts: &TextColumn, kind: u64) -> impl Iterator<Item = (u64, u32)> {
    texts.rows().iter().map(move |row| (hash::bytes(kind, texts.key(row)), row.tag))
}

impl Sink for Collector {
    fn entry(&mut self, _: Position, key: Key<'_>, details: &Details, _: Warnings) {
        let claim = self.attributes_of(details);
        match key {
            Key::Range(range) => self.columns.push_range(range, tag(claim, Scope::Exact)),
            Key::Name(name, scope) => self.columns.names.push(name.iter().rev().copied(), tag(claim, scope)),
            Key::Url(url) => self.columns.urls.push(url.iter().copied(), tag(claim, Scope::Exact)),
        }
    }

    fn skip(&mut self, _: Position, _: Skip) {}

    fn reject(&mut self, position: Position, why: ParseError, text: &[u8]) {
        if self.rejects.len() < REJECTS_MAX {
            self.rejects.push(Rejected { position, why, text: quote(text) });
        }
    }
}
