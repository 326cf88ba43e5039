//! `json`: one indented object per indicator, its fields in the order that the documentation shows.

use super::{LookupOutput, no_batch, no_header};
use crate::output::json as printed;
use rapsheet_json::{object, unanswered};

/// The row of the table.
pub(super) static OUTPUT: LookupOutput = LookupOutput {
    name: "json",
    about: "JSON, one indented object per indicator",
    header: no_header,
    answer: |context, answered, out| {
        let all = context.style.all_sources;
        printed::indented(&object(context.directory, answered.input, answered.answer, all), out)
    },
    refused: |_, refused, out| {
        printed::indented(&unanswered(refused.input, refused.word, refused.message), out)
    },
    batch: no_batch,
};
