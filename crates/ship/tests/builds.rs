//! Real builds, one after another: every file is made anew from its rows, and travels by every path.
//!
//! The downloads are the samples of all formats, some of which are missing each day; feeds come, go and
//! change. The last days are weeks later, when entries have expired.

#![allow(clippy::indexing_slicing, reason = "an index out of bounds fails the test")]

mod world;

use rapsheet_assemble::Scratch;
use rapsheet_ingest::build::{BuildInput, NoObserver, build};
use rapsheet_ingest::catalog::Catalog;
use rapsheet_ship::{Limits, delta, recomposed, slim};
use rapsheet_snapshot::{Section, Snapshot, Time};
use std::path::Path;
use world::Random;

const START: i64 = 1_795_392_000;
const DAY: i64 = 86_400;

fn samples() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../feeds/samples")
}

/// The catalogue of the samples without some of its feeds, and with other traits of others.
fn catalog_of(day: u64, random: &mut Random) -> Catalog {
    let text = std::fs::read_to_string(samples().join("catalog.toml")).expect("the catalogue of the samples");
    let (head, feeds) = text.split_once("[[feed]]").expect("feeds");
    let mut changed = head.to_owned();
    for feed in feeds.split("[[feed]]") {
        if day > 0 && random.below(12) == 0 {
            continue;
        }
        let keeps = random.below(6) == 0 && !feed.contains("retention") && !feed.contains("[feed.");
        let retention = if keeps { "retention = \"3d\"\n" } else { "" };
        changed.push_str(&format!("[[feed]]{}\n{retention}", feed.trim_end()));
    }
    Catalog::parse(&changed, "catalog.toml").expect("a sound catalogue")
}

/// Copies some of the samples, of texts the lines of some.
fn place(day: u64, folder: &Path, random: &mut Random) {
    for entry in std::fs::read_dir(samples()).expect("the samples") {
        let path = entry.expect("an entry").path();
        let is_text = path.extension().is_some_and(|extension| extension == "txt");
        let target = folder.join(path.file_name().expect("a name"));
        if path.is_dir() || day > 0 && random.below(15) == 0 {
            continue;
        }
        let bytes = std::fs::read(&path).expect("a sample");
        let lines = bytes.split_inclusive(|byte| *byte == b'\n');
        let kept: Vec<u8> =
            lines.filter(|_| day == 0 || !is_text || random.below(9) > 0).flatten().copied().collect();
        std::fs::write(&target, kept).expect("a download");
        let at = START + day as i64 * DAY - 3600;
        let retrieved = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(at as u64);
        let file = std::fs::File::options().append(true).open(&target).expect("the download");
        file.set_modified(retrieved).expect("a time");
    }
}

fn assert_travels(from: &Snapshot, to: &Snapshot, what: &str) {
    let made = recomposed(to, &Scratch::unlimited()).expect("a sound snapshot").to_bytes();
    assert!(made == to.file_bytes(), "{what}: made anew");
    let mut bytes = Vec::new();
    delta::write(from, to, &mut bytes).expect("sound snapshots");
    let image = delta::apply(from, &bytes, &Limits::default(), &Scratch::unlimited()).expect("a sound delta");
    assert!(image.to_bytes() == to.file_bytes(), "{what}: by a delta");
    let (mut bytes, folder) = (Vec::new(), tempfile::tempdir().expect("a folder"));
    slim::write(to, &mut bytes).expect("writing to memory");
    let slim = slim::apply(&mut &bytes[..], &folder.path().join("x.rap"), &Limits::default());
    let (file, _) = slim.expect("a sound slim file");
    let found = std::fs::read(file.temporary_path()).expect("the file");
    assert!(found == to.file_bytes(), "{what}: as a slim file");
}

#[test]
fn builds_travel_from_day_to_day() {
    let mut random = Random::new(5);
    let mut first: Option<Snapshot> = None;
    let mut before: Option<(Snapshot, Vec<u8>)> = None;
    for day in [0, 1, 2, 3, 4, 5, 6, 30, 31, 200] {
        let (catalog, downloads) = (catalog_of(day, &mut random), tempfile::tempdir().expect("a folder"));
        place(day, downloads.path(), &mut random);
        let now = Time::from_unix(START + day as i64 * DAY);
        let mut input = BuildInput::new(&catalog, downloads.path(), now, "test");
        input.allow_gap = true;
        if let Some((snapshot, state)) = &before {
            (input.previous, input.state) = (Some(snapshot), Some(state.as_slice()));
        }
        let output = build(&input, &NoObserver).expect("a build");
        let open = || Snapshot::from_bytes(output.image.to_bytes()).expect("a sound snapshot");
        assert_travels(before.as_ref().map_or(&open(), |(before, _)| before), &open(), &format!("day {day}"));
        let first = first.get_or_insert_with(open);
        assert_travels(first, &open(), &format!("day {day} from the first"));
        before = Some((open(), output.state));
    }
    let first = first.expect("a build");
    let counts = [Section::NameSets, Section::Ipv4Sets, Section::UrlSets].map(|section| first.count(section));
    assert!(counts.iter().all(|count| *count > 20), "the samples are read: {counts:?}");
}
