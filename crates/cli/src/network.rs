//! What the environment says of the network: how this program introduces itself, and through which proxies it goes.

use rapsheet_fetch::ProxySettings;
use std::env;
use std::time::Duration;

/// How this program introduces itself to servers.
pub(crate) const USER_AGENT: &str = concat!("rapsheet/", env!("CARGO_PKG_VERSION"));

/// Sets another pause before another attempt, in milliseconds, for tests.
const RETRY_DELAY_VARIABLE: &str = "RAPSHEET_RETRY_DELAY_MS";

/// How long to wait before another attempt, where the environment says so.
pub(crate) fn retry_delay() -> Option<Duration> {
    env::var(RETRY_DELAY_VARIABLE).ok().and_then(|text| text.parse().ok()).map(Duration::from_millis)
}

/// The proxies that the environment names, by the rules of curl: in lower case or in upper case, and one for all.
pub(crate) fn proxies() -> ProxySettings {
    let of = |names: [&str; 2]| {
        names.iter().find_map(|name| env::var(name).ok()).filter(|text| !text.trim().is_empty())
    };
    let all = of(["all_proxy", "ALL_PROXY"]);
    ProxySettings {
        http: of(["http_proxy", "HTTP_PROXY"]).or_else(|| all.clone()),
        https: of(["https_proxy", "HTTPS_PROXY"]).or(all),
        direct: of(["no_proxy", "NO_PROXY"]),
    }
}
