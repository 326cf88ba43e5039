//! Which questions a route takes.

use crate::limits::RANGE_SIGHTINGS;
use crate::problem::{Problem, codes, unusable_message};
use rapsheet_query::{Batch, ParseError, Question, Searcher, Verdict};

/// The kinds of question that a route takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Accepts {
    /// Addresses, prefixes and ranges.
    Addresses,
    /// Names.
    Names,
    /// URLs, and hosts, which stand for the URL of their root.
    Urls,
    /// All of them.
    Anything,
}

/// Why a question is not answered.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Unusable {
    /// Not a string in the JSON of a body.
    NoText,
    /// Not an indicator.
    NotParsed(ParseError),
    /// An indicator of a kind that this route does not take.
    OtherKind(Accepts),
    /// A range that holds too many sightings.
    TooWide,
    /// Too many long answers are under way.
    Busy,
}

/// What became of one question of a batch.
pub(crate) struct Outcome {
    pub(crate) unusable: Option<Unusable>,
    /// Whether the batch has it, also where it is not answered.
    pub(crate) has_question: bool,
}

/// Adds a question to a batch.
pub(crate) fn push(text: Option<(&[u8], bool)>, accepts: Accepts, batch: &mut Batch) -> Outcome {
    let Some((text, true)) = text else {
        return Outcome { unusable: Some(Unusable::NoText), has_question: false };
    };
    if let Err(why) = batch.push(text) {
        return Outcome { unusable: Some(Unusable::NotParsed(why)), has_question: false };
    }
    let last = batch.iter().next_back();
    Outcome { unusable: last.and_then(|question| check(question, accepts)), has_question: true }
}

fn check(question: Question<'_>, accepts: Accepts) -> Option<Unusable> {
    let is_accepted = match (accepts, question.type_word()) {
        (Accepts::Anything | Accepts::Urls, _)
        | (Accepts::Addresses, "ipv4" | "ipv6")
        | (Accepts::Names, "domain") => true,
        (Accepts::Addresses | Accepts::Names, _) => false,
    };
    (!is_accepted).then_some(Unusable::OtherKind(accepts))
}

/// The answer to a question; none for a range that holds too much.
pub(crate) fn verdict(searcher: &Searcher<'_>, question: Question<'_>) -> Result<Verdict, Unusable> {
    searcher.verdict_within(question, RANGE_SIGHTINGS).ok_or(Unusable::TooWide)
}

/// The answer to the only question of a batch.
pub(crate) fn only_verdict(searcher: &Searcher<'_>, batch: &Batch) -> Result<Verdict, Unusable> {
    let question = batch.iter().next().ok_or(Unusable::NoText)?;
    verdict(searcher, question)
}

impl Unusable {
    pub(crate) fn code(self) -> u32 {
        match self {
            Unusable::NoText | Unusable::NotParsed(_) => codes::UNUSABLE,
            Unusable::OtherKind(_) => codes::OTHER_KIND,
            Unusable::TooWide => codes::TOO_WIDE,
            Unusable::Busy => codes::BUSY,
        }
    }

    /// The word in the answers of look-ups.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Unusable::NoText => "no-text",
            Unusable::NotParsed(why) => why.word(),
            Unusable::OtherKind(_) => "other-kind",
            Unusable::TooWide => ParseError::TooWide.word(),
            Unusable::Busy => "busy",
        }
    }

    pub(crate) fn message(self) -> String {
        match self {
            Unusable::NoText => "expected a string, found another value".to_owned(),
            Unusable::NotParsed(why) => unusable_message(why),
            Unusable::OtherKind(Accepts::Addresses) => {
                "not an address; names are asked at /v4/domain, URLs at /v4/url".to_owned()
            }
            Unusable::OtherKind(_) => "not a name; addresses are asked at /v4/ip, URLs at /v4/url".to_owned(),
            Unusable::TooWide => format!(
                "more than {RANGE_SIGHTINGS} sightings are in this range; ask for parts of it, or ask `rapsheet lookup` \
                 on a machine with the snapshot"
            ),
            Unusable::Busy => {
                "too many long answers are under way; ask for this one again in a second".to_owned()
            }
        }
    }

    pub(crate) fn problem(self) -> Problem {
        Problem::new(self.code(), self.message())
    }
}
