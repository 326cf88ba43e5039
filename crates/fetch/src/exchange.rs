//! From a URL to the answer that counts: redirects, followed by hand.
//!
//! A library that follows them takes a secret along to the next host. Here, a secret goes to the origin that
//! the catalogue names and to no other, https never becomes http, and every hop asks its host for a turn.

use crate::client::{Answer, Client, private_literal};
use crate::hosts::{Hosts, Turn};
use crate::job::{Credential, Job};
use crate::location::shown;
use crate::problem::Problem;
use url::Url;

/// How many redirects are followed.
const REDIRECTS_MAX: usize = 5;

/// What requests go through.
pub(crate) struct Exchange<'r> {
    pub(crate) client: &'r Client,
    pub(crate) hosts: &'r Hosts<'r>,
}

/// An answer that is no redirect, with the right to read its body.
pub(crate) struct Arrived<'h> {
    pub(crate) answer: Answer,
    /// Where it came from.
    pub(crate) url: Url,
    /// Held until the body is read.
    pub(crate) turn: Turn<'h>,
}

impl<'r> Exchange<'r> {
    /// Asks for a URL of a job, with one more header. `requests` counts every hop.
    pub(crate) fn get(
        &self,
        job: &Job,
        url: &str,
        condition: Option<(&str, &str)>,
        requests: &mut u32,
    ) -> Result<Arrived<'_>, Problem> {
        let first = parse(url)?;
        let origin = job.urls.first().map_or(Ok(first.clone()), |url| parse(url))?.origin();
        // A catalogue that names such an address itself says so with that.
        let private_network = job.private_network || private_literal(&first).is_some();
        let mut at = first.clone();
        for _ in 0..=REDIRECTS_MAX {
            let is_origin = at.origin() == origin;
            if is_origin {
                refuse_open_secret(job, &at, private_network)?;
            }
            let turn = self.hosts.turn(&at, &job.id)?;
            *requests += 1;
            let headers = headers(job, condition, is_origin);
            let answer = self.client.get(&at, &headers, private_network);
            self.hosts.reached(&at, !matches!(answer, Err(Problem::Unreachable(_))));
            let answer = answer?;
            match redirect_target(&answer, &at)? {
                Some(next) => at = next,
                None => return Ok(Arrived { answer, url: at, turn }),
            }
        }
        Err(Problem::lasting(format_args!("more than {REDIRECTS_MAX} redirects")))
    }
}

/// Refuses to send a secret over an open connection, but within one's own network.
fn refuse_open_secret(job: &Job, url: &Url, private_network: bool) -> Result<(), Problem> {
    let has_secret = matches!(job.credential, Credential::Header { .. });
    if has_secret && url.scheme() == "http" && !private_network {
        return Err(Problem::lasting("its secret is not sent over http; the catalogue should name https"));
    }
    Ok(())
}

fn headers<'a>(
    job: &'a Job,
    condition: Option<(&'a str, &'a str)>,
    is_origin: bool,
) -> Vec<(&'a str, &'a str)> {
    let mut headers: Vec<(&str, &str)> = condition.into_iter().collect();
    if let Credential::Header { name, value } = &job.credential
        && is_origin
    {
        headers.push((name, value.expose()));
    }
    headers
}

/// Where a redirect leads; `None` for other answers.
pub(crate) fn redirect_target(answer: &Answer, from: &Url) -> Result<Option<Url>, Problem> {
    let status = answer.status();
    if !matches!(status, 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let Some(location) = answer.header("location") else {
        return Err(Problem::status(status, "a redirect that says not where"));
    };
    let next = from
        .join(location)
        .map_err(|error| Problem::status(status, &format!("a redirect to no URL: {error}")))?;
    let shown = shown(&next);
    match (from.scheme(), next.scheme()) {
        ("https", "http") => Err(Problem::status(
            status,
            &format!("redirects from https to {shown}; an open connection is not taken"),
        )),
        (_, "http" | "https") => Ok(Some(next)),
        _ => Err(Problem::status(status, &format!("redirects to {shown}, which is not http or https"))),
    }
}

fn parse(url: &str) -> Result<Url, Problem> {
    let parsed = Url::parse(url).map_err(|error| Problem::lasting(format_args!("{url}: {error}")))?;
    if matches!(parsed.scheme(), "http" | "https") && parsed.has_host() {
        Ok(parsed)
    } else {
        Err(Problem::lasting(format_args!("{url}: expected an http or https URL")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asks_only_the_web() {
        assert!(parse("https://lists.example/a").is_ok());
        assert!(parse("file:///etc/passwd").is_err() && parse("https:///").is_err());
    }
}
