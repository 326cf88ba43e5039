//! Puts a download and its note in place, in an order in which every point of a crash leaves a pair that a build
//! reads rightly.
//!
//! The old note goes first, then the file is renamed, then the new note: a file without a note has the time of the
//! file itself, which is the time when it was fetched. The other order could leave the old bytes with the new note.

use crate::note::{Note, note_path};
use crate::problem::Problem;
use rapsheet_snapshot::{AtomicFile, Time};
use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

/// Replaces a download and its note by a written file and a new note.
pub(crate) fn place(body: AtomicFile, note: &Note, file: &Path) -> Result<(), Problem> {
    let fail = |error: rapsheet_snapshot::Error| Problem::local(&error);
    if let Some(fetched_at) = note.fetched_at {
        body.set_modified(system_time(fetched_at)).map_err(fail)?;
    }
    let written_note = note.prepared(file)?;
    let folder = file.parent().unwrap_or(Path::new("."));
    if remove(&note_path(file))? {
        sync(folder)?;
    }
    // The end of the run syncs the folder for all downloads. Until then a power cut may undo the renamings.
    body.rename().map(drop).map_err(fail)?;
    written_note.rename().map(drop).map_err(fail)
}

/// Syncs a folder.
pub(crate) fn sync(folder: &Path) -> Result<(), Problem> {
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(|error| Problem::local(&format_args!("{}: {error}", folder.display())))
}

/// Removes a file; returns whether there was one.
fn remove(path: &Path) -> Result<bool, Problem> {
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(Problem::local(&format_args!("{}: {error}", path.display()))),
    }
}

fn system_time(time: Time) -> std::time::SystemTime {
    UNIX_EPOCH + Duration::from_secs(u64::try_from(time.unix()).unwrap_or(0))
}
