//! From a folder of downloads to blocks of lines.
//!
//! Nothing here knows what a line means.

pub(crate) mod blocks;
pub mod decode;
pub(crate) mod file;
pub(crate) mod lines;
pub(crate) mod position;
pub(crate) mod refusal;
