//! The rapsheet snapshot: one immutable, memory-mapped file that holds everything a look-up needs.
//!
//! This crate owns the vocabulary, the canonical forms of indicators, and the file: its layout, its writer and its reader. It
//! does not know the formats of feeds, and it uses no clock, no threads and no terminal. The module [`mod@format`] specifies
//! the file. Programs that answer questions use `rapsheet_query`, which is built on this crate.
//!
//! ```
//! use rapsheet_snapshot::{Image, Snapshot, Time};
//!
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("rapsheet.rap");
//! Image::new(Time::from_unix(1_800_000_000), Vec::new()).publish(&path)?;
//! let snapshot = Snapshot::open(&path)?;
//! assert_eq!(snapshot.built_at().to_string(), "2027-01-15T08:00:00Z");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Modules that are not documented here serve the other crates of rapsheet and may change at any time.

#[doc(hidden)]
pub mod address;
mod aligned_writer;
mod atomic_file;
mod checksum;
mod error;
mod fst_map;
#[doc(hidden)]
pub mod hash;
#[doc(hidden)]
pub mod host;
mod image;
mod index;
#[doc(hidden)]
pub mod layout;
mod map;
#[doc(hidden)]
pub mod name;
mod parse_error;
#[doc(hidden)]
pub mod refang;
mod references;
mod reloading;
#[doc(hidden)]
pub mod section;
mod sighting;
mod snapshot;
mod time;
#[doc(hidden)]
pub mod timestamp;
#[doc(hidden)]
pub mod url;

#[doc = include_str!("../FORMAT.md")]
pub mod format {}

pub use address::{Address, AddressRange};
#[doc(hidden)]
pub use aligned_writer::AlignedWriter;
pub use atomic_file::{AtomicFile, UnsyncedFile, remove_stale_temp_files};
pub use error::{Corruption, Error, TooLarge};
pub use image::{Image, SectionBytes};
pub use index::{Entry, Index, Part, Sighting};
pub use layout::Section;
pub use parse_error::ParseError;
pub use references::ReferenceCheck;
pub use reloading::{ReloadingSnapshot, SnapshotGuard};
pub use section::origin::{FeedRecord, FeedState, FeedTraits, Origin, Source};
pub use section::records::{Extent, Record, When};
pub use sighting::{Assessment, Assessments, FeedId, Kinds, ListKind, Mode, Scope, Status, Times};
pub use snapshot::Snapshot;
pub use time::Time;
