//! Which compression or archive a stream is, by its first bytes.

use crate::Error;
use std::io::Read;

/// The number of bytes that [`Container::of`] needs: the longest magic number.
pub const MAGIC_LEN: u64 = 6;

/// The compression or archive that a stream is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Container {
    /// gzip (RFC 1952).
    Gzip,
    /// Zstandard (RFC 8878).
    Zstd,
    /// xz.
    Xz,
    /// bzip2.
    Bzip2,
    /// A zip archive. It is recognised here, but not read.
    Zip,
    /// No known container: the bytes are the text.
    Plain,
}

impl Container {
    /// The container that begins with `head`.
    ///
    /// ```
    /// use rapsheet_decompress::Container;
    ///
    /// assert_eq!(Container::of(b"\x1f\x8b\x08\x00\x00\x00"), Container::Gzip);
    /// assert_eq!(Container::of(b"45.9.2"), Container::Plain);
    /// ```
    pub fn of(head: &[u8]) -> Container {
        match head {
            [0x1f, 0x8b, ..] => Container::Gzip,
            // A frame, or a skippable frame before it (RFC 8878, 3.1).
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Container::Zstd,
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Container::Xz,
            // The level, then the magic number of a block, or that of the end of a stream without blocks.
            // "BZh" alone might begin a text.
            [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, ..]
            | [b'B', b'Z', b'h', b'1'..=b'9', 0x17, 0x72, ..] => Container::Bzip2,
            // A member, or the end of the central directory in an archive without members.
            [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Container::Zip,
            _ => Container::Plain,
        }
    }

    /// Whether `head`, which is all that is left of a stream, is a part of this container's magic number: a
    /// member that was cut within its first bytes.
    pub(crate) fn may_begin(self, head: &[u8]) -> bool {
        let magic: &[u8] = match self {
            Container::Gzip => &[0x1f, 0x8b],
            Container::Zstd => &[0x28, 0xb5, 0x2f, 0xfd],
            Container::Xz => &[0xfd, b'7', b'z', b'X', b'Z', 0],
            Container::Bzip2 => b"BZh",
            Container::Zip | Container::Plain => &[],
        };
        head.len() < MAGIC_LEN as usize
            && !head.is_empty()
            && (magic.starts_with(head) || head.starts_with(magic))
    }

    /// Reads the first [`MAGIC_LEN`] bytes of a stream, or all of a shorter one.
    ///
    /// # Errors
    /// [`Error::Unreadable`] with what the system reports.
    pub fn head_of(source: &mut impl Read) -> Result<Vec<u8>, Error> {
        let mut head = Vec::new();
        match source.take(MAGIC_LEN).read_to_end(&mut head) {
            Ok(_) => Ok(head),
            Err(error) => Err(Error::from_io(&error)),
        }
    }

    /// Its common name, in lower case.
    pub const fn name(self) -> &'static str {
        match self {
            Container::Gzip => "gzip",
            Container::Zstd => "zstd",
            Container::Xz => "xz",
            Container::Bzip2 => "bzip2",
            Container::Zip => "zip",
            Container::Plain => "plain",
        }
    }
}
