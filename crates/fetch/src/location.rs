//! What of a URL counts as its host, and what of it may be shown.

use url::Url;

/// The name of a URL's host, as the catalogue writes it: an IPv6 address has no brackets.
pub(crate) fn host_name(url: &Url) -> &str {
    url.host_str().unwrap_or_default().trim_matches(['[', ']'])
}

/// A URL without what may be a secret of another host: its query, its user and its password.
pub(crate) fn shown(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.set_fragment(None);
    // Fails for URLs that have no host, and no user either.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_no_secret_of_an_address() {
        let url = Url::parse("https://user:word@cdn.example/a.txt?signature=x#y").expect("a URL");
        assert_eq!(shown(&url), "https://cdn.example/a.txt");
        assert_eq!(host_name(&Url::parse("http://[2001:db8::1]:80/").expect("a URL")), "2001:db8::1");
    }
}
