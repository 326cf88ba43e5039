//! Makes a history of archived snapshots, compares it with them, and says what that costs.
//!
//! `archive HISTORY SNAPSHOT...` adds the snapshots in their order; `archive HISTORY compact` joins segments;
//! `archive HISTORY compare PAIRS SNAPSHOT...` compares answers of random pairs of an indicator and an instant.

use rapsheet_assemble::Scratch;
use rapsheet_history::{History, append, compact};
use rapsheet_query::{Batch, Searcher, Verdict};
use rapsheet_snapshot::{AddressRange, Snapshot};
use std::error::Error;
use std::path::Path;
use std::time::Instant;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (folder, rest) = arguments.split_first().ok_or("a folder")?;
    let folder = Path::new(folder);
    match rest.split_first() {
        Some((word, [])) if word == "compact" => {
            let begun = Instant::now();
            for step in compact(folder, &Scratch::new(64 << 20, folder.join("manifest")))? {
                println!("{} files became {}, {} bytes", step.from.len(), step.to.file, step.to.bytes);
            }
            println!("{:.2} s", begun.elapsed().as_secs_f64());
        }
        Some((word, rest)) if word == "compare" => {
            let (pairs, snapshots) = rest.split_first().ok_or("a number of pairs")?;
            compare(folder, pairs.parse()?, &opened(snapshots)?)?;
        }
        _ => add(folder, rest)?,
    }
    Ok(())
}

fn opened(paths: &[String]) -> Result<Vec<Snapshot>, Box<dyn Error>> {
    Ok(paths.iter().map(Snapshot::open).collect::<Result<_, _>>()?)
}

fn add(folder: &Path, paths: &[String]) -> Result<(), Box<dyn Error>> {
    let mut previous = None;
    for path in paths {
        let snapshot = Snapshot::open(path)?;
        let begun = Instant::now();
        let added = append(folder, previous.as_ref(), &snapshot, &Scratch::unlimited())?;
        println!("{path}: {} bytes, {added:?}, {:.3} s", snapshot.byte_len(), begun.elapsed().as_secs_f64());
        previous = Some(snapshot);
    }
    Ok(())
}

/// Every so many of the keys of all snapshots.
fn questions(snapshots: &[Snapshot], wanted: usize) -> Batch {
    let (mut texts, mut seen) = (Vec::new(), 0usize);
    let all: usize = snapshots
        .iter()
        .map(|snapshot| snapshot.origin().feeds.iter().map(|feed| feed.sightings as usize).sum::<usize>())
        .sum();
    let step = (all / wanted).max(1);
    let mut keep = |text: &dyn Fn() -> String| {
        seen += 1;
        if seen % step == 0 {
            texts.push(text());
        }
    };
    for snapshot in snapshots {
        let index = snapshot.index();
        for space in
            [AddressRange::V4 { first: 0, last: u32::MAX }, AddressRange::V6 { first: 0, last: u128::MAX }]
        {
            index.each_listed_in(space, |_, listed, _| keep(&|| listed.first().to_string()));
        }
        index.each_name(|name, _| keep(&|| name.iter().rev().map(|byte| char::from(*byte)).collect()));
        index.each_url(|url, _| keep(&|| String::from_utf8_lossy(url).into_owned()));
    }
    let mut batch = Batch::new();
    for text in &texts {
        // A key in a list of names may be no question: a name with one label.
        let _ = batch.push(text);
    }
    batch
}

fn compare(folder: &Path, pairs: usize, snapshots: &[Snapshot]) -> Result<(), Box<dyn Error>> {
    let begun = Instant::now();
    let history = History::open(folder)?;
    println!("opened in {:.2} ms", begun.elapsed().as_secs_f64() * 1e3);
    let begun = Instant::now();
    history.at(snapshots.first().ok_or("snapshots")?.built_at().plus(3600)).lookup("192.0.2.7")?;
    println!("first verdict by downloads after {:.2} ms", begun.elapsed().as_secs_f64() * 1e3);
    let instants: Vec<_> = snapshots
        .iter()
        .flat_map(|snapshot| [-1, 0, 1, 40_000].map(|seconds| snapshot.built_at().plus(seconds)))
        .collect();
    let mut batch = questions(snapshots, (pairs / instants.len()).max(1));
    let (mut compared, mut listed, mut different) = (0, 0, 0);
    let [mut history_time, mut snapshot_time, mut downloads_time] = [0.0; 3];
    for at in &instants {
        let past = history.known_at(*at);
        let verdicts = past.verdicts(&batch);
        if let Some(snapshot) = snapshots.iter().rev().find(|snapshot| snapshot.built_at() <= *at) {
            let searcher = Searcher::new(snapshot, *at);
            let expected: Vec<Verdict> = searcher.verdicts(&batch).collect();
            different += verdicts.iter().zip(&expected).filter(|(found, expected)| found != expected).count();
            let begun = Instant::now();
            let statuses = past.statuses(&batch);
            history_time += begun.elapsed().as_secs_f64();
            let begun = Instant::now();
            let expected = searcher.statuses(&mut batch);
            snapshot_time += begun.elapsed().as_secs_f64();
            different += statuses.iter().zip(expected).filter(|(found, expected)| found != expected).count();
        }
        let begun = Instant::now();
        history.at(*at).statuses(&batch);
        downloads_time += begun.elapsed().as_secs_f64();
        compared += batch.len();
        listed += verdicts.iter().filter(|verdict| !verdict.sources.is_empty()).count();
    }
    println!("{compared} answers, {listed} of what was listed, {different} different");
    let each = |seconds: f64| seconds * 1e9 / compared as f64;
    println!(
        "a status in {:.0} ns, by downloads in {:.0} ns, in a snapshot in {:.0} ns",
        each(history_time),
        each(downloads_time),
        each(snapshot_time)
    );
    Ok(())
}
