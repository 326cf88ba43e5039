//! `info`: what a snapshot holds: counts, feeds and sections.

use super::stdout;
use crate::args::Info;
use crate::exit::{Exit, Failure};
use crate::output::json;
use crate::printable;
use crate::settings::Settings;
use crate::table::{Column, Table, age, bytes, count, counted};
use rapsheet_json::Entries;
use rapsheet_snapshot::layout::Section;
use rapsheet_snapshot::section::origin::FeedRecord;
use rapsheet_snapshot::{Snapshot, Time};
use serde::Serialize;
use std::io::{self, Write};

/// Runs the command.
pub(super) fn run(args: &Info, settings: &Settings) -> Result<Exit, Failure> {
    let snapshot = settings.open()?;
    let facts = facts(&snapshot, settings);
    let mut out = stdout();
    if args.output.is_json() {
        json::indented(&facts, &mut out)?;
    } else {
        print(&facts, &snapshot, settings.now, &mut out)?;
    }
    out.flush()?;
    Ok(Exit::Done)
}

#[derive(Serialize)]
struct Facts {
    path: String,
    bytes: u64,
    built_at: String,
    age_seconds: i64,
    generator: String,
    entries: Entries,
    record_sets: usize,
    sightings: u64,
    feeds: Vec<Feed>,
    sections: Vec<SectionFacts>,
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

#[derive(Serialize)]
struct SectionFacts {
    name: &'static str,
    about: &'static str,
    offset: u64,
    bytes: u64,
    count: u64,
}

fn facts(snapshot: &Snapshot, settings: &Settings) -> Facts {
    let feeds = &snapshot.origin().feeds;
    Facts {
        path: settings.snapshot.to_string_lossy().into_owned(),
        bytes: snapshot.byte_len(),
        built_at: snapshot.built_at().to_string(),
        age_seconds: settings.now.unix().saturating_sub(snapshot.built_at().unix()),
        generator: snapshot.origin().generator.clone(),
        entries: Entries::of(snapshot),
        record_sets: snapshot.index().set_count(),
        sightings: feeds.iter().map(|feed| feed.sightings).sum(),
        feeds: feeds.iter().map(|feed| feed_facts(feed, settings.now)).collect(),
        sections: sections(snapshot),
    }
}

fn feed_facts(feed: &FeedRecord, now: Time) -> Feed {
    Feed {
        id: feed.id.clone(),
        provider: feed.provider.clone(),
        state: feed.state.word(),
        stale: feed.is_stale(now),
        update_time: feed.traits().update_time.as_ref().map(Time::to_string),
        sightings: feed.sightings,
    }
}

fn sections(snapshot: &Snapshot) -> Vec<SectionFacts> {
    let section_of = |id: u16| Section::ALL.iter().copied().find(|section| section.id() == id);
    let facts = |row: &rapsheet_snapshot::layout::SectionRow| SectionFacts {
        name: section_of(row.id).map_or("unknown", Section::name),
        about: section_of(row.id).map_or("", Section::about),
        offset: row.offset,
        bytes: row.length,
        count: row.count,
    };
    snapshot.table().rows.iter().map(facts).collect()
}

fn print(facts: &Facts, snapshot: &Snapshot, now: Time, out: &mut dyn Write) -> io::Result<()> {
    let Entries { ipv4, ipv6, names, urls } = facts.entries;
    writeln!(out, "{}  {}", printable::text(&facts.path), bytes(facts.bytes))?;
    writeln!(
        out,
        "built {} ({} ago) by {}",
        facts.built_at,
        age(facts.age_seconds),
        printable::text(&facts.generator)
    )?;
    let entries = [
        counted(ipv4 as u64, "IPv4 range", "IPv4 ranges"),
        counted(ipv6 as u64, "IPv6 range", "IPv6 ranges"),
        counted(names as u64, "name", "names"),
        counted(urls as u64, "URL", "URLs"),
    ];
    writeln!(out, "{}", entries.join(", "))?;
    let sightings = counted(facts.sightings, "sighting", "sightings");
    let sets = counted(facts.record_sets as u64, "record set", "record sets");
    writeln!(out, "{sightings} in {sets}\n")?;
    feed_table(snapshot, now).print(out)?;
    writeln!(out)?;
    section_table(&facts.sections).print(out)
}

fn feed_table(snapshot: &Snapshot, now: Time) -> Table {
    let heads = ["feed", "provider", "state"].map(Column::Left);
    let numbers = ["sightings", "age"].map(Column::Right);
    let mut table = Table::new(&[heads.as_slice(), &numbers].concat());
    let mut feeds: Vec<&FeedRecord> = snapshot.origin().feeds.iter().collect();
    feeds.sort_by_key(|feed| !feed.is_stale(now));
    for feed in feeds {
        let update = feed.traits().update_time;
        table.push(vec![
            feed.id.clone(),
            feed.provider.clone(),
            super::feeds::state_word(feed, now),
            count(feed.sightings),
            update.map_or("never".to_owned(), |update| age(now.unix().saturating_sub(update.unix()))),
        ]);
    }
    table
}

fn section_table(sections: &[SectionFacts]) -> Table {
    let mut table = Table::new(&[
        Column::Left("section"),
        Column::Right("items"),
        Column::Right("size"),
        Column::Left("holds"),
    ]);
    for section in sections {
        let SectionFacts { name, about, bytes: length, count: items, .. } = section;
        table.push(vec![(*name).to_owned(), count(*items), bytes(*length), (*about).to_owned()]);
    }
    table
}
