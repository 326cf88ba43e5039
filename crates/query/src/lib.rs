//! Answers from a snapshot: who says that an address, a name or a URL is bad, for what, since when, and
//! whether that still holds.
//!
//! This crate reads questions, finds entries, judges them at an instant and folds the judgements per provider.
//! It is pure and single-threaded: time is an argument, threads and streams belong to the caller.

pub mod answer;
pub mod diff;
mod escape;
pub mod extract;
mod known;
pub mod lookup;
mod marks;
pub mod question;
mod recall;
pub mod score;
pub mod verdict;

pub use answer::{Answer, Judge, Overlap, Source};
pub use diff::{Change, Changed, diff};
pub use known::Known;
pub use lookup::Hit;
pub use question::{Question, Questions};
pub use score::{Report, Scored, Scorer};
pub use verdict::{Provider, Verdicts};
