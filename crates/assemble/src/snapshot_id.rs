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
        SnapshotId::of_bytes(snapshot.file_bytes())
    }

    /// That of these bytes.
    pub fn of_bytes(bytes: &[u8]) -> SnapshotId {
        SnapshotId { hash: *blake3::hash(bytes).as_bytes(), byte_len: bytes.len() as u64 }
    }
}

/// The hash in hexadecimal, and the length.
impl fmt::Display for SnapshotId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hash = blake3::Hash::from_bytes(self.hash).to_hex();
        write!(f, "BLAKE3 {hash}, {} bytes", self.byte_len)
    }
}
