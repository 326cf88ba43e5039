//! `json`: one indented object per indicator, its fields in the order that the documentation shows.

use super::{Answered, Context, LookupOutput, ProviderAnswer, Refused, no_batch, no_header};
use crate::output::json as printed;
use rapsheet_query::Source;
use rapsheet_snapshot::Time;
use serde::Serialize;

/// The row of the table.
pub(super) static OUTPUT: LookupOutput = LookupOutput {
    name: "json",
    about: "JSON, one indented object per indicator",
    header: no_header,
    answer: |context, answered, out| printed::indented(&object(context, answered), out),
    refused: |_, refused, out| printed::indented(&error(refused), out),
    batch: no_batch,
};

/// An answer.
#[derive(Serialize)]
pub(super) struct Object<'a> {
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
pub(super) struct ErrorObject<'a> {
    input: &'a str,
    indicator: &'a str,
    error: &'static str,
}

/// The object of an answer.
pub(super) fn object<'a>(context: &'a Context<'_>, answered: &Answered<'a>) -> Object<'a> {
    let answer = answered.answer;
    Object {
        input: answered.input,
        indicator: &answer.indicator,
        type_word: answer.type_word,
        status: answer.status.number(),
        verdict: answer.status.verdict(),
        detected_by: answer.detected_by,
        failed: answer.failed,
        at: answer.at.to_string(),
        sources: context
            .providers(answer, context.style.all_sources)
            .flat_map(|provider| rows(context, &provider))
            .collect(),
    }
}

/// The object of a text that is no indicator.
pub(super) fn error<'a>(refused: &'a Refused<'_>) -> ErrorObject<'a> {
    ErrorObject { input: refused.input, indicator: refused.indicator(), error: refused.why.word() }
}

fn rows<'a>(context: &'a Context<'_>, answer: &ProviderAnswer<'a>) -> Vec<Row<'a>> {
    if answer.sources.is_empty() {
        let update_time = answer.provider.update_time.as_ref().map(Time::to_string);
        return vec![Row::Provider {
            provider: &answer.provider.name,
            status: answer.status.number(),
            update_time,
        }];
    }
    answer.sources.iter().map(|source| Row::Sighting(sighting(context, source))).collect()
}

fn sighting<'a>(context: &'a Context<'_>, source: &'a Source) -> Sighting<'a> {
    let (feed, update_time) = context.feed(source.feed);
    Sighting {
        provider: context.provider(source),
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
