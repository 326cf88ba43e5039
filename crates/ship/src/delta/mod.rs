//! Deltas: what differs between two snapshots, as rows.
//!
//! | module | does |
//! |---|---|
//! | `write`, `apply` | compare two snapshots; make the second one from the first |
//! | `frame` | knows the bytes around the parts |
//! | `origin` | compresses what describes feeds |
//! | `redating` | says what becomes of rows that nothing else is told of |
//! | `row_model`, `fields_model` | predict rows |
//! | `part` | goes through the keys of both snapshots side by side |
//!
//! ```
//! use rapsheet_assemble::Scratch;
//! use rapsheet_ship::{Limits, delta};
//! use rapsheet_snapshot::Snapshot;
//!
//! # let (earlier, newer) = ("../../tests/golden/v1.rap", "../../tests/golden/v1.rap");
//! let (earlier, newer) = (Snapshot::open(earlier)?, Snapshot::open(newer)?);
//! let mut bytes = Vec::new();
//! delta::write(&earlier, &newer, &mut bytes)?;
//!
//! // On another host, which has the earlier one.
//! let made = delta::apply(&earlier, &bytes, &Limits::default(), &Scratch::unlimited())?;
//! assert!(made.to_bytes() == std::fs::read(newer.path())?);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod apply;
mod fields_model;
mod frame;
mod origin;
mod part;
mod redating;
mod row_model;
mod write;

pub use apply::{apply, apply_to};
pub use frame::DeltaHeader;
pub use write::{DeltaSizes, write};

use crate::error::ShipError;
use crate::limits::Limits;
use frame::Frame;

/// What a delta leads from and to.
///
/// # Errors
/// Bytes that are no sound delta.
pub fn header(delta: &[u8], limits: &Limits) -> Result<DeltaHeader, ShipError> {
    Ok(Frame::decode(delta, limits)?.header)
}
