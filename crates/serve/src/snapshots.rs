//! The snapshot at the path, and what is prepared of it for answers.
//!
//! A server starts without one, and says that it is not ready. Whatever is put at the path later is opened and verified
//! before any request sees it; what is no sound snapshot is told once, and the previous one stays.

use arc_swap::ArcSwapOption;
use rapsheet_json::{Directory, Metadefender};
use rapsheet_query::{Evaluator, Searcher};
use rapsheet_snapshot::{Error, ReloadingSnapshot, Snapshot, Time};
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

/// A snapshot, and an instant: what all answers of that second share.
pub(crate) struct View {
    pub(crate) snapshot: Arc<Snapshot>,
    pub(crate) directory: Directory,
    pub(crate) shape: Metadefender,
    pub(crate) at: Time,
    evaluator: Arc<Evaluator>,
}

impl View {
    pub(crate) fn new(snapshot: &Arc<Snapshot>, at: Time) -> View {
        let searcher = Searcher::new(snapshot, at);
        let directory = Directory::of(snapshot, &searcher);
        View {
            shape: Metadefender::new(&directory, at),
            directory,
            evaluator: searcher.shared_evaluator(),
            snapshot: Arc::clone(snapshot),
            at,
        }
    }

    /// Looks up in the snapshot as it is mapped, as of the view's instant.
    pub(crate) fn searcher(&self) -> Searcher<'_> {
        Searcher::with_evaluator(&self.snapshot, Arc::clone(&self.evaluator))
    }
}

/// The newest sound snapshot at a path.
pub(crate) struct Snapshots {
    path: PathBuf,
    /// Whether files are read into memory, and not mapped.
    in_memory: bool,
    reloading: Mutex<Option<ReloadingSnapshot>>,
    current: ArcSwapOption<Snapshot>,
    view: ArcSwapOption<View>,
    /// What the last error said.
    told: Mutex<String>,
    /// How many snapshots were taken, and how many were refused.
    pub(crate) generation: AtomicU64,
    pub(crate) refused: AtomicU64,
}

impl Snapshots {
    pub(crate) fn new(path: PathBuf, in_memory: bool) -> Snapshots {
        Snapshots {
            path,
            in_memory,
            reloading: Mutex::new(None),
            current: ArcSwapOption::empty(),
            view: ArcSwapOption::empty(),
            told: Mutex::new(String::new()),
            generation: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        }
    }

    /// Takes the snapshot at the path, if it is a new one. Returns what is to be told: which one, or what is wrong.
    pub(crate) fn refresh(&self) -> Option<Result<String, String>> {
        let mut reloading = self.reloading.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = match reloading.as_ref() {
            Some(reloading) => reloading.refresh(),
            None => self.open().map(|opened| {
                *reloading = Some(opened);
                true
            }),
        };
        match taken {
            Ok(false) => None,
            Ok(true) => {
                self.current.store(reloading.as_ref().map(ReloadingSnapshot::shared));
                self.generation.fetch_add(1, Relaxed);
                self.told.lock().unwrap_or_else(PoisonError::into_inner).clear();
                let built_at = self.current.load().as_ref().map(|snapshot| snapshot.built_at());
                built_at.map(|built_at| Ok(format!("answering from the snapshot of {built_at}")))
            }
            Err(error) => {
                let is_lost = reloading.as_ref().is_some_and(ReloadingSnapshot::is_overwritten);
                if is_lost {
                    self.current.store(None);
                    self.view.store(None);
                }
                self.refuse(&error, is_lost).map(Err)
            }
        }
    }

    fn open(&self) -> Result<ReloadingSnapshot, Error> {
        match self.in_memory {
            true => ReloadingSnapshot::open(&self.path),
            false => ReloadingSnapshot::map(&self.path),
        }
    }

    /// Notes a file that is no snapshot; the same is told once. `is_lost` where it was written over the mapped one, whose
    /// answers would be wrong from then on.
    fn refuse(&self, error: &Error, is_lost: bool) -> Option<String> {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let text = error.to_string();
        if *told == text {
            return None;
        }
        let is_missing =
            matches!(error, Error::Io { source, .. } if source.kind() == io::ErrorKind::NotFound);
        if !is_missing {
            self.refused.fetch_add(1, Relaxed);
        }
        told.clone_from(&text);
        let remedy = match (is_lost, self.current.load().is_some()) {
            (true, _) => {
                "it was written in place, over the snapshot that was in use, so that nothing is answered until a sound \
                 one is there; publish by renaming, as builds do, or serve with --in-memory"
            }
            (false, true) => "going on with the previous snapshot",
            (false, false) => "waiting for one; `rapsheet update` or `rapsheet build` makes it",
        };
        Some(format!("{text}; {remedy}"))
    }

    pub(crate) fn current(&self) -> Option<Arc<Snapshot>> {
        self.current.load_full()
    }

    /// The current snapshot as of an instant; views of the present are kept for the second that they are of.
    pub(crate) fn view(&self, now: Time) -> Option<Arc<View>> {
        let current = self.current.load();
        let current = current.as_ref()?;
        let is_current = |view: &&Arc<View>| view.at == now && Arc::ptr_eq(&view.snapshot, current);
        if let Some(view) = self.view.load().as_ref().filter(is_current) {
            return Some(Arc::clone(view));
        }
        let view = Arc::new(View::new(current, now));
        self.view.store(Some(Arc::clone(&view)));
        Some(view)
    }
}
