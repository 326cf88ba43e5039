//! What several tests need: a folder of downloads, a catalogue over it, nights built one after another, and a
//! small generator of random numbers that prints its seed by being given it.

use rapsheet_ingest::build::{Accept, BuildError, Built, Night, Unwatched, build};
use rapsheet_ingest::catalog::Catalog;
use rapsheet_snapshot::{AddressRange, Sighting, Snapshot, Time, hash};
use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// The seconds of a day.
pub(crate) const DAY: i64 = 86_400;

/// The instant `days` days after the tests' first night.
pub(crate) fn day(days: i64) -> Time {
    Time::from_unix(1_780_000_000 + days * DAY)
}

/// A pseudo-random sequence (xorshift64*), the same on every machine.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Random {
        Random(hash::spread(seed) | 1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        (self.next() >> 11) % end.max(1)
    }

    pub(crate) fn one_in(&mut self, odds: u64) -> bool {
        self.below(odds) == 0
    }

    pub(crate) fn pick<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.below(list.len() as u64) as usize]
    }
}

/// A folder of downloads with its catalogue, and the last night that was built from it.
pub(crate) struct House {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) catalog: String,
    pub(crate) previous: Option<Snapshot>,
    pub(crate) state: Option<Vec<u8>>,
    /// Held downloads that are let in.
    pub(crate) accept: Vec<Accept>,
}

impl House {
    pub(crate) fn new(catalog: &str) -> House {
        let folder = tempfile::tempdir().expect("a temporary folder");
        House { folder, catalog: catalog.to_owned(), previous: None, state: None, accept: Vec::new() }
    }

    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }

    /// Puts a download in place, retrieved at `at`.
    pub(crate) fn download(&self, file: &str, text: &[u8], at: Time) {
        fs::write(self.path(file), text).expect("a download");
        let sidecar = format!("{{\"fetched_at\":\"{at}\"}}");
        fs::write(self.path(&format!("{file}.meta.json")), sidecar).expect("a sidecar");
    }

    /// Builds a night without keeping it.
    pub(crate) fn try_night(&self, now: Time) -> Built {
        self.attempt(now).expect("a night")
    }

    /// Builds a night, or says why not.
    pub(crate) fn attempt(&self, now: Time) -> Result<Built, BuildError> {
        let catalog = Catalog::parse(&self.catalog, "catalog.toml").expect("a sound catalogue");
        let night = Night {
            previous: self.previous.as_ref(),
            state: self.state.as_deref(),
            accept: &self.accept,
            ..Night::first(&catalog, self.folder.path(), now, "rapsheet test")
        };
        build(&night, &Unwatched)
    }

    /// Builds a night and keeps it as the previous one.
    pub(crate) fn night(&mut self, now: Time) -> Built {
        let built = self.try_night(now);
        self.keep(&built);
        built
    }

    /// Keeps a night as the previous one.
    pub(crate) fn keep(&mut self, built: &Built) {
        let snapshot = Snapshot::from_bytes(built.image.to_bytes()).expect("a sound snapshot");
        snapshot.verify_references().expect("sound references");
        assert_conservation(built);
        self.previous = Some(snapshot);
        self.state = Some(built.state.clone());
    }

    pub(crate) fn snapshot(&self) -> &Snapshot {
        self.previous.as_ref().expect("a night was built")
    }
}

/// Everything that a snapshot says, sighting by sighting: feed and indicator, first_seen and detect_time.
pub(crate) fn contents(snapshot: &Snapshot) -> BTreeMap<(String, String), (Time, Time)> {
    let index = snapshot.index();
    let mut found = BTreeMap::new();
    let mut add = |said: &Sighting, text: String| {
        let feed = snapshot.feed(said.feed).expect("a feed").id.clone();
        let twice = found.insert((feed, text), (said.times.first_seen, said.times.detect_time));
        assert_eq!(twice, None, "a sighting stands once");
    };
    let spaces =
        [AddressRange::V4 { first: 0, last: u32::MAX }, AddressRange::V6 { first: 0, last: u128::MAX }];
    for space in spaces {
        index.each_address(space, |run, entry| {
            index.each_listed(run, entry, |listed, said| {
                // A listed range is cut into runs where others begin; it counts where it begins itself.
                if run.covers(&listed.first().range()) {
                    add(said, listed.to_string());
                }
            });
        });
    }
    index.each_name(|reversed, entry| {
        let name: Vec<u8> = reversed.iter().rev().copied().collect();
        let text = String::from_utf8(name).expect("names are ASCII");
        index.sightings(entry).for_each(|said| add(&said, format!("{}:{text}", said.scope.word())));
    });
    index.each_url(|url, entry| {
        let text = String::from_utf8(url.to_vec()).expect("URLs are ASCII");
        index.sightings(entry).for_each(|said| add(&said, text.clone()));
    });
    found
}

/// Every line once, every indicator once.
pub(crate) fn assert_conservation(built: &Built) {
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
        assert_eq!(feed.sightings, feed.accepted + feed.carried, "{}: sightings", feed.id);
    }
}

/// The folder of real feeds, if the environment names one; says so where it does not.
pub(crate) fn corpus(test: &str) -> Option<PathBuf> {
    match std::env::var_os("RAPSHEET_CORPUS") {
        Some(folder) if Path::new(&folder).is_dir() => Some(PathBuf::from(folder)),
        _ => {
            eprintln!("skipped: {test} needs RAPSHEET_CORPUS, a folder of real feeds");
            None
        }
    }
}

/// A text as a gzip file.
pub(crate) fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text).expect("memory takes it");
    encoder.finish().expect("memory takes it")
}
