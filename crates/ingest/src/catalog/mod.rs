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

mod guards;
mod table_reader;

pub use crate::entry::indicator::Indicator;
pub use crate::entry::never_block::lines as never_block_lines;
use crate::entry::taxonomy;
use crate::format::options::Options;
use crate::format::{self, FORMATS, Format};
pub use guards::{Guard, NamedIndicator, Share};
use rapsheet_snapshot::{Assessment, Assessments, ListKind, Mode, Scope};
use std::collections::HashMap;
use std::fmt;
use table_reader::TableReader;
use toml::{Table, Value};

/// A catalogue of feeds.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Catalog {
    /// The feeds, in the order of the file.
    pub feeds: Vec<Feed>,
    /// What no feed may block, beside the built-in list.
    pub never_block: Vec<Indicator>,
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
    /// Where it is published.
    pub url: String,
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
    /// The file.
    pub name: String,
    /// Its problems, at least one.
    pub problems: Vec<Problem>,
}

impl fmt::Display for CatalogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, Problem { line, feed, key, text }) in self.problems.iter().enumerate() {
            let newline = if at == 0 { "" } else { "\n" };
            write!(f, "{newline}{}:{line}: {}: {key}: {text}", self.name, feed.escape_debug())?;
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
    /// Reads a catalogue from its text; `name` is the file's, for errors.
    pub fn parse(text: &str, name: &str) -> Result<Catalog, CatalogError> {
        let fail = |problems| CatalogError { name: name.to_owned(), problems };
        let table = text.parse::<Table>().map_err(|error| fail(vec![syntax_problem(text, &error)]))?;
        let mut problems = Vec::new();
        let (table, defaults) = Defaults::take(table, &mut problems);
        let feeds = read_feeds(text, table, &defaults, &mut problems);
        find_duplicates(&feeds, &mut problems);
        let feeds = feeds.into_iter().map(|(_, feed)| feed).collect();
        if problems.is_empty() {
            Ok(Catalog { feeds, never_block: defaults.never_block })
        } else {
            Err(fail(problems))
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
    /// Takes the catalogue's own `[guard]` out of its table.
    fn take(mut table: Table, problems: &mut Vec<Problem>) -> (Table, Defaults) {
        let own: Table = table.remove("guard").map(|guard| ("guard".to_owned(), guard)).into_iter().collect();
        // The table is read over the defaults of either kind of list, and its problems are reported once.
        let mut ignored = Vec::new();
        let allow = guards::read(
            &mut reader_of_catalogue(own.clone(), &mut ignored).inner("guard", "guard."),
            Guard::of(ListKind::Allow),
        );
        let mut reader = reader_of_catalogue(own, problems);
        let mut inner = reader.inner("guard", "guard.");
        let block = guards::read(&mut inner, Guard::of(ListKind::Block));
        let never_block = guards::never_block(&mut inner);
        inner.finish();
        (table, Defaults { block, allow, never_block })
    }

    fn of(&self, list: ListKind) -> Guard {
        if list == ListKind::Block { self.block.clone() } else { self.allow.clone() }
    }
}

/// A reader of keys that belong to no feed.
fn reader_of_catalogue(unread: Table, problems: &mut Vec<Problem>) -> TableReader<'_> {
    TableReader { within: "", line: 1, feed: "catalogue".to_owned(), unread, problems }
}

/// The feeds, each with the line it begins on.
fn read_feeds(
    text: &str,
    table: Table,
    defaults: &Defaults,
    problems: &mut Vec<Problem>,
) -> Vec<(usize, Feed)> {
    let starts = feed_lines(text);
    let mut feeds = Vec::new();
    for (key, value) in table {
        match value {
            Value::Array(tables) if key == "feed" => {
                for (at, value) in tables.into_iter().enumerate() {
                    let line = starts.get(at).copied().unwrap_or(1);
                    let feed = read_feed(at, line, value, defaults, problems);
                    feeds.extend(feed.map(|feed| (line, feed)));
                }
            }
            _ => problems.push(Problem {
                line: 1,
                feed: "catalogue".to_owned(),
                key,
                text: "expected only [[feed]] tables and one [guard]".to_owned(),
            }),
        }
    }
    feeds
}

fn syntax_problem(text: &str, error: &toml::de::Error) -> Problem {
    let at = error.span().map_or(0, |span| span.start);
    let line = 1 + text.get(..at).unwrap_or("").matches('\n').count();
    let text = error.message().to_owned();
    Problem { line, feed: "catalogue".to_owned(), key: "syntax".to_owned(), text }
}

/// The lines on which feeds begin.
fn feed_lines(text: &str) -> Vec<usize> {
    let begins = |line: &str| line.trim_start().starts_with("[[feed]]");
    text.lines().zip(1..).filter(|(line, _)| begins(line)).map(|(_, number)| number).collect()
}

fn find_duplicates(feeds: &[(usize, Feed)], problems: &mut Vec<Problem>) {
    let mut seen: HashMap<&str, usize> = HashMap::new();
    for (line, feed) in feeds {
        if let Some(first) = seen.insert(&feed.id, *line) {
            problems.push(Problem {
                line: *line,
                feed: feed.id.clone(),
                key: "id".to_owned(),
                text: format!("ids are unique; the feed at line {first} has this one"),
            });
        }
    }
}

fn read_feed(
    at: usize,
    line: usize,
    value: Value,
    defaults: &Defaults,
    problems: &mut Vec<Problem>,
) -> Option<Feed> {
    let number = format!("feed {}", at + 1);
    let Value::Table(table) = value else {
        let text = "expected a table".to_owned();
        problems.push(Problem { line, feed: number, key: "feed".to_owned(), text });
        return None;
    };
    let feed = table.get("id").and_then(Value::as_str).map_or(number, str::to_owned);
    let mut reader = TableReader { within: "", line, feed, unread: table, problems };
    let id = read_id(&mut reader);
    let url = reader.text("url").unwrap_or_default();
    let format = read_format(&mut reader);
    let list = reader.word("list", KINDS, ListKind::Block);
    let feed = Feed {
        title: reader.text("title").unwrap_or_else(|| id.clone()),
        provider: read_provider(&mut reader),
        file: read_file(&mut reader, &id, &url),
        list,
        mode: reader.word("mode", MODES, Mode::Reset),
        assessment: read_assessment(&mut reader, list),
        scope: reader.word("scope", SCOPES, Scope::Exact),
        retention_seconds: reader.span("retention", 15 * DAY),
        max_age_seconds: reader.span("max_age", 3 * DAY),
        keep_absent: reader.flag("keep_absent", false),
        enabled: reader.flag("enabled", true),
        homepage: reader.text("homepage").unwrap_or_default(),
        licence: reader.text("licence").unwrap_or_default(),
        note: reader.text("note").unwrap_or_default(),
        options: read_options(&mut reader, format),
        guard: read_guard(&mut reader, defaults.of(list)),
        // A feed without a known format is a problem, so no build sees this default.
        format: format.unwrap_or(&Format::DEFAULT),
        id,
        url,
    };
    reader.finish();
    Some(feed)
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
        reader.problem("format", format!("expected one of {}, found `{id}`", known.join(", ")));
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
            let ours: Vec<&str> = Assessment::ALL.iter().map(|assessment| assessment.word()).collect();
            let ours = ours.join(", ");
            reader.problem(
                "assessment",
                format!("expected one of {ours}, or a provider's word for one, found `{word}`"),
            );
        }
        sum = sum.union(known);
    }
    if list == ListKind::Block && sum.bits() & Assessments::EMPTY.with(Assessment::Trustworthy).bits() != 0 {
        reader.problem(
            "assessment",
            "expected what is bad about the entries of a list that blocks, found a word for trustworthy; \
             a list of what is good has `list = \"allow\"`"
                .to_owned(),
        );
    }
    if sum.is_empty() { sum.with(list.plain_assessment()) } else { sum }
}

fn read_options(reader: &mut TableReader<'_>, format: Option<&'static Format>) -> Options {
    let mut inner = reader.inner("options", "options.");
    let keys: Vec<String> = inner.unread.keys().cloned().collect();
    let mut options = Options::default();
    for key in keys {
        inner.texts(&key).iter().for_each(|value| options.push(&key, value));
    }
    if let Some(error) = format.and_then(|format| options.check(format.options).err()) {
        inner.problem(&error.key, error.problem);
    }
    options
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
