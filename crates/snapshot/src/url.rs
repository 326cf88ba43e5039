//! URLs: lower-case scheme and host, no default port, fragment or userinfo; path and query byte for byte.
//!
//! The WHATWG algorithm also rewrites dots, backslashes and tabs, because a browser must guess what a user
//! meant. A reputation list must not guess: two spellings are one URL only where RFC 3986 makes them
//! equivalent. This parser therefore does less, and rejects what it does not understand.

use crate::host::{self, Host};
use crate::host_bits::{HostBits, words};
use crate::section::simd::{self, UrlMasks};
use crate::{Address, ParseError, address, name};
use std::io::Write as _;
use std::ops::Range;

/// A canonical URL that was appended to a buffer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    /// The position of the host in the buffer, without brackets or port.
    pub host_at: Range<usize>,
    /// An address or a name.
    pub host: Host,
    /// Whether it had userinfo, which was removed.
    pub had_userinfo: bool,
    /// Whether it had a path or a query; without either, it means no more than its host.
    pub has_path: bool,
}

/// Appends the canonical form of `text` to `out`: `scheme://host[:port]/path[?query]`, or
/// `//host[:port]/path` where `text` has no scheme. On an error `out` is unchanged.
pub fn canonical(text: &[u8], out: &mut Vec<u8>) -> Result<Url, ParseError> {
    let mark = out.len();
    let Some(mut url) = scan_plain(text) else { return canonical_in_parts(text, out) };
    url.host_at = url.host_at.start + mark..url.host_at.end + mark;
    out.extend_from_slice(text);
    Ok(url)
}

/// As [`canonical`], part by part: for all other spellings, and what tests compare the other one with.
fn canonical_in_parts(text: &[u8], out: &mut Vec<u8>) -> Result<Url, ParseError> {
    let mark = out.len();
    append(text, out).inspect_err(|_| out.truncate(mark))
}

/// Scans a text for a URL that is its own canonical form: `http://`, `https://` or `//`, a host that is a
/// canonical name or a dotted quad, perhaps a port that is not the default one, and a path. Most URLs of most
/// lists are; other texts may be URLs, too. The host's position is in the text.
///
/// A text that passes holds no fragment, userinfo, bracket or backslash, so that refanging it changes nothing,
/// and neither `*` nor `^` nor `,`, to which lists give meanings of their own.
#[inline]
pub fn scan_plain(text: &[u8]) -> Option<Url> {
    let (width, default_port) = match text {
        [b'h', b't', b't', b'p', b':', b'/', b'/', ..] => (7, 80),
        [b'h', b't', b't', b'p', b's', b':', b'/', b'/', ..] => (8, 443),
        [b'/', b'/', ..] => (2, 0),
        _ => return None,
    };
    let mut url = scan_host_and_path(text.get(width..)?, default_port)?;
    url.host_at = url.host_at.start + width..url.host_at.end + width;
    Some(url)
}

/// As [`scan_plain`], for a text without a scheme, whose canonical form has `//` before it: `host/path`. A name
/// with a path is no prefix of a network, but `192.0.2.0/24` may be one, and passes.
#[inline]
pub fn scan_schemeless(text: &[u8]) -> Option<Url> {
    scan_host_and_path(text, 0)
}

/// The host, the port and the path of a URL. No URL has port 0.
fn scan_host_and_path(text: &[u8], default_port: u16) -> Option<Url> {
    let end = authority_end(text)?;
    let (authority, path) = text.split_at_checked(end)?;
    if path.first() != Some(&b'/') || path.ends_with(b"...") {
        return None;
    }
    let (host, at) = match scan_host(authority) {
        Some(host) => (host, authority.len()),
        None => {
            let at = authority.iter().rposition(|byte| *byte == b':')?;
            let is_plain = is_plain_port(authority.get(at + 1..)?, default_port);
            (scan_host(authority.get(..at)?).filter(|_| is_plain)?, at)
        }
    };
    Some(Url { host_at: 0..at, host, had_userinfo: false, has_path: path.len() > 1 })
}

/// A canonical name, or a dotted quad.
#[inline]
fn scan_host(text: &[u8]) -> Option<Host> {
    let bits = HostBits::of(text)?;
    match name::lowered_of_bits(text, &bits) {
        Some(name) => (name.capitals == 0).then_some(Host::Name),
        None => address::plain_v4(text).map(|number| Host::Address(Address::V4(number))),
    }
}

/// Whether the text of a port is written as its number is, and is not the one that is left out.
fn is_plain_port(text: &[u8], default_port: u16) -> bool {
    !text.starts_with(b"0") && address::parse_port(text).is_ok_and(|port| port != default_port)
}

/// Where the path or the query begins; `None` where there is none, and where the text holds a byte that may
/// have to be rewritten, or that a reader may give a meaning.
#[inline]
fn authority_end(text: &[u8]) -> Option<usize> {
    let (chunks, rest) = text.as_chunks::<16>();
    let (mut special, mut end, mut at) = (0, None, 0);
    let mut add = |masks: UrlMasks, at: usize| {
        special |= masks.special;
        if end.is_none() && masks.ends != 0 {
            end = Some(at + masks.ends.trailing_zeros() as usize);
        }
    };
    for chunk in chunks {
        add(simd::url_masks(words(chunk)), at);
        at += 16;
    }
    match text.last_chunk::<16>() {
        _ if rest.is_empty() => {}
        Some(last) => add(simd::url_masks(words(last)), text.len() - 16),
        None => {
            // Padded with a byte that means nothing.
            let mut padded = [b'-'; 16];
            padded.iter_mut().zip(rest).for_each(|(place, byte)| *place = *byte);
            add(simd::url_masks(words(&padded)), 0);
        }
    }
    end.filter(|_| special == 0)
}

fn append(text: &[u8], out: &mut Vec<u8>) -> Result<Url, ParseError> {
    reject_bad_bytes(text)?;
    let (scheme, rest) = split_scheme(text)?;
    let end = rest.iter().position(|byte| matches!(byte, b'/' | b'?' | b'#')).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at_checked(end).unwrap_or((rest, &[]));
    if authority.is_empty() || is_second_scheme(authority, tail) {
        return Err(ParseError::BadUrl);
    }
    append_scheme(scheme, out);
    let (had_userinfo, host_port) = strip_userinfo(authority);
    let (host_at, host) = append_authority(host_port, scheme, out)?;
    let has_path = append_tail(tail, out)?;
    Ok(Url { host_at, host, had_userinfo, has_path })
}

/// Rejects blanks, controls and backslashes, which programs read in different ways.
fn reject_bad_bytes(text: &[u8]) -> Result<(), ParseError> {
    let is_bad = |byte: u8| byte <= b' ' || byte == 0x7F || byte == b'\\';
    // A fold has no early exit, so that the compiler vectorises it.
    if !text.iter().fold(false, |any, byte| any | is_bad(*byte)) {
        return Ok(());
    }
    match text.iter().find(|byte| is_bad(**byte)) {
        Some(b' ' | b'\t' | b'\\') => Err(ParseError::BadUrl),
        _ => Err(ParseError::ControlChar),
    }
}

/// The accepted schemes; `None` is a URL without one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scheme {
    None,
    Http,
    Https,
    Ftp,
}

impl Scheme {
    const NAMED: [(&'static [u8], Scheme, u16); 3] =
        [(b"http", Scheme::Http, 80), (b"https", Scheme::Https, 443), (b"ftp", Scheme::Ftp, 21)];

    fn default_port(self) -> Option<u16> {
        Scheme::NAMED.iter().find(|(_, scheme, _)| *scheme == self).map(|(.., port)| *port)
    }
}

fn split_scheme(text: &[u8]) -> Result<(Scheme, &[u8]), ParseError> {
    match text {
        [b'/', b'/', rest @ ..] => return Ok((Scheme::None, rest)),
        [b'h', b't', b't', b'p', b':', b'/', b'/', rest @ ..] => return Ok((Scheme::Http, rest)),
        [b'h', b't', b't', b'p', b's', b':', b'/', b'/', rest @ ..] => return Ok((Scheme::Https, rest)),
        _ => {}
    }
    let width = text.iter().take_while(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(byte)).count();
    let (word, rest) = text.split_at_checked(width).unwrap_or((text, &[]));
    match rest {
        [b':', b'/', b'/', rest @ ..] => Scheme::NAMED
            .iter()
            .find(|(name, ..)| word.eq_ignore_ascii_case(name))
            .map(|(_, scheme, _)| (*scheme, rest))
            .ok_or(ParseError::BadScheme),
        [b':', after @ ..] if !word.contains(&b'.') && !after.first().is_some_and(u8::is_ascii_digit) => {
            Err(ParseError::BadScheme)
        }
        _ => Ok((Scheme::None, text)),
    }
}

/// Whether there is a second scheme in place of the host, as in `http://http://host/`.
fn is_second_scheme(authority: &[u8], tail: &[u8]) -> bool {
    tail.starts_with(b"//")
        && Scheme::NAMED.iter().any(|(name, ..)| {
            authority.strip_suffix(b":").is_some_and(|word| word.eq_ignore_ascii_case(name))
        })
}

fn append_scheme(scheme: Scheme, out: &mut Vec<u8>) {
    if let Some((name, ..)) = Scheme::NAMED.iter().find(|(_, named, _)| *named == scheme) {
        out.extend_from_slice(name);
        out.push(b':');
    }
    out.extend_from_slice(b"//");
}

fn strip_userinfo(authority: &[u8]) -> (bool, &[u8]) {
    match authority.iter().rposition(|byte| *byte == b'@') {
        Some(at) => (true, authority.get(at + 1..).unwrap_or(&[])),
        None => (false, authority),
    }
}

fn append_authority(
    text: &[u8],
    scheme: Scheme,
    out: &mut Vec<u8>,
) -> Result<(Range<usize>, Host), ParseError> {
    let text = text.strip_suffix(b":").unwrap_or(text);
    let (host_text, port) = address::split_port(text)?;
    let bracketed = text.starts_with(b"[");
    if bracketed != host_text.contains(&b':') {
        return Err(ParseError::BadIp);
    }
    let start = out.len() + usize::from(bracketed);
    let host = host::canonical(host_text, out)?;
    if let Host::Address(address) = host {
        let written = if bracketed && matches!(address, crate::Address::V6(_)) {
            write!(out, "[{address}]")
        } else {
            write!(out, "{address}")
        };
        written.map_err(|_| ParseError::BadUrl)?;
    }
    let is_v6 = out.last() == Some(&b']');
    let start = if bracketed && !is_v6 { start - 1 } else { start };
    let host_at = start..out.len() - usize::from(is_v6);
    if let Some(port) = port.filter(|port| Some(*port) != scheme.default_port()) {
        write!(out, ":{port}").map_err(|_| ParseError::BadUrl)?;
    }
    Ok((host_at, host))
}

/// Appends path and query. Returns whether there was more than the root.
fn append_tail(tail: &[u8], out: &mut Vec<u8>) -> Result<bool, ParseError> {
    let tail = memchr::memchr(b'#', tail).and_then(|at| tail.get(..at)).unwrap_or(tail);
    if tail.ends_with(b"...") || tail.ends_with("…".as_bytes()) {
        return Err(ParseError::BadUrl);
    }
    if !tail.is_ascii() && std::str::from_utf8(tail).is_err() {
        return Err(ParseError::BadEncoding);
    }
    if tail.first() != Some(&b'/') {
        out.push(b'/');
    }
    if tail.is_ascii() {
        out.extend_from_slice(tail);
        return Ok(!matches!(tail, [] | [b'/']));
    }
    for byte in tail {
        if byte.is_ascii() {
            out.push(*byte);
        } else {
            write!(out, "%{byte:02X}").map_err(|_| ParseError::BadUrl)?;
        }
    }
    Ok(!matches!(tail, [] | [b'/']))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<(String, String), ParseError> {
        let mut out = b"kept".to_vec();
        let url = canonical(text.as_bytes(), &mut out);
        if url.is_err() {
            assert_eq!(out, b"kept", "an error leaves nothing behind");
        }
        let url = url?;
        let text = |range: Range<usize>| String::from_utf8_lossy(&out[range]).into_owned();
        Ok((text(4..out.len()), text(url.host_at)))
    }

    #[test]
    fn canonicalises_urls() {
        for (text, canonical, host) in [
            (
                "HTTP://EvilPanel.com:80/Gate.PHP?x=1#frag",
                "http://evilpanel.com/Gate.PHP?x=1",
                "evilpanel.com",
            ),
            ("https://evilpanel.com:443/x", "https://evilpanel.com/x", "evilpanel.com"),
            ("https://[2001:980::7]:8443/payload", "https://[2001:980::7]:8443/payload", "2001:980::7"),
            ("https://[::ffff:45.9.20.5]/x", "https://45.9.20.5/x", "45.9.20.5"),
            (
                "http://skocherhantxpfproxy.vip#ValleyRAT",
                "http://skocherhantxpfproxy.vip/",
                "skocherhantxpfproxy.vip",
            ),
            (
                "http://asjdıoasdjsadsda.xyz",
                "http://xn--asjdoasdjsadsda-blc.xyz/",
                "xn--asjdoasdjsadsda-blc.xyz",
            ),
            ("94.102.60.144/1/gate.php", "//94.102.60.144/1/gate.php", "94.102.60.144"),
            ("evilpanel.com:8080/a", "//evilpanel.com:8080/a", "evilpanel.com"),
            ("http://user:pass@evilpanel.com?q=ü", "http://evilpanel.com/?q=%C3%BC", "evilpanel.com"),
            ("http://evilpanel.com:/a//b", "http://evilpanel.com/a//b", "evilpanel.com"),
        ] {
            assert_eq!(read(text), Ok((canonical.to_owned(), host.to_owned())), "{text}");
        }
    }

    #[test]
    fn scans_urls_that_are_canonical() {
        for (text, host) in [
            ("http://evilpanel.com/Gate.PHP?x=1%20&y=~/../a", Some("evilpanel.com")),
            ("https://45.9.20.5:8443/", Some("45.9.20.5")),
            ("//evil-panel.com:80/a:b@c", Some("evil-panel.com")),
            ("http://evilpanel.com", None),
            ("http://evilpanel.com:80/", None),
            ("http://evilpanel.com:08080/", None),
            ("http://Evilpanel.com/", None),
            ("http://evilpanel.com./", None),
            ("http://user@evilpanel.com/", None),
            ("http://evilpanel.com/a#b", None),
            ("http://evilpanel.com/a...", None),
            ("http://evilpanel.com?a/b", None),
            ("http://1.2.3.04/", None),
        ] {
            let found = scan_plain(text.as_bytes());
            assert_eq!(found.map(|url| &text[url.host_at]), host, "{text}");
        }
    }

    #[test]
    fn rejects_ambiguous_urls() {
        for (text, error) in [
            ("http://39.34.166.041:34595/Mozi.m", ParseError::LeadingZero),
            ("http://localhost/x", ParseError::SingleLabel),
            ("javascript:alert(1)", ParseError::BadScheme),
            ("ws://evilpanel.com/x", ParseError::BadScheme),
            ("http://evilpanel.com/a b", ParseError::BadUrl),
            ("http://evilpanel.com\\@good.com/", ParseError::BadUrl),
            ("http://http://evilpanel.com/", ParseError::BadUrl),
            ("http:///path", ParseError::BadUrl),
            ("http://evilpanel.com/clients/pass.php…", ParseError::BadUrl),
            ("http://evilpanel.com:0/", ParseError::BadPort),
            ("http://evilpanel.com:99999/", ParseError::BadPort),
            ("http://0x7f.1/", ParseError::BadIp),
            ("http://2001:980::7/", ParseError::BadIp),
            ("http://[evilpanel.com]/", ParseError::BadIp),
        ] {
            assert_eq!(read(text), Err(error), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn one_scan_and_parts_agree(
            text in "(http://|https://|//|ftp://|)(([a-zA-Z0-9-]{1,20}\\.){1,4}[a-z]{1,3}|([0-9]{1,3}\\.){3}[0-9]{1,3}|[!-~]{0,10})(:0?[0-9]{0,5})?(/[!-~]{0,40}(\\.\\.\\.|ü)?)?[?#/]?",
        ) {
            let (mut fast, mut slow) = (b"kept".to_vec(), b"kept".to_vec());
            let text = text.as_bytes();
            let expected = canonical_in_parts(text, &mut slow);
            proptest::prop_assert_eq!(&canonical(text, &mut fast), &expected);
            proptest::prop_assert_eq!(&fast, &slow);
            if let Some(url) = scan_schemeless(text) {
                let parts = expected.expect("what is plain is a URL");
                proptest::prop_assert_eq!((url.host, url.had_userinfo, url.has_path), (parts.host, false, parts.has_path));
                proptest::prop_assert_eq!(&slow[4..], [b"//", text].concat());
                proptest::prop_assert_eq!(&slow[parts.host_at], &text[url.host_at]);
            }
        }

        #[test]
        fn canonical_is_a_fixed_point(text in "(http://|https://|//|)[a-z0-9.:@\\[\\]-]{1,20}(/[ -~ä-ü]{0,20})?") {
            let mut once = Vec::new();
            if canonical(text.as_bytes(), &mut once).is_ok() {
                let mut twice = Vec::new();
                proptest::prop_assert!(canonical(&once, &mut twice).is_ok());
                proptest::prop_assert_eq!(once, twice);
            }
        }
    }
}
