//! Why a whole download is refused.
//!
//! A refused download changes nothing: its feed keeps its last sightings, and the other feeds are built.

use std::fmt;

/// Why a file was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FileRefusal {
    /// It does not exist.
    Missing,
    /// It could not be read; what the system said.
    Unreadable(String),
    /// It is an HTML page.
    Html,
    /// It has lines, and none of them is data.
    NoData,
    /// It has no data, and its feed does not set `can_be_empty`.
    Empty,
    /// It is binary, or in an unknown container.
    Binary,
    /// It is UTF-16 text without a byte order mark, or with broken pairs.
    BadEncoding,
    /// The compressed data is damaged or cut off; what the decoder said.
    Damaged(String),
    /// It decompresses to more than the cap, in bytes.
    TooLarge(u64),
    /// It decompresses to more than this many times its size.
    Bomb(u64),
    /// It lacks the columns that its format needs; which.
    BadColumns(String),
    /// It is not the JSON document that its format describes; where and why.
    BadJson(String),
    /// It is not the file that its sidecar describes; how they differ.
    OtherThanSidecar(String),
    /// It ends before its document does; what the parser said.
    Truncated(String),
}

impl FileRefusal {
    /// The word that reports print.
    pub fn word(&self) -> &'static str {
        match self {
            FileRefusal::Missing => "missing",
            FileRefusal::Unreadable(_) => "unreadable",
            FileRefusal::Html => "html",
            FileRefusal::NoData => "no-data",
            FileRefusal::Empty => "empty",
            FileRefusal::Binary => "binary",
            FileRefusal::BadEncoding => "bad-encoding",
            FileRefusal::Damaged(_) => "damaged",
            FileRefusal::TooLarge(_) => "too-large",
            FileRefusal::Bomb(_) => "bomb",
            FileRefusal::BadColumns(_) => "bad-columns",
            FileRefusal::BadJson(_) => "bad-json",
            FileRefusal::OtherThanSidecar(_) | FileRefusal::Truncated(_) => "truncated",
        }
    }
}

impl fmt::Display for FileRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FileRefusal::Missing => f.write_str("the file does not exist; download it, or name another"),
            FileRefusal::Unreadable(why) => write!(f, "the file cannot be read: {why}"),
            FileRefusal::Html => f.write_str("it is an HTML page, not a list: look at it in a browser"),
            FileRefusal::NoData => {
                f.write_str("it has lines, and none of them is data: is its format right?")
            }
            FileRefusal::Empty => f.write_str(
                "it holds no data; if that is normal, set `can_be_empty = true` under its [feed.guard]",
            ),
            FileRefusal::Binary => f.write_str("it is binary, or in a container that rapsheet does not read"),
            FileRefusal::BadEncoding => {
                f.write_str("it is damaged UTF-16, or UTF-16 without a byte order mark")
            }
            FileRefusal::Damaged(why) => write!(f, "the compressed data is damaged or cut off: {why}"),
            FileRefusal::TooLarge(cap) => write!(f, "it is larger than {cap} bytes when decompressed"),
            FileRefusal::Bomb(ratio) => {
                write!(f, "it decompresses to more than {ratio} times its size: a decompression bomb")
            }
            FileRefusal::BadColumns(which) => {
                write!(f, "it lacks a column: {which}: has its header changed?")
            }
            FileRefusal::Truncated(why) => {
                write!(f, "it is cut off or not well-formed: {why}; download it again")
            }
            FileRefusal::OtherThanSidecar(how) => {
                write!(f, "it is not the file that its sidecar describes: {how}; download both again")
            }
            FileRefusal::BadJson(why) => write!(f, "it is not the JSON that its format describes: {why}"),
        }
    }
}

impl std::error::Error for FileRefusal {}
