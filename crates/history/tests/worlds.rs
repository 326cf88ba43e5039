//! A history of random snapshots answers what the snapshots do, and what a slow model of their downloads does.

#![allow(clippy::indexing_slicing, reason = "an index out of bounds fails the test")]

mod archive;

use archive::world::Random;
use archive::{Archive, add, own_time};
use rapsheet_assemble::Scratch;
use rapsheet_history::{Appended, FeedTimeline, History, HistoryError, Period, append, compact};
use rapsheet_query::{Searcher, Source, Verdict};
use rapsheet_snapshot::{FeedRecord, FeedState, Snapshot, Status, Time};
use std::collections::BTreeSet;
use std::path::Path;

/// A download of a feed: which snapshot has it first, and when its list was made.
struct Download {
    feed: String,
    build: usize,
    own_time: Time,
}

fn downloads(snapshots: &[Snapshot]) -> Vec<Download> {
    let mut downloads = Vec::new();
    for (build, snapshot) in snapshots.iter().enumerate() {
        for (number, feed) in snapshot.origin().feeds.iter().enumerate() {
            let updated = |record: &FeedRecord| record.traits().update_time;
            let before = snapshots[..build].iter().rev();
            let before =
                before.filter_map(|before| before.origin().feeds.iter().find(|other| other.id == feed.id));
            if before.map(updated).next() != Some(updated(feed)) {
                let own_time = own_time(snapshot, number).expect("it has a download");
                downloads.push(Download { feed: feed.id.clone(), build, own_time });
            }
        }
    }
    downloads
}

/// A source, as far as it does not depend on numbers.
type Row = (String, String, Status, String, Time, Time, Time, bool, Option<&'static str>);

fn row(source: &Source, feed: &FeedRecord, stale: bool) -> Row {
    let overlap = source.overlap.map(|overlap| overlap.word());
    (
        feed.id.clone(),
        source.matched.clone(),
        source.status,
        format!("{:?} {}", source.scope, source.assessments),
        source.first_seen,
        source.detect_time,
        source.expires,
        stale,
        overlap,
    )
}

/// What the feeds listed at an instant.
fn model_at(
    snapshots: &[Snapshot],
    downloads: &[Download],
    text: &str,
    at: Time,
) -> (Vec<Row>, Status, usize) {
    let standing = snapshots.iter().rposition(|snapshot| snapshot.built_at() <= at).unwrap_or(0);
    let feeds: BTreeSet<&str> = downloads.iter().map(|download| download.feed.as_str()).collect();
    let (mut rows, mut providers) = (Vec::new(), Vec::new());
    let mut any_in_force = false;
    for id in feeds {
        let find = |build: usize| snapshots[build].origin().feeds.iter().position(|feed| feed.id == id);
        let in_force = downloads.iter().rev().find(|download| download.feed == id && download.own_time <= at);
        let in_force = in_force.filter(|download| download.build > standing || find(standing).is_some());
        let Some(build) = in_force.map(|download| download.build) else {
            if let Some(number) = find(standing) {
                providers.push((snapshots[standing].origin().feeds[number].clone(), Vec::new(), true));
            }
            continue;
        };
        any_in_force = true;
        let (snapshot, number) = (&snapshots[build], find(build).expect("it has the download"));
        let mut record = snapshot.origin().feeds[number].clone();
        record.state = FeedState::Ok;
        let is_stale = record.is_stale(at);
        let verdict = Searcher::new(snapshot, at).lookup(text).expect("an indicator");
        let sources = verdict.sources.iter().filter(|source| usize::from(source.feed.0) == number);
        let sources: Vec<Row> = sources.map(|source| row(source, &record, is_stale)).collect();
        rows.extend(sources.clone());
        providers.push((record, sources, is_stale));
    }
    rows.sort();
    let (status, failed) = conclude(text, &providers);
    (rows, if any_in_force { status } else { Status::Failed }, failed)
}

/// The overall status, and how many providers failed.
fn conclude(text: &str, feeds: &[(FeedRecord, Vec<Row>, bool)]) -> (Status, usize) {
    let is_address = !text.contains(|letter: char| ('g'..='z').contains(&letter));
    let is_asked = |feed: &FeedRecord| match feed.provider.as_str() {
        "lists-1.example" => is_address,
        "lists-2.example" => !is_address,
        _ => true,
    };
    let names: BTreeSet<&str> = feeds.iter().map(|(feed, ..)| feed.provider.as_str()).collect();
    let status = |name: &str| {
        let own: Vec<_> = feeds.iter().filter(|(feed, ..)| feed.provider == name).collect();
        let lists = |status| own.iter().any(|(_, rows, _)| rows.iter().any(|row| row.2 == status));
        let fails = own.iter().any(|(feed, _, stale)| *stale && is_asked(feed));
        match (lists(Status::Blocked), lists(Status::Allowed)) {
            (true, _) => Status::Blocked,
            (false, true) => Status::Allowed,
            _ if fails => Status::Failed,
            _ => Status::Unknown,
        }
    };
    let statuses: Vec<Status> = names.iter().map(|name| status(name)).collect();
    let has = |status: Status| statuses.contains(&status);
    let asked =
        names.iter().filter(|name| feeds.iter().any(|(feed, ..)| feed.provider == **name && is_asked(feed)));
    let all_fail = asked.clone().count() > 0 && asked.clone().all(|name| status(name) == Status::Failed);
    let failed = statuses.iter().filter(|status| **status == Status::Failed).count();
    let overall = match (has(Status::Blocked), has(Status::Allowed)) {
        (true, _) => Status::Blocked,
        (false, true) => Status::Allowed,
        _ if all_fail => Status::Failed,
        _ => Status::Unknown,
    };
    (overall, failed)
}

/// Compares a history with the snapshots that it was made of. Returns how many answers were compared.
fn compare(folder: &Path, archive: &Archive, snapshots: &[Snapshot], random: &mut Random) -> u64 {
    let history = History::open(folder).expect("a history");
    assert_eq!(history.lost(), []);
    let downloads = downloads(snapshots);
    let mut compared = 0;
    for at in archive.instants(random) {
        let past = history.known_at(at);
        let statuses = past.statuses(&archive.questions);
        let verdicts = past.verdicts(&archive.questions);
        let standing = snapshots.iter().rev().find(|snapshot| snapshot.built_at() <= at);
        let expected: Option<Vec<Verdict>> =
            standing.map(|snapshot| Searcher::new(snapshot, at).verdicts(&archive.questions).collect());
        for (number, verdict) in verdicts.iter().enumerate() {
            let text = &archive.texts[number];
            match &expected {
                Some(expected) => assert_eq!(*verdict, expected[number], "known at {at}: {text}"),
                None => {
                    assert_eq!((verdict.status, verdict.sources.len()), (Status::Failed, 0), "{at}: {text}");
                }
            }
            assert_eq!(statuses[number], verdict.status);
            compared += 1;
        }
        let past = history.at(at);
        let (statuses, verdicts) = (past.statuses(&archive.questions), past.verdicts(&archive.questions));
        // The model is slow.
        let skipped = compared as usize % 7;
        for number in (skipped..verdicts.len()).step_by(7) {
            let (text, verdict) = (&archive.texts[number], &verdicts[number]);
            let record = |source: &Source| &past.origin().feeds[usize::from(source.feed.0)];
            let mut rows: Vec<Row> =
                verdict.sources.iter().map(|source| row(source, record(source), source.stale)).collect();
            rows.sort();
            let expected = model_at(snapshots, &downloads, text, at);
            assert_eq!((rows, verdict.status, verdict.failed), expected, "at {at}: {text}");
            assert_eq!(statuses[number], verdict.status);
            compared += 1;
        }
        compare_period(&history, archive, at, random);
        compare_timeline(&history, archive, at, random);
    }
    compared
}

/// What holds at an instant holds for its whole period, but for what begins or expires meanwhile.
fn compare_period(history: &History, archive: &Archive, at: Time, random: &mut Random) {
    for is_known in [true, false] {
        let view = |at: Time| if is_known { history.known_at(at) } else { history.at(at) };
        let (past, period) = (view(at), view(at).period());
        assert!((period.start..period.end).contains(&at));
        let near = [period.start, period.end.plus(-1), at.plus(random.below(40_000) as i64)];
        for other in near.into_iter().filter(|other| (period.start..period.end).contains(other)) {
            let instants = vec![other; archive.questions.len()];
            let statuses = past.statuses_at(&archive.questions, &instants);
            assert_eq!(statuses, view(other).statuses(&archive.questions), "{other}, seen from {at}");
        }
    }
}

/// Timelines state what verdicts do, at the ends of their periods and in between.
fn compare_timeline(history: &History, archive: &Archive, around: Time, random: &mut Random) {
    let text = &archive.texts[random.below(archive.texts.len() as u64) as usize];
    let (from, to) = (around.plus(-3 * 86_400), around.plus(5 * 86_400));
    let timeline = history.timeline(text, from, to).expect("an indicator");
    let periods = timeline.iter().flat_map(|feed| feed.spans.iter().chain(&feed.gaps));
    let ends: BTreeSet<Time> = periods.flat_map(|period| [period.start, period.end]).collect();
    let near = ends.iter().flat_map(|end| [-1, 0, 1].map(|seconds| end.plus(seconds))).chain([around]);
    for at in near.filter(|at| (from..to).contains(at)) {
        let past = history.at(at);
        let verdict = past.lookup(text).expect("an indicator");
        let feed_of = |source: &Source| past.origin().feeds[usize::from(source.feed.0)].id.clone();
        let listed: BTreeSet<String> = verdict.sources.iter().map(feed_of).collect();
        let stale = past.origin().feeds.iter().filter(|feed| feed.is_stale(at)).map(|feed| feed.id.clone());
        let gaps: BTreeSet<String> = stale.filter(|feed| !listed.contains(feed)).collect();
        let within = |periods: fn(&FeedTimeline) -> &[Period]| -> BTreeSet<String> {
            let has = |feed: &&FeedTimeline| {
                periods(feed).iter().any(|period| (period.start..period.end).contains(&at))
            };
            timeline.iter().filter(has).map(|feed| feed.feed.clone()).collect()
        };
        assert_eq!(within(|feed| &feed.spans), listed, "{text} at {at}");
        assert_eq!(within(|feed| &feed.gaps), gaps, "{text} at {at}");
    }
}

/// Adds snapshots one after another, some without the one before and some left out, and compares.
fn history_of(seed: u64, size: u64, builds: usize) -> u64 {
    let (archive, mut random) = (Archive::new(seed, size, builds), Random::new(seed + 1));
    let dir = tempfile::tempdir().expect("a folder");
    let mut kept: Vec<Snapshot> = Vec::new();
    let mut compared = 0;
    for (number, snapshot) in archive.snapshots.iter().enumerate() {
        if random.below(9) == 0 && number > 0 {
            continue;
        }
        let previous = archive.snapshots.get(number.wrapping_sub(1)).filter(|_| random.below(5) > 0);
        assert!(matches!(add(dir.path(), previous, snapshot), Appended::Added(_)));
        assert_eq!(add(dir.path(), previous, snapshot), Appended::AlreadyThere);
        kept.push(Snapshot::from_bytes(snapshot.file_bytes().to_vec()).expect("sound"));
        if random.below(4) == 0 {
            compact(dir.path(), &Scratch::unlimited()).expect("compacted");
        }
        if random.below(builds as u64) == 0 {
            compared += compare(dir.path(), &archive, &kept, &mut random);
        }
    }
    compared += compare(dir.path(), &archive, &kept, &mut random);
    compact(dir.path(), &Scratch::unlimited()).expect("compacted");
    compared + compare(dir.path(), &archive, &kept, &mut random)
}

#[test]
fn a_history_answers_what_its_snapshots_and_downloads_do() {
    let worlds: u64 = std::env::var("RAPSHEET_WORLDS").ok().and_then(|text| text.parse().ok()).unwrap_or(12);
    let compared: u64 =
        (0..worlds).map(|seed| history_of(seed, 10 + seed % 5 * 15, 4 + (seed % 6) as usize * 3)).sum();
    assert!(compared > worlds * 500, "{compared} answers");
}

#[test]
fn weeks_and_years_answer_the_same() {
    assert!(history_of(77, 30, 45) > 1000);
}

#[test]
fn an_older_snapshot_is_refused() {
    let archive = Archive::new(5, 20, 2);
    let dir = tempfile::tempdir().expect("a folder");
    add(dir.path(), None, &archive.snapshots[1]);
    let error = append(dir.path(), None, &archive.snapshots[0], &Scratch::unlimited());
    assert!(matches!(error, Err(HistoryError::OutOfOrder { .. })));
}
