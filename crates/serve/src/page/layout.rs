//! What all pages have: the head with the style, the bar, the box, the warning of an old snapshot, the foot.

use super::html::{Html, count};
use super::shapes;
use super::time::{Instant, absolute, duration};
use crate::metrics::feeds_by_state;
use crate::snapshots::View;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::header::HeaderValue;
use rapsheet_query::Time;
use rapsheet_snapshot::Part;
use sha2::{Digest, Sha256};
use std::sync::LazyLock;

const STYLE: &str = include_str!("style.css");

/// What a browser may load and do: the style above, and forms that are sent here.
static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let digest = STANDARD.encode(Sha256::digest(STYLE));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{digest}'; form-action 'self'; base-uri 'none'; \
         frame-ancestors 'none'"
    );
    HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
});

/// The value of `Content-Security-Policy`.
pub(crate) fn policy() -> HeaderValue {
    POLICY.clone()
}

/// What pages tell of the server.
pub(crate) struct Context<'a> {
    pub(crate) view: Option<&'a View>,
    pub(crate) now: Time,
    /// After how many seconds a snapshot is old.
    pub(crate) max_stale: i64,
    /// Where the client reached the server: scheme, host and port.
    pub(crate) origin: &'a str,
    pub(crate) has_keys: bool,
}

/// The pages that the bar leads to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Lookup,
    Bulk,
    Feeds,
}

/// A whole page: its title, the page of the bar that it belongs to, and what stands in the middle.
pub(crate) fn page(context: &Context<'_>, title: &str, place: Place, main: &Html) -> Vec<u8> {
    let mut html = Html::default();
    html.markup("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    html.markup("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
    html.markup("<meta name=\"color-scheme\" content=\"light dark\">\n<title>");
    html.text(title).markup(" · rapsheet</title>\n<style>").markup(STYLE);
    html.markup("</style>\n</head>\n<body>\n<a class=\"skip\" href=\"#main\">Skip to the content</a>\n");
    html.markup(shapes::SHAPES);
    bar(place, &mut html);
    html.markup("<main id=\"main\" tabindex=\"-1\">\n");
    warning(context, &mut html);
    html.part(main).markup("</main>\n");
    foot(context, &mut html);
    html.markup("</body>\n</html>\n");
    html.into_bytes()
}

fn bar(place: Place, html: &mut Html) {
    html.markup("<header class=\"bar\">\n<a class=\"name\" href=\"/\">rapsheet</a>\n<nav aria-label=\"Pages\">\n<ul>\n");
    for (of, href, name) in [
        (Place::Lookup, "<a href=\"/\"", "Look up"),
        (Place::Bulk, "<a href=\"/bulk\"", "Many at once"),
        (Place::Feeds, "<a href=\"/feeds\"", "Feeds"),
    ] {
        html.markup("<li>").markup(href);
        html.markup(if of == place { " aria-current=\"true\">" } else { ">" });
        html.markup(name).markup("</a></li>\n");
    }
    html.markup("</ul>\n</nav>\n</header>\n");
}

/// Old answers look like new ones, so a page says that they are old.
fn warning(context: &Context<'_>, html: &mut Html) {
    let Some(view) = context.view else { return };
    let age = context.now.unix().saturating_sub(view.snapshot.built_at().unix());
    if age <= context.max_stale {
        return;
    }
    shapes::begin_warning(&format!("The snapshot is {} old.", duration(age)), html);
    html.markup(
        "What was listed or taken off since then is not in these answers. <code>rapsheet update</code> on the \
         server makes a new one, or shows why not.</span></p>\n",
    );
}

/// The box that takes a question. `at` is the instant that was asked for, as it was typed.
pub(crate) fn search(input: &[u8], at: &str, is_front: bool, html: &mut Html) {
    // A browser drops the line ends in a box of one line, and what it would send then is another question.
    let input = String::from_utf8_lossy(input.trim_ascii()).replace('\n', "\u{fffd}");
    html.markup(
        "<form class=\"ask\" role=\"search\" action=\"/lookup\">\n\
         <label for=\"q\">Address, network, name or URL</label>\n\
         <div class=\"box\"><input id=\"q\" name=\"q\" type=\"text\" dir=\"ltr\" autocomplete=\"off\" \
         autocapitalize=\"off\" spellcheck=\"false\" aria-describedby=\"q-hint\" value=\"",
    );
    html.typed(&input).markup(if is_front { "\" autofocus>" } else { "\">" });
    html.markup(
        "<button>Look up</button></div>\n\
         <p class=\"hint\" id=\"q-hint\">Defanged or not: <code>hxxps://evil[.]example</code>.</p>\n",
    );
    html.markup(if at.is_empty() { "<details>" } else { "<details open>" });
    html.markup(
        "<summary>At another instant</summary>\n<p class=\"when\"><label for=\"at\">Time (UTC)</label>\
         <input id=\"at\" name=\"at\" type=\"text\" dir=\"ltr\" autocomplete=\"off\" aria-describedby=\"at-hint\" \
         value=\"",
    );
    html.typed(at).markup(
        "\"></p><p class=\"hint\" id=\"at-hint\">As in <code>2026-08-23</code> or \
         <code>2026-08-23T14:00:00Z</code>. Empty: now. What today’s snapshot knows of that instant is what \
         answers.</p></details>\n</form>\n",
    );
}

fn foot(context: &Context<'_>, html: &mut Html) {
    let Some(view) = context.view else { return };
    html.markup("<footer>\n");
    about(view, context.now, html);
    html.markup("</footer>\n");
}

fn about(view: &View, now: Time, html: &mut Html) {
    let snapshot = &view.snapshot;
    let instant = Instant { at: now, is_present: true };
    html.markup("<p>This page is of ");
    absolute(now, html);
    html.markup(", its snapshot of ");
    absolute(snapshot.built_at(), html);
    html.markup(", ").text(&instant.distance(snapshot.built_at())).markup(".</p>\n<p>");
    let states = feeds_by_state(snapshot, now);
    let feeds = count(snapshot.origin().feeds.len(), "feed", "feeds");
    html.text(&feeds).markup(" of ");
    html.text(&count(view.directory.providers.len(), "provider", "providers")).markup(": ");
    for (at, (state, of)) in states.iter().filter(|(_, of)| *of > 0).enumerate() {
        html.markup(if at > 0 { ", " } else { "" }).show(of).markup(" ").text(state);
    }
    html.markup(".");
    let parts = [
        (Part::Ipv4, "IPv4 range", "IPv4 ranges"),
        (Part::Ipv6, "IPv6 range", "IPv6 ranges"),
        (Part::Names, "name", "names"),
        (Part::Urls, "URL", "URLs"),
    ];
    for (at, (part, one, many)) in parts.into_iter().enumerate() {
        html.markup(if at > 0 { ", " } else { " " });
        html.text(&count(snapshot.count(part.count_section()), one, many));
    }
    html.markup(".</p>\n");
}
