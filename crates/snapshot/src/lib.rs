//! The rapsheet snapshot: one immutable, memory-mapped file that holds everything a look-up needs.
//!
//! This crate owns the vocabulary, the canonical forms of indicators, and the file: its layout, its writer
//! and its reader. It does not know the formats of feeds, and it uses no clock, no threads and no terminal.
//! The module [`mod@format`] specifies the file. Programs that need verdicts use `rapsheet_query`, which is
//! built on this crate; here are the raw contents:
//!
//! ```
//! # use rapsheet_snapshot::{Address, Snapshot};
//! # let path = "../../tests/golden/v1.rap";
//! let snapshot = Snapshot::open(path)?;
//! let index = snapshot.index();
//! let entry = index.address(Address::parse(b"45.9.20.5")?).ok_or("listed")?;
//! let feeds = index.sightings(entry).filter_map(|sighting| snapshot.feed(sighting.feed));
//! assert!(feeds.count() > 0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Items that are not documented here serve the other crates of rapsheet and may change at any time.

#[doc(hidden)]
pub mod address;
mod aligned_writer;
mod atomic_file;
#[doc(hidden)]
pub mod byte_size;
mod checksum;
mod column;
mod derived;
mod error;
mod fst_map;
#[doc(hidden)]
pub mod hash;
#[doc(hidden)]
pub mod host;
#[doc(hidden)]
pub mod host_bits;
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
mod scratch_file;
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
pub use error::{Corruption, Error, TooLarge};
pub use index::{Entry, Index, Part, Sighting};
pub use parse_error::ParseError;
pub use reloading::{ReloadingSnapshot, SnapshotGuard};
pub use section::origin::{FeedRecord, FeedState, FeedTraits, Origin};
pub use section::records::Extent;
#[doc(hidden)]
pub use section::url_filter::hash_of_url;
pub use sighting::{
    Assessment, Assessments, Confirmation, FeedId, Kinds, ListKind, Mode, Scope, Status, Times,
};
pub use snapshot::Snapshot;
pub use time::Time;

// What builds and verifies a file, for the other crates of rapsheet.
#[doc(hidden)]
pub use {
    aligned_writer::AlignedWriter,
    atomic_file::{AtomicFile, UnsyncedFile, remove_stale_temp_files},
    column::{Column, ColumnRow, ColumnStore, ColumnWriter},
    derived::{DERIVED, derive},
    image::{Image, SectionBytes, StoredImage},
    index::{LISTED_MAX, SightingWalk, WalkLimit},
    layout::Section,
    references::ReferenceCheck,
    scratch_file::ScratchFile,
    section::origin::AcceptedDownload,
    section::records::{Record, TimesRef},
};
