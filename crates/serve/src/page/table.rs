//! Tables: rows on a wide screen, cards on a narrow one, where each cell shows its column.
//!
//! The roles stand there because a style that makes cards of rows takes the meaning of a table away.

use super::html::Html;

/// Begins a table, whose `kind` is a class of the style.
pub(crate) fn begin(kind: &'static str, caption: &'static str, columns: &[&'static str], html: &mut Html) {
    html.markup("<table class=\"cards ").markup(kind).markup("\" role=\"table\">\n<caption>").markup(caption);
    html.markup("</caption>\n<thead role=\"rowgroup\"><tr role=\"row\">");
    for column in columns {
        html.markup("<th scope=\"col\" role=\"columnheader\">").markup(column).markup("</th>");
    }
    html.markup("</tr></thead>\n<tbody role=\"rowgroup\">\n");
}

/// Ends it.
pub(crate) fn end(html: &mut Html) {
    html.markup("</tbody>\n</table>\n");
}

/// Begins a cell, with the label that narrow screens show. What is in it ends in `</div></td>`.
pub(crate) fn cell(column: &'static str, html: &mut Html) {
    html.markup("<td role=\"cell\" data-label=\"").markup(column).markup("\"><div>");
}
