//! Names, URLs, feeds and licences with marks that mean something in one syntax or another. Whatever our own
//! reader finds in a file must have been written as an entry: no text breaks out. The fuzz target `exports`
//! does the same with any bytes.

use proptest::prelude::*;
use rapsheet_export::{FORMATS, Format, Indicator, Statement, write_entries};
use rapsheet_ingest::format::{self, OpenError, options::Options};
use rapsheet_ingest::pipeline::{
    self, Details, FileRefusal, Key, ParseConfig, Position, Rules, Sink, Skip, Warnings,
};
use rapsheet_snapshot::{
    AddressRange, Assessments, FeedRecord, FeedTraits, Kinds, ListKind, Mode, ParseError, Scope, Time, name,
    url,
};

/// What a feed is, beside its texts.
const TRAITS: FeedTraits = FeedTraits {
    list: ListKind::Block,
    mode: Mode::Reset,
    kinds: Kinds::ALL,
    assessments: Assessments::EMPTY,
    update_time: None,
};

fn now() -> Time {
    Time::from_unix(1_780_000_000)
}

/// Keeps what a reader finds, as text.
struct Found(Vec<String>);

impl Sink for Found {
    fn entry(&mut self, _: Position, key: Key<'_>, _: &Details, _: Warnings) {
        self.0.push(match key {
            Key::Range(range) => range.to_string(),
            Key::Name(text, _) | Key::Url(text) => String::from_utf8_lossy(text).into_owned(),
        });
    }

    fn skip(&mut self, _: Position, _: Skip) {}
    fn reject(&mut self, _: Position, _: ParseError, _: &[u8]) {}
}

fn read_back(format: &Format, file: &[u8]) -> Vec<String> {
    let rules = Rules::new(now(), ListKind::Block, Scope::Exact);
    let mut options = Options::default();
    format.parse_options.iter().for_each(|(key, value)| options.push(key, value));
    let format = format::find(format.parses_as).expect("a format");
    let config = ParseConfig { format, options: &options, rules: &rules, can_be_empty: true };
    let mut found = Found(Vec::new());
    let read = pipeline::parse_text(&config, &mut { file }, &mut found);
    // An export without entries, or with exceptions alone, is one without data.
    let is_read = matches!(read, Ok(_) | Err(OpenError::File(FileRefusal::NoData)));
    assert!(is_read, "{}: {}", format.id, file.escape_ascii());
    found.0
}

/// Whether an entry says what was read: the same name or URL, as the reader spells it. Some formats drop the
/// scheme.
fn says(written: &str, read: &str) -> bool {
    let (written, mut canonical) = (written.trim(), Vec::new());
    let is_url = written.contains('/') && url::canonical(written.as_bytes(), &mut canonical).is_ok();
    let is_name = !is_url && name::canonical(written.as_bytes(), &mut canonical).is_ok();
    let spelt =
        if is_url || is_name { String::from_utf8_lossy(&canonical).into_owned() } else { written.to_owned() };
    let bare = |text: &str| text.split_once("//").map_or(text, |(_, rest)| rest).to_owned();
    bare(&spelt) == bare(read)
}

/// Texts that try to end a line, a string, an element, a list or a comment, and to begin an entry.
fn hostile() -> impl Strategy<Value = String> {
    const PARTS: [&str; 28] = [
        "evil.com",
        "45.9.30.1",
        "\n",
        "\r",
        "\0",
        "\"",
        "'",
        ";",
        ",",
        "}",
        "{",
        "]",
        "#",
        "!",
        "\t",
        " ",
        "\\",
        "/",
        "|",
        "^",
        "$",
        "*",
        "http://",
        "\n45.9.30.9\n",
        "\nx.evil.org CNAME .\n",
        "\u{2028}",
        "\u{feff}",
        "-->",
    ];
    proptest::collection::vec(proptest::sample::select(PARTS.to_vec()), 1..8).prop_map(|parts| parts.concat())
}

fn check(format: &'static Format, texts: &[String], feed: &FeedRecord) -> Result<(), TestCaseError> {
    let statement =
        |list| Statement::of_feed(list, Assessments::from_bits(3), (now().plus(-60), now().plus(9000)));
    let range = AddressRange::V4 { first: 0x2D09_1401, last: 0x2D09_1406 };
    let mut entries = vec![(Indicator::Range(range), statement(ListKind::Block))];
    for (at, text) in texts.iter().enumerate() {
        let scope = [Scope::Exact, Scope::Tree, Scope::Subdomains][at % 3];
        let indicator =
            if text.contains('/') { Indicator::Url(text) } else { Indicator::Name { name: text, scope } };
        entries.push((indicator, statement(if at % 5 == 4 { ListKind::Allow } else { ListKind::Block })));
    }
    let mut file = Vec::new();
    write_entries(format, now(), std::slice::from_ref(feed), &entries, &mut file)
        .expect("memory takes every write");
    for key in read_back(format, &file) {
        let is_written = key.starts_with("45.9.20.") || texts.iter().any(|text| says(text, &key));
        prop_assert!(is_written, "{}: {key:?} was never an entry:\n{}", format.name, file.escape_ascii());
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn no_text_breaks_out_of_any_syntax(
        texts in proptest::collection::vec(hostile(), 1..12),
        id in hostile(), provider in hostile(), licence in hostile(), address in hostile(),
    ) {
        let mut feed = FeedRecord::new(&id, &provider, TRAITS);
        (feed.licence, feed.url) = (licence, address);
        for format in FORMATS {
            check(format, &texts, &feed)?;
        }
    }
}
