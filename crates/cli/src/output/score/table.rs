//! `csv` and `tsv`: a row per match, under a header. Columns keep their order; new ones come last.
//!
//! Lists in a cell are joined by blanks, which none of their words has.

use super::{ScoreOutput, ScoredBlock};
use crate::output::delimited::Dialect;
use crate::printable;
use rapsheet_query::MatchInfo;
use rapsheet_snapshot::Time;

/// A row of the table of outputs.
pub(super) static CSV: ScoreOutput = ScoreOutput {
    name: "csv",
    about: "A row per match, under a header",
    is_by_record: false,
    header: |context, out| header(Dialect::Csv, context, out),
    block: |scored, out| block(Dialect::Csv, scored, out),
    for_terminal: printable::log_line,
};
/// A row of the table of outputs.
pub(super) static TSV: ScoreOutput = ScoreOutput {
    name: "tsv",
    about: "The same, separated by tabs",
    is_by_record: false,
    header: |context, out| header(Dialect::Tsv, context, out),
    block: |scored, out| block(Dialect::Tsv, scored, out),
    for_terminal: printable::log_line,
};

const HEADER: [&str; 12] = [
    "file",
    "line",
    "offset",
    "indicator",
    "type",
    "status",
    "detected_by",
    "assessments",
    "providers",
    "first_seen",
    "detect_time",
    "event_time",
];

fn header(dialect: Dialect, context: bool, out: &mut Vec<u8>) {
    dialect.row(HEADER.into_iter().chain(context.then_some("context")), out);
}

fn block(dialect: Dialect, scored: &ScoredBlock<'_>, out: &mut Vec<u8>) {
    let dialect = dialect.for_spreadsheet(scored.options.spreadsheet);
    for (line, at, found) in scored.each_with_line() {
        let event = scored.times.and_then(|times| *times.get(at)?);
        let offset = scored.offset + found.at as u64;
        let position = [scored.file.to_owned(), line.to_string(), offset.to_string()];
        let event = event.map(|time| time.to_string()).unwrap_or_default();
        let context = scored.context(found.at);
        dialect
            .row(position.into_iter().chain(cells(scored, &found.info)).chain([event]).chain(context), out);
    }
}

fn cells(scored: &ScoredBlock<'_>, info: &MatchInfo) -> [String; 8] {
    let words =
        info.assessments.iter().map(|assessment| assessment.word().replace(' ', "_")).collect::<Vec<_>>();
    let cell = |time: Option<Time>| time.map(|time| time.to_string()).unwrap_or_default();
    [
        info.indicator.to_string(),
        info.type_word.to_owned(),
        info.status.number().to_string(),
        info.detected_by.to_string(),
        words.join(" "),
        scored.deciding_providers(info).collect::<Vec<_>>().join(" "),
        cell(info.first_seen),
        cell(info.detect_time),
    ]
}
