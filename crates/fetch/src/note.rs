//! The note that lies with each download, in `<file>.meta.json`.
//!
//! A build reads `fetched_at`, `changed_at`, `bytes` and `sha256`; the rest is for the next run, and for people.
//! A note counts only for the bytes that it describes: a validator without its bytes is worse than none.

use crate::problem::Problem;
use rapsheet_snapshot::{AtomicFile, Time};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// The longest note that is read, in bytes.
const NOTE_MAX: u64 = 1 << 20;
/// How long a server's word that nothing has changed is taken without a look at the bytes, in seconds. Some servers say so for ever.
const VALIDATOR_AGE_MAX: i64 = 7 * 86_400;

/// What is known of a download.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Note {
    /// When the server last said that these are the bytes.
    #[serde(with = "crate::time")]
    pub fetched_at: Option<Time>,
    /// When the server was last asked.
    #[serde(with = "crate::time")]
    pub checked_at: Option<Time>,
    /// The HTTP status of the last answer.
    pub status: Option<u16>,
    /// The address that was asked.
    pub url: Option<String>,
    /// The address that answered, without its query, if that is another one.
    pub final_url: Option<String>,
    /// The server's validator, as it was sent.
    pub etag: Option<String>,
    /// When the server says that it changed, as it was sent.
    pub last_modified: Option<String>,
    /// The server's clock, as it was sent.
    pub date: Option<String>,
    /// The length of the file.
    pub bytes: Option<u64>,
    /// The SHA-256 of the file, in hexadecimal.
    pub sha256: Option<String>,
    /// How many bytes came over the wire.
    pub wire_bytes: Option<u64>,
    /// How they were encoded.
    pub encoding: Option<String>,
    /// What told their end: `length`, `chunked`, or `close`, which does not tell a whole body from a cut one.
    pub framing: Option<String>,
    /// When other bytes last came.
    #[serde(with = "crate::time")]
    pub changed_at: Option<Time>,
    /// When the bytes last came in full.
    #[serde(with = "crate::time")]
    pub validated_unconditionally_at: Option<Time>,
    /// How often in a row it could not be fetched.
    pub failures: u32,
    /// When it may be asked for again.
    #[serde(with = "crate::time")]
    pub next_at: Option<Time>,
    /// Until when the server wanted not to be asked.
    #[serde(with = "crate::time")]
    pub retry_after: Option<Time>,
}

/// The path of a download's note.
pub fn note_path(file: &Path) -> PathBuf {
    let mut path = file.as_os_str().to_owned();
    path.push(".meta.json");
    PathBuf::from(path)
}

impl Note {
    /// Reads the note of a download; `None` where there is none, or one that is no note.
    pub fn read(file: &Path) -> Option<Note> {
        let path = note_path(file);
        if !path.metadata().ok()?.is_file() {
            return None;
        }
        let mut text = Vec::new();
        File::open(path).ok()?.take(NOTE_MAX).read_to_end(&mut text).ok()?;
        serde_json::from_slice(&text).ok()
    }

    /// Reads the note of a download if it describes the bytes that are there.
    pub(crate) fn of_bytes(file: &Path) -> Option<Note> {
        let note = Note::read(file)?;
        let stated = note.sha256.as_ref()?;
        let digest = digest_of(file).ok()?;
        (note.fetched_at.is_some() && stated.eq_ignore_ascii_case(&digest)).then_some(note)
    }

    /// Writes it, without syncing the folder.
    pub(crate) fn write(&self, file: &Path) -> Result<(), Problem> {
        // The folder is synced at the end of the run: a power cut brings back the old note at worst.
        self.prepared(file)?.rename().map(drop).map_err(|error| Problem::local(&error))
    }

    /// The note in a synced file under a temporary name.
    pub(crate) fn prepared(&self, file: &Path) -> Result<AtomicFile, Problem> {
        let mut text = serde_json::to_vec_pretty(self).map_err(|error| Problem::local(&error))?;
        text.push(b'\n');
        let fail = |error| Problem::local(&error);
        let mut written = AtomicFile::create(note_path(file)).map_err(fail)?;
        let put = written.file_mut().write_all(&text);
        put.map_err(|error| Problem::local(&format_args!("{}: {error}", note_path(file).display())))?;
        written.sync().map_err(fail)?;
        Ok(written)
    }

    /// What to ask the server with; nothing where the bytes have to come in full.
    pub(crate) fn validator(&self, url: &str, now: Time) -> Option<Validator> {
        let in_full = self.validated_unconditionally_at?;
        let age = now.unix().saturating_sub(in_full.unix());
        if self.url.as_deref() != Some(url) || !(0..VALIDATOR_AGE_MAX).contains(&age) {
            return None;
        }
        match (&self.etag, &self.last_modified) {
            (Some(etag), _) => Some(Validator::Etag(etag.clone())),
            (None, Some(text)) => Some(Validator::Modified(text.clone())),
            (None, None) => None,
        }
    }
}

/// What makes a request conditional.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Validator {
    /// `If-None-Match`.
    Etag(String),
    /// `If-Modified-Since`, with the server's own text.
    Modified(String),
}

impl Validator {
    /// The header of the request.
    pub(crate) fn header(&self) -> (&'static str, &str) {
        match self {
            Validator::Etag(etag) => ("If-None-Match", etag),
            Validator::Modified(text) => ("If-Modified-Since", text),
        }
    }

    /// Whether an answer with this `ETag` is about the bytes that are here.
    pub(crate) fn agrees(&self, etag: Option<&str>) -> bool {
        let strong = |etag: &str| etag.trim().trim_start_matches("W/").to_owned();
        match (self, etag) {
            (Validator::Etag(ours), Some(theirs)) => strong(ours) == strong(theirs),
            _ => true,
        }
    }
}

/// The SHA-256 of a file, in hexadecimal.
fn digest_of(path: &Path) -> io::Result<String> {
    if !path.metadata()?.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    let mut file = File::open(path)?;
    let mut sum = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hex(&sum.finalize())),
            count => sum.update(buffer.get(..count).unwrap_or(&[])),
        }
    }
}

/// Bytes in hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const WEEK: i64 = 7 * 86_400;

    fn note() -> Note {
        let now = Some(Time::from_unix(1_000_000_000));
        Note {
            fetched_at: now,
            url: Some("https://lists.example/a".to_owned()),
            etag: Some("\"1\"".to_owned()),
            last_modified: Some("Sun, 09 Sep 2001 01:46:40 GMT".to_owned()),
            validated_unconditionally_at: now,
            ..Note::default()
        }
    }

    #[test]
    fn a_validator_is_of_its_url_and_a_week() {
        let at = |seconds| Time::from_unix(1_000_000_000 + seconds);
        let etag = Some(Validator::Etag("\"1\"".to_owned()));
        assert_eq!(note().validator("https://lists.example/a", at(WEEK - 1)), etag);
        assert_eq!(note().validator("https://lists.example/a", at(WEEK)), None);
        assert_eq!(note().validator("https://lists.example/a", at(-1)), None, "a clock that was wrong");
        assert_eq!(note().validator("https://lists.example/b", at(0)), None);
        let dated = Note { etag: None, ..note() };
        assert!(matches!(dated.validator("https://lists.example/a", at(0)), Some(Validator::Modified(_))));
    }

    #[test]
    fn etags_agree_weakly() {
        let ours = Validator::Etag("W/\"1\"".to_owned());
        assert!(ours.agrees(Some("\"1\"")) && ours.agrees(None) && !ours.agrees(Some("\"2\"")));
    }

    #[test]
    fn a_note_counts_only_with_its_bytes() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("a.txt");
        std::fs::write(&file, "203.0.113.1\n").expect("written");
        let note = Note { sha256: Some(digest_of(&file).expect("a digest")), ..note() };
        note.write(&file).expect("written");
        assert_eq!(Note::of_bytes(&file), Some(note));
        std::fs::write(&file, "203.0.113.2\n").expect("written");
        assert_eq!(Note::of_bytes(&file), None);
        std::fs::write(note_path(&file), "{").expect("written");
        assert_eq!(Note::read(&file), None);
    }
}
