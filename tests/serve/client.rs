//! A client that sends any bytes, and reads answers by the rules of RFC 9112.

use super::PATIENCE;
use serde_json::Value;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};

/// A connection.
pub(crate) struct Client {
    stream: BufReader<TcpStream>,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Names in small letters.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).expect("text")
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text()).expect("JSON")
    }

    /// The code of an error, whose body must have the shape of all errors.
    pub(crate) fn code(&self) -> u64 {
        let json = self.json();
        assert_eq!(json["success"], Value::Bool(false), "{json}");
        assert!(json["error"]["messages"][0].as_str().is_some_and(|text| !text.is_empty()), "{json}");
        let code = json["error"]["code"].as_u64().expect("a number");
        assert_eq!(code / 1000, u64::from(self.status), "{json}");
        code
    }
}

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> Client {
        let stream = TcpStream::connect(address).expect("a connection");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        stream.set_write_timeout(Some(PATIENCE)).expect("a timeout");
        Client { stream: BufReader::new(stream) }
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.get_mut().write_all(bytes.as_ref()).expect("sent");
    }

    /// Sends until the server has had enough; says how much that was.
    pub(crate) fn send_until_refused(&mut self, bytes: &[u8], most: usize) -> usize {
        let mut sent = 0;
        while sent < most {
            match self.stream.get_mut().write(bytes) {
                Ok(0) | Err(_) => break,
                Ok(count) => sent += count,
            }
        }
        sent
    }

    /// Whether the connection still answers.
    pub(crate) fn is_open(&mut self) -> bool {
        let request = b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n";
        self.send_until_refused(request, request.len());
        self.try_answer(true).is_some()
    }

    /// The connection, to send while an answer is waited for.
    pub(crate) fn clone_stream(&self) -> TcpStream {
        self.stream.get_ref().try_clone().expect("a connection")
    }

    pub(crate) fn finish_sending(&self) {
        // The server may have closed it already.
        let _ = self.stream.get_ref().shutdown(Shutdown::Write);
    }

    pub(crate) fn get(&mut self, path: &str) -> Answer {
        self.get_with(path, "")
    }

    /// With more headers, each with its line end.
    pub(crate) fn get_with(&mut self, path: &str, headers: &str) -> Answer {
        self.send(format!("GET {path} HTTP/1.1\r\nhost: x\r\n{headers}\r\n"));
        self.answer()
    }

    pub(crate) fn post(&mut self, path: &str, body: &[u8]) -> Answer {
        self.post_with(path, body, "")
    }

    pub(crate) fn post_with(&mut self, path: &str, body: &[u8], headers: &str) -> Answer {
        let length = body.len();
        self.send(format!("POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n{headers}\r\n"));
        self.send(body);
        self.answer()
    }

    /// The next answer.
    pub(crate) fn answer(&mut self) -> Answer {
        self.try_answer(true).expect("an answer")
    }

    /// The next answer, if there is a whole one; `has_body` is false for answers to `HEAD`.
    pub(crate) fn try_answer(&mut self, has_body: bool) -> Option<Answer> {
        let status = self.line()?;
        let mut parts = status.split(' ');
        assert!(parts.next().is_some_and(|version| version.starts_with("HTTP/1.")), "{status}");
        let status: u16 = parts.next()?.parse().expect("a status");
        let mut answer = Answer { status, headers: Vec::new(), body: Vec::new() };
        loop {
            let line = self.line()?;
            let Some((name, value)) = line.split_once(':') else { break };
            answer.headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        if status == 100 {
            return self.try_answer(has_body);
        }
        if has_body {
            answer.body = self.body(&answer)?;
        }
        Some(answer)
    }

    fn body(&mut self, answer: &Answer) -> Option<Vec<u8>> {
        if answer.header("transfer-encoding") == Some("chunked") {
            return self.chunks();
        }
        let mut body = Vec::new();
        match answer.header("content-length") {
            Some(length) => {
                body.resize(length.parse().expect("a length"), 0);
                self.stream.read_exact(&mut body).ok()?;
            }
            None => drop(self.stream.read_to_end(&mut body).ok()?),
        }
        Some(body)
    }

    fn chunks(&mut self) -> Option<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let length = usize::from_str_radix(&self.line()?, 16).expect("the length of a chunk");
            let start = body.len();
            body.resize(start + length, 0);
            self.stream.read_exact(&mut body[start..]).ok()?;
            assert_eq!(self.line()?, "", "a chunk ends");
            if length == 0 {
                return Some(body);
            }
        }
    }

    fn line(&mut self) -> Option<String> {
        let mut line = Vec::new();
        match self.stream.read_until(b'\n', &mut line) {
            Ok(_) if line.ends_with(b"\r\n") => {
                line.truncate(line.len() - 2);
                Some(String::from_utf8(line).expect("text"))
            }
            Ok(_) => None,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                unreachable!("the server neither answers nor closes")
            }
            Err(_) => None,
        }
    }

    /// Whether the server has closed the connection, once it does. What it sends before is dropped.
    pub(crate) fn is_closed(&mut self) -> bool {
        let mut rest = Vec::new();
        match self.stream.read_to_end(&mut rest) {
            Ok(_) => true,
            Err(error) => !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
        }
    }
}
