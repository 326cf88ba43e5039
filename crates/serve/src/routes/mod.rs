//! The table of routes: a row each, in a file for each group.

use crate::problem::Problem;
use crate::reply::Reply;
use crate::state::{Body, Call, decoded};

mod health;
mod metrics;
mod openapi;
mod pages;
mod v1;
mod v4;

pub(crate) use pages::refused;

/// Who may ask, where the server has keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// All; only for what says nothing about indicators.
    Open,
    /// Those with a key.
    Key,
    /// Those with a key, for which a browser asks.
    Browser,
}

/// What answers.
#[derive(Clone, Copy)]
pub(crate) enum Handler {
    /// `GET`, and `HEAD` with it.
    Get(fn(&Call<'_>) -> Result<Reply, Problem>),
    /// `POST`.
    Post(fn(&Call<'_>, Body) -> Result<Reply, Problem>),
}

impl Handler {
    pub(crate) fn method(self) -> &'static str {
        match self {
            Handler::Get(_) => "GET",
            Handler::Post(_) => "POST",
        }
    }
}

/// One row of the table.
pub(crate) struct Route {
    /// A path; `{x}` at its end takes the rest of any path, slashes included.
    pub(crate) pattern: &'static str,
    pub(crate) access: Access,
    pub(crate) handler: Handler,
}

/// The groups.
pub(crate) static ROUTES: &[&[Route]] =
    &[v4::ROUTES, v1::ROUTES, health::ROUTES, metrics::ROUTES, openapi::ROUTES, pages::ROUTES];

/// All rows.
pub(crate) fn all() -> impl Iterator<Item = &'static Route> {
    ROUTES.iter().flat_map(|group| group.iter())
}

/// The row that takes a request, its position, and the decoded rest of the path; or the methods that the path takes.
pub(crate) fn find(method: &str, path: &str) -> Result<(usize, &'static Route, Vec<u8>), Vec<&'static str>> {
    let wanted = if method == "HEAD" { "GET" } else { method };
    let mut methods = Vec::new();
    for (at, route) in all().enumerate() {
        let Some(rest) = route.matches(path) else { continue };
        if route.handler.method() == wanted {
            return Ok((at, route, decoded(rest.as_bytes())));
        }
        methods.push(route.handler.method());
    }
    Err(methods)
}

impl Route {
    fn matches<'p>(&self, path: &'p str) -> Option<&'p str> {
        match self.pattern.strip_suffix("{x}") {
            Some(start) => path.strip_prefix(start).filter(|rest| !rest.is_empty()),
            None if self.pattern == path => Some(""),
            None => (self.pattern != "/" && path.strip_suffix('/') == Some(self.pattern)).then_some(""),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(method: &str, path: &str) -> Option<(&'static str, String)> {
        let (_, route, rest) = find(method, path).ok()?;
        Some((route.pattern, String::from_utf8(rest).expect("text")))
    }

    #[test]
    fn paths_lead_to_their_rows() {
        for (method, path, expected, rest) in [
            ("GET", "/v4/ip/2001%3A980%3A%3A1", "/v4/ip/{x}", "2001:980::1"),
            ("HEAD", "/v4/ip/45.9.20.5", "/v4/ip/{x}", "45.9.20.5"),
            ("POST", "/v4/ip/", "/v4/ip", ""),
            ("POST", "/v4/ip", "/v4/ip", ""),
            ("GET", "/v4/url/http://evil-one.com/a%20b", "/v4/url/{x}", "http://evil-one.com/a b"),
            ("GET", "/", "/", ""),
            ("GET", "/v1/lookup/45.9.20.0%2F24", "/v1/lookup/{x}", "45.9.20.0/24"),
        ] {
            assert_eq!(pattern(method, path), Some((expected, rest.to_owned())), "{method} {path}");
        }
        assert_eq!(find("GET", "/v4/hash/x").err(), Some(Vec::new()));
        assert_eq!(find("GET", "//").err(), Some(Vec::new()));
        assert_eq!(find("DELETE", "/v4/ip").err(), Some(vec!["POST"]));
    }

    #[test]
    fn rows_are_distinct() {
        let rows: Vec<_> = all().map(|route| (route.handler.method(), route.pattern)).collect();
        let mut distinct = rows.clone();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct.len(), rows.len());
    }
}
