//! `toplist-csv`: the most visited sites, with their rank: Tranco, Umbrella, Alexa, Majestic, DomCop, CrUX.
//!
//! To be popular is a hint and no proof, so only the first ranks count (option `top`), and a name means itself
//! alone: what lies below a hosting company's name is not popular because the company is. Some of these lists are
//! of DNS questions and hold names that no site ever had.

use super::csv::split;
use super::{Format, Head, LineReader, OpenError, Shape};
use crate::options::{OptionRow, Options};
use crate::scribe::{Details, Scribe, Skip};
use crate::token;
use rapsheet_snapshot::{Kinds, ListKind, ParseError, Scope};
use std::borrow::Cow;

/// The row of the table.
pub static FORMAT: Format = Format {
    id: "toplist-csv",
    about: "lists of popular sites: rank,name in any order of columns",
    example: "1,example.com",
    kinds: Kinds::NAME,
    options: &[OptionRow { key: "top", about: "the last rank that counts; 0 is no limit (default 10000)" }],
    shape: Shape::Lines(open),
    list: ListKind::Allow,
    ..Format::DEFAULT
};

const TOP: u64 = 10_000;

struct TopList {
    top: u64,
}

fn open(options: &Options, _: Head<'_>) -> Result<Box<dyn LineReader>, OpenError> {
    let top = options.number("top", "a number", TOP)?;
    Ok(Box::new(TopList { top: if top == 0 { u64::MAX } else { top } }))
}

impl LineReader for TopList {
    fn line(&self, line: &[u8], scribe: &mut Scribe<'_>) {
        if line.starts_with(b"#") {
            return scribe.skip(Skip::Comment);
        }
        match split::fields(line, b',') {
            Ok(fields) => self.row(&fields, scribe),
            Err(refusal) => scribe.reject(refusal),
        }
    }
}

/// What the header of such a list calls its columns.
const HEADS: [&[u8]; 6] = [b"rank", b"globalrank", b"origin", b"domain", b"position", b"id"];

impl TopList {
    fn row(&self, fields: &[Cow<'_, [u8]>], scribe: &mut Scribe<'_>) {
        let first = fields.first().map_or(&[][..], |field| field.trim_ascii());
        if HEADS.iter().any(|head| first.eq_ignore_ascii_case(head)) {
            return scribe.skip(Skip::Header);
        }

        let mut texts = fields.iter().map(|field| field.trim_ascii());
        let Some(name) = texts.clone().find(|field| !token::is_digits(field) && !field.is_empty()) else {
            return scribe.reject(ParseError::BadColumns);
        };
        let rank: Option<u64> = texts.find(|field| token::is_digits(field)).and_then(token::number);
        if rank.is_some_and(|rank| rank > self.top) {
            return scribe.skip(Skip::Policy);
        }
        scribe.host(site(name), Scope::Exact, &Details::NONE);
    }
}

/// The host of an origin such as `https://www.example.com`.
fn site(name: &[u8]) -> &[u8] {
    let behind = memchr::memmem::find(name, b"://").and_then(|at| name.get(at + 3..));
    let host = behind.unwrap_or(name);
    host.strip_suffix(b"/").unwrap_or(host)
}

#[cfg(test)]
mod tests {
    use crate::transcript::tests::render;

    #[test]
    fn ranks_stand_before_or_behind_names() {
        let text = "Rank,Domain\r\n1,goodpanel.com\r\n\"2\",\"good.example.com\",\"10\"\r\n12,com\r\nhttps://www.goodpanel.com,1000\r\n20000,late.goodpanel.com\r\n\
                    1,1,goodpanel.com,com,492996\r\n7,\r\n";
        let expected = [
            "SKIP header",
            "domain goodpanel.com",
            "domain good.example.com",
            "REJECT single-label",
            "domain www.goodpanel.com",
            "SKIP policy",
            "domain goodpanel.com",
            "REJECT bad-columns",
        ];
        assert_eq!(render("toplist-csv", &[], text), expected);
        assert_eq!(
            render("toplist-csv", &[("top", "0")], "20000,late.goodpanel.com\n"),
            ["domain late.goodpanel.com"]
        );
    }
}
