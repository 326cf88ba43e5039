//! Byte order marks: UTF-8 loses its mark, UTF-16 becomes UTF-8.
//!
//! Lists are exported from spreadsheets and from Windows shells, so a mark in front is ordinary; left in
//! place it would become part of the first indicator. Without a mark the bytes are handed on as they are:
//! to guess an encoding is to be wrong now and then, and parsers judge each line anyway.

use super::refused;
use crate::download::refusal::FileRefusal;
use std::io::{self, Read};

const CHUNK: usize = 1 << 15;

/// UTF-8 without a mark, from text in whatever its mark says.
pub(super) struct Utf8<R> {
    text: R,
    unit: Option<fn([u8; 2]) -> u16>,
    started: bool,
    /// Decoded bytes that were not asked for yet, from `at` on.
    ready: Vec<u8>,
    at: usize,
    /// Half a code unit, at the end of the last chunk.
    odd: Option<u8>,
    /// The first half of a surrogate pair.
    high: Option<u16>,
}

impl<R: Read> Utf8<R> {
    pub(super) fn new(text: R) -> Utf8<R> {
        Utf8 { text, unit: None, started: false, ready: Vec::new(), at: 0, odd: None, high: None }
    }

    pub(super) fn into_inner(self) -> R {
        self.text
    }

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

    fn decode(&mut self, unit: fn([u8; 2]) -> u16, bytes: &[u8]) -> io::Result<()> {
        for &byte in bytes {
            match self.odd.take() {
                None => self.odd = Some(byte),
                Some(first) => self.push(unit([first, byte]))?,
            }
        }
        Ok(())
    }

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
        match (self.odd, self.high) {
            (None, None) => Ok(false),
            _ => Err(refused(FileRefusal::BadEncoding)),
        }
    }

    fn hand_over(&mut self, buffer: &mut [u8]) -> usize {
        let waiting = self.ready.get(self.at..).unwrap_or_default();
        let count = waiting.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..count), waiting.get(..count)) {
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
        Ok(self.hand_over(buffer))
    }
}

/// The two bytes of a big-endian code unit. This is the publisher's order, not that of a rapsheet file.
fn u16_from_big_endian([high, low]: [u8; 2]) -> u16 {
    u16::from(high) << 8 | u16::from(low)
}
