//! Times: the table of confirmations that many sightings share, and columns of those that belong to one entry.
//!
//! A feed that confirms its whole list confirms every entry at the same instant, so that a list needs one row
//! of shared times for each of its last builds, however many entries it has. Rows that state their own times
//! would make every record set unique; their times are in a column instead and are found by the ordinal of
//! the entry, at about six bytes a row. When a sighting was first seen is in `first_seen`.

use super::packed::{self, Packed};
use crate::column::Column;
use crate::column_row;
use crate::error::TooLarge;
use crate::layout::u32_at;
use crate::{Confirmation, Time, Times};

/// The length of a row of shared times, in bytes.
pub(crate) const SHARED_LEN: usize = 8;
const NO_EXPIRY: u32 = u32::MAX;

/// An instant that may be missing, in the four bytes of [`Time::stored`]. A missing one is the least.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MaybeTime(u32);

impl MaybeTime {
    /// The instant.
    #[inline]
    pub const fn get(self) -> Option<Time> {
        match self.0.checked_sub(1) {
            Some(stored) => Some(Time::from_stored(stored)),
            None => None,
        }
    }
}

impl From<Option<Time>> for MaybeTime {
    #[inline]
    fn from(time: Option<Time>) -> MaybeTime {
        // The latest stored instant is 2^32 - 2.
        MaybeTime(time.map_or(0, |time| time.stored() + 1))
    }
}

/// [`Times`] in twelve bytes, in the same order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StoredTimes {
    first_seen: u32,
    detect_time: u32,
    row_expiry: MaybeTime,
}

impl From<Times> for StoredTimes {
    fn from(times: Times) -> StoredTimes {
        let Times { first_seen, detect_time, row_expiry } = times;
        let (first_seen, detect_time) = (first_seen.stored(), detect_time.stored());
        StoredTimes { first_seen, detect_time, row_expiry: row_expiry.into() }
    }
}

impl From<StoredTimes> for Times {
    fn from(stored: StoredTimes) -> Times {
        let [first_seen, detect_time] = [stored.first_seen, stored.detect_time].map(Time::from_stored);
        Times { first_seen, detect_time, row_expiry: stored.row_expiry.get() }
    }
}

/// A [`Confirmation`] in eight bytes, in the same order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StoredConfirmation {
    detect_time: u32,
    row_expiry: MaybeTime,
}

impl From<Confirmation> for StoredConfirmation {
    fn from(confirmation: Confirmation) -> StoredConfirmation {
        let Confirmation { detect_time, row_expiry } = confirmation;
        StoredConfirmation { detect_time: detect_time.stored(), row_expiry: row_expiry.into() }
    }
}

impl From<StoredConfirmation> for Confirmation {
    fn from(stored: StoredConfirmation) -> Confirmation {
        let detect_time = Time::from_stored(stored.detect_time);
        Confirmation { detect_time, row_expiry: stored.row_expiry.get() }
    }
}

/// The bytes of the table of shared times, as [`Time::stored`] stores them.
pub fn encode_shared(rows: &[Confirmation]) -> Result<Vec<u8>, TooLarge> {
    // In a record, the row number 2^32 - 1 means that the entry has times of its own.
    TooLarge::check("shared-times", "rows", rows.len() as u64, u64::from(u32::MAX))?;
    let fields = |row: &Confirmation| {
        let expiry = row.row_expiry.map_or(NO_EXPIRY, Time::stored);
        [row.detect_time.stored(), expiry].map(u32::to_le_bytes)
    };
    Ok(rows.iter().flat_map(fields).flatten().collect())
}

/// The row of shared times at `at`.
#[inline]
pub(crate) fn shared(bytes: &[u8], at: u32) -> Option<Confirmation> {
    let row = bytes.get(at as usize * SHARED_LEN..)?.first_chunk::<SHARED_LEN>()?;
    let expiry = u32_at(row, 4);
    Some(Confirmation {
        detect_time: Time::from_stored(u32_at(row, 0)),
        row_expiry: (expiry != NO_EXPIRY).then(|| Time::from_stored(expiry)),
    })
}

const HEADER_LEN: usize = 8;

/// The own times of an entry: its ordinal, and the times.
pub type OwnTimes = (u32, StoredConfirmation);

column_row!(OwnTimes, 3, |row| [row.0, row.1.detect_time, row.1.row_expiry.0], |[
    ordinal,
    detect_time,
    row_expiry,
]| {
    (ordinal, StoredConfirmation { detect_time, row_expiry: MaybeTime(row_expiry) })
});

/// The bytes of a column. `rows` are sorted by ordinal; an entry whose set has several records with own times
/// has as many rows, in the order of its set.
pub fn encode_column(rows: &Column<OwnTimes>) -> Result<Vec<u8>, TooLarge> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    // There is at least one row, so that 0 is never used.
    let base_detect = rows.iter().map(|(_, row)| row.detect_time).min().unwrap_or(0);
    let expiries = || rows.iter().map(|(_, row)| row.row_expiry.0.checked_sub(1));
    let base_expiry = expiries().flatten().min().unwrap_or(0);
    let mut out: Vec<u8> = [base_detect, base_expiry].map(u32::to_le_bytes).concat();
    let above = |stored: u32, base: u32| u64::from(stored - base);
    out.extend(packed::encode(rows.iter().map(|(ordinal, _)| u64::from(ordinal)))?);
    out.extend(packed::encode(rows.iter().map(|(_, row)| above(row.detect_time, base_detect)))?);
    out.extend(packed::encode(
        expiries().map(|expiry| expiry.map_or(0, |expiry| above(expiry, base_expiry) + 1)),
    )?);
    Ok(out)
}

/// A column of times in a file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TimesColumn<'a> {
    count: usize,
    bases: [u32; 2],
    ordinals: Packed<'a>,
    detect: Packed<'a>,
    expiry: Packed<'a>,
}

impl<'a> TimesColumn<'a> {
    /// Reads the headers of a column of `count` rows.
    pub(crate) fn new(bytes: &'a [u8], count: usize) -> TimesColumn<'a> {
        let bases = [0, 4].map(|at| u32_at(bytes, at));
        let mut rest = bytes.get(HEADER_LEN..).unwrap_or(&[]);
        let mut next = || {
            let packed = Packed::new(rest);
            rest = rest.get(packed.byte_len(count)..).unwrap_or(&[]);
            packed
        };
        TimesColumn { count, bases, ordinals: next(), detect: next(), expiry: next() }
    }

    /// How many bytes a column of so many rows takes, by the widths of its arrays.
    pub(crate) fn byte_len(&self) -> usize {
        let arrays = [&self.ordinals, &self.detect, &self.expiry];
        arrays.iter().map(|array| array.byte_len(self.count)).fold(HEADER_LEN, usize::saturating_add)
    }

    /// How many rows it has.
    pub(crate) fn len(&self) -> usize {
        self.count
    }

    /// The ordinal of the entry that the row at `at` belongs to.
    pub(crate) fn ordinal(&self, at: usize) -> u64 {
        self.ordinals.get(at)
    }

    /// The times of the `nth` record with own times of an entry.
    pub(crate) fn get(&self, ordinal: u32, nth: usize) -> Option<Confirmation> {
        // A forged count may be all that a number holds.
        let at = self.first_row(u64::from(ordinal)).checked_add(nth)?;
        (at < self.count && self.ordinals.get(at) == u64::from(ordinal)).then(|| self.row(at))
    }

    fn first_row(&self, ordinal: u64) -> usize {
        let (mut low, mut high) = (0, self.count);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.ordinals.get(middle) < ordinal { low = middle + 1 } else { high = middle }
        }
        low
    }

    fn row(&self, at: usize) -> Confirmation {
        let [base_detect, base_expiry] = self.bases;
        // A forged column may have sums beyond 32 bits; they saturate.
        let time = |base: u32, above: u64| {
            Time::from_stored(base.saturating_add(u32::try_from(above).unwrap_or(u32::MAX)))
        };
        let expiry = self.expiry.get(at);
        Confirmation {
            detect_time: time(base_detect, self.detect.get(at)),
            row_expiry: expiry.checked_sub(1).map(|above| time(base_expiry, above)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(detect: i64, expiry: Option<i64>) -> Confirmation {
        let at = |seconds| Time::from_unix(1_780_000_000 + seconds);
        Confirmation { detect_time: at(detect), row_expiry: expiry.map(at) }
    }

    #[test]
    fn shared_times_read_back() {
        let rows = [row(5, None), row(7, Some(100))];
        let bytes = encode_shared(&rows).expect("two");
        let read = [0, 1, 2].map(|at| shared(&bytes, at));
        assert_eq!(read, [Some(rows[0]), Some(rows[1]), None]);
    }

    #[test]
    fn columns_read_back_by_ordinal() {
        let rows = [(3, row(5, None)), (3, row(6, Some(9))), (700_000, row(86_400, None))];
        let stored = rows.map(|(ordinal, row)| (ordinal, StoredConfirmation::from(row)));
        assert_eq!(stored.map(|(_, stored)| Confirmation::from(stored)), rows.map(|(_, row)| row));
        let bytes = encode_column(&stored.into_iter().collect()).expect("three");
        let column = TimesColumn::new(&bytes, rows.len());
        assert_eq!(column.get(3, 0), Some(rows[0].1));
        assert_eq!(column.get(3, 1), Some(rows[1].1));
        assert_eq!(column.get(700_000, 0), Some(rows[2].1));
        assert_eq!((column.get(3, 2), column.get(4, 0), column.get(700_000, 1)), (None, None, None));
        assert!(TimesColumn::new(&[], 0).get(0, 0).is_none());
    }
}
