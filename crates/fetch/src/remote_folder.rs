//! The files of a folder that a web server or a bucket offers: one at a time, from any byte on.
//!
//! What a file has to be is the caller's to prove. So redirects are followed, though never from https to
//! http, and parts of a file may come from different hosts.

use crate::client::{Answer, Client};
use crate::exchange::redirect_target;
use crate::problem::Problem;
use std::io::Read;
use url::Url;

/// How many redirects are followed.
const REDIRECTS_MAX: usize = 5;

/// A folder at a URL.
pub struct RemoteFolder<'c> {
    client: &'c Client,
    base: Url,
}

/// A file, opened.
pub enum RemoteFile {
    /// It is still the one with the validator.
    Unchanged,
    /// Its bytes.
    Bytes {
        /// What they are read from.
        reader: Box<dyn Read>,
        /// Where they begin: where they were wanted from, or at 0.
        from: u64,
        /// What to ask with next time, where the server says so.
        validator: Option<String>,
    },
}

/// Why a file cannot be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteProblem {
    /// For people, with the URL.
    pub text: String,
    /// Whether another attempt may succeed.
    pub may_pass: bool,
}

impl<'c> RemoteFolder<'c> {
    /// The folder at a URL.
    ///
    /// # Errors
    /// The URL is none of http or https.
    pub fn new(client: &'c Client, url: &str) -> Result<RemoteFolder<'c>, String> {
        let mut base = Url::parse(url)
            .ok()
            .filter(|base| matches!(base.scheme(), "http" | "https") && base.has_host())
            .filter(|base| base.query().is_none() && base.fragment().is_none())
            .ok_or("expected a URL such as https://example.org/rapsheet/, without a query")?;
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        Ok(RemoteFolder { client, base })
    }

    /// Its URL, without what may be a secret.
    pub fn name(&self) -> String {
        crate::location::shown(&self.base).trim_end_matches('/').to_owned()
    }

    /// Opens a file from a byte on, unless it has a validator still.
    ///
    /// # Errors
    /// There is no such file, or no answer.
    pub fn open(&self, path: &str, from: u64, unless: Option<&str>) -> Result<RemoteFile, RemoteProblem> {
        let url = self.base.join(path).map_err(|error| lasting(&self.base, &error.to_string()))?;
        let range = (from > 0).then(|| format!("bytes={from}-"));
        // Offsets are of the file, and not of what an encoding makes of it.
        let mut headers = vec![("accept-encoding", "identity")];
        headers.extend(range.as_deref().map(|range| ("range", range)));
        headers.extend(unless.map(|validator| ("if-none-match", validator)));
        let answer = self.follow(&url, &headers).map_err(|problem| told(&url, &problem))?;
        match answer.status() {
            304 if unless.is_some() => Ok(RemoteFile::Unchanged),
            200 => Ok(bytes(answer, 0)),
            206 => match start_of(&answer) {
                Some(start) => Ok(bytes(answer, start)),
                None => Err(lasting(&url, "HTTP 206 without a Content-Range")),
            },
            // It is shorter than was thought: all of it.
            416 if from > 0 => self.open(path, 0, unless),
            status => Err(told(&url, &Problem::status(status, ""))),
        }
    }

    fn follow(&self, url: &Url, headers: &[(&str, &str)]) -> Result<Answer, Problem> {
        let mut at = url.clone();
        for _ in 0..=REDIRECTS_MAX {
            let answer = self.client.get(&at, headers, true)?;
            match redirect_target(&answer, &at)? {
                Some(next) => at = next,
                None => return Ok(answer),
            }
        }
        Err(Problem::lasting(format_args!("more than {REDIRECTS_MAX} redirects")))
    }
}

fn bytes(answer: Answer, from: u64) -> RemoteFile {
    let validator = answer.owned("etag");
    RemoteFile::Bytes { reader: Box::new(answer.into_body().into_reader()), from, validator }
}

/// Where a part begins: `bytes 10-19/100`.
fn start_of(answer: &Answer) -> Option<u64> {
    let range = answer.header("content-range")?.strip_prefix("bytes ")?;
    range.split_once('-')?.0.trim().parse().ok()
}

fn told(url: &Url, problem: &Problem) -> RemoteProblem {
    let text = match problem {
        Problem::Failed { text, .. } | Problem::Unreachable(text) | Problem::Deferred { text, .. } => text,
    };
    let may_pass = problem.may_pass() || matches!(problem, Problem::Failed { status: Some(429), .. });
    RemoteProblem { text: format!("{}: {text}", crate::location::shown(url)), may_pass }
}

fn lasting(url: &Url, text: &str) -> RemoteProblem {
    RemoteProblem { text: format!("{}: {text}", crate::location::shown(url)), may_pass: false }
}
