//! The page of all feeds: how far each can be relied on.

use super::freshness;
use super::html::{Html, count, number};
use super::layout::{Context, Place, page};
use super::table::{self, cell};
use super::time::{Instant, absolute, duration};
use crate::snapshots::View;
use rapsheet_query::ListKind;
use rapsheet_snapshot::FeedRecord;

const COLUMNS: [&str; 6] = ["Feed", "State", "Fetched", "Entries", "Kind", "Counts for"];

/// The page; feeds that cannot be relied on come first.
pub(crate) fn feeds(context: &Context<'_>, view: &View) -> Vec<u8> {
    let instant = Instant { at: view.at, is_present: true };
    let mut records: Vec<&FeedRecord> = view.snapshot.origin().feeds.iter().collect();
    records.sort_by_key(|feed| (!feed.is_stale(instant.at), feed.provider.as_str(), feed.id.as_str()));
    let stale = records.iter().filter(|feed| feed.is_stale(instant.at)).count();
    let mut main = Html::default();
    main.markup("<h1>Feeds</h1>\n<p class=\"lead\">");
    main.text(&count(records.len(), "feed", "feeds")).markup(" of ");
    main.text(&count(view.directory.providers.len(), "provider", "providers")).markup(". ");
    match stale {
        0 => drop(main.markup("All are fresh.</p>\n")),
        stale => drop(main.show(stale).markup(if stale == 1 {
            " cannot be relied on, and stands first: what it does not list is not known to be unlisted.</p>\n"
        } else {
            " cannot be relied on, and stand first: what they do not list is not known to be unlisted.</p>\n"
        })),
    }
    table::begin("feeds", "Each feed, its state and its age", &COLUMNS, &mut main);
    records.iter().for_each(|feed| row(feed, instant, &mut main));
    table::end(&mut main);
    page(context, "Feeds", Place::Feeds, &main)
}

fn row(feed: &FeedRecord, instant: Instant, html: &mut Html) {
    let traits = feed.traits();
    html.markup("<tr role=\"row\"><th scope=\"row\" role=\"rowheader\"><bdi>").text(&feed.provider);
    html.markup("</bdi> <span class=\"feed\"><bdi>").text(&feed.id).markup("</bdi></span>");
    if !feed.title.is_empty() && feed.title != feed.id {
        html.markup(" <span class=\"age\"><bdi>").text(&feed.title).markup("</bdi></span>");
    }
    html.markup("</th>\n");
    cell(COLUMNS[1], html);
    freshness::badge(feed, instant, html);
    if feed.is_stale(instant.at) {
        html.markup(" <span class=\"reason\">").text(&freshness::reason(feed, instant)).markup("</span>");
    }
    html.markup("</div></td>\n");
    cell(COLUMNS[2], html);
    match traits.update_time {
        Some(time) => {
            absolute(time, html);
            html.markup(" <span class=\"age\">").text(&instant.distance(time)).markup("</span>");
        }
        None => drop(html.markup("never")),
    }
    html.markup("</div></td>\n");
    cell(COLUMNS[3], html);
    let sightings = usize::try_from(feed.sightings).unwrap_or(usize::MAX);
    html.markup("<span class=\"number\">").text(&number(sightings)).markup("</span></div></td>\n");
    cell(COLUMNS[4], html);
    html.markup(if traits.list == ListKind::Block { "blocklist" } else { "allowlist" });
    html.markup("</div></td>\n");
    cell(COLUMNS[5], html);
    html.text(&duration(feed.retention_seconds)).markup("</div></td></tr>\n");
}
