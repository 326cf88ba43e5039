//! What is asked: text as people paste it, read into canonical indicators.
//!
//! A question may be defanged, bracketed, or carry a port. Many questions share one buffer, so that a scorer
//! that asks millions of them allocates for none.

use rapsheet_snapshot::host::{self, Host};
use rapsheet_snapshot::refang::refang;
use rapsheet_snapshot::{Address, AddressRange, Kinds, ParseError, address, url};
use std::ops::Range;

/// One question, pointing into its [`Questions`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// Who lists this address?
    Address(Address),
    /// Who lists anything that overlaps these addresses?
    Range(AddressRange),
    /// Who lists this name, or an ancestor with all below it?
    Name(NameRef),
    /// Who lists this URL, or its host?
    Url {
        /// The canonical URL in the buffer.
        text: Range<usize>,
        /// Where the URL without its scheme begins in the buffer: a list may name it so.
        schemeless: Range<usize>,
        /// Its host.
        host: HostRef,
    },
}

/// A name in the buffer, twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameRef {
    /// As people write it.
    pub text: Range<usize>,
    /// With its bytes reversed, as the index holds it.
    pub reversed: Range<usize>,
}

/// The host of a URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostRef {
    /// An address.
    Address(Address),
    /// A name.
    Name(NameRef),
}

/// Questions and the buffer that their texts stand in.
#[derive(Clone, Debug, Default)]
pub struct Questions {
    buffer: Vec<u8>,
    list: Vec<Question>,
}

impl Questions {
    /// No questions.
    pub fn new() -> Questions {
        Questions::default()
    }

    /// Forgets all questions and keeps the memory.
    pub fn clear(&mut self) {
        self.buffer.clear();
        self.list.clear();
    }

    /// The questions, in the order in which they were asked.
    pub fn list(&self) -> &[Question] {
        &self.list
    }

    /// The bytes of a name or URL.
    pub fn bytes(&self, at: &Range<usize>) -> &[u8] {
        self.buffer.get(at.clone()).unwrap_or(&[])
    }

    /// Asks of an indicator in any spelling that people use.
    pub fn push(&mut self, text: &[u8]) -> Result<(), ParseError> {
        let text = refang(text.trim_ascii());
        let mark = (self.buffer.len(), self.list.len());
        let result = self.read(&text);
        if result.is_err() {
            self.buffer.truncate(mark.0);
            self.list.truncate(mark.1);
        }
        result
    }

    /// Asks of an address.
    pub fn push_address(&mut self, address: Address) {
        self.list.push(Question::Address(address));
    }

    /// Asks of a name in canonical form.
    pub fn push_name(&mut self, canonical: &[u8]) {
        let at = self.buffer.len();
        self.buffer.extend_from_slice(canonical);
        let name = self.add_reversed(at..self.buffer.len());
        self.list.push(Question::Name(name));
    }

    fn read(&mut self, text: &[u8]) -> Result<(), ParseError> {
        match shape(text) {
            Shape::Url => self.read_url(text),
            Shape::Addresses => {
                let read = AddressRange::parse(text)?;
                self.list.push(as_question(read.range));
                Ok(())
            }
            Shape::Host => {
                let (host, _port) = address::split_port(text)?;
                self.read_host(host)
            }
        }
    }

    fn read_host(&mut self, text: &[u8]) -> Result<(), ParseError> {
        let at = self.buffer.len();
        match host::canonical(text, &mut self.buffer)? {
            Host::Address(address) => self.push_address(address),
            Host::Name => {
                let name = self.add_reversed(at..self.buffer.len());
                self.list.push(Question::Name(name));
            }
        }
        Ok(())
    }

    fn read_url(&mut self, text: &[u8]) -> Result<(), ParseError> {
        let at = self.buffer.len();
        let url = url::canonical(text, &mut self.buffer)?;
        let text = at..self.buffer.len();
        let slashes = self.bytes(&text).iter().position(|byte| *byte == b'/').unwrap_or(0);
        let host = match url.host {
            Host::Address(address) => HostRef::Address(address),
            Host::Name => HostRef::Name(self.add_reversed(url.host_at)),
        };
        self.list.push(Question::Url { schemeless: at + slashes..text.end, text, host });
        Ok(())
    }

    fn add_reversed(&mut self, text: Range<usize>) -> NameRef {
        let at = self.buffer.len();
        self.buffer.extend_from_within(text.clone());
        self.buffer.get_mut(at..).unwrap_or_default().reverse();
        NameRef { text, reversed: at..self.buffer.len() }
    }

    /// The canonical text of a question.
    pub fn text(&self, question: &Question) -> String {
        match question {
            Question::Address(address) => address.to_string(),
            Question::Range(range) => range.to_string(),
            Question::Name(name) => String::from_utf8_lossy(self.bytes(&name.text)).into_owned(),
            Question::Url { text, .. } => String::from_utf8_lossy(self.bytes(text)).into_owned(),
        }
    }
}

impl Question {
    /// The kinds of feed that can answer it.
    pub fn kinds(&self) -> Kinds {
        match self {
            Question::Address(address) => kind_of(address),
            Question::Range(AddressRange::V4 { .. }) => Kinds::IPV4,
            Question::Range(AddressRange::V6 { .. }) => Kinds::IPV6,
            Question::Name(_) => Kinds::NAME,
            Question::Url { host: HostRef::Address(address), .. } => Kinds::URL.union(kind_of(address)),
            Question::Url { host: HostRef::Name(_), .. } => Kinds::URL.union(Kinds::NAME),
        }
    }

    /// `ipv4`, `ipv6`, `domain` or `url`.
    pub fn type_word(&self) -> &'static str {
        match self {
            Question::Address(Address::V4(_)) | Question::Range(AddressRange::V4 { .. }) => "ipv4",
            Question::Address(Address::V6(_)) | Question::Range(AddressRange::V6 { .. }) => "ipv6",
            Question::Name(_) => "domain",
            Question::Url { .. } => "url",
        }
    }
}

fn kind_of(address: &Address) -> Kinds {
    match address {
        Address::V4(_) => Kinds::IPV4,
        Address::V6(_) => Kinds::IPV6,
    }
}

fn as_question(range: AddressRange) -> Question {
    match range {
        AddressRange::V4 { first, last } if first == last => Question::Address(Address::V4(first)),
        AddressRange::V6 { first, last } if first == last => Question::Address(Address::V6(first)),
        range => Question::Range(range),
    }
}

enum Shape {
    Url,
    Addresses,
    Host,
}

/// What a text means to be: a slash makes a URL unless a prefix length follows an address.
fn shape(text: &[u8]) -> Shape {
    let slash = text.iter().position(|byte| *byte == b'/');
    let head = slash.and_then(|at| text.get(..at)).unwrap_or(text);
    let colons = head.iter().filter(|byte| **byte == b':').count();
    let numeric = host::ends_in_number(head) && colons == 0 || colons > 1;
    let prefix = slash.is_some_and(|at| {
        text.get(at + 1..).is_some_and(|tail| !tail.contains(&b'/') && !tail.contains(&b'.'))
    });
    match slash {
        Some(_) if numeric && prefix && !text.starts_with(b"[") => Shape::Addresses,
        Some(_) => Shape::Url,
        None if is_address_range(text) || text.starts_with(b"[") || colons > 1 => Shape::Addresses,
        None => Shape::Host,
    }
}

/// Two ends with a dash between, both made of what addresses are made of: `1.2-evil.example.com` is a name.
fn is_address_range(text: &[u8]) -> bool {
    let quad =
        |end: &[u8]| end.contains(&b'.') && end.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.');
    let group = |byte: &u8| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.');
    let v6 = |end: &[u8]| end.contains(&b':') && end.iter().all(group);
    let Some(dash) = text.iter().position(|byte| *byte == b'-') else { return false };
    let (first, last) = text.split_at_checked(dash).unwrap_or((text, &[]));
    let [first, last] = [first, last.get(1..).unwrap_or(&[])].map(<[u8]>::trim_ascii);
    (quad(first) || v6(first)) && (quad(last) || v6(last))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(text: &str) -> Result<(String, &'static str), ParseError> {
        let mut questions = Questions::new();
        questions.push(text.as_bytes())?;
        let question = questions.list()[0].clone();
        Ok((questions.text(&question), question.type_word()))
    }

    #[test]
    fn every_spelling_is_one_question() {
        for (text, canonical, kind) in [
            ("45.9.20.5", "45.9.20.5", "ipv4"),
            (" 45[.]9[.]20[.]5:443 ", "45.9.20.5", "ipv4"),
            ("45.9.20.0/24", "45.9.20.0/24", "ipv4"),
            ("45.9.20.4-45.9.20.9", "45.9.20.4-45.9.20.9", "ipv4"),
            ("[2001:980::1]:443", "2001:980::1", "ipv6"),
            ("2001:980::/32", "2001:980::/32", "ipv6"),
            ("::ffff:45.9.20.5", "45.9.20.5", "ipv4"),
            ("Evil-Panel[.]com.", "evil-panel.com", "domain"),
            ("evilpanel.com:8443", "evilpanel.com", "domain"),
            ("1.2-evil.example.com", "1.2-evil.example.com", "domain"),
            ("hxxps://EvilPanel[.]com/Gate.php", "https://evilpanel.com/Gate.php", "url"),
            ("45.9.20.5/gate.php", "//45.9.20.5/gate.php", "url"),
            ("http://[2001:980::1]:80/x", "http://[2001:980::1]/x", "url"),
        ] {
            assert_eq!(ask(text), Ok((canonical.to_owned(), kind)), "{text}");
        }
    }

    #[test]
    fn what_is_no_indicator_says_why() {
        for (text, refusal) in [
            ("010.0.0.1", ParseError::LeadingZero),
            ("localhost", ParseError::SingleLabel),
            ("1.2.3.4/33", ParseError::BadPrefix),
            ("not an indicator", ParseError::BadHost),
            ("", ParseError::BadLabel),
        ] {
            assert_eq!(ask(text), Err(refusal), "{text}");
        }
    }
}
