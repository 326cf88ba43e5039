//! `tsv`: a line for each question and no header, for `cut`, `awk` and `sort`: the question as it was typed, the
//! status, how many providers block, their assessments, and the providers whose status it is.
//!
//! Where the question is no indicator, the second cell is the reason in place of a number, and the others are empty.

use super::{Answer, Answered, BatchPrinter, Context, LookupOutput, Refused, Style, no_header};
use crate::printable;
use rapsheet_json::{Dialect, Interned};
use std::io::{self, Write};

/// The row of the table.
pub(super) static OUTPUT: LookupOutput = LookupOutput {
    name: "tsv",
    about: "A line per question: input, status, detected_by, assessments, providers",
    header: no_header,
    answer,
    refused: |style, refused: &Refused<'_>, out| {
        row(style, [refused.input, refused.word, "", "", ""].map(str::to_owned), out)
    },
    batch: |style| {
        let printer = || Box::new(Batch { style, key: Vec::new(), tails: Interned::new() });
        (!style.spreadsheet).then(|| printer() as Box<dyn BatchPrinter>)
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

/// Writes the rows of [`answer`]. All cells but the first are one text for each combination of what they say.
struct Batch {
    style: Style,
    /// Status, assessments, and the number of each provider that blocks or allows.
    key: Vec<u32>,
    tails: Interned<Vec<u32>>,
}

impl BatchPrinter for Batch {
    fn answer(&mut self, context: &Context<'_>, input: &[u8], answer: &Answer<'_>, out: &mut Vec<u8>) {
        write_input(input, self.style, out);
        let (assessments, detected_by) = (answer.assessments(), answer.detected_by);
        self.key.clear();
        self.key.extend([u32::from(answer.status.number()), u32::from(assessments.bits())]);
        // Fits: feeds are numbered in 16 bits. Where the status is not that of the listing, there is no provider.
        self.key.push(detected_by as u32);
        self.key.extend(answer.decided_by().map(|provider| provider as u32));
        self.tails.append(self.key.as_slice(), out, |text| {
            let words: Vec<&str> = assessments.iter().map(|assessment| assessment.word()).collect();
            let all = &context.directory.providers;
            let deciding = answer.decided_by().filter_map(|at| all.get(at));
            let providers: Vec<&str> = deciding.map(|provider| provider.name.as_str()).collect();
            let (status, detected_by) = (answer.status.number().to_string(), detected_by.to_string());
            let cells = ["", &status, &detected_by, &words.join(","), &providers.join(",")];
            append_row(self.style, cells.map(str::to_owned), text);
        });
    }
}

/// The first cell. Plain ASCII, which nearly all questions are, is copied.
fn write_input(input: &[u8], style: Style, out: &mut Vec<u8>) {
    if input.iter().all(|byte| matches!(byte, b' '..=b'~')) {
        return out.extend_from_slice(input);
    }
    let start = out.len();
    let cells = [String::from_utf8_lossy(input).into_owned(), String::new()];
    append_row(style, cells, out);
    // The row is the cell, a tab for the empty one after it, and the line end.
    out.truncate(out.len().saturating_sub(2).max(start));
}

fn row(style: Style, cells: [String; 5], out: &mut dyn Write) -> io::Result<()> {
    let mut text = Vec::new();
    append_row(style, cells, &mut text);
    out.write_all(&text)
}

fn append_row<const CELLS: usize>(style: Style, cells: [String; CELLS], out: &mut Vec<u8>) {
    // Tabs in a question become blanks, as in every TSV; other controls become escapes.
    let cells = cells.map(|cell| printable::log_line(cell.as_bytes()));
    Dialect::Tsv.for_spreadsheet(style.spreadsheet).row(cells, out);
}
