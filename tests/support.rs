//! A folder of downloads with a catalogue, builds made from it one after another, and what a snapshot
//! contains.

pub(crate) use crate::files::gzip;
pub(crate) use crate::random::Random;
use rapsheet_ingest::build::{Accept, BuildError, BuildInput, BuildOutput, NoObserver, build};
use rapsheet_ingest::catalog::Catalog;
use rapsheet_snapshot::{AddressRange, Sighting, Snapshot, Time};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Seconds of a day.
pub(crate) const DAY: i64 = 86_400;

/// The instant `days` days after the first build of a test.
pub(crate) fn day(days: i64) -> Time {
    Time::from_unix(1_780_000_000 + days * DAY)
}

impl Random {
    /// True once in `odds` times.
    pub(crate) fn one_in(&mut self, odds: u64) -> bool {
        self.below(odds) == 0
    }

    pub(crate) fn pick<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.below(list.len() as u64) as usize]
    }
}

/// A folder of downloads with its catalogue, and the last build of it.
pub(crate) struct Harness {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) catalog: String,
    pub(crate) previous: Option<Snapshot>,
    pub(crate) state: Option<Vec<u8>>,
    /// Held downloads that the next build accepts.
    pub(crate) accept: Vec<Accept>,
}

impl Harness {
    pub(crate) fn new(catalog: &str) -> Harness {
        let folder = tempfile::tempdir().expect("a temporary folder");
        Harness { folder, catalog: catalog.to_owned(), previous: None, state: None, accept: Vec::new() }
    }

    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }

    /// Writes a download that was retrieved at `at`.
    pub(crate) fn download(&self, file: &str, text: &[u8], at: Time) {
        fs::write(self.path(file), text).expect("a written download");
        let sidecar = format!("{{\"fetched_at\":\"{at}\"}}");
        fs::write(self.path(&format!("{file}.meta.json")), sidecar).expect("a written sidecar");
    }

    /// Builds without keeping the result.
    pub(crate) fn build_only(&self, now: Time) -> BuildOutput {
        self.try_build(now).expect("a build")
    }

    /// Builds without keeping the result, or returns the error.
    pub(crate) fn try_build(&self, now: Time) -> Result<BuildOutput, BuildError> {
        let catalog = Catalog::parse(&self.catalog, "catalog.toml").expect("a valid catalogue");
        let mut input = BuildInput::new(&catalog, self.folder.path(), now, "rapsheet test");
        input.previous = self.previous.as_ref();
        input.state = self.state.as_deref();
        input.accept = &self.accept;
        build(&input, &NoObserver)
    }

    /// Builds, and keeps the result for the next build.
    pub(crate) fn build(&mut self, now: Time) -> BuildOutput {
        let built = self.build_only(now);
        self.keep(&built);
        built
    }

    /// Keeps a build as the previous one, after checking it.
    pub(crate) fn keep(&mut self, built: &BuildOutput) {
        let snapshot = Snapshot::from_bytes(built.image.to_bytes()).expect("a valid snapshot");
        snapshot.verify_references().expect("valid references");
        assert_counts_add_up(built);
        self.previous = Some(snapshot);
        self.state = Some(built.state.clone());
    }

    pub(crate) fn snapshot(&self) -> &Snapshot {
        self.previous.as_ref().expect("an earlier build")
    }
}

/// All sightings of a snapshot: `first_seen` and `detect_time` by feed and indicator.
pub(crate) fn contents(snapshot: &Snapshot) -> BTreeMap<(String, String), (Time, Time)> {
    let index = snapshot.index();
    let mut found = BTreeMap::new();
    let mut add = |sighting: &Sighting, text: String| {
        let feed = snapshot.feed(sighting.feed).expect("a feed").id.clone();
        let earlier = found.insert((feed, text), (sighting.times.first_seen, sighting.times.detect_time));
        assert_eq!(earlier, None, "each sighting occurs once");
    };
    let spaces =
        [AddressRange::V4 { first: 0, last: u32::MAX }, AddressRange::V6 { first: 0, last: u128::MAX }];
    for space in spaces {
        index.each_address(space, |range, entry| {
            index.each_listed(range, entry, |listed, sighting| {
                // Overlapping ranges are cut where others begin; a listed range counts once, where it begins
                // itself.
                if range.covers(&listed.first().range()) {
                    add(sighting, listed.to_string());
                }
            });
        });
    }
    index.each_name(|reversed, entry| {
        let name: Vec<u8> = reversed.iter().rev().copied().collect();
        let text = String::from_utf8(name).expect("names are ASCII");
        index
            .sightings(entry)
            .for_each(|sighting| add(&sighting, format!("{}:{text}", sighting.scope.word())));
    });
    index.each_url(|url, entry| {
        let text = String::from_utf8(url.to_vec()).expect("URLs are ASCII");
        index.sightings(entry).for_each(|sighting| add(&sighting, text.clone()));
    });
    found
}

/// Every line and every indicator of every feed is counted once.
pub(crate) fn assert_counts_add_up(built: &BuildOutput) {
    for feed in &built.report.feeds {
        assert_eq!(
            feed.lines,
            feed.data_lines + feed.skipped_lines + feed.rejected_lines,
            "{}: lines",
            feed.id
        );
        let parts = feed.accepted + feed.duplicate + feed.expired + feed.rejected;
        assert_eq!(feed.indicators, parts, "{}: indicators", feed.id);
        assert_eq!(feed.accepted, feed.added + feed.reconfirmed, "{}: accepted", feed.id);
        assert_eq!(feed.sightings, feed.accepted + feed.kept, "{}: sightings", feed.id);
    }
}

/// The folder of real feeds that `RAPSHEET_CORPUS` names; prints that the test is skipped where it names
/// none.
pub(crate) fn corpus(test: &str) -> Option<PathBuf> {
    match std::env::var_os("RAPSHEET_CORPUS") {
        Some(folder) if Path::new(&folder).is_dir() => Some(PathBuf::from(folder)),
        _ => {
            eprintln!("skipped: {test} needs RAPSHEET_CORPUS, a folder of real feeds");
            None
        }
    }
}
