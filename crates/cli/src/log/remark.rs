//! What is added to a record: the sum of what is known of its indicators, in cells or words.

/// What is added to a record.
#[derive(Debug, Default)]
pub(crate) struct Annotation<'a> {
    /// The number of the status; none where the record has no indicator that is reported.
    pub(crate) status: Option<u8>,
    /// How many providers list an indicator of the record.
    pub(crate) detected_by: usize,
    /// What they say of them, each word once.
    pub(crate) assessments: Vec<&'static str>,
    /// The indicators, in order.
    pub(crate) indicators: Vec<&'a str>,
    /// The providers, by name.
    pub(crate) providers: Vec<&'a str>,
}

/// The names of the columns that are added to a table, and of the keys that are added to a line of text.
pub(super) const REMARKS: [&str; 5] = [
    "rapsheet_status",
    "rapsheet_detected_by",
    "rapsheet_assessments",
    "rapsheet_indicators",
    "rapsheet_providers",
];

/// How a remark is written in cells.
pub(super) struct Cells {
    /// What joins the words of a list.
    pub(super) joint: &'static str,
    /// What stands for it where it is part of a word.
    pub(super) instead: &'static str,
    /// What stands where there is nothing.
    pub(super) empty: &'static str,
}

impl Annotation<'_> {
    /// The cells of [`REMARKS`]. No assessment has a blank in it, as in the output of rows.
    pub(super) fn cells(&self, cells: &Cells) -> [String; 5] {
        let word = |word: &str| word.replace(cells.joint, cells.instead);
        let list = |words: Vec<String>| match words.as_slice() {
            [] => cells.empty.to_owned(),
            words => words.join(cells.joint),
        };
        let assessments = self.assessments.iter().map(|word| word.replace(' ', "_")).collect();
        [
            self.status.map_or(cells.empty.to_owned(), |status| status.to_string()),
            self.detected_by.to_string(),
            list(assessments),
            list(self.indicators.iter().map(|text| word(text)).collect()),
            list(self.providers.iter().map(|text| word(text)).collect()),
        ]
    }
}
