//! Records and record sets: what a feed states about an indicator, without the indicator.
//!
//! Millions of entries share a few thousand sets, because a feed states the same about most of its entries. A
//! record of an address holds the length of the listed prefix, not the prefix: the address that is looked up
//! and the length give the prefix, so that one record serves a whole list of single addresses.

use crate::error::TooLarge;
use crate::layout::{u16_at, u32_at, u128_at};
use crate::{Assessments, FeedId, ListKind, Scope};

/// The length of a record, in bytes.
pub(crate) const RECORD_LEN: usize = 16;
/// The length of a row of the extent table, in bytes.
pub(crate) const EXTENT_LEN: usize = 32;
const OWN_TIMES: u32 = u32::MAX;
const NO_EXTENT: u8 = 255;
const RANGE_EXTENT: u8 = 254;

/// What a feed listed of the address space.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Extent {
    /// Not an address.
    None,
    /// A prefix of this length that covers the address; a single address has the full length.
    Prefix(u8),
    /// The range in this row of the extent table.
    Range(u32),
}

/// Where a record's times are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TimesRef {
    /// In this row of the table of shared times.
    Shared(u32),
    /// In the column of times of the entry's part.
    Own,
}

/// What one feed states about an indicator, without the indicator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Record {
    /// The feed.
    pub feed: FeedId,
    /// Whether it blocks or allows.
    pub list: ListKind,
    /// Whether a name, the names below it, or both are listed.
    pub scope: Scope,
    /// What was listed of the address space.
    pub extent: Extent,
    /// The assessments; already the feed's default where the row stated none.
    pub assessments: Assessments,
    /// Where the times are.
    pub times: TimesRef,
}

/// The bytes of the record table.
pub fn encode(records: &[Record]) -> Result<Vec<u8>, TooLarge> {
    TooLarge::fit_u32("records", "records", records.len())?;
    let mut out = Vec::with_capacity(records.len() * RECORD_LEN);
    for record in records {
        let (length, range) = match record.extent {
            Extent::None => (NO_EXTENT, 0),
            Extent::Prefix(length) => (length, 0),
            Extent::Range(row) => (RANGE_EXTENT, row),
        };
        let times = match record.times {
            TimesRef::Shared(row) => row,
            TimesRef::Own => OWN_TIMES,
        };
        out.extend(record.feed.0.to_le_bytes());
        out.extend([record.list as u8, record.scope as u8, length, 0]);
        out.extend(record.assessments.bits().to_le_bytes());
        out.extend(times.to_le_bytes());
        out.extend(range.to_le_bytes());
    }
    Ok(out)
}

/// The record at `at`; `None` where there is none or its bytes are invalid.
#[inline]
pub(crate) fn record(bytes: &[u8], at: u32) -> Option<Record> {
    let row = bytes.get(at as usize * RECORD_LEN..)?.first_chunk::<RECORD_LEN>()?;
    let times = u32_at(row, 8);
    let extent = match row[4] {
        NO_EXTENT => Extent::None,
        RANGE_EXTENT => Extent::Range(u32_at(row, 12)),
        length if length <= 128 => Extent::Prefix(length),
        _ => return None,
    };
    Some(Record {
        feed: FeedId(u16_at(row, 0)),
        list: *[ListKind::Block, ListKind::Allow].get(usize::from(row[2]))?,
        scope: *[Scope::Exact, Scope::Tree, Scope::Subdomains].get(usize::from(row[3]))?,
        extent,
        assessments: Assessments::from_bits(u16_at(row, 6)),
        times: if times == OWN_TIMES { TimesRef::Own } else { TimesRef::Shared(times) },
    })
}

/// The feed of the record at `at`, without a check of the record.
#[inline]
pub(crate) fn feed(bytes: &[u8], at: u32) -> Option<u16> {
    bytes.get(at as usize * RECORD_LEN..)?.first_chunk().map(|feed| u16::from_le_bytes(*feed))
}

/// The bytes of the extent table.
pub fn encode_extents(extents: &[(u128, u128)]) -> Result<Vec<u8>, TooLarge> {
    TooLarge::fit_u32("extents", "rows", extents.len())?;
    let row = |(first, last): &(u128, u128)| [first.to_le_bytes(), last.to_le_bytes()].concat();
    Ok(extents.iter().flat_map(row).collect())
}

/// The range in a row of the extent table.
pub(crate) fn extent(bytes: &[u8], at: u32) -> Option<(u128, u128)> {
    let row = bytes.get(at as usize * EXTENT_LEN..)?.first_chunk::<EXTENT_LEN>()?;
    Some((u128_at(row, 0), u128_at(row, 16)))
}

/// The bytes of the set table: one more offset than there are sets, then the record numbers.
pub fn encode_sets(sets: &[Vec<u32>]) -> Result<Vec<u8>, TooLarge> {
    encode_sets_within(sets, u32::MAX)
}

/// As [`encode_sets`], with another limit on the number of members.
fn encode_sets_within(sets: &[Vec<u32>], limit: u32) -> Result<Vec<u8>, TooLarge> {
    if sets.is_empty() {
        return Ok(Vec::new());
    }
    let members: u64 = sets.iter().map(|set| set.len() as u64).sum();
    TooLarge::check("sets", "members in all", members, u64::from(limit))?;
    TooLarge::fit_u32("sets", "sets", sets.len())?;
    // No end overflows: the check above bounds the sum.
    let ends = sets.iter().scan(0, |end, set| {
        *end += set.len() as u32;
        Some(*end)
    });
    let numbers = std::iter::once(0).chain(ends).chain(sets.iter().flatten().copied());
    Ok(numbers.flat_map(u32::to_le_bytes).collect())
}

/// The set table in a file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sets<'a> {
    offsets: &'a [[u8; 4]],
    items: &'a [[u8; 4]],
}

impl<'a> Sets<'a> {
    /// The table of `count` sets.
    pub(crate) fn new(bytes: &'a [u8], count: usize) -> Sets<'a> {
        let (numbers, _) = bytes.as_chunks();
        let (offsets, items) = numbers.split_at_checked(count.saturating_add(1)).unwrap_or_default();
        Sets { offsets, items }
    }

    /// How many sets there are.
    pub(crate) fn len(&self) -> usize {
        self.offsets.len().saturating_sub(1)
    }

    /// The record numbers of a set; none where there is no such set.
    #[inline]
    pub(crate) fn get(&self, set: u32) -> impl ExactSizeIterator<Item = u32> + Clone + use<'a> {
        let offset = |at: usize| self.offsets.get(at).map_or(0, |bytes| u32::from_le_bytes(*bytes) as usize);
        let range = offset(set as usize)..offset((set as usize).saturating_add(1));
        self.items.get(range).unwrap_or(&[]).iter().map(|bytes| u32::from_le_bytes(*bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Assessment;

    #[test]
    fn records_read_back() {
        let base = Record {
            feed: FeedId(513),
            list: ListKind::Allow,
            scope: Scope::Subdomains,
            extent: Extent::None,
            assessments: Assessments::EMPTY.with(Assessment::Trustworthy),
            times: TimesRef::Own,
        };
        let records = [
            base,
            Record { extent: Extent::Prefix(128), times: TimesRef::Shared(7), ..base },
            Record { extent: Extent::Range(70_000), list: ListKind::Block, scope: Scope::Exact, ..base },
        ];
        let bytes = encode(&records).expect("few");
        for (at, expected) in records.iter().enumerate() {
            assert_eq!(record(&bytes, at as u32).as_ref(), Some(expected));
        }
        assert_eq!(record(&bytes, 3), None);
        assert_eq!(record(&[9; RECORD_LEN], 0), None);
    }

    #[test]
    fn sets_read_back() {
        let sets = vec![vec![1, 2], vec![], vec![7]];
        let bytes = encode_sets(&sets).expect("few");
        let table = Sets::new(&bytes, sets.len());
        for (at, expected) in sets.iter().enumerate() {
            assert_eq!(&table.get(at as u32).collect::<Vec<u32>>(), expected);
        }
        assert_eq!((table.get(3).len(), table.get(u32::MAX).len()), (0, 0));
    }

    #[test]
    fn too_many_members_are_an_error() {
        let sets = [vec![1, 2], vec![3, 4, 5]];
        assert!(encode_sets_within(&sets, 5).is_ok());
        let error = encode_sets_within(&sets, 4).expect_err("five members");
        assert_eq!(error.to_string(), "sets: 5 members in all, the format holds 4");
    }
}
