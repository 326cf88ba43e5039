//! Any bytes as a snapshot: opened, verified, walked from end to end and searched.
//!
//! An even first byte: the rest is the file. An odd one: the rest is patches of a sound file, five bytes each (a
//! little-endian offset and the new byte). Both with checksums that are mended, so that the readers behind them are
//! reached, and as they are.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rapsheet_fuzz::{SAMPLE, mend_checksums, now};
use rapsheet_query::{Searcher, Batch, MatchFilter, Scorer};
use rapsheet_snapshot::{AddressRange, Snapshot};

const V4: AddressRange = AddressRange::V4 { first: 0, last: u32::MAX };
const V6: AddressRange = AddressRange::V6 { first: 0, last: u128::MAX };
const QUESTIONS: [&str; 10] = [
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
    let mut file = if kind % 2 == 0 { rest.to_vec() } else { patched(rest) };
    if let Ok(snapshot) = Snapshot::from_bytes_trusted(file.clone()) {
        search(&snapshot);
    }
    mend_checksums(&mut file);
    if let Ok(snapshot) = Snapshot::from_bytes(file) {
        let is_sound = snapshot.verify_references().is_ok();
        search(&snapshot);
        let walked = walk(&snapshot);
        assert!(walked || !is_sound, "a verified file is walked to its end");
    }
});

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
    for space in [V4, V6] {
        index.each_address(space, |_, entry| sightings += index.sightings(entry).count());
    }
    let names = index.each_name(|_, entry| sightings += index.sightings(entry).count());
    let urls = index.each_url(|_, entry| sightings += index.sightings(entry).count());
    std::hint::black_box(sightings);
    names && urls
}
