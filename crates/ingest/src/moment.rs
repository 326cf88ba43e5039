//! The instants that feeds write, in the shapes in which they write them.

use snapshot::Time;

/// Reads a time; `None` where it is none, or none that has one meaning.
pub fn parse(text: &[u8]) -> Option<Time> {
    let text = std::str::from_utf8(text).ok()?;
    let text = text.trim();
    Time::parse_rfc3339(text).or_else(|| Time::parse_rfc3339(&format!("{}Z", text.trim_end_matches(" UTC"))))
}

/// A span of time such as `15d`, `12h`, `30m`, `90s` or `2w`, in seconds.
pub fn span_seconds(text: &str) -> Option<i64> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        "w" => 604_800,
        _ => return None,
    };
    number.parse::<u32>().ok().map(|number| i64::from(number) * seconds)
}
