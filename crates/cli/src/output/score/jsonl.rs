//! `jsonl`: an object per indicator that was found, with the place where it stands.

use super::{ScoreOutput, ScoredBlock};
use crate::printable;
use query::Answer;
use serde::Serialize;

/// The row of the table.
pub(super) static OUTPUT: ScoreOutput =
    ScoreOutput { name: "jsonl", head: |_, _| {}, block, shown: printable::json_line };

/// The place, which every line has anew.
#[derive(Serialize)]
struct Place<'a> {
    file: &'a str,
    line: u64,
    offset: u64,
    /// Where records are judged at their own time: that, or null where the record states none.
    #[serde(skip_serializing_if = "Option::is_none")]
    event_time: Option<Option<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    context: Option<String>,
}

/// What is known of the indicator, which is the same wherever it stands.
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
    for (line, at, found) in scored.each_with_line() {
        let event_time = scored.times.map(|times| times.get(at)?.map(|time| time.to_string()));
        let offset = scored.offset + found.at as u64;
        let context = scored.context(found.at);
        let place = Place { file: scored.file, line, offset, event_time, context };
        let known = found.known.text.get_or_init(|| json(&object(scored, &found.known.answer)));
        // Two objects as one: the place without its end, and what is known without its beginning.
        let _ = serde_json::to_writer(&mut *out, &place);
        out.pop();
        out.push(b',');
        out.extend_from_slice(known.strip_prefix(b"{").unwrap_or(known));
        out.push(b'\n');
    }
}

/// Memory takes every write, and no field of these objects can fail to be written.
fn json(object: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(object).unwrap_or_default()
}

fn object<'a>(scored: &ScoredBlock<'a>, answer: &'a Answer) -> Object<'a> {
    Object {
        indicator: &answer.indicator,
        type_word: answer.type_word,
        status: answer.status.number(),
        detected_by: answer.detected_by,
        assessments: answer.assessments().iter().map(|assessment| assessment.word()).collect(),
        providers: scored.speakers(answer).collect(),
    }
}
