//! `firewalld-ipset`: a set of addresses in firewalld's XML.
//!
//! `<ipset type="hash:net"><entry>192.0.2.0/24</entry></ipset>`. Only the texts of `entry` elements are read: a
//! description may name addresses, too. What follows a comma in an entry narrows it: a port is kept, and an
//! entry with anything else, such as an interface or a mark, is skipped. A set of hardware addresses has no
//! indicator.
//!
//! The `quick-xml` crate reads the syntax, one event at a time, so no tree is built.

use super::{Format, Head, OpenError, Shape};
use crate::download::refusal::FileRefusal;
use crate::entry::{Details, Normalizer, Skip};
use crate::format::options::Options;
use crate::format::token;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use rapsheet_snapshot::Kinds;

/// The row of the table.
pub(super) static FORMAT: Format = Format {
    id: "firewalld-ipset",
    about: "firewalld's XML of an ipset: <ipset><entry>192.0.2.0/24</entry></ipset>",
    example: "<ipset type=\"hash:net\"><entry>192.0.2.0/24</entry></ipset>",
    kinds: Kinds::ADDRESS,
    shape: Shape::Document(read),
    ..Format::DEFAULT
};

/// The longest text of an entry that is kept, in bytes. No entry comes near it.
const ENTRY_MAX: usize = 1 << 10;
/// How deep elements may lie in each other. The reader keeps the names of the open ones; a set has three.
const DEPTH_MAX: usize = 32;

fn read(_: &Options, whole: Head<'_>, normalizer: &mut Normalizer<'_>) -> Result<(), OpenError> {
    let mut reader = Reader::from_reader(whole.bytes);
    reader.config_mut().check_end_names = false;
    let mut entry: Option<Vec<u8>> = None;
    let (mut has_end, mut has_marks, mut depth) = (false, false, 0_usize);
    loop {
        let at = usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX);
        match reader.read_event() {
            Ok(Event::Start(_)) if depth == DEPTH_MAX => {
                return Err(FileRefusal::Truncated(format!("it nests more than {DEPTH_MAX} elements")).into());
            }
            Ok(Event::Start(tag)) => {
                depth += 1;
                has_marks |= is_of_marks(&tag);
                if tag.local_name().as_ref() == b"entry" {
                    normalizer.record_at(at);
                    entry = Some(Vec::new());
                }
            }
            Ok(Event::Text(piece)) => append(&mut entry, &piece),
            Ok(Event::CData(piece)) => append(&mut entry, &piece),
            Ok(Event::End(tag)) => {
                depth = depth.saturating_sub(1);
                has_end |= tag.local_name().as_ref() == b"ipset";
                entry.take().into_iter().for_each(|text| emit(text.trim_ascii(), has_marks, normalizer));
            }
            Ok(Event::Eof) if has_end => return Ok(()),
            Ok(Event::Eof) => return Err(FileRefusal::Truncated("the set has no end".to_owned()).into()),
            Ok(_) => {}
            Err(error) => return Err(FileRefusal::Truncated(error.to_string()).into()),
        }
    }
}

fn append(entry: &mut Option<Vec<u8>>, piece: &[u8]) {
    if let Some(text) = entry.as_mut().filter(|text| text.len() + piece.len() <= ENTRY_MAX) {
        text.extend_from_slice(piece);
    }
}

/// Whether an element is a set whose entries have a mark, which looks like a port: `type="hash:ip,mark"`.
fn is_of_marks(tag: &BytesStart<'_>) -> bool {
    let kind = tag.try_get_attribute("type").ok().flatten();
    tag.local_name().as_ref() == b"ipset" && kind.is_some_and(|kind| kind.value.ends_with(b",mark"))
}

/// Emits `192.0.2.7`, `192.0.2.7,tcp:80` or `192.0.2.7 nomatch`, which is an exception.
fn emit(text: &[u8], has_marks: bool, normalizer: &mut Normalizer<'_>) {
    let (element, flags) = token::first(text);
    let (address, narrowing) = token::split_once(element, b',').unwrap_or((element, &[]));
    let inverted = token::words(flags).any(|flag| flag == b"nomatch");
    let port = token::port(narrowing).filter(|_| !has_marks);
    if is_hardware_address(address) {
        normalizer.skip(Skip::UnsupportedKind);
    } else if port.is_none() && !narrowing.is_empty() {
        normalizer.skip(Skip::Conditional);
    } else {
        normalizer.address(address, &Details { inverted, port, ..Details::NONE });
    }
}

/// Whether a text is six pairs of hexadecimal digits.
fn is_hardware_address(text: &[u8]) -> bool {
    let pairs = text.split(|byte| *byte == b':');
    let is_pair = |pair: &[u8]| pair.len() == 2 && pair.iter().all(u8::is_ascii_hexdigit);
    text.len() == 17 && pairs.into_iter().all(is_pair)
}
