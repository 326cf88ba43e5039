//! The body of an answer, into a file: decoded, digested, and within its limits.
//!
//! Memory does not grow with the body. A sender that is next to silent is no better than a silent one: a transfer
//! of less than [`RATE_MIN`] within the stall time ends.

use crate::client::{Answer, ClientOptions, io_problem};
use crate::note::hex;
use crate::problem::Problem;
use flate2::read::MultiGzDecoder;
use sha2::{Digest as _, Sha256};
use std::cell::Cell;
use std::fs::File;
use std::io::{self, Read, Write};
use std::time::Duration;

/// The least bytes within the stall time.
const RATE_MIN: u64 = 1024;
/// How many bytes are read at a time.
const BUFFER: usize = 64 << 10;

/// What came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Received {
    pub(crate) sha256: String,
    pub(crate) bytes: u64,
    pub(crate) wire_bytes: u64,
    pub(crate) encoding: Option<String>,
    pub(crate) framing: &'static str,
}

/// What a body has to keep to.
#[derive(Clone, Copy)]
pub(crate) struct BodyLimits<'a> {
    /// The most bytes, decoded and on the wire.
    pub(crate) max_bytes: u64,
    /// The limits of the client on time.
    pub(crate) client: &'a ClientOptions,
    pub(crate) stopwatch: &'a (dyn Fn() -> Duration + Sync),
}

/// Reads the body of an answer into a file. `progress` is told how many bytes came, and how many there are, if that
/// is known.
pub(crate) fn receive(
    answer: Answer,
    out: &mut File,
    limits: &BodyLimits<'_>,
    progress: &dyn Fn(u64, Option<u64>),
) -> Result<Received, Problem> {
    let BodyLimits { max_bytes, client, stopwatch } = *limits;
    let (encoding, framing) = (encoding(&answer)?, framing(&answer));
    let total = answer.header("content-length").and_then(|text| text.parse().ok());
    if total.is_some_and(|total| total > max_bytes) {
        return Err(too_large(max_bytes));
    }
    let wire_bytes = Cell::new(0);
    let came = |bytes: u64| {
        wire_bytes.set(bytes);
        progress(bytes, total);
    };
    let wire = Wire {
        body: answer.into_body().into_reader(),
        count: 0,
        max: max_bytes,
        stall_time: client.stall_time,
        stopwatch,
        window: (stopwatch(), 0),
        came: &came,
    };
    let copied = match encoding.as_deref() {
        Some(_) => {
            copy(&mut MultiGzDecoder::new(io::BufReader::with_capacity(BUFFER, wire)), out, max_bytes, client)
        }
        None => copy(&mut { wire }, out, max_bytes, client),
    };
    let (bytes, sha256) = copied?;
    Ok(Received { sha256, bytes, wire_bytes: wire_bytes.get(), encoding, framing })
}

/// How the body is encoded; `None` for not at all.
fn encoding(answer: &Answer) -> Result<Option<String>, Problem> {
    match answer.header("content-encoding").map(str::to_ascii_lowercase) {
        None => Ok(None),
        Some(text) if text == "identity" => Ok(None),
        Some(text) if text == "gzip" || text == "x-gzip" => Ok(Some("gzip".to_owned())),
        Some(other) => Err(Problem::lasting(format_args!(
            "its encoding is {}, and gzip was asked for",
            other.escape_debug()
        ))),
    }
}

/// What tells the end of the body.
fn framing(answer: &Answer) -> &'static str {
    let is_chunked =
        answer.header("transfer-encoding").is_some_and(|text| text.to_ascii_lowercase().contains("chunked"));
    match (is_chunked, answer.header("content-length")) {
        (true, _) => "chunked",
        (false, Some(_)) => "length",
        (false, None) => "close",
    }
}

/// Copies a body to its file, and digests it. Returns its length and its digest.
pub(crate) fn copy(
    from: &mut dyn Read,
    out: &mut File,
    max_bytes: u64,
    options: &ClientOptions,
) -> Result<(u64, String), Problem> {
    let mut sum = Sha256::new();
    let mut buffer = vec![0; BUFFER];
    let mut length = 0u64;
    loop {
        let count = match from.read(&mut buffer) {
            Ok(0) => return Ok((length, hex(&sum.finalize()))),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(read_problem(&error, options)),
        };
        let piece = buffer.get(..count).unwrap_or(&[]);
        length += count as u64;
        if length > max_bytes {
            return Err(too_large(max_bytes));
        }
        sum.update(piece);
        out.write_all(piece)
            .map_err(|error| Problem::local(&format_args!("the file cannot be written: {error}")))?;
    }
}

/// What ended a body too early.
fn read_problem(error: &io::Error, options: &ClientOptions) -> Problem {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<Ended>()) {
        Some(Ended::Stalled(time)) => Problem::passing(format_args!(
            "stalled: fewer than {RATE_MIN} bytes within {} s",
            time.as_secs_f64()
        )),
        Some(Ended::TooLarge(max)) => too_large(*max),
        None => match error.kind() {
            io::ErrorKind::UnexpectedEof => {
                Problem::passing(format_args!("the transfer was cut off: {error}"))
            }
            // What the decoder says of damaged data; errors of TLS are of another kind.
            io::ErrorKind::InvalidInput => {
                Problem::passing(format_args!("its gzip encoding is damaged: {error}"))
            }
            _ => io_problem(error, options),
        },
    }
}

fn too_large(max_bytes: u64) -> Problem {
    Problem::lasting(format_args!("larger than max_bytes, {max_bytes} bytes"))
}

/// Why the wire was closed from this side.
#[derive(Debug)]
enum Ended {
    Stalled(Duration),
    TooLarge(u64),
}

impl std::fmt::Display for Ended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Ended::Stalled(_) => f.write_str("stalled"),
            Ended::TooLarge(_) => f.write_str("too large"),
        }
    }
}

impl std::error::Error for Ended {}

/// The bytes of the wire, counted and watched.
struct Wire<'p, R> {
    body: R,
    count: u64,
    max: u64,
    stall_time: Duration,
    stopwatch: &'p (dyn Fn() -> Duration + Sync),
    /// When the present window began, and the count then.
    window: (Duration, u64),
    came: &'p dyn Fn(u64),
}

impl<R: Read> Read for Wire<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.body.read(buffer)?;
        self.count += read as u64;
        (self.came)(self.count);
        if self.count > self.max {
            return Err(io::Error::other(Ended::TooLarge(self.max)));
        }
        let (since, before) = self.window;
        let now = (self.stopwatch)();
        if now.saturating_sub(since) >= self.stall_time {
            if read > 0 && self.count - before < RATE_MIN {
                return Err(io::Error::other(Ended::Stalled(self.stall_time)));
            }
            self.window = (now, self.count);
        }
        Ok(read)
    }
}
