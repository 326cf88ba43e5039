//! The files of a publication. Each is applied once before it is offered: a host that got one which does not
//! lead to the snapshot would take the whole file instead, five hundred times.

use super::catalog::Publication;
use super::error::PublishError;
use crate::error::ShipError;
use crate::limits::Limits;
use crate::manifest::{Digest, PublishedDelta, PublishedFile, PublishedSnapshot};
use crate::{delta, slim};
use rapsheet_snapshot::{AtomicFile, Snapshot};
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Writes files below a folder.
pub(super) struct Files<'f> {
    folder: &'f Path,
    pool: rayon::ThreadPool,
}

impl<'f> Files<'f> {
    /// With so many threads.
    pub(super) fn new(folder: &'f Path, threads: usize) -> Result<Files<'f>, PublishError> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        let fail = |error| PublishError::io(folder)(std::io::Error::other(error));
        Ok(Files { folder, pool: pool.map_err(fail)? })
    }

    /// Whether a file is there, and is what was published.
    pub(super) fn is_whole(&self, file: &PublishedFile) -> bool {
        let opened = File::open(self.folder.join(&file.path));
        opened.is_ok_and(|opened| {
            let is_long = opened.metadata().is_ok_and(|about| about.len() == file.bytes);
            is_long && Digest::of_file(&opened).is_ok_and(|digest| digest == file.blake3)
        })
    }

    /// The slim file of a snapshot.
    pub(super) fn slim(&self, new: &Snapshot, id: &PublishedSnapshot) -> Result<PublishedFile, PublishError> {
        let file = self.write(format!("full/{}.rapz", id.blake3), |out| slim::write(new, out).map(drop))?;
        self.restored(&file, id)?;
        Ok(file)
    }

    /// The delta from an earlier publication.
    pub(super) fn delta(
        &self,
        from: &Publication,
        new: &Snapshot,
        id: &PublishedSnapshot,
    ) -> Result<PublishedDelta, PublishError> {
        let restored = self.restored(&from.full, &from.snapshot)?;
        let old = Snapshot::open(restored.temporary_path())?;
        let path = format!("delta/{}-{}.rapd", from.snapshot.blake3, id.blake3);
        let write = |out: &mut Vec<u8>| self.pool.install(|| delta::write(&old, new, out)).map(drop);
        let file = self.write(path, write)?;
        self.prove(&old, &file, id)?;
        Ok(PublishedDelta { from: from.snapshot.blake3, to: id.blake3, to_bytes: id.bytes, file })
    }

    /// Applies a delta.
    fn prove(
        &self,
        old: &Snapshot,
        file: &PublishedFile,
        id: &PublishedSnapshot,
    ) -> Result<(), PublishError> {
        let path = self.folder.join(&file.path);
        let bytes = fs::read(&path).map_err(PublishError::io(&path))?;
        let target = self.scratch("applied", &id.blake3);
        let applied = self.pool.install(|| delta::apply_to(old, &bytes, &Limits::new(id.bytes), &target));
        applied.map(drop).map_err(PublishError::ship(&path))
    }

    /// An earlier snapshot, from its slim file, until it is dropped.
    fn restored(&self, full: &PublishedFile, id: &PublishedSnapshot) -> Result<AtomicFile, PublishError> {
        let path = self.folder.join(&full.path);
        let mut file = File::open(&path).map_err(PublishError::io(&path))?;
        let target = self.scratch("restored", &id.blake3);
        let restored = slim::apply(&mut file, &target, &Limits::new(id.bytes));
        let (restored, found) = restored.map_err(PublishError::ship(&path))?;
        match Digest(found.hash) == id.blake3 {
            true => Ok(restored),
            false => Err(PublishError::damaged(&path, format_args!("expected {}, found {found}", id.blake3))),
        }
    }

    /// Where a snapshot is for a while. The next publication removes what a killed publication left there.
    fn scratch(&self, what: &str, digest: &Digest) -> PathBuf {
        self.folder.join("full").join(format!("{what}-{digest}"))
    }

    /// Writes a file below the folder.
    fn write(
        &self,
        path: String,
        write: impl FnOnce(&mut Vec<u8>) -> Result<(), ShipError>,
    ) -> Result<PublishedFile, PublishError> {
        let target = self.folder.join(&path);
        let mut bytes = Vec::new();
        write(&mut bytes).map_err(PublishError::ship(&target))?;
        let mut file = AtomicFile::create(&target)?;
        file.fill(|out| out.write_all(&bytes))?;
        file.publish()?;
        Ok(PublishedFile { path, bytes: bytes.len() as u64, blake3: Digest::of(&bytes) })
    }
}

/// The digest of a file.
pub(super) fn digest_of(path: &Path) -> Result<Digest, PublishError> {
    let file = File::open(path).map_err(PublishError::io(path))?;
    Digest::of_file(&file).map_err(PublishError::io(path))
}
