//! `plain-ip`: one address, prefix or range a line, and nothing else.
//!
//! The commonest format of all. Comments are whole lines (`#`, `;`, `//`) or follow a blank; a trailing comma or
//! semicolon belongs to the proxy lists that this format also reads. A name here is a mistake of the feed,
//! not a name: `C91.196.152.28` must not become a domain.

use super::{Format, LineReader, OpenError, Shape, header};
use crate::options::Options;
use crate::scribe::{Details, Scribe};
use crate::token;
use snapshot::Kinds;

/// The row of the table.
pub static FORMAT: Format = Format {
    id: "plain-ip",
    about: "one address, prefix or range a line",
    example: "192.0.2.0/24",
    kinds: Kinds::ADDRESS,
    options: &[],
    shape: Shape::Lines(open),
};

struct PlainIp;

fn open(_: &Options, _: &[u8]) -> Result<Box<dyn LineReader>, OpenError> {
    Ok(Box::new(PlainIp))
}

impl LineReader for PlainIp {
    fn line(&self, line: &[u8], scribe: &mut Scribe<'_>) {
        match token::comment(line) {
            Some(comment) => header::comment(comment, scribe),
            None => scribe.address(token::unwrap(token::before_comment(line)), &Details::NONE),
        }
    }
}
