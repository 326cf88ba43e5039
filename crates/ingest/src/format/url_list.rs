//! `url-list`: one URL per line, with its scheme or without.
//!
//! Published by OpenPhish, URLhaus, VX Vault, USOM and others. A listed URL does not list its host, because
//! most of such URLs are on hacked sites. A feed whose hosts serve nothing else, such as one of control
//! panels, may list them too (option `promote_host`). `#` begins a comment only at the start of a line or
//! after a blank; elsewhere it begins a fragment.
//!
//! VX Vault sends its list as a page: `<pre>`, a title, a date. Line breaks of HTML and columns that begin
//! with a time are cut off after a URL.

use super::{Format, Head, LineReader, Markup, OpenError, Shape, header};
use crate::entry::timestamp;
use crate::entry::{Details, Normalizer, Skip};
use crate::format::options::{OptionRow, Options};
use crate::format::token;
use rapsheet_snapshot::{Kinds, Scope, refang::refang};

/// The row of the table.
pub(super) static FORMAT: Format = Format {
    id: "url-list",
    about: "one URL per line, with its scheme or without",
    example: "http://evil.example.com/gate.php",
    kinds: Kinds::URL,
    options: &[OptionRow {
        key: "promote_host",
        about: "`true`: also list the host of a URL that has no path and no query (default false)",
    }],
    shape: Shape::Lines(open),
    markup: Markup::Preformatted,
    ..Format::DEFAULT
};

struct UrlList {
    promotes_host: bool,
}

fn open(options: &Options, _: Head<'_>) -> Result<Box<dyn LineReader>, OpenError> {
    Ok(Box::new(UrlList { promotes_host: options.flag("promote_host", false)? }))
}

impl LineReader for UrlList {
    fn line(&self, line: &[u8], normalizer: &mut Normalizer<'_>) {
        let scope = normalizer.rules().scope;
        // Of what is cut off below, a text that is nothing but a URL or a host can only have the end.
        let may_be_plain = !self.promotes_host && !line.ends_with(b";") && !line.ends_with(b">");
        if may_be_plain && normalizer.fast_any(line, scope, &Details::NONE) {
            return;
        }
        if let [b'#' | b';', comment @ ..] = line {
            return header::comment(comment.trim_ascii(), normalizer);
        }
        if is_banner(line, normalizer) {
            return normalizer.skip(Skip::Header);
        }
        let text = token::unwrap(without_remark(token::before_comment(line)));
        normalizer.any(text, scope, &Details::NONE);
        if self.promotes_host
            && let Some(host) = host_alone(&refang(text))
        {
            normalizer.host(host, Scope::Exact, &Details::NONE);
        }
    }
}

/// A line without what some lists put after a URL: an HTML line break, ` (SSL)`, or columns that begin with
/// a time.
fn without_remark(text: &[u8]) -> &[u8] {
    let ends: [&[u8]; 4] = [b"<br />", b"<br/>", b"<br>", b" (SSL)"];
    let text = ends.iter().find_map(|end| text.strip_suffix(*end)).unwrap_or(text).trim_ascii_end();
    let Some((url, columns)) = token::split_once(text, b',') else { return text };
    let second = token::before(columns, b',');
    let is_time = second.len() > 9 && timestamp::parse(second).is_some();
    if is_time { url } else { text }
}

/// Whether a line is part of the banner of a list that is sent as a page: `<pre>`, a title, a date. The date
/// states when the list was generated.
fn is_banner(line: &[u8], normalizer: &mut Normalizer<'_>) -> bool {
    if line.first().is_some_and(u8::is_ascii_uppercase)
        && let Some(time) = timestamp::parse(line)
    {
        normalizer.generated(time);
        return true;
    }
    line.eq_ignore_ascii_case(b"<pre>")
        || line.eq_ignore_ascii_case(b"</pre>")
        || line.starts_with(b"VX Vault ")
}

/// The host of a URL that has neither path nor query.
fn host_alone(url: &[u8]) -> Option<&[u8]> {
    let at = url.windows(3).position(|three| three == b"://")?;
    let rest = url.get(at + 3..)?;
    let host = rest.strip_suffix(b"/").unwrap_or(rest);
    let is_host = !host.is_empty() && host.iter().all(|byte| !matches!(byte, b'/' | b'?' | b'#' | b'@'));
    is_host.then_some(host)
}

#[cfg(test)]
mod tests {
    use crate::pipeline::testing::render;

    #[test]
    fn reads_urls_in_every_spelling() {
        let text = "HTTP://EvilPanel.com:80/Gate.PHP?x=1#frag\nhxxps[:]//evil-bank[.]com/a\n# Last updated: 2026-01-01 00:00:00 (UTC)\n\
                    evilpanel.com/malware/\nevilpanel.com\nhttp://evilpanel.com/a b\njavascript:alert(1)\n\
                    http://39.34.166.041:34595/Mozi.m\nhttp://localhost/x\n45.9.20.5\n";
        let rendered = render("url-list", &[], text);
        let expected = ["url http://evilpanel.com/Gate.PHP?x=1", "url https://evil-bank.com/a"];
        assert_eq!(rendered[..2], expected);
        let expected = [
            "url //evilpanel.com/malware/",
            "domain-tree evilpanel.com",
            "REJECT bad-url",
            "REJECT bad-scheme",
            "REJECT leading-zero",
            "REJECT single-label",
            "ip 45.9.20.5",
        ];
        assert_eq!(rendered[3..], expected);
    }

    #[test]
    fn lists_hosts_only_with_the_option() {
        let text = "http://evilpanel.com/\nhttp://evilpanel.com/gate.php\n";
        assert_eq!(render("url-list", &[], text).len(), 2);
        let promoted = render("url-list", &[("promote_host", "true")], text);
        assert_eq!(
            promoted,
            ["url http://evilpanel.com/", "domain evilpanel.com", "url http://evilpanel.com/gate.php"]
        );
    }

    #[test]
    fn reads_a_list_that_is_sent_as_a_page() {
        let text = "<pre>\nVX Vault last 100 Links\n\nhttp://evilpanel.com/a\n";
        let expected = ["SKIP header", "SKIP header", "SKIP blank", "url http://evilpanel.com/a"];
        assert_eq!(render("url-list", &[], text), expected);
    }
}
