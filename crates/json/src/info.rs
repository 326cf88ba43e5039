//! The object of `rapsheet info`: what a snapshot holds.

use crate::entries::Entries;
use rapsheet_snapshot::layout::{Section, SectionRow};
use rapsheet_snapshot::{FeedRecord, Snapshot, Time};
use serde::Serialize;
use std::path::Path;

/// What a snapshot holds: counts, feeds and sections.
#[derive(Serialize)]
pub struct InfoObject {
    /// The path of the file, as the user named it.
    pub path: String,
    /// The length of the file.
    pub bytes: u64,
    /// The instant of the build.
    pub built_at: String,
    /// The age of the build.
    pub age_seconds: i64,
    /// The program that wrote it.
    pub generator: String,
    /// How many entries it has.
    pub entries: Entries,
    /// How many distinct record sets.
    pub record_sets: usize,
    /// How many sightings its feeds have.
    pub sightings: u64,
    feeds: Vec<Feed>,
    /// The sections of the file.
    pub sections: Vec<SectionObject>,
}

#[derive(Serialize)]
struct Feed {
    id: String,
    provider: String,
    state: &'static str,
    stale: bool,
    update_time: Option<String>,
    sightings: u64,
}

/// A section of the file.
#[derive(Serialize)]
pub struct SectionObject {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub about: &'static str,
    /// Where it begins.
    pub offset: u64,
    /// Its length.
    pub bytes: u64,
    /// How many items it has.
    pub count: u64,
}

impl InfoObject {
    /// The object of a snapshot at `path`, as of `now`.
    pub fn of(snapshot: &Snapshot, path: &Path, now: Time) -> InfoObject {
        let feeds = &snapshot.origin().feeds;
        InfoObject {
            path: path.to_string_lossy().into_owned(),
            bytes: snapshot.byte_len(),
            built_at: snapshot.built_at().to_string(),
            age_seconds: now.unix().saturating_sub(snapshot.built_at().unix()),
            generator: snapshot.origin().generator.clone(),
            entries: Entries::of(snapshot),
            record_sets: snapshot.index().set_count(),
            sightings: feeds.iter().map(|feed| feed.sightings).sum(),
            feeds: feeds.iter().map(|feed| of_feed(feed, now)).collect(),
            sections: snapshot.table().rows.iter().map(of_section).collect(),
        }
    }
}

fn of_feed(feed: &FeedRecord, now: Time) -> Feed {
    Feed {
        id: feed.id.clone(),
        provider: feed.provider.clone(),
        state: feed.state.word(),
        stale: feed.is_stale(now),
        update_time: feed.traits().update_time.as_ref().map(Time::to_string),
        sightings: feed.sightings,
    }
}

fn of_section(row: &SectionRow) -> SectionObject {
    let section = Section::ALL.iter().copied().find(|section| section.id() == row.id);
    SectionObject {
        name: section.map_or("unknown", Section::name),
        about: section.map_or("", Section::about),
        offset: row.offset,
        bytes: row.length,
        count: row.count,
    }
}
