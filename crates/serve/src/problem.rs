//! What is answered where there is no answer: a status, a six-digit code that begins with it, and sentences.

use crate::reply::{Payload, Reply};
use hyper::StatusCode;
use hyper::header::{ALLOW, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use rapsheet_json::string;
use rapsheet_snapshot::ParseError;

/// An error, as a client sees it.
#[derive(Debug)]
pub(crate) struct Problem {
    pub(crate) code: u32,
    pub(crate) message: String,
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// The codes that clients act on; others are a status and 001.
pub(crate) mod codes {
    pub(crate) const UNUSABLE: u32 = 400_001;
    pub(crate) const OTHER_KIND: u32 = 400_002;
    pub(crate) const BAD_BODY: u32 = 400_003;
    pub(crate) const TOO_MANY: u32 = 400_004;
    pub(crate) const BAD_PARAMETER: u32 = 400_005;
    pub(crate) const TOO_WIDE: u32 = 400_006;
    pub(crate) const BAD_REQUEST: u32 = 400_007;
    /// The vendor's code.
    pub(crate) const EMPTY_BODY: u32 = 400_145;
    pub(crate) const NO_KEY: u32 = 401_001;
    pub(crate) const WRONG_KEY: u32 = 401_006;
    pub(crate) const NO_PATH: u32 = 404_001;
    pub(crate) const METHOD: u32 = 405_001;
    pub(crate) const BODY_TOO_LONG: u32 = 413_001;
    pub(crate) const TARGET_TOO_LONG: u32 = 414_001;
    /// The vendor's code.
    pub(crate) const QUOTA: u32 = 429_001;
    pub(crate) const RATE: u32 = 429_002;
    pub(crate) const HEADERS_TOO_LONG: u32 = 431_001;
    pub(crate) const NO_SNAPSHOT: u32 = 503_001;
    pub(crate) const OLD_SNAPSHOT: u32 = 503_002;
    pub(crate) const BUSY: u32 = 503_003;
}

impl Problem {
    pub(crate) fn new(code: u32, message: impl Into<String>) -> Problem {
        Problem { code, message: message.into(), headers: Vec::new() }
    }

    /// More than fits at the moment.
    pub(crate) fn busy(message: &str) -> Problem {
        Problem::new(codes::BUSY, message).with(RETRY_AFTER, "1")
    }

    pub(crate) fn method(allowed: &str) -> Problem {
        Problem::new(codes::METHOD, format!("this path takes {allowed}")).with(ALLOW, allowed)
    }

    /// A key that is missing or wrong; `asks` makes a browser ask for it.
    pub(crate) fn key(is_missing: bool, asks: bool) -> Problem {
        let problem = match is_missing {
            true => Problem::new(codes::NO_KEY, "this server wants a key: send the header `apikey: KEY`"),
            false => Problem::new(codes::WRONG_KEY, "this key is not one of this server's"),
        };
        if asks { problem.with(WWW_AUTHENTICATE, "Basic realm=\"rapsheet\"") } else { problem }
    }

    pub(crate) fn body_too_long() -> Problem {
        let limit = crate::limits::BODY_BYTES;
        let message = format!("a body may have {limit} bytes; send the rest in another request");
        Problem::new(codes::BODY_TOO_LONG, message)
    }

    pub(crate) fn with_value(mut self, name: HeaderName, value: HeaderValue) -> Problem {
        self.headers.push((name, value));
        self
    }

    /// With one more header. A value that is none is left out.
    pub(crate) fn with(mut self, name: HeaderName, value: &str) -> Problem {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.push((name, value));
        }
        self
    }

    /// What stands for an answer of hyper's to a request that it cannot parse.
    pub(crate) fn unparsed(answer: &[u8]) -> Problem {
        let status = answer.get(9..12).unwrap_or_default();
        match status {
            b"414" => Problem::target_too_long(),
            b"431" => {
                let limit = crate::limits::HEADER_BYTES;
                Problem::new(
                    codes::HEADERS_TOO_LONG,
                    format!("the request line and the headers may have {limit} bytes, and 100 headers"),
                )
            }
            _ => Problem::new(codes::BAD_REQUEST, "this is no HTTP/1.1 request"),
        }
    }

    pub(crate) fn target_too_long() -> Problem {
        let limit = crate::limits::TARGET_BYTES;
        let message = format!("a path may have {limit} bytes; send a longer indicator in the body of a POST");
        Problem::new(codes::TARGET_TOO_LONG, message)
    }

    pub(crate) fn status(&self) -> StatusCode {
        u16::try_from(self.code / 1000)
            .ok()
            .and_then(|status| StatusCode::from_u16(status).ok())
            .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// The body.
    pub(crate) fn body(&self) -> Vec<u8> {
        let mut text = b"{\"success\":false,".to_vec();
        push_error(self.code, &self.message, &mut text);
        text.extend_from_slice(b"}\n");
        text
    }

    pub(crate) fn into_reply(self) -> Reply {
        let mut reply = Reply::json(Payload::whole(self.body()));
        reply.status = self.status();
        reply.headers = self.headers;
        reply
    }

    /// The whole answer, for a connection that is closed after it.
    pub(crate) fn to_wire(&self) -> Vec<u8> {
        let (status, body) = (self.status(), self.body());
        let mut text = format!(
            "HTTP/1.1 {} {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n",
            status.as_str(),
            status.canonical_reason().unwrap_or_default(),
            body.len()
        )
        .into_bytes();
        for (name, value) in &self.headers {
            text.extend_from_slice(name.as_str().as_bytes());
            text.extend_from_slice(b": ");
            text.extend_from_slice(value.as_bytes());
            text.extend_from_slice(b"\r\n");
        }
        text.extend_from_slice(b"\r\n");
        text.extend_from_slice(&body);
        text
    }
}

/// Why a text is no indicator, in the words of look-ups.
pub(crate) fn unusable_message(why: ParseError) -> String {
    format!("not an indicator: {}: {}", why.word(), why.about())
}

/// Appends the member `error`.
pub(crate) fn push_error(code: u32, message: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(format!("\"error\":{{\"code\":{code},\"messages\":[").as_bytes());
    string(message.as_bytes(), out);
    out.extend_from_slice(b"]}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_has_the_shape_of_the_contract() {
        let problem = Problem::method("GET, \"HEAD\"");
        assert_eq!(problem.status(), StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(
            String::from_utf8(problem.body()).expect("text"),
            "{\"success\":false,\"error\":{\"code\":405001,\"messages\":[\"this path takes GET, \\\"HEAD\\\"\"]}}\n"
        );
        let wire = String::from_utf8(problem.to_wire()).expect("text");
        assert!(wire.starts_with("HTTP/1.1 405 Method Not Allowed\r\n") && wire.contains("\r\nallow: GET,"));
    }

    #[test]
    fn an_answer_of_hypers_keeps_its_status() {
        for (answer, code) in [
            ("HTTP/1.1 431 Request Header Fields Too Large\r\n", codes::HEADERS_TOO_LONG),
            ("HTTP/1.1 414 URI Too Long\r\n", codes::TARGET_TOO_LONG),
            ("HTTP/1.1 400 Bad Request\r\n", codes::BAD_REQUEST),
            ("", codes::BAD_REQUEST),
        ] {
            assert_eq!(Problem::unparsed(answer.as_bytes()).code, code);
        }
    }
}
