//! `metadefender`: the shape of the MetaDefender v4 reputation API, so that its clients can be pointed here.
//!
//! The shape has one element per provider, so the sightings of a provider with several feeds are merged: the
//! assessments of those that make its status, and the latest time that one of them was confirmed. What is
//! absent is an empty text, never null and never left out: the vendor's own client refuses an empty
//! `geo_info`. Every time carries its zone, which the original sometimes omits.

use super::{Answered, Context, LookupOutput, ProviderAnswer, json, no_batch, no_header};
use crate::output::json as printed;
use rapsheet_query::Source;
use rapsheet_snapshot::{Assessments, Time};
use serde::Serialize;

/// The row of the table.
pub(super) static OUTPUT: LookupOutput = LookupOutput {
    name: "metadefender",
    about: "JSON Lines, in the shape of the MetaDefender v4 reputation API",
    header: no_header,
    answer: |context, answered, out| printed::line(&object(context, answered), out),
    refused: |_, refused, out| printed::line(&json::error(refused), out),
    batch: no_batch,
};

#[derive(Serialize)]
struct Object<'a> {
    success: bool,
    address: &'a str,
    lookup_results: Results<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    geo_info: Option<GeoInfo>,
}

/// Where an address is. rapsheet has no such data, so every value is the shape's word for unknown.
#[derive(Default, Serialize)]
struct GeoInfo {
    country: Country,
    city: City,
    location: Location,
    subdivisions: [(); 0],
}

#[derive(Default, Serialize)]
struct Country {
    code: &'static str,
    name: &'static str,
}

#[derive(Default, Serialize)]
struct City {
    name: &'static str,
}

#[derive(Default, Serialize)]
struct Location {
    latitude: u8,
    longitude: u8,
}

#[derive(Serialize)]
struct Results<'a> {
    start_time: String,
    detected_by: usize,
    sources: Vec<Row<'a>>,
}

#[derive(Serialize)]
struct Row<'a> {
    provider: &'a str,
    assessment: String,
    detect_time: String,
    update_time: String,
    status: u8,
}

fn object<'a>(context: &'a Context<'_>, answered: &Answered<'a>) -> Object<'a> {
    let answer = answered.answer;
    let is_address = matches!(answer.type_word, "ipv4" | "ipv6");
    Object {
        success: true,
        address: &answer.indicator,
        lookup_results: Results {
            start_time: with_fraction(answer.at, "000"),
            detected_by: answer.detected_by,
            sources: context.providers(answer, true).map(|provider| row(&provider)).collect(),
        },
        geo_info: is_address.then(GeoInfo::default),
    }
}

fn row<'a>(answer: &ProviderAnswer<'a>) -> Row<'a> {
    let decides = |source: &&Source| source.status == answer.status;
    let deciding = || answer.sources.iter().filter(decides);
    let assessments = deciding().fold(Assessments::EMPTY, |sum, source| sum.union(source.assessments));
    let text = |time: Option<Time>| time.map(|time| with_fraction(time, "000000")).unwrap_or_default();
    Row {
        provider: &answer.provider.name,
        assessment: assessments.to_string(),
        detect_time: text(deciding().map(|source| source.detect_time).max()),
        update_time: text(answer.provider.update_time),
        status: answer.status.number(),
    }
}

fn with_fraction(time: Time, fraction: &str) -> String {
    let text = time.to_string();
    format!("{}.{fraction}Z", text.trim_end_matches('Z'))
}
