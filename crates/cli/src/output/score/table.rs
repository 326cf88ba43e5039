//! `csv` and `tsv`: a row per match, under a header. Columns keep their order; new ones come last.
//!
//! Lists in a cell are joined by blanks, which none of their words has.

use super::{ScoreOutput, ScoredBlock};
use crate::printable;
use rapsheet_json::Dialect;
use rapsheet_query::{Detail, Listing};

/// A row of the table of outputs.
pub(super) static CSV: ScoreOutput = ScoreOutput {
    name: "csv",
    about: "A row per match, under a header",
    is_by_record: false,
    detail: Detail::Times,
    header: |context, out| header(Dialect::Csv, context, out),
    block: |scored, out| block(Dialect::Csv, scored, out),
    for_terminal: printable::log_line,
};
/// A row of the table of outputs.
pub(super) static TSV: ScoreOutput = ScoreOutput {
    name: "tsv",
    about: "The same, separated by tabs",
    is_by_record: false,
    detail: Detail::Times,
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
    for (at, found) in scored.found.iter().enumerate() {
        let listing = found.listing;
        let [assessments, providers] = listing.cells.get_or_init(|| cells(scored, listing));
        dialect.first_cell(scored.file, out);
        dialect.number(scored.line + found.line as u64, out);
        dialect.number(scored.offset + found.at as u64, out);
        dialect.cell(found.indicator, out);
        dialect.cell(found.type_word, out);
        dialect.number(listing.status.number().into(), out);
        dialect.number(listing.detected_by as u64, out);
        dialect.cell(assessments, out);
        dialect.cell(providers, out);
        dialect.time(found.first_seen, out);
        dialect.time(found.detect_time, out);
        dialect.time(scored.times.and_then(|times| *times.get(at)?), out);
        if let Some(context) = scored.context(found.at) {
            dialect.cell(&context, out);
        }
        out.push(b'\n');
    }
}

/// The cells of assessments and providers.
fn cells(scored: &ScoredBlock<'_>, listing: &Listing) -> [Box<str>; 2] {
    let words =
        listing.assessments.iter().map(|assessment| assessment.word().replace(' ', "_")).collect::<Vec<_>>();
    let providers = scored.deciding_providers(listing).collect::<Vec<_>>();
    [words.join(" ").into(), providers.join(" ").into()]
}
