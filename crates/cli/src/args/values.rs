//! The values of options: their types, and how they are read from text.

use crate::log::{KINDS, Kind};
#[cfg(feature = "ledger")]
use crate::output::ledger::{self, LedgerOutput};
use crate::output::lookup::{self, LookupOutput};
use crate::output::score::{self, ScoreOutput};
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};
use rapsheet_query::ChangeKind;
use rapsheet_snapshot::{Assessment, Time};

#[cfg(feature = "ingest")]
use rapsheet_ingest::build::Accept;

/// `-o` of commands that print text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum TextOutput {
    /// For people
    #[value(alias = "table")]
    Text,
    /// For programs, one indented object
    Json,
}

/// `-o` of commands that print a table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum TableOutput {
    /// For people
    #[default]
    #[value(alias = "text")]
    Table,
    /// For programs
    Json,
}

/// `-o` of `diff`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum DiffOutput {
    /// The number of changes of each feed
    #[value(alias = "text")]
    Table,
    /// JSON Lines, one object per change
    Jsonl,
}

/// `-o` of `parse`.
#[cfg(feature = "ingest")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ParseOutput {
    /// JSON Lines, one object per result of a line
    Jsonl,
}

/// `-o` with `text` and `json`.
#[derive(Args)]
pub(crate) struct TextOrJson {
    /// The output format
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value_t = TextOutput::Text)]
    output: TextOutput,
    /// The former spelling of `--output json`.
    #[arg(long, hide = true, conflicts_with = "output")]
    json: bool,
}

impl TextOrJson {
    /// Whether JSON is asked for.
    pub(crate) fn is_json(&self) -> bool {
        self.json || self.output == TextOutput::Json
    }
}

/// `-o` with `table` and `json`.
#[derive(Args, Default)]
pub(crate) struct TableOrJson {
    /// The output format
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value_t = TableOutput::Table)]
    output: TableOutput,
    /// The former spelling of `--output json`.
    #[arg(long, hide = true, conflicts_with = "output")]
    json: bool,
}

impl TableOrJson {
    /// Whether JSON is asked for.
    pub(crate) fn is_json(&self) -> bool {
        self.json || self.output == TableOutput::Json
    }
}

/// What a feed's list is for.
#[cfg(any(feature = "ingest", feature = "ledger"))]
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum ListArg {
    /// A blocklist
    Block,
    /// An allowlist
    Allow,
}

/// What a bare name in a feed stands for.
#[cfg(feature = "ingest")]
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum ScopeArg {
    /// The name alone
    Exact,
    /// The name and all names below it
    Tree,
    /// The names below it, without the name itself
    Subdomains,
}

/// How the verdicts of providers make the overall one.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Policy {
    /// Blocklisted if any provider lists it
    Any,
}

/// A status, by its word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum StatusArg {
    /// Status 0
    Allowlisted,
    /// Status 1
    Blocklisted,
    /// Status 3
    Failed,
    /// Status 5
    Unknown,
}

/// The instant of `score --at`.
#[derive(Clone, Copy, Debug)]
pub(crate) enum At {
    /// The present.
    Now,
    /// The time that each record states.
    Event,
    /// This one.
    Time(Time),
}

/// One part of several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shard {
    /// Which part, from 0.
    pub(crate) part: u64,
    /// The number of parts.
    pub(crate) of: u64,
}

/// Parses the name of a row of a table into the row; help lists all names.
fn row_of<T: Sync + 'static>(
    table: &'static [&'static T],
    value: fn(&T) -> PossibleValue,
) -> impl TypedValueParser<Value = &'static T> {
    let find = move |name: String| {
        table.iter().copied().find(|row| value(row).matches(&name, false)).ok_or("no such name")
    };
    PossibleValuesParser::new(table.iter().map(|row| value(row))).try_map(find)
}

pub(super) fn lookup_output() -> impl TypedValueParser<Value = &'static LookupOutput> {
    row_of(lookup::OUTPUTS, |output| PossibleValue::new(output.name).help(output.about))
}

pub(super) fn score_output() -> impl TypedValueParser<Value = &'static ScoreOutput> {
    row_of(score::OUTPUTS, |output| PossibleValue::new(output.name).help(output.about))
}

#[cfg(feature = "export")]
pub(super) fn export_format() -> impl TypedValueParser<Value = &'static rapsheet_export::Format> {
    row_of(rapsheet_export::FORMATS, |format| PossibleValue::new(format.name).help(format.about))
}

#[cfg(feature = "ledger")]
pub(super) fn ledger_output() -> impl TypedValueParser<Value = &'static LedgerOutput> {
    row_of(ledger::OUTPUTS, |output| PossibleValue::new(output.name).help(output.about))
}

#[cfg(feature = "ledger")]
pub(super) fn cover_share(text: &str) -> Result<rapsheet_ledger::CoverShare, &'static str> {
    rapsheet_ledger::CoverShare::parse(text)
        .ok_or("expected a number of percent from 0 to 100, such as 95 or 99.5")
}

pub(super) fn log_kind() -> impl TypedValueParser<Value = &'static Kind> {
    row_of(KINDS, |kind| PossibleValue::new(kind.name).help(kind.description).aliases(kind.aliases))
}

pub(super) fn assessment() -> impl TypedValueParser<Value = Assessment> {
    let value = |assessment: &Assessment| {
        // Annotated logs and CSV write the blank of a word as `_`.
        let spelt: &[&str] =
            if *assessment == Assessment::HighRisk { &["high_risk", "high-risk"] } else { &[] };
        PossibleValue::new(assessment.word()).aliases(spelt)
    };
    let find = move |word: String| {
        let mut all = Assessment::ALL.iter();
        all.find(|one| value(one).matches(&word, false)).copied().ok_or("no such assessment")
    };
    PossibleValuesParser::new(Assessment::ALL.iter().map(value)).try_map(find)
}

pub(super) fn change() -> impl TypedValueParser<Value = ChangeKind> {
    let find = |word: String| ChangeKind::ALL.into_iter().find(|change| change.word() == word);
    PossibleValuesParser::new(ChangeKind::ALL.map(ChangeKind::word))
        .try_map(move |word| find(word).ok_or("no such change"))
}

pub(super) fn time(text: &str) -> Result<Time, &'static str> {
    Time::parse_rfc3339(text).ok_or("expected RFC 3339, such as 2026-08-23T00:00:00Z or 2026-08-23")
}

pub(super) fn at(text: &str) -> Result<At, &'static str> {
    match text {
        "now" => Ok(At::Now),
        "event" => Ok(At::Event),
        text => time(text).map(At::Time),
    }
}

pub(super) fn shard(text: &str) -> Result<Shard, &'static str> {
    let parts = text.split_once('/').and_then(|(part, of)| Some((part.parse().ok()?, of.parse().ok()?)));
    match parts {
        Some((part, of)) if (1..=of).contains(&part) => Ok(Shard { part: part - 1, of }),
        _ => Err("expected I/N, with I from 1 to N: 1/4"),
    }
}

/// The value of `--list` in a build without parsers.
#[cfg(not(feature = "ingest"))]
pub(super) fn no_list(_: &str) -> Result<std::path::PathBuf, &'static str> {
    Err("this edge build reads no lists; a full build of rapsheet does")
}

#[cfg(feature = "ingest")]
pub(super) fn accept(text: &str) -> Result<Accept, &'static str> {
    Accept::parse(text).ok_or("expected FEED=DIGEST, with at least 12 hexadecimal digits")
}

/// A span of time, such as `15s`, `500ms` or `10m`.
#[cfg(feature = "fetch")]
pub(super) fn span(text: &str) -> Result<std::time::Duration, &'static str> {
    const EXPECTED: &str = "expected a span such as 15s, 500ms or 10m";
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits).ok_or(EXPECTED)?;
    let number: u64 = number.parse().map_err(|_| EXPECTED)?;
    let milliseconds = match unit {
        "ms" => Some(number),
        "s" => number.checked_mul(1000),
        "m" => number.checked_mul(60_000),
        "h" => number.checked_mul(3_600_000),
        _ => None,
    };
    let span = milliseconds.filter(|span| (1..=86_400_000).contains(span));
    span.map(std::time::Duration::from_millis).ok_or(EXPECTED)
}

/// A span of up to ten years, such as `3d`, `12h` or `90s`.
#[cfg(any(feature = "remote", feature = "serve"))]
pub(super) fn long_span(text: &str) -> Result<std::time::Duration, &'static str> {
    const EXPECTED: &str = "expected a span such as 3d, 12h or 90s, of at most 3650d";
    const LONGEST: u64 = 3650 * 86_400;
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits).ok_or(EXPECTED)?;
    let unit = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return Err(EXPECTED),
    };
    let seconds = number.parse::<u64>().ok().and_then(|number| number.checked_mul(unit));
    let seconds = seconds.filter(|seconds| (1..=LONGEST).contains(seconds));
    seconds.map(std::time::Duration::from_secs).ok_or(EXPECTED)
}

/// A number of bytes: `4G`, `800M`, `64k`, each a power of 1024, also written `4GiB` or `4GB`, or `1000000`.
#[cfg(any(feature = "ingest", feature = "remote"))]
pub(super) fn size(text: &str) -> Result<u64, &'static str> {
    let bytes = rapsheet_snapshot::byte_size::parse(text).filter(|bytes| *bytes >= 1 << 20);
    bytes.ok_or("expected a size such as 800M or 4G, at least 1M")
}

#[cfg(feature = "ingest")]
pub(super) fn key_value(text: &str) -> Result<(String, String), &'static str> {
    let (key, value) = text.split_once('=').ok_or("expected KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}
