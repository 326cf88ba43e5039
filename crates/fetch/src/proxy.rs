//! Proxies: which one is asked for a URL, and how a plain request goes through one.
//!
//! An https request goes through a tunnel, which the HTTP library makes. For http, most proxies refuse tunnels; they
//! want the whole URL in the request line, and that is written here.

use std::fmt;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{Buffers, ConnectionDetails, Connector, NextTimeout, Transport};
use ureq::{Proxy, ProxyProtocol};

/// Proxies as the environment names them.
#[derive(Clone, Default)]
pub struct ProxySettings {
    /// The proxy for http.
    pub http: Option<String>,
    /// The proxy for https.
    pub https: Option<String>,
    /// The hosts that are asked directly: names with all below them, addresses, or `*`, separated by commas.
    pub direct: Option<String>,
}

/// The URL of a proxy may hold a password.
impl fmt::Debug for ProxySettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProxySettings(***)")
    }
}

impl ProxySettings {
    /// Whether a host is asked directly.
    pub(crate) fn is_direct(&self, host: &str) -> bool {
        let host = host.trim_matches(['[', ']']).to_ascii_lowercase();
        let entries = self.direct.as_deref().unwrap_or_default().split(',');
        entries.map(str::trim).filter(|entry| !entry.is_empty()).any(|entry| covers(entry, &host))
    }
}

/// Whether an entry names a host, or a name above it.
fn covers(entry: &str, host: &str) -> bool {
    let entry = entry.trim_start_matches("*.").trim_start_matches('.').to_ascii_lowercase();
    let above = || host.strip_suffix(entry.as_str()).is_some_and(|rest| rest.ends_with('.'));
    entry == "*" || entry == host || above()
}

/// Reads the URL of a proxy.
///
/// # Errors
/// It is none; the text is not repeated, since it may hold a password.
pub(crate) fn read(url: Option<&str>, scheme: &str) -> Result<Option<Proxy>, String> {
    let Some(url) = url.filter(|url| !url.trim().is_empty()) else { return Ok(None) };
    let proxy = Proxy::new(url.trim()).map_err(|_| {
        format!(
            "the proxy for {scheme}: expected a URL such as http://proxy.example:3128, found something else"
        )
    })?;
    Ok(Some(proxy))
}

/// The host and port of a proxy, without its user and password.
pub(crate) fn address(proxy: &Proxy) -> String {
    format!("{}:{}", proxy.host(), proxy.port())
}

/// Whether a proxy takes whole URLs.
pub(crate) fn takes_whole_urls(proxy: &Proxy) -> bool {
    proxy.protocol() == ProxyProtocol::Http
}

/// Resolves the proxy's name in place of the host's.
#[derive(Debug)]
pub(crate) struct ProxyResolver(pub(crate) Uri);

impl Resolver for ProxyResolver {
    fn resolve(
        &self,
        _: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        DefaultResolver::default().resolve(&self.0, config, timeout)
    }
}

/// Puts the whole URL into request lines.
pub(crate) struct WholeUrls {
    /// The value of `Proxy-Authorization`, if the proxy wants one.
    pub(crate) authorization: Option<String>,
}

impl fmt::Debug for WholeUrls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WholeUrls")
    }
}

impl<In: Transport> Connector<In> for WholeUrls {
    type Out = WholeUrlTransport<In>;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        chained: Option<In>,
    ) -> Result<Option<WholeUrlTransport<In>>, ureq::Error> {
        let authority = details.uri.authority().map(|authority| authority.as_str()).unwrap_or_default();
        let before = format!("GET http://{authority}").into_bytes();
        let header = self.authorization.as_ref().map(|value| format!("\r\nProxy-Authorization: {value}"));
        let header = header.unwrap_or_default().into_bytes();
        Ok(chained.map(|inner| WholeUrlTransport { inner, before, header }))
    }
}

/// A connection to a proxy.
pub(crate) struct WholeUrlTransport<T> {
    inner: T,
    /// What stands before the path in a request line.
    before: Vec<u8>,
    /// What stands behind the request line.
    header: Vec<u8>,
}

impl<T> fmt::Debug for WholeUrlTransport<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WholeUrlTransport")
    }
}

/// What begins a request: the method that is used here, and a path.
const REQUEST: &[u8] = b"GET /";

impl<T: Transport> WholeUrlTransport<T> {
    /// The request with the whole URL; `None` where these bytes are no beginning of a request.
    fn whole(&self, sent: &[u8]) -> Option<Vec<u8>> {
        let path = sent.strip_prefix(REQUEST)?;
        let line_end = path.windows(2).position(|end| end == b"\r\n")?;
        let (line, rest) = path.split_at(line_end);
        Some([self.before.as_slice(), b"/", line, &self.header, rest].concat())
    }
}

impl<T: Transport> Transport for WholeUrlTransport<T> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.inner.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), ureq::Error> {
        let sent = self.inner.buffers().output().get(..amount).unwrap_or(&[]).to_vec();
        let Some(whole) = self.whole(&sent) else { return self.inner.transmit_output(amount, timeout) };
        let room = self.inner.buffers().output().get_mut(..whole.len());
        let room = room.ok_or_else(|| ureq::Error::Other(Box::from("the URL is too long for the proxy")))?;
        room.copy_from_slice(&whole);
        self.inner.transmit_output(whole.len(), timeout)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
        self.inner.await_input(timeout)
    }

    fn is_open(&mut self) -> bool {
        self.inner.is_open()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_asked_directly_with_all_below_them() {
        let is_direct = |direct: &str, host: &str| {
            ProxySettings { direct: Some(direct.to_owned()), ..ProxySettings::default() }.is_direct(host)
        };
        assert!(is_direct("example.org", "lists.example.org") && is_direct(" .example.org ", "example.org"));
        assert!(is_direct("*", "x") && is_direct("a,127.0.0.1", "127.0.0.1") && is_direct("::1", "[::1]"));
        assert!(!is_direct("example.org", "badexample.org") && !is_direct("", "x"));
    }
}
