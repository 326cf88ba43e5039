//! Parsing a question: text as people paste it becomes a canonical indicator.
//!
//! A question may be defanged (`hxxp`, `[.]`), bracketed, or carry a port. All questions of a batch share one
//! text buffer, so that a scorer that reads millions of them allocates for none.

use rapsheet_snapshot::host::{self, Host};
use rapsheet_snapshot::refang::refang;
use rapsheet_snapshot::{Address, AddressRange, Kinds, ParseError, address, url};
use std::fmt;
use std::ops::Range;

/// One question of a [`Batch`](crate::Batch): an address, a range, a name or a URL in canonical form.
///
/// Its [`Display`](fmt::Display) form is the canonical text.
///
/// ```
/// # use rapsheet_query::Batch;
/// let mut batch = Batch::new();
/// batch.push("hxxps://EvilPanel[.]com:443/Gate.php")?;
/// let question = batch.iter().next().expect("one question");
/// assert_eq!(question.to_string(), "https://evilpanel.com/Gate.php");
/// assert_eq!(question.type_word(), "url");
/// # Ok::<(), rapsheet_query::ParseError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Question<'b> {
    pub(crate) questions: &'b Questions,
    pub(crate) item: &'b Item,
}

/// A question, as positions in the buffer of its [`Questions`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Item {
    /// Matches every listed address, prefix and range that covers it.
    Address(Address),
    /// Matches every listed address, prefix and range that overlaps it.
    Range(AddressRange),
    /// Matches the name, and those of its ancestors that are listed with all names below them.
    Name(NameRef),
    /// Matches the URL, with its scheme or without, and its host.
    Url {
        /// The canonical URL.
        text: Range<usize>,
        /// The URL from its `//` on: some lists name URLs without a scheme.
        schemeless: Range<usize>,
        /// Its host.
        host: HostRef,
    },
}

/// A name, which is in the buffer twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NameRef {
    /// As it is written.
    pub(crate) text: Range<usize>,
    /// With its bytes reversed, as the index holds it.
    pub(crate) reversed: Range<usize>,
}

/// The host of a URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum HostRef {
    Address(Address),
    Name(NameRef),
}

/// Questions and the buffer that holds their texts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Questions {
    buffer: Vec<u8>,
    items: Vec<Item>,
}

impl Questions {
    /// Removes all questions and keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.buffer.clear();
        self.items.clear();
    }

    pub(crate) fn len(&self) -> usize {
        self.items.len()
    }

    /// The questions, in the order in which they were pushed.
    pub(crate) fn items(&self) -> &[Item] {
        &self.items
    }

    pub(crate) fn get(&self, at: usize) -> Option<Question<'_>> {
        self.items.get(at).map(|item| Question { questions: self, item })
    }

    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = Question<'_>> + DoubleEndedIterator {
        self.items.iter().map(|item| Question { questions: self, item })
    }

    /// The bytes of a name or URL.
    pub(crate) fn bytes(&self, at: &Range<usize>) -> &[u8] {
        self.buffer.get(at.clone()).unwrap_or(&[])
    }

    /// Adds the question in `text`.
    pub(crate) fn push(&mut self, text: &[u8]) -> Result<(), ParseError> {
        let item = self.read(text)?;
        self.items.push(item);
        Ok(())
    }

    pub(crate) fn push_address(&mut self, address: Address) {
        self.items.push(Item::Address(address));
    }

    /// Reads a question and puts its texts into the buffer, but does not add it to the list. A text that is
    /// refused leaves the buffer as it was.
    pub(crate) fn read(&mut self, text: &[u8]) -> Result<Item, ParseError> {
        let text = text.trim_ascii();
        // A bare IPv4 address, which most questions of a batch are. No other parser reads the text as anything else.
        if let Some(address) = address::plain_v4(text) {
            return Ok(Item::Address(Address::V4(address)));
        }
        let text = refang(text);
        let start = self.buffer.len();
        let result = self.read_refanged(&text);
        if result.is_err() {
            self.buffer.truncate(start);
        }
        result
    }

    fn read_refanged(&mut self, text: &[u8]) -> Result<Item, ParseError> {
        match kind_of_text(text) {
            TextKind::Url => self.read_url(text),
            TextKind::Addresses => AddressRange::parse(text).map(|read| item_of(read.range)),
            TextKind::Host => {
                let (host, _port) = address::split_port(text)?;
                self.read_host(host)
            }
        }
    }

    fn read_host(&mut self, text: &[u8]) -> Result<Item, ParseError> {
        let start = self.buffer.len();
        Ok(match host::canonical(text, &mut self.buffer)? {
            Host::Address(address) => Item::Address(address),
            Host::Name => Item::Name(self.add_reversed(start..self.buffer.len())),
        })
    }

    fn read_url(&mut self, text: &[u8]) -> Result<Item, ParseError> {
        let start = self.buffer.len();
        let url = url::canonical(text, &mut self.buffer)?;
        let text = start..self.buffer.len();
        let slashes = self.bytes(&text).iter().position(|byte| *byte == b'/').unwrap_or(0);
        let host = match url.host {
            Host::Address(address) => HostRef::Address(address),
            Host::Name => HostRef::Name(self.add_reversed(url.host_at)),
        };
        Ok(Item::Url { schemeless: start + slashes..text.end, text, host })
    }

    /// Appends the bytes of a name in reverse order.
    fn add_reversed(&mut self, text: Range<usize>) -> NameRef {
        let start = self.buffer.len();
        self.buffer.extend_from_within(text.clone());
        self.buffer.get_mut(start..).unwrap_or_default().reverse();
        NameRef { text, reversed: start..self.buffer.len() }
    }
}

/// The name of a question that is a name or a URL with one as its host.
pub(crate) fn name_of(item: &Item) -> Option<&NameRef> {
    match item {
        Item::Name(name) | Item::Url { host: HostRef::Name(name), .. } => Some(name),
        _ => None,
    }
}

impl Question<'_> {
    /// The type of the indicator: `ipv4`, `ipv6`, `domain` or `url`.
    pub fn type_word(&self) -> &'static str {
        match self.item {
            Item::Address(Address::V4(_)) | Item::Range(AddressRange::V4 { .. }) => "ipv4",
            Item::Address(Address::V6(_)) | Item::Range(AddressRange::V6 { .. }) => "ipv6",
            Item::Name(_) => "domain",
            Item::Url { .. } => "url",
        }
    }

    /// The range, where the question is one.
    #[doc(hidden)]
    pub fn range(&self) -> Option<AddressRange> {
        match self.item {
            Item::Range(range) => Some(*range),
            _ => None,
        }
    }

    /// Calls `visit` with the canonical text.
    pub(crate) fn with_text(&self, visit: impl FnOnce(&[u8])) {
        let mut digits = AddressText::default();
        visit(match self.item {
            Item::Address(address) => digits.write(address),
            Item::Range(range) => digits.write(range),
            Item::Name(name) => self.questions.bytes(&name.text),
            Item::Url { text, .. } => self.questions.bytes(text),
        });
    }

    /// The canonical text.
    pub(crate) fn text(&self) -> String {
        let at = match self.item {
            Item::Address(address) => return address.to_string(),
            Item::Range(range) => return range.to_string(),
            Item::Name(name) => &name.text,
            Item::Url { text, .. } => text,
        };
        String::from_utf8_lossy(self.questions.bytes(at)).into_owned()
    }
}

/// Room for the text of an address or a range, so that none is allocated.
struct AddressText {
    bytes: [u8; ADDRESS_TEXT_MAX],
    len: usize,
}

/// The longest text of a range: two IPv6 addresses and a hyphen.
const ADDRESS_TEXT_MAX: usize = 2 * 45 + 1;

impl Default for AddressText {
    fn default() -> AddressText {
        AddressText { bytes: [0; ADDRESS_TEXT_MAX], len: 0 }
    }
}

impl AddressText {
    fn write(&mut self, address: &impl fmt::Display) -> &[u8] {
        // Cannot fail: there is room for every text.
        let _ = fmt::Write::write_fmt(self, format_args!("{address}"));
        self.bytes.get(..self.len).unwrap_or(&[])
    }
}

impl fmt::Write for AddressText {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let place = self.bytes.get_mut(self.len..self.len + text.len()).ok_or(fmt::Error)?;
        place.copy_from_slice(text.as_bytes());
        self.len += text.len();
        Ok(())
    }
}

impl fmt::Display for Question<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

impl Item {
    /// The kinds of indicator that a feed must list to answer this question. A URL is answered by lists of
    /// its host, too.
    pub(crate) fn kinds(&self) -> Kinds {
        match self {
            Item::Address(address) => kind_of(address),
            Item::Range(AddressRange::V4 { .. }) => Kinds::IPV4,
            Item::Range(AddressRange::V6 { .. }) => Kinds::IPV6,
            Item::Name(_) => Kinds::NAME,
            Item::Url { host: HostRef::Address(address), .. } => Kinds::URL.union(kind_of(address)),
            Item::Url { host: HostRef::Name(_), .. } => Kinds::URL.union(Kinds::NAME),
        }
    }
}

fn kind_of(address: &Address) -> Kinds {
    match address {
        Address::V4(_) => Kinds::IPV4,
        Address::V6(_) => Kinds::IPV6,
    }
}

/// A range of one address is an address.
fn item_of(range: AddressRange) -> Item {
    if range.is_single() { Item::Address(range.first()) } else { Item::Range(range) }
}

/// Which parser a text is for.
enum TextKind {
    Url,
    Addresses,
    Host,
}

/// Guesses the kind of a text from its punctuation, without parsing it. A slash makes a URL, unless the text
/// before it looks like an address and the text after it like a prefix length.
fn kind_of_text(text: &[u8]) -> TextKind {
    let slash = text.iter().position(|byte| *byte == b'/');
    let head = slash.and_then(|at| text.get(..at)).unwrap_or(text);
    let colons = head.iter().filter(|byte| **byte == b':').count();
    let numeric = host::ends_in_number(head) && colons == 0 || colons > 1;
    let prefix = slash.is_some_and(|at| {
        text.get(at + 1..).is_some_and(|tail| !tail.contains(&b'/') && !tail.contains(&b'.'))
    });
    match slash {
        Some(_) if numeric && prefix && !text.starts_with(b"[") => TextKind::Addresses,
        Some(_) => TextKind::Url,
        None if is_address_range(text) || text.starts_with(b"[") || colons > 1 => TextKind::Addresses,
        None => TextKind::Host,
    }
}

/// Whether a dash joins two texts that consist of address characters alone. `1.2-evil.example.com` does not
/// qualify: it is a name.
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

    fn read(text: &str) -> Result<(String, &'static str), ParseError> {
        let mut questions = Questions::default();
        questions.push(text.as_bytes())?;
        let question = questions.get(0).expect("it was pushed");
        Ok((question.to_string(), question.type_word()))
    }

    #[test]
    fn reads_every_spelling_into_its_canonical_form() {
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
            assert_eq!(read(text), Ok((canonical.to_owned(), kind)), "{text}");
        }
    }

    #[test]
    fn refuses_other_text_with_a_reason() {
        for (text, reason) in [
            ("010.0.0.1", ParseError::LeadingZero),
            ("localhost", ParseError::SingleLabel),
            ("1.2.3.4/33", ParseError::BadPrefix),
            ("not an indicator", ParseError::BadHost),
            ("", ParseError::BadLabel),
        ] {
            assert_eq!(read(text), Err(reason), "{text}");
        }
    }

    #[test]
    fn a_refused_text_leaves_no_bytes_behind() {
        let mut questions = Questions::default();
        assert!(questions.push(b"http://evil panel.com/").is_err());
        assert!(questions.buffer.is_empty() && questions.items.is_empty());
    }
}
