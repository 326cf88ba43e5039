//! A publisher of snapshots that change from day to day.

use crate::support::{DAY, Harness, Random, day};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rapsheet_ship::{Digest, MANIFEST, Manifest, Publish, PublishError, Published, SIGNATURE, SigningKey};
use rapsheet_snapshot::Time;
use std::collections::BTreeSet;
use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};

/// A pair of keys as `minisign -G -W` made it.
pub(super) struct Pair {
    pub(super) public: &'static str,
    pub(super) secret: &'static str,
}

/// The key of most tests.
pub(super) const ONE: Pair = Pair {
    public: "RWQk+wD5WgEqCZ7jwq0LiaCLpQWP6VYfLLP6m+5euLU2yHfojmbMIsOj",
    secret: "untrusted comment: minisign encrypted secret key\n\
        RWQAAEIyAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAJPsA+VoBKgnrykiqz4DhbUbkmxATwK8+5Q\
        2t1ggge0m3jivlpV1vfZ7jwq0LiaCLpQWP6VYfLLP6m+5euLU2yHfojmbMIsOjAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
};

/// Another one.
pub(super) const TWO: Pair = Pair {
    public: "RWSUb/yS/RGJC1wB7n2h8Zvy8okdiaaYEwOXTbIc9Xx5WrCXto6OHyat",
    secret: "untrusted comment: minisign encrypted secret key\n\
        RWQAAEIyAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAlG/8kv0RiQse5xRk9KgniG+to2gpf1V4wL\
        /vxDCKCwbDzknHBOHDJlwB7n2h8Zvy8okdiaaYEwOXTbIc9Xx5WrCXto6OHyatAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
};

impl Pair {
    /// The signature of any bytes, as the stock tool makes it.
    pub(super) fn sign(&self, bytes: &[u8]) -> Vec<u8> {
        let line = self.secret.lines().nth(1).expect("a key");
        let key = STANDARD.decode(line).expect("base64");
        let key = minisign::SecretKey::from_bytes(&key).expect("a key");
        let signed = minisign::sign(None, &key, Cursor::new(bytes), Some("a test"), None);
        signed.expect("a signature").into_string().into_bytes()
    }
}

const CATALOG: &str = "\
[[feed]]\nid = \"a\"\nprovider = \"one.example\"\nformat = \"plain-ip\"\n\
[[feed]]\nid = \"b\"\nprovider = \"two.example\"\nformat = \"plain-domain\"\n";

/// A publisher: what its feeds list, the newest snapshot, and the folder of its publications.
pub(super) struct Publisher {
    harness: Harness,
    folder: tempfile::TempDir,
    random: Random,
    addresses: BTreeSet<String>,
    names: BTreeSet<String>,
    days: i64,
    pub(super) key: &'static Pair,
    pub(super) channel: &'static str,
    pub(super) bytes_max: Option<u64>,
}

impl Publisher {
    /// One whose feeds list so many addresses and as many names, and that has published nothing.
    pub(super) fn new(rows: usize) -> Publisher {
        let mut publisher = Publisher {
            harness: Harness::new(CATALOG),
            folder: tempfile::tempdir().expect("a folder"),
            random: Random::new(rows as u64),
            addresses: BTreeSet::new(),
            names: BTreeSet::new(),
            days: 0,
            key: &ONE,
            channel: "default",
            bytes_max: None,
        };
        publisher.fill(rows);
        publisher
    }

    /// One with so many publications.
    pub(super) fn with_publications(rows: usize, count: usize) -> Publisher {
        let mut publisher = Publisher::new(rows);
        (0..count).for_each(|_| drop(publisher.next()));
        publisher
    }

    fn fill(&mut self, rows: usize) {
        let random = &mut self.random;
        while self.addresses.len() < rows {
            self.addresses.insert(format!("45.9.{}.{}", random.below(200), random.below(250)));
        }
        while self.names.len() < rows {
            self.names.insert(format!("h{:x}.evil{}.com", random.below(1 << 30), random.below(90)));
        }
    }

    /// An address that the newest snapshot lists.
    pub(super) fn listed_address(&self) -> String {
        self.addresses.first().expect("an address").clone()
    }

    /// The instant at which it publishes.
    pub(super) fn now(&self) -> Time {
        day(self.days)
    }

    /// Lets days pass.
    pub(super) fn pass(&mut self, days: i64) {
        self.days += days;
    }

    /// Builds the snapshot of the next day: one row in thirty is another one, at least one of each kind.
    pub(super) fn build(&mut self) {
        self.days += 1;
        let rows = self.addresses.len();
        for _ in 0..rows.div_ceil(60) {
            let at = self.random.below(rows as u64) as usize;
            for list in [&mut self.addresses, &mut self.names] {
                let gone = list.iter().nth(at % list.len()).cloned().expect("an entry");
                list.remove(&gone);
            }
        }
        self.fill(rows);
        let lines = |list: &BTreeSet<String>| list.iter().map(|row| format!("{row}\n")).collect::<String>();
        let at = self.now().plus(-3600);
        self.harness.download("a.txt", lines(&self.addresses).as_bytes(), at);
        self.harness.download("b.txt", lines(&self.names).as_bytes(), at);
        let built = self.harness.build(self.now());
        built.image.publish(self.snapshot()).expect("a sound snapshot");
    }

    /// The addresses that are listed.
    pub(super) fn addresses(&self) -> impl Iterator<Item = &str> {
        self.addresses.iter().map(String::as_str)
    }

    /// Lists another address in the place of one.
    pub(super) fn replace(&mut self, gone: &str, new: &str) {
        assert!(self.addresses.remove(gone) && self.addresses.insert(new.to_owned()));
    }

    /// Publishes the newest snapshot.
    pub(super) fn publish(&self) -> Published {
        self.try_publish().expect("a publication")
    }

    pub(super) fn try_publish(&self) -> Result<Published, PublishError> {
        fs::create_dir_all(self.site()).expect("a folder");
        Publish {
            snapshot: &self.snapshot(),
            folder: &self.site(),
            channel: self.channel,
            key: &SigningKey::parse(self.key.secret, None).expect("a key"),
            now: self.now(),
            expires_seconds: 7 * DAY,
            bytes_max: self.bytes_max,
            threads: 1,
            begins: &|_| {},
        }
        .run()
    }

    /// Builds and publishes the snapshot of the next day.
    pub(super) fn next(&mut self) -> Published {
        self.build();
        self.publish()
    }

    /// The newest snapshot.
    pub(super) fn snapshot(&self) -> PathBuf {
        self.folder.path().join("newest.rap")
    }

    /// Its bytes.
    pub(super) fn bytes(&self) -> Vec<u8> {
        fs::read(self.snapshot()).expect("a snapshot")
    }

    /// The folder of its publications.
    pub(super) fn site(&self) -> PathBuf {
        self.folder.path().join("site")
    }

    /// A file of it.
    pub(super) fn read(&self, path: &str) -> Vec<u8> {
        fs::read(self.site().join(path)).expect("a file of the publication")
    }

    pub(super) fn write(&self, path: &str, bytes: &[u8]) {
        fs::write(self.site().join(path), bytes).expect("written");
    }

    /// A file next to the folder.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The newest manifest.
    pub(super) fn manifest(&self) -> Manifest {
        Manifest::parse(&self.read(MANIFEST)).expect("a manifest")
    }

    /// Signs another manifest in place of the newest one, as a hostile publisher can.
    pub(super) fn forge(&self, change: impl FnOnce(&mut Manifest)) {
        let mut manifest = self.manifest();
        change(&mut manifest);
        self.forge_bytes(&manifest.to_bytes());
    }

    /// Signs any bytes in place of the newest manifest.
    pub(super) fn forge_bytes(&self, bytes: &[u8]) {
        self.write(MANIFEST, bytes);
        self.write(SIGNATURE, &self.key.sign(bytes));
    }

    /// Puts other bytes in place of the whole file or of a delta, and signs that they are right.
    pub(super) fn forge_file(&self, which: &str, bytes: &[u8]) {
        self.forge(|manifest| {
            let file = match which {
                "full" => &mut manifest.full,
                _ => &mut manifest.deltas.last_mut().expect("a delta").file,
            };
            self.write(&file.path, bytes);
            (file.bytes, file.blake3) = (bytes.len() as u64, Digest::of(bytes));
        });
    }

    /// All that is published, as it is now.
    pub(super) fn copy(&self) -> tempfile::TempDir {
        let copy = tempfile::tempdir().expect("a folder");
        copy_folder(&self.site(), copy.path());
        copy
    }
}

/// Copies a folder with all that is in it.
pub(super) fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for path in crate::files::files(from) {
        let target = to.join(path.file_name().expect("a name"));
        match path.is_dir() {
            true => copy_folder(&path, &target),
            false => drop(fs::copy(&path, &target).expect("copied")),
        }
    }
}
