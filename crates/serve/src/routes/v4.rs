//! The MetaDefender v4 reputation API: addresses, names and URLs, alone and in bulk.

use super::{Access, Handler, Route};
use crate::bulk::{Bulk, Style};
use crate::problem::{Problem, codes};
use crate::question::{self, Accepts, Unusable};
use crate::reply::{Payload, Reply};
use crate::state::{Body, Call};
use crate::texts::Texts;
use rapsheet_query::Batch;
use rapsheet_query::answer::AnswerBuffers;

pub(super) static ROUTES: &[Route] = &[
    get("/v4/ip/{x}", |call| single(call, &call.rest, Accepts::Addresses)),
    post("/v4/ip", |call, body| bulk(call, body, "address", Accepts::Addresses)),
    get("/v4/domain/{x}", |call| single(call, &call.rest, Accepts::Names)),
    post("/v4/domain", |call, body| bulk(call, body, "fqdn", Accepts::Names)),
    get("/v4/url/{x}", |call| single(call, &with_query(call), Accepts::Urls)),
    post("/v4/url", |call, body| bulk(call, body, "url", Accepts::Urls)),
    get("/v4/apikey", about_key),
    get("/v4/apikey/limits", about_limits),
];

const fn get(pattern: &'static str, handler: fn(&Call<'_>) -> Result<Reply, Problem>) -> Route {
    Route { pattern, access: Access::Key, handler: Handler::Get(handler) }
}

const fn post(pattern: &'static str, handler: fn(&Call<'_>, Body) -> Result<Reply, Problem>) -> Route {
    Route { pattern, access: Access::Key, handler: Handler::Post(handler) }
}

/// A URL that was not encoded ends in a query of its own. Without it, the answer would be about another URL.
fn with_query(call: &Call<'_>) -> Vec<u8> {
    let mut text = call.rest.clone();
    if !call.query.is_empty() {
        text.push(b'?');
        text.extend_from_slice(call.query.as_bytes());
    }
    text
}

fn single(call: &Call<'_>, text: &[u8], accepts: Accepts) -> Result<Reply, Problem> {
    let mut batch = Batch::new();
    let outcome = question::push(Some((text, true)), accepts, &mut batch);
    if let Some(unusable) = outcome.unusable {
        return Err(unusable.problem());
    }
    let view = call.view()?;
    call.charge(1)?;
    let (searcher, mut buffers, mut out) = (view.searcher(), AnswerBuffers::default(), Vec::new());
    match searcher.answers(&mut batch, &mut buffers).next() {
        Some((_, Some(answer))) => view.shape.answer(&searcher, &answer, &mut out),
        Some((question, None)) => {
            let verdict = question::verdict(&searcher, question).map_err(Unusable::problem)?;
            view.shape.verdict(&verdict, &mut out);
        }
        None => {}
    }
    out.push(b'\n');
    call.whole(out)
}

fn bulk(call: &Call<'_>, body: Body, key: &'static str, accepts: Accepts) -> Result<Reply, Problem> {
    if body.bytes.trim_ascii().is_empty() {
        return Err(Problem::new(codes::EMPTY_BODY, format!("expected {{\"{key}\": [...]}}, found nothing")));
    }
    let texts = Texts::of_array(&body.bytes, key).map_err(|error| bad_body(key, &error.to_string()))?;
    let texts = texts.ok_or_else(|| bad_body(key, &format!("no member `{key}`")))?;
    let most = call.state.limits.bulk_max;
    if texts.count() > most {
        let message = format!("at most {most} items in a request, found {}; send several", texts.count());
        return Err(Problem::new(codes::TOO_MANY, message));
    }
    let view = call.view()?;
    call.charge(texts.count())?;
    let bulk = Bulk::new(view, texts, Style::V4(accepts), false, (body.room, &call.state.room));
    Ok(Reply::json(Payload::of_pieces(bulk)))
}

fn bad_body(key: &str, found: &str) -> Problem {
    Problem::new(codes::BAD_BODY, format!("expected {{\"{key}\": [\"...\"]}}, found: {found}"))
}

/// What clients ask to see whether their key is good.
fn about_key(call: &Call<'_>) -> Result<Reply, Problem> {
    let (name, limit) = call.key.map_or(("", None), |key| (key.name.as_str(), key.per_day));
    let about = serde_json::json!({
        "success": true,
        "nickname": name,
        "limit_reputation": limit,
        "time_interval": "Daily",
    });
    Ok(Reply::json(Payload::whole(format!("{about}\n"))))
}

/// What is left of the quota; null where there is none.
fn about_limits(call: &Call<'_>) -> Result<Reply, Problem> {
    let quota = call.key.and_then(|key| key.quota(call.now));
    let left = quota.map(|quota| quota.limit.saturating_sub(quota.used));
    Ok(Reply::json(Payload::whole(format!("{}\n", serde_json::json!({ "reputation_api": left })))))
}
