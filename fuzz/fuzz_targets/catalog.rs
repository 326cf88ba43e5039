//! Any text as a catalogue: read, or refused with problems that name a line.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rapsheet_ingest::catalog::Catalog;

fuzz_target!(|text: &str| match Catalog::parse(text, "catalog.toml") {
    Ok(catalog) => {
        for feed in &catalog.feeds {
            let is_plain =
                |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-".contains(&byte);
            assert!(!feed.id.is_empty() && feed.id.bytes().all(is_plain), "{:?}", feed.id);
            assert!(!feed.file.contains(['/', '\\', '\0']), "{:?}", feed.file);
            assert!(feed.retention_seconds > 0 && feed.max_age_seconds > 0, "{feed:?}");
        }
    }
    Err(error) => {
        assert!(!error.problems.is_empty());
        assert!(error.to_string().starts_with("catalog.toml:"), "{error}");
    }
});
