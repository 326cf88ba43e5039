//! `annotated`: every record of the log, in its own format, with the verdict on its indicators added.
//!
//! The bytes of the record stay as they are.

use super::{MatchSlice, ScoreOutput, ScoredBlock};
use crate::log::Annotation;
use crate::printable;
use rapsheet_query::Detail;
use rapsheet_snapshot::Status;

/// The row of the table.
pub(super) static OUTPUT: ScoreOutput = ScoreOutput {
    name: "annotated",
    about: "Every record of the log, in its own format, with the verdict on its indicators added",
    is_by_record: true,
    detail: Detail::Listing,
    header: |_, _| {},
    block,
    for_terminal: printable::log_line,
};

fn block(scored: &ScoredBlock<'_>, out: &mut Vec<u8>) {
    let (mut rest, mut log) = (scored.found, scored.log.clone());
    scored.log.each_record(scored.bytes, scored.range.clone(), |start, end| {
        let (matches, others) = rest.split_at(rest.count_before(end));
        rest = others;
        let record = scored.bytes.get(start..end).unwrap_or(&[]);
        let is_header = log.is_header(record);
        if is_header && let Some(updated) = log.updated_by(record) {
            log = updated;
        }
        if matches.is_empty() && scored.options.only_listed && !is_header {
            return;
        }
        let annotation = annotation(scored, matches);
        if scored.options.only_listed || scored.options.to_terminal {
            log.annotate_standalone(record, &annotation, out);
        } else {
            log.annotate(record, &annotation, out);
        }
    });
}

/// Merges the verdicts on a record's indicators: the worst status, and the providers and assessments behind
/// it.
fn annotation<'a>(scored: &ScoredBlock<'a>, matches: MatchSlice<'a>) -> Annotation<'a> {
    let all = || matches.iter().map(|found| found.listing);
    let status = [Status::Blocked, Status::Allowed, Status::Failed, Status::Unknown]
        .into_iter()
        .find(|status| all().any(|listing| listing.status == *status));
    let deciding = || all().filter(move |listing| Some(listing.status) == status);
    let mut providers: Vec<&str> =
        deciding().flat_map(|listing| scored.deciding_providers(listing)).collect();
    providers.sort_unstable();
    providers.dedup();
    let mut assessments: Vec<_> = deciding().flat_map(|listing| listing.assessments.iter()).collect();
    assessments.sort_unstable();
    assessments.dedup();
    Annotation {
        status: status.map(Status::number),
        detected_by: if status == Some(Status::Blocked) { providers.len() } else { 0 },
        assessments: assessments.into_iter().map(|assessment| assessment.word()).collect(),
        indicators: matches.iter().map(|found| found.indicator).collect(),
        providers,
    }
}
