//! `tsv`: a line for each question and no header, for `cut`, `awk` and `sort`: the question as it was typed, the
//! status, how many providers block, their assessments, and the providers whose status it is.
//!
//! Where the question is no indicator, the second cell is the reason in place of a number, and the others are empty.

use super::{Answered, Context, LookupOutput, Refused, Style, no_header};
use crate::output::delimited::Dialect;
use crate::printable;
use std::io::{self, Write};

/// The row of the table.
pub(super) static OUTPUT: LookupOutput = LookupOutput {
    name: "tsv",
    about: "A line per question: input, status, detected_by, assessments, providers",
    header: no_header,
    answer,
    refused: |style, refused: &Refused<'_>, out| {
        row(style, [refused.input, refused.why.word(), "", "", ""].map(str::to_owned), out)
    },
};

fn answer(context: &Context<'_>, answered: &Answered<'_>, out: &mut dyn Write) -> io::Result<()> {
    let answer = answered.answer;
    let words: Vec<&str> = answer.assessments().iter().map(|assessment| assessment.word()).collect();
    let decide = context.providers(answer, false).filter(|provider| provider.status == answer.status);
    let providers: Vec<&str> = decide.map(|provider| provider.provider.name.as_str()).collect();
    let cells = [
        answered.input.to_owned(),
        answer.status.number().to_string(),
        answer.detected_by.to_string(),
        words.join(","),
        providers.join(","),
    ];
    row(context.style, cells, out)
}

fn row(style: Style, cells: [String; 5], out: &mut dyn Write) -> io::Result<()> {
    let mut text = Vec::new();
    // Tabs in a question become blanks, as in every TSV; other controls become escapes.
    let cells = cells.map(|cell| printable::log_line(cell.as_bytes()));
    Dialect::Tsv.for_spreadsheet(style.spreadsheet).row(cells, &mut text);
    out.write_all(&text)
}
