//! Every container whole, in pieces, cut, bent and blown up.

use super::*;
use std::io::Write;
use zip::write::SimpleFileOptions;

const TEXT: &str = "45.9.20.5\n185.0.113.7\nevilpanel.com\n";

fn gz(text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn bz2(text: &[u8]) -> Vec<u8> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn xz(text: &[u8]) -> Vec<u8> {
    let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 3);
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn zst(text: &[u8]) -> Vec<u8> {
    let mut encoder = zstd::Encoder::new(Vec::new(), 3).unwrap();
    encoder.include_checksum(true).unwrap();
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn zip_of(members: &[(&str, &[u8])], method: CompressionMethod) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(method);
    for (name, text) in members {
        match name.strip_suffix('/') {
            Some(folder) => writer.add_directory(folder, options).unwrap(),
            None => writer.start_file(*name, options).unwrap(),
        }
        if !name.ends_with('/') {
            writer.write_all(text).unwrap();
        }
    }
    writer.finish().unwrap().into_inner()
}

fn zip(text: &[u8]) -> Vec<u8> {
    zip_of(&[("list.txt", text)], CompressionMethod::Deflated)
}

use zip::CompressionMethod;

type Packer = fn(&[u8]) -> Vec<u8>;
const PACKERS: [(&str, Packer); 5] = [("gz", gz), ("bz2", bz2), ("xz", xz), ("zst", zst), ("zip", zip)];

fn drain(opened: Result<Text, FileRefusal>) -> Result<Vec<u8>, FileRefusal> {
    let mut text = Vec::new();
    let mut reader = opened?;
    match reader.read_to_end(&mut text) {
        Ok(_) => Ok(text),
        Err(error) => {
            let again = reader.read(&mut [0; 16]).expect_err("a refusal is final");
            assert_eq!(refusal(&again), refusal(&error));
            Err(refusal(&error))
        }
    }
}

/// Reads both ways, which must agree.
fn read_with(bytes: &[u8], caps: Caps) -> Result<Vec<u8>, FileRefusal> {
    let file = drain(open(Cursor::new(bytes.to_vec()), caps));
    let pipe = drain(open_stream(Cursor::new(bytes.to_vec()), caps));
    assert_eq!(file, pipe);
    file
}

fn read(bytes: &[u8]) -> Result<Vec<u8>, FileRefusal> {
    read_with(bytes, Caps::default())
}

fn is_damaged(read: &Result<Vec<u8>, FileRefusal>) -> bool {
    matches!(read, Err(FileRefusal::Damaged(_)))
}

#[test]
fn every_container_gives_its_text() {
    assert_eq!(read(TEXT.as_bytes()), Ok(TEXT.into()));
    for text in ["", "a\n", TEXT] {
        for (name, pack) in PACKERS {
            assert_eq!(read(&pack(text.as_bytes())), Ok(text.into()), "{name} of {text:?}");
        }
    }
}

#[test]
fn several_streams_are_one_text() {
    for (name, pack) in &PACKERS[..4] {
        let both = [pack(b"45.9.20.5\n"), pack(b""), pack(b"evilpanel.com\n")].concat();
        assert_eq!(read(&both), Ok(b"45.9.20.5\nevilpanel.com\n".to_vec()), "{name}");
    }
}

#[test]
fn what_is_cut_off_is_damaged_wherever_it_is_cut() {
    let text: String = (0..5000).map(|n| format!("host{}.evilpanel.com\n", n * 7919 % 104_729)).collect();
    for (name, pack) in PACKERS {
        let whole = pack(text.as_bytes());
        let ends = [8, 12, 40, whole.len() / 2, whole.len() - 5, whole.len() - 1];
        for end in ends {
            assert!(is_damaged(&read(&whole[..end])), "{name} cut at {end} of {}", whole.len());
        }
    }
}

#[test]
fn a_bent_bit_is_damage() {
    let text: String = (0..500).map(|n| format!("host{}.evilpanel.com\n", n * 7919 % 104_729)).collect();
    for (name, pack) in PACKERS {
        let mut bytes = pack(text.as_bytes());
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0x10;
        assert!(is_damaged(&read(&bytes)), "{name}");
    }
    let mut bytes = gz(text.as_bytes());
    let checksum = bytes.len() - 8;
    bytes[checksum] ^= 1;
    assert!(is_damaged(&read(&bytes)), "the checksum itself");
    let mut stored = zip_of(&[("list.txt", text.as_bytes())], CompressionMethod::Stored);
    stored[200] ^= 1;
    assert!(is_damaged(&read(&stored)), "a stored member");
}

#[test]
fn garbage_behind_the_last_stream_is_damage() {
    for (name, pack) in &PACKERS[..4] {
        let bytes = [pack(TEXT.as_bytes()), b"<html>504 Gateway Time-out</html>".to_vec()].concat();
        assert!(is_damaged(&read(&bytes)), "{name}");
    }
}

#[test]
fn bombs_stop_at_the_caps() {
    let zeros = vec![b'0'; 24 << 20];
    let bytes = Caps { bytes: 1 << 20, ratio: 500 };
    let ratio = Caps { bytes: 1 << 30, ratio: 20 };
    assert_eq!(read_with(&zeros, bytes), Err(FileRefusal::TooLarge(1 << 20)));
    assert!(read_with(&zeros, ratio).is_ok());
    for (name, pack) in PACKERS {
        let bomb = pack(&zeros);
        assert_eq!(read_with(&bomb, bytes), Err(FileRefusal::TooLarge(1 << 20)), "{name}");
        assert_eq!(read_with(&bomb, ratio), Err(FileRefusal::Bomb(20)), "{name}");
    }
    let small = gz(&zeros[..1 << 20]);
    assert!(read_with(&small, ratio).is_ok(), "a small list may pack well");
    assert_eq!(read_with(b"12345", Caps { bytes: 5, ratio: 1 }), Ok(b"12345".to_vec()));
}

#[test]
fn a_zip_is_all_its_lists_and_nothing_else() {
    let members: [(&str, &[u8]); 6] = [
        ("a.txt", b"45.9.20.5"),
        ("lists/", b""),
        ("lists/empty.txt", b""),
        ("lists/b.txt", b"\xef\xbb\xbfevilpanel.com\r\n"),
        ("../../etc/passwd", b"root\n"),
        ("c.txt", b"\xff\xfea\0\n\0"),
    ];
    for method in [CompressionMethod::Stored, CompressionMethod::Deflated] {
        let read = read(&zip_of(&members, method));
        assert_eq!(read, Ok(b"45.9.20.5\nevilpanel.com\r\na\n".to_vec()));
    }
    assert_eq!(read(&zip_of(&[], CompressionMethod::Stored)), Ok(Vec::new()));
}

#[test]
fn an_encrypted_zip_is_refused() {
    let mut bytes = zip(TEXT.as_bytes());
    let table = bytes.windows(4).position(|four| four == b"PK\x01\x02").unwrap();
    bytes[6] |= 1;
    bytes[table + 8] |= 1;
    assert_eq!(read(&bytes), Err(FileRefusal::Damaged("the archive is encrypted".to_owned())));
}

#[test]
fn marks_are_stripped_and_utf_16_becomes_utf_8() {
    let text = "b\u{fc}cher.com\n\u{1f9a0}.com\n";
    let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let big: Vec<u8> = text.encode_utf16().flat_map(|unit| [(unit >> 8) as u8, unit as u8]).collect();
    let marked = [
        [b"\xef\xbb\xbf", text.as_bytes()].concat(),
        [b"\xff\xfe", little.as_slice()].concat(),
        [b"\xfe\xff", big.as_slice()].concat(),
    ];
    for bytes in marked {
        assert_eq!(read(&bytes), Ok(text.into()));
        assert_eq!(read(&gz(&bytes)), Ok(text.into()));
    }
    assert_eq!(read(b"\xef\xbb\xbf"), Ok(Vec::new()));
    assert_eq!(read(b"\xff\xfe"), Ok(Vec::new()));
    assert_eq!(read(b"ab"), Ok(b"ab".to_vec()));
    let long = [b"\xff\xfe".to_vec(), little.repeat(20_000)].concat();
    assert_eq!(read(&long), Ok(text.repeat(20_000).into_bytes()));
}

#[test]
fn broken_pairs_are_a_bad_encoding() {
    let broken: [&[u8]; 5] = [
        b"\xff\xfea\0\n",
        b"\xff\xfe\x00\xd8",
        b"\xff\xfe\x00\xd8a\0",
        b"\xff\xfe\x00\xd8\x00\xd8\x00\xdc",
        b"\xfe\xff\xdc\x00\0a",
    ];
    for bytes in broken {
        assert_eq!(read(bytes), Err(FileRefusal::BadEncoding), "{bytes:?}");
    }
}

#[test]
fn what_the_system_says_is_not_damage() {
    struct Failing;
    impl Read for Failing {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("the disk is gone"))
        }
    }
    for (name, pack) in &PACKERS[..4] {
        let half = pack(TEXT.as_bytes());
        let source = Cursor::new(half[..20].to_vec()).chain(Failing);
        let read = drain(open_stream(source, Caps::default()));
        assert!(
            matches!(read, Err(FileRefusal::Unreadable(why)) if why.contains("the disk is gone")),
            "{name}"
        );
    }
}

#[test]
fn pages_and_binaries_are_told_from_lists() {
    let pages = ["<!DOCTYPE html>", "\n <HTML lang=en>", "<head>", "<script>", "<?php", "<pre>\r\n45.9.20.5"];
    for page in pages {
        assert_eq!(kind_of(page.as_bytes(), Markup::Refused), Some(FileRefusal::Html), "{page}");
    }
    let binaries: [&[u8]; 5] = [
        b"\xff\xff\xff\xffP2B",
        b"\x7fELF\x02",
        b"%PDF-1.7",
        b"45.9.20.5\n\0\0\0\0\0\0",
        &rapsheet_snapshot::layout::MAGIC,
    ];
    for binary in binaries {
        assert_eq!(kind_of(binary, Markup::Refused), Some(FileRefusal::Binary), "{binary:?}");
    }
    let late = [vec![b'a'; NUL_WITHIN], vec![0]].concat();
    for list in [TEXT.as_bytes(), b"", b"<?xml version=\"1.0\"?>", b"<pre>45.9.20.5", b"<", &late] {
        assert_eq!(kind_of(list, Markup::Refused), None);
    }
}

/// Real downloads, where the folder of them is at hand: twins are one text, and brotli, which has no magic
/// and no decoder here, is binary.
#[test]
fn real_downloads_decode() {
    let Some(corpus) = std::env::var_os("RAPSHEET_CORPUS") else {
        println!("skipped: RAPSHEET_CORPUS names no folder of real downloads");
        return;
    };
    let folder = std::path::Path::new(&corpus).join("feeds/compressed");
    let mut texts = std::collections::BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        let text = read(&bytes).unwrap_or_else(|refusal| panic!("{}: {refusal}", path.display()));
        if path.extension().is_some_and(|extension| extension == "br") {
            assert_eq!(kind_of(&text, Markup::Refused), Some(FileRefusal::Binary), "{}", path.display());
            continue;
        }
        assert_eq!(kind_of(&text, Markup::Refused), None, "{}", path.display());
        let twin = texts.entry(path.with_extension("")).or_insert_with(|| text.clone());
        assert!(*twin == text, "{}", path.display());
    }
    println!("{} real texts decoded", texts.len());
}
