//! Whether the program runs, and whether its answers are worth having.

use super::{Access, Handler, Route};
use crate::problem::{Problem, codes};
use crate::reply::{Payload, Reply};
use crate::state::Call;
use hyper::header::RETRY_AFTER;

pub(super) static ROUTES: &[Route] = &[
    Route { pattern: "/healthz", access: Access::Open, handler: Handler::Get(health) },
    Route { pattern: "/readyz", access: Access::Open, handler: Handler::Get(ready) },
];

fn health(_: &Call<'_>) -> Result<Reply, Problem> {
    Ok(Reply::json(Payload::whole("{\"success\":true}\n")))
}

fn ready(call: &Call<'_>) -> Result<Reply, Problem> {
    let built_at = call.view()?.snapshot.built_at();
    let age = call.now.unix().saturating_sub(built_at.unix());
    let limit = call.state.max_stale;
    if age > limit {
        let message = format!("the snapshot of {built_at} is {age} s old, and may be {limit} s old");
        return Err(Problem::new(codes::OLD_SNAPSHOT, message).with(RETRY_AFTER, "60"));
    }
    let text = format!("{{\"success\":true,\"built_at\":\"{built_at}\",\"age_seconds\":{age}}}\n");
    Ok(Reply::json(Payload::whole(text)))
}
