//! The class `Snapshot`: what a program opens and asks.

use crate::instant::{self, Instants};
use crate::open::{Followed, Opened, open, warn};
use crate::scan::{self, Scan};
use crate::text::{bytes_of, check_len};
use crate::verdict::{Verdict, from_json};
use crate::{arrow, clock, errors, score};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyString, PyTuple};
use rapsheet_json::{FeedObject, InfoObject};
use rapsheet_query::{ParseError, Searcher, Time};
use std::ffi::OsStr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// How many questions are answered between two looks for signals.
const QUESTIONS_MAX: usize = 4096;

/// A snapshot of blocklists and allowlists, which answers.
///
/// The file is mapped, once a process, however many objects there are for it, and processes share its memory. With
/// `verify`, every checksum and every reference is verified first; without, only the header is, which suits a file that was
/// verified when it was installed. With `follow`, a file that is published at the path later answers from then on: the
/// path is looked at once a second at most, and a file that is refused is warned of once.
///
/// An object may be used by several threads at once. It is pickled by its path.
///
/// >>> import rapsheet
/// >>> snapshot = rapsheet.Snapshot("sample.rap")
/// >>> snapshot.lookup("192.0.2.7", at="2026-08-23T12:00:00Z").verdict
/// 'blocklisted'
#[pyclass(frozen, module = "rapsheet", weakref)]
pub(crate) struct Snapshot {
    path: PathBuf,
    verify: bool,
    follow: bool,
    /// `None` once it is closed. Held for a moment only; see `open`.
    opened: Mutex<Option<Followed>>,
}

impl Snapshot {
    fn locked(&self) -> std::sync::MutexGuard<'_, Option<Followed>> {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What answers now.
    fn current(&self, py: Python<'_>) -> PyResult<Arc<Opened>> {
        let closed = || PyValueError::new_err("this snapshot is closed; open another");
        let is_new = match self.locked().as_mut() {
            None => return Err(closed()),
            Some(opened) => self.follow && opened.is_due(clock::now()) && opened.sees_new(&self.path),
        };
        if is_new {
            match open(py, &self.path, self.verify) {
                Ok(new) => {
                    self.locked().iter_mut().for_each(|opened| opened.replace(Arc::clone(&new)));
                }
                Err(error) => warn(py, &error)?,
            }
        }
        self.locked().as_ref().map(Followed::current).ok_or_else(closed)
    }
}

#[pymethods]
impl Snapshot {
    #[new]
    #[pyo3(signature = (path, verify = true, follow = false))]
    fn new(py: Python<'_>, path: PathBuf, verify: bool, follow: bool) -> PyResult<Snapshot> {
        // A process that gets it by its path may work in another folder.
        let path = std::path::absolute(&path).unwrap_or(path);
        let opened = Followed::open(py, &path, verify)?;
        Ok(Snapshot { path, verify, follow, opened: Mutex::new(Some(opened)) })
    }

    /// The path of the file, absolute.
    #[getter]
    fn path(&self) -> &OsStr {
        self.path.as_os_str()
    }

    /// Device and inode of the file that answers, for those who open it themselves.
    fn _place(&self, py: Python<'_>) -> PyResult<(u64, u64)> {
        Ok(self.current(py)?.place())
    }

    /// The answer for one indicator: an address, a prefix, a range, a name or a URL, in any common spelling, as `str` or
    /// `bytes`. `at` is the instant: None for the present, a datetime (UTC where it has no zone), an RFC 3339 text, or
    /// seconds since 1970.
    ///
    /// A text that is no indicator raises `IndicatorError`.
    ///
    /// >>> import rapsheet
    /// >>> snapshot = rapsheet.Snapshot("sample.rap")
    /// >>> verdict = snapshot.lookup("hxxp://www.evilpanel[.]com/gate.php", at="2026-08-23T12:00:00Z")
    /// >>> verdict.type, verdict.status, verdict.detected_by
    /// ('url', 1, 1)
    /// >>> snapshot.lookup("010.0.0.1")
    /// Traceback (most recent call last):
    /// ...
    /// rapsheet.IndicatorError: 010.0.0.1: leading-zero: An octet with a leading zero: some tools read it as octal, people as decimal.
    #[pyo3(signature = (indicator, at = None))]
    fn lookup(
        &self,
        py: Python<'_>,
        indicator: &Bound<'_, PyAny>,
        at: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Verdict> {
        let text = bytes_of(indicator)?;
        let at = instant::one(at)?;
        let opened = self.current(py)?;
        let searcher = opened.searcher(py, at);
        // Nearly always a microsecond; a wide range is a walk.
        let answer = if text.contains(&b'/') || text.contains(&b'-') {
            py.detach(|| check_len(&text).and_then(|()| searcher.lookup(&text)))
        } else {
            check_len(&text).and_then(|()| searcher.lookup(&text))
        };
        let input = String::from_utf8_lossy(&text).into_owned();
        match answer {
            Ok(verdict) => Ok(Verdict::new(Arc::clone(&opened), input, verdict)),
            Err(why) => Err(errors::no_indicator(py, &input, why)),
        }
    }

    /// The answers for many indicators, in their order, all at one instant. None is answered with None.
    ///
    /// The first text that is no indicator raises `IndicatorError`; with `errors="return"`, the exception stands in the
    /// place of its answer, and all others are answered.
    ///
    /// >>> import rapsheet
    /// >>> snapshot = rapsheet.Snapshot("sample.rap")
    /// >>> answers = snapshot.lookup_many(["192.0.2.7", "www.example", "1.2.3"], "2026-08-23T12:00:00Z", errors="return")
    /// >>> [getattr(answer, "status", answer) for answer in answers]
    /// [1, 5, IndicatorError('1.2.3', 'bad-ip')]
    #[pyo3(signature = (indicators, at = None, *, errors = "raise"))]
    fn lookup_many<'py>(
        &self,
        py: Python<'py>,
        indicators: &Bound<'py, PyAny>,
        at: Option<&Bound<'py, PyAny>>,
        errors: &str,
    ) -> PyResult<Bound<'py, PyList>> {
        let raises = match errors {
            "raise" => true,
            "return" => false,
            _ => {
                return Err(PyValueError::new_err(format!(
                    "errors: {errors:?}; pass \"raise\" or \"return\""
                )));
            }
        };
        if indicators.is_instance_of::<PyString>() || indicators.is_instance_of::<PyBytes>() {
            return Err(PyTypeError::new_err("expected many indicators, found one; pass it to lookup"));
        }
        let at = instant::one(at)?;
        let opened = self.current(py)?;
        let answers = PyList::empty(py);
        let mut questions: Vec<Option<Vec<u8>>> = Vec::new();
        for indicator in indicators.try_iter()? {
            let indicator = indicator?;
            questions.push(if indicator.is_none() { None } else { Some(bytes_of(&indicator)?) });
            if questions.len() == QUESTIONS_MAX {
                answer(py, &opened, at, raises, &mut questions, &answers)?;
            }
        }
        answer(py, &opened, at, raises, &mut questions, &answers)?;
        Ok(answers)
    }

    /// The answers for a column, in Arrow's memory: a struct array with the fields `status`, `detected_by`,
    /// `assessments`, `providers` and `matched`. See the README for what they hold.
    ///
    /// `values` is any object with Arrow data, of type string, large_string, string_view, of the binary types, or a
    /// dictionary of them; or a column of pandas, which pyarrow converts. `at` is as for `lookup`, or a column of timestamps, one for each value.
    ///
    /// >>> import pyarrow, rapsheet
    /// >>> snapshot = rapsheet.Snapshot("sample.rap")
    /// >>> column = pyarrow.array(["192.0.2.7", "www.example", None, "1.2.3"])
    /// >>> scores = pyarrow.array(snapshot.score(column, at="2026-08-23T12:00:00Z"))
    /// >>> scores.field("status").to_pylist(), scores.field("matched").to_pylist()
    /// ([1, 5, None, None], ['192.0.2.0/24', None, None, None])
    #[pyo3(signature = (values, at = None))]
    fn score<'py>(
        &self,
        py: Python<'py>,
        values: &Bound<'py, PyAny>,
        at: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let column = arrow::import(values, score::check_type)?;
        let instants: Instants = instant::each(at)?;
        let opened = self.current(py)?;
        score::score(py, &opened, column, &instants)
    }

    /// The indicators in a log, as an iterator of `Hit`. `log` is text as `bytes`, or the path of a file, which may be
    /// compressed with gzip, Zstandard, xz or bzip2. It reports what is listed; with `all`, also what is not.
    ///
    /// The text is searched as ``rapsheet score --input text`` does; the command line also reads the fields and times
    /// of many kinds of log.
    ///
    /// >>> import rapsheet
    /// >>> snapshot = rapsheet.Snapshot("sample.rap")
    /// >>> log = b"10.0.0.1 GET /\n192.0.2.7 GET /wp-login.php\n"
    /// >>> [(hit.line, hit.offset, hit.indicator) for hit in snapshot.scan(log, at="2026-08-23T12:00:00Z")]
    /// [(2, 15, '192.0.2.7')]
    #[pyo3(signature = (log, at = None, *, all = false))]
    fn scan(
        &self,
        py: Python<'_>,
        log: &Bound<'_, PyAny>,
        at: Option<&Bound<'_, PyAny>>,
        all: bool,
    ) -> PyResult<Scan> {
        let at = instant::one(at)?;
        scan::Scan::new(py, self.current(py)?, log, at, all)
    }

    /// The feeds: dicts with id, provider, title, state, stale, update_time and more, as ``rapsheet serve`` gives them at
    /// ``/v1/feeds``. `at` decides which are stale.
    ///
    /// >>> import rapsheet
    /// >>> [feed["id"] for feed in rapsheet.Snapshot("sample.rap").feeds()]
    /// ['addresses', 'names']
    #[pyo3(signature = (at = None))]
    fn feeds<'py>(&self, py: Python<'py>, at: Option<&Bound<'py, PyAny>>) -> PyResult<Bound<'py, PyAny>> {
        let at = instant::one(at)?;
        from_json(py, &feeds(&*self.current(py)?, at))
    }

    /// What the snapshot holds: a dict with path, bytes, built_at, age_seconds, generator, entries, record_sets, sightings,
    /// feeds and sections, as ``rapsheet info --output json`` prints.
    ///
    /// >>> import rapsheet
    /// >>> rapsheet.Snapshot("sample.rap").info()["entries"]
    /// {'ipv4': 1, 'ipv6': 0, 'names': 1, 'urls': 0}
    #[pyo3(signature = (at = None))]
    fn info<'py>(&self, py: Python<'py>, at: Option<&Bound<'py, PyAny>>) -> PyResult<Bound<'py, PyAny>> {
        let at = instant::one(at)?;
        let opened = self.current(py)?;
        from_json(py, &InfoObject::of(&opened.snapshot, &self.path, at))
    }

    /// Gives the map back, once no call uses it any more. Other objects for the same file keep it.
    fn close(&self) {
        drop(self.locked().take());
    }

    fn __enter__(this: PyRef<'_, Self>) -> PyRef<'_, Self> {
        this
    }

    #[pyo3(signature = (*_exception))]
    fn __exit__(&self, _exception: &Bound<'_, PyTuple>) {
        self.close();
    }

    fn __reduce__<'py>(this: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyAny>, (PathBuf, bool, bool))> {
        let own = this.get();
        Ok((this.get_type().into_any(), (own.path.clone(), own.verify, own.follow)))
    }

    fn __repr__(&self) -> String {
        let state = if self.locked().is_none() { ", closed" } else { "" };
        format!("<rapsheet.Snapshot {:?}{state}>", self.path.to_string_lossy())
    }
}

/// Answers the questions, which are none then.
fn answer(
    py: Python<'_>,
    opened: &Arc<Opened>,
    at: Time,
    raises: bool,
    questions: &mut Vec<Option<Vec<u8>>>,
    answers: &Bound<'_, PyList>,
) -> PyResult<()> {
    let searcher = opened.searcher(py, at);
    let mut found = Vec::with_capacity(questions.len());
    while let Some(rest) = questions.get(found.len()..).filter(|rest| !rest.is_empty()) {
        py.detach(|| answer_some(&searcher, rest, &mut found));
        py.check_signals()?;
    }
    for (question, found) in questions.drain(..).zip(found) {
        let (Some(question), Some(found)) = (question, found) else {
            answers.append(py.None())?;
            continue;
        };
        let input = String::from_utf8(question)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
        match found {
            Ok(verdict) => answers.append(Py::new(py, Verdict::new(Arc::clone(opened), input, verdict))?)?,
            Err(why) if raises => return Err(errors::no_indicator(py, &input, why)),
            Err(why) => answers.append(errors::no_indicator(py, &input, why).into_value(py))?,
        }
    }
    Ok(())
}

/// Answers questions until it is time to look for signals: a wide range takes as long as many addresses.
fn answer_some(
    searcher: &Searcher<'_>,
    questions: &[Option<Vec<u8>>],
    found: &mut Vec<Option<Result<rapsheet_query::Verdict, ParseError>>>,
) {
    let watch = clock::Watch::start();
    for question in questions {
        found.push(question.as_ref().map(|text| check_len(text).and_then(|()| searcher.lookup(text))));
        if watch.is_over() {
            return;
        }
    }
}

/// The feeds of a snapshot, as the server gives them.
fn feeds(opened: &Opened, at: Time) -> Vec<FeedObject<'_>> {
    opened.snapshot.origin().feeds.iter().map(|feed| FeedObject::of(feed, at)).collect()
}
