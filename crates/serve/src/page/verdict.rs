//! The page of an answer: the verdict, its sources, what is not known, and who does not list it.

use super::answered::Answered;
use super::freshness;
use super::html::{Html, count};
use super::layout::{Context, Place, page, search};
use super::providers::{Providers, kinds, plural};
use super::time::{Instant, absolute};
use super::{programs, shapes, sources};
use crate::snapshots::View;
use rapsheet_query::{Source, Status, Time, Verdict};
use rapsheet_snapshot::FeedRecord;

/// The page of an answer.
pub(crate) fn answer(context: &Context<'_>, answered: &Answered<'_>) -> Vec<u8> {
    let Answered { input, at, verdict, view } = *answered;
    let instant = Instant { at: verdict.at, is_present: at.is_empty() };
    let providers = Providers::of(verdict, view);
    let mut main = Html::default();
    head(verdict, providers.applicable(), instant, &mut main);
    search(input, at, false, &mut main);
    if !verdict.sources.is_empty() {
        sources::table(verdict, view, instant, &mut main);
    }
    missing(&providers, verdict, view, instant, &mut main);
    not_listed(&providers, verdict, &mut main);
    programs::section(context, answered, &mut main);
    let title = format!("{}: {}", shapes::word(verdict.status), verdict.indicator);
    page(context, &title, Place::Lookup, &main)
}

fn head(verdict: &Verdict, applicable: usize, instant: Instant, html: &mut Html) {
    html.markup("<section class=\"verdict ").markup(shapes::name(verdict.status));
    html.markup("\" aria-labelledby=\"verdict\">\n");
    shapes::shape(verdict.status, html);
    html.markup("<div>\n<h1 id=\"verdict\"><span class=\"word\">").markup(shapes::word(verdict.status));
    html.markup("</span> <span class=\"indicator\" dir=\"ltr\">").text(&verdict.indicator);
    html.markup("</span></h1>\n<p class=\"lead\">");
    lead(verdict, applicable, html);
    html.markup("</p>\n");
    if !instant.is_present {
        html.markup("<p>This is the answer as of ");
        absolute(instant.at, html);
        html.markup(", as far as today’s snapshot knows.</p>\n");
    }
    facts(verdict, instant, html);
    html.markup("</div>\n</section>\n");
}

/// The verdict in a sentence or two; `applicable` providers could list it.
fn lead(verdict: &Verdict, applicable: usize, html: &mut Html) {
    let allowed = verdict.providers.iter().filter(|status| **status == Status::Allowed).count();
    let lists = if verdict.detected_by == 1 { "blocklists it" } else { "blocklist it" };
    match verdict.status {
        Status::Blocked => {
            share(verdict.detected_by, applicable, verdict, html);
            html.markup(lists);
            for_what(verdict, html);
            if allowed > 0 {
                html.markup(" ").show(allowed);
                html.markup(if allowed == 1 { " allowlists it" } else { " allowlist it" });
                html.markup(", which does not undo that.");
            }
        }
        Status::Allowed => {
            share(allowed, applicable, verdict, html);
            html.markup(if allowed == 1 { "allowlists it" } else { "allowlist it" });
            html.markup(", and none blocklists it.");
        }
        Status::Unknown => {
            html.markup("<strong>No provider lists it.</strong> That does not make it harmless: nothing is ");
            html.markup("known of it here, good or bad.");
        }
        Status::Failed => {
            html.markup("<strong>No provider that could list it has data to go by.</strong> ");
            html.markup("What they published is missing or too old, so this is neither listed nor unlisted.");
        }
    }
    if verdict.failed > 0 && verdict.status != Status::Failed {
        html.markup(" The data of <a href=\"#missing\">");
        html.text(&count(verdict.failed, "provider", "providers")).markup("</a> is missing or too old.");
    }
}

/// How many of the providers that could list it do.
fn share(of: usize, applicable: usize, verdict: &Verdict, html: &mut Html) {
    html.markup("<strong>").show(of).markup(" of ");
    html.text(&count(applicable, "provider", "providers")).markup("</strong> that ");
    html.markup(if applicable == 1 { "lists " } else { "list " });
    html.markup(plural(verdict)).markup(" ");
}

fn for_what(verdict: &Verdict, html: &mut Html) {
    let words = verdict.assessments().to_string();
    if words.is_empty() {
        html.markup(".");
    } else {
        html.markup(" for <strong>").text(&words).markup("</strong>.");
    }
}

/// The times of the sightings that decide.
fn facts(verdict: &Verdict, instant: Instant, html: &mut Html) {
    let deciding = || verdict.sources.iter().filter(|source| source.status == verdict.status);
    let first = deciding().map(|source| source.first_seen).min();
    let latest = |time: fn(&Source) -> Time| deciding().map(time).max();
    let (confirmed, until) = (latest(|source| source.detect_time), latest(|source| source.expires));
    if first.is_none() {
        return;
    }
    html.markup("<dl class=\"facts\">\n");
    for (name, time) in [("Since", first), ("Last confirmed", confirmed), ("Counts until", until)] {
        let Some(time) = time else { continue };
        html.markup("<div><dt>").markup(name).markup("</dt><dd>");
        instant.both(time, html);
        html.markup("</dd></div>\n");
    }
    html.markup("</dl>\n");
}

/// Providers that could list it, and whose data is missing or too old; with the reason for each of their feeds.
fn missing(providers: &Providers<'_>, verdict: &Verdict, view: &View, instant: Instant, html: &mut Html) {
    if providers.missing.is_empty() {
        return;
    }
    html.markup(
        "<section class=\"missing\" aria-labelledby=\"missing\">\n<h2 id=\"missing\">Not known</h2>\n<p>",
    );
    let of = providers.missing.len();
    html.text(&count(of, "provider", "providers")).markup(" may list it: what ");
    html.markup(if of == 1 { "it publishes" } else { "they publish" });
    html.markup(" is missing here or too old to go by.</p>\n<ul class=\"rows\">\n");
    let (kinds, feeds) = (kinds(verdict), &view.snapshot.origin().feeds);
    let is_missing = |feed: &&FeedRecord| feed.is_stale(instant.at) && feed.traits().kinds.intersects(kinds);
    for name in &providers.missing {
        for feed in feeds.iter().filter(is_missing).filter(|feed| feed.provider == *name) {
            html.markup("<li><strong><bdi>").text(name).markup("</bdi></strong> <span class=\"feed\"><bdi>");
            html.text(&feed.id).markup("</bdi></span> ");
            freshness::badge(feed, instant, html);
            html.markup(" <span class=\"reason\">").text(&freshness::reason(feed, instant));
            html.markup("</span></li>\n");
        }
    }
    html.markup("</ul>\n</section>\n");
}

/// Who does not list it, closed until one wants to see.
fn not_listed(providers: &Providers<'_>, verdict: &Verdict, html: &mut Html) {
    let Providers { not_listing, other_kinds, .. } = providers;
    if not_listing.is_empty() && other_kinds.is_empty() {
        return;
    }
    html.markup("<section aria-labelledby=\"others\">\n<h2 id=\"others\">Who does not list it</h2>\n");
    names(not_listing, ["does not list it", "do not list it"], "", html);
    names(other_kinds, ["publishes no list of ", "publish no list of "], plural(verdict), html);
    html.markup("</section>\n");
}

/// Names under a summary; `verbs` are for one and for many.
fn names(names: &[&str], verbs: [&'static str; 2], object: &str, html: &mut Html) {
    let [of_one, of_many] = verbs;
    if names.is_empty() {
        return;
    }
    html.markup("<details>\n<summary>").text(&count(names.len(), "provider", "providers")).markup(" ");
    html.markup(if names.len() == 1 { of_one } else { of_many }).text(object);
    html.markup("</summary>\n<ul class=\"names\">\n");
    for name in names {
        html.markup("<li><bdi>").text(name).markup("</bdi></li>\n");
    }
    html.markup("</ul>\n</details>\n");
}
