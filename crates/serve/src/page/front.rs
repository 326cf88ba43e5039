//! The page with the box alone, and the pages that say why there is no answer.

use super::html::{Html, sentence, text_of};
use super::layout::{Context, Place, page, search};
use super::reason::{Absence, Reason};
use super::shapes;
use rapsheet_query::Status;

/// The page with the box. `absence` says why there is no snapshot, where the context has none.
pub(crate) fn front(context: &Context<'_>, absence: Absence) -> Vec<u8> {
    let mut main = Html::default();
    if context.view.is_none() {
        shapes::begin_warning(&sentence(absence.title()), &mut main);
        // What stands in backticks is for a terminal.
        for (at, part) in absence.remedy().split('`').enumerate() {
            let [begin, end] = if at % 2 == 1 { ["<code>", "</code>"] } else { ["", ""] };
            main.markup(begin).markup(part).markup(end);
        }
        main.markup("</span></p>\n");
    }
    main.markup(
        "<div class=\"front\">\n<h1>Who lists it?</h1>\n<p class=\"lead\">Which public blocklists and allowlists \
         have an address, a network, a name or a URL, for what, since when, and whether that still holds.</p>\n",
    );
    search(b"", "", true, &mut main);
    main.markup("</div>\n");
    page(context, "Who lists it?", Place::Lookup, &main)
}

/// The page of a question that is not answered.
pub(crate) fn unusable(context: &Context<'_>, input: &[u8], at: &str, reason: &Reason) -> Vec<u8> {
    let mut main = Html::default();
    begin(reason.title, &mut main);
    main.markup("<p class=\"lead\">").text(&reason.message).markup("</p>\n");
    if !reason.remedy.is_empty() {
        main.markup("<p>").text(reason.remedy).markup("</p>\n");
    }
    main.markup("<p class=\"age\">What was asked:</p>\n<pre class=\"asked\" tabindex=\"0\" role=\"region\" ");
    main.markup("aria-label=\"What was asked\" dir=\"ltr\"><code>")
        .text(&text_of(input))
        .markup("</code></pre>\n</div>\n");
    main.markup("</section>\n");
    search(input, at, false, &mut main);
    if reason.is_of_writing {
        how_to_write(&mut main);
    }
    page(context, reason.title, Place::Lookup, &main)
}

/// The page of any other error. `title` says it in a few words.
pub(crate) fn problem(context: &Context<'_>, title: &str, message: &str, code: u32, place: Place) -> Vec<u8> {
    let mut main = Html::default();
    begin(title, &mut main);
    main.markup("<p class=\"lead\">")
        .text(&sentence(message))
        .markup("</p>\n<p class=\"age\">Error ")
        .show(code);
    main.markup("</p>\n</div>\n</section>\n");
    if place == Place::Lookup {
        search(b"", "", false, &mut main);
    }
    page(context, title, place, &main)
}

fn begin(title: &str, main: &mut Html) {
    main.markup("<section class=\"verdict failed\" role=\"alert\" aria-labelledby=\"verdict\">\n");
    shapes::shape(Status::Failed, main);
    main.markup("<div>\n<h1 id=\"verdict\"><span class=\"word\">").text(title).markup("</span></h1>\n");
}

fn how_to_write(main: &mut Html) {
    main.markup(
        "<section aria-labelledby=\"how\">\n<h2 id=\"how\">What can be asked</h2>\n<dl class=\"how\">\n",
    );
    for (name, examples) in [
        ("Address", ["45.9.20.5", "2001:980::1"]),
        ("Network or range", ["45.9.20.0/24", "45.9.20.5-45.9.20.9"]),
        ("Name", ["login.evil.example", "bücher.example"]),
        ("URL", ["https://evil.example/gate.php?id=1", "45.9.20.5:8080/x"]),
        ("Defanged", ["hxxps://evil[.]example/gate.php", "45[.]9[.]20[.]5"]),
    ] {
        main.markup("<div><dt>").markup(name).markup("</dt>");
        for example in examples {
            main.markup("<dd><code dir=\"ltr\">").markup(example).markup("</code></dd>");
        }
        main.markup("</div>\n");
    }
    main.markup("</dl>\n</section>\n");
}
