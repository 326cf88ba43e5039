//! The filter of URLs: it rejects nearly all URLs that are not listed, with one cache line.
//!
//! It has the buckets of the filter of names, with one suffix for each URL: the whole of it, from its `//`
//! on, so that one hash stands for the URL with and without a scheme. One URL in 128 that is not listed
//! passes. A byte and a half a URL save nearly every look-up in the blocks, which takes ten times as long.

use super::SortedKeys;
use super::filter::{ENTRY, lookup_in, solve};
use super::hash_sorter::HashSorter;
use super::prefetch::prefetch;
use super::xor_bucket::{BUCKET_LEN, BucketWriter, bucket_of};
use crate::column::ColumnStore;
use crate::error::TooLarge;
use crate::hash::fold_with_factors;
use crate::layout::{short_word, u32_at, u64_at};

const HEADER_LEN: usize = 64;
/// How many URLs a bucket holds on average.
const URLS: usize = 44;

// Constants of the file format. No text of a URL is equal to one.
const INITIAL: u64 = 0x8BB8_4B93_962E_ACC9;
const SECOND: u64 = 0x4B33_A62E_D433_D4A3;
const LENGTH: u64 = 0x9FB2_1C65_1E98_DF25;
/// The bytes that are hashed together.
const BLOCK: usize = 16;

/// The hash of a canonical URL, given from its `//` on: blocks of sixteen bytes, then the last sixteen bytes,
/// even if that reads some twice.
#[inline]
pub fn hash_of_url(schemeless: &[u8]) -> u64 {
    let state = INITIAL ^ (schemeless.len() as u64).wrapping_mul(LENGTH);
    let absorb = |state: u64, [low, high]: [u64; 2]| fold_with_factors(low ^ state, high ^ SECOND);
    let words = |block: &[u8; BLOCK]| [u64_at(block, 0), u64_at(block, 8)];
    match schemeless.last_chunk() {
        Some(last) => {
            let blocks = schemeless.as_chunks::<BLOCK>().0;
            absorb(blocks.iter().fold(state, |state, block| absorb(state, words(block))), words(last))
        }
        None => {
            let (low, high) = schemeless.split_at_checked(8).unwrap_or((schemeless, &[]));
            absorb(state, [short_word(low), short_word(high)])
        }
    }
}

/// The part of a URL that is hashed.
fn schemeless(url: &[u8]) -> &[u8] {
    let slash = url.iter().position(|byte| *byte == b'/').unwrap_or(0);
    url.get(slash..).unwrap_or(url)
}

/// The bytes of the filter of URLs; none without URLs. Hashes are sorted in `store`.
pub fn encode(urls: &(impl SortedKeys + ?Sized), store: &ColumnStore) -> Result<Vec<u8>, TooLarge> {
    let mut out = Vec::new();
    encode_to(urls, store, |bytes, rest| {
        out.reserve_exact(bytes.len() + rest);
        out.extend_from_slice(bytes);
    })?;
    Ok(out)
}

/// Writes the filter in pieces, each with how many bytes follow it where that is known, and otherwise with 0.
pub fn encode_to(
    urls: &(impl SortedKeys + ?Sized),
    store: &ColumnStore,
    mut write: impl FnMut(&[u8], usize),
) -> Result<(), TooLarge> {
    if urls.count() == 0 {
        return Ok(());
    }
    let mut hashes = HashSorter::new(store, urls.count());
    urls.each(|url| hashes.push(hash_of_url(schemeless(url))));
    let hashes = hashes.sorted(Vec::dedup);
    let buckets = hashes.len().div_ceil(URLS);
    let mut header = TooLarge::fit_u32("url-filter", "buckets", buckets)?.to_le_bytes().to_vec();
    header.resize(HEADER_LEN, 0);
    write(&header, buckets * BUCKET_LEN);
    let mut write = |hashes: &[(u64, u8)]| write(&solve(hashes), 0);
    let mut writer = BucketWriter::new(buckets);
    hashes.iter().for_each(|hash| writer.push((hash, ENTRY), &mut write));
    writer.finish(&mut write);
    Ok(())
}

/// The filter of URLs in a file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct UrlFilter<'a> {
    buckets: &'a [[u8; BUCKET_LEN]],
}

impl<'a> UrlFilter<'a> {
    /// Reads the header; `None` where the bytes are not a filter.
    pub(crate) fn new(bytes: &'a [u8]) -> Option<UrlFilter<'a>> {
        let (header, buckets) = bytes.split_first_chunk::<HEADER_LEN>()?;
        let buckets = buckets.as_chunks().0;
        let is_whole = buckets.len() == u32_at(header, 0) as usize && !buckets.is_empty();
        is_whole.then_some(UrlFilter { buckets })
    }

    /// How many bytes it takes.
    pub(crate) fn byte_len(&self) -> usize {
        HEADER_LEN + self.buckets.len() * BUCKET_LEN
    }

    /// Prefetches what [`UrlFilter::may_list`] reads.
    #[inline]
    pub(crate) fn prefetch(&self, hash: u64) {
        prefetch(self.buckets, bucket_of(hash, self.buckets.len()));
    }

    /// Whether a URL with this hash may be listed.
    #[inline]
    pub(crate) fn may_list(&self, hash: u64) -> bool {
        self.buckets
            .get(bucket_of(hash, self.buckets.len()))
            .is_none_or(|bucket| lookup_in(bucket, hash).may_be_entry())
    }

    /// Whether a canonical URL passes.
    pub(crate) fn passes(&self, url: &[u8]) -> bool {
        self.may_list(hash_of_url(schemeless(url)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn listed_urls_pass_and_others_rarely() {
        for count in [1, 2, 50, 30_000] {
            let urls: Vec<Vec<u8>> =
                (0..count).map(|n| format!("http://h{}.example/{n:x}", n % 99).into_bytes()).collect();
            let keys: Vec<&[u8]> = urls.iter().map(Vec::as_slice).collect();
            let bytes = encode(keys.as_slice(), &ColumnStore::memory()).expect("few");
            let filter = UrlFilter::new(&bytes).expect("a filter");
            assert_eq!(filter.byte_len(), bytes.len());
            assert!(keys.iter().all(|url| filter.passes(url)));
            assert!(filter.passes(b"//h0.example/0") && filter.passes(b"https://h0.example/0"));
            let others = (0..20_000).filter(|n| filter.passes(format!("http://h.example/{n}").as_bytes()));
            let others = others.count();
            assert!(others < 300, "{others} of 20,000 with {count} listed");
        }
    }

    #[test]
    fn hashes_are_those_of_the_specification() {
        for (text, hash) in [
            ("//evil.com/x", 0x1F44_ADD1_C1C4_6384),
            ("//evil.com/abcde", 0x933D_CFC7_5EBE_3392),
            ("//evil.com/a.very.long/path?with=a&query", 0x24EE_D9FB_3F98_2012),
        ] {
            assert_eq!(hash_of_url(text.as_bytes()), hash, "{text}");
            let row = format!("| `{text}` | {hash:016x} |");
            assert!(include_str!("../../FORMAT.md").contains(&row), "{row}");
        }
    }

    #[test]
    fn every_byte_and_the_length_count() {
        let text = b"//abcdefghijklmnopqrstuvwxyz.example/0123456789";
        let mut seen = BTreeSet::new();
        for length in 2..text.len() {
            assert!(seen.insert(hash_of_url(&text[..length])));
            for at in 0..length {
                let mut other = text[..length].to_vec();
                other[at] ^= 1;
                assert!(seen.insert(hash_of_url(&other)), "byte {at} of {length}");
            }
        }
    }
}
