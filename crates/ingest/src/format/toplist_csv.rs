//! `toplist-csv`: lists of popular sites with their ranks: Tranco, Umbrella, Alexa, Majestic, DomCop, CrUX.
//!
//! `1,example.com`; the columns and their order differ. The first field that is not a number is the name, the
//! next one that is a number is the rank.
//!
//! Popularity suggests that a site is harmless and does not prove it, so only the first ranks count (option
//! `top`), and a name is exact: the sites below a hosting company's name are not popular because the company
//! is. Umbrella counts DNS questions and lists names that do not exist; the guards reject them.

use super::csv::split;
use super::{Format, Head, LineReader, OpenError, Shape};
use crate::entry::{Details, Normalizer, Skip};
use crate::format::options::{OptionRow, Options};
use crate::format::token;
use rapsheet_snapshot::{Kinds, ListKind, ParseError, Scope};
use std::borrow::Cow;

/// The row of the table.
pub(super) static FORMAT: Format = Format {
    id: "toplist-csv",
    about: "lists of popular sites: rank,name in any order of columns",
    example: "1,example.com",
    kinds: Kinds::NAME,
    options: &[OptionRow { key: "top", about: "the last rank that counts; 0 for no limit (default 10000)" }],
    shape: Shape::Lines(open),
    list: ListKind::Allow,
    ..Format::DEFAULT
};

/// The default of option `top`.
const TOP: u64 = 10_000;

struct TopList {
    top: u64,
}

fn open(options: &Options, _: Head<'_>) -> Result<Box<dyn LineReader>, OpenError> {
    let top = options.number("top", "a number", TOP)?;
    Ok(Box::new(TopList { top: if top == 0 { u64::MAX } else { top } }))
}

impl LineReader for TopList {
    fn line(&self, line: &[u8], normalizer: &mut Normalizer<'_>) {
        if line.starts_with(b"#") {
            return normalizer.skip(Skip::Comment);
        }
        match split::fields(line, b',') {
            Ok(fields) => self.emit_row(&fields, normalizer),
            Err(error) => normalizer.reject(error),
        }
    }
}

/// The names of the first column in the headers of such lists, lower-case.
const HEADS: [&[u8]; 6] = [b"rank", b"globalrank", b"origin", b"domain", b"position", b"id"];

impl TopList {
    fn emit_row(&self, fields: &[Cow<'_, [u8]>], normalizer: &mut Normalizer<'_>) {
        let first = fields.first().map_or(&[][..], |field| field.trim_ascii());
        if HEADS.iter().any(|head| first.eq_ignore_ascii_case(head)) {
            return normalizer.skip(Skip::Header);
        }

        let mut texts = fields.iter().map(|field| field.trim_ascii());
        let Some(name) = texts.clone().find(|field| !token::is_digits(field) && !field.is_empty()) else {
            return normalizer.reject(ParseError::BadColumns);
        };
        let rank: Option<u64> = texts.find(|field| token::is_digits(field)).and_then(token::number);
        if rank.is_some_and(|rank| rank > self.top) {
            return normalizer.skip(Skip::Policy);
        }
        normalizer.host(host_of(name), Scope::Exact, &Details::NONE);
    }
}

/// The host of an origin such as `https://www.example.com`; a name as it is.
fn host_of(name: &[u8]) -> &[u8] {
    let host = memchr::memmem::find(name, b"://").and_then(|at| name.get(at + 3..));
    let host = host.unwrap_or(name);
    host.strip_suffix(b"/").unwrap_or(host)
}

#[cfg(test)]
mod tests {
    use crate::pipeline::testing::render;

    #[test]
    fn reads_ranks_before_and_after_names() {
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
