//! `csv` and `tsv`: a row per indicator that was found, under a header. The columns keep their order; new ones come last.
//!
//! Lists in a cell are joined by blanks, which none of their words has. CSV is quoted as RFC 4180 says; a tab in TSV
//! becomes a blank.

use super::{ScoreOutput, ScoredBlock};
use crate::printable;
use rapsheet_query::MatchInfo;
use rapsheet_snapshot::Time;

/// A row of the table of outputs.
pub(super) static CSV: ScoreOutput = ScoreOutput {
    name: "csv",
    is_by_record: false,
    head: |context, out| head(b',', context, out),
    block: |scored, out| block(b',', scored, out),
    shown: printable::log_line,
};
/// A row of the table of outputs.
pub(super) static TSV: ScoreOutput = ScoreOutput {
    name: "tsv",
    is_by_record: false,
    head: |context, out| head(b'\t', context, out),
    block: |scored, out| block(b'\t', scored, out),
    shown: printable::log_line,
};

const HEAD: [&str; 12] = [
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

fn head(delimiter: u8, context: bool, out: &mut Vec<u8>) {
    let names = HEAD.iter().copied().chain(context.then_some("context"));
    row(delimiter, false, &names.map(str::to_owned).collect::<Vec<_>>(), out);
}

fn block(delimiter: u8, scored: &ScoredBlock<'_>, out: &mut Vec<u8>) {
    for (line, at, found) in scored.each_with_line() {
        let event = scored.times.and_then(|times| *times.get(at)?);
        let offset = scored.offset + found.at as u64;
        let place = [scored.file.to_owned(), line.to_string(), offset.to_string()];
        let [indicator, rest @ ..] = cells(scored, &found.info);
        let event = event.map(|time| time.to_string()).unwrap_or_default();
        let all =
            place.into_iter().chain([indicator]).chain(rest).chain([event]).chain(scored.context(found.at));
        let all: Vec<String> = all.collect();
        row(delimiter, scored.manner.spreadsheet, &all, out);
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
        scored.speakers(info).collect::<Vec<_>>().join(" "),
        cell(info.first_seen),
        cell(info.detect_time),
    ]
}

fn row(delimiter: u8, spreadsheet: bool, cells: &[String], out: &mut Vec<u8>) {
    for (at, cell) in cells.iter().enumerate() {
        if at > 0 {
            out.push(delimiter);
        }
        // What a spreadsheet begins a formula with (OWASP, "CSV Injection").
        let disarmed =
            if spreadsheet && cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
        let cell = format!("{disarmed}{cell}");
        match delimiter {
            b',' if cell.contains([',', '"', '\n', '\r']) => {
                out.extend_from_slice(format!("\"{}\"", cell.replace('"', "\"\"")).as_bytes());
            }
            b',' => out.extend_from_slice(cell.as_bytes()),
            _ => out.extend_from_slice(cell.replace(['\t', '\n', '\r'], " ").as_bytes()),
        }
    }
    out.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_and_disarmed_where_they_must_be() {
        let cells = ["a,b", "=1+2", "d\"e", "f\tg"].map(str::to_owned);
        let mut out = Vec::new();
        row(b',', true, &cells, &mut out);
        row(b'\t', false, &cells, &mut out);
        assert_eq!(String::from_utf8_lossy(&out), "\"a,b\",'=1+2,\"d\"\"e\",f\tg\na,b\t=1+2\td\"e\tf g\n");
    }
}
