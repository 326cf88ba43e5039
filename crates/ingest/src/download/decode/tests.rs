//! Archives whole, truncated, corrupted and past the limits; character sets; pages and binaries. The
//! compressions have their own tests in `rapsheet-decompress`.

use super::*;
use std::io::Write;
use zip::CompressionMethod;
use zip::write::SimpleFileOptions;

const TEXT: &str = "45.9.20.5\n185.0.113.7\nevilpanel.com\n";

fn gz(text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
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

/// Reads it as a file and as a pipe, which must agree.
fn read_with(bytes: &[u8], limits: Limits) -> Result<Vec<u8>, FileRefusal> {
    let file = drain(open(Cursor::new(bytes.to_vec()), limits));
    let pipe = drain(open_stream(Cursor::new(bytes.to_vec()), limits));
    assert_eq!(file, pipe);
    file
}

fn read(bytes: &[u8]) -> Result<Vec<u8>, FileRefusal> {
    read_with(bytes, Limits::default())
}

fn is_damaged(read: &Result<Vec<u8>, FileRefusal>) -> bool {
    matches!(read, Err(FileRefusal::Damaged(_)))
}

#[test]
fn reads_plain_compressed_and_zipped_text() {
    for text in ["", "a\n", TEXT] {
        for bytes in [text.as_bytes().to_vec(), gz(text.as_bytes()), zip(text.as_bytes())] {
            assert_eq!(read(&bytes), Ok(text.into()), "{text:?}");
        }
    }
}

#[test]
fn a_truncated_zip_is_damaged_wherever_it_is_cut() {
    let text: String = (0..5000).map(|n| format!("host{}.evilpanel.com\n", n * 7919 % 104_729)).collect();
    let whole = zip(text.as_bytes());
    for end in [8, 12, 40, whole.len() / 2, whole.len() - 5, whole.len() - 1] {
        assert!(is_damaged(&read(&whole[..end])), "cut at {end} of {}", whole.len());
    }
}

#[test]
fn a_flipped_bit_in_a_zip_is_damage() {
    let text: String = (0..500).map(|n| format!("host{}.evilpanel.com\n", n * 7919 % 104_729)).collect();
    let mut bytes = zip(text.as_bytes());
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x10;
    assert!(is_damaged(&read(&bytes)));
    let mut stored = zip_of(&[("list.txt", text.as_bytes())], CompressionMethod::Stored);
    stored[200] ^= 1;
    assert!(is_damaged(&read(&stored)), "a stored member");
}

#[test]
fn a_zip_stops_at_the_limits() {
    let bomb = zip(&vec![b'0'; 24 << 20]);
    let limits = Limits { bytes: 1 << 20, ratio: 500 };
    assert_eq!(read_with(&bomb, limits), Err(FileRefusal::TooLarge(1 << 20)));
    let limits = Limits { bytes: 1 << 30, ratio: 20 };
    assert_eq!(read_with(&bomb, limits), Err(FileRefusal::Bomb(20)));
}

#[test]
fn reads_every_list_of_a_zip_and_nothing_else() {
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
fn strips_byte_order_marks_and_transcodes_utf_16() {
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
fn refuses_broken_surrogate_pairs() {
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
fn recognizes_pages_and_binaries() {
    let pages = ["<!DOCTYPE html>", "\n <HTML lang=en>", "<head>", "<script>", "<?php", "<pre>\r\n45.9.20.5"];
    for page in pages {
        assert_eq!(check_head(page.as_bytes(), Markup::Refused), Err(FileRefusal::Html), "{page}");
    }
    let binaries: [&[u8]; 5] = [
        b"\xff\xff\xff\xffP2B",
        b"\x7fELF\x02",
        b"%PDF-1.7",
        b"45.9.20.5\n\0\0\0\0\0\0",
        &rapsheet_snapshot::layout::MAGIC,
    ];
    for binary in binaries {
        assert_eq!(check_head(binary, Markup::Refused), Err(FileRefusal::Binary), "{binary:?}");
    }
    let late = [vec![b'a'; NUL_WITHIN], vec![0]].concat();
    for list in [TEXT.as_bytes(), b"", b"<?xml version=\"1.0\"?>", b"<pre>45.9.20.5", b"<", &late] {
        assert_eq!(check_head(list, Markup::Refused), Ok(()));
    }
}

/// Real downloads, where `RAPSHEET_CORPUS` names a folder of them: the same list in several compressions is
/// one text, and brotli, which has no magic number and no decoder here, is binary.
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
            assert_eq!(check_head(&text, Markup::Refused), Err(FileRefusal::Binary), "{}", path.display());
            continue;
        }
        assert_eq!(check_head(&text, Markup::Refused), Ok(()), "{}", path.display());
        let other = texts.entry(path.with_extension("")).or_insert_with(|| text.clone());
        assert!(*other == text, "{}", path.display());
    }
    println!("{} real texts decoded", texts.len());
}
