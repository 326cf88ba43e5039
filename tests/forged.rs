//! Forged snapshots whose checksums hold: every number that a reader acts on, replaced by others.
//!
//! What a forged file answers is its author's affair. But no reader may run without end on one, in a trusted
//! open either, and `verify` must see a number that does not fit what it belongs to. Each file is read on a
//! thread of its own, so that a walk without end is a failed test.

use crate::damage::{forge, small_snapshot};
use crate::support::{Harness, day};
use crate::test_dir::TestDir;
use rapsheet_ledger::{Ledger, Options};
use rapsheet_query::{Batch, Searcher, diff};
use rapsheet_snapshot::{AddressRange, Error, Image, Section, SectionBytes, Snapshot};
use std::ops::Range;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

/// How long reading one small file may take, whatever it claims.
const DEADLINE: Duration = Duration::from_secs(60);
/// The lengths of a record and a row of the section table, and where the record has the length of its prefix.
const RECORD_LEN: usize = 16;
const PREFIX_AT: usize = 4;

/// The bytes that a section takes in the file.
fn range_of(file: &[u8], section: Section) -> Range<usize> {
    let snapshot = Snapshot::from_bytes(file.to_vec()).expect("a sound snapshot");
    snapshot.table().row(section).expect("a section").range()
}

/// Every way to read a snapshot: whether its references are sound.
fn read_whole(file: Vec<u8>, sound: &Snapshot) -> Option<Result<(), Error>> {
    let snapshot = Snapshot::from_bytes_trusted(file).ok()?;
    let verified = snapshot.verify_references();
    look_up(&snapshot);
    let whole = [diff(&snapshot, sound, |_| {}), diff(sound, &snapshot, |_| {})];
    let ledger = Ledger::of(&snapshot, &Options::new(day(1)));
    if verified.is_ok() {
        assert!(ledger.is_ok(), "a verified file is walked to its end");
        assert!(whole.iter().all(Result::is_ok), "a verified file is walked to its end: {whole:?}");
    }
    Some(verified)
}

fn look_up(snapshot: &Snapshot) {
    let mut batch = Batch::new();
    let questions = [
        "45.9.20.5",
        "45.9.30.0/23",
        "0.0.0.0/1",
        "185.7.3.4",
        "2a06:e480::7",
        "2a06:e480::/31",
        "www.evilpanel.com",
        "h77.evil.com",
        "http://panel.net/a",
        "https://panel.net/b",
    ];
    questions.iter().for_each(|text| batch.push(text.as_bytes()).expect("a question"));
    let searcher = Searcher::new(snapshot, day(1));
    assert_eq!(searcher.statuses(&mut batch).len(), questions.len());
    assert_eq!(searcher.verdicts(&batch).count(), questions.len());
}

/// Builds with a forged file as the previous snapshot.
fn build_after(file: Vec<u8>) {
    let mut harness = Harness::new(
        "[[feed]]\nid = \"addresses\"\nprovider = \"one.example\"\nformat = \"plain-ip\"\nfile = \"a.txt\"\n\
         keep_absent = true\n",
    );
    harness.download("a.txt", b"45.9.20.5\n", day(1));
    harness.previous = Snapshot::from_bytes_trusted(file).ok();
    // It may be refused. That it ends is what counts.
    let _ = harness.try_build(day(1));
}

/// Runs a closure, and fails if it does not end in time.
fn in_time<T: Send + 'static>(what: &str, run: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, result) = channel();
    let worker = thread::spawn(move || done.send(run()).is_ok());
    match result.recv_timeout(DEADLINE) {
        Ok(value) => value,
        Err(RecvTimeoutError::Timeout) => unreachable!("{what} does not end"),
        Err(RecvTimeoutError::Disconnected) => {
            worker.join().expect("no panic");
            unreachable!("it sent its result")
        }
    }
}

/// The file with other bytes at an offset, and checksums that hold.
fn with(file: &[u8], at: usize, bytes: &[u8]) -> Vec<u8> {
    let mut copy = file.to_vec();
    copy[at..at + bytes.len()].copy_from_slice(bytes);
    forge(&mut copy);
    copy
}

/// The records of addresses whose prefix length is not the longest of their family, each by its offset.
fn prefix_records(file: &[u8]) -> Vec<usize> {
    let records = range_of(file, Section::Records);
    records.step_by(RECORD_LEN).filter(|at| file[at + PREFIX_AT] <= 128).collect()
}

#[test]
fn a_prefix_length_that_does_not_fit_its_entry_is_noticed_and_ends_every_walk() {
    let file = small_snapshot();
    let records = prefix_records(&file);
    assert!(records.len() > 3, "prefixes of both families: {}", records.len());
    let (mut noticed, sound) = (0, Arc::new(Snapshot::from_bytes(file.clone()).expect("sound")));
    for record in records {
        for length in [0, 20, 31, 32, 33, 64, 127, 128] {
            if file[record + PREFIX_AT] == length {
                continue;
            }
            let (forged, sound) = (with(&file, record + PREFIX_AT, &[length]), Arc::clone(&sound));
            let verified = in_time(&format!("a prefix of /{length}"), move || {
                build_after(forged.clone());
                read_whole(forged, &sound).expect("it opens")
            });
            noticed += usize::from(verified.is_err());
        }
    }
    assert!(noticed > 20, "verification notices lengths that list something else: {noticed}");
}

/// The values that a number is replaced by.
fn values(own: u64, width: usize) -> Vec<u64> {
    let max = (1 << (8 * width)) - 1;
    let mut values = vec![0, own.wrapping_add(1) & max, max];
    values.sort_unstable();
    values.dedup();
    values
}

/// The offsets of the numbers of a section that are replaced: its header and first rows, its last rows, and
/// some between.
fn places(section: Range<usize>, width: usize) -> Vec<usize> {
    let length = section.len() / width;
    let step = (length / 2).max(1);
    let chosen = (0..length).filter(|at| *at < 6 || at % step == 0);
    chosen.map(|at| section.start + at * width).collect()
}

#[test]
fn every_kind_of_number_may_be_forged_and_every_reader_ends() {
    let file = small_snapshot();
    let sound = Arc::new(Snapshot::from_bytes(file.clone()).expect("sound"));
    let mut noticed = 0;
    for section in Section::ALL.iter().filter(|section| !sound.bytes(**section).is_empty()) {
        // Bytes are numbers of their own in records alone.
        let widths: &[usize] = if *section == Section::Records { &[1, 4] } else { &[4] };
        for width in widths.iter().copied() {
            for at in places(range_of(&file, *section), width) {
                let own = file[at..at + width].iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
                for value in values(own, width).into_iter().filter(|value| *value != own) {
                    let forged = with(&file, at, &value.to_le_bytes()[..width]);
                    let sound = Arc::clone(&sound);
                    let what = format!("{value} for {own} at {at} in {}", section.name());
                    let verified = in_time(&what, move || read_whole(forged, &sound));
                    noticed += usize::from(verified.is_none_or(|verified| verified.is_err()));
                }
            }
        }
    }
    assert!(noticed > 60, "verification notices most of them: {noticed}");
}

/// The sections of a snapshot, to be changed and put together again.
pub(crate) fn sections(snapshot: &Snapshot) -> Vec<SectionBytes> {
    let present = Section::ALL.iter().filter(|section| !snapshot.bytes(**section).is_empty());
    let copy = |section: &Section| {
        SectionBytes::new(*section, snapshot.count(*section), snapshot.bytes(*section).to_vec())
    };
    present.map(copy).collect()
}

pub(crate) fn put_together(snapshot: &Snapshot, sections: Vec<SectionBytes>) -> Vec<u8> {
    Image::new(snapshot.built_at(), sections).to_bytes()
}

#[test]
fn counts_that_no_length_bounds_do_not_keep_verification_busy() {
    let sound = Arc::new(Snapshot::from_bytes(small_snapshot()).expect("sound"));
    for huge in [1 << 40, usize::MAX >> 1, usize::MAX] {
        for numbers in [Section::Ipv6Sets, Section::NameSets, Section::UrlSets] {
            let mut all = sections(&sound);
            // Numbers of no bits: any count of them takes sixteen bytes.
            for section in all.iter_mut().filter(|section| section.section == numbers) {
                (section.count, section.bytes) = (huge, vec![0; 16]);
            }
            for section in &mut all {
                let is_index =
                    [Section::Ipv6Index, Section::Ipv6Ranges, Section::UrlBlocks, Section::NameLeaves]
                        .contains(&section.section);
                section.count = if is_index { huge } else { section.count };
            }
            let (forged, other) = (put_together(&sound, all), Arc::clone(&sound));
            let verified = in_time(numbers.name(), move || read_whole(forged, &other));
            assert!(verified.expect("it opens").is_err(), "{huge} in {}", numbers.name());
        }
    }
}

#[test]
fn a_file_that_lost_a_whole_kind_of_entries_is_noticed() {
    let sound = Snapshot::from_bytes(small_snapshot()).expect("sound");
    let kinds: [&[Section]; 4] = [
        &[
            Section::Ipv4Directory,
            Section::Ipv4Ends,
            Section::Ipv4Sets,
            Section::Ipv4Times,
            Section::Ipv4FirstSeen,
        ],
        &[
            Section::Ipv6Index,
            Section::Ipv6Ranges,
            Section::Ipv6Sets,
            Section::Ipv6Times,
            Section::Ipv6FirstSeen,
        ],
        &[
            Section::NameFilter,
            Section::NameLocator,
            Section::NameLeaves,
            Section::NameSets,
            Section::NameTimes,
            Section::NameFirstSeen,
        ],
        &[Section::UrlBlocks, Section::UrlSets, Section::UrlTimes, Section::UrlFirstSeen],
    ];
    for lost in kinds {
        let mut kept = sections(&sound);
        kept.retain(|section| !lost.contains(&section.section));
        let forged = Snapshot::from_bytes(put_together(&sound, kept)).expect("checksums hold");
        let error = forged.verify_references().expect_err("origin counts them").to_string();
        assert!(error.contains("sightings"), "{}: {error}", lost[0].name());
    }
}

/// A snapshot of `entries` IPv6 addresses in every second place, which all share one set of `members`
/// records.
fn square(entries: u32, members: u32) -> Vec<u8> {
    use rapsheet_snapshot::section::RangeEntry;
    use rapsheet_snapshot::section::first_seen::{Seen, SeenPartWriter};
    use rapsheet_snapshot::section::{first_seen, ipv6, packed, records};
    use rapsheet_snapshot::{Confirmation, Times};
    let sound = Snapshot::from_bytes(small_snapshot()).expect("sound");
    let range = |at: u32| {
        let address = 0x2a06_e480 << 96 | u128::from(at) << 1;
        RangeEntry { first: address, last: address, set: 0, own: 0 }
    };
    let encoded = ipv6::encode(&(0..entries).map(range).collect::<Vec<_>>()).expect("few");
    let record = sound.index().records_of(0).next().expect("a record");
    let record = rapsheet_snapshot::Record {
        extent: rapsheet_snapshot::Extent::Prefix(128),
        times: rapsheet_snapshot::TimesRef::Shared(0),
        ..record
    };
    let set: Vec<u32> = (0..members).collect();
    let Confirmation { detect_time, row_expiry } = sound.index().shared_times(0).expect("a row");
    let times = Times { first_seen: detect_time, detect_time, row_expiry };
    let mut seen = SeenPartWriter::default();
    let kind = seen.add_kind(set.iter().map(|number| Seen::new(*number, &times))).expect("few");
    seen.push(kind);
    let first_seen = first_seen::encode(&vec![record; set.len()], &[seen.finish()]).expect("few").codes;
    let count = entries as usize;
    let of = |section, count, bytes: Vec<u8>| SectionBytes::new(section, count, bytes);
    let mut all = sections(&sound);
    all.retain(|section| [Section::Origin, Section::SharedTimes].contains(&section.section));
    let (records_bytes, sets) = (records::encode(&vec![record; set.len()]), records::encode_sets(&[set]));
    all.extend([
        of(Section::Records, members as usize, records_bytes.expect("few")),
        of(Section::Sets, 1, sets.expect("few")),
        of(Section::FirstSeen, members as usize, first_seen),
        of(Section::Ipv6Index, count, encoded.index),
        of(Section::Ipv6Ranges, count, encoded.ranges),
        of(Section::Ipv6Sets, count, packed::encode((0..entries).map(|at| u64::from(at == 7))).expect("few")),
    ]);
    put_together(&sound, all)
}

#[test]
fn a_walk_is_bounded_by_the_length_of_the_file_and_not_by_its_square() {
    let sound = Arc::new(Snapshot::from_bytes(small_snapshot()).expect("sound"));
    // 2 MB of entries times 1 MB of members: 4 * 10^9 sightings.
    let forged = square(1 << 16, 1 << 16);
    let length = forged.len() as u64;
    let (visited, ended) = in_time("a square", move || {
        let snapshot = Snapshot::from_bytes_trusted(forged).expect("it opens");
        assert!(snapshot.verify_references().is_err());
        let (mut visited, mut limit) = (0u64, snapshot.index().walk_limit());
        let all = AddressRange::V6 { first: 0, last: u128::MAX };
        snapshot.index().each_address(all, |_, entry| {
            let count = snapshot.index().sighting_count(entry);
            visited += if limit.take(count) { count } else { 0 };
        });
        (visited, Instant::now())
    });
    assert!(visited > 0 && visited <= length << 8, "{visited} of {length} bytes");
    assert!(ended.elapsed() < DEADLINE);
    // Small enough to be walked to the limit, in each way.
    let forged = square(1 << 11, 1 << 12);
    let read = in_time("a small square", move || {
        let snapshot = Snapshot::from_bytes_trusted(forged).expect("it opens");
        let index = snapshot.index();
        let whole = index.each_listed_in(AddressRange::V6 { first: 0, last: u128::MAX }, |_, _, _| {});
        (whole, diff(&snapshot, &sound, |_| {}).is_err(), diff(&sound, &snapshot, |_| {}).is_err())
    });
    assert_eq!(read, (true, false, false), "2^23 sightings in 150 KB are within the limit");
}

#[test]
fn every_command_ends_on_a_forged_file_and_verify_refuses_it() {
    let dir = TestDir::new();
    let file = small_snapshot();
    let record = *prefix_records(&file)
        .iter()
        .find(|at| file[**at + PREFIX_AT] == 32 && file[**at + 2] == 0)
        .expect("a record of a prefix of IPv6");
    dir.write("sound.rap", &file);
    dir.write("forged.rap", with(&file, record + PREFIX_AT, &[128]));
    dir.write("downloads/a.txt", "45.9.20.5\n");
    dir.write("catalog.toml", "[[feed]]\nid = \"a\"\nprovider = \"one.example\"\nformat = \"plain-ip\"\n");
    let build = ["build", "--catalog", "catalog.toml", "--downloads", "downloads", "--out", "new.rap"];
    let commands: [(&[&str], &[i32]); 8] = [
        (&["verify", "--snapshot", "forged.rap"], &[4]),
        (&["lookup", "--snapshot", "forged.rap", "2a06:e480::/31", "2a06:e480::7", "0.0.0.0/1"], &[0]),
        (&["diff", "forged.rap", "sound.rap"], &[0, 4]),
        (&["diff", "sound.rap", "forged.rap", "--output", "jsonl"], &[0, 4]),
        (&["info", "--snapshot", "forged.rap"], &[0]),
        (&["feeds", "--snapshot", "forged.rap"], &[0]),
        (&["score", "--snapshot", "forged.rap", "catalog.toml"], &[0]),
        (&[&build[..], &["--previous", "forged.rap", "--replace-newer"]].concat(), &[0, 3, 4]),
    ];
    for (args, codes) in commands {
        let mut command = dir.command(args);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("a child process");
        let began = Instant::now();
        let status = loop {
            match child.try_wait().expect("a child process") {
                Some(status) => break status,
                None if began.elapsed() > DEADLINE => {
                    child.kill().expect("killed");
                    panic!("{args:?} does not end");
                }
                None => thread::sleep(Duration::from_millis(5)),
            }
        };
        assert!(status.code().is_some_and(|code| codes.contains(&code)), "{args:?}: {status}");
    }
}
