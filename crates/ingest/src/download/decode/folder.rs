//! A folder as one download of many parts: a feed that is published as a directory.
//!
//! Files are read in the order of their names, whatever the order of the file system, at most two folders
//! deep. Links are not followed, because what is outside the folder is not part of the download.

use super::parts::{Parts, Text};
use super::{Limits, open, refused};
use crate::download::refusal::FileRefusal;
use rapsheet_decompress::TrailingBytes;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// How many levels are read: the folder, and two levels of folders in it.
const DEPTH: usize = 3;
/// The most files of a feed.
const FILES_MAX: usize = 100_000;

/// The files of a folder.
pub(super) struct Files {
    rest: std::vec::IntoIter<(String, PathBuf)>,
    current: Option<Text>,
    limits: Limits,
    trailing: TrailingBytes,
}

impl Files {
    /// Lists a folder's files.
    pub(super) fn open(root: &Path, limits: Limits) -> Result<Files, FileRefusal> {
        Ok(Files {
            rest: files_of(root)?.into_iter(),
            current: None,
            limits,
            trailing: TrailingBytes::default(),
        })
    }

    /// The sum of the files' remarks.
    pub(super) fn trailing(&self) -> &TrailingBytes {
        &self.trailing
    }
}

/// A folder's files in order, with their names inside it.
pub(super) fn files_of(root: &Path) -> Result<Vec<(String, PathBuf)>, FileRefusal> {
    let mut paths = Vec::new();
    list(root, DEPTH, &mut paths).map_err(|error| super::refusal(&error))?;
    paths.sort();
    let name = |path: &Path| path.strip_prefix(root).unwrap_or(path).to_string_lossy().replace('\\', "/");
    Ok(paths.into_iter().map(|path| (name(&path), path)).collect())
}

fn list(folder: &Path, depth: usize, into: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        // The downloader's sidecar files are no data.
        let is_sidecar = entry.file_name().to_string_lossy().ends_with(".meta.json");
        if kind.is_dir() && depth > 1 {
            list(&entry.path(), depth - 1, into)?;
        } else if kind.is_file() && !is_sidecar {
            into.push(entry.path());
        }
        if into.len() > FILES_MAX {
            return Err(refused(FileRefusal::Unreadable(format!("it has more than {FILES_MAX} files"))));
        }
    }
    Ok(())
}

impl Parts for Files {
    fn next_part(&mut self) -> io::Result<Option<String>> {
        self.trailing.add(self.current.take().map_or(0, |text| text.trailing().count()));
        let Some((name, path)) = self.rest.next() else { return Ok(None) };
        let text = File::open(&path)
            .map_err(|error| super::refusal(&error))
            .and_then(|file| open(file, self.limits));
        self.current = Some(text.map_err(refused)?);
        Ok(Some(name))
    }
}

impl Read for Files {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.current.as_mut().map_or(Ok(0), |text| text.read(buffer))
    }
}
