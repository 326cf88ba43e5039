//! Why there is no answer, and what to do about it.

use super::html::sentence;
use crate::question::Unusable;
use crate::snapshots::Snapshots;
use rapsheet_query::ParseError;
use std::sync::atomic::Ordering::Relaxed;

/// Why a question is not answered.
pub(crate) struct Reason {
    /// In a few words.
    pub(crate) title: &'static str,
    /// As a sentence.
    pub(crate) message: String,
    /// How to write it; may be empty.
    pub(crate) remedy: &'static str,
    /// Whether it could not be read, so that it helps to see how questions are written.
    pub(crate) is_of_writing: bool,
}

impl Reason {
    /// Why a text is not answered.
    pub(crate) fn of(why: Unusable) -> Reason {
        match why {
            Unusable::TooWide => Reason {
                title: "Too much for one answer",
                message: sentence(&Unusable::TooWide.message()),
                remedy: "",
                is_of_writing: false,
            },
            Unusable::NotParsed(why) => Reason::no_indicator(why.about().to_owned(), remedy(why)),
            Unusable::Busy => Reason {
                title: "Busy",
                message: sentence(&Unusable::Busy.message()),
                remedy: "",
                is_of_writing: false,
            },
            other => Reason::no_indicator(sentence(&other.message()), ""),
        }
    }

    fn no_indicator(message: String, remedy: &'static str) -> Reason {
        Reason { title: "Not an indicator", message, remedy, is_of_writing: true }
    }

    /// Why an instant is none.
    pub(crate) fn no_time(found: &str) -> Reason {
        Reason {
            title: "Not a time",
            message: format!("At: expected a time such as 2026-08-23T00:00:00Z, found `{found}`."),
            remedy: "In an address, + must be written %2B, as in 2026-08-23T02:00:00%2B02:00: + alone is a blank there.",
            is_of_writing: false,
        }
    }
}

/// Why a server has no snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Absence {
    /// It has found none.
    NotYet,
    /// The one in use was written over.
    Overwritten,
}

impl Absence {
    /// Why there is none, if there is none.
    pub(crate) fn of(snapshots: &Snapshots) -> Absence {
        if snapshots.generation.load(Relaxed) == 0 { Absence::NotYet } else { Absence::Overwritten }
    }

    pub(crate) fn title(self) -> &'static str {
        match self {
            Absence::NotYet => "No sound snapshot yet",
            Absence::Overwritten => "No sound snapshot",
        }
    }

    /// What to do; what a terminal takes is in backticks.
    pub(crate) fn remedy(self) -> &'static str {
        match self {
            Absence::NotYet => {
                "Nothing can be answered until there is one: `rapsheet update` or `rapsheet build` makes it. What the \
                 server found in its place stands in its log."
            }
            Absence::Overwritten => {
                "Nothing can be answered until there is one: the file that was in use was written over, and is no \
                 snapshot any more. `rapsheet update` or `rapsheet build` makes a new one. Copies are to be \
                 published by renaming, or the server started with `--in-memory`."
            }
        }
    }
}

/// How to write what could not be read.
pub(crate) const fn remedy(why: ParseError) -> &'static str {
    match why {
        ParseError::LeadingZero => {
            "Write each part of the address without zeros in front: 45.9.20.5, not 045.009.020.005."
        }
        ParseError::BadIp => {
            "An IPv4 address has four numbers from 0 to 255, an IPv6 address up to eight groups: 45.9.20.5, 2001:980::1."
        }
        ParseError::BadPrefix => {
            "A network ends in / and a length: 45.9.20.0/24, at most /32 for IPv4 and /128 for IPv6."
        }
        ParseError::BadMask => "Write the length of the prefix in place of the mask: 45.9.20.0/24.",
        ParseError::BadRange => "Write the lower address first, both of one family: 45.9.20.5-45.9.20.9.",
        ParseError::ZoneId => "Leave out the zone, from % on.",
        ParseError::BadPort => "A port is a number from 1 to 65535, or left out.",
        ParseError::BadHost | ParseError::BadIdna => {
            "A name has letters, digits, hyphens and dots: evil.example."
        }
        ParseError::BadLabel => "Each part of a name has 1 to 63 characters, with one dot between two parts.",
        ParseError::SingleLabel => "Write the whole name, with its domain: evil.example, not evil.",
        ParseError::BadScheme => {
            "Ask for the host alone, or for a URL that begins with http://, https:// or ftp://."
        }
        ParseError::BadUrl => "A URL has a scheme and a host: https://evil.example/path.",
        ParseError::PathOnly => "Write the host in front of the path: evil.example/path.",
        ParseError::Pattern => {
            "Patterns cannot be asked. Ask for one name, address or URL that the pattern stands for."
        }
        ParseError::ControlChar | ParseError::BadEncoding => {
            "Such characters are shown here as escapes. Take them out, and ask again."
        }
        ParseError::TooWide => "Ask for parts of it: a prefix of at least /1.",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::question::Accepts;

    #[test]
    fn only_what_could_not_be_read_is_no_indicator() {
        for (why, title, is_of_writing) in [
            (Unusable::NotParsed(ParseError::BadIp), "Not an indicator", true),
            (Unusable::OtherKind(Accepts::Names), "Not an indicator", true),
            (Unusable::TooWide, "Too much for one answer", false),
            (Unusable::Busy, "Busy", false),
        ] {
            let reason = Reason::of(why);
            assert_eq!((reason.title, reason.is_of_writing), (title, is_of_writing), "{why:?}");
            assert!(reason.message.ends_with('.'), "{}", reason.message);
        }
    }
}
