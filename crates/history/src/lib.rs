//! A history: many snapshots in one folder, and answers as of any instant of them.
//!
//! Logs are read weeks after they were written, and by then the lists are others. A history keeps what was listed,
//! build by build: what did not change takes no room, and a look-up costs about what it costs in a snapshot.
//!
//! [`append()`] adds a snapshot, [`compact()`] makes fewer files of many, and [`History`] answers:
//! [`History::known_at`] what the snapshot answered that stood at an instant, [`History::at`] what the feeds listed
//! at it, [`History::timeline`] when each feed listed an indicator.
//!
//! The crate reads no clock: instants are arguments.

mod append;
mod builds;
mod bytes;
mod compact;
mod dates;
mod downloads;
mod error;
mod history;
mod lock;
mod manifest;
mod past;
mod prior;
mod segment;
mod spans;
mod timeline;
mod version;
mod writer;

pub use append::{Appended, append};
pub use compact::{Compacted, compact};
pub use error::HistoryError;
pub use history::{History, Lost};
pub use manifest::{BuildId, Manifest, SegmentFile};
pub use past::PastSearcher;
pub use timeline::{FeedTimeline, Period};
