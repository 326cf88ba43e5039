//! Files of tests and benchmarks: the files of a folder, and gzip.

use std::fs;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

/// The files of a folder, by name.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    paths
}

/// The text of a file; `.gz` files are decompressed.
pub(crate) fn read_text(path: &Path) -> Vec<u8> {
    let bytes = fs::read(path).expect("a readable file");
    if path.extension().is_none_or(|extension| extension != "gz") {
        return bytes;
    }
    let mut text = Vec::new();
    flate2::read::MultiGzDecoder::new(bytes.as_slice()).read_to_end(&mut text).expect("sound gzip");
    text
}

/// The text as a gzip file.
pub(crate) fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text).expect("written to memory");
    encoder.finish().expect("written to memory")
}
