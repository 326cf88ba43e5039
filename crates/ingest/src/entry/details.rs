//! What a row states beside its indicator.

use rapsheet_snapshot::{Assessments, Time};

/// What a row states about its indicator. All of it is optional.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Details {
    /// An exception: an allow entry in a block list, or the reverse.
    pub inverted: bool,
    /// The row's own assessments. If empty, the feed's default holds.
    pub assessments: Assessments,
    /// When it was first seen or added.
    pub first_seen: Option<Time>,
    /// When it was last seen or confirmed.
    pub last_seen: Option<Time>,
    /// When it expires.
    pub expires: Option<Time>,
    /// Its port.
    pub port: Option<u16>,
}

impl Details {
    /// A row that states nothing.
    pub const NONE: Details = Details {
        inverted: false,
        assessments: Assessments::EMPTY,
        first_seen: None,
        last_seen: None,
        expires: None,
        port: None,
    };
}
