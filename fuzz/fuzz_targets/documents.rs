//! JSON, XML and CSV with options: the first byte chooses the format, the first line is `key=value` pairs separated
//! by `;`, the rest is the file.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rapsheet_fuzz::{DOCUMENTS, format, read};
use rapsheet_ingest::format::options::Options;

fuzz_target!(|data: &[u8]| {
    let Some((first, rest)) = data.split_first() else { return };
    let format = format(DOCUMENTS[usize::from(*first) % DOCUMENTS.len()]);
    let end = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
    let (line, text) = rest.split_at(end);
    let mut options = Options::default();
    for pair in String::from_utf8_lossy(line).split(';') {
        if let Some((key, value)) = pair.split_once('=') {
            options.push(key, value);
        }
    }
    if options.check(format.options).is_ok() {
        read(format, &options, text.strip_prefix(b"\n").unwrap_or(text));
    }
});
