//! `Snapshot.scan`: the indicators in a log, one after another.
//!
//! A log of any length is read in blocks of whole lines, each scored without the interpreter's lock; what is held is one
//! block and its hits. A line that is longer than a block is cut, which can cut an indicator.

use crate::errors::wrong_type;
use crate::open::Opened;
use crate::verdict::words;
use pyo3::exceptions::{PyOSError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyTuple};
use rapsheet_decompress::{Limits, Reader};
use rapsheet_query::{Detail, Evaluator, Listing, MatchFilter, Scorer, Searcher, Time};
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Cursor, Read};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How much of a log is scored at a time, in bytes.
const BLOCK_LEN: usize = 1 << 20;
/// The memory of a scorer's cache, in bytes. Each block has a scorer of its own.
const CACHE_LEN: usize = 256 << 10;

/// The indicators in a log, as an iterator of `Hit`.
#[pyclass(frozen, module = "rapsheet")]
pub(crate) struct Scan {
    opened: Arc<Opened>,
    /// Made with the interpreter's lock, so that none of ours is taken without it.
    evaluator: Arc<Evaluator>,
    filter: MatchFilter,
    /// `None` while a thread reads it, which holds no lock then: a signal handler may ask for the next hit, and a child
    /// finds no lock that is held.
    log: Mutex<Option<Log>>,
}

/// What is left of a log.
struct Log {
    reader: Reader,
    file: Option<String>,
    block: Vec<u8>,
    /// How much of the block was scored.
    scored: usize,
    offset: u64,
    line: u64,
    is_ended: bool,
    found: VecDeque<Found>,
}

/// A match, with its position in the log.
struct Found {
    line: u64,
    offset: u64,
    indicator: String,
    type_word: &'static str,
    listing: Arc<Listing>,
}

impl Scan {
    pub(crate) fn new(
        py: Python<'_>,
        opened: Arc<Opened>,
        log: &Bound<'_, PyAny>,
        at: Time,
        all: bool,
    ) -> PyResult<Scan> {
        let filter = if all { MatchFilter::All } else { MatchFilter::Listed };
        let (reader, file) = match log.cast::<PyBytes>() {
            Ok(bytes) => (open_reader(Cursor::new(bytes.as_bytes().to_vec())), None),
            Err(_) => {
                let path: PathBuf = log.extract().map_err(|_| {
                    wrong_type("the text of a log as bytes, or a path", log, "encode a text with .encode()")
                })?;
                let file = path.to_string_lossy().into_owned();
                let reader = py
                    .detach(|| File::open(&path).and_then(open_reader).map_err(|error| named(&file, error)));
                (reader, Some(file))
            }
        };
        let log = Log {
            reader: reader?,
            file,
            block: Vec::new(),
            scored: 0,
            offset: 0,
            line: 1,
            is_ended: false,
            found: VecDeque::new(),
        };
        let evaluator = opened.searcher(py, at).shared_evaluator();
        Ok(Scan { opened, evaluator, filter, log: Mutex::new(Some(log)) })
    }
}

fn open_reader(source: impl Read + Send + 'static) -> io::Result<Reader> {
    Reader::new(source, Limits::default()).map_err(io::Error::other)
}

/// The error of the system, with the name of the file.
fn named(file: &str, error: io::Error) -> io::Error {
    match error.raw_os_error() {
        // Python makes its own message of the number.
        Some(_) => error,
        None => io::Error::other(format!("{file}: {error}")),
    }
}

#[pymethods]
impl Scan {
    fn __iter__(this: PyRef<'_, Self>) -> PyRef<'_, Self> {
        this
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Option<Hit>> {
        let taken = self.locked().take();
        let mut log = taken.ok_or_else(|| PyValueError::new_err("scan already executing"))?;
        let next = self.next_of(py, &mut log);
        *self.locked() = Some(log);
        next
    }
}

impl Scan {
    fn locked(&self) -> MutexGuard<'_, Option<Log>> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next_of(&self, py: Python<'_>, log: &mut Log) -> PyResult<Option<Hit>> {
        while log.found.is_empty() && !log.is_ended {
            py.detach(|| log.score_block(self))?;
            py.check_signals()?;
        }
        let (opened, file) = (&self.opened, &log.file);
        Ok(log.found.pop_front().map(|found| Hit { opened: Arc::clone(opened), file: file.clone(), found }))
    }
}

impl Log {
    /// Reads a block, and scores its whole lines.
    fn score_block(&mut self, scan: &Scan) -> PyResult<()> {
        let name = self.file.as_deref().unwrap_or("the log");
        self.block.drain(..self.scored);
        let missing = BLOCK_LEN.saturating_sub(self.block.len()) as u64;
        let read = self.reader.by_ref().take(missing).read_to_end(&mut self.block);
        let read = read.map_err(|error| PyOSError::new_err(format!("{name}: {error}")))?;
        self.is_ended = read == 0;
        let line_end = self.block.iter().rposition(|byte| *byte == b'\n').map(|at| at + 1);
        self.scored = match line_end {
            Some(end) if !self.is_ended => end,
            None if !self.is_ended && self.block.len() < BLOCK_LEN => 0,
            _ => self.block.len(),
        };
        self.score(scan);
        Ok(())
    }

    fn score(&mut self, scan: &Scan) {
        let searcher = Searcher::with_evaluator(&scan.opened.snapshot, Arc::clone(&scan.evaluator));
        let scorer = Scorer::<Shared>::with_listings(&searcher, scan.filter, CACHE_LEN);
        let lines = self.block.get(..self.scored).unwrap_or(&[]);
        let (found, line, offset) = (&mut self.found, self.line, self.offset);
        scorer.with_detail(Detail::Listing).score_in_parts(lines, |matches, _| {
            found.extend(matches.iter().map(|one| Found {
                line: line + one.line as u64,
                offset: offset + one.at as u64,
                indicator: one.indicator.to_owned(),
                type_word: one.type_word,
                listing: Arc::clone(&one.listing.0),
            }));
        });
        self.line += lines.iter().filter(|byte| **byte == b'\n').count() as u64;
        self.offset += lines.len() as u64;
    }
}

/// A listing that outlives its scorer.
struct Shared(Arc<Listing>);

impl From<Listing> for Shared {
    fn from(listing: Listing) -> Shared {
        Shared(Arc::new(listing))
    }
}

impl AsRef<Listing> for Shared {
    fn as_ref(&self) -> &Listing {
        &self.0
    }
}

/// An indicator in a log: what an object of ``rapsheet score --output jsonl`` says.
#[pyclass(frozen, module = "rapsheet")]
pub(crate) struct Hit {
    opened: Arc<Opened>,
    file: Option<String>,
    found: Found,
}

#[pymethods]
impl Hit {
    /// The path of the log; None where it was bytes.
    #[getter]
    fn file(&self) -> Option<&str> {
        self.file.as_deref()
    }

    /// The line, counted from 1.
    #[getter]
    fn line(&self) -> u64 {
        self.found.line
    }

    /// The byte offset of the indicator in the text of the log.
    #[getter]
    fn offset(&self) -> u64 {
        self.found.offset
    }

    /// The indicator in canonical form.
    #[getter]
    fn indicator(&self) -> &str {
        &self.found.indicator
    }

    /// "ipv4", "ipv6", "domain" or "url".
    #[getter]
    fn r#type(&self) -> &'static str {
        self.found.type_word
    }

    /// 0 allowlisted, 1 blocklisted, 3 failed, 5 unknown.
    #[getter]
    fn status(&self) -> u8 {
        self.found.listing.status.number()
    }

    /// How many providers have it on a blocklist.
    #[getter]
    fn detected_by(&self) -> usize {
        self.found.listing.detected_by
    }

    /// The assessments of the sightings that have the overall status.
    #[getter]
    fn assessments<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        words(py, self.found.listing.assessments)
    }

    /// The providers whose status is the overall one.
    #[getter]
    fn providers<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let providers = self.found.listing.decided_by();
        PyTuple::new(py, providers.map(|at| self.opened.directory.provider(at)).collect::<Vec<_>>())
    }

    /// The object of ``rapsheet score --output jsonl``.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let (found, listing) = (&self.found, &self.found.listing);
        let providers = listing.decided_by().map(|at| self.opened.directory.provider(at));
        let object = serde_json::json!({
            "file": self.file,
            "line": found.line,
            "offset": found.offset,
            "indicator": found.indicator,
            "type": found.type_word,
            "status": listing.status.number(),
            "detected_by": listing.detected_by,
            "assessments": listing.assessments.iter().map(|one| one.word()).collect::<Vec<_>>(),
            "providers": providers.collect::<Vec<_>>(),
        });
        crate::verdict::from_json(py, &object)
    }

    fn __repr__(&self) -> String {
        let verdict = self.found.listing.status.verdict();
        format!("<rapsheet.Hit {:?} on line {}: {verdict}>", self.found.indicator, self.found.line)
    }
}
