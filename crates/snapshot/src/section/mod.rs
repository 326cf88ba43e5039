//! One file per section of the snapshot, each with its encoder and its decoder side by side, so that a change
//! to the bytes is a change to one file (and to its part of `FORMAT.md`).
//!
//! Encoders return [`TooLarge`](crate::TooLarge) where the format cannot hold what they are given; none
//! returns a partial section. Decoders check every offset and survive any bytes.

pub mod exceptions;
pub mod filter;
pub mod first_seen;
mod hash_sorter;
pub mod ipv4;
pub mod ipv6;
pub mod leaves;
pub mod locator;
pub mod name_index;
pub mod origin;
pub mod packed;
pub mod prefetch;
mod prefix_code;
mod range_entry;
pub mod records;
pub(crate) mod simd;
mod sloped;
mod sorted_keys;
pub mod suffix;
pub mod times;
mod top_index;
pub mod url_blocks;
pub mod url_filter;
mod value_code;
mod xor_bucket;

pub use range_entry::RangeEntry;
pub use sorted_keys::SortedKeys;
