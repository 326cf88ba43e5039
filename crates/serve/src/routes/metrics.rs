//! `/metrics`, for Prometheus.

use super::{Access, Handler, Route};
use crate::metrics::Gauges;
use crate::problem::Problem;
use crate::reply::{Payload, Reply};
use crate::state::Call;
use std::sync::atomic::Ordering::Relaxed;

pub(super) static ROUTES: &[Route] =
    &[Route { pattern: "/metrics", access: Access::Key, handler: Handler::Get(metrics) }];

fn metrics(call: &Call<'_>) -> Result<Reply, Problem> {
    let state = call.state;
    let snapshot = state.snapshots.current();
    let text = state.metrics.text(&Gauges {
        routes: &state.routes,
        connections: state.slots.count(),
        snapshot: snapshot.as_deref(),
        now: call.now,
        generation: state.snapshots.generation.load(Relaxed),
        refused: state.snapshots.refused.load(Relaxed),
        log_lines_lost: state.access_log.as_ref().map_or(0, |log| log.lost.load(Relaxed)),
    });
    Ok(Reply::new("text/plain; version=0.0.4; charset=utf-8", Payload::whole(text)))
}
