//! One file per section of the snapshot, each with its writer and its reader side by side, so that a change
//! to the bytes is a change to one file (and to its row in `FORMAT.md`).

pub mod addresses;
pub mod blocks;
mod code;
pub mod filter;
mod fuse;
mod lanes;
pub mod leaves;
mod lines;
pub mod locator;
pub mod names;
pub mod origin;
pub mod packed;
pub mod rare;
pub mod records;
mod soon;
mod spine;
pub mod suffix;
pub mod times;
pub mod tries;
pub mod v4;
pub mod v6;
