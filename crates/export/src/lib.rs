//! Writes what a snapshot lists at an instant in the syntax of another program, and reports what that syntax
//! cannot say.
//!
//! [`export()`] walks the entries in the order of the file, decides for each as a look-up does, and hands it
//! to the writer of a [`Format`]. `FORMATS.md` says what each format holds and what it loses.
//!
//! ```
//! # use rapsheet_snapshot::Snapshot;
//! # use rapsheet_export::{Options, export, format};
//! # let snapshot = Snapshot::open("../../tests/golden/v1.rap")?;
//! # let now = snapshot.built_at();
//! let mut text = Vec::new();
//! let report = export(&snapshot, &Options::new(format("plain-ip").ok_or("no such format")?, now), &mut text)?;
//! assert!(report.entries > 0 && text.starts_with(b"# rapsheet export: plain-ip\n"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod aggregate;
mod entry;
mod format;
mod header;
mod host;
mod indicator;
mod licence;
mod loss;
mod network;
mod rank;
mod sink;
mod statement;
mod walk;

pub use format::{FORMATS, Format, Scopes, format};
pub use indicator::Indicator;
pub use licence::forbids_redistribution;
pub use loss::{FeedLoss, KindLoss, LossKind};
pub use network::{Network, networks};
pub use statement::Statement;

use header::Header;
use loss::Losses;
use rank::{Cut, Ranks};
use rapsheet_snapshot::{Assessments, Error, FeedRecord, Snapshot, Time};
use serde::Serialize;
use sink::Sink;
use statement::Judge;
use std::fmt;
use std::io::{self, BufWriter, Write};
use std::rc::Rc;

/// What to export, and how.
#[derive(Clone)]
#[non_exhaustive]
pub struct Options {
    /// The format.
    pub format: &'static Format,
    /// The instant at which entries must be live.
    pub now: Time,
    /// Which feeds count, by their position in the snapshot; `None` for all.
    pub feeds: Option<Vec<bool>>,
    /// Only what feeds block with one of these assessments; all where it is empty.
    pub assessments: Assessments,
    /// How many providers must agree.
    pub min_providers: u16,
    /// How many entries are written at most, those first that most providers agree on.
    pub max_entries: Option<u64>,
    /// Whether feeds count whose licence forbids redistribution.
    pub include_restricted: bool,
}

impl Options {
    /// Everything that is live at `now`.
    pub fn new(format: &'static Format, now: Time) -> Options {
        Options {
            format,
            now,
            feeds: None,
            assessments: Assessments::EMPTY,
            min_providers: 1,
            max_entries: None,
            include_restricted: false,
        }
    }
}

/// What was written, and what could not be.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// The name of the format.
    pub format: &'static str,
    /// When the snapshot was built.
    pub built_at: String,
    /// The instant at which entries are live.
    pub at: String,
    /// How many networks, names and URLs were written.
    pub entries: u64,
    /// What could not be written, by kind.
    pub losses: Vec<KindLoss>,
    /// The exported feeds that failed, are held or are too old: of them the file has what they last listed.
    pub stale: Vec<String>,
    /// The feeds that were left out because their licence forbids redistribution.
    pub restricted: Vec<RestrictedFeed>,
}

/// A feed whose licence forbids redistribution.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct RestrictedFeed {
    /// Its id.
    pub feed: String,
    /// Its licence, as the catalogue states it.
    pub licence: String,
}

/// Why an export ended early.
#[derive(Debug)]
#[non_exhaustive]
pub enum ExportError {
    /// The output could not be written.
    Io(io::Error),
    /// The snapshot cannot be read.
    Snapshot(Error),
}

impl fmt::Display for ExportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ExportError::Io(error) => error.fmt(f),
            ExportError::Snapshot(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ExportError {}

impl From<io::Error> for ExportError {
    fn from(error: io::Error) -> ExportError {
        ExportError::Io(error)
    }
}

/// Writes what is live to `out`. The same snapshot and options give the same bytes.
///
/// With a limit of entries the snapshot is walked twice, because the ranks of all entries decide what is
/// written.
///
/// # Errors
/// The output cannot be written, or the snapshot is corrupt.
pub fn export(snapshot: &Snapshot, options: &Options, out: &mut dyn Write) -> Result<Report, ExportError> {
    snapshot.verify_tables().map_err(ExportError::Snapshot)?;
    let judge = Judge::new(snapshot, options);
    let cut = match options.max_entries {
        Some(limit) => cut(snapshot, options, &judge, limit)?,
        None => Cut::Nothing,
    };
    let header = Header::new(snapshot, options, &judge);
    let mut losses = Losses::default();
    // Lines are written in small pieces. The sink flushes it at the end.
    let mut out = BufWriter::with_capacity(1 << 16, out);
    let mut sink = Sink::new(options.format, header, cut, &mut out);
    sink.begin()?;
    walk::walk(snapshot, options.format, (&judge, cut), &mut losses, &mut |losses, indicator, statement| {
        sink.take(losses, indicator, statement)
    })?;
    let entries = sink.end()?;
    Ok(Report {
        format: options.format.name,
        built_at: snapshot.built_at().to_string(),
        at: options.now.to_string(),
        entries,
        losses: losses.by_kind(snapshot),
        stale: judge.stale(snapshot),
        restricted: judge.restricted(snapshot),
    })
}

/// Writes entries that are in order as [`export()`] does, without a snapshot: for tests that bring texts
/// which no snapshot would hold. Returns the kinds of what was lost.
///
/// # Errors
/// The output cannot be written.
#[doc(hidden)]
pub fn write_entries(
    format: &'static Format,
    now: Time,
    feeds: &[FeedRecord],
    entries: &[(Indicator<'_>, Statement)],
    out: &mut dyn Write,
) -> io::Result<Vec<LossKind>> {
    let header = Header::of(format.name, (now, now), feeds, |_| true);
    let mut losses = Losses::default();
    let mut sink = Sink::new(format, header, Cut::Nothing, out);
    sink.begin()?;
    for (indicator, statement) in entries {
        sink.take(&mut losses, *indicator, &Rc::new(statement.clone()))?;
    }
    sink.end()?;
    Ok(losses.kinds().collect())
}

/// What a limit lets through: everything, where all that would be written is no more.
fn cut(snapshot: &Snapshot, options: &Options, judge: &Judge, limit: u64) -> Result<Cut, ExportError> {
    let (mut ranks, mut losses, mut out) = (Ranks::new(limit), Losses::default(), io::sink());
    let mut all = Sink::counting(options.format, Header::new(snapshot, options, judge), &mut out);
    walk::walk(
        snapshot,
        options.format,
        (judge, Cut::Nothing),
        &mut losses,
        &mut |losses, indicator, statement| {
            if let Some(indicator) = options.format.narrowed(indicator, statement, losses) {
                ranks.add(statement, indicator.entries());
            }
            all.take(losses, indicator, statement)
        },
    )?;
    Ok(if all.end()? <= limit { Cut::Nothing } else { ranks.cut() })
}

/// What a walk gives each entry to.
type Visit<'v> = dyn FnMut(&mut Losses, Indicator<'_>, &Rc<Statement>) -> io::Result<()> + 'v;
