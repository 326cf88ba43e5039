//! The lines of a stream of questions: all that a read gave, as soon as it gave them.
//!
//! A pipe may be fast, and then large reads and many lines at once are worth much; or a program may write one line and
//! wait for its answer. So a read takes what is there, and the lines that it completed are handed out before the next.

use crate::exit::Failure;
use std::io::{self, Read};
use std::ops::Range;

/// The longest question, in bytes.
const QUESTION_MAX: usize = 64 << 10;
/// How much of a longer one is kept, in bytes.
const TOO_LONG_SHOWN: usize = 80;
/// The most bytes of a read. A pipe gives 64 KiB; a file as much as is asked for.
const BUFFER_LEN: usize = 256 << 10;

/// A stream of lines, one buffer of it at a time.
pub(crate) struct QuestionLines {
    reader: Box<dyn Read>,
    buffer: Vec<u8>,
    /// The bytes in the buffer that were not handed out.
    unread: Range<usize>,
    /// The end of the complete lines among them.
    lines_end: usize,
    /// Whether the first of these lines has lost its rest, because it is too long.
    is_first_cut: bool,
    /// Whether the rest of a line that is too long is being skipped.
    skips_line: bool,
}

/// A line that is not blank.
pub(crate) struct Line {
    /// Where it is in the buffer, without its line end.
    at: Range<usize>,
    /// Whether it is only the beginning of a line that is too long.
    pub(crate) is_cut: bool,
}

impl QuestionLines {
    pub(crate) fn new(reader: Box<dyn Read>) -> QuestionLines {
        let buffer = vec![0; BUFFER_LEN];
        QuestionLines { reader, buffer, unread: 0..0, lines_end: 0, is_first_cut: false, skips_line: false }
    }

    /// Reads until there is a complete line. Returns `false` at the end, where the last line needs no line end.
    pub(crate) fn wait(&mut self) -> Result<bool, Failure> {
        while self.lines_end == self.unread.start {
            let read = self.read().map_err(|error| Failure::refused(format_args!("(stdin): {error}")))?;
            if read == 0 {
                self.is_first_cut |= std::mem::take(&mut self.skips_line);
                self.lines_end = self.unread.end;
                return Ok(!self.unread.is_empty());
            }
            self.find_lines(read);
        }
        Ok(true)
    }

    /// Replaces `lines` by the next complete lines, at most `most`. Returns `false` where there are none.
    pub(crate) fn take(&mut self, most: usize, lines: &mut Vec<Line>) -> bool {
        lines.clear();
        while lines.len() < most && self.unread.start < self.lines_end {
            let rest = self.buffer.get(self.unread.start..self.lines_end).unwrap_or(&[]);
            let length = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
            let line = rest.get(..length).unwrap_or(rest);
            let is_cut = std::mem::take(&mut self.is_first_cut) || length >= QUESTION_MAX;
            let shown = if is_cut { length.min(TOO_LONG_SHOWN) } else { without_return(line).len() };
            if is_cut || !line.trim_ascii().is_empty() {
                lines.push(Line { at: self.unread.start..self.unread.start + shown, is_cut });
            }
            self.unread.start = (self.unread.start + length + 1).min(self.lines_end);
        }
        !lines.is_empty()
    }

    /// The bytes of a line that was taken since the last read.
    pub(crate) fn text(&self, line: &Line) -> &[u8] {
        self.buffer.get(line.at.clone()).unwrap_or(&[])
    }

    /// Reads once, behind the bytes that are left, which move to the front.
    fn read(&mut self) -> io::Result<usize> {
        self.buffer.copy_within(self.unread.clone(), 0);
        self.unread = 0..self.unread.len();
        self.lines_end = 0;
        let room = self.buffer.get_mut(self.unread.end..).unwrap_or_default();
        loop {
            match self.reader.read(room) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => return other,
            }
        }
    }

    /// Takes note of `read` more bytes, and of the lines that they complete.
    fn find_lines(&mut self, read: usize) {
        let mut new = self.unread.end..self.unread.end + read;
        if self.skips_line {
            let bytes = self.buffer.get(new.clone()).unwrap_or(&[]);
            let Some(line_end) = memchr::memchr(b'\n', bytes) else { return };
            (self.skips_line, self.is_first_cut) = (false, true);
            self.buffer.copy_within(new.start + line_end..new.end, new.start);
            new.end -= line_end;
        }
        self.unread.end = new.end;
        let bytes = self.buffer.get(new.clone()).unwrap_or(&[]);
        match memchr::memrchr(b'\n', bytes) {
            Some(at) => self.lines_end = new.start + at + 1,
            None if self.unread.len() >= QUESTION_MAX => {
                self.skips_line = true;
                self.unread.end = self.unread.start + TOO_LONG_SHOWN;
            }
            None => {}
        }
    }
}

fn without_return(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives a text in reads of the given lengths, again and again.
    struct Pieces {
        text: Vec<u8>,
        lengths: Vec<usize>,
        reads: usize,
    }

    impl Read for Pieces {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let length = self.lengths[self.reads % self.lengths.len()].min(buffer.len()).min(self.text.len());
            self.reads += 1;
            buffer[..length].copy_from_slice(&self.text[..length]);
            self.text.drain(..length);
            Ok(length)
        }
    }

    type Lines = Vec<(Vec<u8>, bool)>;

    fn lines(text: &[u8], lengths: &[usize], most: usize) -> Lines {
        let reader = Pieces { text: text.to_vec(), lengths: lengths.to_vec(), reads: 0 };
        let (mut questions, mut taken, mut all) =
            (QuestionLines::new(Box::new(reader)), Vec::new(), Vec::new());
        while questions.wait().expect("memory does not fail") {
            while questions.take(most, &mut taken) {
                all.extend(taken.iter().map(|line| (questions.text(line).to_vec(), line.is_cut)));
            }
        }
        all
    }

    /// The same, from the whole text.
    fn expected(text: &[u8]) -> Lines {
        let text = text.strip_suffix(b"\n").unwrap_or(text);
        let lines = text.split(|byte| *byte == b'\n');
        let kept = lines.filter(|line| !line.trim_ascii().is_empty() || line.len() >= QUESTION_MAX);
        kept.map(|line| match line.len() >= QUESTION_MAX {
            true => (line[..TOO_LONG_SHOWN].to_vec(), true),
            false => (line.strip_suffix(b"\r").unwrap_or(line).to_vec(), false),
        })
        .collect()
    }

    #[test]
    fn lines_are_the_same_however_they_are_read() {
        let long = |length: usize| "x".repeat(length);
        let texts = [
            String::new(),
            "\n\n  \n".to_owned(),
            "a".to_owned(),
            "a\r\n\r\n b \r\nc\r".to_owned(),
            format!("{}\na\n{}", long(QUESTION_MAX - 1), long(QUESTION_MAX - 1)),
            format!("{}\na\n{}\n", long(QUESTION_MAX), long(QUESTION_MAX)),
            format!("a\n{}\n\nb\n{}\nc", long(3 * BUFFER_LEN), long(QUESTION_MAX + 1)),
            format!("{}\n{}", long(QUESTION_MAX + 5), long(BUFFER_LEN * 2)),
            format!("{}\n{}x\n", " ".repeat(QUESTION_MAX + 5), " ".repeat(300)),
            (0..60_000).map(|at| format!("{at}.example.com\n")).collect(),
        ];
        for text in texts.iter().map(String::as_bytes) {
            for lengths in [&[1 << 20][..], &[4096, 100_000], &[65_536], &[1, 2, 65_535, 7], &[79, 81, 500]] {
                for most in [1, 700] {
                    let found = lines(text, lengths, most);
                    assert!(found == expected(text), "{} bytes in reads of {lengths:?}", text.len());
                }
            }
        }
    }
}
