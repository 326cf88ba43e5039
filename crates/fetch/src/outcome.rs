//! What became of each feed.

use rapsheet_snapshot::Time;
use serde::Serialize;

/// What became of a feed, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verb {
    /// It could not be fetched. What was there is still there.
    Failed,
    /// It had to wait for its turn.
    Deferred,
    /// It was not asked for: it is not due, or a secret is missing.
    Skipped,
    /// It would be asked for, in a dry run.
    Due,
    /// It came.
    Fetched,
    /// The server said that what is there is still right.
    NotModified,
}

impl Verb {
    /// Its word in reports.
    pub fn word(self) -> &'static str {
        match self {
            Verb::Failed => "failed",
            Verb::Deferred => "deferred",
            Verb::Skipped => "skipped",
            Verb::Due => "due",
            Verb::Fetched => "fetched",
            Verb::NotModified => "not-modified",
        }
    }
}

/// What became of a feed.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Outcome {
    /// The feed.
    pub id: String,
    /// Its name in the folder.
    pub file: String,
    /// The address that was asked last.
    pub url: Option<String>,
    /// The address that answered, without its query, if that is another one.
    pub final_url: Option<String>,
    /// What became of it.
    pub state: Verb,
    /// Why, for people, unless it was fetched.
    pub reason: Option<String>,
    /// The HTTP status of the last answer.
    pub http_status: Option<u16>,
    /// The bytes of the file.
    pub bytes: Option<u64>,
    /// The bytes that came over the wire.
    pub wire_bytes: Option<u64>,
    /// Whether other bytes came than were there.
    pub changed: Option<bool>,
    /// How often it was tried.
    pub attempts: u32,
    /// How many requests were sent for it.
    pub requests: u32,
    /// How long it took, in seconds.
    #[serde(rename = "duration")]
    pub seconds: f64,
    /// When the server last said that these are the bytes.
    #[serde(with = "crate::time")]
    pub fetched_at: Option<Time>,
    /// When other bytes last came.
    #[serde(with = "crate::time")]
    pub changed_at: Option<Time>,
    /// When it may be asked for again.
    #[serde(with = "crate::time")]
    pub next_at: Option<Time>,
    /// What told the end of the body.
    pub framing: Option<String>,
    /// How the body was encoded.
    pub encoding: Option<String>,
}

impl Outcome {
    /// The outcome of a feed of which nothing is known but a state and a reason.
    pub(crate) fn new(id: &str, file: &str, state: Verb, reason: Option<String>) -> Outcome {
        Outcome {
            id: id.to_owned(),
            file: file.to_owned(),
            url: None,
            final_url: None,
            state,
            reason,
            http_status: None,
            bytes: None,
            wire_bytes: None,
            changed: None,
            attempts: 0,
            requests: 0,
            seconds: 0.0,
            fetched_at: None,
            changed_at: None,
            next_at: None,
            framing: None,
            encoding: None,
        }
    }
}
