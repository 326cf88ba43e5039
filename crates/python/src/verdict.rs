//! The answer to one question, as a Python object: what an object of `lookup --output json` says.

use crate::open::Opened;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use rapsheet_query::Time;
use std::sync::Arc;

/// The answer for one indicator at one instant.
///
/// It is what an object of ``rapsheet lookup --output json`` says, as attributes; `to_dict` gives that object. A verdict
/// is neither true nor false: ask for its `status`, or for `is_blocked`.
///
/// >>> import rapsheet
/// >>> verdict = rapsheet.Snapshot("sample.rap").lookup("h77[.]evilpanel[.]com", at="2026-08-23T12:00:00Z")
/// >>> verdict.indicator, verdict.status, verdict.verdict, verdict.is_blocked
/// ('h77.evilpanel.com', 1, 'blocklisted', True)
/// >>> [(source.provider, source.matched) for source in verdict.sources]
/// [('names.example', 'evilpanel.com')]
#[pyclass(frozen, module = "rapsheet")]
pub(crate) struct Verdict {
    opened: Arc<Opened>,
    input: String,
    verdict: rapsheet_query::Verdict,
}

impl Verdict {
    pub(crate) fn new(opened: Arc<Opened>, input: String, verdict: rapsheet_query::Verdict) -> Verdict {
        Verdict { opened, input, verdict }
    }
}

#[pymethods]
impl Verdict {
    /// The question as it was given.
    #[getter]
    fn input(&self) -> &str {
        &self.input
    }

    /// The question in canonical form.
    #[getter]
    fn indicator(&self) -> &str {
        &self.verdict.indicator
    }

    /// "ipv4", "ipv6", "domain" or "url".
    #[getter]
    fn r#type(&self) -> &'static str {
        self.verdict.type_word
    }

    /// 0 allowlisted, 1 blocklisted, 3 failed, 5 unknown.
    #[getter]
    fn status(&self) -> u8 {
        self.verdict.status.number()
    }

    /// "allowlisted", "blocklisted", "failed" or "unknown".
    #[getter]
    fn verdict(&self) -> &'static str {
        self.verdict.status.verdict()
    }

    /// Whether the status is 1: a provider has it on a blocklist.
    #[getter]
    fn is_blocked(&self) -> bool {
        self.verdict.status == rapsheet_query::Status::Blocked
    }

    /// How many providers have it on a blocklist.
    #[getter]
    fn detected_by(&self) -> usize {
        self.verdict.detected_by
    }

    /// How many providers do not list it and have a failed, held or stale feed that could.
    #[getter]
    fn failed(&self) -> usize {
        self.verdict.failed
    }

    /// The instant of the answer.
    #[getter]
    fn at<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        datetime(py, self.verdict.at)
    }

    /// The assessments of the sources that have the overall status.
    #[getter]
    fn assessments<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        words(py, self.verdict.assessments())
    }

    /// The live sightings, ordered by provider, feed, then most specific match first.
    #[getter]
    fn sources<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let source = |source: &rapsheet_query::Source| Source {
            opened: Arc::clone(&self.opened),
            source: source.clone(),
        };
        let sources: PyResult<Vec<Py<Source>>> =
            self.verdict.sources.iter().map(|one| Py::new(py, source(one))).collect();
        PyTuple::new(py, sources?)
    }

    /// The object of ``rapsheet lookup --output json``. With `all_sources`, there is a row for each provider that does
    /// not list the indicator, too.
    #[pyo3(signature = (*, all_sources = false))]
    fn to_dict<'py>(&self, py: Python<'py>, all_sources: bool) -> PyResult<Bound<'py, PyAny>> {
        let object = rapsheet_json::object(&self.opened.directory, &self.input, &self.verdict, all_sources);
        from_json(py, &object)
    }

    fn __bool__(&self) -> PyResult<bool> {
        Err(PyTypeError::new_err(
            "a verdict is neither true nor false; use its is_blocked, or compare its status",
        ))
    }

    fn __repr__(&self) -> String {
        let (status, sources) = (self.verdict.status.verdict(), self.verdict.sources.len());
        format!("<rapsheet.Verdict {:?}: {status}, {sources} sources>", self.verdict.indicator)
    }
}

/// One live sighting of a verdict: what one feed says.
#[pyclass(frozen, module = "rapsheet")]
pub(crate) struct Source {
    opened: Arc<Opened>,
    source: rapsheet_query::Source,
}

#[pymethods]
impl Source {
    /// The provider, written as a host.
    #[getter]
    fn provider(&self) -> &str {
        self.opened.directory.provider(self.source.provider)
    }

    /// The id of the feed.
    #[getter]
    fn feed(&self) -> &str {
        self.opened.directory.feed(self.source.feed).0
    }

    /// 1 on a blocklist, 0 on an allowlist.
    #[getter]
    fn status(&self) -> u8 {
        self.source.status.number()
    }

    /// What the feed lists it as: "botnet", "phishing" and so on.
    #[getter]
    fn assessments<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        words(py, self.source.assessments)
    }

    /// The entry that matched.
    #[getter]
    fn matched(&self) -> &str {
        &self.source.matched
    }

    /// For a question of a range: whether the entry "covers" it or is "within" it, else None.
    #[getter]
    fn overlap(&self) -> Option<&'static str> {
        self.source.overlap.map(|overlap| overlap.word())
    }

    /// When the feed first listed it.
    #[getter]
    fn first_seen<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        datetime(py, self.source.first_seen)
    }

    /// When the feed last confirmed it.
    #[getter]
    fn detect_time<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        datetime(py, self.source.detect_time)
    }

    /// When the feed's download was retrieved; None where there was none.
    #[getter]
    fn update_time<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.opened.directory.feed(self.source.feed).1.map(|time| datetime(py, time)).transpose()
    }

    /// The instant from which on it no longer counts.
    #[getter]
    fn expires<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        datetime(py, self.source.expires)
    }

    /// Whether the feed is failed, held or stale.
    #[getter]
    fn stale(&self) -> bool {
        self.source.stale
    }

    fn __repr__(&self) -> String {
        format!("<rapsheet.Source {:?}: {:?}>", self.feed(), self.source.matched)
    }
}

/// The words of assessments.
pub(crate) fn words(
    py: Python<'_>,
    assessments: rapsheet_query::Assessments,
) -> PyResult<Bound<'_, PyTuple>> {
    PyTuple::new(py, assessments.iter().map(|assessment| assessment.word()).collect::<Vec<_>>())
}

/// An aware `datetime` in UTC. One beyond the years of Python's calendar is its end.
pub(crate) fn datetime(py: Python<'_>, time: Time) -> PyResult<Bound<'_, PyAny>> {
    const FIRST: i64 = -62_135_596_800;
    const LAST: i64 = 253_402_300_799;
    let datetime = py.import("datetime")?;
    let keywords = PyDict::new(py);
    keywords.set_item("seconds", time.unix().clamp(FIRST, LAST))?;
    let utc = datetime.getattr("timezone")?.getattr("utc")?;
    // `fromtimestamp` reads some times of before 1970 on some systems only.
    let epoch = datetime.getattr("datetime")?.call1((1970, 1, 1, 0, 0, 0, 0, utc))?;
    epoch.add(datetime.getattr("timedelta")?.call((), Some(&keywords))?)
}

/// The Python object of what serializes to JSON, as the command line prints it.
pub(crate) fn from_json<'py>(py: Python<'py>, object: &impl serde::Serialize) -> PyResult<Bound<'py, PyAny>> {
    let text = serde_json::to_string(object).unwrap_or_default();
    py.import("json")?.call_method1("loads", (text,))
}
