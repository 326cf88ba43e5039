//! Which licences forbid to pass a list on.

/// Words in a licence that forbid redistribution, or allow it for some purposes only. The list is
/// conservative: where it is in doubt, an operator decides with `--include-restricted`.
const WORDS: [&str; 14] = [
    "no redistribution",
    "not redistribut",
    "non-commercial",
    "noncommercial",
    "by-nc",
    "own use",
    "personal use",
    "internal use",
    "licence required",
    "license required",
    "registration required",
    "no derivative",
    "proprietary",
    "all rights reserved",
];

/// Whether the text of a licence says that the list must not be passed on freely. A licence that says
/// nothing, or is not stated, forbids nothing here.
///
/// ```
/// use rapsheet_export::forbids_redistribution;
///
/// assert!(forbids_redistribution("non-commercial only, no redistribution"));
/// assert!(!forbids_redistribution("free with attribution"));
/// ```
pub fn forbids_redistribution(licence: &str) -> bool {
    let lower = licence.to_lowercase();
    WORDS.iter().any(|word| lower.contains(word))
}
