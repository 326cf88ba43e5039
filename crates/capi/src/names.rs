//! The words of statuses, assessments and reasons as C strings, which live as long as the program.

use crate::layout::RAPSHEET_NO_INDICATOR;
use rapsheet_query::{Assessment, ParseError, Status};
use std::ffi::{CStr, CString};
use std::sync::OnceLock;

/// A text with a zero at its end. A forged snapshot can hold names with a zero inside; what follows it is
/// left out.
pub(crate) fn c_string(text: &str) -> CString {
    let text = text.split('\0').next().unwrap_or_default();
    CString::new(text).unwrap_or_default()
}

struct Words {
    assessments: Vec<CString>,
    reasons: Vec<CString>,
    statuses: [CString; 4],
    no_indicator: CString,
}

const STATUSES: [Status; 4] = [Status::Allowed, Status::Blocked, Status::Failed, Status::Unknown];

fn words() -> &'static Words {
    static WORDS: OnceLock<Words> = OnceLock::new();
    WORDS.get_or_init(|| Words {
        assessments: Assessment::ALL.iter().map(|assessment| c_string(assessment.word())).collect(),
        reasons: ParseError::ALL.iter().map(|reason| c_string(reason.word())).collect(),
        statuses: STATUSES.map(|status| c_string(status.verdict())),
        no_indicator: c_string("no indicator"),
    })
}

/// The word of the assessment with the bit `1 << number`.
pub(crate) fn assessment(number: u32) -> Option<&'static CStr> {
    let words = &words().assessments;
    usize::try_from(number).ok().and_then(|number| words.get(number)).map(CString::as_c_str)
}

/// The word of a status.
pub(crate) fn status(number: u8) -> Option<&'static CStr> {
    let words = words();
    let at = STATUSES.iter().position(|status| status.number() == number);
    let word = at.and_then(|at| words.statuses.get(at));
    word.or((number == RAPSHEET_NO_INDICATOR).then_some(&words.no_indicator)).map(CString::as_c_str)
}

/// The word of a reason, by the number that [`number_of`] gives.
pub(crate) fn reason(number: u8) -> Option<&'static CStr> {
    let at = usize::from(number).checked_sub(1)?;
    words().reasons.get(at).map(CString::as_c_str)
}

/// The number of a reason: its position, from 1 on, which the next version may change.
pub(crate) fn number_of(reason: ParseError) -> u8 {
    let at = ParseError::ALL.iter().position(|one| *one == reason).unwrap_or(0);
    // There are some thirty.
    u8::try_from(at + 1).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout as c;

    #[test]
    fn constants_of_the_header_are_those_of_the_library() {
        let constants = [
            (c::RAPSHEET_BOTNET, Assessment::Botnet),
            (c::RAPSHEET_MALWARE, Assessment::Malware),
            (c::RAPSHEET_PHISHING, Assessment::Phishing),
            (c::RAPSHEET_BRUTEFORCE, Assessment::Bruteforce),
            (c::RAPSHEET_SPAM, Assessment::Spam),
            (c::RAPSHEET_SCANNER, Assessment::Scanner),
            (c::RAPSHEET_TOR, Assessment::Tor),
            (c::RAPSHEET_HIGH_RISK, Assessment::HighRisk),
            (c::RAPSHEET_SUSPICIOUS, Assessment::Suspicious),
            (c::RAPSHEET_BLACKLIST, Assessment::Blacklist),
            (c::RAPSHEET_TRUSTWORTHY, Assessment::Trustworthy),
        ];
        assert_eq!(constants.len(), Assessment::ALL.len(), "a new one needs a constant");
        for (bit, one) in constants {
            assert_eq!(bit, 1 << one as u8, "{}", one.word());
            assert_eq!(assessment(bit.trailing_zeros()).expect("a word").to_bytes(), one.word().as_bytes());
        }
        let statuses =
            [c::RAPSHEET_ALLOWLISTED, c::RAPSHEET_BLOCKLISTED, c::RAPSHEET_FAILED, c::RAPSHEET_UNKNOWN];
        assert_eq!(STATUSES.map(Status::number), statuses);
        assert_eq!(status(3), Some(c"failed"));
        assert_eq!(status(RAPSHEET_NO_INDICATOR), Some(c"no indicator"));
    }

    #[test]
    fn numbers_without_a_word_have_none() {
        for one in ParseError::ALL {
            assert_eq!(reason(number_of(*one)).expect("a word").to_bytes(), one.word().as_bytes());
        }
        assert_eq!((reason(0), reason(u8::MAX), status(2)), (None, None, None));
        assert_eq!((assessment(Assessment::ALL.len() as u32), assessment(u32::MAX)), (None, None));
        assert_eq!(c_string("a\0b").as_c_str(), c"a");
    }
}
