//! Any text in any format: the first byte chooses the format, the rest is the file.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rapsheet_fuzz::read;
use rapsheet_ingest::format::FORMATS;
use rapsheet_ingest::format::options::Options;

fuzz_target!(|data: &[u8]| {
    if let Some((first, text)) = data.split_first() {
        read(FORMATS[usize::from(*first) % FORMATS.len()], &Options::default(), text);
    }
});
