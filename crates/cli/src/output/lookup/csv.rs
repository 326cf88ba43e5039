//! `csv`: a row per sighting, and one row for an indicator that has none, under one header.

use super::{LookupOutput, Style, no_batch};
use rapsheet_json::{Dialect, csv};

/// The row of the table.
pub(super) static OUTPUT: LookupOutput = LookupOutput {
    name: "csv",
    about: "A row per sighting, under one header",
    header: |style, out| {
        let mut row = Vec::new();
        dialect(style).row(csv::HEADER, &mut row);
        out.write_all(&row)
    },
    answer: |context, answered, out| {
        let (style, mut rows) = (context.style, Vec::new());
        let (input, answer) = (answered.input, answered.answer);
        csv::answer(dialect(style), context.directory, input, answer, style.all_sources, &mut rows);
        out.write_all(&rows)
    },
    refused: |style, refused, out| {
        let mut row = Vec::new();
        csv::refused(dialect(style), refused.input, refused.word, &mut row);
        out.write_all(&row)
    },
    batch: no_batch,
};

const fn dialect(style: Style) -> Dialect {
    Dialect::Csv.for_spreadsheet(style.spreadsheet)
}
