//! `adblock-base64-autoproxy`: a filter list in base64, as gfwlist is published.
//!
//! The wrapping says nothing about the rules in it, which are read as any filter list's. A file that somebody has
//! unwrapped already is read as it is.

use super::{Format, Shape, adblock};
use crate::refused::FileRefusal;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rapsheet_snapshot::Kinds;

/// The row of the table.
pub static FORMAT: Format = Format {
    id: "adblock-base64-autoproxy",
    about: "a filter list in base64 (gfwlist)",
    example: "fHxldmlsLmV4YW1wbGUuY29tXgo=",
    kinds: Kinds::NAME,
    options: adblock::OPTIONS,
    shape: Shape::Wrapped(unwrap, adblock::survey),
    ..Format::DEFAULT
};

fn unwrap(mut whole: Vec<u8>) -> Result<Vec<u8>, FileRefusal> {
    let start = whole.trim_ascii_start();
    if start.starts_with(b"[") || start.starts_with(b"!") {
        return Ok(whole);
    }
    whole.retain(|byte| !byte.is_ascii_whitespace());
    STANDARD.decode(&whole).map_err(|error| FileRefusal::Damaged(format!("it is not base64: {error}")))
}

#[cfg(test)]
mod tests {
    use crate::transcript::tests::render;

    #[test]
    fn what_is_inside_is_a_filter_list() {
        let wrapped = "W0F1dG9Qcm94eSAwLjIuOV0KISBhIGNvbW1lbnQKfHxldmlscGFuZWwuY29tCkBAfHxnb29k\nLmV2aWxwYW5lbC5jb20KfGh0dHA6Ly80NS45LjIwLjUvYQo=\n";
        let expected = [
            "SKIP header",
            "SKIP comment",
            "domain-tree evilpanel.com",
            "allow domain-tree good.evilpanel.com",
            "url http://45.9.20.5/a",
        ];
        assert_eq!(render("adblock-base64-autoproxy", &[], wrapped), expected);
        let bare = "[AutoProxy 0.2.9]\n||evilpanel.com\n";
        assert_eq!(
            render("adblock-base64-autoproxy", &[], bare),
            ["SKIP header", "domain-tree evilpanel.com"]
        );
    }
}
