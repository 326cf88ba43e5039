//! How many entries a snapshot has, by kind.

use rapsheet_snapshot::{Part, Snapshot};
use serde::Serialize;

/// The entries of a snapshot.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Entries {
    /// Ranges of IPv4 addresses.
    pub ipv4: usize,
    /// Ranges of IPv6 addresses.
    pub ipv6: usize,
    /// Names.
    pub names: usize,
    /// URLs.
    pub urls: usize,
}

impl Entries {
    /// Counts those of a snapshot, at the cost of four look-ups in its table.
    pub fn of(snapshot: &Snapshot) -> Entries {
        let count = |part: Part| snapshot.count(part.count_section());
        Entries {
            ipv4: count(Part::Ipv4),
            ipv6: count(Part::Ipv6),
            names: count(Part::Names),
            urls: count(Part::Urls),
        }
    }
}
