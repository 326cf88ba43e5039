//! Every compression whole, concatenated, truncated, corrupted and past its limits.

use super::*;
use std::io::Write;

const TEXT: &str = "45.9.20.5\n185.0.113.7\nevilpanel.com\n";

fn gz(text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn zst(text: &[u8]) -> Vec<u8> {
    let mut encoder = zstd::Encoder::new(Vec::new(), 3).unwrap();
    encoder.include_checksum(true).unwrap();
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

#[cfg(feature = "bz2")]
fn bz2(text: &[u8]) -> Vec<u8> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

#[cfg(feature = "xz")]
fn xz(text: &[u8]) -> Vec<u8> {
    let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 3);
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

type Packer = fn(&[u8]) -> Vec<u8>;
const PACKERS: &[(&str, Packer)] = &[
    ("gz", gz),
    ("zst", zst),
    #[cfg(feature = "bz2")]
    ("bz2", bz2),
    #[cfg(feature = "xz")]
    ("xz", xz),
];

fn read_from(source: impl Read + Send + 'static, limits: Limits) -> Result<Vec<u8>, Error> {
    let mut text = Vec::new();
    match Reader::new(source, limits)?.read_to_end(&mut text) {
        Ok(_) => Ok(text),
        Err(error) => Err(Error::from_io(&error)),
    }
}

fn read_with(bytes: &[u8], limits: Limits) -> Result<Vec<u8>, Error> {
    read_from(Cursor::new(bytes.to_vec()), limits)
}

fn read(bytes: &[u8]) -> Result<Vec<u8>, Error> {
    read_with(bytes, Limits::default())
}

fn is_damaged(read: &Result<Vec<u8>, Error>) -> bool {
    matches!(read, Err(Error::Damaged(_)))
}

fn names(count: u32) -> String {
    (0..count).map(|n| format!("host{}.evilpanel.com\n", n * 7919 % 104_729)).collect()
}

#[test]
fn decompresses_every_format() {
    for text in ["", "a\n", TEXT] {
        assert_eq!(read(text.as_bytes()), Ok(text.into()));
        for (name, pack) in PACKERS {
            assert_eq!(read(&pack(text.as_bytes())), Ok(text.into()), "{name} of {text:?}");
        }
    }
}

#[test]
fn reads_concatenated_streams_as_one() {
    for (name, pack) in PACKERS {
        let both = [pack(b"45.9.20.5\n"), pack(b""), pack(b"evilpanel.com\n")].concat();
        assert_eq!(read(&both), Ok(b"45.9.20.5\nevilpanel.com\n".to_vec()), "{name}");
    }
}

#[test]
fn reports_damage_wherever_a_stream_is_truncated() {
    for (name, pack) in PACKERS {
        let whole = pack(names(5000).as_bytes());
        for end in [8, 12, 40, whole.len() / 2, whole.len() - 5, whole.len() - 1] {
            assert!(is_damaged(&read(&whole[..end])), "{name} cut at {end} of {}", whole.len());
        }
    }
}

#[test]
fn reports_damage_for_a_flipped_bit() {
    for (name, pack) in PACKERS {
        let mut bytes = pack(names(500).as_bytes());
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0x10;
        assert!(is_damaged(&read(&bytes)), "{name}");
    }
    let mut bytes = gz(names(500).as_bytes());
    let checksum = bytes.len() - 8;
    bytes[checksum] ^= 1;
    assert!(is_damaged(&read(&bytes)), "the checksum itself");
}

/// The text, and how many bytes behind it are no data.
fn read_with_trailing(bytes: &[u8]) -> (Vec<u8>, u64) {
    let mut reader = Reader::new(Cursor::new(bytes.to_vec()), Limits::default()).unwrap();
    let mut text = Vec::new();
    reader.read_to_end(&mut text).unwrap();
    (text, reader.trailing().count())
}

#[test]
fn padding_passes_and_garbage_is_remarked() {
    for (name, pack) in PACKERS {
        let whole = pack(TEXT.as_bytes());
        for zeros in [1, 3, 4, 512, 200_000] {
            let padded = [whole.clone(), vec![0; zeros]].concat();
            assert_eq!(read_with_trailing(&padded), (TEXT.into(), 0), "{name} and {zeros} zeros");
            let more = [padded, whole.clone()].concat();
            assert_eq!(
                read_with_trailing(&more),
                (TEXT.repeat(2).into(), 0),
                "{name} and {zeros} zeros between"
            );
        }
        for garbage in ["<html>504 Gateway Time-out</html>", "x", "\0\0tail", "\u{1f}\u{1f}\u{1f}"] {
            let bytes = [whole.clone(), garbage.into()].concat();
            assert_eq!(
                read_with_trailing(&bytes),
                (TEXT.into(), garbage.len() as u64),
                "{name} and {garbage:?}"
            );
        }
    }
}

#[test]
fn reads_skippable_frames_of_zstandard() {
    let skippable = b"\x53\x2a\x4d\x18\x03\0\0\0abc".to_vec();
    let frame = zst(TEXT.as_bytes());
    let all = [skippable.clone(), frame.clone(), skippable.clone(), frame, skippable].concat();
    assert_eq!(read_with_trailing(&all), (TEXT.repeat(2).into(), 0));
}

/// A second member that was cut is damage, however little of it is there.
#[test]
fn reports_damage_for_a_second_member_that_is_cut() {
    for (name, pack) in PACKERS {
        let whole = pack(TEXT.as_bytes());
        for end in [1, 2, 3, 5, 8, whole.len() / 2, whole.len() - 1] {
            let bytes = [whole.clone(), whole[..end].to_vec()].concat();
            assert!(is_damaged(&read(&bytes)), "{name} cut at {end}");
        }
    }
}

#[test]
fn stops_at_the_limits() {
    let zeros = vec![b'0'; 24 << 20];
    let bytes = Limits { bytes: 1 << 20, ratio: 500 };
    let ratio = Limits { bytes: 1 << 30, ratio: 20 };
    assert_eq!(read_with(&zeros, bytes), Err(Error::TooLarge(1 << 20)));
    assert!(read_with(&zeros, ratio).is_ok());
    for (name, pack) in PACKERS {
        let bomb = pack(&zeros);
        assert_eq!(read_with(&bomb, bytes), Err(Error::TooLarge(1 << 20)), "{name}");
        assert_eq!(read_with(&bomb, ratio), Err(Error::Bomb(20)), "{name}");
    }
    let small = gz(&zeros[..1 << 20]);
    assert!(read_with(&small, ratio).is_ok(), "the ratio of a small file is not checked");
    assert_eq!(read_with(b"12345", Limits { bytes: 5, ratio: 1 }), Ok(b"12345".to_vec()));
}

#[test]
fn errors_of_the_system_are_not_damage() {
    struct Failing;
    impl Read for Failing {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("the disk is gone"))
        }
    }
    for (name, pack) in PACKERS {
        let half = pack(TEXT.as_bytes());
        let source = Cursor::new(half[..20].to_vec()).chain(Failing);
        let read = read_from(source, Limits::default());
        assert!(matches!(read, Err(Error::Unreadable(why)) if why.contains("the disk is gone")), "{name}");
    }
}

#[test]
fn refuses_by_name_what_this_build_does_not_read() {
    assert_eq!(read(b"PK\x03\x04...."), Err(Error::Unsupported("zip")));
    if cfg!(not(feature = "xz")) {
        assert_eq!(read(b"\xfd7zXZ\x00\x00\x04"), Err(Error::Unsupported("xz")));
    }
    if cfg!(not(feature = "bz2")) {
        assert_eq!(read(b"BZh91AY&SY"), Err(Error::Unsupported("bzip2")));
    }
}
