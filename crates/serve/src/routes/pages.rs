//! The pages: a box, answers as a person reads them, lists of questions, feeds. Their errors are pages, too.

use super::{Access, Handler, Route};
use crate::limits::{PAGE_LINES, PAGE_SIGHTINGS, RANGE_SIGHTINGS, TARGET_BYTES};
use crate::page::{self, Absence, Answered, Answers, Context, Csv, Place, Reason};
use crate::problem::{Problem, codes};
use crate::question::{self, Accepts};
use crate::reply::{Payload, Reply};
use crate::snapshots::View;
use crate::state::{Body, Call, State, form_field};
use crate::texts::Texts;
use hyper::header::{
    CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, HeaderName, HeaderValue, LOCATION, REFERRER_POLICY,
};
use hyper::{HeaderMap, StatusCode};
use rapsheet_query::{Batch, Time};
use std::sync::Arc;

pub(super) static ROUTES: &[Route] = &[
    Route { pattern: "/", access: Access::Browser, handler: Handler::Get(front) },
    Route { pattern: "/lookup", access: Access::Browser, handler: Handler::Get(form) },
    Route { pattern: "/lookup/{x}", access: Access::Browser, handler: Handler::Get(lookup) },
    Route { pattern: "/bulk", access: Access::Browser, handler: Handler::Get(bulk_form) },
    Route { pattern: "/bulk", access: Access::Browser, handler: Handler::Post(bulk) },
    Route { pattern: "/feeds", access: Access::Browser, handler: Handler::Get(feeds) },
];

/// The bar's page for a path; `None` for paths of programs.
fn place(path: &str) -> Option<Place> {
    let first = path.strip_prefix('/')?.split('/').next()?;
    match first {
        "" if path == "/" => Some(Place::Lookup),
        "lookup" => Some(Place::Lookup),
        "bulk" => Some(Place::Bulk),
        "feeds" => Some(Place::Feeds),
        _ => None,
    }
}

fn context<'a>(call: &Call<'a>, view: Option<&'a View>, origin: &'a str) -> Context<'a> {
    let state = call.state;
    Context { view, now: call.now, max_stale: state.max_stale, origin, has_keys: state.keys.is_some() }
}

fn front(call: &Call<'_>) -> Result<Reply, Problem> {
    let view = call.view().ok();
    let absence = Absence::of(&call.state.snapshots);
    Ok(html(Payload::whole(page::front(&context(call, view.as_deref(), ""), absence))))
}

/// The form asks here; the answer has an address of its own. One that ends in dots alone would lead a browser elsewhere,
/// so that is answered here.
fn form(call: &Call<'_>) -> Result<Reply, Problem> {
    let given = |name| trimmed(form_field(call.query.as_bytes(), name).unwrap_or_default());
    let (question, at) = (given("q"), given("at"));
    if !question.is_empty() && question.iter().all(|byte| *byte == b'.') {
        return answer(call, &question, &String::from_utf8_lossy(&at));
    }
    let mut to =
        if question.is_empty() { "/".to_owned() } else { format!("/lookup/{}", page::encoded(&question)) };
    if !question.is_empty() && !at.is_empty() {
        to += &format!("?at={}", page::encoded(&at));
    }
    let mut reply = html(Payload::whole(""));
    reply.status = StatusCode::SEE_OTHER;
    if let Ok(to) = HeaderValue::from_str(&to) {
        reply.headers.push((LOCATION, to));
    }
    Ok(reply)
}

/// Without the blanks around it, which a paste often has.
fn trimmed(text: Vec<u8>) -> Vec<u8> {
    match str::from_utf8(&text) {
        Ok(text) => text.trim().as_bytes().to_vec(),
        Err(_) => text,
    }
}

fn lookup(call: &Call<'_>) -> Result<Reply, Problem> {
    let (asked, at) = asked(&call.rest, call.query);
    answer(call, &asked, &at)
}

/// The question and the instant. A query is the page's where it is `at` and nothing else; any other one ends a URL that
/// was not encoded.
fn asked(rest: &[u8], query: &str) -> (Vec<u8>, String) {
    let mut text = rest.to_vec();
    if query.starts_with("at=") && !query.contains('&') {
        let at = form_field(query.as_bytes(), "at").unwrap_or_default();
        return (text, String::from_utf8_lossy(&at).trim().to_owned());
    }
    if !query.is_empty() {
        text.push(b'?');
        text.extend_from_slice(query.as_bytes());
    }
    (text, String::new())
}

/// The snapshot as of the instant that was asked for; `present` where that is empty.
fn view_at(present: &Arc<View>, at: &str) -> Option<Arc<View>> {
    if at.is_empty() {
        return Some(Arc::clone(present));
    }
    Time::parse_rfc3339(at).map(|at| Arc::new(View::new(&present.snapshot, at)))
}

fn answer(call: &Call<'_>, asked: &[u8], at: &str) -> Result<Reply, Problem> {
    // The foot and the warning are of the present.
    let (present, origin) = (call.view()?, origin(call.headers));
    let context = context(call, Some(&present), &origin);
    let unusable = |reason: &Reason| {
        let mut reply = whole(call, page::unusable(&context, asked, at, reason))?;
        reply.status = StatusCode::BAD_REQUEST;
        Ok(reply)
    };
    let Some(view) = view_at(&present, at) else { return unusable(&Reason::no_time(at)) };
    let mut batch = Batch::new();
    let outcome = question::push(Some((asked, true)), Accepts::Anything, &mut batch);
    if let Some(why) = outcome.unusable {
        return unusable(&Reason::of(why));
    }
    call.charge(1)?;
    match question::only_verdict(&view.searcher(), &batch) {
        Ok(verdict) => whole(
            call,
            page::answer(&context, &Answered { input: asked, at, verdict: &verdict, view: &view }),
        ),
        Err(why) => unusable(&Reason::of(why)),
    }
}

fn feeds(call: &Call<'_>) -> Result<Reply, Problem> {
    let view = call.view()?;
    whole(call, page::feeds(&context(call, Some(&view), ""), &view))
}

fn bulk_form(call: &Call<'_>) -> Result<Reply, Problem> {
    let view = call.view().ok();
    Ok(html(Payload::whole(page::bulk_form(&context(call, view.as_deref(), "")))))
}

fn bulk(call: &Call<'_>, body: Body) -> Result<Reply, Problem> {
    let field = |name| form_field(&body.bytes, name);
    let Some(list) = field("list") else {
        let message = "expected the form of this page, with the field `list`, found another body";
        return Err(Problem::new(codes::BAD_BODY, message));
    };
    let is_csv = match field("as").as_deref() {
        None | Some(b"page") => false,
        Some(b"csv") => true,
        Some(_) => return Err(Problem::new(codes::BAD_BODY, "the field `as` is `page` or `csv`")),
    };
    let texts = Texts::of_lines(&list);
    if texts.count() == 0 {
        return Err(Problem::new(codes::EMPTY_BODY, "expected at least one line, found none"));
    }
    let view = call.view()?;
    if !is_csv {
        return answers(call, &view, &texts, &list);
    }
    call.charge(texts.count())?;
    let disposition = format!("attachment; filename=\"rapsheet-{}.csv\"", date(call));
    let mut reply =
        Reply::new("text/csv; charset=utf-8", Payload::of_pieces(Csv::new(view, texts, body.room)));
    reply.headers.extend(HeaderValue::from_str(&disposition).map(|value| (CONTENT_DISPOSITION, value)));
    Ok(reply)
}

fn date(call: &Call<'_>) -> String {
    call.now.to_string().split('T').next().unwrap_or_default().to_owned()
}

/// The page of a list: as many lines as a page answers, and as many sightings.
fn answers(call: &Call<'_>, view: &View, texts: &Texts, list: &[u8]) -> Result<Reply, Problem> {
    call.charge(texts.count().min(PAGE_LINES))?;
    let mut answers = Answers { lines: texts.count(), ..Answers::default() };
    let (searcher, mut batch, mut sightings) = (view.searcher(), Batch::new(), 0);
    for at in 0..texts.count().min(PAGE_LINES) {
        let (text, _) = texts.get(at).unwrap_or_default();
        batch.clear();
        let outcome = question::push(texts.get(at), Accepts::Anything, &mut batch);
        if let Some(unusable) = outcome.unusable {
            answers.unusable.push((at + 1, text, unusable));
            continue;
        }
        if sightings > PAGE_SIGHTINGS {
            break;
        }
        match question::only_verdict(&searcher, &batch) {
            Ok(verdict) => {
                sightings += verdict.sources.len();
                answers.answered.push((at + 1, text, verdict));
            }
            Err(unusable) => {
                // It was walked that far.
                sightings += RANGE_SIGHTINGS;
                answers.unusable.push((at + 1, text, unusable));
            }
        }
    }
    let context = context(call, Some(view), "");
    whole(call, page::answers(&context, &String::from_utf8_lossy(list), &answers))
}

/// The page of an error, for paths whose answers are pages; others get the JSON of all errors.
pub(crate) fn refused(problem: Problem, path: &str, state: &State) -> Reply {
    let Some(place) = place(path) else { return problem.into_reply() };
    let now = (state.environment.clock)();
    // Without a key one learns nothing of the snapshot.
    let has_key = problem.status() != StatusCode::UNAUTHORIZED;
    let view = state.snapshots.view(now).filter(|_| has_key);
    let context = Context {
        view: view.as_deref(),
        now,
        max_stale: state.max_stale,
        origin: "",
        has_keys: state.keys.is_some(),
    };
    let absence = Absence::of(&state.snapshots);
    let (title, message) = (title(problem.code, absence), message(&problem, absence));
    let text = page::problem(&context, title, &message, problem.code, place);
    let mut reply = problem.into_reply();
    let page = html(Payload::whole(text));
    (reply.content_type, reply.payload) = (page.content_type, page.payload);
    reply.headers.extend(page.headers);
    reply
}

fn title(code: u32, absence: Absence) -> &'static str {
    match code {
        codes::NO_KEY => "A key is needed",
        codes::WRONG_KEY => "Not a key",
        codes::EMPTY_BODY => "Nothing was asked",
        codes::NO_PATH => "Nothing is here",
        codes::BODY_TOO_LONG | codes::TARGET_TOO_LONG => "Too long",
        codes::QUOTA | codes::RATE => "Too many questions",
        codes::NO_SNAPSHOT => absence.title(),
        codes::BUSY => "Busy",
        _ => "Not understood",
    }
}

/// What a person at a browser can do about an error.
fn message(problem: &Problem, absence: Absence) -> String {
    match problem.code {
        codes::NO_KEY => {
            "This server wants a key. A browser asks for it: any user name, and the key as the password."
                .to_owned()
        }
        codes::TARGET_TOO_LONG => format!(
            "An address of this server may have {TARGET_BYTES} bytes. “Many at once” takes longer questions."
        ),
        codes::NO_PATH => "There is no such page. The links above lead to those that there are.".to_owned(),
        codes::BODY_TOO_LONG => {
            "A list may have 1 MiB as the browser sends it, in which each line end takes 6 bytes. Ask for it in parts."
                .to_owned()
        }
        codes::NO_SNAPSHOT => absence.remedy().to_owned(),
        _ => problem.message.clone(),
    }
}

/// Where the client reached the server, for a command to copy. It stands in quotes of a shell, so nothing but a host
/// is taken from the headers.
fn origin(headers: &HeaderMap) -> String {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let is_of_hosts =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':' | b'[' | b']');
    let is_host = |host: &&str| !host.is_empty() && host.len() <= 255 && host.bytes().all(is_of_hosts);
    let host = text("host").filter(is_host).unwrap_or("localhost:8087");
    let scheme = if text("x-forwarded-proto") == Some("https") { "https" } else { "http" };
    format!("{scheme}://{host}")
}

fn whole(call: &Call<'_>, text: Vec<u8>) -> Result<Reply, Problem> {
    let payload = call.whole(text)?.payload;
    Ok(html(payload))
}

fn html(payload: Payload) -> Reply {
    let policy = (CONTENT_SECURITY_POLICY, page::policy());
    let referrer = (REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    let headers: Vec<(HeaderName, HeaderValue)> = vec![policy, referrer];
    Reply { headers, ..Reply::new("text/html; charset=utf-8", payload) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_below_a_page_is_the_pages() {
        for (path, expected) in [
            ("/", Some(Place::Lookup)),
            ("/lookup", Some(Place::Lookup)),
            ("/lookup/x/y", Some(Place::Lookup)),
            ("/bulk/x", Some(Place::Bulk)),
            ("/feeds", Some(Place::Feeds)),
            ("/lookups", None),
            ("//", None),
            ("/v1/lookup/x", None),
        ] {
            assert!(place(path) == expected, "{path}");
        }
    }

    #[test]
    fn a_query_is_the_pages_where_it_is_the_instant_alone() {
        for (query, text, at) in [
            ("", "http://a.com/x", ""),
            ("at=2026-11-15", "http://a.com/x", "2026-11-15"),
            ("at=2026-11-15T02%3A00%3A00%2B02:00", "http://a.com/x", "2026-11-15T02:00:00+02:00"),
            ("at=", "http://a.com/x", ""),
            ("at=+", "http://a.com/x", ""),
            ("at=home&y=1", "http://a.com/x?at=home&y=1", ""),
            ("y=1&at=home", "http://a.com/x?y=1&at=home", ""),
            ("at", "http://a.com/x?at", ""),
            ("att=1", "http://a.com/x?att=1", ""),
        ] {
            let found = asked(b"http://a.com/x", query);
            assert_eq!(found, (text.as_bytes().to_vec(), at.to_owned()), "{query}");
        }
    }

    #[test]
    fn a_command_holds_nothing_but_a_host() {
        for (host, proto, expected) in [
            ("rapsheet.example:8087", "", "http://rapsheet.example:8087"),
            ("[::1]:8087", "https", "https://[::1]:8087"),
            ("x'; rm -rf /", "", "http://localhost:8087"),
            ("a$(b)", "gopher", "http://localhost:8087"),
            ("", "", "http://localhost:8087"),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert("host", HeaderValue::from_static(host));
            headers.insert("x-forwarded-proto", HeaderValue::from_static(proto));
            assert_eq!(origin(&headers), expected);
        }
    }
}
