//! `url-list`: one URL a line.
//!
//! A listed URL never lists its host, because hacked sites carry most of them; a feed of panels that own their
//! host may say so (option `promote_host`). A `#` begins a comment only at the start of a line or behind a blank:
//! elsewhere it is a fragment.

use super::{Format, Head, LineReader, Markup, OpenError, Shape, header};
use crate::options::{OptionRow, Options};
use crate::scribe::{Details, Scribe, Skip};
use crate::timestamp;
use crate::token;
use rapsheet_snapshot::{Kinds, Scope, refang::refang};

/// The row of the table.
pub static FORMAT: Format = Format {
    id: "url-list",
    about: "one URL a line, with its scheme or without",
    example: "http://evil.example.com/gate.php",
    kinds: Kinds::URL,
    options: &[OptionRow {
        key: "promote_host",
        about: "`true`: the host of a URL without path or query is listed too (default false)",
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
    fn line(&self, line: &[u8], scribe: &mut Scribe<'_>) {
        if let [b'#' | b';', comment @ ..] = line {
            return header::comment(comment.trim_ascii(), scribe);
        }
        if is_head(line, scribe) {
            return scribe.skip(Skip::Header);
        }
        let text = token::unwrap(without_remark(token::before_comment(line)));
        let scope = scribe.rules().scope;
        scribe.any(text, scope, &Details::NONE);
        if self.promotes_host
            && let Some(host) = host_alone(&refang(text))
        {
            scribe.host(host, Scope::Exact, &Details::NONE);
        }
    }
}

/// What some lists put behind a URL: a page's line end, a word in brackets, or columns that begin with a time.
fn without_remark(text: &[u8]) -> &[u8] {
    let ends: [&[u8]; 4] = [b"<br />", b"<br/>", b"<br>", b" (SSL)"];
    let text = ends.iter().find_map(|end| text.strip_suffix(*end)).unwrap_or(text).trim_ascii_end();
    let Some((url, columns)) = token::split_once(text, b',') else { return text };
    let second = token::before(columns, b',');
    let is_time = second.len() > 9 && timestamp::parse(second).is_some();
    if is_time { url } else { text }
}

/// What stands above a list that is sent as a page: its mark, a title, a date.
fn is_head(line: &[u8], scribe: &mut Scribe<'_>) -> bool {
    if line.first().is_some_and(u8::is_ascii_uppercase)
        && let Some(time) = timestamp::parse(line)
    {
        scribe.generated(time);
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
    let bare = !host.is_empty() && host.iter().all(|byte| !matches!(byte, b'/' | b'?' | b'#' | b'@'));
    bare.then_some(host)
}

#[cfg(test)]
mod tests {
    use crate::transcript::tests::render;

    #[test]
    fn urls_in_every_spelling() {
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
    fn a_host_is_listed_only_where_the_feed_says_so() {
        let text = "http://evilpanel.com/\nhttp://evilpanel.com/gate.php\n";
        assert_eq!(render("url-list", &[], text).len(), 2);
        let promoted = render("url-list", &[("promote_host", "true")], text);
        assert_eq!(
            promoted,
            ["url http://evilpanel.com/", "domain evilpanel.com", "url http://evilpanel.com/gate.php"]
        );
    }

    #[test]
    fn vxvault_begins_with_markup() {
        let text = "<pre>\nVX Vault last 100 Links\n\nhttp://evilpanel.com/a\n";
        let expected = ["SKIP header", "SKIP header", "SKIP blank", "url http://evilpanel.com/a"];
        assert_eq!(render("url-list", &[], text), expected);
    }
}
