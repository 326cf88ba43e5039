//! The canonical indicator of an entry.

use rapsheet_snapshot::{AddressRange, Scope};

/// The canonical indicator of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key<'a> {
    /// Addresses.
    Range(AddressRange),
    /// A name and its scope.
    Name(&'a [u8], Scope),
    /// A URL.
    Url(&'a [u8]),
}
