//! Any bytes as a snapshot: opened, verified, walked from end to end, searched, compared, and carried over by
//! a build.
//!
//! By the first byte, modulo 3: the rest is the file; or patches of a sound file, five bytes each (a
//! little-endian offset and the new byte); or numbers of a sound file, seven bytes each (a section, a width,
//! an offset in the section in units of the width, and which value). All with checksums that are mended, so
//! that the readers behind them are reached, and as they are. A reader that does not end is found by the time
//! limit of a run.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rapsheet_fuzz::{Feeds, SAMPLE, mend_checksums, now};
use rapsheet_query::{Batch, MatchFilter, Scorer, Searcher, diff};
use rapsheet_snapshot::{AddressRange, Section, Snapshot};
use std::sync::LazyLock;

const V4: AddressRange = AddressRange::V4 { first: 0, last: u32::MAX };
const V6: AddressRange = AddressRange::V6 { first: 0, last: u128::MAX };
const QUESTIONS: [&str; 12] = [
    "0.0.0.0/1",
    "2a06::/16",
    "45.9.20.5",
    "45.9.30.200",
    "185.7.0.0/12",
    "9.9.9.9",
    "2a06:e480::7",
    "www.evilpanel.com",
    "x.panel.net",
    "none.example",
    "http://panel.net/a",
    "https://panel.net/b",
];
const LOG: &[u8] = b"45.9.20.5 - GET http://panel.net/a www.evilpanel.com 2a06:e480::7\nh1.evil.com\n";

fuzz_target!(|data: &[u8]| {
    let Some((kind, rest)) = data.split_first() else { return };
    let mut file = match kind % 3 {
        0 => rest.to_vec(),
        1 => patched(rest),
        _ => with_numbers(rest),
    };
    if let Ok(snapshot) = Snapshot::from_bytes_trusted(file.clone()) {
        search(&snapshot);
    }
    mend_checksums(&mut file);
    if let Ok(snapshot) = Snapshot::from_bytes(file) {
        let is_sound = snapshot.verify_references().is_ok();
        search(&snapshot);
        let walked = walk(&snapshot);
        assert!(walked || !is_sound, "a verified file is walked to its end");
        let compared = [diff(&snapshot, &SOUND, |_| {}), diff(&SOUND, &snapshot, |_| {})];
        assert!(!is_sound || compared.iter().all(Result::is_ok), "a verified file is compared to its end");
        FEEDS.build_after(&snapshot);
    }
});

static SOUND: LazyLock<Snapshot> =
    LazyLock::new(|| Snapshot::from_bytes(SAMPLE.0.clone()).expect("the sample is sound"));
static FEEDS: LazyLock<Feeds> = LazyLock::new(Feeds::new);

/// Numbers that are likely to lie beyond what they belong to.
fn value(which: u8, own: u64) -> u64 {
    match which % 10 {
        0 => 0,
        1 => 1,
        2 => own.wrapping_add(1),
        3 => own.wrapping_sub(1),
        4 => 32,
        5 => 128,
        6 => u64::MAX / 2,
        7 => u64::MAX,
        8 => own << 8,
        _ => u64::from(which),
    }
}

fn with_numbers(changes: &[u8]) -> Vec<u8> {
    let mut file = SAMPLE.0.clone();
    for change in changes.as_chunks::<7>().0 {
        let [section, width, a, b, c, _, which] = *change;
        let section = Section::ALL[usize::from(section) % Section::ALL.len()];
        let range = SOUND.table().row(section).map_or(0..SAMPLE.0.len(), |row| row.range());
        let width = [1, 2, 4, 8][usize::from(width) % 4];
        let place = u32::from_le_bytes([a, b, c, 0]) as usize % (range.len() / width).max(1);
        let at = range.start + place * width;
        let Some(bytes) = file.get_mut(at..at + width) else { continue };
        let own = bytes.iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
        bytes.copy_from_slice(&value(which, own).to_le_bytes()[..width]);
    }
    file
}

fn patched(patches: &[u8]) -> Vec<u8> {
    let mut file = SAMPLE.0.clone();
    for patch in patches.as_chunks::<5>().0 {
        let [a, b, c, d, byte] = *patch;
        let at = u32::from_le_bytes([a, b, c, d]) as usize % file.len();
        file[at] = byte;
    }
    file
}

/// Every way to ask. What is answered does not matter.
fn search(snapshot: &Snapshot) {
    let searcher = Searcher::new(snapshot, now());
    let mut batch = Batch::new();
    for text in QUESTIONS {
        batch.push(text.as_bytes()).expect("a question");
    }
    assert_eq!(searcher.statuses(&mut batch).len(), QUESTIONS.len());
    assert_eq!(searcher.verdicts(&batch).count(), QUESTIONS.len());
    Scorer::new(&searcher, MatchFilter::InSnapshot, 1 << 12).score(LOG);
}

/// Every entry with its sightings. Whether the walk came to its end.
fn walk(snapshot: &Snapshot) -> bool {
    let index = snapshot.index();
    let mut sightings = 0;
    let addresses = [V4, V6].map(|space| index.each_listed_in(space, |_, _, _| sightings += 1));
    let names = index.each_name(|_, entry| sightings += index.sightings(entry).count());
    let urls = index.each_url(|_, entry| sightings += index.sightings(entry).count());
    std::hint::black_box(sightings);
    names && urls && addresses == [true; 2]
}
