//! The filter of names: it rejects most suffixes that are not listed, with one cache line each.
//!
//! Most names that are looked up are not listed, and neither is any of their ancestors. The filter stores one
//! byte for each suffix of each entry: a fingerprint of six bits, and two flags: whether the suffix is an
//! *entry* and whether it is a *parent*, that is, has entries below it. A name is walked from its last label.
//! Where the filter answers "no parent", the walk ends; where it answers "entry", the index decides. A flag
//! is wrong for one in a hundred suffixes that are not stored, and then it is set.
//!
//! Bytes are stored in buckets of xored numbers (see `xor_bucket`): a hash selects a bucket and four of its
//! bytes, whose xor is the byte of the suffix. A bucket holds 44 suffixes on average in 63 bytes, under the
//! first of 255 seeds that makes its equations solvable; its last byte is the seed. It takes a quarter more
//! bytes than a fuse filter, for a third of the cache misses.
//!
//! Few entries are a last label alone, but because of them every look-up would have to test its last label.
//! The header therefore records which last labels may be entries; all other walks start at the number of
//! labels that the shortest other entry has.

use super::hash_sorter::{HashSorter, SortedHashes};
use super::prefetch::prefetch;
use super::sorted_keys::SortedKeys;
use super::suffix::{Suffix, SuffixHash, SuffixSeed};
use super::xor_bucket::{BUCKET_LEN, BucketWriter, Gf2System, bucket_of, scale, seeded};
use crate::column::ColumnStore;
use crate::error::TooLarge;
use crate::layout::u32_at;

const HEADER_LEN: usize = 64;
/// Where the header has a bit for each last label that may be an entry, chosen by the label's first eight
/// bytes.
const LAST_LABELS_AT: usize = 16;
/// How many such bits there are.
const LAST_LABELS: u64 = 8 * (HEADER_LEN - LAST_LABELS_AT) as u64;
/// Where a bucket has its seed.
const SEED_AT: usize = BUCKET_LEN - 1;
/// How many suffixes a bucket holds on average. More would leave too many buckets without a solution.
const SUFFIXES: usize = 44;
/// The seed of a bucket without a solution: the answer for all of its suffixes is [`Membership::UNKNOWN`].
const SATURATED: u8 = 255;
/// The suffix is an entry.
pub(super) const ENTRY: u8 = 1;
/// There are entries below the suffix.
const PARENT: u8 = 2;
/// The bits of the fingerprint.
const FINGERPRINT: u8 = 0b1111_1100;

/// The bytes of the filter of sorted names with their bytes reversed; none without names. Hashes are sorted in `store`.
pub fn encode(
    names: &(impl SortedKeys + ?Sized),
    seed: SuffixSeed,
    store: &ColumnStore,
) -> Result<Vec<u8>, TooLarge> {
    let mut out = Vec::new();
    encode_to(names, seed, store, |bytes, rest| {
        out.reserve_exact(bytes.len() + rest);
        out.extend_from_slice(bytes);
    })?;
    Ok(out)
}

/// Writes the filter in pieces, each with how many bytes follow it where that is known, and otherwise with 0.
pub fn encode_to(
    names: &(impl SortedKeys + ?Sized),
    seed: SuffixSeed,
    store: &ColumnStore,
    mut write: impl FnMut(&[u8], usize),
) -> Result<(), TooLarge> {
    if names.count() == 0 {
        return Ok(());
    }
    let (head, suffixes) = Suffixes::of(names, seed, store);
    let buckets = suffixes.iter().count().div_ceil(SUFFIXES);
    let header = head.encode(TooLarge::fit_u32("name-filter", "buckets", buckets)?);
    write(&header, buckets * BUCKET_LEN);
    let mut write = |suffixes: &[(u64, u8)]| write(&solve(suffixes), 0);
    let mut writer = BucketWriter::new(buckets);
    suffixes.iter().for_each(|suffix| writer.push(suffix, &mut write));
    writer.finish(&mut write);
    Ok(())
}

/// What the header says of names.
struct Head {
    /// The fewest labels of an entry.
    labels_min: u32,
    /// The bits of the last labels that are entries.
    last_labels: [u8; HEADER_LEN - LAST_LABELS_AT],
    /// The fewest labels of the entries that have more than one.
    longer_min: u32,
}

impl Head {
    /// Of no names.
    const EMPTY: Head =
        Head { labels_min: u32::MAX, last_labels: [0; HEADER_LEN - LAST_LABELS_AT], longer_min: u32::MAX };

    /// Adds a name of so many labels.
    fn add(&mut self, labels: u32, last: Suffix, name: &[u8]) {
        self.labels_min = self.labels_min.min(labels);
        if labels == 1 {
            let at = last_label_bit(last.head(name));
            self.last_labels.get_mut(at / 8).into_iter().for_each(|byte| *byte |= 1 << (at % 8));
        } else {
            self.longer_min = self.longer_min.min(labels);
        }
    }

    /// The header of the section, for so many buckets.
    fn encode(&self, buckets: u32) -> Vec<u8> {
        let mut header = [buckets, self.labels_min, self.longer_min].map(u32::to_le_bytes).concat();
        header.resize(LAST_LABELS_AT, 0);
        header.extend(self.last_labels);
        header
    }
}

/// The hashes of all suffixes of names.
struct Suffixes {
    /// Those of the entries.
    entries: SortedHashes<u64>,
    /// Those of the parents. A suffix may be both: apart, a hash takes half the memory of one with its flags.
    parents: SortedHashes<u64>,
}

impl Suffixes {
    fn of(names: &(impl SortedKeys + ?Sized), seed: SuffixSeed, store: &ColumnStore) -> (Head, Suffixes) {
        let mut head = Head::EMPTY;
        let (mut entries, mut parents) =
            (HashSorter::new(store, names.count()), HashSorter::new(store, names.count() / 4));
        let mut before: Vec<u8> = Vec::new();
        names.each(|name| {
            let shared = before.iter().zip(name).take_while(|(a, b)| a == b).count();
            let (last, mut labels) = (Suffix::last_label(name, seed), 0);
            for suffix in std::iter::successors(Some(last), |suffix| suffix.next(name)) {
                labels += 1;
                if suffix.end == name.len() {
                    entries.push(suffix.hash(name).number());
                } else if suffix.end >= shared {
                    // The parents that end in what it shares with the name before were added with that one.
                    parents.push(suffix.hash(name).number());
                }
            }
            head.add(labels, last, name);
            before.truncate(shared);
            before.extend_from_slice(name.get(shared..).unwrap_or(&[]));
        });
        let [entries, parents] = [entries, parents].map(|hashes| hashes.sorted(Vec::dedup));
        (head, Suffixes { entries, parents })
    }

    /// The hash of each suffix with its flags, in order.
    fn iter(&self) -> impl Iterator<Item = (u64, u8)> {
        let (mut entries, mut parents) = (self.entries.iter().peekable(), self.parents.iter().peekable());
        std::iter::from_fn(move || {
            let hash = match (entries.peek(), parents.peek()) {
                (Some(entry), Some(parent)) => *entry.min(parent),
                (Some(hash), None) | (None, Some(hash)) => *hash,
                (None, None) => return None,
            };
            let is_entry = entries.next_if_eq(&hash).is_some();
            let is_parent = parents.next_if_eq(&hash).is_some();
            Some((hash, if is_entry { ENTRY } else { 0 } | if is_parent { PARENT } else { 0 }))
        })
    }
}

/// The bit of a last label, by its first eight bytes.
#[inline]
fn last_label_bit(head: u64) -> usize {
    scale(seeded(head, 0), LAST_LABELS) as usize
}

/// The positions of a hash in its bucket. A position that occurs twice cancels out.
#[inline]
fn positions(hash: u64, seed: u8) -> [usize; 4] {
    let seeded = seeded(hash, seed);
    [40, 46, 52, 58].map(|shift| (seeded >> shift) as usize % BUCKET_LEN)
}

#[inline]
fn fingerprint(hash: u64) -> u8 {
    (hash >> 8) as u8 & FINGERPRINT
}

/// A bucket that stores these suffixes with their flags.
pub(super) fn solve(suffixes: &[(u64, u8)]) -> [u8; BUCKET_LEN] {
    let seeds = (0..SATURATED).take(if suffixes.len() < BUCKET_LEN { usize::MAX } else { 0 });
    seeds.filter_map(|seed| solve_with(suffixes, seed)).next().unwrap_or([SATURATED; BUCKET_LEN])
}

/// The bucket with this seed, if there is one. The seed itself is an equation, too: the byte in its place is
/// known.
fn solve_with(suffixes: &[(u64, u8)], seed: u8) -> Option<[u8; BUCKET_LEN]> {
    let mut system = Gf2System::new();
    system.add([SEED_AT], seed.into());
    let mut add =
        |(hash, flags): &(u64, u8)| system.add(positions(*hash, seed), (fingerprint(*hash) | flags).into());
    suffixes.iter().all(&mut add).then(|| system.solution().map(|number| number as u8))
}

/// The filter's answer for a suffix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Membership(u8);

impl Membership {
    /// Neither an entry nor a parent. This is certain.
    pub(super) const NONE: Membership = Membership(0);
    /// Perhaps both.
    pub(super) const UNKNOWN: Membership = Membership(ENTRY | PARENT);

    /// Whether the suffix may be an entry.
    #[inline]
    pub(crate) fn may_be_entry(self) -> bool {
        self.0 & ENTRY != 0
    }

    /// Whether the suffix may have entries below it.
    #[inline]
    pub(crate) fn may_be_parent(self) -> bool {
        self.0 & PARENT != 0
    }
}

/// The filter of names in a file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Filter<'a> {
    labels_min: u32,
    longer_min: u32,
    seed: SuffixSeed,
    header: &'a [u8; HEADER_LEN],
    buckets: &'a [[u8; BUCKET_LEN]],
}

impl<'a> Filter<'a> {
    /// Reads the header; `None` where the bytes are not a filter.
    pub(crate) fn new(bytes: &'a [u8], seed: SuffixSeed) -> Option<Filter<'a>> {
        let (header, buckets) = bytes.split_first_chunk()?;
        let buckets = buckets.as_chunks().0;
        let is_whole = buckets.len() == u32_at(header, 0) as usize && !buckets.is_empty();
        is_whole.then(|| Filter {
            labels_min: u32_at(header, 4),
            longer_min: u32_at(header, 8),
            seed,
            header,
            buckets,
        })
    }

    /// How many bytes it takes.
    pub(crate) fn byte_len(&self) -> usize {
        HEADER_LEN + self.buckets.len() * BUCKET_LEN
    }

    /// The shortest suffix of a name that must be looked up; `None` where no suffix can be an entry.
    #[inline(always)]
    pub(crate) fn first_suffix(&self, name: &[u8]) -> Option<Suffix> {
        let last = Suffix::last_label(name, self.seed);
        let may_be_any = self.labels_min > 1 || self.may_be_last_label(last.head(name));
        let labels = if may_be_any { self.labels_min } else { self.longer_min };
        match labels {
            0 | 1 => Some(last),
            2 => last.next(name),
            _ => (1..labels).try_fold(last, |suffix, _| suffix.next(name)),
        }
    }

    /// Whether a last label with these first bytes may be an entry.
    #[inline]
    fn may_be_last_label(&self, head: u64) -> bool {
        let at = last_label_bit(head);
        self.header.get(LAST_LABELS_AT + at / 8).is_none_or(|byte| byte >> (at % 8) & 1 != 0)
    }

    /// Prefetches what [`Filter::lookup`] reads.
    #[inline]
    pub(crate) fn prefetch(&self, suffix: SuffixHash) {
        prefetch(self.buckets, bucket_of(suffix.number(), self.buckets.len()));
    }

    /// Whether a suffix may be an entry, and whether it may be a parent.
    #[inline]
    pub(crate) fn lookup(&self, suffix: SuffixHash) -> Membership {
        let hash = suffix.number();
        let Some(bucket) = self.buckets.get(bucket_of(hash, self.buckets.len())) else {
            return Membership::UNKNOWN;
        };
        lookup_in(bucket, hash)
    }
}

/// What a bucket states of a hash.
#[inline]
pub(super) fn lookup_in(bucket: &[u8; BUCKET_LEN], hash: u64) -> Membership {
    let seed = bucket[SEED_AT];
    if seed == SATURATED {
        return Membership::UNKNOWN;
    }
    let bytes = positions(hash, seed).map(|position| bucket.get(position).copied().unwrap_or(0));
    let value = bytes.iter().fold(fingerprint(hash), |sum, byte| sum ^ byte);
    Membership(if value & FINGERPRINT == 0 { value } else { 0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEED: SuffixSeed = SuffixSeed::from_number(0xFEDC_BA98_7654_3210);

    fn filter(names: &[Vec<u8>]) -> Vec<u8> {
        encode(&names.iter().map(Vec::as_slice).collect::<Vec<_>>(), SEED, &ColumnStore::memory())
            .expect("small")
    }

    fn hash(name: &[u8]) -> SuffixHash {
        SuffixHash::of(name, SEED)
    }

    #[test]
    fn files_change_no_byte() {
        let folder = tempfile::tempdir().expect("a folder");
        let files = ColumnStore::files(folder.path().join("x.rap"));
        for count in [1, 2, 40, 400_000] {
            let names: Vec<String> = (0..count).map(|n| format!("moc.{:x}.{n}", n % 977)).collect();
            let mut names: Vec<&[u8]> =
                names.iter().map(String::as_bytes).chain([&b"moc"[..], b"moc.1"]).collect();
            names.sort_unstable();
            let [whole, stored] =
                [&ColumnStore::memory(), &files].map(|store| encode(&names, SEED, store).expect("small"));
            assert!(whole == stored, "{count}");
        }
        files.check().expect("room");
    }

    #[test]
    fn entries_and_parents_are_never_rejected() {
        for count in [1, 2, 3, 10, 1000, 50_000] {
            let names: Vec<Vec<u8>> =
                (0..count).map(|n| format!("moc.{:x}.{n}", n % 977).into_bytes()).collect();
            let bytes = filter(&names);
            let filter = Filter::new(&bytes, SEED).expect("a filter");
            let first = |name: &[u8]| filter.first_suffix(name).map(|suffix| suffix.end);
            assert_eq!((first(b"moc.ab.cde.f"), first(b"moc.ab")), (Some(10), None));
            for name in &names {
                assert!(filter.lookup(hash(name)).may_be_entry());
                let parent = name.iter().rposition(|byte| *byte == b'.').map_or(&[][..], |dot| &name[..dot]);
                assert!(filter.lookup(hash(parent)).may_be_parent());
                assert!(filter.lookup(hash(b"moc")).may_be_parent());
            }
        }
    }

    #[test]
    fn one_miss_in_a_hundred_passes() {
        let names: Vec<Vec<u8>> = (0..20_000).map(|n| format!("moc.{n:x}").into_bytes()).collect();
        let bytes = filter(&names);
        let filter = Filter::new(&bytes, SEED).expect("a filter");
        let misses = (0..20_000).map(|n| format!("ten.{n:x}"));
        let passed = misses.filter(|name| filter.lookup(hash(name.as_bytes())).may_be_entry()).count();
        assert!(passed < 260, "{passed} of 20,000");
        assert!(bytes.len() * 8 < (names.len() + 1) * 12, "{} bytes", bytes.len());
    }

    #[test]
    fn last_labels_are_looked_up_only_where_they_may_be_entries() {
        let names = ["eerf", "moc.a.b", "ten.c.d.e", "sgnihtlla"].map(|name| name.as_bytes().to_vec());
        let bytes = filter(&names);
        let filter = Filter::new(&bytes, SEED).expect("a filter");
        let labels = |last: &str| {
            let name = format!("{last}.a.b.c");
            filter.first_suffix(name.as_bytes()).map_or(0, |suffix| name[..suffix.end].split('.').count())
        };
        assert_eq!([labels("eerf"), labels("sgnihtlla"), labels("moc")], [1, 1, 3]);
        let skipped = (0..1000).filter(|n| labels(&format!("{n:x}")) == 3).count();
        assert!(skipped > 980, "{skipped}");
    }

    #[test]
    fn overfull_buckets_reject_nothing() {
        let crowd: Vec<(u64, u8)> = (0..64).map(|at| (SuffixHash(at).number(), ENTRY)).collect();
        assert_eq!(solve(&crowd), [SATURATED; BUCKET_LEN]);
        let header = [1u32, 1].map(u32::to_le_bytes).concat();
        let bytes = [header, vec![0; HEADER_LEN - 8], vec![SATURATED; BUCKET_LEN]].concat();
        let filter = Filter::new(&bytes, SEED).expect("a filter");
        assert!((0..500).all(|at| filter.lookup(SuffixHash(at)) == Membership::UNKNOWN));
        assert!(
            Filter::new(&bytes[..bytes.len() - 1], SEED).is_none()
                && Filter::new(&[0; HEADER_LEN], SEED).is_none()
        );
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_survived(
            buckets in 0u32..4,
            labels in proptest::array::uniform2(proptest::sample::select(vec![0, 1, 2, 5, u32::MAX])),
            bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..260),
            name in "[a-z.]{0,40}",
        ) {
            let header = [buckets, labels[0], labels[1], 0].map(u32::to_le_bytes).concat();
            let forged = [header, vec![0x55; HEADER_LEN - 16], bytes].concat();
            let whole = &forged[..HEADER_LEN + (forged.len() - HEADER_LEN) / BUCKET_LEN * BUCKET_LEN];
            let filter = Filter::new(whole, SEED);
            let first = filter.as_ref().and_then(|filter| Some((filter, filter.first_suffix(name.as_bytes())?)));
            if let Some((filter, suffix)) = first {
                filter.prefetch(suffix.hash(name.as_bytes()));
                let _ = filter.lookup(suffix.hash(name.as_bytes()));
            }
        }
    }
}
