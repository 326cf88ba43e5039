//! `info`: what a snapshot holds: counts, feeds and sections.

use super::stdout;
use crate::args::Info;
use crate::exit::{Exit, Failure};
use crate::output::json;
use crate::printable;
use crate::settings::Settings;
use crate::table::{Column, Table, age, bytes, count, counted};
use rapsheet_json::{Entries, InfoObject, SectionObject};
use rapsheet_snapshot::section::origin::FeedRecord;
use rapsheet_snapshot::{Snapshot, Time};
use std::io::{self, Write};

/// Runs the command.
pub(super) fn run(args: &Info, settings: &Settings) -> Result<Exit, Failure> {
    let snapshot = settings.open()?;
    let facts = InfoObject::of(&snapshot, &settings.snapshot, settings.now);
    let mut out = stdout();
    if args.output.is_json() {
        json::indented(&facts, &mut out)?;
    } else {
        print(&facts, &snapshot, settings.now, &mut out)?;
    }
    out.flush()?;
    Ok(Exit::Done)
}

fn print(facts: &InfoObject, snapshot: &Snapshot, now: Time, out: &mut dyn Write) -> io::Result<()> {
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

fn section_table(sections: &[SectionObject]) -> Table {
    let mut table = Table::new(&[
        Column::Left("section"),
        Column::Right("items"),
        Column::Right("size"),
        Column::Left("holds"),
    ]);
    for section in sections {
        let SectionObject { name, about, bytes: length, count: items, .. } = section;
        table.push(vec![(*name).to_owned(), count(*items), bytes(*length), (*about).to_owned()]);
    }
    table
}
