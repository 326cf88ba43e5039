//! `csv`: a row per sighting, and one row for an indicator that has none, under one header.

use super::{Answered, Context, LookupOutput, ProviderAnswer, Style, no_batch};
use crate::output::delimited::Dialect;
use crate::printable;
use rapsheet_query::Source;
use rapsheet_snapshot::Time;
use std::io::{self, Write};

/// The row of the table.
pub(super) static OUTPUT: LookupOutput = LookupOutput {
    name: "csv",
    about: "A row per sighting, under one header",
    header: |style, out| rows(style, &[HEADER], out),
    answer,
    refused: |style, refused, out| {
        let mut cells = [""; HEADER.len()];
        let [input, indicator, .., error] = &mut cells;
        let (typed, text) = (printable::text(refused.input), printable::text(refused.indicator()));
        (*input, *indicator, *error) = (&typed, &text, refused.why.word());
        rows(style, &[cells], out)
    },
    batch: no_batch,
};

const HEADER: [&str; 20] = [
    "input",
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

fn answer(context: &Context<'_>, answered: &Answered<'_>, out: &mut dyn Write) -> io::Result<()> {
    let answer = answered.answer;
    let common = [
        printable::text(answered.input).into_owned(),
        answer.indicator.clone(),
        answer.type_word.to_owned(),
        answer.status.number().to_string(),
        answer.status.verdict().to_owned(),
        answer.detected_by.to_string(),
        answer.failed.to_string(),
        answer.at.to_string(),
    ];
    let mut sightings: Vec<[String; 12]> = context
        .providers(answer, context.style.all_sources)
        .flat_map(|provider| sightings_of(context, &provider))
        .collect();
    if sightings.is_empty() {
        sightings.push(Default::default());
    }
    let all: Vec<_> = sightings.iter().map(|sighting| common.iter().chain(sighting)).collect();
    rows(context.style, &all, out)
}

fn sightings_of(context: &Context<'_>, answer: &ProviderAnswer<'_>) -> Vec<[String; 12]> {
    if !answer.sources.is_empty() {
        return answer.sources.iter().map(|source| sighting(context, source)).collect();
    }
    let mut cells: [String; 12] = Default::default();
    let [provider, _, status, _, _, _, _, _, update_time, ..] = &mut cells;
    *provider = printable::text(&answer.provider.name).into_owned();
    *status = answer.status.number().to_string();
    *update_time = text_of(answer.provider.update_time);
    vec![cells]
}

fn sighting(context: &Context<'_>, source: &Source) -> [String; 12] {
    let (feed, update_time) = context.feed(source.feed);
    [
        printable::text(context.provider(source)).into_owned(),
        printable::text(feed).into_owned(),
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

fn rows<C: AsRef<str>>(
    style: Style,
    rows: &[impl IntoIterator<Item = C> + Clone],
    out: &mut dyn Write,
) -> io::Result<()> {
    let (mut text, dialect) = (Vec::new(), Dialect::Csv.for_spreadsheet(style.spreadsheet));
    rows.iter().for_each(|row| dialect.row(row.clone(), &mut text));
    out.write_all(&text)
}
