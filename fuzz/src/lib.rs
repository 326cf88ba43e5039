//! What several fuzz targets share: a small snapshot to break, a reader of feeds that checks what it is given, and
//! checksums that hold again after a mutation.

use rapsheet_ingest::build::{BuildInput, BuildOutput, NoObserver, build};
use rapsheet_ingest::catalog::Catalog;
use rapsheet_ingest::decode::Text;
use rapsheet_ingest::format::options::Options;
use rapsheet_ingest::format::{self, Format, OpenError};
use rapsheet_ingest::pipeline::Counters;
use rapsheet_ingest::pipeline::{self, ParseConfig};
use rapsheet_ingest::pipeline::{Details, FileRefusal, Key, Position, Rules, Sink, Skip, Warnings};
use rapsheet_snapshot::{AddressRange, ListKind, ParseError, Scope, Snapshot, Time, name, url};
use std::io::Write;
use std::path::Path;
use std::sync::LazyLock;

/// The instant of every build and every question.
pub fn now() -> Time {
    Time::from_unix(1_780_000_000)
}

/// Feeds with something for every section of a file.
const CATALOG: &str = r#"
[[feed]]
id = "addresses"
provider = "one.example"
format = "plain-ip"
file = "addresses.txt"
assessment = ["botnet"]
[[feed]]
id = "names"
provider = "two.example"
format = "plain-domain"
scope = "tree"
file = "names.txt"
[[feed]]
id = "urls"
provider = "two.example"
format = "url-list"
list = "allow"
file = "urls.txt"
[[feed]]
id = "rows"
provider = "three.example"
format = "csv"
mode = "accumulated"
file = "rows.csv"
[feed.options]
value = "value"
first_seen = "first_seen"
"#;

const DOWNLOADS: [(&str, &str); 4] = [
    (
        "addresses.txt",
        "45.9.20.5\n45.9.20.0/24\n45.9.30.4-45.9.31.9\n185.7.0.0/15\n2a06:e480::/32\n2a06:e480::7\n",
    ),
    ("names.txt", "evilpanel.com\nwww.evilpanel.com\npanel.net\n"),
    ("urls.txt", "http://panel.net/a\n//panel.net/b\n"),
    ("rows.csv", "value,first_seen\n45.10.0.1,2026-05-01T00:00:00Z\nh1.evil.com,2026-05-02T00:00:00Z\n"),
];

/// A folder with the downloads of the small catalogue, and that catalogue.
pub struct Feeds {
    folder: tempfile::TempDir,
    catalog: Catalog,
}

impl Feeds {
    /// Writes the downloads to a temporary folder.
    pub fn new() -> Feeds {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for (file, text) in DOWNLOADS {
            std::fs::write(folder.path().join(file), text).expect("a download");
            let note = format!("{{\"fetched_at\":\"{}\"}}", now());
            std::fs::write(folder.path().join(format!("{file}.meta.json")), note).expect("a note");
        }
        Feeds { folder, catalog: Catalog::parse(CATALOG, "catalog.toml").expect("a sound catalogue") }
    }

    /// Builds a snapshot from them and, where given, a state file.
    pub fn build(&self, state: Option<&[u8]>) -> Option<BuildOutput> {
        let path: &Path = self.folder.path();
        let mut input = BuildInput::new(&self.catalog, path, now(), "fuzz");
        input.state = state;
        build(&input, &NoObserver).ok()
    }

    /// Builds with a previous snapshot, which may be forged.
    pub fn build_after(&self, previous: &Snapshot) -> Option<BuildOutput> {
        let path: &Path = self.folder.path();
        let mut input = BuildInput::new(&self.catalog, path, now().plus(60), "fuzz");
        (input.previous, input.allow_older) = (Some(previous), true);
        build(&input, &NoObserver).ok()
    }
}

impl Default for Feeds {
    fn default() -> Feeds {
        Feeds::new()
    }
}

/// A small sound snapshot, and the state file that belongs to it.
pub static SAMPLE: LazyLock<(Vec<u8>, Vec<u8>)> = LazyLock::new(|| {
    let built = Feeds::new().build(None).expect("the sample can be built");
    (built.image.to_bytes(), built.state)
});

/// Another small sound snapshot.
pub const GOLDEN: &[u8] = include_bytes!("../../tests/golden/v1.rap");

/// A delta from [`GOLDEN`] to the snapshot of [`SAMPLE`], and the slim file of that one.
pub static SHIPPED: LazyLock<(Vec<u8>, Vec<u8>)> = LazyLock::new(|| {
    let [from, to] = [GOLDEN.to_vec(), SAMPLE.0.clone()]
        .map(|bytes| Snapshot::from_bytes(bytes).expect("a sound snapshot"));
    let [mut delta, mut slim] = [const { Vec::new() }; 2];
    rapsheet_ship::delta::write(&from, &to, &mut delta).expect("sound snapshots");
    rapsheet_ship::slim::write(&to, &mut slim).expect("written to memory");
    (delta, slim)
});

/// Makes all checksums of a snapshot hold again, as an attacker would. The offsets are those of FORMAT.md.
pub fn mend_checksums(file: &mut [u8]) {
    const HEADER_LEN: usize = 64;
    const ROW_LEN: usize = 32;
    if file.len() < HEADER_LEN {
        return;
    }
    let number = |file: &[u8], at: usize, width: usize| {
        file[at..at + width].iter().rev().fold(0usize, |sum, byte| sum << 8 | usize::from(*byte))
    };
    let rows = number(file, 12, 4).min((file.len() - HEADER_LEN) / ROW_LEN);
    for row in 0..rows {
        let at = HEADER_LEN + row * ROW_LEN;
        let (offset, length) = (number(file, at + 8, 8), number(file, at + 16, 8));
        if let Some(section) = offset.checked_add(length).and_then(|end| file.get(offset..end)) {
            let checksum = crc32fast::hash(section).to_le_bytes();
            file[at + 4..at + 8].copy_from_slice(&checksum);
        }
    }
    let table = crc32fast::hash(&file[HEADER_LEN..HEADER_LEN + rows * ROW_LEN]).to_le_bytes();
    file[32..36].copy_from_slice(&table);
    let header = crc32fast::hash(&file[..60]).to_le_bytes();
    file[60..64].copy_from_slice(&header);
}

/// Reads one text with a format, and checks what comes of it. A format that wants other options, or refuses the text,
/// is in its right.
pub fn read(format: &'static Format, options: &Options, mut text: &[u8]) {
    run(format, options, |config, sink| pipeline::parse_text(config, &mut text, sink));
}

/// Reads a download that may have several parts, and checks what comes of it.
pub fn read_parts(format: &'static Format, text: &mut Text) {
    run(format, &Options::default(), |config, sink| pipeline::parse_download(config, text, sink).counters);
}

fn run(
    format: &'static Format,
    options: &Options,
    read: impl FnOnce(&ParseConfig<'_>, &mut dyn Sink) -> Result<Counters, OpenError>,
) {
    let rules = Rules::new(now(), ListKind::Block, Scope::Tree);
    let config = ParseConfig { format, options, rules: &rules, can_be_empty: true };
    let mut entries = Entries(0);
    if let Ok(counters) = read(&config, &mut entries) {
        let parts = counters.data_lines + counters.skipped_lines + counters.rejected_lines;
        assert_eq!(counters.lines, parts, "{}: every line is counted once", format.id);
        assert_eq!(counters.entries, entries.0, "{}: every entry is counted once", format.id);
    }
}

/// Checks that each entry is in canonical form: what a look-up compares with it is.
struct Entries(u64);

impl Sink for Entries {
    fn entry(&mut self, _: Position, key: Key<'_>, _: &Details, _: Warnings) {
        self.0 += 1;
        match key {
            Key::Range(AddressRange::V4 { first, last }) => assert!(first <= last),
            Key::Range(AddressRange::V6 { first, last }) => assert!(first <= last),
            Key::Name(text, _) => canonical_name(text),
            Key::Url(text) => canonical_url(text),
        }
    }

    fn skip(&mut self, _: Position, _: Skip) {}
    fn reject(&mut self, _: Position, _: ParseError, _: &[u8]) {}
}

fn canonical_name(text: &[u8]) {
    let mut again = Vec::new();
    let read = name::canonical(text, &mut again);
    assert!(text.len() <= name::NAME_MAX, "a name of {} bytes", text.len());
    assert!(read.is_ok() && again == text, "{read:?}: {:?} from {:?}", show(&again), show(text));
}

fn canonical_url(text: &[u8]) {
    let mut again = Vec::new();
    let read = url::canonical(text, &mut again);
    assert!(read.is_ok() && again == text, "{read:?}: {:?} from {:?}", show(&again), show(text));
}

fn show(text: &[u8]) -> String {
    String::from_utf8_lossy(text).into_owned()
}

/// The format with this id.
pub fn format(id: &str) -> &'static Format {
    format::find(id).expect("a format of this id")
}

/// A text in each of the containers that are recognized.
pub fn contained(text: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let mut bzip2 = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    let mut xz = liblzma::write::XzEncoder::new(Vec::new(), 1);
    gzip.write_all(text).expect("memory");
    bzip2.write_all(text).expect("memory");
    xz.write_all(text).expect("memory");
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    zip.start_file("list.txt", zip::write::SimpleFileOptions::default()).expect("memory");
    zip.write_all(text).expect("memory");
    let mut header = tar::Header::new_gnu();
    header.set_size(text.len() as u64);
    header.set_mode(0o644);
    let mut tar = tar::Builder::new(Vec::new());
    tar.append_data(&mut header, "phishing/domains", text).expect("memory");
    vec![
        ("gz", gzip.finish().expect("memory")),
        ("bz2", bzip2.finish().expect("memory")),
        ("xz", xz.finish().expect("memory")),
        ("zst", zstd::encode_all(text, 1).expect("memory")),
        ("zip", zip.finish().expect("memory").into_inner()),
        ("tar", tar.into_inner().expect("memory")),
    ]
}

/// The formats that the target `documents` chooses from: those that take options which change how they read.
pub const DOCUMENTS: [&str; 14] = [
    "csv",
    "json",
    "ndjson",
    "xml",
    "rss",
    "stix",
    "otx-pulse",
    "misp-feed",
    "misp-warninglist",
    "onionoo",
    "cloud-json",
    "lsrules",
    "hash-delimited",
    "spamhaus-drop-json",
];

/// What a format's reader finds in a text: addresses, names and URLs as look-ups compare them.
pub fn read_keys(format: &str, options: &[(&str, &str)], text: &[u8]) -> Vec<String> {
    let rules = Rules::new(now(), ListKind::Block, Scope::Exact);
    let mut given = Options::default();
    options.iter().for_each(|(key, value)| given.push(key, value));
    let config =
        ParseConfig { format: self::format(format), options: &given, rules: &rules, can_be_empty: true };
    let mut keys = Keys(Vec::new());
    match pipeline::parse_text(&config, &mut { text }, &mut keys) {
        // An export without entries, or with exceptions alone.
        Ok(_) | Err(OpenError::File(FileRefusal::NoData)) => keys.0,
        Err(error) => panic!("{format}: {error:?}"),
    }
}

/// Keeps the text of each entry.
struct Keys(Vec<String>);

impl Sink for Keys {
    fn entry(&mut self, _: Position, key: Key<'_>, _: &Details, _: Warnings) {
        self.0.push(match key {
            Key::Range(range) => range.to_string(),
            Key::Name(text, _) | Key::Url(text) => show(text),
        });
    }

    fn skip(&mut self, _: Position, _: Skip) {}
    fn reject(&mut self, _: Position, _: ParseError, _: &[u8]) {}
}
