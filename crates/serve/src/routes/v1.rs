//! rapsheet's own API: the objects of `rapsheet lookup`, feeds, and what is served.

use super::{Access, Handler, Route};
use crate::bulk::{Bulk, Style};
use crate::metrics::feeds_by_state;
use crate::problem::{Problem, codes};
use crate::question::{self, Accepts, Unusable};
use crate::reply::{Payload, Reply};
use crate::state::{Body, Call};
use crate::texts::Texts;
use rapsheet_json::{Entries, FeedObject, line, object};
use rapsheet_query::Batch;
use serde::Serialize;
use std::sync::atomic::Ordering::Relaxed;

pub(super) static ROUTES: &[Route] = &[
    Route { pattern: "/v1/lookup/{x}", access: Access::Key, handler: Handler::Get(single) },
    Route { pattern: "/v1/lookup", access: Access::Key, handler: Handler::Post(bulk) },
    Route { pattern: "/v1/feeds", access: Access::Key, handler: Handler::Get(feeds) },
    Route { pattern: "/v1/info", access: Access::Key, handler: Handler::Get(info) },
];

fn single(call: &Call<'_>) -> Result<Reply, Problem> {
    call.check_parameters()?;
    let mut batch = Batch::new();
    let outcome = question::push(Some((&call.rest, true)), Accepts::Anything, &mut batch);
    if let Some(unusable) = outcome.unusable {
        return Err(unusable.problem());
    }
    let (view, all_sources) = (call.view_at()?, call.flag("all_sources")?);
    call.charge(1)?;
    let (searcher, input) = (view.searcher(), String::from_utf8_lossy(&call.rest));
    let mut out = Vec::new();
    let verdict = question::only_verdict(&searcher, &batch).map_err(Unusable::problem)?;
    // Memory takes it.
    let _ = line(&object(&view.directory, &input, &verdict, all_sources), &mut out);
    call.whole(out)
}

/// Lines are answered with lines, an object with an object.
fn bulk(call: &Call<'_>, body: Body) -> Result<Reply, Problem> {
    call.check_parameters()?;
    let style = Style::V1 { all_sources: call.flag("all_sources")? };
    if body.bytes.trim_ascii().is_empty() {
        let expected = "expected lines, or {\"indicators\": [\"...\"]}, found nothing";
        return Err(Problem::new(codes::EMPTY_BODY, expected));
    }
    let (texts, as_lines) = match list(&body)? {
        Some(texts) => (texts, false),
        None => (Texts::of_lines(&body.bytes), true),
    };
    let view = call.view_at()?;
    call.charge(texts.count())?;
    let payload = Payload::of_pieces(Bulk::new(view, texts, style, as_lines, (body.room, &call.state.room)));
    Ok(Reply::new(if as_lines { "application/x-ndjson" } else { "application/json" }, payload))
}

/// The texts of a body that is one object with `indicators`; `None` where it is lines, which may be objects, too.
fn list(body: &Body) -> Result<Option<Texts>, Problem> {
    let members = body.bytes.trim_ascii_start().strip_prefix(b"{").map(<[u8]>::trim_ascii_start);
    let is_list = body.is_json || members.is_some_and(|members| members.starts_with(b"\"indicators\""));
    if members.is_none() && !is_list {
        return Ok(None);
    }
    let found = match Texts::of_array(&body.bytes, "indicators") {
        Ok(Some(texts)) => return Ok(Some(texts)),
        Ok(None) => "no member `indicators`".to_owned(),
        Err(error) => error.to_string(),
    };
    if !is_list {
        return Ok(None);
    }
    let message =
        format!("expected {{\"indicators\": [\"...\"]}}, found: {found}; lines are application/x-ndjson");
    Err(Problem::new(codes::BAD_BODY, message))
}

fn feeds(call: &Call<'_>) -> Result<Reply, Problem> {
    let view = call.view()?;
    let feeds: Vec<FeedObject<'_>> =
        view.snapshot.origin().feeds.iter().map(|feed| FeedObject::of(feed, call.now)).collect();
    json(call, &feeds)
}

#[derive(Serialize)]
struct Info<'a> {
    version: &'static str,
    built_at: String,
    age_seconds: i64,
    generator: &'a str,
    generation: u64,
    bytes: u64,
    entries: Entries,
    sightings: u64,
    providers: usize,
    feeds: FeedCounts,
    bulk_max: usize,
}

#[derive(Serialize)]
struct FeedCounts {
    all: usize,
    ok: usize,
    failed: usize,
    held: usize,
    stale: usize,
}

fn info(call: &Call<'_>) -> Result<Reply, Problem> {
    let view = call.view()?;
    let snapshot = &view.snapshot;
    let [(_, ok), (_, failed), (_, held), (_, stale)] = feeds_by_state(snapshot, call.now);
    let feeds = &snapshot.origin().feeds;
    json(
        call,
        &Info {
            version: env!("CARGO_PKG_VERSION"),
            built_at: snapshot.built_at().to_string(),
            age_seconds: call.now.unix().saturating_sub(snapshot.built_at().unix()),
            generator: &snapshot.origin().generator,
            generation: call.state.snapshots.generation.load(Relaxed),
            bytes: snapshot.byte_len(),
            entries: Entries::of(snapshot),
            sightings: feeds.iter().map(|feed| feed.sightings).sum(),
            providers: view.directory.providers.len(),
            feeds: FeedCounts { all: feeds.len(), ok, failed, held, stale },
            bulk_max: call.state.limits.bulk_max,
        },
    )
}

fn json(call: &Call<'_>, value: &impl Serialize) -> Result<Reply, Problem> {
    let mut out = Vec::new();
    // Memory takes it.
    let _ = line(value, &mut out);
    call.whole(out)
}
