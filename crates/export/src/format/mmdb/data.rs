//! The data of an MMDB: records, each once, and what the file says of itself.

use crate::header::Header;
use crate::statement::Statement;
use rapsheet_snapshot::{FeedId, ListKind};
use std::collections::HashMap;
use std::io::{self, Write};

/// Types of values.
const STRING: u8 = 2;
const UINT16: u8 = 5;
const UINT32: u8 = 6;
const MAP: u8 = 7;
const UINT64: u8 = 9;
const ARRAY: u8 = 11;

/// What begins the metadata. It is no UTF-8, so that no text holds it.
const MARKER: &[u8] = b"\xab\xcd\xefMaxMind.com";

/// How much of the description is written: readers look for the marker in the last 128 KiB.
pub(super) const DESCRIPTION_MAX: usize = 1 << 16;

const SECONDS_PER_HOUR: u64 = 3600;

/// The names of the fields of a record, in the order in which they are written.
const FIELDS: [&str; 5] = ["status", "assessments", "providers", "feeds", "expires"];

/// What a record says.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Record {
    is_blocked: bool,
    providers: u16,
    /// The bits of the assessments.
    assessments: u16,
    /// Where the list of feeds is.
    feeds: u32,
    /// When it ends: a whole hour, so that many entries have the same record.
    expires: u64,
}

impl Record {
    /// Writes it, given where the names of its fields and the list of assessments are.
    fn write(
        &self,
        [status, assessments, providers, feeds, expires]: [u32; FIELDS.len()],
        assessments_at: u32,
        out: &mut Vec<u8>,
    ) {
        control(MAP, FIELDS.len(), out);
        pointer(status, out);
        number(UINT16, self.is_blocked.into(), out);
        pointer(assessments, out);
        pointer(assessments_at, out);
        pointer(providers, out);
        number(UINT16, self.providers.into(), out);
        pointer(feeds, out);
        pointer(self.feeds, out);
        pointer(expires, out);
        number(UINT64, self.expires, out);
    }
}

/// The data section. What recurs is written once, and pointed to.
#[derive(Default)]
pub(super) struct Data {
    bytes: Vec<u8>,
    texts: HashMap<String, u32>,
    assessments: HashMap<u32, u32>,
    feeds: HashMap<Vec<FeedId>, u32>,
    records: HashMap<Record, u32>,
}

impl Data {
    /// How many bytes it has.
    pub(super) fn len(&self) -> u32 {
        // `place` lets it grow no further.
        u32::try_from(self.bytes.len()).unwrap_or(u32::MAX)
    }

    pub(super) fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(&self.bytes)
    }

    /// Where the record of a statement is.
    pub(super) fn record(&mut self, header: &Header, statement: &Statement) -> io::Result<u32> {
        let expires = u64::try_from(statement.expires.unix()).unwrap_or(0);
        let record = Record {
            is_blocked: statement.list == ListKind::Block,
            providers: statement.providers,
            assessments: statement.assessments.bits(),
            feeds: self.feeds(header, statement)?,
            expires: expires - expires % SECONDS_PER_HOUR,
        };
        if let Some(at) = self.records.get(&record) {
            return Ok(*at);
        }
        let mut names = [0; FIELDS.len()];
        for (to, name) in names.iter_mut().zip(FIELDS) {
            *to = self.text(name)?;
        }
        let assessments = self.assessments(statement)?;
        let at = self.place()?;
        record.write(names, assessments, &mut self.bytes);
        self.records.insert(record, at);
        Ok(at)
    }

    fn assessments(&mut self, statement: &Statement) -> io::Result<u32> {
        let key = u32::from(statement.assessments.bits());
        if let Some(at) = self.assessments.get(&key) {
            return Ok(*at);
        }
        let words: Vec<&str> = statement.assessments.iter().map(|assessment| assessment.word()).collect();
        let at = self.list(&words)?;
        self.assessments.insert(key, at);
        Ok(at)
    }

    fn feeds(&mut self, header: &Header, statement: &Statement) -> io::Result<u32> {
        if let Some(at) = self.feeds.get(&statement.feeds) {
            return Ok(*at);
        }
        let at = self.list(&header.feeds_of(statement))?;
        self.feeds.insert(statement.feeds.clone(), at);
        Ok(at)
    }

    /// Writes a list of texts.
    fn list(&mut self, texts: &[&str]) -> io::Result<u32> {
        let texts: Vec<u32> = texts.iter().map(|text| self.text(text)).collect::<io::Result<_>>()?;
        let at = self.place()?;
        control(ARRAY, texts.len(), &mut self.bytes);
        texts.into_iter().for_each(|text| pointer(text, &mut self.bytes));
        Ok(at)
    }

    fn text(&mut self, text: &str) -> io::Result<u32> {
        if let Some(at) = self.texts.get(text) {
            return Ok(*at);
        }
        let at = self.place()?;
        string(text, &mut self.bytes);
        self.texts.insert(text.to_owned(), at);
        Ok(at)
    }

    /// Where the next value will be.
    fn place(&self) -> io::Result<u32> {
        let place = u32::try_from(self.bytes.len()).ok().filter(|place| *place < u32::MAX >> 1);
        place.ok_or_else(|| io::Error::other("the data of an MMDB has at most 2 GiB; use --max-entries"))
    }
}

/// What the file says of itself.
pub(super) struct Metadata {
    pub(super) node_count: u64,
    pub(super) record_bits: u8,
}

impl Metadata {
    pub(super) fn write(&self, header: &Header, out: &mut dyn Write) -> io::Result<()> {
        let mut bytes = MARKER.to_vec();
        control(MAP, 9, &mut bytes);
        let numbers = [
            ("binary_format_major_version", UINT16, 2),
            ("binary_format_minor_version", UINT16, 0),
            ("build_epoch", UINT64, u64::try_from(header.now.unix()).unwrap_or(0)),
            ("ip_version", UINT16, 6),
            ("node_count", UINT32, self.node_count),
            ("record_size", UINT16, u64::from(self.record_bits)),
        ];
        for (name, kind, value) in numbers {
            string(name, &mut bytes);
            number(kind, value, &mut bytes);
        }
        string("database_type", &mut bytes);
        string("rapsheet", &mut bytes);
        string("description", &mut bytes);
        control(MAP, 1, &mut bytes);
        string("en", &mut bytes);
        string(&description(header), &mut bytes);
        string("languages", &mut bytes);
        control(ARRAY, 1, &mut bytes);
        string("en", &mut bytes);
        out.write_all(&bytes)
    }
}

/// When it was built, from what, under which licences.
fn description(header: &Header) -> String {
    let lines = std::iter::once(format!("rapsheet export: {}", header.times()));
    let mut text = lines.chain(header.sources().iter().cloned()).collect::<Vec<String>>().join("\n");
    if text.len() > DESCRIPTION_MAX {
        let end = (0..=DESCRIPTION_MAX).rfind(|end| text.is_char_boundary(*end)).unwrap_or(0);
        text.truncate(end);
        text.push_str("\n...");
    }
    text
}

/// The head of a value: its type, and how many bytes, fields or elements follow.
fn control(kind: u8, size: usize, out: &mut Vec<u8>) {
    // Sizes of 29 and more stand in the bytes behind the head.
    let (short, rest, width) = match size {
        0..29 => (size, 0, 0),
        29..285 => (29, size - 29, 1),
        285..65_821 => (30, size - 285, 2),
        _ => (31, size - 65_821, 3),
    };
    // `short` has 5 bits.
    let short = short as u8;
    match kind {
        0..=7 => out.push(kind << 5 | short),
        _ => out.extend([short, kind - 7]),
    }
    push_bytes(rest as u64, width, out);
}

/// The lowest bytes of a number, the highest of them first.
fn push_bytes(value: u64, width: u32, out: &mut Vec<u8>) {
    out.extend((0..width).rev().map(|at| (value >> (8 * at)) as u8));
}

fn string(text: &str, out: &mut Vec<u8>) {
    control(STRING, text.len(), out);
    out.extend_from_slice(text.as_bytes());
}

/// A number, without the zeros that it begins with.
fn number(kind: u8, value: u64, out: &mut Vec<u8>) {
    let width = (64 - value.leading_zeros()).div_ceil(8);
    control(kind, width as usize, out);
    push_bytes(value, width, out);
}

/// A pointer to a value in the data section.
fn pointer(to: u32, out: &mut Vec<u8>) {
    const KIND: u8 = 1 << 5;
    let to = u64::from(to);
    // The first three forms have 3 bits of the offset, less what the form before reaches, in the head.
    let (form, rest, width): (u8, u64, u32) = match to {
        0..0x800 => (0, to, 1),
        0x800..0x8_0800 => (1, to - 0x800, 2),
        0x8_0800..0x808_0800 => (2, to - 0x8_0800, 3),
        _ => (3, to, 4),
    };
    let high = if form == 3 { 0 } else { (rest >> (8 * width)) as u8 };
    out.push(KIND | form << 3 | high);
    push_bytes(rest, width, out);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pointer_bytes(to: u32) -> Vec<u8> {
        let mut bytes = Vec::new();
        pointer(to, &mut bytes);
        bytes
    }

    #[test]
    fn heads_and_pointers_as_the_specification_has_them() {
        let head = |kind: u8, size: usize| {
            let mut bytes = Vec::new();
            control(kind, size, &mut bytes);
            bytes
        };
        assert_eq!(head(STRING, 28), [0x5c]);
        assert_eq!(head(STRING, 29), [0x5d, 0]);
        assert_eq!(head(STRING, 284), [0x5d, 255]);
        assert_eq!(head(STRING, 285), [0x5e, 0, 0]);
        assert_eq!(head(STRING, 65_821), [0x5f, 0, 0, 0]);
        assert_eq!(head(UINT64, 4), [4, 2]);
        assert_eq!(pointer_bytes(0x7ff), [0x27, 0xff]);
        assert_eq!(pointer_bytes(0x800), [0x28, 0, 0]);
        assert_eq!(pointer_bytes(0x8_07ff), [0x2f, 0xff, 0xff]);
        assert_eq!(pointer_bytes(0x8_0800), [0x30, 0, 0, 0]);
        assert_eq!(pointer_bytes(0x808_07ff), [0x37, 0xff, 0xff, 0xff]);
        assert_eq!(pointer_bytes(0x808_0800), [0x38, 0x08, 0x08, 0x08, 0]);
    }
}
