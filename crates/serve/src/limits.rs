//! Every limit on what a client may send, hold or wait for.
//!
//! All of them stand here, so that the README, the tests and a reader look at one place. A limit that a test has to wait
//! for is a field of [`Limits`], and the tests shorten it.

use std::time::Duration;

/// How often connections are looked at, in other words how exact the times below are.
pub(crate) const TICK: Duration = Duration::from_millis(100);

/// The longest request line and headers together, in bytes.
pub(crate) const HEADER_BYTES: usize = 16 << 10;

/// The longest path with its query, in bytes.
pub(crate) const TARGET_BYTES: usize = 8 << 10;

/// The longest body of a request, in bytes.
pub(crate) const BODY_BYTES: usize = 1 << 20;

/// What a body or an answer may have without asking for room in [`SHARED_BYTES`].
pub(crate) const OWN_BYTES: usize = 64 << 10;

/// What all longer bodies and answers may have together, in bytes.
pub(crate) const SHARED_BYTES: usize = 24 << 20;

/// How much of it a body takes, in its own length: its bytes, its texts, and where they end.
pub(crate) const ROOM_OF_BODY: usize = 3;

/// How much of a long answer is made at a time; the next part waits until the client has read this one.
pub(crate) const PIECE_BYTES: usize = 16 << 10;

/// How many sightings the answer to a range may have. Their number bounds what one question costs: some 300 kB, and less than
/// a millisecond.
pub(crate) const RANGE_SIGHTINGS: usize = 1000;

/// How many lines the page of a list answers; its CSV answers all.
pub(crate) const PAGE_LINES: usize = 1000;

/// After how many sightings the page of a list ends; a range may have thousands.
pub(crate) const PAGE_SIGHTINGS: usize = 20_000;

/// How long a connection has to have waited for its client, or to have held shared room, before it is closed to make room for
/// another one.
pub(crate) const EVICTED_AFTER: Duration = Duration::from_secs(1);

/// Limits that a test has to wait for, and the one that operators set.
#[derive(Clone, Debug)]
pub struct Limits {
    /// How many connections there may be.
    pub connections: usize,
    /// How long a client may take for the headers, from their first byte on.
    pub header_time: Duration,
    /// How long a client may take for a body.
    pub body_time: Duration,
    /// How long a connection may rest between two requests.
    pub idle_time: Duration,
    /// How long a client may read nothing of its answer.
    pub stall_time: Duration,
    /// How long what was sent in vain is read after the last answer, so that the answer arrives.
    pub linger_time: Duration,
    /// How long requests may go on after the signal to end.
    pub grace_time: Duration,
    /// How many items a request to `/v4` may have.
    pub bulk_max: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            connections: 256,
            header_time: Duration::from_secs(5),
            body_time: Duration::from_secs(10),
            idle_time: Duration::from_secs(60),
            stall_time: Duration::from_secs(10),
            linger_time: Duration::from_secs(2),
            grace_time: Duration::from_secs(10),
            bulk_max: 50,
        }
    }
}

/// A time in ticks, at least one.
pub(crate) fn ticks(time: Duration) -> u64 {
    u64::try_from(time.as_millis() / TICK.as_millis()).unwrap_or(u64::MAX).max(1)
}
