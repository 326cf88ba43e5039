//! The native part of the Python package `rapsheet`.
//!
//! A Python program opens a `Snapshot`, and asks for one indicator, for a list of them, for a column in Arrow's
//! memory format, or for those in a log. All of it is `rapsheet-query`; here are arguments, results and exceptions.
//! What takes more than about a microsecond runs without the interpreter's lock. The crate starts no thread, so that a
//! process that forks has all of its threads in the parent.

mod arrow;
mod clock;
mod errors;
mod instant;
mod open;
mod scan;
mod score;
mod snapshot;
mod text;
mod verdict;

/// The module `rapsheet._rapsheet`.
#[pyo3::pymodule]
mod _rapsheet {
    #[pymodule_export]
    use super::scan::{Hit, Scan};
    #[pymodule_export]
    use super::score::{ChunkedScores, Scores};
    #[pymodule_export]
    use super::snapshot::Snapshot;
    #[pymodule_export]
    use super::verdict::{Source, Verdict};

    #[pymodule_export]
    #[allow(non_upper_case_globals)]
    const __version__: &str = env!("CARGO_PKG_VERSION");
}
