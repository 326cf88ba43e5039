//! Why a feed could not be fetched, and what that means for the next attempt.

use rapsheet_snapshot::Time;
use std::fmt::Display;

/// Why a request gave nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Problem {
    /// It failed.
    Failed {
        /// What went wrong, for people.
        text: String,
        /// The HTTP status, if there was an answer.
        status: Option<u16>,
        /// Whether another attempt within the same run may succeed.
        passing: bool,
    },
    /// There was no connection to the host. Its other feeds would meet the same.
    Unreachable(String),
    /// The host is not to be asked now.
    Deferred {
        /// Why.
        text: String,
        /// When it may be asked again.
        until: Time,
    },
}

impl Problem {
    /// A fault that may have passed in a moment.
    pub(crate) fn passing(text: impl Display) -> Problem {
        Problem::Failed { text: text.to_string(), status: None, passing: true }
    }

    /// A fault that another attempt would meet again.
    pub(crate) fn lasting(text: impl Display) -> Problem {
        Problem::Failed { text: text.to_string(), status: None, passing: false }
    }

    /// Whether another attempt within the same run may succeed.
    pub(crate) fn may_pass(&self) -> bool {
        matches!(self, Problem::Failed { passing: true, .. } | Problem::Unreachable(_))
    }

    /// A fault of this machine: a full disk, a folder that cannot be written.
    pub(crate) fn local(error: &dyn Display) -> Problem {
        Problem::lasting(error)
    }

    /// An answer with an HTTP status that is no success.
    pub(crate) fn status(status: u16, meaning: &str) -> Problem {
        let passing = matches!(status, 408 | 425 | 500..=599);
        let text = format!("HTTP {status}{}{meaning}", if meaning.is_empty() { "" } else { ": " });
        Problem::Failed { text, status: Some(status), passing }
    }
}
