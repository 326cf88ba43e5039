//! Comparing two snapshots.

use crate::coder::Encoder;
use crate::delta::frame::{DeltaHeader, Frame, text_bytes_max};
use crate::delta::origin;
use crate::delta::part::{Context, PartWriter};
use crate::delta::redating::{Outcomes, Redating};
use crate::error::ShipError;
use crate::keys::{Ipv4Keys, Ipv6Keys, Keys, NameKeys, UrlKeys};
use rapsheet_assemble::Row;
use rapsheet_assemble::SnapshotId;
use rapsheet_assemble::{ClaimTable, RunSet, Scratch, claim_of};
use rapsheet_assemble::{Collected, Collector, row_of};
use rapsheet_snapshot::{FeedRecord, Section, Snapshot, TooLarge};
use std::collections::HashMap;
use std::io::Write;

/// What a delta takes, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeltaSizes {
    /// The whole file.
    pub all: u64,
    /// What describes feeds and their states.
    pub origin: u64,
    /// Which feeds and classes of rows become what.
    pub redating: u64,
    /// What differs in each part: IPv4, IPv6, names, URLs.
    pub parts: [u64; 4],
    /// About how many bytes of each part tell what rows of the earlier snapshot become, such as which are gone. The
    /// others tell what is new.
    pub kept: [u64; 4],
    /// How many rows of each part are new.
    pub added: [u64; 4],
    /// How many rows of each part are gone.
    pub removed: [u64; 4],
}

/// A part of a delta, and how many rows are behind it.
struct WrittenPart {
    bytes: Vec<u8>,
    /// How many of them tell what rows of the earlier snapshot become.
    kept: u64,
    /// How many rows the new snapshot has.
    rows: u64,
    added: u64,
    removed: u64,
}

/// Writes what differs between two snapshots.
///
/// # Errors
/// A snapshot that cannot be read to its end, or `out` that cannot be written.
pub fn write(from: &Snapshot, to: &Snapshot, out: &mut impl Write) -> Result<DeltaSizes, ShipError> {
    let scratch = Scratch::unlimited();
    let pair = Pair::new(from, to, &scratch)?;
    let feeds = feed_numbers(from, to);
    let redating = Redating::new(feeds.clone(), &pair.outcomes(&Redating::of_feeds(feeds)));
    let built_at = [from.built_at().stored(), to.built_at().stored()];
    let context = Context { redating: &redating, built_at };
    let index = from.index();
    let bytes = text_bytes_max(to.byte_len());
    let addresses = || {
        rayon::join(
            || pair.part::<Ipv4Keys>(context, Keys::new(&index, bytes)),
            || pair.part::<Ipv6Keys>(context, Keys::new(&index, bytes)),
        )
    };
    let texts = || {
        rayon::join(
            || pair.part::<NameKeys>(context, Keys::new(&index, bytes)),
            || pair.part::<UrlKeys>(context, Keys::new(&index, bytes)),
        )
    };
    let ((ipv4, ipv6), (names, urls)) = rayon::join(addresses, texts);
    let parts = [ipv4?, ipv6?, names?, urls?];
    let origin = origin::compressed(to.bytes(Section::Origin), from.bytes(Section::Origin))?;
    let mut coder = Encoder::new();
    redating.encode(&mut coder);
    let redating = coder.finish();
    let header = DeltaHeader {
        from: SnapshotId::of(from),
        to: SnapshotId::of(to),
        built_at: to.built_at(),
        origin_count: to.count(Section::Origin) as u64,
        origin_len: to.bytes(Section::Origin).len() as u64,
        rows: parts.each_ref().map(|part| part.rows),
    };
    let tables = [origin.as_slice(), redating.as_slice()];
    let frame = Frame { header, tables, parts: parts.each_ref().map(|part| part.bytes.as_slice()) };
    let bytes = frame.encode();
    out.write_all(&bytes).map_err(|source| ShipError::Io { doing: "writing the delta", source })?;
    Ok(DeltaSizes {
        all: bytes.len() as u64,
        origin: origin.len() as u64,
        redating: redating.len() as u64,
        parts: parts.each_ref().map(|part| part.bytes.len() as u64),
        kept: parts.each_ref().map(|part| part.kept),
        added: parts.each_ref().map(|part| part.added),
        removed: parts.each_ref().map(|part| part.removed),
    })
}

/// The number in the earlier snapshot of each feed of the new one: that of the same id, or of the same URL
/// where the id is new, which has been renamed.
fn feed_numbers(from: &Snapshot, to: &Snapshot) -> Vec<Option<u16>> {
    let (before, now) = (&from.origin().feeds, &to.origin().feeds);
    let by_id: HashMap<&str, u16> =
        before.iter().zip(0..).map(|(feed, number)| (feed.id.as_str(), number)).collect();
    let is_gone = |feed: &&FeedRecord| !now.iter().any(|other| other.id == feed.id);
    let mut by_url: HashMap<&str, u16> = HashMap::new();
    for feed in before.iter().filter(is_gone).filter(|feed| !feed.url.is_empty()) {
        by_id.get(feed.id.as_str()).into_iter().for_each(|number| _ = by_url.insert(&feed.url, *number));
    }
    let mut number =
        |feed: &FeedRecord| by_id.get(feed.id.as_str()).copied().or_else(|| by_url.remove(feed.url.as_str()));
    now.iter().map(&mut number).collect()
}

/// Two snapshots as rows.
struct Pair<'s> {
    scratch: &'s Scratch,
    before: RunSet,
    after: RunSet,
    claims: ClaimTable,
    /// The number of the first claim of the new snapshot.
    after_base: usize,
}

impl<'s> Pair<'s> {
    fn new(from: &Snapshot, to: &Snapshot, scratch: &'s Scratch) -> Result<Pair<'s>, ShipError> {
        let collected = |snapshot: &Snapshot| {
            let mut rows = Collector::new(scratch);
            rows.add(snapshot)?;
            rows.finish().ok_or_else(|| ShipError::from(snapshot.unwalkable(Ipv4Keys::PART)))
        };
        let Collected { runs: before, mut claims } = collected(from)?;
        let Collected { runs: mut after, claims: claims_after } = collected(to)?;
        let base = claims.append(&claims_after)?;
        after.shift_claims(base);
        Ok(Pair { scratch, before, after, claims, after_base: base as usize })
    }

    /// Visits the keys of both, each with its rows before and after.
    fn each_key<K: Keys>(&self, mut visit: impl FnMut(&K::Key, &[Row], &[Row])) {
        let (mut before, mut after) = (Vec::new(), Vec::new());
        K::each_group(&[&self.before, &self.after], self.scratch, |key, tags| {
            before.clear();
            after.clear();
            for tag in tags {
                let rows = if claim_of(*tag) < self.after_base { &mut before } else { &mut after };
                rows.extend(row_of(&self.claims, *tag));
            }
            before.sort_unstable();
            after.sort_unstable();
            visit(key, &before, &after);
        });
    }

    /// What rows of the earlier snapshot become.
    fn outcomes(&self, feeds: &Redating) -> Outcomes {
        let mut outcomes = Outcomes::default();
        self.count::<Ipv4Keys>(feeds, &mut outcomes);
        self.count::<Ipv6Keys>(feeds, &mut outcomes);
        self.count::<NameKeys>(feeds, &mut outcomes);
        self.count::<UrlKeys>(feeds, &mut outcomes);
        outcomes
    }

    fn count<K: Keys>(&self, feeds: &Redating, outcomes: &mut Outcomes) {
        self.each_key::<K>(|_, before, after| {
            for row in before.iter().filter_map(|row| feeds.renumbered(row)) {
                outcomes.count(&row, after.iter().find(|after| after.identity() == row.identity()));
            }
        });
    }

    /// Writes a part.
    fn part<K: Keys>(&self, context: Context<'_>, keys: K) -> Result<WrittenPart, ShipError> {
        let (mut writer, mut result) = (PartWriter::new(context, keys), Ok(()));
        let [mut rows, mut added, mut removed] = [0; 3];
        self.each_key::<K>(|key, before, after| {
            let kept = before.iter().filter_map(|row| context.redating.renumbered(row));
            let kept =
                kept.filter(|row| after.iter().any(|after| after.identity() == row.identity())).count();
            rows += after.len() as u64;
            added += (after.len() - kept) as u64;
            removed += (before.len() - kept) as u64;
            if result.is_ok() {
                result = writer.key(key, before, after);
            }
        });
        let (bytes, kept) = result.and_then(|()| writer.finish()).map_err(ShipError::unsound)?;
        TooLarge::fit_u32("delta", "bytes", bytes.len())?;
        TooLarge::check("delta", "rows", rows, u32::MAX.into())?;
        Ok(WrittenPart { bytes, kept, rows, added, removed })
    }
}
