//! The bytes of a connection, and what they say about who waits for whom.
//!
//! hyper answers what it cannot parse itself, with a status and no body. Those answers are recognized, since no request is
//! being answered then, and get the body that all errors have.

use crate::problem::Problem;
use crate::service::Service;
use crate::slots::{Phase, Slot};
use hyper::rt::{Read, ReadBufCursor, Write};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// How much is read at a time.
const READ_LEN: usize = 4096;

/// A connection, as hyper reads and writes it.
pub(crate) struct Stream {
    tcp: TcpStream,
    slot: Arc<Slot>,
    service: Arc<Service>,
    peer: SocketAddr,
    /// What is written in the place of an answer of hyper's, and how much of it was.
    replacement: (Vec<u8>, usize),
    is_shut: bool,
}

impl Stream {
    pub(crate) fn new(tcp: TcpStream, peer: SocketAddr, slot: Arc<Slot>, service: Arc<Service>) -> Stream {
        Stream { tcp, slot, service, peer, replacement: (Vec::new(), 0), is_shut: false }
    }

    /// Notes whether the client takes what is written.
    fn note_written<T>(&self, poll: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        match poll {
            Poll::Pending if self.slot.is(Phase::Answer) => self.slot.enter(Phase::Stall),
            Poll::Ready(Ok(_)) if self.slot.is(Phase::Stall) => self.slot.enter(Phase::Answer),
            _ => {}
        }
        poll
    }

    /// Whether no request is being answered, so that what is written is an answer of hyper's own.
    fn is_unasked(&self) -> bool {
        self.slot.is(Phase::Idle) || self.slot.is(Phase::Header)
    }

    fn poll_replacement(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(rest) = self.replacement.0.get(self.replacement.1..).filter(|rest| !rest.is_empty()) {
            let written = ready!(Pin::new(&mut self.tcp).poll_write(cx, rest))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.replacement.1 += written;
        }
        Poll::Ready(Ok(()))
    }
}

impl Read for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut into: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let mut bytes = [0; READ_LEN];
        let room = into.remaining().min(READ_LEN);
        let mut buffer = ReadBuf::new(bytes.get_mut(..room).unwrap_or_default());
        ready!(Pin::new(&mut self.tcp).poll_read(cx, &mut buffer))?;
        if !buffer.filled().is_empty() && self.slot.is(Phase::Idle) {
            self.slot.enter(Phase::Header);
        }
        into.put_slice(buffer.filled());
        Poll::Ready(Ok(()))
    }
}

impl Write for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.is_unasked() {
            let problem = Problem::unparsed(bytes);
            let answer = problem.to_wire();
            self.service.note_refused(problem.status().as_u16(), answer.len(), self.peer);
            self.replacement.0.extend_from_slice(&answer);
            self.slot.enter(Phase::Linger);
            return Poll::Ready(Ok(bytes.len()));
        }
        ready!(self.poll_replacement(cx))?;
        let poll = Pin::new(&mut self.tcp).poll_write(cx, bytes);
        self.note_written(poll)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.is_unasked() {
            let first = parts.iter().find(|part| !part.is_empty()).map_or(&[][..], |part| part);
            return self.poll_write(cx, first);
        }
        let poll = Pin::new(&mut self.tcp).poll_write_vectored(cx, parts);
        self.note_written(poll)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_replacement(cx))?;
        self.slot.flushed();
        Pin::new(&mut self.tcp).poll_flush(cx)
    }

    /// Says that nothing more is written, and reads what the client is still sending: if it were left unread, the system
    /// would take back the answer.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_replacement(cx))?;
        if !self.is_shut {
            ready!(Pin::new(&mut self.tcp).poll_shutdown(cx))?;
            self.is_shut = true;
            self.slot.enter(Phase::Linger);
        }
        loop {
            let mut bytes = [0; READ_LEN];
            let mut buffer = ReadBuf::new(&mut bytes);
            ready!(Pin::new(&mut self.tcp).poll_read(cx, &mut buffer))?;
            if buffer.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
        }
    }
}
