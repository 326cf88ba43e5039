//! ArcSight's Common Event Format: a header between bars, then keys and values, whose values contain blanks.

use super::Kind;
use super::pairs::{self, PairFormat, VisitPair};

/// The row of this kind.
pub(super) static KIND: Kind = Kind {
    name: "cef",
    aliases: &[],
    description: "Common Event Format (CEF)",
    detect: |head| FORMAT.detect(head),
    new_log: |_| FORMAT.log(),
    reshape: None,
};

static FORMAT: PairFormat =
    PairFormat { read, times: &["rt", "end", "start", "deviceReceiptTime", "endTime", "startTime"] };
const HEADER: [&str; 6] =
    ["device_vendor", "device_product", "device_version", "signature_id", "name", "severity"];

/// `Nov 27 10:00:00 host CEF:0|vendor|product|1.0|100|a name|5|src=192.0.2.9 msg=some text`.
fn read(line: &[u8], visit: &mut VisitPair<'_>) -> Option<()> {
    let start = pairs::behind_mark(line, b"CEF:")?;
    let extension = pairs::header(line, start, &HEADER, visit)?;
    pairs::with_blanks(line, extension, visit);
    Some(())
}
