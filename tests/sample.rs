//! A small snapshot, assembled by hand, so that tests of answers need no feeds and no build.
//!
//! `bad.example` blocks 45.9.20.5 as a botnet, and evilpanel.com and its subdomains as phishing, confirmed on
//! 2026-11-20 and live for 15 days; `good.example` allows goodpanel.com; `lost.example` failed and lists
//! nothing.

use rapsheet_snapshot::layout::Section;
use rapsheet_snapshot::section::RangeEntry;
use rapsheet_snapshot::section::first_seen::{self, Seen, SeenPartWriter};
use rapsheet_snapshot::section::origin::{FeedRecord, FeedState, Origin};
use rapsheet_snapshot::section::records::{self, Extent, Record, TimesRef};
use rapsheet_snapshot::section::suffix::SuffixSeed;
use rapsheet_snapshot::section::{filter, ipv4, leaves, locator, packed, times};
use rapsheet_snapshot::{
    Assessment, Assessments, ColumnStore, FeedId, Image, Kinds, ListKind, Mode, Scope, SectionBytes, Time,
    Times,
};
use std::path::Path;

/// The instant of all look-ups.
pub(crate) const NOW: &str = "2026-11-22T00:00:00Z";

/// Publishes the sample at `path`.
pub(crate) fn publish(path: &Path) {
    image().publish(path).expect("a valid sample");
}

pub(crate) fn time(text: &str) -> Time {
    Time::parse_rfc3339(text).expect("a time")
}

fn feed(id: &str, provider: &str, list: ListKind, kinds: Kinds, sightings: u64) -> FeedRecord {
    let assessments = Assessments::EMPTY.with(match list {
        ListKind::Block => Assessment::Botnet,
        ListKind::Allow => Assessment::Trustworthy,
    });
    let update_time = Some(time("2026-11-20T03:00:00Z"));
    let traits = rapsheet_snapshot::section::origin::FeedTraits {
        list,
        mode: Mode::Reset,
        kinds,
        assessments,
        update_time,
    };
    let mut feed = FeedRecord::new(id, provider, traits);
    (feed.format, feed.sightings) = ("plain-ip".to_owned(), sightings);
    feed
}

fn origin() -> Origin {
    let mut lost = feed("lost-ip", "lost.example", ListKind::Block, Kinds::IPV4, 0);
    (lost.state, lost.state_reason) = (FeedState::Failed, "missing".to_owned());
    let feeds = vec![
        feed("bad-ip", "bad.example", ListKind::Block, Kinds::IPV4, 1),
        feed("bad-names", "bad.example", ListKind::Block, Kinds::NAME, 1),
        feed("good-names", "good.example", ListKind::Allow, Kinds::NAME, 1),
        lost,
    ];
    Origin { generator: "tests".to_owned(), feeds }
}

fn records() -> Vec<Record> {
    let record = |feed, list, scope, extent, assessment| Record {
        feed: FeedId(feed),
        list,
        scope,
        extent,
        assessments: Assessments::EMPTY.with(assessment),
        times: TimesRef::Shared(0),
    };
    vec![
        record(0, ListKind::Block, Scope::Exact, Extent::Prefix(32), Assessment::Botnet),
        record(1, ListKind::Block, Scope::Tree, Extent::None, Assessment::Phishing),
        record(2, ListKind::Allow, Scope::Exact, Extent::None, Assessment::Trustworthy),
    ]
}

fn image() -> Image {
    let (first_seen, detect_time) = (time("2026-11-01T03:00:00Z"), time("2026-11-20T03:00:00Z"));
    let times = Times { first_seen, detect_time, row_expiry: None };
    let mut seen = SeenPartWriter::default();
    for record in 0..3 {
        let kind = seen.add_kind([Seen::new(record, &times)]).expect("few");
        seen.push(kind);
    }
    let first_seen = first_seen::encode(&records(), &[seen.finish()]).map(|encoded| encoded.codes);
    let address = 45 << 24 | 9 << 16 | 20 << 8 | 5;
    let range = RangeEntry { first: address, last: address, set: 0, own: 0 };
    let ipv4 = ipv4::encode(&[range]).expect("one");
    let keys: Vec<Vec<u8>> =
        ["evilpanel.com", "goodpanel.com"].map(|name| name.bytes().rev().collect()).into_iter().collect();
    let mut sorted: Vec<(&[u8], u64)> = keys.iter().map(Vec::as_slice).zip([1, 2]).collect();
    sorted.sort_unstable();
    let (names, sets): (Vec<&[u8]>, Vec<u64>) = sorted.into_iter().unzip();
    let seed = SuffixSeed::of(&names);
    let leaves = leaves::encode(&names, seed).expect("two");
    let section =
        |section, count, bytes: Result<_, _>| SectionBytes::new(section, count, bytes.expect("few"));
    Image::new(
        time("2026-11-20T04:00:00Z"),
        vec![
            section(Section::Origin, 4, origin().encode()),
            section(Section::SharedTimes, 1, times::encode_shared(&[times.confirmation()])),
            section(Section::Records, 3, records::encode(&records())),
            section(Section::Sets, 3, records::encode_sets(&[vec![0], vec![1], vec![2]])),
            section(Section::Ipv4Directory, 1, Ok(ipv4.directory)),
            section(Section::Ipv4Ends, 1, Ok(ipv4.ends)),
            section(Section::Ipv4Sets, 1, packed::encode([0].into_iter())),
            section(Section::NameFilter, 2, filter::encode(&names, seed, &ColumnStore::memory())),
            section(
                Section::NameLocator,
                2,
                locator::encode(&names, &leaves.slots, seed, &ColumnStore::memory()),
            ),
            section(Section::NameLeaves, 2, Ok(leaves.section())),
            section(Section::NameSets, 2, packed::encode(sets.into_iter())),
            section(Section::FirstSeen, 3, first_seen),
        ],
    )
}
