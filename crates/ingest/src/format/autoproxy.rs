//! `adblock-base64-autoproxy`: a filter list whose whole text is in base64, as gfwlist is published.
//!
//! The decoded text begins with `[AutoProxy 0.2.9]` and is read like any other filter list. A file that was
//! decoded before it was stored begins with `[` or `!`, which are not base64, and is read as it is.

use super::{Format, Shape, adblock};
use crate::download::refusal::FileRefusal;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rapsheet_snapshot::Kinds;

/// The row of the table.
pub(super) static FORMAT: Format = Format {
    id: "adblock-base64-autoproxy",
    about: "a filter list in base64, such as gfwlist",
    example: "fHxldmlsLmV4YW1wbGUuY29tXgo=",
    kinds: Kinds::NAME,
    options: adblock::OPTIONS,
    shape: Shape::Encoded(decode, adblock::first_pass),
    ..Format::DEFAULT
};

fn decode(mut whole: Vec<u8>) -> Result<Vec<u8>, FileRefusal> {
    let start = whole.trim_ascii_start();
    if start.starts_with(b"[") || start.starts_with(b"!") {
        return Ok(whole);
    }
    whole.retain(|byte| !byte.is_ascii_whitespace());
    STANDARD.decode(&whole).map_err(|error| FileRefusal::Damaged(format!("it is not base64: {error}")))
}

#[cfg(test)]
mod tests {
    use crate::pipeline::testing::render;

    #[test]
    fn reads_encoded_and_decoded_lists() {
        let encoded = "W0F1dG9Qcm94eSAwLjIuOV0KISBhIGNvbW1lbnQKfHxldmlscGFuZWwuY29tCkBAfHxnb29k\nLmV2aWxwYW5lbC5jb20KfGh0dHA6Ly80NS45LjIwLjUvYQo=\n";
        let expected = [
            "SKIP header",
            "SKIP comment",
            "domain-tree evilpanel.com",
            "allow domain-tree good.evilpanel.com",
            "url http://45.9.20.5/a",
        ];
        assert_eq!(render("adblock-base64-autoproxy", &[], encoded), expected);
        let decoded = "[AutoProxy 0.2.9]\n||evilpanel.com\n";
        assert_eq!(
            render("adblock-base64-autoproxy", &[], decoded),
            ["SKIP header", "domain-tree evilpanel.com"]
        );
    }
}
