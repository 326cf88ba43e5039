//! AWS VPC flow logs, versions 2 to 5: words between blanks, below a header or, without one, the fourteen
//! columns of version 2. An empty cell is `-` (NODATA, SKIPDATA).

use super::delimited::{BLANKS, Columns};
use super::{Kind, Log, first_line};

/// The row of this kind.
pub(super) static KIND: Kind = Kind {
    name: "vpcflow",
    aliases: &["vpc"],
    description: "AWS VPC flow logs",
    detect: |head| has_header(head) || is_default(head),
    new_log: |head| Log::new(columns(head)),
    reshape: None,
};

/// The columns of a log without a header.
const DEFAULT: [&str; 14] = [
    "version",
    "account-id",
    "interface-id",
    "srcaddr",
    "dstaddr",
    "srcport",
    "dstport",
    "protocol",
    "packets",
    "bytes",
    "start",
    "end",
    "action",
    "log-status",
];
/// The column in front of them in exports from CloudWatch.
const EXPORTED: &str = "timestamp";

fn columns(head: &[u8]) -> Columns {
    let is_exported = words(head).count() > DEFAULT.len();
    if has_header(head) {
        return Columns::read(&BLANKS, head);
    }
    Columns::with_names(&BLANKS, is_exported.then_some(EXPORTED).into_iter().chain(DEFAULT))
}

fn words(head: &[u8]) -> impl Iterator<Item = &[u8]> {
    first_line(head).split(|byte| *byte == b' ')
}

/// Whether the first line names columns, among them one of an address.
fn has_header(head: &[u8]) -> bool {
    let is_name = |word: &[u8]| {
        !word.is_empty()
            && word.iter().all(|byte| byte.is_ascii_lowercase() || *byte == b'-' || byte.is_ascii_digit())
    };
    let is_known =
        |word: &[u8]| [b"srcaddr".as_slice(), b"dstaddr", b"pkt-srcaddr", b"pkt-dstaddr"].contains(&word);
    words(head).count() > 1 && words(head).all(is_name) && words(head).any(is_known)
}

/// Whether the first line has the columns of version 2.
fn is_default(head: &[u8]) -> bool {
    let words: Vec<&[u8]> = words(head).collect();
    let words = match words.as_slice() {
        [first, rest @ ..] if rest.len() == DEFAULT.len() && first.ends_with(b"Z") => rest,
        words => words,
    };
    let is_number = |word: &[u8]| !word.is_empty() && word.iter().all(u8::is_ascii_digit);
    let [version, account, _, _, _, _, _, _, _, _, start, end, action, status] = words else { return false };
    matches!(version, [b'2'..=b'9'])
        && (is_number(account) || *account == b"unknown")
        && is_number(start)
        && is_number(end)
        && [b"ACCEPT".as_slice(), b"REJECT", b"-"].contains(action)
        && [b"OK".as_slice(), b"NODATA", b"SKIPDATA"].contains(status)
}
