//! The files that a command is told to read and to write: no two of them are one.
//!
//! Two results under one name would leave one of them, and a result under the name of an input would replace it;
//! both are slips of the command line, and cost nothing where they are noticed before the work. Devices and pipes
//! are written to as they stand: a rename over `/dev/null` would take it away from everybody else.

use crate::exit::Failure;
use rapsheet_snapshot::{AtomicFile, Error};
use std::fs::{self, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// The files of one command, each with the flag that names it.
#[derive(Default)]
pub(crate) struct Files(Vec<(&'static str, PathBuf)>);

impl Files {
    /// Adds a file that is read, and may be read under another flag, too.
    pub(crate) fn reads(&mut self, flag: &'static str, path: &Path) {
        self.0.push((flag, place_of(path)));
    }

    /// Adds a file that is written, and must be nothing else.
    pub(crate) fn writes(&mut self, flag: &'static str, path: &Path) -> Result<(), Failure> {
        let place = place_of(path);
        let other = self.0.iter().find(|(_, other)| *other == place && !is_stream(&place));
        if let Some((other, _)) = other {
            let path = path.display();
            return Err(Failure::usage(format_args!("{flag} {path}: that file belongs to {other} already")));
        }
        self.0.push((flag, place));
        Ok(())
    }
}

/// Writes a file beside where it belongs, to be published later; into a device or a pipe, at once.
pub(crate) fn write_beside(
    target: &Path,
    fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<Option<AtomicFile>, Error> {
    if is_stream(target) {
        return pour(target, fill).map(|()| None);
    }
    let mut beside = AtomicFile::create(target)?;
    beside.fill(|out| fill(out))?;
    Ok(Some(beside))
}

fn pour(target: &Path, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Error> {
    let poured = OpenOptions::new().write(true).open(target).map(BufWriter::new).and_then(|mut out| {
        fill(&mut out)?;
        out.flush()
    });
    poured.map_err(|source| Error::Io { path: target.to_owned(), doing: "writing", source })
}

/// The same path for every way to say it, also where nothing is there yet.
fn place_of(path: &Path) -> PathBuf {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match (fs::canonicalize(folder), path.file_name()) {
        (Ok(folder), Some(name)) => folder.join(name),
        _ => path.to_owned(),
    }
}

/// A device, a pipe or a socket.
fn is_stream(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|about| !about.is_file() && !about.is_dir())
}
