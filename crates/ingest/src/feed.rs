//! One feed of one night: where its download is, when it was retrieved, and what reading it gave.

use crate::catalog::Feed;
use crate::claim::Plan;
use crate::decode::{self, Caps};
use crate::format::OpenError;
use crate::intake::{self, Gathered, Recipe};
use crate::refused::FileRefusal;
use crate::report::FeedReport;
use crate::scribe::Rules;
use serde::Deserialize;
use snapshot::Time;
use snapshot::section::origin::FeedState;
use std::fs;
use std::io;
use std::path::Path;
use std::time::UNIX_EPOCH;

/// What one feed's download gave.
pub(crate) struct FeedNight {
    /// The report, without what only merging can count.
    pub(crate) report: FeedReport,
    /// The entries, if the download was taken.
    pub(crate) gathered: Option<Gathered>,
    /// When the download was retrieved, if it was taken.
    pub(crate) update_time: Option<Time>,
}

impl FeedNight {
    /// How this feed's claims are settled. `last_update` is the update_time of the previous snapshot.
    pub(crate) fn plan(&self, feed: &Feed, last_update: Option<Time>, now: Time) -> Plan {
        let update_time = self.update_time.or(last_update).unwrap_or(now);
        let generated = self.gathered.as_ref().and_then(|gathered| gathered.tally.generated);
        let stated = generated.map(|(_, time)| time).filter(|time| *time >= Time::EARLIEST);
        Plan {
            mode: feed.mode,
            keep_absent: feed.keep_absent,
            retention_seconds: feed.retention_seconds,
            taken: self.gathered.is_some(),
            update_time,
            confirmed: stated.map_or(update_time, |time| time.min(update_time)),
            list: feed.list,
            assessments: feed.assessment,
            now,
        }
    }
}

/// Reads a feed's download from the folder of downloads.
pub(crate) fn read(feed: &Feed, downloads: &Path, now: Time, seen: &(dyn Fn(u64) + Sync)) -> FeedNight {
    let mut report = FeedReport::new(&feed.id, &feed.provider, feed.format.id, &feed.file);
    let path = downloads.join(&feed.file);
    match gather(feed, &path, now, seen) {
        Ok((gathered, update_time)) => {
            report.count(&gathered.tally);
            report.bytes = gathered.bytes;
            if let Some(guess) = &gathered.guess {
                report.format = format!("{} ({})", feed.format.id, guess.format.id);
            }
            report.update_time = Some(update_time.to_string());
            FeedNight { report, gathered: Some(gathered), update_time: Some(update_time) }
        }
        Err(error) => {
            (report.reason, report.reason_text) = match error {
                OpenError::File(refusal) => (refusal.word().to_owned(), refusal.to_string()),
                OpenError::Options(error) => ("options".to_owned(), error.to_string()),
            };
            report.state = FeedState::Failed;
            FeedNight { report, gathered: None, update_time: None }
        }
    }
}

fn gather(
    feed: &Feed,
    path: &Path,
    now: Time,
    seen: &(dyn Fn(u64) + Sync),
) -> Result<(Gathered, Time), OpenError> {
    let update_time = retrieved(path)?.min(now);
    let mut rules = Rules::new(now, feed.list, feed.scope);
    rules.allow_bogons = feed.guard.allow_bogons;
    rules.widest_v4 = feed.guard.widest_v4;
    rules.widest_v6 = feed.guard.widest_v6;
    let can_be_empty = feed.guard.can_be_empty;
    let recipe = Recipe { format: feed.format, options: &feed.options, rules: &rules, can_be_empty };
    let mut text = decode::open_path(path, Caps::default())?;
    let gathered = intake::gather(&recipe, &mut text, seen)?;
    Ok((gathered, update_time))
}

fn refusal(error: &io::Error) -> FileRefusal {
    match error.kind() {
        io::ErrorKind::NotFound => FileRefusal::Missing,
        _ => FileRefusal::Unreadable(error.to_string()),
    }
}

/// What a downloader notes beside the file.
#[derive(Deserialize)]
struct Sidecar {
    fetched_at: Option<String>,
}

/// When the file was retrieved: `fetched_at` of the sidecar `<file>.meta.json`, else the modification time.
/// What is neither a regular file nor a folder is not opened: a pipe or a device could block for ever.
fn retrieved(path: &Path) -> Result<Time, FileRefusal> {
    let metadata = fs::metadata(path).map_err(|error| refusal(&error))?;
    if !metadata.is_file() && !metadata.is_dir() {
        return Err(FileRefusal::Unreadable("it is neither a regular file nor a folder".to_owned()));
    }
    let mut sidecar = path.as_os_str().to_owned();
    sidecar.push(".meta.json");
    let noted = fs::read(sidecar).ok().and_then(|bytes| serde_json::from_slice::<Sidecar>(&bytes).ok());
    if let Some(time) = noted.and_then(|sidecar| Time::parse_rfc3339(&sidecar.fetched_at?)) {
        return Ok(time);
    }
    let modified = metadata.modified().map_err(|error| refusal(&error))?;
    let seconds = modified.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    Ok(Time::from_unix(i64::try_from(seconds).unwrap_or(i64::MAX)))
}
