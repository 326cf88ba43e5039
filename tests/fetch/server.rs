//! A server on loopback that answers as a test tells it to, and remarks what it was asked.
//!
//! Each address of 127.0.0.0/8 is another host, and so is `[::1]`. An [`Answer`] is rendered to steps, so that it can
//! be slow, short, endless or cut at any byte.

use super::certificates::Identity;
use super::gzip;
use rustls::{ServerConnection, StreamOwned};
use std::collections::{BTreeMap, VecDeque};
use std::io::{self, Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

/// What is done for an answer, one after the other.
#[derive(Clone)]
pub(crate) enum Step {
    /// Sends bytes.
    Send(Vec<u8>),
    /// Waits.
    Wait(Duration),
    /// Sends a byte, waits, and so on.
    Drip(Vec<u8>, Duration),
    /// Sends the bytes again and again until the client goes.
    Forever(Vec<u8>),
    /// Resets the connection.
    Reset,
    /// Closes the connection.
    Close,
    /// Passes everything on to this address from now on, as a proxy does.
    Tunnel(SocketAddr),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Framing {
    Length(usize),
    Chunked,
    Close,
    Raw,
}

/// An answer: a well-formed one, until a method makes something else of it.
#[derive(Clone)]
pub(crate) struct Answer {
    status: String,
    headers: String,
    body: Vec<u8>,
    framing: Framing,
    drip: Option<Duration>,
    then: Vec<Step>,
}

impl Answer {
    /// An answer with a status and a body.
    pub(crate) fn new(status: u16, body: impl AsRef<[u8]>) -> Answer {
        let body = body.as_ref().to_vec();
        let framing = Framing::Length(body.len());
        let status = format!("HTTP/1.1 {status} {}", meaning(status));
        Answer { status, headers: String::new(), body, framing, drip: None, then: Vec::new() }
    }

    /// A list.
    pub(crate) fn list(body: impl AsRef<[u8]>) -> Answer {
        Answer::new(200, body).header("Content-Type", "text/plain")
    }

    /// A page, as a server shows it in place of a list.
    pub(crate) fn page() -> Answer {
        let page = "<!DOCTYPE html>\n<html><head><title>Welcome</title></head>\n<body>Please log in.</body></html>\n";
        Answer::new(200, page).header("Content-Type", "text/html; charset=utf-8")
    }

    /// "Not modified".
    pub(crate) fn not_modified() -> Answer {
        Answer::new(304, "").raw_framing()
    }

    /// A redirect.
    pub(crate) fn redirect(status: u16, location: &str) -> Answer {
        Answer::new(status, "moved").header("Location", location)
    }

    /// An answer that is these steps and no more.
    pub(crate) fn steps(steps: impl Into<Vec<Step>>) -> Answer {
        let mut answer = Answer::new(200, "").raw_framing();
        (answer.status, answer.then) = (String::new(), steps.into());
        answer
    }

    /// The status line, as it is.
    pub(crate) fn status_line(mut self, line: &str) -> Answer {
        line.clone_into(&mut self.status);
        self
    }

    /// One more header.
    pub(crate) fn header(mut self, name: &str, value: &str) -> Answer {
        self.headers += &format!("{name}: {value}\r\n");
        self
    }

    /// The body compressed, and called so.
    pub(crate) fn gzip(mut self) -> Answer {
        self.body = gzip(&self.body);
        self.framing = Framing::Length(self.body.len());
        self.header("Content-Encoding", "gzip")
    }

    /// The body without its last bytes, which its length and framing do not tell.
    pub(crate) fn without_last(mut self, count: usize) -> Answer {
        self.body.truncate(self.body.len().saturating_sub(count));
        if let Framing::Length(_) = self.framing {
            self.framing = Framing::Length(self.body.len());
        }
        self
    }

    /// The body's first bytes, and the end of the connection, where it has more than those; its length is told as
    /// it was.
    pub(crate) fn cut_after(mut self, count: usize) -> Answer {
        if self.body.len() <= count {
            return self;
        }
        self.body.truncate(count);
        self.then(Step::Close)
    }

    /// The body in chunks.
    pub(crate) fn chunked(mut self) -> Answer {
        self.framing = Framing::Chunked;
        self
    }

    /// The end of the connection is the end of the body.
    pub(crate) fn until_close(mut self) -> Answer {
        self.framing = Framing::Close;
        self.then(Step::Close)
    }

    /// States another length than that of the body.
    pub(crate) fn length(mut self, length: usize) -> Answer {
        self.framing = Framing::Length(length);
        self
    }

    /// Without a word on where the body ends.
    pub(crate) fn raw_framing(mut self) -> Answer {
        self.framing = Framing::Raw;
        self
    }

    /// The body byte by byte.
    pub(crate) fn drip(mut self, pause: Duration) -> Answer {
        self.drip = Some(pause);
        self
    }

    /// What follows the answer.
    pub(crate) fn then(mut self, step: Step) -> Answer {
        self.then.push(step);
        self
    }

    /// A list after the steps so far.
    pub(crate) fn then_list(mut self, body: &str) -> Answer {
        let list = Answer::list(body).render();
        self.then.extend(list);
        self
    }

    fn render(self) -> Vec<Step> {
        let mut steps = Vec::new();
        let is_empty_head = self.status.is_empty();
        let framing = match self.framing {
            Framing::Length(length) => format!("Content-Length: {length}\r\n"),
            Framing::Chunked => "Transfer-Encoding: chunked\r\n".to_owned(),
            Framing::Close => "Connection: close\r\n".to_owned(),
            Framing::Raw => String::new(),
        };
        if !is_empty_head {
            let date = "Date: Sun, 22 Nov 2026 00:00:00 GMT\r\n";
            steps.push(Step::Send(
                format!("{}\r\n{date}{}{framing}\r\n", self.status, self.headers).into_bytes(),
            ));
        }
        let body = if self.framing == Framing::Chunked { chunks(&self.body) } else { self.body };
        match self.drip {
            Some(pause) => steps.push(Step::Drip(body, pause)),
            None if body.is_empty() => {}
            None => steps.push(Step::Send(body)),
        }
        steps.extend(self.then);
        // Without a last chunk, the body is cut.
        if self.framing == Framing::Chunked && !steps.iter().any(ends) {
            steps.push(Step::Send(b"0\r\n\r\n".to_vec()));
        }
        steps
    }
}

/// Whether a step ends the connection.
fn ends(step: &Step) -> bool {
    matches!(step, Step::Reset | Step::Close | Step::Forever(_) | Step::Tunnel(_))
}

fn chunks(body: &[u8]) -> Vec<u8> {
    let mut chunks = Vec::new();
    for part in body.chunks(1000) {
        chunks.extend(format!("{:x}\r\n", part.len()).into_bytes());
        chunks.extend(part);
        chunks.extend(b"\r\n");
    }
    chunks
}

fn meaning(status: u16) -> &'static str {
    match status {
        200 => "OK",
        304 => "Not Modified",
        301 | 302 | 303 | 307 | 308 => "Redirect",
        403 => "Forbidden",
        404 => "Not Found",
        429 => "Too Many Requests",
        500.. => "Trouble",
        _ => "Something",
    }
}

/// What a client asked.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// `GET`.
    pub(crate) method: String,
    /// The path; before a proxy, the whole URL.
    pub(crate) path: String,
    /// Names in small letters, and values.
    pub(crate) headers: Vec<(String, String)>,
    /// When it was read.
    pub(crate) began: Instant,
    /// When the last part of the answer was about to be sent; none while that is not so.
    pub(crate) ended: Option<Instant>,
}

impl Request {
    /// A header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// Whether it asks for what has changed, and for that alone.
    pub(crate) fn is_conditional(&self) -> bool {
        self.header("if-none-match").or(self.header("if-modified-since")).is_some()
    }
}

/// The largest number of requests that were answered at the same time.
pub(crate) fn most_at_once(requests: &[Request]) -> usize {
    let overlapping = |at: &Request| {
        let is_open =
            |other: &&Request| other.began <= at.began && other.ended.is_none_or(|ended| ended > at.began);
        requests.iter().filter(is_open).count()
    };
    requests.iter().map(overlapping).max().unwrap_or(0)
}

type Handler = Arc<dyn Fn(&Request) -> Answer + Send + Sync>;

enum Route {
    Queue(VecDeque<Answer>),
    Handler(Handler),
}

#[derive(Default)]
struct Shared {
    routes: Mutex<BTreeMap<String, Route>>,
    requests: Mutex<Vec<Request>>,
    connections: Mutex<usize>,
    stop: AtomicBool,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no thread of the server fails")
}

impl Shared {
    fn answer(&self, request: &Request) -> Answer {
        let mut routes = locked(&self.routes);
        let key = if routes.contains_key(&request.path) { request.path.as_str() } else { "*" };
        match routes.get_mut(key) {
            None => Answer::new(404, "not here\n"),
            Some(Route::Queue(queue)) if queue.len() > 1 => queue.pop_front().expect("an answer"),
            Some(Route::Queue(queue)) => queue.front().expect("an answer").clone(),
            Some(Route::Handler(handler)) => {
                let handler = Arc::clone(handler);
                drop(routes);
                handler(request)
            }
        }
    }
}

/// A server, until it is dropped.
pub(crate) struct Server {
    shared: Arc<Shared>,
    address: SocketAddr,
    scheme: &'static str,
}

impl Server {
    /// A server on 127.0.0.1.
    pub(crate) fn start() -> Server {
        Server::at("127.0.0.1")
    }

    /// A server on another address, which is another host.
    pub(crate) fn at(host: &str) -> Server {
        Server::bind(host, None)
    }

    /// A server with TLS.
    pub(crate) fn tls(host: &str, identity: &Identity) -> Server {
        Server::bind(host, Some(identity.config()))
    }

    fn bind(host: &str, tls: Option<Arc<rustls::ServerConfig>>) -> Server {
        let address: IpAddr = host.parse().expect("an address");
        let listener = TcpListener::bind((address, 0)).expect("a free port");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared::default());
        let scheme = if tls.is_some() { "https" } else { "http" };
        let served = Arc::clone(&shared);
        thread::spawn(move || accept(&listener, &served, tls.as_ref()));
        Server { shared, address, scheme }
    }

    /// The URL of a path.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}://{}{path}", self.scheme, self.address)
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers requests for a path (`*`: for all others) one after the other; the last answer stays.
    pub(crate) fn queue(&self, path: &str, answers: impl IntoIterator<Item = Answer>) {
        let queue: VecDeque<Answer> = answers.into_iter().collect();
        assert!(!queue.is_empty());
        locked(&self.shared.routes).insert(path.to_owned(), Route::Queue(queue));
    }

    /// Answers every request for a path alike.
    pub(crate) fn always(&self, path: &str, answer: Answer) {
        self.queue(path, [answer]);
    }

    /// Answers requests for a path as a function tells.
    pub(crate) fn on(&self, path: &str, handler: impl Fn(&Request) -> Answer + Send + Sync + 'static) {
        locked(&self.shared.routes).insert(path.to_owned(), Route::Handler(Arc::new(handler)));
    }

    /// Offers a list as a good server does: with a validator, and 304 where the client has it.
    pub(crate) fn offer(&self, path: &str, etag: &str, list: &str) {
        let (etag, list) = (etag.to_owned(), list.to_owned());
        self.on(path, move |request| match request.header("if-none-match") {
            Some(known) if known == etag => Answer::not_modified().header("ETag", &etag),
            _ => Answer::list(&list).header("ETag", &etag),
        });
    }

    /// All requests so far.
    pub(crate) fn requests(&self) -> Vec<Request> {
        locked(&self.shared.requests).clone()
    }

    /// The requests for a path.
    pub(crate) fn requests_for(&self, path: &str) -> Vec<Request> {
        self.requests().into_iter().filter(|request| request.path == path).collect()
    }

    /// The paths that were asked for, in order.
    pub(crate) fn paths(&self) -> Vec<String> {
        self.requests().into_iter().map(|request| request.path).collect()
    }

    /// How many connections there were.
    pub(crate) fn connections(&self) -> usize {
        *locked(&self.shared.connections)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>, tls: Option<&Arc<rustls::ServerConfig>>) {
    for stream in listener.incoming() {
        if shared.stop.load(Ordering::SeqCst) {
            break;
        }
        let Ok(stream) = stream else { continue };
        *locked(&shared.connections) += 1;
        let (shared, tls) = (Arc::clone(shared), tls.cloned());
        thread::spawn(move || {
            let _ = match tls {
                None => serve(stream, &shared),
                Some(config) => {
                    let session = ServerConnection::new(config).map_err(io::Error::other);
                    session.and_then(|session| serve(StreamOwned::new(session, stream), &shared))
                }
            };
        });
    }
}

/// A connection: plain, or with TLS.
trait Connection: Read + Write {
    fn tcp(&self) -> &TcpStream;

    /// Says that nothing more will come, where the protocol has a word for it.
    fn say_goodbye(&mut self) {}
}

impl Connection for TcpStream {
    fn tcp(&self) -> &TcpStream {
        self
    }
}

impl Connection for StreamOwned<ServerConnection, TcpStream> {
    fn tcp(&self) -> &TcpStream {
        &self.sock
    }

    fn say_goodbye(&mut self) {
        self.conn.send_close_notify();
        let _ = self.flush();
    }
}

fn serve(mut stream: impl Connection, shared: &Shared) -> io::Result<()> {
    stream.tcp().set_nodelay(true)?;
    while let Some(request) = read_request(&mut stream)? {
        let at = {
            let mut requests = locked(&shared.requests);
            requests.push(request.clone());
            requests.len() - 1
        };
        let steps = shared.answer(&request).render();
        // The last byte of a request that was not read: closing with it resets the connection.
        if !steps.iter().any(|step| matches!(step, Step::Reset)) {
            stream.read_exact(&mut [0])?;
        }
        let last = steps.len().saturating_sub(1);
        let end = || locked(&shared.requests)[at].ended = Some(Instant::now());
        for (number, step) in steps.into_iter().enumerate() {
            let is_last = number == last;
            if is_last && matches!(step, Step::Send(_)) {
                end();
            }
            if !perform(&mut stream, step, shared)? {
                end();
                return Ok(());
            }
        }
        end();
    }
    Ok(())
}

/// Reads a request but for its last byte; `None` where the client has gone.
fn read_request(stream: &mut impl Read) -> io::Result<Option<Request>> {
    let mut text = Vec::new();
    while !text.ends_with(b"\r\n\r") {
        let mut byte = [0];
        if stream.read(&mut byte)? == 0 {
            return Ok(None);
        }
        text.push(byte[0]);
    }
    let text = String::from_utf8_lossy(&text);
    let mut lines = text.trim_end().lines();
    let mut first = lines.next().unwrap_or_default().split(' ').map(str::to_owned);
    let headers = lines.filter_map(|line| line.split_once(':'));
    let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned())).collect();
    let (method, path) = (first.next().unwrap_or_default(), first.next().unwrap_or_default());
    Ok(Some(Request { method, path, headers, began: Instant::now(), ended: None }))
}

/// Whether the connection goes on.
fn perform(stream: &mut impl Connection, step: Step, shared: &Shared) -> io::Result<bool> {
    let stops = || shared.stop.load(Ordering::SeqCst);
    match step {
        Step::Send(bytes) => {
            stream.write_all(&bytes)?;
            stream.flush()?;
        }
        Step::Wait(pause) => thread::sleep(pause),
        Step::Drip(bytes, pause) => {
            for byte in bytes {
                if stops() {
                    break;
                }
                stream.write_all(&[byte])?;
                stream.flush()?;
                thread::sleep(pause);
            }
        }
        Step::Forever(bytes) => {
            while !stops() {
                stream.write_all(&bytes)?;
            }
            return Ok(false);
        }
        Step::Reset => return Ok(false),
        Step::Close => {
            stream.say_goodbye();
            return Ok(false);
        }
        Step::Tunnel(to) => {
            tunnel(stream.tcp(), to)?;
            return Ok(false);
        }
    }
    Ok(true)
}

fn tunnel(client: &TcpStream, to: SocketAddr) -> io::Result<()> {
    let server = TcpStream::connect(to)?;
    let (mut up, mut down) = ((client.try_clone()?, server.try_clone()?), (server, client.try_clone()?));
    let upwards = thread::spawn(move || {
        let _ = io::copy(&mut up.0, &mut up.1);
        let _ = up.1.shutdown(Shutdown::Write);
    });
    let _ = io::copy(&mut down.0, &mut down.1);
    let _ = down.1.shutdown(Shutdown::Both);
    let _ = upwards.join();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(server: &Server, path: &str) -> io::Result<Vec<u8>> {
        let mut stream = TcpStream::connect(server.address())?;
        stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes())?;
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    #[test]
    fn answers_in_turn_and_remarks_requests() {
        let server = Server::start();
        let closed = |status, text: &str| Answer::new(status, text).then(Step::Close);
        server.queue("/a", [closed(500, "no"), closed(200, "yes")]);
        for expected in ["no", "yes", "yes"] {
            assert!(get(&server, "/a").expect("an answer").ends_with(expected.as_bytes()));
        }
        assert_eq!(server.paths(), ["/a", "/a", "/a"]);
        assert_eq!(server.requests()[0].header("host"), Some("a"));
        assert_eq!((server.connections(), most_at_once(&server.requests())), (3, 1));
    }

    #[test]
    fn resets_connections() {
        let server = Server::start();
        server.always("/reset", Answer::steps([Step::Reset]));
        server.always(
            "/body",
            Answer::list("abc").length(100).then(Step::Wait(Duration::from_millis(50))).then(Step::Reset),
        );
        for path in ["/reset", "/body"] {
            let error = get(&server, path).expect_err("a reset");
            assert_eq!(error.kind(), io::ErrorKind::ConnectionReset, "{path}");
        }
    }
}
