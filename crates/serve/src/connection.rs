//! Connections: accepted while there is room, served one request after another, and closed when their time is up.

use crate::limits::HEADER_BYTES;
use crate::problem::Problem;
use crate::service::Service;
use crate::slots::Slot;
use crate::stream::Stream;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::Poll;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};

/// How long no connection is accepted after the system has refused one, as it does when there are too many files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// How many connections at a time are told that there is no room; others are closed at once.
const TURNED_AWAY_MAX: usize = 64;
/// How long one of them may take to be told.
const TURNED_AWAY_TIME: Duration = Duration::from_millis(500);

/// Accepts connections until the listener's task is ended.
pub(crate) async fn accept(listener: TcpListener, service: Arc<Service>) {
    let turned_away = Arc::new(AtomicUsize::new(0));
    loop {
        let (tcp, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(_) => {
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        // A failure costs some latency.
        let _ = tcp.set_nodelay(true);
        match service.state.slots.take() {
            Some(slot) => drop(tokio::spawn(serve(tcp, peer, slot, Arc::clone(&service)))),
            None => {
                service.state.metrics.connections_refused.fetch_add(1, Relaxed);
                if turned_away.fetch_add(1, Relaxed) < TURNED_AWAY_MAX {
                    let (turned_away, service) = (Arc::clone(&turned_away), Arc::clone(&service));
                    tokio::spawn(async move {
                        let _ = tokio::time::timeout(TURNED_AWAY_TIME, turn_away(&tcp, peer, &service)).await;
                        turned_away.fetch_sub(1, Relaxed);
                    });
                } else {
                    turned_away.fetch_sub(1, Relaxed);
                }
            }
        }
    }
}

/// Says that there is no room. What was asked is read first: if it were left unread, the system would take back the
/// answer.
async fn turn_away(tcp: &TcpStream, peer: SocketAddr, service: &Service) {
    let mut asked = [0; HEADER_BYTES];
    if tcp.readable().await.is_ok() {
        let _ = tcp.try_read(&mut asked);
        let problem = Problem::busy("all connections are in use; ask again in a second");
        let answer = problem.to_wire();
        let _ = tcp.try_write(&answer);
        service.note_refused(problem.status().as_u16(), answer.len(), peer);
    }
}

/// Gives the slot back, whatever ends the connection.
struct Taken {
    slot: Arc<Slot>,
    service: Arc<Service>,
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.service.state.slots.give_back(&self.slot);
    }
}

/// Answers the requests of a connection.
async fn serve(tcp: TcpStream, peer: SocketAddr, slot: Arc<Slot>, service: Arc<Service>) {
    let taken = Taken { slot, service };
    let answer = |request| {
        let (service, slot) = (Arc::clone(&taken.service), Arc::clone(&taken.slot));
        async move { Ok::<_, Infallible>(service.answer(request, peer, &slot).await) }
    };
    let mut connection =
        pin!(http1::Builder::new().max_buf_size(HEADER_BYTES).half_close(true).serve_connection(
            Stream::new(tcp, peer, Arc::clone(&taken.slot), Arc::clone(&taken.service)),
            service_fn(answer)
        ));
    let mut closing = pin!(taken.slot.closing());
    poll_fn(|cx| {
        if closing.as_mut().poll(cx).is_ready() {
            return Poll::Ready(());
        }
        connection.as_mut().poll(cx).map(drop)
    })
    .await;
}
