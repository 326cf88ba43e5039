//! `feeds`: lists the catalogue, with what the snapshot holds of each feed.
//!
//! Where neither a catalogue nor a snapshot is named, and there is none, the catalogue inside the program is listed:
//! what a first download needs. A feed that is not in the snapshot is `absent`. A feed of the snapshot that is not in the catalogue is
//! listed too, because look-ups still use it. Feeds in trouble come first.

use super::stdout;
use crate::args::Feeds;
#[cfg(feature = "ingest")]
use crate::args::SNAPSHOT_DEFAULT;
use crate::exit::{Exit, Failure};
use crate::output::json;
use crate::settings::Settings;
use crate::table::{Column, Table, age, count, duration};
use rapsheet_snapshot::section::origin::{FeedRecord, FeedState};
use rapsheet_snapshot::{Snapshot, Time};
use serde::Serialize;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Runs the command.
pub(super) fn run(args: &Feeds, settings: &Settings) -> Result<Exit, Failure> {
    let mut rows = catalog_rows(args, settings)?;
    let path = args.snapshot(settings);
    match snapshot(&path, settings, rows.is_some())? {
        Some(snapshot) => {
            let rows = rows.get_or_insert_default();
            snapshot.origin().feeds.iter().for_each(|feed| join(rows, feed, settings.now));
        }
        None => {
            settings.note(&format!("{}: there is no snapshot; `rapsheet build` makes one", path.display()));
        }
    }
    let mut rows = rows.unwrap_or_default();
    add_downloads(&mut rows, args, settings)?;
    let mut out = stdout();
    if args.output.is_json() {
        json::indented(&rows, &mut out)?;
    } else {
        table(&rows, settings.now).print(&mut out)?;
    }
    out.flush()?;
    Ok(Exit::Done)
}

/// Opens the snapshot; `None` where there is none and it is `optional`, because there is a catalogue to list.
fn snapshot(path: &Path, settings: &Settings, optional: bool) -> Result<Option<Snapshot>, Failure> {
    if optional && !path.exists() {
        return Ok(None);
    }
    settings.open_at(path).map(Some)
}

/// The state of a feed; `stale` where it is ok but for its age.
pub(super) fn state_word(feed: &FeedRecord, now: Time) -> String {
    let word = if feed.state == FeedState::Ok && feed.is_stale(now) { "stale" } else { feed.state.word() };
    word.to_owned()
}

impl Feeds {
    /// The snapshot: that of the folder of `update`, where one is named.
    fn snapshot(&self, settings: &Settings) -> PathBuf {
        #[cfg(feature = "fetch")]
        if let Some(folder) = &self.dir {
            return folder.join(SNAPSHOT_DEFAULT);
        }
        settings.snapshot.clone()
    }

    /// The folder of downloads that is named.
    #[cfg(feature = "fetch")]
    fn downloads(&self) -> Option<PathBuf> {
        self.downloads.clone().or_else(|| Some(self.dir.as_ref()?.join("downloads")))
    }

    /// Whether only a catalogue or a snapshot can tell what to list.
    #[cfg(feature = "ingest")]
    fn names_no_folder(&self) -> bool {
        #[cfg(feature = "fetch")]
        return self.downloads().is_none();
        #[cfg(not(feature = "fetch"))]
        true
    }
}

#[derive(Default, Serialize)]
struct Row {
    id: String,
    provider: String,
    title: String,
    format: String,
    list: &'static str,
    mode: &'static str,
    /// `None` where there is no catalogue, or the feed is not in it.
    enabled: Option<bool>,
    /// `ok`, `failed`, `held`, or `absent` where the feed is not in the snapshot.
    state: &'static str,
    reason: String,
    update_time: Option<String>,
    age_seconds: Option<i64>,
    stale: Option<bool>,
    sightings: Option<u64>,
    /// When the content of the downloads last changed.
    unchanged_since: Option<String>,
    retention_seconds: i64,
    max_age_seconds: i64,
    /// How long the content may stay the same; `None` for ever, or where the feed is not in the catalogue.
    max_unchanged_seconds: Option<i64>,
    url: String,
    /// The name of the download in the folder of downloads; `None` where there is no catalogue.
    file: Option<String>,
    /// When its server last confirmed the download, where a folder of downloads is named.
    fetched_at: Option<String>,
    /// When the download last changed.
    changed_at: Option<String>,
    /// When it may be asked for again.
    next_at: Option<String>,
    /// How often in a row it could not be fetched.
    failures: Option<u32>,
    /// The three times, for the table.
    #[serde(skip)]
    fetched: Option<Time>,
    #[serde(skip)]
    changed: Option<Time>,
    #[serde(skip)]
    due: Option<Time>,
    /// How long the publisher wants to be left alone between two requests; `None` where there is no catalogue, as
    /// with what follows.
    min_interval_seconds: Option<i64>,
    mirrors: Option<Vec<String>>,
    /// The name of the secret that the publisher asks for.
    secret: Option<String>,
    sha256_url: Option<String>,
    homepage: String,
    licence: String,
}

/// Adds what the notes of the downloads say, where a folder of them is named.
#[cfg(feature = "fetch")]
fn add_downloads(rows: &mut [Row], args: &Feeds, settings: &Settings) -> Result<(), Failure> {
    let Some(folder) = args.downloads() else { return Ok(()) };
    if !folder.is_dir() {
        let folder = folder.display();
        return Err(Failure::usage(format_args!(
            "{folder}: no such folder; name another, or run `rapsheet fetch`"
        )));
    }
    let state = rapsheet_fetch::State::read(&folder);
    for row in rows {
        let Some(file) = &row.file else { continue };
        let note = rapsheet_fetch::Note::read(&folder.join(file)).unwrap_or_default();
        row.fetched = note.fetched_at;
        row.changed = note.changed_at;
        row.due = state
            .next_at(&row.id, row.min_interval_seconds.unwrap_or_default())
            .or(note.next_at)
            .map(|next| next.max(settings.now));
        row.failures = Some(state.failures(&row.id).max(note.failures));
        [row.fetched_at, row.changed_at, row.next_at] =
            [row.fetched, row.changed, row.due].map(|time| time.map(|time| time.to_string()));
    }
    Ok(())
}

#[cfg(not(feature = "fetch"))]
fn add_downloads(_: &mut [Row], _: &Feeds, _: &Settings) -> Result<(), Failure> {
    Ok(())
}

#[cfg(feature = "ingest")]
fn catalog_rows(args: &Feeds, settings: &Settings) -> Result<Option<Vec<Row>>, Failure> {
    let is_named = settings.snapshot != Path::new(SNAPSHOT_DEFAULT);
    if args.catalog.is_none() && args.names_no_folder() && (is_named || settings.snapshot.exists()) {
        return Ok(None);
    }
    let catalog = super::build::read_catalog(args.catalog.as_deref())?;
    let row = |feed: &rapsheet_ingest::catalog::Feed| Row {
        id: feed.id.clone(),
        provider: feed.provider.clone(),
        title: feed.title.clone(),
        format: feed.format.id.to_owned(),
        list: feed.list.word(),
        mode: feed.mode.word(),
        enabled: Some(feed.enabled),
        state: "absent",
        retention_seconds: feed.retention_seconds,
        max_age_seconds: feed.max_age_seconds,
        max_unchanged_seconds: feed.max_unchanged_seconds,
        url: feed.url.clone(),
        file: Some(feed.file.clone()),
        min_interval_seconds: Some(feed.min_interval_seconds),
        mirrors: Some(feed.mirrors.clone()),
        secret: feed.auth.as_ref().map(|auth| auth.secret.clone()),
        sha256_url: feed.sha256_url.clone(),
        homepage: feed.homepage.clone(),
        licence: feed.licence.clone(),
        ..Row::default()
    };
    Ok(Some(catalog.feeds.iter().map(row).collect()))
}

#[cfg(not(feature = "ingest"))]
fn catalog_rows(_: &Feeds, _: &Settings) -> Result<Option<Vec<Row>>, Failure> {
    Ok(None)
}

/// Adds what the snapshot holds of a feed to the feed's row, or a new row.
fn join(rows: &mut Vec<Row>, feed: &FeedRecord, now: Time) {
    let at = rows.iter().position(|row| row.id == feed.id).unwrap_or_else(|| {
        rows.push(row_of(feed));
        rows.len() - 1
    });
    let Some(row) = rows.get_mut(at) else { return };
    let update = feed.traits().update_time;
    row.state = feed.state.word();
    row.reason.clone_from(&feed.state_reason);
    row.update_time = update.as_ref().map(Time::to_string);
    row.age_seconds = update.map(|update| now.unix().saturating_sub(update.unix()));
    row.stale = Some(feed.is_stale(now));
    row.sightings = Some(feed.sightings);
    row.unchanged_since = feed.accepted.as_ref().map(|accepted| accepted.unchanged_since.to_string());
}

/// The row of a feed that is not in the catalogue.
fn row_of(feed: &FeedRecord) -> Row {
    Row {
        id: feed.id.clone(),
        provider: feed.provider.clone(),
        title: feed.title.clone(),
        format: feed.format.clone(),
        list: feed.traits().list.word(),
        mode: feed.traits().mode.word(),
        retention_seconds: feed.retention_seconds,
        max_age_seconds: feed.max_age_seconds,
        url: feed.url.clone(),
        homepage: feed.homepage.clone(),
        licence: feed.licence.clone(),
        ..Row::default()
    }
}

fn table(rows: &[Row], now: Time) -> Table {
    let has_downloads = rows.iter().any(|row| row.failures.is_some());
    let heads = ["feed", "provider", "format", "list", "mode", "state"].map(Column::Left);
    let numbers = ["sightings", "age", "retention"].map(Column::Right);
    let downloads =
        if has_downloads { ["fetched", "changed", "due in"].map(Column::Right).to_vec() } else { Vec::new() };
    let mut table = Table::new(&[heads.as_slice(), &numbers, &downloads].concat());
    let mut rows: Vec<&Row> = rows.iter().collect();
    rows.sort_by_key(|row| row.rank());
    for row in rows {
        let mut cells = vec![
            row.id.clone(),
            row.provider.clone(),
            row.format.clone(),
            row.list.to_owned(),
            row.mode.to_owned(),
            row.state_text(),
            row.sightings.map_or("-".to_owned(), count),
            row.age_seconds.map_or("-".to_owned(), age),
            duration(row.retention_seconds),
        ];
        if has_downloads {
            cells.extend(row.download_cells(now));
        }
        table.push(cells);
    }
    table
}

impl Row {
    /// How long ago the download was confirmed and changed, and in how long it is due.
    fn download_cells(&self, now: Time) -> [String; 3] {
        let since = |time: Time| now.unix().saturating_sub(time.unix());
        [self.fetched.map(since), self.changed.map(since), self.due.map(|due| -since(due))]
            .map(|seconds| seconds.map_or("-".to_owned(), age))
    }

    /// The order of rows: trouble first, then absent, ok and disabled feeds.
    fn rank(&self) -> u8 {
        match (self.state, self.stale, self.enabled) {
            ("failed" | "held", ..) => 0,
            (_, Some(true), _) => 1,
            (_, None, Some(true)) => 2,
            (.., Some(false)) => 4,
            _ => 3,
        }
    }

    fn state_text(&self) -> String {
        match (self.state, self.stale, self.enabled) {
            ("ok", Some(true), _) => "stale".to_owned(),
            ("absent", _, Some(false)) => "disabled".to_owned(),
            (state @ ("failed" | "held"), ..) if !self.reason.is_empty() => {
                format!("{state} ({})", self.reason)
            }
            (state, ..) => state.to_owned(),
        }
    }
}
