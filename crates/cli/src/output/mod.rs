//! How answers look: one file per output format, and a table of rows for each command that has a choice.

pub(crate) mod lookup;
pub(crate) mod score;
