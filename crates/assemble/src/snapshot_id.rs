//! Which snapshot it is.

use rapsheet_snapshot::Snapshot;
use std::fmt;

/// A snapshot, as what travels names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SnapshotId {
    /// The BLAKE3 of its bytes.
    pub hash: [u8; 32],
    /// Its length in bytes.
    pub byte_len: u64,
}

impl SnapshotId {
    /// That of a snapshot, every byte of which is read.
    pub fn of(snapshot: &Snapshot) -> SnapshotId {
        SnapshotId { hash: *blake3::hash(snapshot.file_bytes()).as_bytes(), byte_len: snapshot.byte_len() }
    }
}

/// The hash in hexadecimal, and the length.
impl fmt::Display for SnapshotId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hash = blake3::Hash::from_bytes(self.hash).to_hex();
        write!(f, "BLAKE3 {hash}, {} bytes", self.byte_len)
    }
}
