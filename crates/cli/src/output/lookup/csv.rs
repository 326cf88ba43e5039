//! `csv`: a row per sighting, and one row for an indicator that has none, under one header.
//!
//! Quoting is RFC 4180's. The few lines stand here rather than a crate, because an edge build has no other
//! use for one.

use super::{Context, LookupOutput, Said};
use crate::printable;
use rapsheet_query::{Source, Verdict};
use rapsheet_snapshot::Time;
use std::io::{self, Write};

/// The row of the table.
pub(super) static OUTPUT: LookupOutput = LookupOutput {
    name: "csv",
    head: |out| row(out, &HEAD),
    answer,
    refused: |text, why, out| {
        let mut cells = [""; HEAD.len()];
        let [first, .., last] = &mut cells;
        let text = printable::text(text);
        (*first, *last) = (&text, why.word());
        row(out, &cells)
    },
};

const HEAD: [&str; 19] = [
    "indicator",
    "type",
    "status",
    "verdict",
    "detected_by",
    "failed",
    "at",
    "provider",
    "feed",
    "source_status",
    "assessments",
    "matched",
    "overlap",
    "first_seen",
    "detect_time",
    "update_time",
    "expires",
    "stale",
    "error",
];

fn answer(context: &Context<'_>, answer: &Verdict, out: &mut dyn Write) -> io::Result<()> {
    let common = [
        answer.indicator.clone(),
        answer.type_word.to_owned(),
        answer.status.number().to_string(),
        answer.status.verdict().to_owned(),
        answer.detected_by.to_string(),
        answer.failed.to_string(),
        answer.at.to_string(),
    ];
    let mut rows: Vec<[String; 12]> =
        context.providers(answer, context.all_sources).flat_map(|said| rows(context, &said)).collect();
    if rows.is_empty() {
        rows.push(Default::default());
    }
    rows.iter().try_for_each(|rest| {
        let cells: Vec<&str> = common.iter().chain(rest).map(String::as_str).collect();
        row(out, &cells)
    })
}

fn rows(context: &Context<'_>, said: &Said<'_>) -> Vec<[String; 12]> {
    if !said.sources.is_empty() {
        return said.sources.iter().map(|source| sighting(context, source)).collect();
    }
    let mut cells: [String; 12] = Default::default();
    let [provider, _, status, _, _, _, _, _, update_time, ..] = &mut cells;
    provider.clone_from(&said.provider.name);
    *status = said.status.number().to_string();
    *update_time = text_of(said.provider.update_time);
    vec![cells]
}

fn sighting(context: &Context<'_>, source: &Source) -> [String; 12] {
    let (feed, update_time) = context.feed(source);
    [
        context.provider(source).to_owned(),
        feed.to_owned(),
        source.status.number().to_string(),
        source.assessments.to_string(),
        source.matched.clone(),
        source.overlap.map_or("", |overlap| overlap.word()).to_owned(),
        source.first_seen.to_string(),
        source.detect_time.to_string(),
        text_of(update_time),
        source.expires.to_string(),
        source.stale.to_string(),
        String::new(),
    ]
}

fn text_of(time: Option<Time>) -> String {
    time.as_ref().map(Time::to_string).unwrap_or_default()
}

fn row(out: &mut dyn Write, cells: &[&str]) -> io::Result<()> {
    for (at, cell) in cells.iter().enumerate() {
        let comma = if at == 0 { "" } else { "," };
        if cell.contains([',', '"', '\n', '\r']) {
            write!(out, "{comma}\"{}\"", cell.replace('"', "\"\""))?;
        } else {
            write!(out, "{comma}{cell}")?;
        }
    }
    writeln!(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_where_they_must_be() {
        let mut out = Vec::new();
        row(&mut out, &["a", "b,c", "d\"e", ""]).expect("memory takes it");
        assert_eq!(out, b"a,\"b,c\",\"d\"\"e\",\n");
    }
}
