//! A shape for each verdict and each state, so that none is told by its colour alone.

use super::html::Html;
use rapsheet_query::Status;

/// The shapes, which the rest of a page refers to. An eye that sees no colour tells an octagon, a disc, a triangle and a
/// broken ring apart.
pub(crate) const SHAPES: &str = "\
<svg class=\"shapes\" aria-hidden=\"true\" focusable=\"false\" width=\"0\" height=\"0\">
<symbol id=\"blocked\" viewBox=\"0 0 48 48\"><path class=\"fill\" d=\"M15.3 3h17.4L45 15.3v17.4L32.7 45H15.3L3 32.7V15.3z\"/>\
<path class=\"cut\" d=\"M13 24h22\"/></symbol>
<symbol id=\"allowed\" viewBox=\"0 0 48 48\"><circle class=\"fill\" cx=\"24\" cy=\"24\" r=\"21\"/>\
<path class=\"cut\" d=\"m14 25 7 7 13-15\"/></symbol>
<symbol id=\"failed\" viewBox=\"0 0 48 48\"><path class=\"fill\" d=\"M24 3.5c1.2 0 2.2.6 2.8 1.6l18.8 34c1.2 2.2-.4 4.9-2.8 4.9\
H5.2c-2.5 0-4-2.7-2.8-4.9l18.8-34c.6-1 1.6-1.6 2.8-1.6z\"/><path class=\"cut\" d=\"M24 17v12M24 36.2v.6\"/></symbol>
<symbol id=\"unknown\" viewBox=\"0 0 48 48\"><circle class=\"ring\" cx=\"24\" cy=\"24\" r=\"20\"/>\
<path class=\"line\" d=\"M17.5 19.5a6.5 6.5 0 1 1 9.4 5.8c-1.9 1-2.9 2.2-2.9 4.2M24 35.4v.6\"/></symbol>
<symbol id=\"fresh\" viewBox=\"0 0 48 48\"><circle class=\"fill\" cx=\"24\" cy=\"24\" r=\"13\"/></symbol>
</svg>
";

/// The shape of a status.
pub(crate) fn shape(status: Status, out: &mut Html) {
    out.markup("<svg class=\"shape\" aria-hidden=\"true\" focusable=\"false\"><use href=\"#");
    out.markup(name(status)).markup("\"/></svg>");
}

/// The class that gives an element the accent of a status, and the id of its shape.
pub(crate) const fn name(status: Status) -> &'static str {
    match status {
        Status::Blocked => "blocked",
        Status::Allowed => "allowed",
        Status::Failed => "failed",
        Status::Unknown => "unknown",
    }
}

/// The word of a status, as a person says it.
pub(crate) const fn word(status: Status) -> &'static str {
    match status {
        Status::Blocked => "Blocklisted",
        Status::Allowed => "Allowlisted",
        Status::Failed => "Cannot be judged",
        Status::Unknown => "Unknown",
    }
}

/// The shape and the word of a status, on one line.
pub(crate) fn badge(status: Status, out: &mut Html) {
    out.markup("<span class=\"badge ").markup(name(status)).markup("\">");
    shape(status, out);
    out.markup(word(status)).markup("</span>");
}

/// Begins a warning, of which `title` is the first sentence. What follows ends in `</span></p>`.
pub(crate) fn begin_warning(title: &str, out: &mut Html) {
    out.markup("<p class=\"warning failed\" role=\"note\">");
    shape(Status::Failed, out);
    out.markup("<span><strong>").text(title).markup("</strong> ");
}

/// The state of a feed: fresh, or what is wrong.
pub(crate) fn state(is_fresh: bool, word: &str, out: &mut Html) {
    out.markup("<span class=\"badge ").markup(if is_fresh { "fresh" } else { "failed" });
    out.markup("\"><svg class=\"shape\" aria-hidden=\"true\" focusable=\"false\"><use href=\"#");
    out.markup(if is_fresh { "fresh" } else { "failed" }).markup("\"/></svg>").text(word).markup("</span>");
}
