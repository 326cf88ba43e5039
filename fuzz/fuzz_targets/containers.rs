//! Any bytes as a download: decompressed, unpacked and read, as a file and as a pipe, within its limits.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rapsheet_fuzz::{format, read_parts};
use rapsheet_ingest::decode::{self, Limits, Text};
use std::io::{Cursor, Read};

const LIMITS: Limits = Limits { bytes: 1 << 20, ratio: 200 };
/// What decoding UTF-16 can add to the text, and a line end for each part that lacks one.
const TEXT_MAX: u64 = 4 * LIMITS.bytes;

fuzz_target!(|data: &[u8]| {
    let file = || decode::open(Cursor::new(data.to_vec()), LIMITS);
    if let Ok(text) = file() {
        drain(text);
    }
    if let Ok(text) = decode::open_stream(Cursor::new(data.to_vec()), LIMITS) {
        drain(text);
    }
    for id in ["auto", "squidguard", "misp-feed"] {
        if let Ok(mut text) = file() {
            read_parts(format(id), &mut text);
        }
    }
});

fn drain(mut text: Text) {
    let mut bytes = Vec::new();
    while let Ok(Some(_)) = text.next_part() {
        if text.part().read_to_end(&mut bytes).is_err() {
            break;
        }
    }
    assert!(bytes.len() as u64 <= TEXT_MAX, "{} bytes", bytes.len());
}
