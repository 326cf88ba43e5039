//! The table of sightings.

use super::freshness;
use super::html::{Html, count};
use super::shapes;
use super::table::{self, cell};
use super::time::Instant;
use crate::snapshots::View;
use rapsheet_query::{Overlap, Scope, Source, Status, Verdict};

/// How many sightings a page shows. A range may have thousands, and programs get all of them.
pub(crate) const SHOWN_MAX: usize = 500;

/// The columns, which narrow screens show as labels of each cell.
const COLUMNS: [&str; 7] =
    ["Provider", "Verdict", "Matched entry", "First seen", "Last confirmed", "Counts until", "Data fetched"];

/// The sightings of an answer: those that block first.
pub(crate) fn table(verdict: &Verdict, view: &View, instant: Instant, html: &mut Html) {
    let mut sources: Vec<&Source> = verdict.sources.iter().collect();
    sources.sort_by_key(|source| source.status != Status::Blocked);
    html.markup("<section aria-labelledby=\"sources\">\n<h2 id=\"sources\">Sources</h2>\n");
    if sources.len() > SHOWN_MAX {
        html.markup("<p class=\"note\">The first ").show(SHOWN_MAX).markup(" of ");
        html.text(&count(sources.len(), "sighting", "sightings"));
        html.markup(". The command below gets all of them.</p>\n");
    }
    table::begin("sources", "Who lists it, as what, and since when", &COLUMNS, html);
    sources.iter().take(SHOWN_MAX).for_each(|source| row(source, view, instant, html));
    table::end(html);
    html.markup("</section>\n");
}

fn row(source: &Source, view: &View, instant: Instant, html: &mut Html) {
    let (feed, _) = view.directory.feed(source.feed);
    html.markup("<tr role=\"row\"><th scope=\"row\" role=\"rowheader\"><bdi>");
    html.text(view.directory.provider(source.provider)).markup("</bdi> <span class=\"feed\"><bdi>");
    html.text(feed).markup("</bdi></span></th>\n");
    cell(COLUMNS[1], html);
    shapes::badge(source.status, html);
    html.markup(" <span class=\"as\">").show(source.assessments).markup("</span></div></td>\n");
    cell(COLUMNS[2], html);
    html.markup("<code dir=\"ltr\">").text(&source.matched).markup("</code>");
    if let Some(note) = note(source) {
        html.markup(" <span class=\"age\">").markup(note).markup("</span>");
    }
    html.markup("</div></td>\n");
    for (column, time) in
        [(COLUMNS[3], source.first_seen), (COLUMNS[4], source.detect_time), (COLUMNS[5], source.expires)]
    {
        cell(column, html);
        instant.both(time, html);
        html.markup("</div></td>\n");
    }
    cell(COLUMNS[6], html);
    if let Some(record) = view.snapshot.origin().feeds.get(usize::from(source.feed.0)) {
        freshness::badge(record, instant, html);
        if let Some(time) = record.traits().update_time {
            html.markup(" <span class=\"age\">").text(&instant.distance(time)).markup("</span>");
        }
    }
    html.markup("</div></td></tr>\n");
}

/// What an entry covers besides what is written.
fn note(source: &Source) -> Option<&'static str> {
    match (source.overlap, source.scope) {
        (Some(Overlap::Covers), _) => Some("covers all of it"),
        (Some(Overlap::Within), _) => Some("a part of it"),
        (None, Scope::Tree) => Some("and all names below"),
        (None, Scope::Subdomains) => Some("names below alone"),
        (None, Scope::Exact) => None,
    }
}
