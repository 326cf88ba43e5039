//! `suricata-dataset`: sets of Suricata: texts in base64, addresses as they are, hashes in hexadecimal.
//!
//! A text that begins with a dot is matched with everything below it. The reputation form has a score behind a
//! comma, which means something only to the rule that asks.

use super::{Format, Head, LineReader, OpenError, Shape};
use crate::options::Options;
use crate::scribe::{Details, Scribe, Skip};
use crate::token;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rapsheet_snapshot::{AddressRange, Kinds, ParseError, Scope};

/// The row of the table.
pub static FORMAT: Format = Format {
    id: "suricata-dataset",
    about: "Suricata datasets: base64 texts or addresses, one a line",
    example: "ZXZpbC5leGFtcGxlLmNvbQ==",
    kinds: Kinds::ALL,
    shape: Shape::Lines(open),
    ..Format::DEFAULT
};

struct Dataset;

fn open(_: &Options, _: Head<'_>) -> Result<Box<dyn LineReader>, OpenError> {
    Ok(Box::new(Dataset))
}

impl LineReader for Dataset {
    fn line(&self, line: &[u8], scribe: &mut Scribe<'_>) {
        let value = token::before(line, b',').trim_ascii();
        let is_hash = matches!(value.len(), 32 | 40 | 64) && value.iter().all(u8::is_ascii_hexdigit);
        if line.starts_with(b"#") {
            scribe.skip(Skip::Comment);
        } else if is_hash {
            scribe.skip(Skip::UnsupportedKind);
        } else if AddressRange::parse(value).is_ok() {
            scribe.address(value, &Details::NONE);
        } else {
            text(value, scribe);
        }
    }
}

fn text(value: &[u8], scribe: &mut Scribe<'_>) {
    match STANDARD.decode(value).as_deref() {
        Ok([b'.', name @ ..]) => scribe.host(name, Scope::Tree, &Details::NONE),
        Ok([b'/', ..]) => scribe.reject(ParseError::PathOnly),
        Ok(text) => scribe.any(text, Scope::Exact, &Details::NONE),
        Err(_) => scribe.reject(ParseError::BadEncoding),
    }
}

#[cfg(test)]
mod tests {
    use crate::transcript::tests::render;

    #[test]
    fn texts_addresses_and_hashes() {
        let text = "ZXZpbHBhbmVsLmNvbQ==\nLmV2aWxwYW5lbC5jb20=,50\n45.9.20.5\n2a06:e480::/32,3\nd41d8cd98f00b204e9800998ecf8427e\nevilpanel.com\nL2dhdGUucGhw\n";
        let expected = [
            "domain evilpanel.com",
            "domain-tree evilpanel.com",
            "ip 45.9.20.5",
            "cidr 2a06:e480::/32",
            "SKIP unsupported-kind",
            "REJECT bad-encoding",
            "REJECT path-only",
        ];
        assert_eq!(render("suricata-dataset", &[], text), expected);
    }
}
