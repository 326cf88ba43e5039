//! A buffer in front of a decoder that can be looked into before the next decoder is chosen.

use crate::INPUT_BUFFER;
use std::io::{self, BufRead, Read};

/// Buffers a source. What was looked at is still unread.
pub(crate) struct Lookahead<R> {
    source: R,
    buffer: Vec<u8>,
    /// The unread part of the buffer.
    from: usize,
    to: usize,
}

impl<R: Read> Lookahead<R> {
    pub(crate) fn new(source: R) -> Lookahead<R> {
        Lookahead { source, buffer: vec![0; INPUT_BUFFER], from: 0, to: 0 }
    }

    fn unread(&self) -> &[u8] {
        self.buffer.get(self.from..self.to).unwrap_or(&[])
    }

    /// Reads once behind what is unread. Returns how many bytes there are more.
    fn read_more(&mut self) -> io::Result<usize> {
        self.buffer.copy_within(self.from..self.to, 0);
        (self.from, self.to) = (0, self.to - self.from);
        let room = self.buffer.get_mut(self.to..).unwrap_or(&mut []);
        let count = loop {
            match self.source.read(room) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read?,
            }
        };
        self.to += count;
        Ok(count)
    }

    /// The next `count` bytes, or all of a shorter rest.
    pub(crate) fn peek(&mut self, count: u64) -> io::Result<&[u8]> {
        let count = usize::try_from(count).unwrap_or(usize::MAX).min(self.buffer.len());
        while self.to - self.from < count && self.read_more()? > 0 {}
        let unread = self.unread();
        Ok(unread.get(..count).unwrap_or(unread))
    }

    /// Skips zero bytes. Returns how many there were.
    pub(crate) fn skip_zeros(&mut self) -> io::Result<u64> {
        let mut skipped = 0;
        loop {
            let unread = self.fill_buf()?;
            let zeros = unread.iter().take_while(|byte| **byte == 0).count();
            let is_end = zeros < unread.len() || unread.is_empty();
            self.consume(zeros);
            skipped += zeros as u64;
            if is_end {
                return Ok(skipped);
            }
        }
    }

    /// Skips all that is left. Returns how many bytes there were.
    pub(crate) fn skip_all(&mut self) -> io::Result<u64> {
        let mut skipped = 0;
        loop {
            let count = self.fill_buf()?.len();
            if count == 0 {
                return Ok(skipped);
            }
            self.consume(count);
            skipped += count as u64;
        }
    }
}

impl<R: Read> Read for Lookahead<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.read(out)?;
        self.consume(count);
        Ok(count)
    }
}

impl<R: Read> BufRead for Lookahead<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.from == self.to {
            self.read_more()?;
        }
        Ok(self.unread())
    }

    fn consume(&mut self, count: usize) {
        self.from = (self.from + count).min(self.to);
    }
}
