//! The rapsheet snapshot: one immutable, memory-mapped file that holds everything a look-up needs.
//!
//! This crate owns the vocabulary, the canonical forms, the file's layout, its writer and its reader. It
//! knows nothing of feeds' texts, of questions' verdicts, of clocks or of terminals.
//!
#![doc = include_str!("../FORMAT.md")]

pub mod address;
pub mod automaton;
pub mod error;
mod follow;
pub mod host;
pub mod layout;
mod map;
pub mod name;
mod pages;
mod reader;
pub mod refang;
mod refusal;
pub mod section;
mod sighting;
mod time;
#[doc(hidden)]
pub mod timestamp;
pub mod url;
mod verify;
mod writer;

pub use address::{Address, AddressRange};
pub use error::{Damage, Error};
pub use follow::{Follow, Held};
pub use layout::Section;
pub use pages::Pages;
pub use reader::{Entry, Index, Part, Sighting, Snapshot};
pub use refusal::Refusal;
pub use sighting::{Assessment, Assessments, FeedId, Kinds, ListKind, Mode, Scope, Status, Times};
pub use time::Time;
pub use writer::{Beside, Image, Placed, SectionBytes, sweep};
