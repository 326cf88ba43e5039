//! The answers to a list as CSV, made while the client reads them.

use crate::limits::PIECE_BYTES;
use crate::question::{self, Accepts};
use crate::reply::Room;
use crate::snapshots::View;
use crate::texts::Texts;
use hyper::body::Bytes;
use rapsheet_json::{Dialect, csv};
use rapsheet_query::Batch;
use std::sync::Arc;

/// A spreadsheet opens what is taken away, and must not run what a feed or a list says.
const DIALECT: Dialect = Dialect::CsvForSpreadsheet;

/// Lines that are left to answer.
pub(crate) struct Csv {
    view: Arc<View>,
    texts: Texts,
    next: usize,
    is_begun: bool,
    batch: Batch,
    _room: Option<Room>,
}

impl Csv {
    pub(crate) fn new(view: Arc<View>, texts: Texts, room: Option<Room>) -> Csv {
        Csv { view, texts, next: 0, is_begun: false, batch: Batch::new(), _room: room }
    }

    /// Appends the rows of the next line.
    fn answer(&mut self, out: &mut Vec<u8>) {
        let text = self.texts.get(self.next);
        self.next += 1;
        self.batch.clear();
        let outcome = question::push(text, Accepts::Anything, &mut self.batch);
        let input = String::from_utf8_lossy(text.unwrap_or_default().0);
        let answer = match outcome.unusable {
            Some(unusable) => Err(unusable),
            None => question::only_verdict(&self.view.searcher(), &self.batch),
        };
        match answer {
            Ok(verdict) => csv::answer(DIALECT, &self.view.directory, &input, &verdict, false, out),
            Err(unusable) => csv::refused(DIALECT, &input, unusable.word(), out),
        }
    }
}

impl Iterator for Csv {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        let mut out = Vec::new();
        if !self.is_begun {
            self.is_begun = true;
            DIALECT.row(csv::HEADER, &mut out);
        }
        while out.len() < PIECE_BYTES && self.next < self.texts.count() {
            self.answer(&mut out);
        }
        (!out.is_empty()).then(|| Bytes::from(out))
    }
}
