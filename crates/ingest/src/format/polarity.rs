//! Which fields of a record can say that its indicator is not bad, and when they do.
//!
//! A list that blocks holds such rows where a publisher exports all that was examined: benign, whitelisted,
//! a false positive, not meant for detection (`to_ids`). They are skipped and counted. They are no allow
//! entries: that a scan found nothing is weaker than what an allowlist promises.
//!
//! A confidence of 0 skips nothing, because many exporters write 0 for "not assessed". AbuseIPDB's score is
//! another matter: its 0 says that nothing bad was reported.

use super::role;
use crate::entry::{Normalizer, Skip, taxonomy};

/// What a field can say about its record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Polarity {
    /// A verdict in words.
    Verdict,
    /// A state or a kind in words, of which some are a verdict. `OK` is none: a site that answers is `OK`.
    State,
    /// Tags, of which one may say that the others were wrong.
    Tags,
    /// True where the indicator is not bad.
    Good,
    /// False where the indicator is not bad.
    Bad,
    /// Whether it is meant for detection.
    ToIds,
    /// Whether it is still active.
    Active,
    /// Whether it was withdrawn.
    Withdrawn,
    /// How bad it is, 0 for not at all.
    Score,
    /// How long it still holds, as CrowdSec writes it; negative where it is over.
    Duration,
    /// What it is about: an address, a country, a network by number.
    Scope,
}

/// Names of fields, as [`role::normal`] leaves them.
const NAMES: &[(Polarity, &[&str])] = &[
    (
        Polarity::Verdict,
        &[
            "verdict",
            "finalverdict",
            "verdicts",
            "disposition",
            "classification",
            "judgement",
            "judgment",
            "reputation",
            "assessment",
            "rating",
            "conclusion",
            "determination",
            "resolution",
            "triage",
            "action",
            "decision",
            "policy",
            "list",
            "listtype",
            "listname",
            "trust",
            "trustlevel",
        ],
    ),
    (
        Polarity::State,
        &["status", "state", "result", "type", "kind", "ioctype", "threat", "threattype", "category", "cat"],
    ),
    (Polarity::Tags, &["tags", "tag", "labels", "label", "flags"]),
    (
        Polarity::Good,
        &[
            "white",
            "iswhite",
            "whitelisted",
            "iswhitelisted",
            "whitelist",
            "iswhitelist",
            "allowlisted",
            "isallowlisted",
            "allowlist",
            "falsepositive",
            "isfalsepositive",
            "fp",
            "isfp",
            "benign",
            "isbenign",
            "trusted",
            "istrusted",
            "trustworthy",
            "safe",
            "issafe",
            "clean",
            "isclean",
            "isharmless",
            "good",
            "isgood",
            "knowngood",
            "isknowngood",
            "legitimate",
            "islegitimate",
            "riot",
            "isriot",
            "ignored",
            "isignored",
            "excluded",
            "isexcluded",
        ],
    ),
    (
        Polarity::Bad,
        &[
            "malicious",
            "ismalicious",
            "isbad",
            "isthreat",
            "blocked",
            "isblocked",
            "blocklisted",
            "isblocklisted",
            "blacklisted",
            "isblacklisted",
            "listed",
            "islisted",
        ],
    ),
    (Polarity::ToIds, &["toids"]),
    (Polarity::Active, &["active", "isactive", "enabled", "isenabled"]),
    (
        Polarity::Withdrawn,
        &[
            "retired",
            "revoked",
            "deleted",
            "isdeleted",
            "isrevoked",
            "disabled",
            "isdisabled",
            "simulated",
            "issimulated",
        ],
    ),
    (Polarity::Duration, &["duration"]),
    (Polarity::Scope, &["scope"]),
    (Polarity::Score, &["abuseconfidencescore", "abuseconfidence"]),
];

/// Verdicts that an indicator is not bad, beside those of [`taxonomy`], as [`role::normal`] leaves them.
const GOOD: &[&str] = &[
    "fp",
    "falsepositive",
    "falsealarm",
    "ignored",
    "ignore",
    "excluded",
    "exclude",
    "unblocked",
    "unblock",
    "white",
    "whitelist",
    "whitelisted",
    "allowlist",
    "allowlisted",
    "knowngood",
    "notmalicious",
    "nonmalicious",
];

/// Words that are such a verdict in a field for verdicts and actions only.
const PASSED: &[&str] = &["ok", "okay", "pass", "passed", "bypass", "bypassed", "except", "exception"];

/// Whether a text is one of these words, whatever its case and separators.
fn is_word(text: &str, words: &[&str]) -> bool {
    let letters = text.bytes().filter(u8::is_ascii_alphanumeric).map(|byte| byte.to_ascii_lowercase());
    text.is_ascii() && words.iter().any(|word| word.bytes().eq(letters.clone()))
}

/// All names, with what their fields can say.
pub(super) fn names() -> impl Iterator<Item = (Polarity, &'static str)> {
    NAMES.iter().flat_map(|(polarity, names)| names.iter().map(|name| (*polarity, *name)))
}

impl Polarity {
    /// What a field with this name can say; `None` for the names of other fields.
    pub(super) fn of(name: &str) -> Option<Polarity> {
        NAMES.iter().find(|(_, names)| names.contains(&name)).map(|(polarity, _)| *polarity)
    }

    /// As [`Polarity::objection`], recalled where a row before had the same text.
    pub(super) fn recalled(self, text: &[u8], normalizer: &mut Normalizer<'_>) -> Option<Skip> {
        normalizer.objection(self as u8, text, || self.objection(text))
    }

    /// Why a record of a list that blocks does not count, if the text of its field says so.
    pub(super) fn objection(self, text: &[u8]) -> Option<Skip> {
        let text = std::str::from_utf8(role::non_null(text)).unwrap_or_default();
        let is = |words: &[&str]| words.iter().any(|word| word.eq_ignore_ascii_case(text));
        let (yes, no) = (|| is(&["true", "1", "yes", "y", "t"]), || is(&["false", "0", "no", "n", "f"]));
        let when = |holds: bool, why: Skip| holds.then_some(why);
        match self {
            _ if text.is_empty() => None,
            Polarity::Verdict | Polarity::State
                if is(&["retired", "inactive", "revoked", "deleted", "disabled"]) =>
            {
                Some(Skip::Inactive)
            }
            Polarity::Verdict if is_word(text, PASSED) => Some(Skip::Benign),
            Polarity::Verdict | Polarity::State => {
                when(is_word(text, GOOD) || taxonomy::is_benign(text), Skip::Benign)
            }
            Polarity::Tags => when(text.split([',', ';', '|']).any(taxonomy::is_retraction), Skip::Benign),
            Polarity::Good => when(yes() || taxonomy::is_benign(text), Skip::Benign),
            Polarity::Bad => when(no(), Skip::Benign),
            Polarity::ToIds => when(no(), Skip::ToIds),
            Polarity::Active => when(no(), Skip::Inactive),
            Polarity::Withdrawn => when(yes(), Skip::Inactive),
            Polarity::Score => when(text.parse() == Ok(0.0_f32), Skip::NoScore),
            Polarity::Duration => when(text.starts_with('-') && text.ends_with('s'), Skip::Inactive),
            Polarity::Scope => {
                when(is(&["session"]) || role::is_unsupported(text.as_bytes()), Skip::UnsupportedKind)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_to_rows_that_are_not_bad_only() {
        let states =
            |name: &str, text: &str| Polarity::of(name).and_then(|found| found.objection(text.as_bytes()));
        for (name, text, expected) in [
            ("classification", "benign", Some(Skip::Benign)),
            ("classification", "malicious", None),
            ("classification", "unknown", None),
            ("verdict", "Not malicious", Some(Skip::Benign)),
            ("status", "False Positive", Some(Skip::Benign)),
            ("status", "offline", None),
            ("status", "OK", None),
            ("verdict", "OK", Some(Skip::Benign)),
            ("verdict", "white list", Some(Skip::Benign)),
            ("action", "monitor", None),
            ("duration", "-3h0m5s", Some(Skip::Inactive)),
            ("duration", "3h0m5s", None),
            ("scope", "Country", Some(Skip::UnsupportedKind)),
            ("scope", "Ip", None),
            ("status", "retired", Some(Skip::Inactive)),
            ("iswhitelisted", "true", Some(Skip::Benign)),
            ("iswhitelisted", "false", None),
            ("iswhitelisted", "", None),
            ("malicious", "0", Some(Skip::Benign)),
            ("malicious", "5", None),
            ("toids", "0", Some(Skip::ToIds)),
            ("toids", "1", None),
            ("tags", "phishing,false-positive", Some(Skip::Benign)),
            ("tags", "phishing,clean", None),
            ("abuseconfidencescore", "0", Some(Skip::NoScore)),
            ("abuseconfidencescore", "100", None),
            ("confidence", "0", None),
        ] {
            assert_eq!(states(name, text), expected, "{name} {text}");
        }
    }
}
