//! Asking a server of `rapsheet serve`.

use crate::client::{Answer, Client, private_literal};
use crate::job::{Credential, Secret};
use crate::location::shown;
use crate::problem::Problem;
use crate::time::http_date;
use std::io::Read;
use url::Url;

/// A server that is asked, and the key for it.
pub struct Remote<'c> {
    client: &'c Client,
    base: Url,
    key: Option<Secret>,
}

/// What a server answered.
#[derive(Debug)]
pub struct RemoteAnswer {
    /// The status.
    pub status: u16,
    /// How many seconds it asks to wait, where it does.
    pub retry_after: Option<u64>,
    /// Where a redirect leads to, which is not followed. Its query, which may hold a secret, is left out.
    pub location: Option<String>,
    /// The body.
    pub body: Vec<u8>,
}

impl<'c> Remote<'c> {
    /// A server at a URL, whose path is that of the server's `/`.
    ///
    /// # Errors
    /// The URL is none of http or https, has more than a host and a path, or the key would be sent over an open
    /// connection through the Internet.
    pub fn new(client: &'c Client, url: &str, key: Option<Secret>) -> Result<Remote<'c>, String> {
        let mut base = Url::parse(url)
            .ok()
            .filter(|base| matches!(base.scheme(), "http" | "https") && base.has_host())
            .ok_or_else(|| format!("{}: expected a URL such as http://127.0.0.1:8087", without_user(url)))?;
        check_parts(&base)?;
        if key.is_some() && base.scheme() == "http" && private_literal(&base).is_none() {
            return Err(format!(
                "{url}: a key is not sent over http but to an address of your own network; name https, or such an address"
            ));
        }
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        Ok(Remote { client, base, key })
    }

    /// Asks for a path, such as `v1/feeds`. An answer has at most `max_bytes`.
    ///
    /// # Errors
    /// There is no answer, or a longer one; the text says why.
    pub fn get(&self, path: &str, max_bytes: u64) -> Result<RemoteAnswer, String> {
        let url = self.url(path)?;
        let answer = self.client.get(&url, &self.headers(), true).map_err(|problem| self.text(&problem))?;
        self.read(answer, &url, max_bytes)
    }

    /// Sends lines of JSON to a path. An answer has at most `max_bytes`.
    ///
    /// # Errors
    /// There is no answer, or a longer one; the text says why.
    pub fn post(&self, path: &str, body: &[u8], max_bytes: u64) -> Result<RemoteAnswer, String> {
        let url = self.url(path)?;
        let mut headers = self.headers();
        headers.push(("content-type", "application/x-ndjson"));
        let answer = self.client.post(&url, &headers, body).map_err(|problem| self.text(&problem))?;
        self.read(answer, &url, max_bytes)
    }

    /// A text without the key, which a server may have repeated.
    pub fn redacted(&self, text: &str) -> String {
        let Some(key) = &self.key else { return text.to_owned() };
        Credential::Header { name: String::new(), value: key.clone() }.redacted(text)
    }

    fn url(&self, path: &str) -> Result<Url, String> {
        self.base.join(path).map_err(|error| format!("{}: {error}", self.base))
    }

    /// Bodies are read as they come, so a proxy before the server must not compress them.
    fn headers(&self) -> Vec<(&str, &str)> {
        let key = self.key.iter().map(|key| ("apikey", key.expose()));
        key.chain([("accept-encoding", "identity")]).collect()
    }

    fn text(&self, problem: &Problem) -> String {
        match problem {
            Problem::Failed { text, .. } | Problem::Deferred { text, .. } => format!("{}: {text}", self.base),
            Problem::Unreachable(text) => {
                format!("{}: {text}; is `rapsheet serve` running there? Check the URL of --server", self.base)
            }
        }
    }

    fn read(&self, answer: Answer, url: &Url, max_bytes: u64) -> Result<RemoteAnswer, String> {
        let status = answer.status();
        let retry_after = retry_after(answer.header("retry-after"), answer.header("date"));
        let target = |text: &str| url.join(text).map_or_else(|_| text.to_owned(), |target| shown(&target));
        let location = answer.header("location").map(target);
        let mut body = Vec::new();
        let mut reader = answer.into_body().into_reader().take(max_bytes.saturating_add(1));
        reader.read_to_end(&mut body).map_err(|error| format!("{}: {error}", self.base))?;
        if body.len() as u64 > max_bytes {
            let base = &self.base;
            return Err(format!(
                "{base}: expected an answer of at most {max_bytes} bytes, found a longer one; is the URL that of \
                 `rapsheet serve`? If so, ask fewer ranges at a time"
            ));
        }
        Ok(RemoteAnswer { status, retry_after, location, body })
    }
}

/// Refuses what a base URL does not have. A password is not repeated.
fn check_parts(base: &Url) -> Result<(), String> {
    let found = match () {
        () if !base.username().is_empty() || base.password().is_some() => {
            "a user or password; a key goes into a file for --key-file"
        }
        () if base.query().is_some() => "a query (`?`); leave it out",
        () if base.fragment().is_some() => "a fragment (`#`); leave it out",
        () => return Ok(()),
    };
    Err(format!(
        "{}: expected the base URL of `rapsheet serve`, such as http://127.0.0.1:8087, found {found}",
        shown(base)
    ))
}

/// The text of what is no URL, without what may be a password.
fn without_user(url: &str) -> &str {
    url.rsplit('@').next().unwrap_or_default()
}

/// How many seconds a server asks to wait: a number, or a date, which is compared with the server's own.
fn retry_after(text: Option<&str>, date: Option<&str>) -> Option<u64> {
    let text = text?;
    let until = || {
        let (until, now) = (http_date(text)?, http_date(date?)?);
        u64::try_from(until.unix().saturating_sub(now.unix()).max(0)).ok()
    };
    text.parse().ok().or_else(until)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_a_number_or_a_date() {
        let (early, late) = ("Sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:50:07 GMT");
        assert_eq!(retry_after(Some("120"), None), Some(120));
        assert_eq!(retry_after(Some(late), Some(early)), Some(30));
        assert_eq!(retry_after(Some(early), Some(late)), Some(0));
        assert_eq!(retry_after(Some(late), None), None, "there is no clock here");
        assert_eq!(retry_after(Some("-1"), Some(early)), None);
        assert_eq!(retry_after(None, Some(early)), None);
    }

    #[test]
    fn a_base_url_has_a_host_and_a_path_only() {
        let check = |url: &str| check_parts(&Url::parse(url).expect("a URL"));
        assert_eq!(check("https://rapsheet.example/api"), Ok(()));
        for (url, expected) in [
            ("http://user:hunter2@127.0.0.1:8087", "a user or password"),
            ("http://:hunter2@127.0.0.1:8087", "a user or password"),
            ("http://127.0.0.1:8087/?key=hunter2", "a query"),
            ("http://127.0.0.1:8087/#hunter2", "a fragment"),
        ] {
            let message = check(url).expect_err(url);
            assert!(
                message.contains(expected) && message.starts_with("http://127.0.0.1:8087/: "),
                "{message}"
            );
            assert!(!message.contains("hunter2"), "{message}");
        }
        assert_eq!(without_user("ftp://user:hunter2@127.0.0.1"), "127.0.0.1");
    }
}
