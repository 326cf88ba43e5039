//! The locator of names: maps the hash of a listed name to the slot of the name in the leaves.
//!
//! For a name that is not listed it returns an arbitrary slot; the look-up compares the name in that slot. A
//! listed name is thus found with one load, where a search would wait for each of its steps, for three and a
//! half bytes a name.
//!
//! Slots are stored in buckets of xored numbers (see `xor_bucket`): a hash selects a bucket and four of its
//! numbers, whose xor is the slot. A bucket has twenty-three numbers of 22 bits, or more if they are
//! narrower. Names are not spread evenly, so that some buckets get more names than they can hold. Such a
//! bucket records how many eighths of its names, by the lowest bits of their hashes, *spill*. Spilled names,
//! one in ten, are stored in a second layer of the same kind of bucket, filled less. Names that a
//! second-layer bucket cannot hold, fewer than one in a thousand of all, are stored nowhere: the locator
//! returns `LeafSlot::HASH_COLLISION`.
//!
//! Two names with the same hash cannot both be stored either and get the same answer. In all these cases the
//! top index finds the name, which takes longer.

use super::hash_sorter::{HashSorter, SortedHashes};
use super::leaves::LeafSlot;
use super::packed::BitWriter;
use super::prefetch::prefetch;
use super::sorted_keys::SortedKeys;
use super::suffix::{SuffixHash, SuffixSeed};
use super::xor_bucket::{BUCKET_LEN, BucketWriter, Gf2System, NUMBERS_MAX, bucket_of, seeded};
use crate::column::{Column, ColumnStore};
use crate::error::TooLarge;
use crate::hash;
use crate::layout::u32_at;

/// The length of the header, in bytes.
pub(crate) const HEADER_LEN: usize = 64;
/// The bits of a bucket that hold numbers; the six others hold seed and spill.
const NUMBER_BITS: usize = 8 * BUCKET_LEN - 6;
/// The narrowest number, in bits: a bucket must not have more numbers than the solver takes.
const WIDTH_MIN: usize = NUMBER_BITS.div_ceil(NUMBERS_MAX);
/// The widest number, in bits: eight bytes hold it wherever it begins.
const WIDTH_MAX: usize = 32;
/// How many seeds a bucket can choose from.
const SEEDS: u8 = 8;
/// Names spill by eighths.
const EIGHTHS: u64 = 8;
/// All names of the bucket spill. Numbers up to this one are so many eighths.
const ALL_SPILL: u8 = 7;
/// How full the buckets of the first layer are on average, as a fraction: numbers used by numbers there are.
/// At this load a tenth of the names spill, and both layers together take the fewest bytes for so few names
/// that are stored nowhere.
const FIRST_LOAD: (usize, usize) = (10, 11);
/// The load of the second layer: its buckets lose one in two thousand of all names.
const SECOND_LOAD: (usize, usize) = (3, 5);

/// Names in the order of their leaves, each with its slot.
pub trait SlottedNames {
    /// How many there are.
    fn count(&self) -> usize;
    /// Visits them in order.
    fn each(&self, visit: impl FnMut(&[u8], LeafSlot));
}

/// Sorted names, and as many slots.
struct WithSlots<'n, N: ?Sized>(&'n N, &'n Column<LeafSlot>);

impl<N: SortedKeys + ?Sized> SlottedNames for WithSlots<'_, N> {
    fn count(&self) -> usize {
        self.0.count()
    }

    fn each(&self, mut visit: impl FnMut(&[u8], LeafSlot)) {
        let mut slots = self.1.iter();
        self.0.each(|name| slots.next().into_iter().for_each(|slot| visit(name, slot)));
    }
}

/// The bytes of the locator of names with their bytes reversed, given the slot of each; none without names.
/// There are as many slots as names. Hashes are sorted in `store`.
pub fn encode(
    names: &(impl SortedKeys + ?Sized),
    slots: &Column<LeafSlot>,
    seed: SuffixSeed,
    store: &ColumnStore,
) -> Result<Vec<u8>, TooLarge> {
    if names.count() == 0 {
        return Ok(Vec::new());
    }
    let last = slots.len().checked_sub(1).and_then(|at| slots.get(at));
    let layout = BucketLayout::for_slots(last.map_or(0, LeafSlot::number));
    // The second layer has a sixth of the buckets of the first one, more or less.
    let buckets = buckets_for(names.count(), layout, FIRST_LOAD) * 6 / 5;
    let mut out = Vec::with_capacity(HEADER_LEN + buckets * BUCKET_LEN);
    out.resize(HEADER_LEN, 0);
    let header = encode_to(&WithSlots(names, slots), seed, store, |bytes| out.extend_from_slice(bytes))?;
    out.iter_mut().zip(header).for_each(|(to, from)| *to = from);
    Ok(out)
}

/// Writes the buckets of the locator, in order, and returns the header that comes before them.
pub fn encode_to(
    names: &impl SlottedNames,
    seed: SuffixSeed,
    store: &ColumnStore,
    mut write: impl FnMut(&[u8]),
) -> Result<[u8; HEADER_LEN], TooLarge> {
    let keys = keys_of(names, seed, store);
    let layout = BucketLayout::for_slots(keys.iter().map(|(_, slot)| slot).max().unwrap_or(0));
    let mut layer = LayerWriter::new(layout, keys.len(), FIRST_LOAD, &mut write);
    keys.iter().for_each(|key| layer.push(key));
    drop(keys);
    let (first, mut spilled) = layer.finish();
    spilled.iter_mut().for_each(|(hash, _)| *hash = second_hash(*hash));
    spilled.sort_unstable();
    let mut layer = LayerWriter::new(layout, spilled.len(), SECOND_LOAD, &mut write);
    spilled.iter().for_each(|key| layer.push(*key));
    // What spills here, too, is stored nowhere, and is left to the top index.
    let (second, _) = layer.finish();
    let count = |buckets: usize| TooLarge::fit_u32("name-locator", "buckets", buckets);
    let mut header = [0; HEADER_LEN];
    let numbers = [count(first)?, layout.width as u32, count(second)?].map(u32::to_le_bytes);
    header.iter_mut().zip(numbers.as_flattened()).for_each(|(to, from)| *to = *from);
    Ok(header)
}

/// The hashes of the names, each with its slot.
fn keys_of(names: &impl SlottedNames, seed: SuffixSeed, store: &ColumnStore) -> SortedHashes<(u64, u32)> {
    let mut keys = HashSorter::new(store, names.count());
    names.each(|name, slot| keys.push((SuffixHash::of(name, seed).number(), slot.number())));
    keys.sorted(|keys| {
        keys.dedup_by(|(hash, _), (before, slot)| {
            let is_collision = hash == before;
            *slot = if is_collision { LeafSlot::HASH_COLLISION.number() } else { *slot };
            is_collision
        });
    })
}

/// Writes the buckets of a layer.
struct LayerWriter<'w> {
    layout: BucketLayout,
    buckets: BucketWriter<u32>,
    count: usize,
    write: &'w mut dyn FnMut(&[u8]),
    /// The keys that did not fit their buckets.
    spilled: Vec<(u64, u32)>,
}

/// How many buckets a layer of so many keys has.
fn buckets_for(keys: usize, layout: BucketLayout, load: (usize, usize)) -> usize {
    (keys * load.1).div_ceil(layout.numbers as usize * load.0)
}

impl<'w> LayerWriter<'w> {
    /// A layer of so many keys, which come in order.
    fn new(
        layout: BucketLayout,
        keys: usize,
        load: (usize, usize),
        write: &'w mut dyn FnMut(&[u8]),
    ) -> LayerWriter<'w> {
        let count = buckets_for(keys, layout, load);
        LayerWriter { layout, buckets: BucketWriter::new(count), count, write, spilled: Vec::new() }
    }

    fn push(&mut self, key: (u64, u32)) {
        let LayerWriter { layout, buckets, write, spilled, .. } = self;
        buckets.push(key, &mut |keys| write(&layout.solve(keys, spilled)));
    }

    /// How many buckets were written, and the keys that spill.
    fn finish(self) -> (usize, Vec<(u64, u32)>) {
        let LayerWriter { layout, buckets, count, write, mut spilled } = self;
        buckets.finish(&mut |keys| write(&layout.solve(keys, &mut spilled)));
        (count, spilled)
    }
}

/// The hash of a name in the second layer. It is independent of the first hash, by which spilled names
/// cluster.
#[inline]
fn second_hash(hash: u64) -> u64 {
    hash::mix(hash)
}

/// How numbers lie in a bucket.
#[derive(Clone, Copy, Debug)]
struct BucketLayout {
    /// The width of a number, in bits.
    width: usize,
    /// How many numbers a bucket has.
    numbers: u64,
    /// The bits of a number.
    mask: u64,
}

impl BucketLayout {
    fn new(width: usize) -> BucketLayout {
        let width = width.clamp(WIDTH_MIN, WIDTH_MAX);
        BucketLayout { width, numbers: (NUMBER_BITS / width) as u64, mask: u64::MAX >> (64 - width) }
    }

    /// For slots up to this one.
    fn for_slots(largest: u32) -> BucketLayout {
        BucketLayout::new((32 - largest.leading_zeros()) as usize)
    }

    /// The positions of a hash in its bucket. A position that occurs twice cancels out.
    #[inline]
    fn positions(&self, hash: u64, seed: u8) -> [usize; 4] {
        let seeded = seeded(hash, seed);
        [16, 28, 40, 52].map(|shift| (((seeded >> shift & 0xFFF) * self.numbers) >> 12) as usize)
    }

    /// A bucket that stores these keys but for those that spill, which are as few as possible.
    fn solve(&self, keys: &[(u64, u32)], spilled: &mut Vec<(u64, u32)>) -> [u8; BUCKET_LEN] {
        let choices = (0..ALL_SPILL).flat_map(|eighths| (0..SEEDS).map(move |seed| (eighths, seed)));
        let mut solved =
            choices.filter_map(|(eighths, seed)| Some((eighths, self.solve_with(keys, seed, eighths)?)));
        let (eighths, bucket) = solved.next().unwrap_or((ALL_SPILL, [0xFF; BUCKET_LEN]));
        spilled.extend(keys.iter().filter(|(hash, _)| spills(*hash, eighths)));
        bucket
    }

    /// The bucket with this seed if so many eighths spill; `None` where the rest does not fit.
    fn solve_with(&self, keys: &[(u64, u32)], seed: u8, eighths: u8) -> Option<[u8; BUCKET_LEN]> {
        let kept = || keys.iter().filter(|(hash, _)| !spills(*hash, eighths));
        if kept().count() as u64 > self.numbers {
            return None;
        }
        let mut system = Gf2System::new();
        if !kept().all(|(hash, slot)| system.add(self.positions(*hash, seed), *slot)) {
            return None;
        }
        let numbers = system.solution();
        Some(self.bucket(numbers.get(..self.numbers as usize)?, seed | eighths << 3))
    }

    /// The bytes of a bucket: the numbers, and `trailer` in the last six bits.
    fn bucket(&self, numbers: &[u32], trailer: u8) -> [u8; BUCKET_LEN] {
        let mut bits = BitWriter::default();
        numbers.iter().for_each(|number| bits.put((*number).into(), self.width));
        let mut bucket = [0; BUCKET_LEN];
        bucket.iter_mut().zip(bits.finish()).for_each(|(place, byte)| *place = byte);
        bucket.iter_mut().last().into_iter().for_each(|byte| *byte |= trailer << 2);
        bucket
    }

    /// The number of a hash in a layer; `None` where the hash spills.
    #[inline]
    fn lookup(&self, layer: &[[u8; BUCKET_LEN]], hash: u64) -> Option<u32> {
        let bucket = layer.get(bucket_of(hash, layer.len()))?;
        let [.., last] = *bucket;
        let trailer = last >> 2;
        if spills(hash, trailer >> 3) {
            return None;
        }
        let positions = self.positions(hash, trailer % SEEDS);
        let sum = positions.into_iter().fold(0, |sum, position| sum ^ bits_at(bucket, position * self.width));
        Some((sum & self.mask) as u32)
    }
}

/// Whether a hash is among the first so many eighths.
#[inline]
fn spills(hash: u64, eighths: u8) -> bool {
    eighths == ALL_SPILL || hash % EIGHTHS < u64::from(eighths)
}

/// The locator of names in a file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Locator<'a> {
    layout: BucketLayout,
    first: &'a [[u8; BUCKET_LEN]],
    /// The buckets of the names that the first layer had no room for.
    second: &'a [[u8; BUCKET_LEN]],
}

impl<'a> Locator<'a> {
    /// Reads the header; `None` where the bytes are not a locator.
    pub(crate) fn new(bytes: &'a [u8]) -> Option<Locator<'a>> {
        let (header, rest) = bytes.split_at_checked(HEADER_LEN)?;
        let [first, width, second] = [0, 4, 8].map(|at| u32_at(header, at) as usize);
        let (first, rest) = rest.split_at_checked(first.checked_mul(BUCKET_LEN)?)?;
        let second = rest.get(..second.checked_mul(BUCKET_LEN)?)?;
        Some(Locator {
            layout: BucketLayout::new(width),
            first: first.as_chunks().0,
            second: second.as_chunks().0,
        })
    }

    /// How many bytes it takes.
    pub(crate) fn byte_len(&self) -> usize {
        HEADER_LEN + (self.first.len() + self.second.len()) * BUCKET_LEN
    }

    /// Prefetches what [`Locator::lookup_first`] reads.
    #[inline]
    pub(crate) fn prefetch(&self, name: SuffixHash) {
        prefetch(self.first, bucket_of(name.number(), self.first.len()));
    }

    /// The slot of the name with this hash, if it is listed.
    #[inline]
    pub(crate) fn lookup(&self, name: SuffixHash) -> LeafSlot {
        self.lookup_first(name).unwrap_or_else(|| self.lookup_second(name))
    }

    /// As [`Locator::lookup`], by the first layer alone; `None` for a hash that spills.
    #[inline]
    pub(crate) fn lookup_first(&self, name: SuffixHash) -> Option<LeafSlot> {
        self.layout.lookup(self.first, name.number()).map(LeafSlot::from_number)
    }

    /// Prefetches what [`Locator::lookup_second`] reads.
    #[inline]
    pub(crate) fn prefetch_second(&self, name: SuffixHash) {
        prefetch(self.second, bucket_of(second_hash(name.number()), self.second.len()));
    }

    /// The slot of a hash that spills from the first layer.
    #[inline(never)]
    pub(crate) fn lookup_second(&self, name: SuffixHash) -> LeafSlot {
        let number = self.layout.lookup(self.second, second_hash(name.number()));
        number.map_or(LeafSlot::HASH_COLLISION, LeafSlot::from_number)
    }
}

/// The number that begins at a bit of a bucket, in the low bits, and what follows it.
#[inline]
fn bits_at(bucket: &[u8; BUCKET_LEN], bit: usize) -> u64 {
    let byte = (bit / 8).min(BUCKET_LEN - 8);
    let word = bucket.get(byte..).and_then(<[u8]>::first_chunk).map_or(0, |word| u64::from_le_bytes(*word));
    word >> ((bit - byte * 8) % 64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SEED: SuffixSeed = SuffixSeed::from_number(0xFEDC_BA98_7654_3210);

    fn encoded(names: &[Vec<u8>], slots: &[u32]) -> Vec<u8> {
        let names: Vec<&[u8]> = names.iter().map(Vec::as_slice).collect();
        let slots: Column<LeafSlot> = slots.iter().copied().map(LeafSlot::from_number).collect();
        encode(&names, &slots, SEED, &ColumnStore::memory()).expect("small")
    }

    fn names(count: u32) -> Vec<Vec<u8>> {
        (0..count).map(|n| format!("moc.{n:x}").into_bytes()).collect()
    }

    #[test]
    fn every_name_is_found_or_left_to_the_top_index() {
        for (count, bits) in [(1, 0), (30, 0), (60_000, 16), (60_000, 22), (5_000, 32)] {
            let names = names(count);
            let slots: Vec<u32> =
                (0..count).map(|n| n.wrapping_mul(0x9E37_79B9) >> (32 - bits.max(1))).collect();
            let bytes = encoded(&names, &slots);
            let locator = Locator::new(&bytes).expect("a locator");
            let (mut spilled, mut left) = (0, 0);
            for (slot, name) in slots.iter().zip(&names) {
                let hash = SuffixHash::of(name, SEED);
                locator.prefetch(hash);
                locator.prefetch_second(hash);
                let is_left = locator.lookup(hash).number() != *slot;
                assert!(!is_left || locator.lookup(hash) == LeafSlot::HASH_COLLISION);
                spilled += usize::from(locator.lookup_first(hash).is_none());
                left += usize::from(is_left);
            }
            assert!(spilled * 7 < names.len(), "{spilled} of {count} spilled");
            // Wider numbers are fewer to a bucket, and vary more.
            let odds = if bits > 22 { 200 } else { 1000 };
            assert!(left * odds <= names.len(), "{left} of {count} left to the top index");
            assert!(
                count < 60_000 || spilled > 0 && bytes.len() * 8 < names.len() * (bits + 7),
                "{} bytes",
                bytes.len()
            );
        }
    }

    #[test]
    fn files_change_no_byte() {
        let folder = tempfile::tempdir().expect("a folder");
        let files = ColumnStore::files(folder.path().join("x.rap"));
        for count in [1u32, 2, 40, 400_000] {
            let mut names = names(count);
            names.sort();
            let names: Vec<&[u8]> = names.iter().map(Vec::as_slice).collect();
            let slots: Column<LeafSlot> = (0..count).map(LeafSlot::from_number).collect();
            let [whole, stored] = [&ColumnStore::memory(), &files]
                .map(|store| encode(&names, &slots, SEED, store).expect("small"));
            assert!(whole == stored, "{count}");
        }
        files.check().expect("room");
    }

    #[test]
    fn names_with_one_hash_are_collisions() {
        let names = [&b"moc.a"[..], b"moc.b", b"moc.b", b"moc.b", b"moc.c"].map(<[u8]>::to_vec);
        let bytes = encoded(&names, &[0, 1, 2, 3, 4]);
        let locator = Locator::new(&bytes).expect("a locator");
        let found =
            ["moc.a", "moc.b", "moc.c"].map(|name| locator.lookup(SuffixHash::of(name.as_bytes(), SEED)));
        let [a, c] = [0, 4].map(LeafSlot::from_number);
        assert_eq!(found, [a, LeafSlot::HASH_COLLISION, c]);
        assert!(Locator::new(&encoded(&[], &[])).is_none());
    }

    #[test]
    fn overfull_buckets_spill_all_names() {
        let crowd: Vec<(u64, u32)> = (0..300).map(|n| (n * 8 + 7, n as u32)).collect();
        let mut spilled = Vec::new();
        let bucket = BucketLayout::new(22).solve(&crowd, &mut spilled);
        assert_eq!(spilled, crowd);
        assert!(spills(u64::MAX, bucket[BUCKET_LEN - 1] >> 5));
    }

    #[test]
    fn what_the_second_layer_cannot_hold_is_a_collision() {
        let (first, second) = ([0xFF; BUCKET_LEN], [0xFF; BUCKET_LEN]);
        let mut bytes = [1u32, 22, 1].map(u32::to_le_bytes).concat();
        bytes.resize(HEADER_LEN, 0);
        bytes.extend([first, second].as_flattened());
        let locator = Locator::new(&bytes).expect("a locator");
        assert_eq!(locator.lookup(SuffixHash(5)), LeafSlot::HASH_COLLISION);
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(
            header in (0u32..7, 0u32..40, 0u32..3),
            bytes in proptest::collection::vec(any::<u8>(), 0..400),
            hashes in proptest::collection::vec(any::<u64>(), 1..20),
        ) {
            let mut forged = [header.0, header.1, header.2].map(u32::to_le_bytes).concat();
            forged.resize(HEADER_LEN, 0);
            forged.extend(bytes);
            for bytes in [&forged[..], &forged[..forged.len() / 2]] {
                let Some(locator) = Locator::new(bytes) else { continue };
                for hash in hashes.iter().copied().map(SuffixHash) {
                    locator.prefetch(hash);
                    locator.prefetch_second(hash);
                    let _ = locator.lookup(hash);
                }
            }
        }
    }
}
