//! Damaged and forged snapshots: every byte, every length, every number, forged checksums.
//!
//! A file that differs by one bit is rejected. Where checks were skipped or forged, nothing panics and
//! nothing is read out of bounds, whatever the answers are.

use crate::support::{Harness, Random, day};
use rapsheet_query::{Batch, Searcher};
use rapsheet_snapshot::{AddressRange, Image, Section, SectionBytes, Snapshot};

/// A small snapshot that uses every section: single addresses and ranges of both families, ranges that are
/// not prefixes, names of every scope, URLs, and rows with their own times.
pub(crate) fn small_snapshot() -> Vec<u8> {
    let mut harness = Harness::new(
        r#"
        [[feed]]
        id = "addresses"
        provider = "one.example"
        format = "plain-ip"
        file = "addresses.txt"
        assessment = ["botnet"]
        [[feed]]
        id = "names"
        provider = "two.example"
        format = "plain-domain"
        scope = "tree"
        file = "names.txt"
        [[feed]]
        id = "urls"
        provider = "two.example"
        format = "url-list"
        list = "allow"
        file = "urls.txt"
        [[feed]]
        id = "rows"
        provider = "three.example"
        format = "csv"
        mode = "accumulated"
        file = "rows.csv"
        [feed.options]
        value = "value"
        first_seen = "first_seen"
        "#,
    );
    let addresses =
        "45.9.20.5\n45.9.20.0/24\n45.9.30.4-45.9.31.9\n185.7.0.0/15\n2a06:e480::/32\n45.9.50.1\n45.9.50.3\n";
    let names = format!("evilpanel.com\npanel.net\n{}\n", long_names().join("\n"));
    let urls = "http://panel.net/a\n";
    let mut download = |[new_addresses, new_names, new_urls]: [&str; 3], at| {
        harness.download("addresses.txt", format!("{addresses}{new_addresses}").as_bytes(), day(at));
        harness.download("names.txt", format!("{names}{new_names}").as_bytes(), day(at));
        harness.download("urls.txt", format!("{urls}{new_urls}").as_bytes(), day(at));
        if at == 0 {
            harness.download("rows.csv", many_rows().as_bytes(), day(at));
        }
        harness.build(day(at)).image.to_bytes()
    };
    // What is new in the second night gives each column of first_seen a row, and one entry two pieces.
    download([""; 3], -1);
    download(["2a06:e480::7\n45.9.50.2\n", "www.evilpanel.com\n", "//panel.net/b\n"], 0)
}

/// A name of several hash blocks, and a name of the greatest length, which does not fit a leaf.
pub(crate) fn long_names() -> [String; 2] {
    let label: String = ('a'..='z').chain('0'..='9').chain('a'..='z').collect();
    [format!("{label}.example.net"), format!("{0}.{0}.{0}.{1}.net", label, &label[..57])]
}

/// More distinct times than the table of shared times takes.
fn many_rows() -> String {
    let row = |n: i64| {
        let time = day(0).plus(-n);
        format!("45.10.{}.{},{time}\nh{n}.evil.com,{time}\n", n / 250 % 250, n % 250)
    };
    "value,first_seen\n".to_owned() + &(0..4200).map(row).collect::<String>()
}

/// Uses every kind of look-up. The answers do not matter, only that all calls return.
fn exercise(snapshot: &Snapshot) {
    let mut questions = Batch::new();
    for text in [
        "45.9.20.5",
        "45.9.30.200",
        "185.7.3.4",
        "9.9.9.9",
        "2a06:e480::7",
        "2a06::1",
        "www.evilpanel.com",
        "x.panel.net",
        "h77.evil.com",
        "none.example",
        "http://panel.net/a",
        "https://panel.net/b",
    ] {
        questions.push(text.as_bytes()).expect("a question");
    }
    let searcher = Searcher::new(snapshot, day(1));
    searcher.statuses(&mut questions);
    std::hint::black_box(searcher.verdicts(&questions).count());
    let index = snapshot.index();
    let mut last = None;
    index.each_address(AddressRange::V4 { first: 0x2D09_1400, last: 0x2D09_2000 }, |_, entry| {
        last = Some(entry);
    });
    std::hint::black_box(last.map(|entry| index.sightings(entry).count()));
}

#[test]
fn flipped_bits_and_wrong_lengths_are_rejected() {
    let bytes = small_snapshot();
    assert!(bytes.len() > 3 * 4096, "more than two pages: {}", bytes.len());
    let mut copy = bytes.clone();
    for at in 0..bytes.len() {
        copy[at] ^= 1 << (at % 8);
        assert!(Snapshot::from_bytes(copy.clone()).is_err(), "flip at {at}");
        copy[at] = bytes[at];
    }
    for length in 0..bytes.len() {
        assert!(Snapshot::from_bytes_trusted(bytes[..length].to_vec()).is_err(), "cut to {length}");
    }
    for extra in [1, 4096, bytes.len()] {
        let longer = [bytes.as_slice(), &vec![0; extra]].concat();
        assert!(Snapshot::from_bytes_trusted(longer).is_err(), "extended by {extra}");
    }
}

#[test]
fn a_trusted_open_of_damaged_bytes_never_panics() {
    let bytes = small_snapshot();
    let mut opened = 0;
    for at in 0..bytes.len() {
        let mut copy = bytes.clone();
        copy[at] ^= 1 << (at % 8);
        if let Ok(snapshot) = Snapshot::from_bytes_trusted(copy) {
            opened += 1;
            if at % 7 == 0 {
                exercise(&snapshot);
            }
        }
    }
    assert!(opened > bytes.len() / 2, "the trusted open does not read sections: {opened}");
}

#[test]
fn forged_files_with_sound_checksums_never_panic() {
    let bytes = small_snapshot();
    let mut random = Random::new(7);
    let mut rejected = 0;
    for _ in 0..1500 {
        let mut copy = bytes.clone();
        for _ in 0..1 + random.below(4) {
            let at = random.below(copy.len() as u64) as usize;
            copy[at] = *random.pick(&[0, 1, 0x7F, 0x80, 0xFF, random.0 as u8]);
        }
        forge(&mut copy);
        match Snapshot::from_bytes(copy) {
            Ok(snapshot) => {
                exercise(&snapshot);
                rejected += u32::from(snapshot.verify_references().is_err());
            }
            Err(_) => rejected += 1,
        }
    }
    assert!(rejected > 500, "most forgeries are detected: {rejected}");
}

#[test]
fn a_file_that_lost_a_section_is_rejected() {
    let snapshot = Snapshot::from_bytes(small_snapshot()).expect("a valid snapshot");
    let present = |section: &Section| !snapshot.bytes(*section).is_empty();
    let sections: Vec<Section> = Section::ALL.iter().copied().filter(present).collect();
    assert!(sections.len() > 15, "the sample has most sections");
    for lost in &sections {
        let kept = sections.iter().filter(|section| *section != lost).map(|section| {
            SectionBytes::new(*section, snapshot.count(*section), snapshot.bytes(*section).to_vec())
        });
        let bytes = Image::new(snapshot.built_at(), kept.collect()).to_bytes();
        let read = Snapshot::from_bytes(bytes).and_then(|snapshot| snapshot.verify_references());
        assert!(read.is_err(), "{}", lost.name());
    }
}

/// Recomputes all checksums of a file, as an attacker would.
pub(crate) fn forge(bytes: &mut [u8]) {
    let number = |bytes: &[u8], at: usize, width: usize| {
        bytes[at..at + width].iter().rev().fold(0usize, |sum, byte| sum << 8 | usize::from(*byte))
    };
    let rows = number(bytes, 12, 4).min(40);
    for row in 0..rows {
        let at = 64 + row * 32;
        let (offset, length) = (number(bytes, at + 8, 8), number(bytes, at + 16, 8));
        if let Some(section) = offset.checked_add(length).and_then(|end| bytes.get(offset..end)) {
            let checksum = crc32fast::hash(section).to_le_bytes();
            bytes[at + 4..at + 8].copy_from_slice(&checksum);
        }
    }
    let table = crc32fast::hash(&bytes[64..64 + rows * 32]).to_le_bytes();
    bytes[32..36].copy_from_slice(&table);
    let header = crc32fast::hash(&bytes[..60]).to_le_bytes();
    bytes[60..64].copy_from_slice(&header);
}

#[test]
fn wrong_numbers_in_header_and_table_never_panic() {
    let bytes = small_snapshot();
    let rows = usize::from(bytes[12]);
    let len = bytes.len() as u64;
    let values = [0, 1, len - 1, len, len + 1, 1 << 31, u64::from(u32::MAX), 1 << 63, u64::MAX - 1, u64::MAX];
    for at in (8..64 + rows * 32 - 8).step_by(4) {
        for value in values {
            let mut copy = bytes.clone();
            copy[at..at + 8].copy_from_slice(&value.to_le_bytes());
            let changed = copy != bytes;
            assert!(!changed || Snapshot::from_bytes(copy.clone()).is_err(), "{value} at {at}");
            forge(&mut copy);
            if let Ok(snapshot) = Snapshot::from_bytes(copy) {
                exercise(&snapshot);
            }
        }
    }
}
