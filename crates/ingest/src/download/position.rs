//! A position in a download.

/// A position in the text of a download, after decompression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The line, counted from 1.
    pub line: u64,
    /// The byte offset of the line in the decompressed file.
    pub offset: u64,
}
