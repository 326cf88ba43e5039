//! A history: many snapshots in one folder, and answers as of any instant of them.
//!
//! Logs are read weeks after they were written, and by then the lists are others. A history keeps what was
//! listed, build by build: what did not change takes no room, and a look-up costs about what it costs in a
//! snapshot.
//!
//! [`append()`] adds a snapshot, [`compact()`] makes fewer files of many, and [`History`] answers:
//! [`History::known_at`] what the snapshot answered that stood at an instant, [`History::at`] what the feeds
//! listed at it, [`History::timeline`] when each feed listed an indicator.
//!
//! ```no_run
//! # use rapsheet_assemble::Scratch;
//! # use rapsheet_history::{History, append, compact};
//! # use rapsheet_snapshot::{Snapshot, Time};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (before, now) = (Snapshot::open("before.rap")?, Snapshot::open("rapsheet.rap")?);
//! append("history".as_ref(), Some(&before), &now, &Scratch::unlimited())?;
//! compact("history".as_ref(), &Scratch::unlimited())?;
//!
//! let history = History::open("history")?;
//! let at = Time::parse_rfc3339("2026-11-03T04:10:00Z").ok_or("a time")?;
//! println!("{:?}", history.at(at).lookup("192.0.2.7")?.status);
//! # Ok(())
//! # }
//! ```
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
mod period;
mod prior;
mod segment;
mod set_status;
mod slice;
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
pub use period::Period;
pub use timeline::FeedTimeline;
