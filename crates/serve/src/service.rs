//! From a request to its answer: the key, the limits, the route, the body, the handler, the headers; then the counters
//! and the log.

use crate::access_log::{Entry, shown_path};
use crate::keys::{Key, key_of_authorization};
use crate::limits::{BODY_BYTES, OWN_BYTES, ROOM_OF_BODY, TARGET_BYTES};
use crate::problem::{Problem, codes};
use crate::reply::{Outgoing, Reply, Room};
use crate::routes::{self, Access, Handler, Route};
use crate::slots::{Phase, Slot};
use crate::state::{Body, Call, State, quota_headers, quota_problem};
use hyper::body::{Body as _, Incoming};
use hyper::header::{
    AUTHORIZATION, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderValue, X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Request, Response};
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

/// How often room for a long body is asked for, and the pause in between.
const ROOM_TRIES: usize = 20;
const ROOM_PAUSE: Duration = Duration::from_millis(50);

/// What answers the requests of all connections.
pub(crate) struct Service {
    pub(crate) state: State,
    /// Whether no further requests are taken.
    pub(crate) is_ending: AtomicBool,
}

/// What is known of a request when its answer is counted.
struct Asked {
    method: String,
    path: String,
    peer: SocketAddr,
    route: Option<usize>,
    began: Duration,
    key: Option<Arc<Key>>,
    /// Whether there is a body that was not read, after which no further request can be read.
    has_unread_body: bool,
}

impl Service {
    /// Answers a request.
    pub(crate) async fn answer(
        &self,
        request: Request<Incoming>,
        peer: SocketAddr,
        slot: &Arc<Slot>,
    ) -> Response<Outgoing> {
        slot.begin();
        let mut asked = Asked {
            method: request.method().as_str().to_owned(),
            path: request.uri().path().to_owned(),
            peer,
            route: None,
            began: (self.state.environment.stopwatch)(),
            key: None,
            has_unread_body: !request.body().is_end_stream(),
        };
        let reply = match self.handle(request, &mut asked, slot).await {
            Ok(reply) => reply,
            Err(problem) if asked.has_unread_body => {
                routes::refused(problem.with(CONNECTION, "close"), &asked.path, &self.state)
            }
            Err(problem) => routes::refused(problem, &asked.path, &self.state),
        };
        self.finish(reply, asked, slot)
    }

    async fn handle(
        &self,
        request: Request<Incoming>,
        asked: &mut Asked,
        slot: &Slot,
    ) -> Result<Reply, Problem> {
        let length = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
        if length > TARGET_BYTES {
            return Err(Problem::target_too_long());
        }
        let found = routes::find(&asked.method, &asked.path);
        let (at, route, rest) = found.map_err(|methods| no_route(&methods))?;
        asked.route = Some(at);
        asked.key = self.key(route, &request)?;
        let now = (self.state.environment.clock)();
        if let Some(key) = &asked.key {
            key.count_request(now).map_err(quota_problem)?;
        }
        let key = asked.key.as_deref();
        let (request, body) = request.into_parts();
        let (query, headers) = (request.uri.query().unwrap_or_default(), &request.headers);
        match route.handler {
            Handler::Get(handler) => handler(&Call { state: &self.state, now, rest, query, headers, key }),
            Handler::Post(handler) => {
                let is_json = is_json(headers.get(CONTENT_TYPE));
                let body = Body { is_json, ..self.read_body(body, slot).await? };
                asked.has_unread_body = false;
                // A slow body is judged as of its end.
                let now = (self.state.environment.clock)();
                handler(&Call { state: &self.state, now, rest, query, headers, key }, body)
            }
        }
    }

    /// The key of a request; `None` where the server has no keys, or the route is open.
    fn key(&self, route: &Route, request: &Request<Incoming>) -> Result<Option<Arc<Key>>, Problem> {
        let Some(keys) = self.state.keys.as_ref().filter(|_| route.access != Access::Open) else {
            return Ok(None);
        };
        let is_browser = route.access == Access::Browser;
        let headers = request.headers();
        // Clients with an empty setting send an empty header.
        let text =
            headers.get("apikey").map(|value| value.as_bytes().to_vec()).filter(|text| !text.is_empty());
        let text = text.or_else(|| key_of_authorization(headers.get(AUTHORIZATION)?.as_bytes()));
        let text = text.ok_or_else(|| Problem::key(true, is_browser))?;
        keys.load().find(&text).map(Some).ok_or_else(|| Problem::key(false, is_browser))
    }

    async fn read_body(&self, mut incoming: Incoming, slot: &Slot) -> Result<Body, Problem> {
        if incoming.size_hint().lower() > BODY_BYTES as u64 {
            return Err(Problem::body_too_long());
        }
        slot.enter(Phase::Body);
        let length = incoming.size_hint().exact().map_or(BODY_BYTES, |length| length as usize);
        let mut body = Body { bytes: Vec::new(), room: None, is_json: false };
        while let Some(frame) = poll_fn(|cx| Pin::new(&mut incoming).poll_frame(cx)).await {
            let frame = frame.map_err(|_| Problem::new(codes::BAD_REQUEST, "the body ended early"))?;
            let Ok(data) = frame.into_data() else { continue };
            if body.bytes.len() + data.len() > BODY_BYTES {
                return Err(Problem::body_too_long());
            }
            body.bytes.extend_from_slice(&data);
            if body.room.is_none() && body.bytes.len() > OWN_BYTES {
                body.room = Some(self.room_for_body(length).await?);
                slot.hold_room();
            }
        }
        slot.enter(Phase::Answer);
        Ok(body)
    }

    /// Room for a long body. Where there is none, the request that has held some for longest makes some.
    async fn room_for_body(&self, length: usize) -> Result<Room, Problem> {
        for _ in 0..ROOM_TRIES {
            if let Some(room) = self.state.room.take(length * ROOM_OF_BODY) {
                return Ok(room);
            }
            self.state.slots.close_longest_holder();
            tokio::time::sleep(ROOM_PAUSE).await;
        }
        Err(Problem::busy("too many long requests are under way; ask again in a second"))
    }

    /// Counts the answer, and makes it hyper's.
    fn finish(&self, reply: Reply, asked: Asked, slot: &Arc<Slot>) -> Response<Outgoing> {
        let state = &self.state;
        let took = (state.environment.stopwatch)().saturating_sub(asked.began);
        state.metrics.count(asked.route, reply.status.as_u16(), took);
        let quota = asked.key.as_ref().and_then(|key| key.quota((state.environment.clock)()));
        let on_end = self.log_entry(asked, reply.status.as_u16(), took);
        let mut response = Response::new(Outgoing::new(reply.payload, slot, on_end));
        *response.status_mut() = reply.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(reply.content_type));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.extend(reply.headers.into_iter().map(|(name, value)| (Some(name), value)));
        if let Some(quota) = quota {
            headers.extend(quota_headers(quota).into_iter().map(|(name, value)| (Some(name), value)));
        }
        if self.is_ending.load(Relaxed) {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }

    /// Counts and logs an answer to what no route got to see: a request that cannot be parsed, or a connection without a slot.
    pub(crate) fn note_refused(&self, status: u16, bytes: usize, peer: SocketAddr) {
        self.state.metrics.count(None, status, Duration::ZERO);
        let Some(log) = &self.state.access_log else { return };
        log.write(&Entry {
            time: (self.state.environment.clock)().to_string(),
            peer: peer.to_string(),
            method: "-",
            path: "-",
            status,
            bytes: bytes as u64,
            seconds: 0.0,
            client: None,
        });
    }

    /// What writes the line of an answer, once it is sent.
    fn log_entry(&self, asked: Asked, status: u16, took: Duration) -> Option<Box<dyn FnOnce(u64) + Send>> {
        let log = Arc::clone(self.state.access_log.as_ref()?);
        let time = (self.state.environment.clock)().to_string();
        Some(Box::new(move |bytes| {
            log.write(&Entry {
                time,
                peer: asked.peer.to_string(),
                method: &asked.method,
                path: &shown_path(&asked.path),
                status,
                bytes,
                seconds: took.as_secs_f64(),
                client: asked.key.as_ref().map(|key| key.name.as_str()),
            });
        }))
    }
}

/// Whether a body is said to be JSON. `curl -d` says something else, so other bodies may be JSON, too.
fn is_json(content_type: Option<&HeaderValue>) -> bool {
    let media_type = content_type.and_then(|value| value.to_str().ok()?.split(';').next());
    media_type.is_some_and(|media_type| media_type.trim().eq_ignore_ascii_case("application/json"))
}

fn no_route(methods: &[&str]) -> Problem {
    match methods {
        [] => Problem::new(codes::NO_PATH, "there is nothing at this path; see /openapi.json"),
        methods => {
            let with_head = methods
                .iter()
                .flat_map(|method| if *method == "GET" { vec!["GET", "HEAD"] } else { vec![*method] });
            Problem::method(&with_head.collect::<Vec<_>>().join(", "))
        }
    }
}
