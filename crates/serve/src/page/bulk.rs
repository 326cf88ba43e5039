//! The page of many questions: the box, and the table of answers.

use super::html::{Html, count, number, text_of};
use super::layout::{Context, Place, page};
use super::providers::Applicable;
use super::reason::Reason;
use super::shapes;
use super::table::{self, cell};
use crate::limits::PAGE_LINES;
use crate::question::Unusable;
use rapsheet_query::{Status, Verdict};
use std::collections::BTreeSet;

const COLUMNS: [&str; 5] = ["Asked", "Verdict", "Blocklisted by", "For", "Providers"];
const UNUSABLE_COLUMNS: [&str; 2] = ["Asked", "Why not"];

/// How many providers of an answer are named.
const NAMED: usize = 3;

/// The answers to a list.
#[derive(Default)]
pub(crate) struct Answers<'a> {
    /// How many lines the list has.
    pub(crate) lines: usize,
    /// Line, text, answer.
    pub(crate) answered: Vec<(usize, &'a [u8], Verdict)>,
    /// Line, text, and why it is not answered.
    pub(crate) unusable: Vec<(usize, &'a [u8], Unusable)>,
}

/// The page with the box.
pub(crate) fn form(context: &Context<'_>) -> Vec<u8> {
    let mut main = Html::default();
    main.markup(
        "<h1>Many at once</h1>\n<p class=\"lead\">Addresses, networks, names and URLs, one a line, defanged ",
    );
    main.markup("or not.</p>\n");
    paste("", &mut main);
    page(context, "Many at once", Place::Bulk, &main)
}

/// The page of answers to `list`.
pub(crate) fn answers(context: &Context<'_>, list: &str, answers: &Answers<'_>) -> Vec<u8> {
    let mut main = Html::default();
    let shown = answers.answered.len() + answers.unusable.len();
    main.markup("<h1>").text(&count(answers.lines, "line", "lines")).markup("</h1>\n");
    if shown < answers.lines {
        let title = format!("The first {} are answered here.", number(shown));
        shapes::begin_warning(&title, &mut main);
        main.markup("The other ").text(&number(answers.lines - shown));
        main.markup(" are not counted below; the CSV has them all.</span></p>\n");
    }
    counts(answers, &mut main);
    if !answers.answered.is_empty() {
        table(context, answers, &mut main);
    }
    if !answers.unusable.is_empty() {
        unusable(answers, &mut main);
    }
    main.markup("<section aria-labelledby=\"again\">\n<h2 id=\"again\">The list</h2>\n");
    paste(list, &mut main);
    main.markup("</section>\n");
    let blocked = of_status(answers, Status::Blocked);
    let title = format!("{} of {} blocklisted", number(blocked), count(shown, "line", "lines"));
    page(context, &title, Place::Bulk, &main)
}

fn paste(list: &str, html: &mut Html) {
    html.markup(
        "<form class=\"paste\" method=\"post\" action=\"/bulk\">\n<label for=\"list\">One a line</label>\n",
    );
    html.markup("<textarea id=\"list\" name=\"list\" rows=\"10\" dir=\"ltr\" spellcheck=\"false\" ");
    html.markup("autocapitalize=\"off\" autocomplete=\"off\" aria-describedby=\"list-hint\">\n");
    html.typed(&list.replace("\r\n", "\n"))
        .markup("</textarea>\n<p class=\"hint\" id=\"list-hint\">The page answers ");
    html.text(&number(PAGE_LINES)).markup(" lines, the CSV all. ");
    html.markup(
        "A list may have 1 MiB as the browser sends it: about 50,000 lines of IPv4 addresses, or fewer ",
    );
    html.markup("longer ones.</p>\n<p class=\"buttons\"><button name=\"as\" value=\"page\">Look up</button>");
    html.markup(
        " <button class=\"second\" name=\"as\" value=\"csv\">Take away as CSV</button></p>\n</form>\n",
    );
}

fn of_status(answers: &Answers<'_>, status: Status) -> usize {
    answers.answered.iter().filter(|(_, _, verdict)| verdict.status == status).count()
}

fn counts(answers: &Answers<'_>, html: &mut Html) {
    html.markup("<ul class=\"counts\">\n");
    for status in [Status::Blocked, Status::Allowed, Status::Unknown, Status::Failed] {
        html.markup("<li class=\"").markup(shapes::name(status)).markup("\">");
        shapes::shape(status, html);
        html.markup("<strong>").text(&number(of_status(answers, status))).markup("</strong> <span>");
        html.markup(shapes::word(status)).markup("</span></li>\n");
    }
    html.markup("<li class=\"plain\"><strong>").text(&number(answers.unusable.len()));
    html.markup("</strong> <span>Not answered</span></li>\n</ul>\n");
}

fn table(context: &Context<'_>, answers: &Answers<'_>, html: &mut Html) {
    html.markup("<section aria-labelledby=\"answers\">\n<h2 id=\"answers\">Answers</h2>\n");
    table::begin("answers", "A row for each line, in the order asked", &COLUMNS, html);
    let mut applicable = Applicable::default();
    for (line, text, verdict) in &answers.answered {
        row(context, &mut applicable, (*line, text, verdict), html);
    }
    table::end(html);
    html.markup("</section>\n");
}

fn row(
    context: &Context<'_>,
    applicable: &mut Applicable,
    (line, text, verdict): (usize, &[u8], &Verdict),
    html: &mut Html,
) {
    begin_row(line, text, html);
    if verdict.indicator.as_bytes() != text.trim_ascii() {
        html.markup(" <span class=\"age\" dir=\"ltr\">").text(&verdict.indicator).markup("</span>");
    }
    html.markup("</div></div></th>\n");
    cell(COLUMNS[1], html);
    shapes::badge(verdict.status, html);
    html.markup("</div></td>\n");
    cell(COLUMNS[2], html);
    let applicable = context.view.map_or(0, |view| applicable.to(verdict, view));
    html.show(verdict.detected_by).markup(" <span class=\"age\">of ").show(applicable);
    if verdict.failed > 0 {
        html.markup("; ").show(verdict.failed).markup(" without data");
    }
    html.markup("</span></div></td>\n");
    cell(COLUMNS[3], html);
    let words = verdict.assessments().to_string();
    html.text(if words.is_empty() { "–" } else { &words }).markup("</div></td>\n");
    cell(COLUMNS[4], html);
    providers(context, verdict, html);
    html.markup("</div></td></tr>\n");
}

fn begin_row(line: usize, text: &[u8], html: &mut Html) {
    html.markup("<tr role=\"row\"><th scope=\"row\" role=\"rowheader\"><div class=\"asked-line\">");
    html.markup("<span class=\"row-number\">").text(&number(line)).markup("</span> <div><code dir=\"ltr\">");
    html.text(&text_of(text)).markup("</code>");
}

/// The first few providers that list it.
fn providers(context: &Context<'_>, verdict: &Verdict, html: &mut Html) {
    let Some(view) = context.view else { return };
    let listing: BTreeSet<usize> = verdict.sources.iter().map(|source| source.provider).collect();
    for (at, provider) in listing.iter().take(NAMED).enumerate() {
        html.markup(if at > 0 { ", <bdi>" } else { "<bdi>" });
        html.text(view.directory.provider(*provider)).markup("</bdi>");
    }
    match listing.len().checked_sub(NAMED) {
        None if listing.is_empty() => drop(html.markup("–")),
        None | Some(0) => {}
        Some(more) => drop(html.markup(" and ").show(more).markup(" more")),
    }
}

fn unusable(answers: &Answers<'_>, html: &mut Html) {
    html.markup("<section aria-labelledby=\"unusable\">\n<h2 id=\"unusable\">Not answered</h2>\n");
    table::begin("answers", "Lines without an answer, and why", &UNUSABLE_COLUMNS, html);
    for (line, text, why) in &answers.unusable {
        begin_row(*line, text, html);
        html.markup("</div></div></th>\n");
        cell(UNUSABLE_COLUMNS[1], html);
        let Reason { message, remedy, .. } = Reason::of(*why);
        html.text(&message).markup(" <span class=\"age\">").text(remedy).markup("</span></div></td></tr>\n");
    }
    table::end(html);
    html.markup("</section>\n");
}
