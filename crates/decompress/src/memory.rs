//! How much memory a decoder takes, read from the first bytes of a file: `score` opens as many compressed
//! files in advance as fit into its budget, be they many gzip files or one xz file with a large dictionary.
//!
//! A decoder allocates the window that the file states. The answer does not depend on which decoders are
//! compiled in.

/// The number of bytes of a file that [`memory_needed`] looks at: enough to reach the window in every header.
pub const MEMORY_HEAD_LEN: u64 = 40;
/// What any decoder takes besides its window: input buffer and tables.
const FIXED: usize = 256 << 10;
/// What bzip2 takes for each level: four bytes for each of the 100,000 bytes of a block.
const BZIP2_LEVEL: usize = 400_000;
/// The id of the xz filter that has a dictionary.
const LZMA2: u8 = 0x21;

/// How many bytes of memory it takes to decompress a file that begins with `head`; `None` where it is not
/// compressed, or where its header does not state the size.
///
/// ```
/// assert_eq!(rapsheet_decompress::memory_needed(b"\x1f\x8b\x08\x00"), Some(256 << 10));
/// ```
pub fn memory_needed(head: &[u8]) -> Option<usize> {
    let window = match head {
        [0x1f, 0x8b, ..] => 0,
        [b'B', b'Z', b'h', level @ b'1'..=b'9', ..] => usize::from(level - b'0') * BZIP2_LEVEL,
        [0x28, 0xb5, 0x2f, 0xfd, frame @ ..] => zstd_window(frame)?,
        [0xfd, b'7', b'z', b'X', b'Z', 0, _, _, _, _, _, _, block @ ..] => xz_dictionary(block)?,
        _ => return None,
    };
    window.checked_add(FIXED)
}

/// The window of a zstd frame, given what follows the magic number (RFC 8878, 3.1.1.1). A frame of a single
/// segment has no window field: its window is its content size.
fn zstd_window(frame: &[u8]) -> Option<usize> {
    let (descriptor, rest) = frame.split_first()?;
    if descriptor & 0x20 == 0 {
        let window = rest.first()?;
        let base = 1usize.checked_shl(10 + u32::from(window >> 3))?;
        return base.checked_add((base / 8).checked_mul(usize::from(window & 7))?);
    }
    let dictionary_id = [0, 1, 2, 4].get(usize::from(descriptor & 3))?;
    let length = 1 << (descriptor >> 6);
    let size = rest.get(*dictionary_id..)?.get(..length)?;
    usize::try_from(size.iter().rev().fold(0u64, |size, byte| size << 8 | u64::from(*byte))).ok()
}

/// The dictionary of the first block of an xz file, given what follows the stream header ("The .xz File
/// Format", 3.1 and 5.3.1).
fn xz_dictionary(block: &[u8]) -> Option<usize> {
    let [_, flags, rest @ ..] = block else { return None };
    // Up to two sizes precede the filters, each a variable-length integer: a set high bit means that more
    // bytes follow.
    let sizes = usize::from(flags & 0x40 != 0) + usize::from(flags & 0x80 != 0);
    let ends = rest.iter().enumerate().filter(|(_, byte)| **byte < 0x80);
    let filters = match sizes {
        0 => rest,
        many => rest.get(ends.map(|(at, _)| at + 1).nth(many - 1)?..)?,
    };
    let [LZMA2, 1, bits @ ..=40, ..] = filters else { return None };
    usize::try_from((2 | u64::from(bits & 1)) << (bits / 2 + 11)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_the_window_that_the_header_states() {
        let of = |head: &[u8]| memory_needed(head).map(|memory| memory - FIXED);
        assert_eq!(of(b"\x1f\x8b\x08\x00"), Some(0));
        assert_eq!(of(b"BZh91AY"), Some(3_600_000));
        assert_eq!(of(b"\x28\xb5\x2f\xfd\x04\x58\x00"), Some(2 << 20), "as level 3 writes");
        assert_eq!(of(b"\x28\xb5\x2f\xfd\x04\x89\x00"), Some((128 << 20) + (16 << 20)));
        assert_eq!(of(b"\x28\xb5\x2f\xfd\x24\x0d\x69"), Some(13), "a single segment");
        assert_eq!(of(b"\x28\xb5\x2f\xfd\xa1\x07\x00\x00\x02\x00"), Some(2 << 16), "with a dictionary id");
        let xz = |block: &[u8]| of(&[b"\xfd7zXZ\x00\x00\x04\xe6\xd6\xb4\x46", block].concat());
        assert_eq!(xz(b"\x02\x00\x21\x01\x16\x00"), Some(8 << 20), "as level 6 writes");
        assert_eq!(xz(b"\x02\x00\x21\x01\x1c\x00"), Some(64 << 20), "as level 9 writes");
        assert_eq!(
            xz(b"\x04\xc0\x80\x80\x01\x90\x03\x21\x01\x16"),
            Some(8 << 20),
            "as several threads write"
        );
        for unknown in
            [b"".as_slice(), b"a line\n", b"PK\x03\x04", b"\x28\xb5\x2f\xfd", b"\xfd7zXZ\x00\x00\x04"]
        {
            assert_eq!(memory_needed(unknown), None);
        }
        assert_eq!(xz(b"\x02\x00\x04\x00\x21\x01\x16"), None, "another filter comes first");
    }
}
