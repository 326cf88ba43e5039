//! The CSV of look-ups: a row per sighting, and one row for an indicator that has none, under one header.

use crate::{Dialect, Directory, ProviderAnswer, printable};
use rapsheet_query::{Source, Time, Verdict};

/// The header.
pub const HEADER: [&str; 20] = [
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

/// Appends the rows of an answer. With `all_sources` there is one for each provider that does not list the indicator,
/// too.
pub fn answer(
    dialect: Dialect,
    directory: &Directory,
    input: &str,
    answer: &Verdict,
    all_sources: bool,
    out: &mut Vec<u8>,
) {
    let common = [
        printable(input).into_owned(),
        answer.indicator.clone(),
        answer.type_word.to_owned(),
        answer.status.number().to_string(),
        answer.status.verdict().to_owned(),
        answer.detected_by.to_string(),
        answer.failed.to_string(),
        answer.at.to_string(),
    ];
    let mut sightings: Vec<[String; 12]> = directory
        .answers(answer, all_sources)
        .flat_map(|provider| sightings_of(directory, &provider))
        .collect();
    if sightings.is_empty() {
        sightings.push(Default::default());
    }
    for sighting in &sightings {
        dialect.row(common.iter().chain(sighting), out);
    }
}

/// Appends the row of a text that is no indicator; `why` is the word for the reason.
pub fn refused(dialect: Dialect, input: &str, why: &str, out: &mut Vec<u8>) {
    let mut cells = [""; HEADER.len()];
    let [typed, indicator, .., error] = &mut cells;
    let (input, trimmed) = (printable(input), printable(input.trim_ascii()));
    (*typed, *indicator, *error) = (&input, &trimmed, why);
    dialect.row(cells, out);
}

fn sightings_of(directory: &Directory, answer: &ProviderAnswer<'_>) -> Vec<[String; 12]> {
    if !answer.sources.is_empty() {
        return answer.sources.iter().map(|source| sighting(directory, source)).collect();
    }
    let mut cells: [String; 12] = Default::default();
    let [provider, _, status, _, _, _, _, _, update_time, ..] = &mut cells;
    *provider = printable(&answer.provider.name).into_owned();
    *status = answer.status.number().to_string();
    *update_time = text_of(answer.provider.update_time);
    vec![cells]
}

fn sighting(directory: &Directory, source: &Source) -> [String; 12] {
    let (feed, update_time) = directory.feed(source.feed);
    [
        printable(directory.provider(source.provider)).into_owned(),
        printable(feed).into_owned(),
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
