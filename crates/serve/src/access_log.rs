//! The access log: a line of JSON for each answer. It has no key, no header and no query.
//!
//! A thread of its own writes it, so that a slow disk delays no answer. When the disk falls too far behind, lines are
//! lost, and counted.

use rapsheet_json::{line, safe_for_terminals};
use serde::Serialize;
use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// How many lines may wait to be written.
const WAITING_MAX: usize = 4096;
/// How many bytes are written at once.
const WRITE_LEN: usize = 64 << 10;
/// The longest path that is logged, in bytes.
const PATH_MAX: usize = 2048;

/// Opens the log, also anew after it was rotated.
pub type OpenLog = Box<dyn FnMut() -> io::Result<Box<dyn Write + Send>> + Send>;

/// One answer.
#[derive(Serialize)]
pub(crate) struct Entry<'a> {
    pub(crate) time: String,
    pub(crate) peer: String,
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) status: u16,
    pub(crate) bytes: u64,
    pub(crate) seconds: f64,
    /// The name of the key, which is not the key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) client: Option<&'a str>,
}

enum Message {
    Line(Vec<u8>),
    Reopen,
}

/// The log.
pub(crate) struct AccessLog {
    sender: Mutex<Option<SyncSender<Message>>>,
    /// Is told when all is written.
    written: Mutex<Receiver<()>>,
    pub(crate) lost: Arc<AtomicU64>,
}

impl AccessLog {
    /// Opens the log and starts its thread; `tell` gets what goes wrong later.
    pub(crate) fn start(mut open: OpenLog, tell: impl Fn(&str) + Send + 'static) -> io::Result<AccessLog> {
        let out = open()?;
        let (sender, receiver) = sync_channel(WAITING_MAX);
        let (ended, written) = sync_channel(1);
        let lost = Arc::new(AtomicU64::new(0));
        let mut writer =
            Writer { out, open, tell: Box::new(tell), lost: Arc::clone(&lost), has_failed: false };
        thread::Builder::new().name("access log".to_owned()).spawn(move || {
            writer.write_all(&receiver);
            // No one may wait any more.
            let _ = ended.send(());
        })?;
        Ok(AccessLog { sender: Mutex::new(Some(sender)), written: Mutex::new(written), lost })
    }

    pub(crate) fn write(&self, entry: &Entry<'_>) {
        let mut text = Vec::with_capacity(256);
        if line(entry, &mut text).is_ok() {
            self.send(Message::Line(text));
        }
    }

    /// Opens the log anew.
    pub(crate) fn reopen(&self) {
        self.send(Message::Reopen);
    }

    fn send(&self, message: Message) {
        let sender = self.sender.lock().unwrap_or_else(PoisonError::into_inner);
        if sender.as_ref().is_none_or(|sender| sender.try_send(message).is_err()) {
            self.lost.fetch_add(1, Relaxed);
        }
    }

    /// Writes what is left. Returns whether all of it was written in time: what reads the log may have stopped reading.
    pub(crate) fn finish(&self, time: Duration) -> bool {
        self.sender.lock().unwrap_or_else(PoisonError::into_inner).take();
        let written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        !matches!(written.recv_timeout(time), Err(RecvTimeoutError::Timeout))
    }
}

/// A path as the log shows it.
pub(crate) fn shown_path(path: &str) -> String {
    let end = (0..=path.len().min(PATH_MAX)).rev().find(|at| path.is_char_boundary(*at)).unwrap_or(0);
    safe_for_terminals(path.get(..end).unwrap_or_default().as_bytes())
}

/// What the thread of the log works with.
struct Writer {
    out: Box<dyn Write + Send>,
    open: OpenLog,
    tell: Box<dyn Fn(&str) + Send>,
    lost: Arc<AtomicU64>,
    has_failed: bool,
}

impl Writer {
    fn write_all(&mut self, receiver: &Receiver<Message>) {
        let mut text = Vec::new();
        while let Ok(first) = receiver.recv() {
            let mut next = Some(first);
            while let Some(message) = next.take() {
                match message {
                    Message::Line(line) => text.extend_from_slice(&line),
                    Message::Reopen => self.reopen(&mut text),
                }
                if text.len() < WRITE_LEN {
                    next = receiver.try_recv().ok();
                }
            }
            self.write(&mut text);
        }
    }

    fn reopen(&mut self, text: &mut Vec<u8>) {
        self.write(text);
        match (self.open)() {
            Ok(opened) => self.out = opened,
            Err(error) => (self.tell)(&format!("the access log: {error}; going on with the old one")),
        }
    }

    /// Writes the text; the first of several errors is told, and every line that is lost is counted.
    fn write(&mut self, text: &mut Vec<u8>) {
        let written = self.out.write_all(text).and_then(|()| self.out.flush());
        if let Err(error) = &written {
            let lines = text.iter().filter(|byte| **byte == b'\n').count();
            self.lost.fetch_add(lines as u64, Relaxed);
            if !self.has_failed {
                (self.tell)(&format!("the access log: {error}"));
            }
        }
        self.has_failed = written.is_err();
        text.clear();
    }
}
