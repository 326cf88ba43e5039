//! The manifest: which segments a history has, and of which builds they are.
//!
//! It is replaced as a whole, and a file that it does not name is no part of the history. So what is at work
//! leaves the old history or the new one, wherever it is interrupted.

use crate::error::HistoryError;
use rapsheet_assemble::SnapshotId;
use rapsheet_snapshot::{AtomicFile, Time};
use serde::{Deserialize, Serialize};
use std::fs;
use std::io::{self, Write};
use std::path::Path;

/// The name of the file.
pub(crate) const MANIFEST: &str = "manifest";
/// What its first line says.
const PRODUCT: &str = "rapsheet history 1";
/// Longer ones are refused. A build takes some 150 bytes of it.
const BYTES_MAX: u64 = 64 << 20;

/// What a history holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The ids of all feeds that there ever were, by their numbers in the history.
    pub feeds: Vec<String>,
    /// The builds, oldest first. Their positions are their numbers.
    pub builds: Vec<BuildId>,
    /// The segments, oldest first. Together they hold each build once.
    pub segments: Vec<SegmentFile>,
}

/// One build of a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BuildId {
    /// When it was built.
    #[serde(with = "rfc3339")]
    pub built_at: Time,
    /// The BLAKE3 of the snapshot.
    #[serde(with = "hex")]
    pub blake3: [u8; 32],
    /// The length of the snapshot.
    pub bytes: u64,
}

impl BuildId {
    /// Whether it is this snapshot.
    pub(crate) fn is(&self, id: &SnapshotId) -> bool {
        self.blake3 == id.hash && self.bytes == id.byte_len
    }
}

/// One segment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SegmentFile {
    /// The name of the file in the folder.
    pub file: String,
    /// The number of its first build.
    pub first: u32,
    /// The number of its last build.
    pub last: u32,
    /// Whether it holds all that was listed at its first build, and not what changed since the one before.
    pub is_base: bool,
    /// The length of the file.
    pub bytes: u64,
    /// The BLAKE3 of the file.
    #[serde(with = "hex")]
    pub blake3: [u8; 32],
}

/// How many builds a segment has.
impl SegmentFile {
    pub(crate) fn len(&self) -> u32 {
        (self.last - self.first).saturating_add(1)
    }
}

impl Manifest {
    /// The manifest of a folder; `None` where there is none.
    pub(crate) fn read(folder: &Path) -> Result<Option<Manifest>, HistoryError> {
        let path = folder.join(MANIFEST);
        let length = match fs::metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            about => about.map_err(|source| HistoryError::io(&path, "reading", source))?.len(),
        };
        if length > BYTES_MAX {
            return Err(HistoryError::manifest(&path, format_args!("at most {BYTES_MAX} bytes"), length));
        }
        let text = fs::read(&path).map_err(|source| HistoryError::io(&path, "reading", source))?;
        let manifest = Manifest::decode(&text);
        manifest.map(Some).map_err(|(expected, found)| HistoryError::manifest(&path, expected, found))
    }

    /// Places it in a folder.
    pub(crate) fn write(&self, folder: &Path) -> Result<(), HistoryError> {
        let mut file = AtomicFile::create(folder.join(MANIFEST))?;
        file.fill(|out| out.write_all(&self.encode()?))?;
        Ok(file.publish()?)
    }

    fn encode(&self) -> io::Result<Vec<u8>> {
        let mut text = format!("{PRODUCT}\n").into_bytes();
        serde_json::to_writer(&mut text, self)?;
        let id = SnapshotId::of_bytes(&text);
        writeln!(text, "\n{}", hex::text(&id.hash))?;
        Ok(text)
    }

    fn decode(text: &[u8]) -> Result<Manifest, (&'static str, String)> {
        let text = std::str::from_utf8(text).map_err(|error| ("UTF-8", error.to_string()))?;
        let end = "three lines, the last one the BLAKE3 of the others";
        let (body, hash) = text
            .strip_suffix('\n')
            .and_then(|text| text.rsplit_once('\n'))
            .ok_or((end, "fewer".to_owned()))?;
        let found = hex::text(&SnapshotId::of_bytes(body.as_bytes()).hash);
        if found != hash {
            return Err((end, format!("{hash:?} where it is {found}")));
        }
        let (product, json) = body.split_once('\n').ok_or((end, "fewer".to_owned()))?;
        if product != PRODUCT {
            return Err((PRODUCT, format!("{product:?}, which another version of rapsheet wrote")));
        }
        let manifest: Manifest =
            serde_json::from_str(json).map_err(|error| ("what a history holds", error.to_string()))?;
        manifest.check()?;
        Ok(manifest)
    }

    /// Segments follow one another, hold all builds, and are files of the folder itself; builds are in order.
    fn check(&self) -> Result<(), (&'static str, String)> {
        let mut next = 0;
        for segment in &self.segments {
            let is_here = !segment.file.is_empty() && !segment.file.contains(['/', '\\', '\0']);
            if segment.first != next || segment.last < segment.first || !is_here {
                return Err(("segments one after another", segment.file.clone()));
            }
            next = segment.last.checked_add(1).ok_or(("fewer builds", segment.file.clone()))?;
        }
        if next as usize != self.builds.len() {
            return Err(("segments of all builds", format!("{next} of {}", self.builds.len())));
        }
        if !self.segments.first().is_none_or(|first| first.is_base) {
            return Err(("a base first", "changes since an unknown build".to_owned()));
        }
        let is_sorted = self.builds.is_sorted_by(|a, b| a.built_at < b.built_at);
        if is_sorted { Ok(()) } else { Err(("builds in order", "others".to_owned())) }
    }

    /// The number of the newest build that was there at an instant.
    pub(crate) fn build_at(&self, at: Time) -> Option<u32> {
        let after = self.builds.partition_point(|build| build.built_at <= at);
        // `check` has seen that they are numbered in 32 bits.
        after.checked_sub(1).map(|number| number as u32)
    }
}

/// A hash in hexadecimal.
mod hex {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn text(bytes: &[u8; 32]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    pub(super) fn serialize<S: Serializer>(bytes: &[u8; 32], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&text(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<[u8; 32], D::Error> {
        let written = String::deserialize(from)?;
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(written.as_bytes().chunks(2)) {
            let pair = std::str::from_utf8(pair).map_err(D::Error::custom)?;
            *byte = u8::from_str_radix(pair, 16).map_err(D::Error::custom)?;
        }
        if text(&bytes) == written {
            Ok(bytes)
        } else {
            Err(D::Error::custom("expected 64 hexadecimal digits"))
        }
    }
}

/// An instant in RFC 3339.
mod rfc3339 {
    use rapsheet_snapshot::Time;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(time: &Time, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(time)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Time, D::Error> {
        let text = String::deserialize(from)?;
        Time::parse_rfc3339(&text).ok_or_else(|| D::Error::custom("expected a time in RFC 3339"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> Manifest {
        let build = |day: i64| BuildId {
            built_at: Time::from_unix(1_787_443_200 + day * 86_400),
            blake3: [day as u8 + 200; 32],
            bytes: 7,
        };
        let segment = |first: u32, last: u32| SegmentFile {
            file: format!("week-{first}.raph"),
            first,
            last,
            is_base: first == 0,
            bytes: 9,
            blake3: [1; 32],
        };
        Manifest {
            feeds: vec!["a".to_owned()],
            builds: (0..4).map(build).collect(),
            segments: vec![segment(0, 2), segment(3, 3)],
        }
    }

    #[test]
    fn reads_back_and_finds_builds() {
        let manifest = manifest();
        assert_eq!(Manifest::decode(&manifest.encode().expect("text")), Ok(manifest.clone()));
        let at = |seconds: i64| manifest.build_at(Time::from_unix(1_787_443_200 + seconds));
        assert_eq!([-1, 0, 86_399, 86_400, 1 << 32].map(at), [None, Some(0), Some(0), Some(1), Some(3)]);
    }

    #[test]
    fn every_changed_bit_and_every_cut_is_refused() {
        let text = manifest().encode().expect("text");
        for at in 0..text.len() {
            assert!(Manifest::decode(&text[..at]).is_err(), "{at}");
            for bit in 0..8 {
                let mut changed = text.clone();
                changed[at] ^= 1 << bit;
                assert!(Manifest::decode(&changed).is_err(), "{at}, {bit}");
            }
        }
    }

    #[test]
    fn segments_must_follow_one_another() {
        for (first, last) in [(4, 4), (2, 3), (3, 4), (3, 2)] {
            let mut manifest = manifest();
            let segment = &mut manifest.segments[1];
            (segment.first, segment.last) = (first, last);
            assert!(Manifest::decode(&manifest.encode().expect("text")).is_err(), "{first} {last}");
        }
        let mut manifest = manifest();
        manifest.segments[0].file = "../x".to_owned();
        assert!(Manifest::decode(&manifest.encode().expect("text")).is_err());
    }
}
