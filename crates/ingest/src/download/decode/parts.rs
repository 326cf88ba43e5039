//! The parts of a download.
//!
//! Most downloads are one list. An archive holds several, and the name of a part may say what it lists: there
//! is a folder for each category, or one file for names and one for URLs. So a text can be read part by part,
//! or as a whole.

use crate::download::refusal::FileRefusal;
use rapsheet_decompress::TrailingBytes;
use std::io::{self, Read};

/// A sequence of parts, each read to its end before the next one begins.
pub(super) trait Parts: Read + Send {
    /// Enters the next part and returns its name; `None` after the last one.
    fn next_part(&mut self) -> io::Result<Option<String>>;
}

/// A text that is one part without a name.
pub(super) struct SinglePart<R> {
    text: R,
    entered: bool,
}

impl<R> SinglePart<R> {
    pub(super) fn new(text: R) -> SinglePart<R> {
        SinglePart { text, entered: false }
    }
}

impl<R: Read> Read for SinglePart<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.text.read(buffer)
    }
}

impl<R: Read + Send> Parts for SinglePart<R> {
    fn next_part(&mut self) -> io::Result<Option<String>> {
        let first = !std::mem::replace(&mut self.entered, true);
        Ok(first.then(String::new))
    }
}

/// The decoded text of a download. The first refusal is final: a decoder that is read again after an error
/// may report the end of the file, and the text would pass for a whole list.
pub struct Text {
    parts: Box<dyn Parts>,
    inside: bool,
    last: u8,
    failed: Option<FileRefusal>,
    trailing: TrailingBytes,
}

impl Text {
    pub(super) fn new(parts: impl Parts + 'static) -> Text {
        Text::with_trailing(parts, TrailingBytes::default())
    }

    pub(super) fn with_trailing(parts: impl Parts + 'static, trailing: TrailingBytes) -> Text {
        Text { parts: Box::new(parts), inside: false, last: b'\n', failed: None, trailing }
    }

    /// What is remarkable about the compressed data, once it was read to its end.
    pub fn trailing(&self) -> &TrailingBytes {
        &self.trailing
    }

    /// Enters the next part and returns its name, which is empty where the download is one list.
    pub fn next_part(&mut self) -> Result<Option<String>, FileRefusal> {
        self.unless_failed(|text| {
            let name = text.parts.next_part()?;
            (text.inside, text.last) = (name.is_some(), b'\n');
            Ok(name)
        })
        .map_err(|error| super::refusal(&error))
    }

    fn unless_failed<T>(&mut self, read: impl FnOnce(&mut Text) -> io::Result<T>) -> io::Result<T> {
        if let Some(failed) = &self.failed {
            return Err(super::refused(failed.clone()));
        }
        read(self).inspect_err(|error| {
            if error.kind() != io::ErrorKind::Interrupted {
                self.failed = Some(super::refusal(error));
            }
        })
    }

    /// The rest of the current part.
    pub fn part(&mut self) -> Part<'_> {
        Part(self)
    }

    /// Reads from the current part.
    fn read_part(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if !self.inside || buffer.is_empty() {
            return Ok(0);
        }
        let count = self.unless_failed(|text| text.parts.read(buffer))?;
        if let Some(&byte) = buffer.get(..count).and_then(<[u8]>::last) {
            self.last = byte;
            return Ok(count);
        }
        self.inside = false;
        Ok(0)
    }
}

/// All parts as one text. A part without a final newline gets one, so that no line spans two parts.
impl Read for Text {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let count = self.read_part(buffer)?;
            if count > 0 || buffer.is_empty() {
                return Ok(count);
            }
            let is_unterminated = self.last != b'\n';
            if self.next_part().map_err(super::refused)?.is_none() {
                return Ok(0);
            }
            if let (true, Some(first)) = (is_unterminated, buffer.first_mut()) {
                *first = b'\n';
                return Ok(1);
            }
        }
    }
}

/// One part of a text.
pub struct Part<'t>(&'t mut Text);

impl Read for Part<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read_part(buffer)
    }
}
