//! `metadefender`: the shape of the MetaDefender v4 reputation API, so that its clients can be pointed here.

use super::{Answer, BatchPrinter, Context, LookupOutput, no_header};
use crate::output::json as printed;
use rapsheet_json::{Metadefender, unanswered};

/// The row of the table.
pub(super) static OUTPUT: LookupOutput = LookupOutput {
    name: "metadefender",
    about: "JSON Lines, in the shape of the MetaDefender v4 reputation API",
    header: no_header,
    answer: |context, answered, out| {
        let mut text = Vec::new();
        Metadefender::new(context.directory, answered.answer.at).verdict(answered.answer, &mut text);
        text.push(b'\n');
        out.write_all(&text)
    },
    refused: |_, refused, out| printed::line(&unanswered(refused.input, refused.word, refused.message), out),
    batch: |_| Some(Box::<Batch>::default()),
};

/// Writes short answers; its texts are made with the first one.
#[derive(Default)]
struct Batch(Option<Metadefender>);

impl BatchPrinter for Batch {
    fn answer(&mut self, context: &Context<'_>, _: &[u8], answer: &Answer<'_>, out: &mut Vec<u8>) {
        let Some(searcher) = context.searcher else { return };
        let shape = self.0.get_or_insert_with(|| Metadefender::new(context.directory, context.at));
        shape.answer(searcher, answer, out);
        out.push(b'\n');
    }
}
