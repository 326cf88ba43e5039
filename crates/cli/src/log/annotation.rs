//! The annotation of a record: the sum of what is known of its indicators, as cells.

/// What is added to a record.
#[derive(Debug, Default)]
pub(crate) struct Annotation<'a> {
    /// The number of the status; `None` where the record has no reported indicator.
    pub(crate) status: Option<u8>,
    /// How many providers list an indicator of the record.
    pub(crate) detected_by: usize,
    /// Their assessments, each once.
    pub(crate) assessments: Vec<&'static str>,
    /// The indicators, by offset.
    pub(crate) indicators: Vec<&'a str>,
    /// The providers, by name.
    pub(crate) providers: Vec<&'a str>,
}

/// The names of the columns that are added to a table, and of the keys that are added to a line of text.
pub(super) const ANNOTATION_NAMES: [&str; 5] = [
    "rapsheet_status",
    "rapsheet_detected_by",
    "rapsheet_assessments",
    "rapsheet_indicators",
    "rapsheet_providers",
];

/// How an annotation is written as cells.
pub(super) struct CellStyle {
    /// Between the words of a list.
    pub(super) separator: &'static str,
    /// Replaces the separator inside a word.
    pub(super) escaped_separator: &'static str,
    /// The cell of an empty list.
    pub(super) empty: &'static str,
}

impl Annotation<'_> {
    /// The cells, in the order of [`ANNOTATION_NAMES`]. Blanks in assessments become `_`, as in the tables of
    /// `score`.
    pub(super) fn cells(&self, style: &CellStyle) -> [String; 5] {
        let word = |word: &str| word.replace(style.separator, style.escaped_separator);
        let list = |words: Vec<String>| match words.as_slice() {
            [] => style.empty.to_owned(),
            words => words.join(style.separator),
        };
        let assessments = self.assessments.iter().map(|word| word.replace(' ', "_")).collect();
        [
            self.status.map_or(style.empty.to_owned(), |status| status.to_string()),
            self.detected_by.to_string(),
            list(assessments),
            list(self.indicators.iter().map(|text| word(text)).collect()),
            list(self.providers.iter().map(|text| word(text)).collect()),
        ]
    }
}

/// The beginning of [`ANNOTATION_NAMES`].
const PREFIX: &[u8] = b"rapsheet_";

/// Appends a text in which no name is one of ours, in any case: `rapsheet_` becomes `rapsheet%5F`.
pub(super) fn push_disowned(text: &[u8], out: &mut Vec<u8>) {
    let mut copied_to = 0;
    for at in memchr::memchr_iter(b'_', text) {
        let before = text.get(..=at).unwrap_or(&[]);
        let start = before.len().saturating_sub(PREFIX.len());
        if before.get(start..).is_some_and(|name| name.eq_ignore_ascii_case(PREFIX)) {
            out.extend_from_slice(text.get(copied_to..at).unwrap_or(&[]));
            out.extend_from_slice(b"%5F");
            copied_to = at + 1;
        }
    }
    out.extend_from_slice(text.get(copied_to..).unwrap_or(&[]));
}
