//! The catalogue: which feeds there are, and what each of them means.
//!
//! Feeds are data. A catalogue is a TOML file with one `[[feed]]` table a feed. An unknown key, an invalid
//! value or a duplicate id stops the build before anything is read, because a feed with a misspelt key means
//! something else. All problems are reported at once.
//!
//! ```
//! use rapsheet_ingest::catalog::Catalog;
//!
//! let text = "[[feed]]\nid = \"a\"\nprovider = \"lists.example\"\nformat = \"plain-ip\"\n";
//! let catalog = Catalog::parse(text, "catalog.toml")?;
//! assert_eq!(catalog.feeds[0].file, "a.txt");
//!
//! let error = Catalog::parse("[[feed]]\nid = \"A\"\n", "catalog.toml").unwrap_err();
//! assert_eq!(error.problems.len(), 3);
//! # Ok::<(), rapsheet_ingest::catalog::CatalogError>(())
//! ```

mod fetching;
mod guards;
mod id_pattern;
pub(crate) mod lists;
mod near;
mod options;
mod sources;
mod table_reader;

pub use crate::entry::indicator::Indicator;
pub use crate::entry::never_block::lines as never_block_lines;
use crate::entry::taxonomy;
use crate::format::options::Options;
use crate::format::{self, FORMATS, Format};
pub use fetching::{Auth, HostLimits};
use fetching::{Fetching, read_hosts};
pub use guards::{Guard, NamedIndicator, Share};
pub use id_pattern::IdPattern;
pub use near::near;
use rapsheet_snapshot::{Assessments, ListKind, Mode, Scope};
use sources::{Place, RawFeed, Sources};
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::path::{Path, PathBuf};
use table_reader::TableReader;
use toml::{Table, Value};

/// The catalogue inside the program.
const BUILTIN: &str = include_str!("../../../../feeds/catalog.toml");
/// What errors call it.
const BUILTIN_NAME: &str = "the catalogue inside rapsheet";

/// A catalogue of feeds.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Catalog {
    /// The feeds, in the order of the file.
    pub feeds: Vec<Feed>,
    /// What no feed may block, beside the built-in list.
    pub never_block: Vec<Indicator>,
    /// What hosts allow, by their names.
    pub hosts: BTreeMap<String, HostLimits>,
    /// The files that it was read from.
    pub files: Vec<PathBuf>,
}

/// One feed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Feed {
    /// Its id: `[a-z0-9.-]`, unique, stable for ever.
    pub id: String,
    /// Its provider, written as a host.
    pub provider: String,
    /// Its title; the id where none is given.
    pub title: String,
    /// Where it is published; empty where no program can get it.
    pub url: String,
    /// Other places of the same list, tried in this order where `url` fails.
    pub mirrors: Vec<String>,
    /// Where its publisher says what the SHA-256 of the download is.
    pub sha256_url: Option<String>,
    /// How long its publisher wants to be left alone between two requests, in seconds.
    pub min_interval_seconds: i64,
    /// How many bytes a download may have, compressed or not.
    pub max_bytes: u64,
    /// The secret that its publisher asks for.
    pub auth: Option<Auth>,
    /// Whether its URLs and their redirects may lead to loopback, private and link-local addresses.
    pub private_network: bool,
    /// The name of its download inside the folder of downloads.
    pub file: String,
    /// Its format.
    pub format: &'static Format,
    /// Block or allow.
    pub list: ListKind,
    /// Reset or accumulated.
    pub mode: Mode,
    /// The assessments of a row that states none.
    pub assessment: Assessments,
    /// The scope of bare names.
    pub scope: Scope,
    /// How long a sighting is live after its detect_time, in seconds.
    pub retention_seconds: i64,
    /// The age of a download in seconds above which the feed is stale.
    pub max_age_seconds: i64,
    /// How long its content may stay the same before the feed is stale, in seconds; `None` for ever.
    pub max_unchanged_seconds: Option<i64>,
    /// Whether entries that a reset list no longer has stay until they expire.
    pub keep_absent: bool,
    /// Whether builds read it.
    pub enabled: bool,
    /// Where its publisher explains it.
    pub homepage: String,
    /// Its licence.
    pub licence: String,
    /// Why it is disabled, or what it needs.
    pub note: String,
    /// The options of its format.
    pub options: Options,
    /// Its guards.
    pub guard: Guard,
}

/// One thing that is wrong with a catalogue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file.
    pub file: String,
    /// The line of the error, or the first line of the feed.
    pub line: usize,
    /// The feed, by its id or its number.
    pub feed: String,
    /// The key.
    pub key: String,
    /// What was expected, and what was found.
    pub text: String,
}

/// Everything that is wrong with a catalogue.
#[derive(Clone, Debug)]
pub struct CatalogError {
    /// Its problems, at least one.
    pub problems: Vec<Problem>,
}

impl fmt::Display for CatalogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, Problem { file, line, feed, key, text }) in self.problems.iter().enumerate() {
            let newline = if at == 0 { "" } else { "\n" };
            write!(f, "{newline}{file}:{line}: {}: {key}: {text}", feed.escape_debug())?;
        }
        Ok(())
    }
}

impl std::error::Error for CatalogError {}

pub(crate) const DAY: i64 = 86_400;
const KINDS: &[(&str, ListKind)] = &[("block", ListKind::Block), ("allow", ListKind::Allow)];
const MODES: &[(&str, Mode)] = &[("reset", Mode::Reset), ("accumulated", Mode::Accumulated)];
const SCOPES: &[(&str, Scope)] =
    &[("exact", Scope::Exact), ("tree", Scope::Tree), ("subdomains", Scope::Subdomains)];

impl Catalog {
    /// Reads a catalogue from its text, which may include the one inside the program and no files; `name` is
    /// the file's, for errors.
    pub fn parse(text: &str, name: &str) -> Result<Catalog, CatalogError> {
        let mut sources = Sources::default();
        sources.read(text, name, None);
        Catalog::from_sources(sources)
    }

    /// Reads a catalogue from its file and from those that it includes.
    pub fn open(path: &Path) -> Result<Catalog, CatalogError> {
        let mut sources = Sources::default();
        sources.read_file(path);
        Catalog::from_sources(sources)
    }

    /// The catalogue inside the program.
    ///
    /// ```
    /// let catalog = rapsheet_ingest::catalog::Catalog::builtin()?;
    /// assert!(catalog.feeds.iter().any(|feed| feed.id == "feodo-csv"));
    /// # Ok::<(), rapsheet_ingest::catalog::CatalogError>(())
    /// ```
    pub fn builtin() -> Result<Catalog, CatalogError> {
        Catalog::parse(BUILTIN, BUILTIN_NAME)
    }

    /// A catalogue without feeds.
    pub fn empty() -> Catalog {
        Catalog { feeds: Vec::new(), never_block: Vec::new(), hosts: BTreeMap::new(), files: Vec::new() }
    }

    fn from_sources(sources: Sources) -> Result<Catalog, CatalogError> {
        let Sources { feeds, guard, guard_places, hosts, files, mut problems, .. } = sources;
        let defaults = Defaults::read(guard, &guard_places, &mut problems);
        let read = |raw: &RawFeed| Some((raw.place.clone(), read_feed(raw, &defaults, &mut problems)?));
        let feeds: Vec<(Place, Feed)> = feeds.iter().filter_map(read).collect();
        let hosts = read_hosts(hosts, &mut problems);
        find_duplicates(&feeds, &mut problems);
        let feeds = feeds.into_iter().map(|(_, feed)| feed).collect();
        if problems.is_empty() {
            Ok(Catalog { feeds, never_block: defaults.never_block, hosts, files })
        } else {
            Err(CatalogError { problems })
        }
    }
}

/// The defaults of all feeds.
struct Defaults {
    block: Guard,
    allow: Guard,
    never_block: Vec<Indicator>,
}

impl Defaults {
    /// Reads the catalogue's own `[guard]`.
    fn read(guard: Table, places: &HashMap<String, Place>, problems: &mut Vec<Problem>) -> Defaults {
        let nowhere = Place { file: String::new(), line: 1 };
        let read = |list, problems| {
            let mut reader = TableReader {
                within: "guard.",
                place: &nowhere,
                elsewhere: places,
                feed: "catalogue".to_owned(),
                unread: guard.clone(),
                asked: Vec::new(),
                problems,
            };
            let guard = guards::read(&mut reader, Guard::of(list));
            (guard, guards::never_block(&mut reader), reader)
        };
        // The table is read over the defaults of either kind of list, and its problems are reported once.
        let mut ignored = Vec::new();
        let (allow, ..) = read(ListKind::Allow, &mut ignored);
        let (block, never_block, rest) = read(ListKind::Block, problems);
        rest.finish();
        Defaults { block, allow, never_block }
    }

    fn of(&self, list: ListKind) -> Guard {
        if list == ListKind::Block { self.block.clone() } else { self.allow.clone() }
    }
}

fn find_duplicates(feeds: &[(Place, Feed)], problems: &mut Vec<Problem>) {
    let mut seen: HashMap<&str, &Place> = HashMap::new();
    for (place, feed) in feeds {
        if let Some(Place { file, line }) = seen.insert(&feed.id, place) {
            problems.push(Problem {
                file: place.file.clone(),
                line: place.line,
                feed: feed.id.clone(),
                key: "id".to_owned(),
                text: format!(
                    "ids are unique; the feed at {file}:{line} has this one. To change that one, write \
                     [[override]] instead of [[feed]]"
                ),
            });
        }
    }
}

fn read_feed(raw: &RawFeed, defaults: &Defaults, problems: &mut Vec<Problem>) -> Option<Feed> {
    let number = format!("feed {}", raw.number);
    let Value::Table(table) = &raw.value else {
        let Place { file, line } = raw.place.clone();
        let (key, text) = ("feed".to_owned(), "expected a table".to_owned());
        problems.push(Problem { file, line, feed: number, key, text });
        return None;
    };
    let mut reader = TableReader {
        within: "",
        place: &raw.place,
        elsewhere: &raw.overridden,
        feed: table.get("id").and_then(Value::as_str).map_or(number, str::to_owned),
        unread: table.clone(),
        asked: Vec::new(),
        problems,
    };
    let feed = read_keys(&mut reader, defaults);
    reader.finish();
    Some(feed)
}

fn read_keys(reader: &mut TableReader<'_>, defaults: &Defaults) -> Feed {
    let id = read_id(reader);
    let url = fetching::read_url(reader);
    let fetching = Fetching::read(reader);
    let format = read_format(reader);
    let list = reader.word("list", KINDS, ListKind::Block);
    let mode = reader.word("mode", MODES, Mode::Reset);
    Feed {
        title: reader.text("title").unwrap_or_else(|| id.clone()),
        provider: read_provider(reader),
        file: read_file(reader, &id, &url),
        list,
        mode,
        assessment: read_assessment(reader, list),
        scope: reader.word("scope", SCOPES, Scope::Exact),
        retention_seconds: reader.span("retention", 15 * DAY),
        max_age_seconds: reader.span("max_age", 3 * DAY),
        max_unchanged_seconds: reader.span_or_off("max_unchanged", max_unchanged(list, mode)),
        keep_absent: reader.flag("keep_absent", false),
        enabled: reader.flag("enabled", true),
        homepage: reader.text("homepage").unwrap_or_default(),
        licence: reader.text("licence").unwrap_or_default(),
        note: reader.text("note").unwrap_or_default(),
        options: read_options(reader, format, list),
        guard: read_guard(reader, defaults.of(list)),
        // A feed without a known format is a problem, so no build sees this default.
        format: format.unwrap_or(&Format::DEFAULT),
        id,
        url,
        mirrors: fetching.mirrors,
        sha256_url: fetching.sha256_url,
        min_interval_seconds: fetching.min_interval_seconds,
        max_bytes: fetching.max_bytes,
        auth: fetching.auth,
        private_network: fetching.private_network,
    }
}

/// A complete blocklist that has not changed for so long is most likely one that its publisher has given up.
fn max_unchanged(list: ListKind, mode: Mode) -> Option<i64> {
    (list == ListKind::Block && mode == Mode::Reset).then_some(45 * DAY)
}

fn read_id(reader: &mut TableReader<'_>) -> String {
    let id = reader.required("id");
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-".contains(&byte);
    if !id.is_empty() && !id.bytes().all(allowed) {
        reader.problem("id", format!("expected a-z, 0-9, `.` and `-`, found `{}`", id.escape_debug()));
    }
    id
}

fn read_provider(reader: &mut TableReader<'_>) -> String {
    let provider = reader.required("provider");
    if !provider.is_empty()
        && rapsheet_snapshot::name::canonical(provider.as_bytes(), &mut Vec::new()).is_err()
    {
        reader.problem("provider", format!("expected a host name, found `{}`", provider.escape_debug()));
    }
    provider
}

fn read_format(reader: &mut TableReader<'_>) -> Option<&'static Format> {
    let id = reader.required("format");
    let found = format::find(&id);
    if found.is_none() && !id.is_empty() {
        let known: Vec<&str> = FORMATS.iter().map(|format| format.id).collect();
        let near = near::offer(&id, known.iter().copied());
        let id = id.escape_debug();
        reader.problem("format", format!("expected one of {}, found `{id}`{near}", known.join(", ")));
    }
    found
}

/// The download's name: what the feed says, else its id and the url's extension. A name never leaves its
/// folder.
fn read_file(reader: &mut TableReader<'_>, id: &str, url: &str) -> String {
    let Some(file) = reader.text("file") else { return format!("{id}{}", extension(url)) };
    let leaves = file.is_empty() || file.contains(['/', '\\', '\0']) || file == "." || file == "..";
    if leaves {
        reader.problem("file", format!("expected the name of a file, found `{}`", file.escape_debug()));
    }
    file
}

fn extension(url: &str) -> String {
    let path = url.split(['?', '#']).next().unwrap_or("");
    let last = path.rsplit('/').next().unwrap_or("");
    let host_only = path.matches('/').count() < 3;
    match last.rsplit_once('.') {
        Some((_, ending)) if !host_only && is_extension(ending) => format!(".{ending}"),
        _ => ".txt".to_owned(),
    }
}

fn is_extension(ending: &str) -> bool {
    (1..=8).contains(&ending.len()) && ending.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// The feed's assessments. A feed without any has the plain assessment of its list kind.
fn read_assessment(reader: &mut TableReader<'_>, list: ListKind) -> Assessments {
    let mut sum = Assessments::EMPTY;
    for word in reader.texts("assessment") {
        let known = taxonomy::assessments(&word);
        if known.is_empty() {
            let expected = format!("expected one of {}", options::words());
            reader.problem("assessment", format!("{expected}, found `{}`", word.escape_debug()));
        }
        sum = sum.union(known);
    }
    if options::contradicts(sum, list) {
        reader.problem("assessment", options::CONTRADICTION.to_owned());
    }
    if sum.is_empty() { sum.with(list.plain_assessment()) } else { sum }
}

fn read_options(reader: &mut TableReader<'_>, format: Option<&'static Format>, list: ListKind) -> Options {
    let mut inner = reader.inner("options", "options.");
    let keys: Vec<String> = inner.unread.keys().cloned().collect();
    let mut read = Options::default();
    for key in keys {
        if matches!(inner.unread.get(&key), Some(Value::Array(values)) if values.is_empty()) {
            inner.problem(&key, "expected a value, found an empty list".to_owned());
        }
        inner.texts(&key).iter().for_each(|value| read.push(&key, value));
    }
    if let Some(error) = format.and_then(|format| options::check(format, &read, list).err()) {
        inner.problem(&error.key, error.problem);
    }
    read
}

fn read_guard(reader: &mut TableReader<'_>, defaults: Guard) -> Guard {
    let mut inner = reader.inner("guard", "guard.");
    let guard = guards::read(&mut inner, defaults);
    inner.finish();
    guard
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "[[feed]]\nid = \"a\"\nprovider = \"lists.example\"\nformat = \"plain-ip\"\n";

    fn problems(extra: &str) -> Vec<(usize, String, String)> {
        let error = Catalog::parse(&format!("{GOOD}{extra}"), "c.toml").expect_err("a problem");
        error
            .problems
            .iter()
            .map(|problem| (problem.line, problem.feed.clone(), problem.key.clone()))
            .collect()
    }

    #[test]
    fn applies_the_documented_defaults() {
        let catalog = Catalog::parse(GOOD, "c.toml").expect("sound");
        let feed = &catalog.feeds[0];
        assert_eq!((feed.list, feed.mode, feed.scope), (ListKind::Block, Mode::Reset, Scope::Exact));
        assert_eq!((feed.retention_seconds, feed.max_age_seconds), (15 * DAY, 3 * DAY));
        assert_eq!((feed.enabled, feed.keep_absent, feed.file.as_str()), (true, false, "a.txt"));
        assert_eq!(feed.guard, Guard::of(ListKind::Block));
    }

    #[test]
    fn names_a_download_after_id_and_extension() {
        let file = |url: &str| {
            Catalog::parse(&format!("{GOOD}url = \"{url}\"\n"), "c").expect("sound").feeds[0].file.clone()
        };
        assert_eq!(file("https://lists.example/x/drop_v4.json"), "a.json");
        assert_eq!(file("https://lists.example/downloads/csv_recent/"), "a.txt");
        assert_eq!(file("https://lists.example"), "a.txt");
        assert_eq!(file("https://lists.example/list.php?x=a.b"), "a.php");
    }

    #[test]
    fn reports_every_problem_with_line_feed_and_key() {
        let named = |key: &str| (1, "a".to_owned(), key.to_owned());
        assert_eq!(problems("colour = 1\nmode = \"often\"\n"), [named("mode"), named("colour")]);
        assert_eq!(problems("retention = \"later\"\nfile = \"../x\"\n"), [named("file"), named("retention")]);
        assert_eq!(problems("assessment = [\"benign\"]\n"), [named("assessment")]);
        assert_eq!(problems("assessment = [\"awful\"]\n"), [named("assessment")]);
        assert_eq!(problems("[feed.options]\nx = 1\n"), [named("options.x")]);
        assert_eq!(
            problems("[feed.guard]\nx = 1\nwidest_v4 = 0\n"),
            [named("guard.widest_v4"), named("guard.x")]
        );
        assert_eq!(problems(GOOD), [(5, "a".to_owned(), "id".to_owned())]);
        assert_eq!(problems("[[feed]]\nid = \"B\"\n").len(), 3);
        assert_eq!(problems("x = = 1\n"), [(5, "catalogue".to_owned(), "syntax".to_owned())]);
        assert_eq!(problems("[other]\n"), [(1, "catalogue".to_owned(), "other".to_owned())]);
        let guards = "[guard]\nx = 1\nrejects_above = \"many\"\nnever_block = [\"a b\"]\n";
        let named = ["guard.rejects_above", "guard.never_block", "guard.x"];
        let named = named.map(|key| (1, "catalogue".to_owned(), key.to_owned()));
        assert_eq!(problems(guards), named);
    }

    #[test]
    fn reads_the_former_spelling_of_a_guard() {
        let allows = |guards: &str| {
            let catalog = Catalog::parse(&format!("{GOOD}[feed.guard]\n{guards}"), "c.toml").expect("sound");
            catalog.feeds[0].guard.allow_never_block
        };
        assert!(allows("allow_never_block = true\n") && allows("allow_canaries = true\n"));
        assert!(!allows("allow_canaries = true\nallow_never_block = false\n"));
    }

    #[test]
    fn merges_feed_catalogue_and_default_guards() {
        let extra = "[feed.guard]\nrejects_above = \"40%\"\n[guard]\nrejects_above = \"30%\"\nshrunk_floor = 9\n\
                     never_block = [\"203.0.113.0/24\"]\n";
        let catalog = Catalog::parse(&format!("{GOOD}{extra}"), "c.toml").expect("sound");
        let guard = &catalog.feeds[0].guard;
        assert_eq!((guard.rejects_above, guard.shrunk_floor), (Share::percent(40), 9));
        assert_eq!(guard.grown_above, Guard::of(ListKind::Block).grown_above);
        assert_eq!(catalog.never_block.len(), 1);
    }
}
