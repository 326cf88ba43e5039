//! One indicator as an operator writes it in a catalogue or a list.

use rapsheet_snapshot::{AddressRange, Scope, name, url};

/// An indicator in its canonical form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Indicator {
    /// Addresses.
    Range(AddressRange),
    /// A name, and everything below it where it was written as `*.name`.
    Name(Vec<u8>, Scope),
    /// A URL.
    Url(Vec<u8>),
}

impl Indicator {
    /// Reads an address, a prefix, a range, a name, `*.name` for a name and all below it, or a URL.
    pub fn parse(text: &str) -> Option<Indicator> {
        let bytes = text.trim().as_bytes();
        if let Ok(read) = AddressRange::parse(bytes) {
            return Some(Indicator::Range(read.range));
        }
        let mut out = Vec::new();
        if text.contains("://") {
            return url::canonical(bytes, &mut out).ok().map(|_| Indicator::Url(out));
        }
        let (bytes, scope) = match bytes.strip_prefix(b"*.") {
            Some(below) => (below, Scope::Tree),
            None => (bytes, Scope::Exact),
        };
        name::canonical(bytes, &mut out).ok().map(|()| Indicator::Name(out, scope))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_an_indicator_of_each_kind() {
        assert_eq!(
            Indicator::parse("Example.COM."),
            Some(Indicator::Name(b"example.com".to_vec(), Scope::Exact))
        );
        assert_eq!(
            Indicator::parse("*.example.com"),
            Some(Indicator::Name(b"example.com".to_vec(), Scope::Tree))
        );
        assert!(matches!(Indicator::parse("203.0.113.0/24"), Some(Indicator::Range(_))));
        assert_eq!(
            Indicator::parse("HTTP://example.com"),
            Some(Indicator::Url(b"http://example.com/".to_vec()))
        );
        assert_eq!(Indicator::parse("no name"), None);
    }
}
