//! Hostile texts in every export format: names, URLs, feeds and licences with any bytes. The first byte
//! chooses the format. Whatever our own reader finds in the file must have been written as an entry, so that
//! no text breaks out of the syntax.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rapsheet_export::{FORMATS, Indicator, Statement, write_entries};
use rapsheet_fuzz::{now, read_keys};
use rapsheet_snapshot::{
    AddressRange, Assessments, FeedRecord, FeedTraits, Kinds, ListKind, Mode, Scope, name, url,
};

/// What a feed is, beside its texts.
const TRAITS: FeedTraits = FeedTraits {
    list: ListKind::Block,
    mode: Mode::Reset,
    kinds: Kinds::ALL,
    assessments: Assessments::EMPTY,
    update_time: None,
};

fuzz_target!(|data: &[u8]| {
    let Some((first, rest)) = data.split_first() else { return };
    let format = FORMATS[usize::from(*first) % FORMATS.len()];
    let text = String::from_utf8_lossy(rest);
    let mut parts = text.split('\u{1}');
    let mut feed = FeedRecord::new(parts.next().unwrap_or(""), parts.next().unwrap_or(""), TRAITS);
    feed.licence = parts.next().unwrap_or("").to_owned();
    feed.url = parts.next().unwrap_or("").to_owned();
    let statement =
        |list| Statement::of_feed(list, Assessments::from_bits(3), (now().plus(-60), now().plus(9000)));
    let range = AddressRange::V4 { first: 0x2D09_1401, last: 0x2D09_1406 };
    let mut entries = vec![(Indicator::Range(range), statement(ListKind::Block))];
    let mut names: Vec<&str> = Vec::new();
    for (at, part) in parts.enumerate().take(64) {
        let list = if at % 5 == 4 { ListKind::Allow } else { ListKind::Block };
        let scope = [Scope::Exact, Scope::Tree, Scope::Subdomains][at % 3];
        let indicator =
            if part.contains('/') { Indicator::Url(part) } else { Indicator::Name { name: part, scope } };
        names.push(part);
        entries.push((indicator, statement(list)));
    }
    let mut file = Vec::new();
    write_entries(format, now(), &[feed], &entries, &mut file).expect("memory takes every write");
    for key in read_keys(format.parses_as, format.parse_options, &file) {
        let is_address = key.starts_with("45.9.20.");
        let is_written = names.iter().any(|name| says(name, &key));
        assert!(
            is_address || is_written,
            "{}: {key:?} was never an entry\n{}",
            format.name,
            file.escape_ascii()
        );
    }
});

/// Whether an entry says what was read: the same name or URL, as the reader spells it. Some formats drop the
/// scheme.
fn says(written: &str, read: &str) -> bool {
    let (written, mut canonical) = (written.trim(), Vec::new());
    let is_url = written.contains('/') && url::canonical(written.as_bytes(), &mut canonical).is_ok();
    let is_name = !is_url && name::canonical(written.as_bytes(), &mut canonical).is_ok();
    let spelt = if is_url || is_name { String::from_utf8_lossy(&canonical) } else { written.into() };
    let bare = |text: &str| text.split_once("//").map_or(text, |(_, rest)| rest).to_owned();
    bare(&spelt) == bare(read)
}
