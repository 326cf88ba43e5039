//! Many questions, whose answers are made in parts while the client reads them. What is in memory does not grow with
//! their number.

use crate::limits::{OWN_BYTES, PIECE_BYTES};
use crate::problem::push_error;
use crate::question::{self, Accepts, Outcome, Unusable};
use crate::reply::{Room, SharedRoom};
use crate::snapshots::View;
use crate::texts::Texts;
use hyper::body::Bytes;
use rapsheet_json::{Lines, error, line, object, unanswered};
use rapsheet_query::answer::{Answer, AnswerBuffers};
use rapsheet_query::{Batch, Searcher, Verdict};
use std::sync::Arc;

/// How many questions are looked up together, if none of them is a range.
const GROUP: usize = 32;

/// How the answers look.
#[derive(Clone, Copy)]
pub(crate) enum Style {
    /// Objects of the v4 API.
    V4(Accepts),
    /// Objects of look-ups; with a row for each provider.
    V1 { all_sources: bool },
}

/// Questions that are left to answer.
pub(crate) struct Bulk {
    view: Arc<View>,
    texts: Texts,
    style: Style,
    /// Whether the answers are lines, and not an array in `data`.
    as_lines: bool,
    next: usize,
    is_done: bool,
    batch: Batch,
    buffers: AnswerBuffers,
    lines: Lines,
    _room: Option<Room>,
    /// The room of all requests, and what the last long answer takes of it.
    shared: SharedRoom,
    long: Option<Room>,
}

impl Bulk {
    pub(crate) fn new(
        view: Arc<View>,
        texts: Texts,
        style: Style,
        as_lines: bool,
        (room, shared): (Option<Room>, &SharedRoom),
    ) -> Bulk {
        Bulk {
            view,
            texts,
            style,
            as_lines,
            next: 0,
            is_done: false,
            batch: Batch::new(),
            buffers: AnswerBuffers::default(),
            lines: Lines::default(),
            _room: room,
            shared: shared.clone(),
            long: None,
        }
    }

    /// Reads the next few questions. A range is the last of them, so that what is made at a time holds one at most.
    fn read_group(&mut self) -> Vec<Outcome> {
        let Bulk { texts, style, batch, .. } = self;
        batch.clear();
        let mut outcomes = Vec::with_capacity(GROUP);
        for at in self.next..texts.count().min(self.next + GROUP) {
            outcomes.push(question::push(texts.get(at), accepts(*style), batch));
            if batch.iter().next_back().is_some_and(|question| question.range().is_some()) {
                break;
            }
        }
        outcomes
    }

    /// Answers the next few questions.
    fn answer_group(&mut self, searcher: &Searcher<'_>, out: &mut Vec<u8>) {
        let outcomes = self.read_group();
        let Bulk { view, texts, style, batch, buffers, lines, .. } = self;
        let asked = self.next..self.next + outcomes.len();
        let mut writer = Writer { view, style: *style, lines, as_lines: self.as_lines };
        let mut answers = searcher.answers(batch, buffers);
        for (at, outcome) in asked.clone().zip(&outcomes) {
            if !self.as_lines && at > 0 {
                out.push(b',');
            }
            let (text, _) = texts.get(at).unwrap_or_default();
            let answer = if outcome.has_question { answers.next() } else { None };
            match (outcome.unusable, answer) {
                (None, Some((_, Some(answer)))) => writer.answer(searcher, text, &answer, out),
                (None, Some((question, None))) => {
                    let start = out.len();
                    match question::verdict(searcher, question) {
                        Ok(verdict) => writer.verdict(text, &verdict, out),
                        Err(unusable) => writer.refuse(text, unusable, out),
                    }
                    // A client that does not read it holds it.
                    let length = out.len() - start;
                    if length > OWN_BYTES {
                        self.long = self.shared.take(length);
                        if self.long.is_none() {
                            out.truncate(start);
                            writer.refuse(text, Unusable::Busy, out);
                        }
                    }
                }
                (unusable, _) => writer.refuse(text, unusable.unwrap_or(Unusable::NoText), out),
            }
        }
        self.next = asked.end;
    }
}

fn accepts(style: Style) -> Accepts {
    match style {
        Style::V4(accepts) => accepts,
        Style::V1 { .. } => Accepts::Anything,
    }
}

impl Iterator for Bulk {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        if self.is_done {
            return None;
        }
        let mut out = Vec::with_capacity(PIECE_BYTES);
        if self.next == 0 && !self.as_lines {
            out.extend_from_slice(b"{\"data\":[");
        }
        let view = Arc::clone(&self.view);
        let searcher = view.searcher();
        while out.len() < PIECE_BYTES && self.next < self.texts.count() {
            self.answer_group(&searcher, &mut out);
        }
        if self.next >= self.texts.count() {
            self.is_done = true;
            if !self.as_lines {
                out.extend_from_slice(b"]}\n");
            }
        }
        Some(Bytes::from(out))
    }
}

/// Writes answers in one style.
struct Writer<'a> {
    view: &'a View,
    style: Style,
    lines: &'a mut Lines,
    as_lines: bool,
}

impl Writer<'_> {
    fn answer(&mut self, searcher: &Searcher<'_>, text: &[u8], answer: &Answer<'_>, out: &mut Vec<u8>) {
        match self.style {
            Style::V4(_) => self.view.shape.answer(searcher, answer, out),
            Style::V1 { all_sources: false } => {
                self.lines.answer(&self.view.directory, self.view.at, text, answer, out);
                self.end_line(out);
            }
            Style::V1 { all_sources: true } => self.verdict(text, &searcher.verdict(answer.question), out),
        }
    }

    fn verdict(&self, text: &[u8], answer: &Verdict, out: &mut Vec<u8>) {
        match self.style {
            Style::V4(_) => self.view.shape.verdict(answer, out),
            Style::V1 { all_sources } => {
                let input = String::from_utf8_lossy(text);
                // Memory takes it.
                let _ = line(&object(&self.view.directory, &input, answer, all_sources), out);
                self.end_line(out);
            }
        }
    }

    fn refuse(&self, text: &[u8], unusable: Unusable, out: &mut Vec<u8>) {
        match (self.style, unusable) {
            (Style::V1 { .. }, Unusable::NotParsed(why)) => {
                let _ = line(&error(&String::from_utf8_lossy(text), why), out);
            }
            (Style::V1 { .. }, _) => {
                let (input, message) = (String::from_utf8_lossy(text), unusable.message());
                let _ = line(&unanswered(&input, unusable.word(), Some(&message)), out);
            }
            (Style::V4(accepts), _) => {
                let mut error = Vec::new();
                push_error(unusable.code(), &unusable.message(), &mut error);
                return self.view.shape.refused(text, accepts == Accepts::Addresses, &error, out);
            }
        }
        self.end_line(out);
    }

    /// A line of an array has no line end.
    fn end_line(&self, out: &mut Vec<u8>) {
        if !self.as_lines {
            out.pop_if(|byte| *byte == b'\n');
        }
    }
}
