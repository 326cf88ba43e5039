//! The object of a look-up, and one of a text that is no indicator.

use crate::directory::{Directory, ProviderAnswer};
use rapsheet_query::{ParseError, Source, Time, Verdict};
use serde::Serialize;

/// An answer.
#[derive(Serialize)]
pub struct Object<'a> {
    input: &'a str,
    indicator: &'a str,
    #[serde(rename = "type")]
    type_word: &'a str,
    status: u8,
    verdict: &'a str,
    detected_by: usize,
    failed: usize,
    at: String,
    sources: Vec<Row<'a>>,
}

/// A live sighting, or a provider without one.
#[derive(Serialize)]
#[serde(untagged)]
enum Row<'a> {
    Sighting(Sighting<'a>),
    Provider { provider: &'a str, status: u8, update_time: Option<String> },
}

#[derive(Serialize)]
struct Sighting<'a> {
    provider: &'a str,
    feed: &'a str,
    status: u8,
    assessments: Vec<&'static str>,
    matched: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    overlap: Option<&'static str>,
    first_seen: String,
    detect_time: String,
    update_time: Option<String>,
    expires: String,
    stale: bool,
}

/// A text that is no indicator.
#[derive(Serialize)]
pub struct ErrorObject<'a> {
    input: &'a str,
    indicator: &'a str,
    error: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
}

/// The object of an answer. With `all_sources` it has a row for each provider that does not list the indicator, too.
pub fn object<'a>(
    directory: &'a Directory,
    input: &'a str,
    answer: &'a Verdict,
    all_sources: bool,
) -> Object<'a> {
    Object {
        input,
        indicator: &answer.indicator,
        type_word: answer.type_word,
        status: answer.status.number(),
        verdict: answer.status.verdict(),
        detected_by: answer.detected_by,
        failed: answer.failed,
        at: answer.at.to_string(),
        sources: directory
            .answers(answer, all_sources)
            .flat_map(|provider| rows(directory, &provider))
            .collect(),
    }
}

/// The object of a text that is no indicator.
pub fn error(input: &str, why: ParseError) -> ErrorObject<'_> {
    unanswered(input, why.word(), None)
}

/// The object of a text that is not answered: the word for the reason, and a sentence where there is one.
pub fn unanswered<'a>(input: &'a str, word: &'a str, message: Option<&'a str>) -> ErrorObject<'a> {
    ErrorObject { input, indicator: input.trim_ascii(), error: word, message }
}

fn rows<'a>(directory: &'a Directory, answer: &ProviderAnswer<'a>) -> Vec<Row<'a>> {
    if answer.sources.is_empty() {
        let update_time = answer.provider.update_time.as_ref().map(Time::to_string);
        return vec![Row::Provider {
            provider: &answer.provider.name,
            status: answer.status.number(),
            update_time,
        }];
    }
    answer.sources.iter().map(|source| Row::Sighting(sighting(directory, source))).collect()
}

fn sighting<'a>(directory: &'a Directory, source: &'a Source) -> Sighting<'a> {
    let (feed, update_time) = directory.feed(source.feed);
    Sighting {
        provider: directory.provider(source.provider),
        feed,
        status: source.status.number(),
        assessments: source.assessments.iter().map(|assessment| assessment.word()).collect(),
        matched: &source.matched,
        overlap: source.overlap.map(|overlap| overlap.word()),
        first_seen: source.first_seen.to_string(),
        detect_time: source.detect_time.to_string(),
        update_time: update_time.as_ref().map(Time::to_string),
        expires: source.expires.to_string(),
        stale: source.stale,
    }
}
