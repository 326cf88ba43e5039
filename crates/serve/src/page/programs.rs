//! What a program gets for the same question: a command, and the answer as JSON.

use super::answered::Answered;
use super::html::{Html, number};
use super::layout::Context;
use rapsheet_json::{indented, object};
use std::fmt::Write;

/// The longest JSON that a page shows, in bytes.
const JSON_BYTES: usize = 64 << 10;

pub(crate) fn section(context: &Context<'_>, answered: &Answered<'_>, html: &mut Html) {
    html.markup("<section aria-labelledby=\"programs\">\n<h2 id=\"programs\">For programs</h2>\n");
    html.markup("<pre tabindex=\"0\" role=\"region\" aria-label=\"Command\" dir=\"ltr\"><code>curl ");
    if context.has_keys {
        html.markup("-H \"apikey: $APIKEY\" ");
    }
    html.markup("'").text(&address(context, answered)).markup("'</code></pre>\n");
    let mut json = Vec::new();
    let input = String::from_utf8_lossy(answered.input);
    let object = object(&answered.view.directory, &input, answered.verdict, false);
    // Memory takes it.
    let _ = indented(&object, &mut json);
    if json.len() > JSON_BYTES {
        html.markup("<p>Its answer has ").text(&number(json.len())).markup(" bytes.</p>\n</section>\n");
        return;
    }
    html.markup("<details>\n<summary>Its answer, as JSON</summary>\n");
    html.markup("<pre tabindex=\"0\" role=\"region\" aria-label=\"Answer as JSON\" dir=\"ltr\"><code>");
    html.lines(&String::from_utf8_lossy(&json)).markup("</code></pre>\n</details>\n</section>\n");
}

/// The address of the answer for programs. Nothing in it ends a quoted word of a shell.
fn address(context: &Context<'_>, answered: &Answered<'_>) -> String {
    let mut out = format!("{}/v1/lookup/{}", context.origin, encoded(answered.input));
    if !answered.at.is_empty() {
        // Memory takes it.
        let _ = write!(out, "?at={}", encoded(answered.at.as_bytes()));
    }
    out
}

/// A text as a part of an address.
pub(crate) fn encoded(text: &[u8]) -> String {
    let mut out = String::with_capacity(text.len());
    for &byte in text {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}
