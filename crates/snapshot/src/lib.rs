//! The rapsheet snapshot: one immutable, memory-mapped file that holds everything a look-up needs.
//!
//! This crate owns the vocabulary, the canonical forms, the file's layout, its writer and its reader. It
//! knows nothing of feeds' texts, of questions' verdicts, of clocks or of terminals.

pub mod address;
pub mod host;
pub mod name;
pub mod refang;
mod refusal;
mod sighting;
mod time;
pub mod url;

pub use address::{Address, AddressRange};
pub use refusal::Refusal;
pub use sighting::{Assessment, Assessments, FeedId, Kinds, ListKind, Mode, Scope, Status, Times};
pub use time::Time;
