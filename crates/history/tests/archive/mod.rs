//! Random snapshots that follow from one another, and the questions and instants at which a history of them is asked.

#![allow(dead_code, reason = "each test uses some of it")]

#[path = "../../../ship/tests/world/mod.rs"]
pub(crate) mod world;

use rapsheet_assemble::Scratch;
use rapsheet_history::{Appended, append};
use rapsheet_query::Batch;
use rapsheet_snapshot::{AddressRange, Mode, Snapshot, Time};
use std::collections::BTreeSet;
use std::path::Path;
use world::{Random, World};

/// Snapshots, and everything that can be asked of them.
pub(crate) struct Archive {
    pub(crate) snapshots: Vec<Snapshot>,
    pub(crate) questions: Batch,
    pub(crate) texts: Vec<String>,
}

impl Archive {
    /// Random snapshots, one after another.
    pub(crate) fn new(seed: u64, size: u64, builds: usize) -> Archive {
        let mut world = World::new(seed, size);
        let (mut snapshots, mut texts) = (Vec::new(), BTreeSet::new());
        for _ in 0..builds {
            snapshots.push(world.snapshot());
            texts.extend(world.questions());
            world.pass();
        }
        let texts: Vec<String> = texts.into_iter().collect();
        let mut questions = Batch::new();
        texts.iter().for_each(|text| questions.push(text).expect("an indicator"));
        Archive { snapshots, questions, texts }
    }

    /// Instants at which something may change, and those next to them.
    pub(crate) fn instants(&self, random: &mut Random) -> Vec<Time> {
        let mut edges = BTreeSet::new();
        for snapshot in &self.snapshots {
            edges.insert(snapshot.built_at());
            for (number, feed) in snapshot.origin().feeds.iter().enumerate() {
                edges.extend(feed.traits().update_time);
                edges.extend(feed.traits().update_time.map(|time| time.plus(feed.max_age_seconds)));
                edges.extend(own_time(snapshot, number));
            }
        }
        let mut edges: Vec<Time> = edges.into_iter().collect();
        while edges.len() > 14 {
            edges.remove(random.below(edges.len() as u64) as usize);
        }
        let first = self.snapshots[0].built_at();
        let more = [first.plus(-40 * 86_400), first.plus(random.below(9 * 86_400) as i64)];
        let near = edges.iter().flat_map(|edge| [-1, 0, 1].map(|seconds| edge.plus(seconds)));
        near.chain(more).collect()
    }
}

/// When the list was made that a snapshot holds of a feed.
pub(crate) fn own_time(snapshot: &Snapshot, feed: usize) -> Option<Time> {
    let record = &snapshot.origin().feeds[feed];
    let updated = record.traits().update_time?;
    if record.traits().mode == Mode::Accumulated {
        return Some(updated);
    }
    let (index, mut newest) = (snapshot.index(), None);
    let mut add = |sighting: &rapsheet_snapshot::Sighting| {
        if usize::from(sighting.feed.0) == feed {
            newest = newest.max(Some(sighting.times.detect_time));
        }
    };
    let spaces =
        [AddressRange::V4 { first: 0, last: u32::MAX }, AddressRange::V6 { first: 0, last: u128::MAX }];
    for space in spaces {
        index.each_listed_in(space, |_, _, sighting| add(sighting));
    }
    index.each_name(|_, entry| index.sightings(entry).for_each(|sighting| add(&sighting)));
    index.each_url(|_, entry| index.sightings(entry).for_each(|sighting| add(&sighting)));
    Some(newest.unwrap_or(updated).min(updated))
}

/// Adds a snapshot to a history.
pub(crate) fn add(folder: &Path, previous: Option<&Snapshot>, snapshot: &Snapshot) -> Appended {
    append(folder, previous, snapshot, &Scratch::unlimited()).expect("added")
}
