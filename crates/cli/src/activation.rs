//! Sockets that systemd opened for the program, and telling it that the program is ready.

use listenfd::ListenFd;
use std::net::TcpListener;

/// The listeners that were passed to this process; none where it was started otherwise. The second call gives none.
pub(crate) fn listeners() -> Result<Vec<TcpListener>, String> {
    let mut passed = ListenFd::from_env();
    let listeners = (0..passed.len()).filter_map(|at| passed.take_tcp_listener(at).transpose());
    listeners.collect::<Result<_, _>>().map_err(|error| {
        format!(
            "LISTEN_FDS: expected TCP sockets, found another: {error}; see ListenStream= of the socket unit"
        )
    })
}

/// Tells systemd that the program is ready, where it wants to be told. Without it, systemd gives up waiting and says so.
#[cfg(unix)]
pub(crate) fn notify_ready() {
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
}

#[cfg(not(unix))]
pub(crate) fn notify_ready() {}
