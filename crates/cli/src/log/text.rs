//! Lines of text: a remark is words behind the line, as `key=value`, and a line without one stays as it is.

use super::{REMARKS, Remark};

/// Puts a line and its remark.
pub(super) fn annotate(line: &[u8], remark: &Remark<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(line);
    if remark.status.is_none() {
        return;
    }
    for (name, cell) in REMARKS.iter().zip(remark.cells((",", "%2C"), "-")) {
        out.extend_from_slice(format!(" {name}={cell}").as_bytes());
    }
}
