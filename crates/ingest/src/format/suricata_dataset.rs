//! `suricata-dataset`: datasets of Suricata, one value per line: texts in base64, addresses, hashes in
//! hexadecimal.
//!
//! `ZXZpbC5leGFtcGxlLmNvbQ==`. A text that begins with a dot stands for a name and everything below it. A
//! value may have a score after a comma (`datarep`), which only the rule that uses the dataset can
//! interpret; it is not read. Hashes are skipped.

use super::{Format, Head, LineReader, OpenError, Shape};
use crate::entry::{Details, Normalizer, Skip};
use crate::format::options::Options;
use crate::format::token;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rapsheet_snapshot::{AddressRange, Kinds, ParseError, Scope};

/// The row of the table.
pub(super) static FORMAT: Format = Format {
    id: "suricata-dataset",
    about: "Suricata datasets: texts in base64, or addresses, one per line",
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
    fn line(&self, line: &[u8], normalizer: &mut Normalizer<'_>) {
        let value = token::before(line, b',').trim_ascii();
        // MD5, SHA-1 and SHA-256. Such a text could be base64 as well.
        let is_hash = matches!(value.len(), 32 | 40 | 64) && value.iter().all(u8::is_ascii_hexdigit);
        if line.starts_with(b"#") {
            normalizer.skip(Skip::Comment);
        } else if is_hash {
            normalizer.skip(Skip::UnsupportedKind);
        } else if AddressRange::parse(value).is_ok() {
            normalizer.address(value, &Details::NONE);
        } else {
            emit_text(value, normalizer);
        }
    }
}

fn emit_text(value: &[u8], normalizer: &mut Normalizer<'_>) {
    match STANDARD.decode(value).as_deref() {
        Ok([b'.', name @ ..]) => normalizer.host(name, Scope::Tree, &Details::NONE),
        Ok([b'/', ..]) => normalizer.reject(ParseError::PathOnly),
        Ok(text) => normalizer.any(text, Scope::Exact, &Details::NONE),
        Err(_) => normalizer.reject(ParseError::BadEncoding),
    }
}

#[cfg(test)]
mod tests {
    use crate::pipeline::testing::render;

    #[test]
    fn reads_texts_and_addresses() {
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
