//! `auto`: the format is detected from the beginning of the file.
//!
//! This row has no reader of its own: the reader is that of the format that [`crate::format::sniff`] detects.
//! A catalogue does better to name its formats, because a publisher who changes syntax should be noticed, not
//! followed.

use super::{Format, Markup, Shape};

/// The row of the table.
pub(super) static FORMAT: Format = Format {
    id: "auto",
    about: "detected from the first block; `rapsheet parse` says which format it is, and why",
    example: "192.0.2.7",
    shape: Shape::Sniffed,
    markup: Markup::Preformatted,
    ..Format::DEFAULT
};
