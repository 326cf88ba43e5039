//! `jsonl`: the objects of `json`, one a line.

use super::{Answer, BatchPrinter, Context, LookupOutput, no_header};
use crate::output::json as printed;
use rapsheet_json::{Lines, object, unanswered};

/// The row of the table.
pub(super) static OUTPUT: LookupOutput = LookupOutput {
    name: "jsonl",
    about: "JSON Lines, one object per indicator",
    header: no_header,
    answer: |context, answered, out| {
        let all = context.style.all_sources;
        printed::line(&object(context.directory, answered.input, answered.answer, all), out)
    },
    refused: |_, refused, out| printed::line(&unanswered(refused.input, refused.word, refused.message), out),
    batch: |style| (!style.all_sources).then(|| Box::<Lines>::default() as Box<dyn BatchPrinter>),
};

impl BatchPrinter for Lines {
    fn answer(&mut self, context: &Context<'_>, input: &[u8], answer: &Answer<'_>, out: &mut Vec<u8>) {
        Lines::answer(self, context.directory, context.at, input, answer, out);
    }
}
