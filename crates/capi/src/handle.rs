//! The handle of a program: the snapshot at a path, or the newest that was taken from there, and what is
//! prepared of it for the instants of late.
//!
//! All threads share a handle. Preparing an instant takes some microseconds, a look-up a fraction of one;
//! so what was prepared for a few instants is kept, and the look-ups of one second find it there.

use crate::failure::Failure;
use crate::layout::{RAPSHEET_OPEN_FOLLOW, RAPSHEET_OPEN_IN_MEMORY, RAPSHEET_OPEN_TRUSTED};
use arc_swap::{ArcSwap, Guard};
use rapsheet_json::Directory;
use rapsheet_query::{ReloadingSnapshot, Searcher, Snapshot, Time};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

/// For how many instants the preparation is kept, so that consecutive seconds do not displace each other. A
/// view of a snapshot with 270 feeds and 60,000 record sets takes 150 kB.
const VIEWS: usize = 8;

/// An open snapshot. C knows its address alone.
pub(crate) struct Handle {
    snapshots: Snapshots,
    /// Views by the last bits of their instants.
    views: [ArcSwap<View>; VIEWS],
    /// Whether the file was written to after it was mapped, so that nothing may be answered from it.
    is_overwritten: AtomicBool,
}

enum Snapshots {
    Fixed(Arc<Snapshot>),
    Newest(Box<ReloadingSnapshot>),
}

self_cell::self_cell!(
    /// A snapshot with a searcher that borrows from it. Making a searcher takes half a microsecond, which is
    /// longer than most look-ups: it finds each section of the file.
    struct Prepared {
        owner: Arc<Snapshot>,
        #[covariant]
        dependent: Searcher,
    }
);

/// A snapshot as of an instant.
pub(crate) struct View {
    prepared: Prepared,
    at: Time,
    directory: OnceLock<Directory>,
}

impl View {
    fn new(snapshot: &Arc<Snapshot>, at: Time) -> Arc<View> {
        let prepared = Prepared::new(Arc::clone(snapshot), |snapshot| Searcher::new(snapshot, at));
        Arc::new(View { prepared, at, directory: OnceLock::new() })
    }

    pub(crate) fn searcher(&self) -> &Searcher<'_> {
        self.prepared.borrow_dependent()
    }

    /// Whether it is what answers for a snapshot as of an instant.
    fn is_of(&self, snapshot: &Snapshot, at: Time) -> bool {
        self.at == at && std::ptr::eq(&**self.prepared.borrow_owner(), snapshot)
    }

    /// The names of providers and feeds, which only texts need.
    pub(crate) fn directory(&self) -> &Directory {
        self.directory.get_or_init(|| Directory::of(self.prepared.borrow_owner(), self.searcher()))
    }
}

impl Handle {
    /// Opens the snapshot at a path.
    pub(crate) fn open(path: &Path, flags: u32) -> Result<Handle, Failure> {
        let (is_trusted, is_followed, is_in_memory) = (
            flags & RAPSHEET_OPEN_TRUSTED != 0,
            flags & RAPSHEET_OPEN_FOLLOW != 0,
            flags & RAPSHEET_OPEN_IN_MEMORY != 0,
        );
        let unknown = flags & !(RAPSHEET_OPEN_TRUSTED | RAPSHEET_OPEN_FOLLOW | RAPSHEET_OPEN_IN_MEMORY);
        if unknown != 0 {
            return Err(Failure::usage(format_args!(
                "expected flags of RAPSHEET_OPEN_…, found also {unknown:#x}; is the library older than the header?"
            )));
        }
        let snapshots = match (is_trusted, is_followed, is_in_memory) {
            (true, false, false) => Snapshots::Fixed(Arc::new(Snapshot::open_trusted(path)?)),
            (true, ..) => {
                return Err(Failure::usage(
                    "expected RAPSHEET_OPEN_TRUSTED alone, found it with another flag; the others verify each file",
                ));
            }
            (_, false, false) => Snapshots::Fixed(Arc::new(Snapshot::open(path)?)),
            (_, false, true) => Snapshots::Fixed(Arc::new(Snapshot::load(path)?)),
            (_, true, false) => Snapshots::Newest(Box::new(ReloadingSnapshot::map(path)?)),
            (_, true, true) => Snapshots::Newest(Box::new(ReloadingSnapshot::open(path)?)),
        };
        let first = snapshots.newest();
        let view = View::new(&first, first.built_at());
        let views = std::array::from_fn(|_| ArcSwap::new(Arc::clone(&view)));
        Ok(Handle { snapshots, views, is_overwritten: AtomicBool::new(false) })
    }

    /// Takes the snapshot at the path if it is another one. Returns whether it is.
    pub(crate) fn refresh(&self) -> Result<bool, Failure> {
        let Snapshots::Newest(reloading) = &self.snapshots else {
            return Err(Failure::usage(
                "expected a handle that was opened with RAPSHEET_OPEN_FOLLOW, found one without; open it with that flag",
            ));
        };
        match reloading.refresh() {
            Ok(false) => Ok(false),
            Ok(true) => {
                let first = reloading.shared();
                let view = View::new(&first, first.built_at());
                // Otherwise views of the previous snapshot would keep its memory.
                self.views.iter().for_each(|slot| slot.store(Arc::clone(&view)));
                self.is_overwritten.store(false, Ordering::Release);
                Ok(true)
            }
            Err(error) => {
                self.is_overwritten.fetch_or(reloading.is_overwritten(), Ordering::AcqRel);
                Err(Failure::from(error))
            }
        }
    }

    /// The snapshot that answers now.
    pub(crate) fn current(&self) -> Result<Arc<Snapshot>, Failure> {
        self.check()?;
        Ok(self.snapshots.newest())
    }

    fn check(&self) -> Result<(), Failure> {
        if !self.is_overwritten.load(Ordering::Acquire) {
            return Ok(());
        }
        Err(Failure::refused(
            "the snapshot was written to in place while it was mapped, so that nothing is answered from it; publish by \
             renaming, as builds do, or open with RAPSHEET_OPEN_IN_MEMORY",
        ))
    }

    /// What answers now as of an instant.
    pub(crate) fn view(&self, at: Time) -> Result<Guard<Arc<View>>, Failure> {
        self.check()?;
        Ok(match &self.snapshots {
            Snapshots::Fixed(snapshot) => self.view_of(snapshot, at),
            Snapshots::Newest(reloading) => {
                let found = self.slot(at).map(ArcSwap::load);
                match found.filter(|view| view.is_of(&reloading.current(), at)) {
                    Some(view) => view,
                    None => self.view_of(&reloading.shared(), at),
                }
            }
        })
    }

    /// A snapshot as of an instant. A batch gives the one that it began with.
    pub(crate) fn view_of(&self, snapshot: &Arc<Snapshot>, at: Time) -> Guard<Arc<View>> {
        let slot = self.slot(at);
        let found = slot.map(ArcSwap::load);
        if let Some(view) = found.filter(|view| view.is_of(snapshot, at)) {
            return view;
        }
        let view = View::new(snapshot, at);
        slot.into_iter().for_each(|slot| slot.store(Arc::clone(&view)));
        Guard::from_inner(view)
    }

    fn slot(&self, at: Time) -> Option<&ArcSwap<View>> {
        self.views.get(at.unix().rem_euclid(VIEWS as i64) as usize)
    }
}

impl Snapshots {
    fn newest(&self) -> Arc<Snapshot> {
        match self {
            Snapshots::Fixed(snapshot) => Arc::clone(snapshot),
            Snapshots::Newest(reloading) => reloading.shared(),
        }
    }
}
