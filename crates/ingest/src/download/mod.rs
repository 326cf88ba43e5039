//! From a folder of downloads to blocks of lines. What a line means is up to `format`.

pub(crate) mod blocks;
pub mod decode;
pub(crate) mod file;
pub(crate) mod lines;
pub(crate) mod position;
pub(crate) mod refusal;
