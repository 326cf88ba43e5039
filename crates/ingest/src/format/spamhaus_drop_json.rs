//! `spamhaus-drop-json`: the DROP lists of Spamhaus as JSON lines: one object per line, one of which is
//! metadata.
//!
//! `{"cidr":"192.0.2.0/24","sblid":"SBL000001","rir":"arin"}`. The file is not a JSON array. The metadata are
//! usually last and may be first; they state when the list was generated and how many records it has, and
//! their presence shows that the download is complete. Rows of the list of autonomous systems are skipped:
//! the domain in them is that of the holder and not an indicator.

use super::{Format, Head, LineReader, OpenError, Shape};
use crate::entry::{Details, Normalizer, Skip};
use crate::format::options::Options;
use rapsheet_snapshot::{Kinds, ParseError, Time};
use serde::Deserialize;
use std::borrow::Cow;

/// The row of the table.
pub(super) static FORMAT: Format = Format {
    id: "spamhaus-drop-json",
    about: "Spamhaus DROP as JSON lines, with a line of metadata",
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

/// A number; some versions of the list have it in quotes.
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
    fn line(&self, line: &[u8], normalizer: &mut Normalizer<'_>) {
        if line.starts_with(b";") || line.starts_with(b"#") {
            return normalizer.skip(Skip::Comment);
        }
        match serde_json::from_slice::<Row<'_>>(line) {
            Ok(Row { cidr: Some(cidr), .. }) => normalizer.address(cidr.trim().as_bytes(), &Details::NONE),
            Ok(Row { asn: Some(_), .. }) => normalizer.skip(Skip::UnsupportedKind),
            Ok(row) => read_metadata(&row, normalizer),
            Err(_) => normalizer.reject(ParseError::BadJson),
        }
    }
}

fn read_metadata(row: &Row<'_>, normalizer: &mut Normalizer<'_>) {
    let seconds = row.timestamp.as_ref().and_then(Number::value);
    if let Some(seconds) = seconds.and_then(|seconds| i64::try_from(seconds).ok()) {
        normalizer.generated(Time::from_unix(seconds));
    }
    if let Some(records) = row.records.as_ref().and_then(Number::value) {
        normalizer.declared(records);
        normalizer.end_mark();
    }
    normalizer.skip(Skip::Metadata);
}

#[cfg(test)]
mod tests {
    use crate::pipeline::testing::render;

    #[test]
    fn reads_rows_and_metadata() {
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
