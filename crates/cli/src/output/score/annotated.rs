//! `annotated`: every record of the log, in its own format, with what is known of its indicators added.
//!
//! What the record says stays, byte for byte.

use super::{Match, ScoreOutput, ScoredBlock};
use crate::log::Remark;
use crate::printable;
use rapsheet_snapshot::Status;

/// The row of the table.
pub(super) static OUTPUT: ScoreOutput =
    ScoreOutput { name: "annotated", is_by_record: true, head: |_, _| {}, block, shown: printable::log_line };

fn block(scored: &ScoredBlock<'_>, out: &mut Vec<u8>) {
    let mut rest = scored.found;
    scored.log.each_record(scored.bytes, scored.range.clone(), |start, end| {
        let (mine, others) = rest.split_at(rest.partition_point(|found| found.at < end));
        rest = others;
        let record = scored.bytes.get(start..end).unwrap_or(&[]);
        if mine.is_empty() && scored.manner.only_listed && !scored.log.is_header(record) {
            return;
        }
        let remark = remark(scored, mine);
        if scored.manner.only_listed || scored.manner.to_terminal {
            scored.log.annotate_alone(record, &remark, out);
        } else {
            scored.log.annotate(record, &remark, out);
        }
    });
}

/// The sum of what is known of a record's indicators: the worst status, and everybody's words.
fn remark<'a>(scored: &ScoredBlock<'a>, mine: &'a [Match]) -> Remark<'a> {
    let all = || mine.iter().map(|found| found.info.as_ref());
    let status = [Status::Blocked, Status::Allowed, Status::Failed, Status::Unknown]
        .into_iter()
        .find(|status| all().any(|info| info.status == *status));
    let speaking = || all().filter(move |info| Some(info.status) == status);
    let mut providers: Vec<&str> = speaking().flat_map(|info| scored.speakers(info)).collect();
    providers.sort_unstable();
    providers.dedup();
    let mut assessments: Vec<_> = speaking().flat_map(|info| info.assessments.iter()).collect();
    assessments.sort_unstable();
    assessments.dedup();
    Remark {
        status: status.map(Status::number),
        detected_by: if status == Some(Status::Blocked) { providers.len() } else { 0 },
        assessments: assessments.into_iter().map(|assessment| assessment.word()).collect(),
        indicators: all().map(|info| info.indicator.as_ref()).collect(),
        providers,
    }
}
