//! `lookup --server`: the questions of `lookup`, answered by a server. All outputs are those of a local
//! look-up.
//!
//! A server that asks to wait is waited for. An answer of which any part is not understood ends the run: the
//! URL may be that of something else, and no verdict is better than a wrong one.

mod row;

use super::stdout;
use crate::args::Lookup;
use crate::exit::{Exit, Failure};
use crate::input;
use crate::network::{USER_AGENT, proxies};
use crate::output::lookup::{Answered, Context, Refused, Style};
use crate::printable;
use crate::question_lines::QuestionLines;
use crate::secrets;
use crate::settings::Settings;
use rapsheet_fetch::{Client, ClientOptions, Remote, RemoteAnswer};
use rapsheet_json::{Directory, Named, string};
use rapsheet_snapshot::{ParseError, Status, Time};
use row::Row;
use serde::Deserialize;
use std::io::{BufWriter, Stdout, Write};
use std::thread;
use std::time::Duration;

/// How many questions are asked together, and with how many bytes.
const QUESTIONS_MAX: usize = 1000;
const BODY_MAX: usize = 512 << 10;
/// The most bytes of an answer: to questions, and about feeds.
const ANSWERS_MAX: u64 = 64 << 20;
const FEEDS_MAX: u64 = 16 << 20;
/// How long a connection, a silence and an answer may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const STALL_TIME: Duration = Duration::from_secs(30);
const MAX_TIME: Duration = Duration::from_secs(300);
/// The longest wait that a server may ask for, and how long a request is repeated, in seconds.
const WAIT_MAX: u64 = 60;
const PATIENCE: u64 = 600;
/// How much of what a server says is shown, in characters.
const SHOWN_MAX: usize = 300;

/// Runs the command.
pub(super) fn run(url: &str, args: &Lookup, settings: &Settings) -> Result<Exit, Failure> {
    let key = match &args.key_file {
        Some(path) => secrets::read_file(path).map(Some),
        None => secrets::find_optional("server"),
    };
    let client = Client::new(ClientOptions {
        user_agent: USER_AGENT.to_owned(),
        connect_timeout: CONNECT_TIMEOUT,
        stall_time: STALL_TIME,
        max_time: MAX_TIME,
        proxies: proxies(),
    })
    .map_err(Failure::usage)?;
    let remote = Remote::new(&client, url, key.map_err(Failure::usage)?).map_err(Failure::usage)?;
    let mut session = Session {
        server: Server { remote, url, settings, has_told: false },
        args,
        is_silent: args.is_silent(settings.quiet),
        at: args.at.or(settings.given_now()),
        directory: None,
        style: Style { all_sources: args.all_sources, spreadsheet: args.spreadsheet, color: settings.color },
        pending: Vec::new(),
        body: Vec::new(),
        out: stdout(),
        has_header: false,
        any_refused: false,
        any_listed: false,
    };
    if args.indicators.is_empty() {
        session.answer_stdin()?;
    }
    for indicator in &args.indicators {
        match indicator.as_encoded_bytes() {
            b"-" => session.answer_stdin()?,
            text => session.add(text, false)?,
        }
    }
    session.send()?;
    session.header()?;
    session.out.flush()?;
    Ok(match () {
        () if session.any_refused => Exit::Usage,
        () if session.any_listed && args.exit_code => Exit::Listed,
        () => Exit::Done,
    })
}

/// A question that was not answered yet.
struct Asked {
    text: String,
    /// Whether it is too long to be sent.
    is_cut: bool,
}

/// Questions, and where their answers go.
struct Session<'a> {
    server: Server<'a>,
    args: &'a Lookup,
    is_silent: bool,
    /// The instant to answer for; `None` is the server's present.
    at: Option<Time>,
    /// The names of the server's snapshot, once they were asked for. It may take another snapshot at any
    /// time, so answers add to them.
    directory: Option<Directory>,
    style: Style,
    pending: Vec<Asked>,
    body: Vec<u8>,
    out: BufWriter<Stdout>,
    has_header: bool,
    any_refused: bool,
    any_listed: bool,
}

impl Session<'_> {
    fn answer_stdin(&mut self) -> Result<(), Failure> {
        let input = input::questions().map_err(Failure::refused)?;
        let (mut questions, mut lines) = (QuestionLines::new(input.reader), Vec::new());
        while questions.wait()? {
            while questions.take(QUESTIONS_MAX, &mut lines) {
                for line in &lines {
                    self.add(questions.text(line), line.is_cut)?;
                }
            }
            if input.is_stream {
                self.send()?;
                self.out.flush()?;
            }
        }
        self.send()
    }

    /// Takes a question, and asks when there are many.
    fn add(&mut self, text: &[u8], is_cut: bool) -> Result<(), Failure> {
        if !is_cut {
            string(text, &mut self.body);
            self.body.push(b'\n');
        }
        self.pending.push(Asked { text: String::from_utf8_lossy(text).into_owned(), is_cut });
        if self.pending.len() >= QUESTIONS_MAX || self.body.len() >= BODY_MAX {
            self.send()?;
        }
        Ok(())
    }

    /// Asks what was taken, and prints the answers, once all of them are understood.
    fn send(&mut self) -> Result<(), Failure> {
        let (pending, body) = (std::mem::take(&mut self.pending), std::mem::take(&mut self.body));
        if pending.is_empty() {
            return Ok(());
        }
        let sent: Vec<&str> =
            pending.iter().filter(|asked| !asked.is_cut).map(|asked| asked.text.as_str()).collect();
        let rows = if sent.is_empty() { Vec::new() } else { self.lookup(&sent, &body)? };
        self.header()?;
        let mut rows = rows.into_iter();
        for Asked { text, is_cut } in &pending {
            match if *is_cut { None } else { rows.next() } {
                Some(row) => self.print(text, &row)?,
                None => self.refuse(&Refused::new(text, ParseError::TooLong))?,
            }
        }
        Ok(())
    }

    /// The answers to questions, one for each.
    fn lookup(&mut self, sent: &[&str], body: &[u8]) -> Result<Vec<Row>, Failure> {
        if self.directory.is_none() {
            self.directory = Some(self.server.directory()?);
        }
        let path = self.path();
        let answer = self.server.request(|remote| remote.post(&path, body, ANSWERS_MAX))?;
        let lines: Vec<&[u8]> = match answer.strip_suffix(b"\n").unwrap_or(&answer) {
            b"" => Vec::new(),
            lines => lines.split(|byte| *byte == b'\n').collect(),
        };
        if lines.len() != sent.len() {
            let (expected, found) = (sent.len(), lines.len());
            let why = format!("expected {expected} lines, one for each question, found {found}");
            return Err(self.server.broken(&answer, &why));
        }
        let row = |(line, asked): (&&[u8], &&str)| {
            row::read(line, asked, self.at).map_err(|why| self.server.broken(line, &why))
        };
        lines.iter().zip(sent).map(row).collect()
    }

    fn path(&self) -> String {
        // The shape of another API names all providers.
        let all = self.args.all_sources || self.args.output.name == "metadefender";
        let at = self.at.map(|at| format!("&at={at}")).unwrap_or_default();
        format!("v1/lookup?all_sources={all}{at}")
    }

    /// Prints what comes before all answers, once.
    fn header(&mut self) -> Result<(), Failure> {
        if !std::mem::replace(&mut self.has_header, true) && !self.is_silent {
            (self.args.output.header)(self.style, &mut self.out)?;
        }
        Ok(())
    }

    fn print(&mut self, input: &str, row: &Row) -> Result<(), Failure> {
        let row = match row {
            Row::Refused { word, message } => {
                let message = message.as_ref().map(|text| self.server.cut(text.as_bytes()));
                return self.refuse(&Refused { input, word, message: message.as_deref() });
            }
            Row::Answer(row) => row,
        };
        let directory = self.directory.get_or_insert_default();
        let answer = row.verdict(directory).map_err(|why| self.server.broken(b"", &why))?;
        self.any_listed |= answer.status == Status::Blocked;
        if !self.is_silent {
            let context = Context { directory, searcher: None, at: answer.at, style: self.style };
            (self.args.output.answer)(&context, &Answered { input, answer: &answer }, &mut self.out)?;
        }
        Ok(())
    }

    fn refuse(&mut self, refused: &Refused<'_>) -> Result<(), Failure> {
        self.any_refused = true;
        if !self.is_silent {
            (self.args.output.refused)(self.style, refused, &mut self.out)?;
        }
        Ok(())
    }
}

/// The server.
struct Server<'a> {
    remote: Remote<'a>,
    url: &'a str,
    settings: &'a Settings,
    /// Whether a message told of waiting.
    has_told: bool,
}

impl Server<'_> {
    /// The body of an answer. A server that asks to wait for a short time is asked again after it.
    fn request(
        &mut self,
        send: impl Fn(&Remote<'_>) -> Result<RemoteAnswer, String>,
    ) -> Result<Vec<u8>, Failure> {
        let mut patience = PATIENCE;
        loop {
            let answer = send(&self.remote).map_err(Failure::unfinished)?;
            if answer.status == 200 {
                return Ok(answer.body);
            }
            let Some(wait) = wait(&answer, &mut patience) else {
                return Err(self.failure(&answer, PATIENCE - patience));
            };
            if !std::mem::replace(&mut self.has_told, true) {
                let reason = self.reason(&answer);
                self.settings.note(&format!(
                    "rapsheet: {reason}; waiting {} s, as it asks, and again where needed",
                    wait.as_secs()
                ));
            }
            thread::sleep(wait);
        }
    }

    /// The names of the server's feeds and providers.
    fn directory(&mut self) -> Result<Directory, Failure> {
        #[derive(Deserialize)]
        struct Feed {
            id: String,
            provider: String,
            update_time: Option<String>,
        }
        let body = self.request(|remote| remote.get("v1/feeds", FEEDS_MAX))?;
        let feeds: Vec<Feed> =
            serde_json::from_slice(&body).map_err(|error| self.broken(&body, &error.to_string()))?;
        let time = |feed: &Feed| feed.update_time.as_deref().and_then(Time::parse_rfc3339);
        if feeds.iter().any(|feed| feed.update_time.is_some() && time(feed).is_none()) {
            return Err(self.broken(&body, "expected a time in RFC 3339 in `update_time`"));
        }
        let mut providers: Vec<Named> =
            feeds.iter().map(|feed| Named { name: feed.provider.clone(), update_time: time(feed) }).collect();
        // The newest of each provider comes first, and stays.
        providers.sort_unstable_by(|a, b| a.name.cmp(&b.name).then(b.update_time.cmp(&a.update_time)));
        providers.dedup_by(|a, b| a.name == b.name);
        let feeds = feeds.iter().map(|feed| Named { name: feed.id.clone(), update_time: time(feed) });
        Ok(Directory { providers, feeds: feeds.collect() })
    }

    /// An answer that is none of `rapsheet serve`.
    fn broken(&self, found: &[u8], why: &str) -> Failure {
        let (url, why) = (self.url, self.shown(why.as_bytes()));
        let found = match found {
            b"" => String::new(),
            found => format!(", in `{}`", self.shown(found)),
        };
        Failure::unfinished(format_args!(
            "{url}: expected an answer of `rapsheet serve`, found another: {why}{found}; is this the URL of \
             `rapsheet serve`, and of the same version?"
        ))
    }

    /// An answer with another status than 200, after waiting for a number of seconds.
    fn failure(&self, answer: &RemoteAnswer, waited: u64) -> Failure {
        let reason = self.reason(answer);
        let remedy = match (answer.status, &answer.location, answer.retry_after) {
            (300..=399, Some(target), _) => format!(
                "; it leads to {}, which is not followed; give --server the URL that answers",
                self.shown(target.as_bytes())
            ),
            (404, ..) => {
                "; --server wants the base URL of `rapsheet serve`, such as http://127.0.0.1:8087".to_owned()
            }
            (.., Some(seconds)) if waited > 0 => {
                format!("; asked again for {waited} s in vain; ask again in {seconds} s")
            }
            (.., Some(seconds)) => format!("; ask again in {seconds} s"),
            _ => String::new(),
        };
        match answer.status {
            400..=428 => Failure::usage(format_args!("{reason}{remedy}")),
            _ => Failure::unfinished(format_args!("{reason}{remedy}")),
        }
    }

    /// Who answered what, in words of the server where it has some.
    fn reason(&self, answer: &RemoteAnswer) -> String {
        #[derive(Deserialize)]
        struct Body {
            error: Error,
        }
        #[derive(Deserialize)]
        struct Error {
            messages: Vec<String>,
        }
        let body: Option<Body> = serde_json::from_slice(&answer.body).ok();
        let messages = body.map(|body| body.error.messages.join("; ")).unwrap_or_default();
        let colon = if messages.is_empty() { "" } else { ": " };
        format!("{}: HTTP {}{colon}{}", self.url, answer.status, self.shown(messages.as_bytes()))
    }

    /// What a server says, for a terminal.
    fn shown(&self, text: &[u8]) -> String {
        printable::text(&self.cut(text)).into_owned()
    }

    /// What a server says, without the key; of a long text the beginning.
    fn cut(&self, text: &[u8]) -> String {
        let text = self.remote.redacted(&String::from_utf8_lossy(text));
        let mut shown: String = text.chars().take(SHOWN_MAX).collect();
        if shown.len() < text.len() {
            shown.push('…');
        }
        shown
    }
}

/// How long to wait before asking again, which is taken from `patience`; `None` where that is of no use.
fn wait(answer: &RemoteAnswer, patience: &mut u64) -> Option<Duration> {
    let seconds = answer.retry_after.filter(|_| matches!(answer.status, 429 | 503))?.max(1);
    *patience = patience.checked_sub(seconds).filter(|_| seconds <= WAIT_MAX)?;
    Some(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_for_a_minute_and_not_for_ever() {
        let answer =
            |status, retry_after| RemoteAnswer { status, retry_after, location: None, body: Vec::new() };
        let seconds = |status, retry_after| wait(&answer(status, retry_after), &mut PATIENCE.clone());
        assert_eq!(seconds(429, Some(60)), Some(Duration::from_secs(60)));
        assert_eq!(seconds(503, Some(0)), Some(Duration::from_secs(1)), "never at once");
        for (status, retry_after) in [(429, Some(61)), (503, Some(u64::MAX)), (503, None), (400, Some(1))] {
            assert_eq!(seconds(status, retry_after), None, "{status} {retry_after:?}");
        }
        let mut patience = PATIENCE;
        let waits = std::iter::from_fn(|| wait(&answer(503, Some(59)), &mut patience)).count();
        assert_eq!((waits, patience), (10, 10));
    }
}
