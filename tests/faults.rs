//! Ten thousand downloads with random faults, against the model of `builds_over_time`.
//!
//! No sighting is lost and none invented. The state of every feed and the counts agree with the model, and a
//! build on another number of threads gives the same bytes.

use crate::builds_over_time::{Model, assert_contents};
use crate::support::{DAY, Harness, Random, day, gzip};
use rapsheet_ingest::build::BuildError;
use rapsheet_snapshot::Time;
use rapsheet_snapshot::section::origin::FeedState;
use std::collections::BTreeSet;

const FEEDS: usize = 5;
const BUILDS: usize = 20;
const SEQUENCES: u64 = 100;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    None,
    Missing,
    Empty,
    Page,
    Prose,
    Cut,
    Binary,
    Shrunk,
    Grown,
    Junk,
    Older,
    SameAgain,
    Doubled,
    WholeSpace,
    RefusedEntries,
    Folder,
}

const FAULTS: [Fault; 16] = [
    Fault::None,
    Fault::Missing,
    Fault::Empty,
    Fault::Page,
    Fault::Prose,
    Fault::Cut,
    Fault::Binary,
    Fault::Shrunk,
    Fault::Grown,
    Fault::Junk,
    Fault::Older,
    Fault::SameAgain,
    Fault::Doubled,
    Fault::WholeSpace,
    Fault::RefusedEntries,
    Fault::Folder,
];

/// What a feed lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Addresses,
    Networks,
    Names,
    Urls,
}

const KINDS: [Kind; 4] = [Kind::Addresses, Kind::Networks, Kind::Names, Kind::Urls];

impl Kind {
    fn format(self) -> &'static str {
        match self {
            Kind::Addresses | Kind::Networks => "plain-ip",
            Kind::Names => "plain-domain",
            Kind::Urls => "url-list",
        }
    }

    /// A canonical entry of a small pool, so that lists overlap and entries return.
    fn entry(self, random: &mut Random) -> String {
        let (a, b, c) = (16 + random.below(2), random.below(4), random.below(250));
        match self {
            Kind::Addresses => format!("45.{a}.{b}.{c}"),
            Kind::Networks => {
                let length = 25 + random.below(7) as u32;
                let first = (45 << 24 | a << 16 | b << 8 | c) as u32 & (u32::MAX << (32 - length));
                format!("{}/{length}", std::net::Ipv4Addr::from_bits(first))
            }
            Kind::Names => format!("exact:h{c}.b{b}.panel{a}.com"),
            Kind::Urls => format!("http://panel{a}.com/{b}/gate?id={c}"),
        }
    }

    /// Entries that are rejected one by one, without effect on the others.
    fn refused_entries(self) -> &'static str {
        match self {
            Kind::Addresses | Kind::Networks => "0.0.0.0/0\n10.1.2.3\n8.8.8.8\n::/0\n",
            Kind::Names => "com\nco.uk\ngoogle.com\n",
            Kind::Urls => "http://google.com/\nhttp://10.1.2.3/\n",
        }
    }
}

/// The text of a list.
fn lines(list: &BTreeSet<String>) -> String {
    list.iter().map(|key| format!("{}\n", key.trim_start_matches("exact:"))).collect()
}

/// A feed: its model, and the list that its publisher maintains.
struct Publisher {
    model: Model,
    kind: Kind,
    list: BTreeSet<String>,
    last_good: usize,
}

/// A download of one build.
struct Download {
    text: Option<Vec<u8>>,
    update: Time,
    /// The number of entries, duplicates included.
    entries: usize,
    /// The accepted list, or the expected reasons.
    outcome: Result<BTreeSet<String>, &'static [&'static str]>,
}

impl Publisher {
    fn new(at: usize, random: &mut Random) -> Publisher {
        let (accumulated, keep_absent) = [(false, false), (false, true), (true, false)][at % 3];
        let mut model = Model::new(&format!("feed-{at}"), accumulated, keep_absent);
        model.retention = (1 + random.below(8) as i64) * DAY;
        let kind = *random.pick(&KINDS);
        let list = (0..120 + random.below(60)).map(|_| kind.entry(random)).collect();
        Publisher { model, kind, list, last_good: 0 }
    }

    fn file(&self) -> String {
        format!("{}.txt", self.model.id)
    }

    /// Removes some entries, and adds others.
    fn change_list(&mut self, random: &mut Random) {
        let gone: Vec<String> = self.list.iter().filter(|_| random.one_in(8)).cloned().collect();
        self.list.retain(|key| !gone.contains(key));
        while self.list.len() < 120 || random.below(3) > 0 {
            self.list.insert(self.kind.entry(random));
        }
    }

    fn download(&self, fault: Fault, now: Time, random: &mut Random) -> Download {
        let update = now.plus(-(random.below(3600) as i64));
        let list = lines(&self.list);
        let download =
            |text: &[u8], outcome| Download { text: Some(text.to_vec()), update, entries: 0, outcome };
        let sized = |text: &[u8], list: BTreeSet<String>, entries: usize| Download {
            text: Some(text.to_vec()),
            update,
            entries,
            outcome: self.admission(list, entries),
        };
        let taken = |text: &str| sized(text.as_bytes(), self.list.clone(), self.list.len());
        match fault {
            Fault::None | Fault::SameAgain => taken(&list),
            Fault::Missing => Download { text: None, update, entries: 0, outcome: Err(&["missing"]) },
            // The sidecar of an earlier download may still exist.
            Fault::Folder => Download { text: None, update, entries: 0, outcome: Err(&["empty", "older"]) },
            Fault::Empty => download(b"# nothing today\n", Err(&["empty"])),
            Fault::Page => download(b"<html><body>404</body></html>", Err(&["html"])),
            Fault::Prose => download(b"Please come back later.\nThank you.\n", Err(&["no-data"])),
            Fault::Cut => {
                let whole = gzip(list.as_bytes());
                download(&whole[..whole.len() - 5], Err(&["damaged"]))
            }
            Fault::Binary => download(b"\x7fELF\0\0\0\0\0\0\0\0", Err(&["binary"])),
            Fault::Shrunk => {
                let few: BTreeSet<String> = self.list.iter().take(20).cloned().collect();
                sized(lines(&few).as_bytes(), few, 20)
            }
            Fault::Grown => {
                let mut many = self.list.clone();
                while many.len() <= 1000 {
                    many.insert(self.kind.entry(random));
                }
                sized(lines(&many).as_bytes(), many.clone(), many.len())
            }
            Fault::Junk => download((list + &"a row of words\n".repeat(900)).as_bytes(), Err(&["rejects"])),
            Fault::Older => {
                let older = self.model.update.map(|last| last.plus(-1 - random.below(DAY as u64) as i64));
                match older {
                    Some(update) => Download { update, ..download(list.as_bytes(), Err(&["older"])) },
                    None => taken(&list),
                }
            }
            Fault::Doubled => {
                sized((list.clone() + &list).as_bytes(), self.list.clone(), 2 * self.list.len())
            }
            Fault::WholeSpace if self.kind == Kind::Names || self.kind == Kind::Urls => taken(&list),
            Fault::WholeSpace => {
                let whole_space: String = (16..256).map(|n| format!("{n}.0.0.0/8\n")).collect();
                download((list + &whole_space).as_bytes(), Err(&["covers"]))
            }
            Fault::RefusedEntries => taken(&(list + self.kind.refused_entries())),
        }
    }

    /// The outcome of a list, by its size alone.
    fn admission(
        &self,
        list: BTreeSet<String>,
        entries: usize,
    ) -> Result<BTreeSet<String>, &'static [&'static str]> {
        match self.last_good {
            last @ 100.. if 2 * entries < last => Err(&["shrunk"]),
            last @ 1.. if entries > 1000 && entries > 3 * last => Err(&["grown"]),
            _ => Ok(list),
        }
    }
}

fn run_sequence(seed: u64) -> usize {
    let mut random = Random::new(seed);
    let mut publishers: Vec<Publisher> = (0..FEEDS).map(|at| Publisher::new(at, &mut random)).collect();
    let catalog: String = publishers
        .iter()
        .map(|publisher| publisher.model.catalog(publisher.kind.format(), &publisher.file(), ""))
        .collect();
    let mut harness = Harness::new(&catalog);
    let (mut days, mut stopped) = (0, 0);
    for _ in 0..BUILDS {
        days += 1 + i64::from(random.one_in(5));
        let now = day(days);
        let downloads: Vec<Download> =
            publishers.iter_mut().map(|publisher| publish(&harness, publisher, now, &mut random)).collect();
        let context = format!("seed {seed}, day {days}");
        if random.one_in(25) {
            harness.state = None;
            publishers.iter_mut().for_each(|publisher| publisher.model.lose_state());
        } else if random.one_in(25) {
            lose_snapshot(&mut harness, &mut publishers, &downloads, now);
        }
        let Some(states) = build(&mut harness, now, &context, &mut random) else {
            assert!(
                downloads.iter().all(|download| download.outcome.is_err()),
                "{context}: a download was newer"
            );
            continue;
        };
        for ((publisher, download), (state, reason)) in publishers.iter_mut().zip(&downloads).zip(states) {
            let expected = download.outcome.as_ref().err().copied().unwrap_or(&[""]);
            assert!(
                expected.contains(&reason.as_str()),
                "{context}: {}: {reason}, not {expected:?}",
                publisher.model.id
            );
            assert_eq!(state == FeedState::Ok, download.outcome.is_ok(), "{context}: {}", publisher.model.id);
            publisher.model.build(download.outcome.as_ref().ok(), download.update, now);
            stopped += usize::from(download.outcome.is_err());
            if download.outcome.is_ok() {
                publisher.last_good = download.entries;
            }
        }
        let models: Vec<Model> = publishers
            .iter_mut()
            .map(|publisher| std::mem::replace(&mut publisher.model, Model::new("", false, false)))
            .collect();
        assert_contents(&harness, &models, &context);
        publishers.iter_mut().zip(models).for_each(|(publisher, model)| publisher.model = model);
    }
    stopped
}

/// A build that crashes after it published the state file and before it published the snapshot.
fn lose_snapshot(harness: &mut Harness, publishers: &mut [Publisher], downloads: &[Download], now: Time) {
    let Ok(built) = harness.try_build(now.plus(-1)) else { return };
    harness.state = Some(built.state);
    for (publisher, download) in publishers.iter_mut().zip(downloads) {
        publisher.model.lose_snapshot(download.outcome.as_ref().ok(), download.update.min(now.plus(-1)));
    }
}

fn publish(harness: &Harness, publisher: &mut Publisher, now: Time, random: &mut Random) -> Download {
    let fault = if random.one_in(2) { Fault::None } else { *random.pick(&FAULTS) };
    if fault != Fault::SameAgain {
        publisher.change_list(random);
    }
    let download = publisher.download(fault, now, random);
    let path = harness.path(&publisher.file());
    let _ = std::fs::remove_file(&path).or_else(|_| std::fs::remove_dir(&path));
    match &download.text {
        Some(text) => harness.download(&publisher.file(), text, download.update),
        None if fault == Fault::Folder => std::fs::create_dir(&path).expect("a folder"),
        None => {}
    }
    download
}

/// Builds, at times on another number of threads too; `None` where no download was newer.
fn build(
    harness: &mut Harness,
    now: Time,
    context: &str,
    random: &mut Random,
) -> Option<Vec<(FeedState, String)>> {
    let built = match harness.try_build(now) {
        Err(BuildError::OlderInputs { .. }) => return None,
        built => built.expect("a build"),
    };
    if random.one_in(20) {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1 + random.below(4) as usize).build();
        let again = pool.expect("threads").install(|| harness.try_build(now)).expect("the same build");
        assert!(again.image.to_bytes() == built.image.to_bytes() && again.state == built.state, "{context}");
    }
    harness.keep(&built);
    Some(built.report.feeds.iter().map(|feed| (feed.state, feed.reason.clone())).collect())
}

#[test]
fn random_faults_agree_with_the_model() {
    let stopped: usize = (0..SEQUENCES).map(run_sequence).sum();
    assert!(stopped > 2000, "faults are detected: {stopped}");
}
