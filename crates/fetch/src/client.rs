//! One request and its answer, over HTTP or HTTPS, without redirects, without a thought about what is asked.

use crate::problem::Problem;
use crate::proxy::{self, ProxyResolver, ProxySettings, WholeUrls};
use crate::resolver::{PublicResolver, is_public, refusal};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;
use ureq::Agent;
use ureq::Body;
use ureq::Proxy;
use ureq::config::Config;
use ureq::http::Response;
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::unversioned::resolver::DefaultResolver;
use ureq::unversioned::transport::{Connector, DefaultConnector};
use url::{Host, Url};

/// The most bytes of the headers of an answer.
const HEADERS_MAX: usize = 64 << 10;

/// How requests are made.
#[derive(Clone, Debug)]
pub struct ClientOptions {
    /// The program, as servers see it.
    pub user_agent: String,
    /// How long names and connections may take.
    pub connect_timeout: Duration,
    /// How long a server may be silent, or next to silent.
    pub stall_time: Duration,
    /// How long a transfer may take.
    pub max_time: Duration,
    /// The proxies.
    pub proxies: ProxySettings,
}

/// Makes requests, and keeps connections open between them.
pub struct Client {
    /// Asks public addresses only.
    public: Agent,
    /// Asks any address.
    any: Agent,
    /// Asks through the proxy for http, which resolves names itself.
    http_proxy: Option<Agent>,
    /// Asks through the proxy for https.
    https_proxy: Option<Agent>,
    options: ClientOptions,
    roots: String,
    proxy: Option<String>,
}

/// An answer, before its body is read.
pub(crate) struct Answer {
    response: Response<Body>,
}

impl Answer {
    pub(crate) fn status(&self) -> u16 {
        self.response.status().as_u16()
    }

    /// A header's text; `None` where it is absent or no text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.response.headers().get(name)?.to_str().ok().map(str::trim).filter(|text| !text.is_empty())
    }

    /// A header's text, to keep.
    pub(crate) fn owned(&self, name: &str) -> Option<String> {
        self.header(name).map(str::to_owned)
    }

    pub(crate) fn into_body(self) -> Body {
        self.response.into_body()
    }
}

impl Client {
    /// A client with the system's root certificates, or the bundled ones where the system has none.
    ///
    /// # Errors
    /// A proxy that is no URL.
    pub fn new(options: ClientOptions) -> Result<Client, String> {
        let (certificates, roots) = root_certificates();
        let http = proxy::read(options.proxies.http.as_deref(), "http")?;
        let https = proxy::read(options.proxies.https.as_deref(), "https")?;
        let config = |proxy| config(&options, certificates.clone(), proxy);
        let agent =
            |proxy| Agent::with_parts(config(proxy), DefaultConnector::default(), DefaultResolver::default());
        let public = Agent::with_parts(config(None), DefaultConnector::default(), PublicResolver::default());
        let named = [("http", &http), ("https", &https)]
            .map(|(scheme, proxy)| Some(format!("{} for {scheme}", proxy::address(proxy.as_ref()?))));
        let about = named.into_iter().flatten().collect::<Vec<_>>().join(", ");
        Ok(Client {
            public,
            any: agent(None),
            http_proxy: http.map(|proxy| match proxy::takes_whole_urls(&proxy) {
                true => whole_url_agent(config(None), &proxy),
                false => agent(Some(proxy)),
            }),
            https_proxy: https.map(|proxy| agent(Some(proxy))),
            proxy: Some(about).filter(|about| !about.is_empty()),
            options,
            roots,
        })
    }

    /// Which root certificates servers are verified with, for people.
    pub fn roots(&self) -> &str {
        &self.roots
    }

    /// The hosts and ports of the proxies. Their passwords are not told.
    pub fn proxy(&self) -> Option<&str> {
        self.proxy.as_deref()
    }

    pub(crate) fn options(&self) -> &ClientOptions {
        &self.options
    }

    /// Asks for a URL.
    pub(crate) fn get(
        &self,
        url: &Url,
        headers: &[(&str, &str)],
        private_network: bool,
    ) -> Result<Answer, Problem> {
        if !private_network && let Some((host, address)) = private_literal(url) {
            return Err(Problem::lasting(refusal(&host, address)));
        }
        let agent = self.agent(url, private_network);
        let mut request = agent.get(url.as_str());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.call().map(|response| Answer { response }).map_err(|error| self.problem(&error))
    }

    /// Sends a body to a URL, which may be of a private network.
    pub(crate) fn post(&self, url: &Url, headers: &[(&str, &str)], body: &[u8]) -> Result<Answer, Problem> {
        let mut request = self.agent(url, true).post(url.as_str());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send(body).map(|response| Answer { response }).map_err(|error| self.problem(&error))
    }

    /// What asks for a URL. With a proxy, names are resolved there, and only what a URL itself says can be checked.
    fn agent(&self, url: &Url, private_network: bool) -> &Agent {
        let proxy = if url.scheme() == "https" { &self.https_proxy } else { &self.http_proxy };
        let is_direct = || self.options.proxies.is_direct(url.host_str().unwrap_or_default());
        match proxy {
            Some(agent) if !is_direct() => agent,
            _ if private_network => &self.any,
            _ => &self.public,
        }
    }

    fn problem(&self, error: &ureq::Error) -> Problem {
        problem(error, &self.options)
    }
}

/// The address that a URL names itself, if it is none of the public Internet.
pub(crate) fn private_literal(url: &Url) -> Option<(String, IpAddr)> {
    let address = match url.host()? {
        Host::Ipv4(v4) => IpAddr::V4(v4),
        Host::Ipv6(v6) => IpAddr::V6(v6),
        // This name is an address by definition.
        Host::Domain(name) if name == "localhost" || name.ends_with(".localhost") => {
            IpAddr::V4(Ipv4Addr::LOCALHOST)
        }
        Host::Domain(_) => return None,
    };
    (!is_public(address)).then(|| (url.host_str().unwrap_or_default().to_owned(), address))
}

/// Asks a proxy with whole URLs.
fn whole_url_agent(config: Config, proxy: &Proxy) -> Agent {
    let authorization = proxy.username().map(|user| {
        let text = format!("{user}:{}", proxy.password().unwrap_or_default());
        format!("Basic {}", BASE64.encode(text))
    });
    let connector = DefaultConnector::default().chain(WholeUrls { authorization });
    Agent::with_parts(config, connector, ProxyResolver(proxy.uri().clone()))
}

fn config(options: &ClientOptions, roots: RootCerts, proxy: Option<Proxy>) -> Config {
    Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .max_response_header_size(HEADERS_MAX)
        .max_idle_connections_per_host(1)
        .max_idle_connections(32)
        .user_agent(options.user_agent.as_str())
        .accept("*/*")
        .accept_encoding("gzip")
        .proxy(proxy)
        .tls_config(TlsConfig::builder().root_certs(roots).build())
        .timeout_global(Some(options.max_time))
        .timeout_resolve(Some(options.connect_timeout))
        .timeout_connect(Some(options.connect_timeout))
        .timeout_recv_response(Some(options.stall_time))
        .timeout_per_read(Some(options.stall_time))
        .build()
}

/// The root certificates, and what to call them.
fn root_certificates() -> (RootCerts, String) {
    let found = rustls_native_certs::load_native_certs();
    let certificates: Vec<Certificate<'static>> =
        found.certs.iter().map(|der| Certificate::from_der(der.as_ref()).to_owned()).collect();
    match certificates.len() {
        0 => (RootCerts::WebPki, "the bundled root certificates; the system has none".to_owned()),
        count => {
            let about = format!("{count} root certificates of the system");
            (RootCerts::from(certificates), about)
        }
    }
}

/// What a failed request means. An error that says that the server is another one, or talks something else than
/// HTTP, does not pass in a moment.
pub(crate) fn problem(error: &ureq::Error, options: &ClientOptions) -> Problem {
    let seconds = |time: Duration| format!("{} s", time.as_secs_f64());
    match error {
        ureq::Error::Timeout(ureq::Timeout::Global) => {
            Problem::passing(format_args!("timed out: not complete after {}", seconds(options.max_time)))
        }
        ureq::Error::Timeout(ureq::Timeout::Resolve | ureq::Timeout::Connect) => Problem::Unreachable(
            format!("timed out: no connection within {}", seconds(options.connect_timeout)),
        ),
        ureq::Error::Timeout(_) => {
            Problem::passing(format_args!("timed out: silent for {}", seconds(options.stall_time)))
        }
        ureq::Error::HostNotFound => Problem::Unreachable("the name of the host does not resolve".to_owned()),
        ureq::Error::Io(error) => io_problem(error, options),
        ureq::Error::Rustls(error) => Problem::lasting(format_args!("TLS: {error}")),
        ureq::Error::Tls(error) => Problem::lasting(format_args!("TLS: {error}")),
        ureq::Error::Other(error) => Problem::lasting(error),
        ureq::Error::LargeResponseHeader(..) => {
            Problem::lasting(format_args!("its headers have more than {HEADERS_MAX} bytes"))
        }
        ureq::Error::ConnectionFailed | ureq::Error::BodyStalled => Problem::passing("the connection failed"),
        error => Problem::lasting(error),
    }
}

/// What an error of reading means. TLS says with its kind that the server is another one, or sent no TLS; errors of
/// ureq come wrapped.
pub(crate) fn io_problem(error: &io::Error, options: &ClientOptions) -> Problem {
    if let Some(inner) = error.get_ref().and_then(|inner| inner.downcast_ref::<ureq::Error>()) {
        return problem(inner, options);
    }
    match error.kind() {
        io::ErrorKind::ConnectionRefused
        | io::ErrorKind::HostUnreachable
        | io::ErrorKind::NetworkUnreachable => {
            Problem::Unreachable(format!("the connection failed: {error}"))
        }
        // The kind of this error has no name.
        _ if error.to_string().starts_with("failed to lookup address") => {
            Problem::Unreachable("the name of the host does not resolve".to_owned())
        }
        io::ErrorKind::InvalidData => Problem::lasting(format_args!("TLS: {error}")),
        _ => Problem::passing(format_args!("the connection failed: {error}")),
    }
}
