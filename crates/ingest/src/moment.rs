//! The instants that feeds write, in the shapes in which they write them.

use snapshot::Time;

/// Reads a time; `None` where it is none, or none that has one meaning.
pub fn parse(text: &[u8]) -> Option<Time> {
    let text = std::str::from_utf8(text).ok()?;
    let text = text.trim();
    Time::parse_rfc3339(text).or_else(|| Time::parse_rfc3339(&format!("{}Z", text.trim_end_matches(" UTC"))))
}
