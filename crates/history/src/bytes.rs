//! Little-endian numbers and texts in a section, read within its bounds.

/// What is left of some bytes.
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader(bytes)
    }

    /// The next bytes; `None` where there are fewer.
    pub(crate) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.first_chunk().copied()
    }

    pub(crate) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    /// A time; [`NONE`] stands for none.
    pub(crate) fn time(&mut self) -> Option<Option<u32>> {
        self.u32().map(|time| (time != NONE).then_some(time))
    }

    /// A number of items that take at least so many bytes each, so that memory for them is bounded by the
    /// bytes.
    pub(crate) fn count(&mut self, item_len: usize) -> Option<usize> {
        let count = usize::try_from(self.u32()?).ok()?;
        (count.checked_mul(item_len)? <= self.0.len()).then_some(count)
    }

    /// How many bytes are left.
    pub(crate) fn remaining(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// In place of a time: there is none. No time is stored so.
pub(crate) const NONE: u32 = u32::MAX;

/// Appends a time.
pub(crate) fn put_time(out: &mut Vec<u8>, time: Option<u32>) {
    out.extend(time.unwrap_or(NONE).to_le_bytes());
}
