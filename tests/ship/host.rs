//! A host that pulls, in this process or with the program.

use super::publisher::ONE;
use crate::test_dir::{code, stderr};
use rapsheet_ship::{
    Accepted, Cause, Folder, Limits, Opened, Origin, PublicKeys, Pull, Pulled, Unavailable, Wish,
};
use rapsheet_snapshot::Time;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A host with a folder of its own.
pub(super) struct Host {
    folder: tempfile::TempDir,
    pub(super) keys: Vec<&'static str>,
}

/// The name of its snapshot.
pub(super) const SNAPSHOT: &str = "edge.rap";

impl Host {
    /// One that has nothing, and trusts the usual key.
    pub(super) fn new() -> Host {
        Host { folder: tempfile::tempdir().expect("a folder"), keys: vec![ONE.public] }
    }

    /// One that has pulled from a folder.
    pub(super) fn of(site: &Path, now: Time) -> Host {
        let host = Host::new();
        host.pull(&Folder(site.to_owned()), now).expect("a sound publication");
        host
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The snapshot in place.
    pub(super) fn snapshot(&self) -> PathBuf {
        self.path(SNAPSHOT)
    }

    /// Its bytes; none where there is no snapshot.
    pub(super) fn bytes(&self) -> Option<Vec<u8>> {
        fs::read(self.snapshot()).ok()
    }

    /// What was accepted of the usual channel.
    pub(super) fn accepted(&self) -> Accepted {
        Accepted::read(&self.snapshot(), "default").expect("a sound file").expect("a row")
    }

    /// The names in its folder.
    pub(super) fn names(&self) -> Vec<String> {
        let files = crate::files::files(self.folder.path());
        files.iter().map(|path| path.file_name().expect("a name").to_string_lossy().into_owned()).collect()
    }

    /// Removes what had come of files.
    pub(super) fn forget_parts(&self) {
        for name in self.names().iter().filter(|name| name.contains(".part-")) {
            fs::remove_file(self.path(name)).expect("a file");
        }
    }

    /// That nothing is left but what a pull leaves.
    pub(super) fn assert_tidy(&self, context: &str) {
        assert_eq!(self.names(), [SNAPSHOT, "edge.rap.pulled"], "{context}");
    }

    /// Pulls in this process.
    pub(super) fn pull(&self, origin: &dyn Origin, now: Time) -> Result<Pulled, (Cause, String)> {
        self.pull_with(origin, now, |_| {})
    }

    /// Pulls, with something set otherwise.
    pub(super) fn pull_with(
        &self,
        origin: &dyn Origin,
        now: Time,
        change: impl FnOnce(&mut Pull<'_>),
    ) -> Result<Pulled, (Cause, String)> {
        let keys = PublicKeys::parse(self.keys.iter().copied()).expect("keys");
        let snapshot = self.snapshot();
        let mut pull = Pull {
            origin,
            snapshot: &snapshot,
            keys: &keys,
            channel: "default",
            now,
            threads: 1,
            begins: &|_| {},
            limits: Limits::default(),
            memory_max: u64::MAX,
            retries: 4,
            pause: &|_| true,
            goes_on: &|| true,
            received: Cell::new(0),
        };
        change(&mut pull);
        pull.run().map_err(|refused| (refused.cause, refused.text))
    }

    /// The program, about to pull.
    pub(super) fn command(&self, from: &str, now: Time) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rapsheet"));
        command.current_dir(self.folder.path()).env("RAPSHEET_RETRY_DELAY_MS", "10");
        for variable in ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "RAPSHEET_SNAPSHOT"] {
            command.env_remove(variable);
        }
        command.args(["ship", "pull", "--from", from, "--to", SNAPSHOT, "--now", &now.to_string()]);
        command.args(self.keys.iter().flat_map(|key| ["--public-key", key]));
        command.stdin(Stdio::null());
        command
    }

    /// Pulls with the program.
    pub(super) fn run(&self, from: &str, now: Time) -> Output {
        self.command(from, now).output().expect("it runs")
    }

    /// Pulls with the program, which succeeds; returns what it reports.
    pub(super) fn succeeds(&self, from: &str, now: Time) -> String {
        let output = self.run(from, now);
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        stderr(&output)
    }

    /// Pulls with the program, which refuses what it is offered; the snapshot stays. Returns what it reports.
    pub(super) fn refuses(&self, from: &str, now: Time) -> String {
        let before = self.bytes();
        let output = self.run(from, now);
        assert_eq!(code(&output), 4, "{}", stderr(&output));
        assert!(self.bytes() == before, "the old snapshot stays");
        stderr(&output)
    }
}

/// A folder some of whose files are others, or missing.
pub(super) struct Overlay {
    folder: Folder,
    pub(super) files: BTreeMap<String, Option<Vec<u8>>>,
}

impl Overlay {
    pub(super) fn new(site: &Path) -> Overlay {
        Overlay { folder: Folder(site.to_owned()), files: BTreeMap::new() }
    }

    /// With other bytes in a file.
    pub(super) fn with(mut self, path: &str, bytes: impl Into<Vec<u8>>) -> Overlay {
        self.files.insert(path.to_owned(), Some(bytes.into()));
        self
    }

    /// Without a file.
    pub(super) fn without(mut self, path: &str) -> Overlay {
        self.files.insert(path.to_owned(), None);
        self
    }
}

impl Origin for Overlay {
    fn open(&self, path: &str, wish: &Wish<'_>) -> Result<Opened<'_>, Unavailable> {
        match self.files.get(path) {
            None => self.folder.open(path, wish),
            Some(None) => Err(Unavailable::new(format!("{path}: not here"), false)),
            Some(Some(bytes)) => {
                let mut reader = Cursor::new(bytes.clone());
                reader.set_position(wish.from);
                Ok(Opened::Bytes { reader: Box::new(reader), from: wish.from, validator: None })
            }
        }
    }

    fn name(&self) -> String {
        "overlay".to_owned()
    }
}
