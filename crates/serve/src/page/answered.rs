//! An answer, and how it was asked for.

use crate::snapshots::View;
use rapsheet_query::Verdict;

#[derive(Clone, Copy)]
pub(crate) struct Answered<'a> {
    /// The question as it was typed.
    pub(crate) input: &'a [u8],
    /// The instant as it was typed; empty for the present.
    pub(crate) at: &'a str,
    pub(crate) verdict: &'a Verdict,
    /// The snapshot as of the instant.
    pub(crate) view: &'a View,
}
