//! What all requests share, and what one request is to its handler.

use crate::access_log::AccessLog;
use crate::keys::{Exceeded, Key, Keys, Quota};
use crate::limits::Limits;
use crate::metrics::Metrics;
use crate::problem::{Problem, codes};
use crate::reply::{Payload, Reply, Room, SharedRoom};
use crate::slots::Slots;
use crate::snapshots::{Snapshots, View};
use arc_swap::ArcSwap;
use hyper::HeaderMap;
use hyper::header::{HeaderName, HeaderValue, RETRY_AFTER};
use rapsheet_snapshot::Time;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

/// What the program around the library gives: the library reads no clock and prints nothing.
pub struct Environment {
    /// The present.
    pub clock: Box<dyn Fn() -> Time + Send + Sync>,
    /// How long the program has run.
    pub stopwatch: Box<dyn Fn() -> Duration + Send + Sync>,
    /// Takes messages for the operator.
    pub tell: Tell,
}

/// Takes messages for the operator.
pub type Tell = Arc<dyn Fn(Severity, &str) + Send + Sync>;

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// Something that is as it should be.
    Note,
    /// Something that should be seen to.
    Trouble,
}

/// What all requests share.
pub(crate) struct State {
    pub(crate) environment: Environment,
    pub(crate) limits: Limits,
    /// After how many seconds a snapshot is too old to be ready.
    pub(crate) max_stale: i64,
    pub(crate) snapshots: Snapshots,
    pub(crate) keys: Option<ArcSwap<Keys>>,
    pub(crate) access_log: Option<Arc<AccessLog>>,
    pub(crate) slots: Slots,
    pub(crate) room: SharedRoom,
    pub(crate) metrics: Metrics,
    /// The names of the routes, for the metrics.
    pub(crate) routes: Vec<String>,
}

impl State {
    pub(crate) fn tell(&self, severity: Severity, message: &str) {
        (self.environment.tell)(severity, message);
    }
}

/// A body, and the room that it takes.
pub(crate) struct Body {
    pub(crate) bytes: Vec<u8>,
    pub(crate) room: Option<Room>,
    /// Whether its sender calls it JSON.
    pub(crate) is_json: bool,
}

/// A request, as its handler sees it.
pub(crate) struct Call<'a> {
    pub(crate) state: &'a State,
    pub(crate) now: Time,
    /// What stands in the place of `{x}`, decoded.
    pub(crate) rest: Vec<u8>,
    pub(crate) query: &'a str,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) key: Option<&'a Key>,
}

impl Call<'_> {
    /// The current snapshot, as of now.
    pub(crate) fn view(&self) -> Result<Arc<View>, Problem> {
        self.state.snapshots.view(self.now).ok_or_else(no_snapshot)
    }

    /// The current snapshot, as of the instant that the query names, or now.
    pub(crate) fn view_at(&self) -> Result<Arc<View>, Problem> {
        let Some(text) = self.parameter("at") else { return self.view() };
        let Some(at) = Time::parse_rfc3339(&text) else {
            let message = format!(
                "at: expected a time such as 2026-08-23T00:00:00Z, found `{text}`; in an address, `+` is written %2B"
            );
            return Err(Problem::new(codes::BAD_PARAMETER, message));
        };
        let snapshot = self.state.snapshots.current().ok_or_else(no_snapshot)?;
        Ok(Arc::new(View::new(&snapshot, at)))
    }

    /// The decoded value of a parameter of the query.
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        let value = form_field(self.query.as_bytes(), name)?;
        Some(String::from_utf8_lossy(&value).into_owned())
    }

    /// Refuses parameters that rapsheet's own routes do not have. Without this, a mistake in one would be answered as if it were
    /// not there, and so would the query of a URL that was not encoded.
    pub(crate) fn check_parameters(&self) -> Result<(), Problem> {
        let names = self.query.split('&').filter(|pair| !pair.is_empty());
        let mut names = names.map(|pair| pair.split('=').next().unwrap_or_default());
        match names.find(|name| !matches!(*name, "at" | "all_sources")) {
            None => Ok(()),
            Some(name) => Err(Problem::new(
                codes::BAD_PARAMETER,
                format!(
                    "expected the parameters at and all_sources, found `{name}`; a URL has to be percent-encoded here"
                ),
            )),
        }
    }

    /// Whether a parameter is set, as in `?all_sources` or `?all_sources=true`.
    pub(crate) fn flag(&self, name: &str) -> Result<bool, Problem> {
        match self.parameter(name).as_deref() {
            None | Some("0" | "false") => Ok(false),
            Some("" | "1" | "true") => Ok(true),
            Some(found) => {
                let message = format!("{name}: expected true or false, found `{found}`");
                Err(Problem::new(codes::BAD_PARAMETER, message))
            }
        }
    }

    /// Counts look-ups against the quota of the key.
    pub(crate) fn charge(&self, lookups: usize) -> Result<(), Problem> {
        let counted = self.key.map_or(Ok(()), |key| key.count_lookups(lookups as u64, self.now));
        counted.map_err(quota_problem)?;
        self.state.metrics.lookups.fetch_add(lookups as u64, Relaxed);
        Ok(())
    }

    /// A whole answer, which takes room where it is long.
    pub(crate) fn whole(&self, bytes: Vec<u8>) -> Result<Reply, Problem> {
        if bytes.len() <= crate::limits::OWN_BYTES {
            return Ok(Reply::json(Payload::whole(bytes)));
        }
        match self.state.room.take(bytes.len()) {
            Some(room) => Ok(Reply::json(Payload::Large { bytes: bytes.into(), _room: room })),
            None => Err(Problem::busy("too many long answers are under way; ask again in a second")),
        }
    }
}

fn no_snapshot() -> Problem {
    Problem::new(codes::NO_SNAPSHOT, "there is no sound snapshot at the moment").with(RETRY_AFTER, "5")
}

/// The answer to a request beyond a limit of its key.
pub(crate) fn quota_problem(exceeded: Exceeded) -> Problem {
    match exceeded {
        Exceeded::Second(limit) => {
            let message = format!("this key may make {limit} requests a second");
            let problem = Problem::new(codes::RATE, message).with(RETRY_AFTER, "1");
            // A day's quota, where there is one, takes the place of these.
            let quota = Quota { limit, used: limit, reset_in: 1 };
            limit_headers(quota, 1)
                .into_iter()
                .fold(problem, |problem, (name, value)| problem.with_value(name, value))
        }
        Exceeded::Day { quota: Quota { limit, .. }, wanted } if wanted > limit => {
            let message = format!(
                "this key may make {limit} look-ups a day, and this request has {wanted}; send fewer at a time"
            );
            Problem::new(codes::TOO_MANY, message)
        }
        Exceeded::Day { quota: Quota { limit, used, reset_in }, wanted } => {
            let message = format!(
                "this key may make {limit} look-ups a day and has made {used}; this request has {wanted}, and {} are left",
                limit.saturating_sub(used)
            );
            Problem::new(codes::QUOTA, message).with(RETRY_AFTER, &reset_in.to_string())
        }
    }
}

/// What a client with a quota is told with each answer.
pub(crate) fn quota_headers(quota: Quota) -> Vec<(HeaderName, HeaderValue)> {
    limit_headers(quota, crate::keys::DAY)
}

fn limit_headers(quota: Quota, interval: i64) -> Vec<(HeaderName, HeaderValue)> {
    let Quota { limit, used, reset_in } = quota;
    let numbers = [
        ("x-ratelimit-limit", limit.to_string()),
        ("x-ratelimit-used", used.to_string()),
        ("x-ratelimit-remaining", limit.saturating_sub(used).to_string()),
        ("x-ratelimit-reset-in", format!("{reset_in}s")),
        ("x-ratelimit-interval", interval.to_string()),
        ("x-ratelimit-for", "reputation_api".to_owned()),
    ];
    let header = |(name, text): (&'static str, String)| {
        Some((HeaderName::from_static(name), HeaderValue::from_str(&text).ok()?))
    };
    numbers.into_iter().filter_map(header).collect()
}

/// The decoded value of a field, in the encoding that queries and forms share.
pub(crate) fn form_field(text: &[u8], name: &str) -> Option<Vec<u8>> {
    text.split(|byte| *byte == b'&').find_map(|pair| {
        let value = pair.strip_prefix(name.as_bytes())?;
        let value = if value.is_empty() { value } else { value.strip_prefix(b"=")? };
        let blanks = |byte: &u8| if *byte == b'+' { b' ' } else { *byte };
        Some(decoded(&value.iter().map(blanks).collect::<Vec<u8>>()))
    })
}

/// A text with its `%41` decoded. What is no such escape stays.
pub(crate) fn decoded(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        let digits = text.get(at + 1..at + 3).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        let number = digits.and_then(|digits| std::str::from_utf8(digits).ok());
        match number.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte_of_escape) if *byte == b'%' => {
                out.push(byte_of_escape);
                at += 3;
            }
            _ => {
                out.push(*byte);
                at += 1;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_fields_of_forms() {
        let form = b"q=a+b%2B%FF&all_sources&at=&q=second";
        assert_eq!(form_field(form, "q").as_deref(), Some(&b"a b+\xff"[..]));
        assert_eq!(form_field(form, "all_sources").as_deref(), Some(&b""[..]));
        assert_eq!(form_field(form, "at").as_deref(), Some(&b""[..]));
        assert_eq!(form_field(form, "a"), None);
    }

    #[test]
    fn decodes_escapes_and_nothing_else() {
        for (text, expected) in [
            ("http%3A%2F%2Fevil-one.com%2F%61", &b"http://evil-one.com/a"[..]),
            ("100%", b"100%"),
            ("%4", b"%4"),
            ("%zz%+1", b"%zz%+1"),
            ("%ff", b"\xff"),
        ] {
            assert_eq!(decoded(text.as_bytes()), expected, "{text}");
        }
    }
}
