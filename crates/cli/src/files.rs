//! The files that a command reads and writes: checks that no file has two roles, and writes results
//! atomically.
//!
//! Two results under one name would leave one of them, and a result under the name of an input would replace
//! it. Both are mistakes on the command line, and are reported before the work starts. Devices and pipes are
//! written to in place: a rename over `/dev/null` would replace the device.

use crate::exit::Failure;
use crate::input::is_stream;
use rapsheet_snapshot::{AtomicFile, Error};
use std::fs::{self, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// The files of one command, each with the flag that names it.
#[derive(Default)]
pub(crate) struct Files(Vec<(&'static str, PathBuf)>);

impl Files {
    /// Adds a file that is read. Another flag may read it, too.
    pub(crate) fn add_input(&mut self, flag: &'static str, path: &Path) {
        self.0.push((flag, resolved(path)));
    }

    /// Adds a file that is written.
    ///
    /// # Errors
    /// Another flag names the same file.
    pub(crate) fn add_output(&mut self, flag: &'static str, path: &Path) -> Result<(), Failure> {
        let real = resolved(path);
        let other = self.0.iter().find(|(_, other)| *other == real && !is_stream(&real));
        if let Some((other, _)) = other {
            let path = path.display();
            return Err(Failure::usage(format_args!(
                "{flag} {path}: this file belongs to {other} already; name another"
            )));
        }
        self.0.push((flag, real));
        Ok(())
    }
}

/// Writes a temporary file next to `target`, to be published later; a device or a pipe is written at once.
pub(crate) fn write_temp(
    target: &Path,
    fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<Option<AtomicFile>, Error> {
    if is_stream(target) {
        return write_stream(target, fill).map(|()| None);
    }
    let mut file = AtomicFile::create(target)?;
    file.fill(|out| fill(out))?;
    Ok(Some(file))
}

fn write_stream(target: &Path, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Error> {
    let written = OpenOptions::new().write(true).open(target).map(BufWriter::new).and_then(|mut out| {
        fill(&mut out)?;
        out.flush()
    });
    written.map_err(|source| Error::Io { path: target.to_owned(), doing: "writing", source })
}

/// One path for all spellings of it. The file need not exist; only its folder is resolved.
fn resolved(path: &Path) -> PathBuf {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match (fs::canonicalize(folder), path.file_name()) {
        (Ok(folder), Some(name)) => folder.join(name),
        _ => path.to_owned(),
    }
}
