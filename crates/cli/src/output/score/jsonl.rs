//! `jsonl`: an object per match, with its position in the log.

use super::{ScoreOutput, ScoredBlock};
use crate::printable;
use rapsheet_query::MatchInfo;
use serde::Serialize;

/// The row of the table.
pub(super) static OUTPUT: ScoreOutput = ScoreOutput {
    name: "jsonl",
    about: "JSON Lines, one object per match",
    is_by_record: false,
    header: |_, _| {},
    block,
    for_terminal: printable::json_line,
};

/// Fields that only some runs have.
#[derive(Serialize)]
struct Addition {
    /// The time of the record, where records are looked up as of their own times; null where it states none.
    #[serde(skip_serializing_if = "Option::is_none")]
    event_time: Option<Option<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    context: Option<String>,
}

/// What is known of the indicator, which is the same for each of its matches.
#[derive(Serialize)]
struct Object<'a> {
    indicator: &'a str,
    #[serde(rename = "type")]
    type_word: &'a str,
    status: u8,
    detected_by: usize,
    assessments: Vec<&'static str>,
    providers: Vec<&'a str>,
}

fn block(scored: &ScoredBlock<'_>, out: &mut Vec<u8>) {
    // The beginning is the same for every line of a block. Writing positions is most of the work where rows
    // are many.
    let mut head = b"{\"file\":".to_vec();
    head.extend(json(&scored.file));
    head.extend_from_slice(b",\"line\":");
    for (line, at, found) in scored.each_with_line() {
        let event_time = scored.times.map(|times| times.get(at)?.map(|time| time.to_string()));
        let offset = scored.offset + found.at as u64;
        let context = scored.context(found.at);
        let info = found.info.json.get_or_init(|| {
            let object = json(&object(scored, &found.info));
            object.strip_prefix(b"{").unwrap_or(&object).into()
        });
        out.extend_from_slice(&head);
        number(line, out);
        out.extend_from_slice(b",\"offset\":");
        number(offset, out);
        out.push(b',');
        if event_time.is_some() || context.is_some() {
            add(&Addition { event_time, context }, out);
        }
        out.extend_from_slice(info);
        out.push(b'\n');
    }
}

/// Appends a number in decimal. Each row has two, so this avoids the cost of `std::fmt`.
fn number(mut number: u64, out: &mut Vec<u8>) {
    let mut digits = [0; 20];
    let mut first = digits.len();
    for (at, place) in digits.iter_mut().enumerate().rev() {
        (*place, number, first) = (b'0' + (number % 10) as u8, number / 10, at);
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(digits.get(first..).unwrap_or(&[]));
}

/// Appends the fields of an object, and a comma.
fn add(object: &impl Serialize, out: &mut Vec<u8>) {
    let object = json(object);
    let fields = object.strip_prefix(b"{").and_then(|rest| rest.strip_suffix(b"}"));
    out.extend_from_slice(fields.unwrap_or(&[]));
    out.push(b',');
}

/// Cannot fail: the writer is memory, and no field of these objects has a serializer that fails.
fn json(object: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(object).unwrap_or_default()
}

fn object<'a>(scored: &ScoredBlock<'a>, info: &'a MatchInfo) -> Object<'a> {
    Object {
        indicator: &info.indicator,
        type_word: info.type_word,
        status: info.status.number(),
        detected_by: info.detected_by,
        assessments: info.assessments.iter().map(|assessment| assessment.word()).collect(),
        providers: scored.deciding_providers(info).collect(),
    }
}
