//! At which builds of its segment a row holds, and what its times mean: a table that rows refer to.
//!
//! A row of a segment is stored as a row of a snapshot, whose expiry is the number of a span. Most rows of a
//! segment share a few spans.

use crate::bytes::Reader;
use rapsheet_snapshot::TooLarge;
use std::collections::HashMap;

/// The bytes of a span.
pub(crate) const SPAN_LEN: usize = 12;

/// When a row holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Span {
    /// The positions in the segment of the first and the last build at which it holds.
    pub(crate) first: u16,
    pub(crate) last: u16,
    /// Whether its detect_time is the usual one of its feed at each build.
    pub(crate) is_usual: bool,
    /// The expiry that the row states.
    pub(crate) expiry: Option<u32>,
}

const USUAL: u32 = 1;
const EXPIRES: u32 = 2;

/// Spans, numbered in the order of first use.
#[derive(Debug, Default)]
pub(crate) struct SpanTable {
    spans: Vec<Span>,
    numbers: HashMap<Span, u32>,
}

/// More would not fit what stores their numbers: times, of which the last is 2^32 - 2.
const SPANS_MAX: u64 = u32::MAX as u64 - 2;

impl SpanTable {
    /// The number of a span.
    pub(crate) fn number(&mut self, span: Span) -> Result<u32, TooLarge> {
        if let Some(number) = self.numbers.get(&span) {
            return Ok(*number);
        }
        TooLarge::check("history", "spans", self.spans.len() as u64, SPANS_MAX)?;
        let number = self.spans.len() as u32;
        self.spans.push(span);
        self.numbers.insert(span, number);
        Ok(number)
    }

    pub(crate) fn len(&self) -> usize {
        self.spans.len()
    }

    /// The bytes of the section.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.spans.len() * SPAN_LEN);
        for Span { first, last, is_usual, expiry } in &self.spans {
            let flags = (u32::from(*is_usual) * USUAL) | (u32::from(expiry.is_some()) * EXPIRES);
            out.extend(first.to_le_bytes());
            out.extend(last.to_le_bytes());
            out.extend(flags.to_le_bytes());
            out.extend(expiry.unwrap_or(0).to_le_bytes());
        }
        out
    }
}

/// The span of a number; `None` where there is none.
#[inline]
pub(crate) fn span(section: &[u8], number: u32) -> Option<Span> {
    let at = (number as usize).checked_mul(SPAN_LEN)?;
    let mut reader = Reader::new(section.get(at..at.checked_add(SPAN_LEN)?)?);
    let (first, last, flags, expiry) = (reader.u16()?, reader.u16()?, reader.u32()?, reader.u32()?);
    let expiry = (flags & EXPIRES != 0).then_some(expiry);
    Some(Span { first, last, is_usual: flags & USUAL != 0, expiry })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_back() {
        let spans = [
            Span { first: 0, last: 0, is_usual: true, expiry: None },
            Span { first: 3, last: 365, is_usual: false, expiry: Some(u32::MAX - 1) },
            Span { first: 0, last: 0, is_usual: false, expiry: Some(0) },
        ];
        let mut table = SpanTable::default();
        let numbers = spans.map(|span| table.number(span).expect("few"));
        assert_eq!((numbers, table.number(spans[1]).expect("few"), table.len()), ([0, 1, 2], 1, 3));
        let bytes = table.encode();
        assert_eq!([0, 1, 2].map(|number| span(&bytes, number)), spans.map(Some));
        assert_eq!((span(&bytes, 3), span(&bytes, u32::MAX)), (None, None));
    }
}
