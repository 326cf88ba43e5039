//! `spamhaus-drop-json`: one JSON object a line; the last one is about the list.
//!
//! It is no JSON array, and the metadata may come first. Rows of the list of autonomous systems name the domain
//! of the holder, which is nobody's indicator.

use super::{Format, Head, LineReader, OpenError, Shape};
use crate::options::Options;
use crate::scribe::{Details, Scribe, Skip};
use rapsheet_snapshot::{Kinds, ParseError, Time};
use serde::Deserialize;
use std::borrow::Cow;

/// The row of the table.
pub static FORMAT: Format = Format {
    id: "spamhaus-drop-json",
    about: "Spamhaus DROP as JSON lines, with a metadata line",
    example: r#"{"cidr":"192.0.2.0/24","sblid":"SBL000001","rir":"arin"}"#,
    kinds: Kinds::ADDRESS,
    shape: Shape::Lines(open),
    ..Format::DEFAULT
};

struct DropJson;

fn open(_: &Options, _: Head<'_>) -> Result<Box<dyn LineReader>, OpenError> {
    Ok(Box::new(DropJson))
}

#[derive(Deserialize)]
struct Row<'a> {
    #[serde(borrow)]
    cidr: Option<Cow<'a, str>>,
    asn: Option<serde::de::IgnoredAny>,
    timestamp: Option<Number<'a>>,
    records: Option<Number<'a>>,
}

/// A number, which some versions write as text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Number<'a> {
    Plain(u64),
    #[serde(borrow)]
    Text(Cow<'a, str>),
}

impl Number<'_> {
    fn value(&self) -> Option<u64> {
        match self {
            Number::Plain(number) => Some(*number),
            Number::Text(text) => text.parse().ok(),
        }
    }
}

impl LineReader for DropJson {
    fn line(&self, line: &[u8], scribe: &mut Scribe<'_>) {
        if line.starts_with(b";") || line.starts_with(b"#") {
            return scribe.skip(Skip::Comment);
        }
        match serde_json::from_slice::<Row<'_>>(line) {
            Ok(Row { cidr: Some(cidr), .. }) => scribe.address(cidr.trim().as_bytes(), &Details::NONE),
            Ok(Row { asn: Some(_), .. }) => scribe.skip(Skip::UnsupportedKind),
            Ok(row) => metadata(&row, scribe),
            Err(_) => scribe.reject(ParseError::BadJson),
        }
    }
}

fn metadata(row: &Row<'_>, scribe: &mut Scribe<'_>) {
    if let Some(seconds) = row.timestamp.as_ref().and_then(Number::value).and_then(|n| i64::try_from(n).ok())
    {
        scribe.generated(Time::from_unix(seconds));
    }
    if let Some(records) = row.records.as_ref().and_then(Number::value) {
        scribe.declared(records);
        scribe.ended();
    }
    scribe.skip(Skip::Metadata);
}

#[cfg(test)]
mod tests {
    use crate::transcript::tests::render;

    #[test]
    fn rows_metadata_and_strangers() {
        let text = r#"{"type":"metadata","timestamp":"1790072042","size":104461,"records":2}
{"cidr":"45.9.20.0/22","sblid":"SBL1","rir":"ripencc"}
{"cidr":"2a06:e480::\/29","sblid":"SBL2"}
{"asn":64496,"domain":"holder.example"}
{"cidr":
{}"#;
        let expected = [
            "SKIP metadata",
            "cidr 45.9.20.0/22",
            "cidr 2a06:e480::/29",
            "SKIP unsupported-kind",
            "REJECT bad-json",
            "SKIP metadata",
        ];
        assert_eq!(render("spamhaus-drop-json", &[], text), expected);
    }
}
