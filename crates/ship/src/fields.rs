//! The numbers of a header, one after another.

/// The bytes that are left.
pub(crate) struct Fields<'a>(pub(crate) &'a [u8]);

impl Fields<'_> {
    /// The next bytes; zeros after the end.
    pub(crate) fn array<const N: usize>(&mut self) -> [u8; N] {
        let (array, rest) = self.0.split_first_chunk().unwrap_or((&[0; N], &[]));
        self.0 = rest;
        *array
    }

    /// A number of eight bytes.
    pub(crate) fn number(&mut self) -> u64 {
        u64::from_le_bytes(self.array())
    }

    /// A number of four bytes.
    pub(crate) fn short(&mut self) -> u32 {
        u32::from_le_bytes(self.array())
    }
}
