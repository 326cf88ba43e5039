//! An answer on its way out: a whole one, or one that is made while the client reads it.

use crate::limits::OWN_BYTES;
use crate::slots::Slot;
use hyper::StatusCode;
use hyper::body::{Body, Bytes, Frame, SizeHint};
use hyper::header::{HeaderName, HeaderValue};
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What an answer says.
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) content_type: &'static str,
    pub(crate) payload: Payload,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
}

impl Reply {
    pub(crate) fn new(content_type: &'static str, payload: Payload) -> Reply {
        Reply { status: StatusCode::OK, content_type, payload, headers: Vec::new() }
    }

    pub(crate) fn json(payload: Payload) -> Reply {
        Reply::new("application/json", payload)
    }
}

/// The bytes of an answer.
pub(crate) enum Payload {
    /// All of them.
    Whole(Bytes),
    /// All of them, of which there are many.
    Large { bytes: Bytes, _room: Room },
    /// Parts that are made one after another.
    Pieces(Box<dyn Iterator<Item = Bytes> + Send>),
}

impl Payload {
    pub(crate) fn whole(bytes: impl Into<Bytes>) -> Payload {
        Payload::Whole(bytes.into())
    }

    /// A short answer as a whole, whose length the client is told; the rest of a long one while it is read.
    pub(crate) fn of_pieces(mut pieces: impl Iterator<Item = Bytes> + Send + 'static) -> Payload {
        let mut start = Vec::new();
        while start.len() < OWN_BYTES {
            match pieces.next() {
                Some(piece) => start.extend_from_slice(&piece),
                None => return Payload::whole(start),
            }
        }
        Payload::Pieces(Box::new(std::iter::once(Bytes::from(start)).chain(pieces)))
    }
}

/// The room that long bodies and answers share.
#[derive(Clone)]
pub(crate) struct SharedRoom(Arc<Semaphore>);

/// A part of the shared room, which is given back when this is dropped.
pub(crate) struct Room {
    _permit: OwnedSemaphorePermit,
}

impl SharedRoom {
    pub(crate) fn new(bytes: usize) -> SharedRoom {
        SharedRoom(Arc::new(Semaphore::new(bytes >> 10)))
    }

    /// Room for so many bytes; `None` where there is none at the moment.
    pub(crate) fn take(&self, bytes: usize) -> Option<Room> {
        let units = u32::try_from(bytes.div_ceil(1 << 10)).ok()?;
        let permit = Arc::clone(&self.0).try_acquire_many_owned(units).ok()?;
        Some(Room { _permit: permit })
    }
}

/// A payload, as hyper sends it. The slot is told when all of it was handed over.
pub(crate) struct Outgoing {
    payload: Payload,
    slot: Arc<Slot>,
    sent: u64,
    /// Whether others had their turn since the last part was made.
    has_paused: bool,
    on_end: Option<Box<dyn FnOnce(u64) + Send>>,
}

impl Outgoing {
    /// `on_end` is told how many bytes the client was sent.
    pub(crate) fn new(
        payload: Payload,
        slot: &Arc<Slot>,
        on_end: Option<Box<dyn FnOnce(u64) + Send>>,
    ) -> Outgoing {
        Outgoing { payload, slot: Arc::clone(slot), sent: 0, has_paused: false, on_end }
    }

    fn next(&mut self) -> Option<Bytes> {
        let bytes = match &mut self.payload {
            Payload::Whole(bytes) | Payload::Large { bytes, .. } => {
                Some(std::mem::take(bytes)).filter(|bytes| !bytes.is_empty())
            }
            Payload::Pieces(pieces) => pieces.next(),
        };
        self.sent += bytes.as_ref().map_or(0, |bytes| bytes.len() as u64);
        if bytes.is_none() || self.is_end_stream() {
            self.slot.answered();
        }
        bytes
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        // A client that reads as fast as parts are made would keep this thread from all others.
        if matches!(self.payload, Payload::Pieces(_)) && !self.has_paused {
            self.has_paused = true;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.has_paused = false;
        Poll::Ready(self.next().map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        match &self.payload {
            Payload::Whole(bytes) | Payload::Large { bytes, .. } => bytes.is_empty(),
            Payload::Pieces(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.payload {
            Payload::Whole(bytes) | Payload::Large { bytes, .. } => SizeHint::with_exact(bytes.len() as u64),
            Payload::Pieces(_) => SizeHint::default(),
        }
    }
}

impl Drop for Outgoing {
    fn drop(&mut self) {
        self.slot.answered();
        if let Some(on_end) = self.on_end.take() {
            on_end(self.sent);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_answers_are_whole_and_long_ones_are_made_on_demand() {
        let pieces = |count: usize| (0..count).map(|_| Bytes::from(vec![b'x'; 1 << 10]));
        assert!(matches!(Payload::of_pieces(pieces(3)), Payload::Whole(bytes) if bytes.len() == 3 << 10));
        let Payload::Pieces(rest) = Payload::of_pieces(pieces(1000)) else { panic!("it is long") };
        assert_eq!(rest.map(|piece| piece.len()).sum::<usize>(), 1000 << 10);
    }

    #[test]
    fn room_is_given_back() {
        let shared = SharedRoom::new(4 << 10);
        let room = shared.take(3000).expect("room");
        assert!(shared.take(2000).is_none());
        drop(room);
        assert!(shared.take(2000).is_some());
    }
}
