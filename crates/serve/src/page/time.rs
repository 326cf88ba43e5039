//! Times: the instant, and how far it is from that of the answer.

use super::html::{Html, count};
use rapsheet_query::Time;

/// The instant of an answer. It is the present unless another one was asked for.
#[derive(Clone, Copy)]
pub(crate) struct Instant {
    pub(crate) at: Time,
    pub(crate) is_present: bool,
}

impl Instant {
    /// How far a time is from this instant, in words.
    pub(crate) fn distance(self, time: Time) -> String {
        let seconds = self.at.unix().saturating_sub(time.unix());
        let text = duration(seconds.saturating_abs());
        match (seconds < 0, self.is_present) {
            (_, true) if seconds.saturating_abs() < 60 => "just now".to_owned(),
            (false, true) => format!("{text} ago"),
            (false, false) => format!("{text} before"),
            (true, true) => format!("in {text}"),
            (true, false) => format!("{text} after"),
        }
    }

    /// A time and its distance, one below the other.
    pub(crate) fn both(self, time: Time, out: &mut Html) {
        absolute(time, out);
        out.markup(" <span class=\"age\">").text(&self.distance(time)).markup("</span>");
    }
}

/// A time, to the minute; to the second for programs.
pub(crate) fn absolute(time: Time, out: &mut Html) {
    let text = time.to_string();
    let (date, clock) = text.split_once('T').unwrap_or((&text, ""));
    out.markup("<time datetime=\"").text(&text).markup("\">").text(date).markup(" <span class=\"clock\">");
    out.text(clock.rsplit_once(':').map_or(clock, |(minutes, _)| minutes)).markup(" UTC</span></time>");
}

/// A time in the largest unit that leaves it at least two of them.
pub(crate) fn duration(seconds: i64) -> String {
    let units = [(365 * 86_400, "year"), (86_400, "day"), (3600, "hour"), (60, "minute"), (1, "second")];
    let fits = |&&(unit, _): &&(i64, &str)| seconds >= 2 * unit;
    let (unit, name) = units.iter().find(fits).copied().unwrap_or((1, "second"));
    let of = usize::try_from(seconds / unit).unwrap_or(usize::MAX);
    count(of, name, &format!("{name}s"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_told_in_one_unit() {
        for (seconds, text) in [
            (0, "0 seconds"),
            (1, "1 second"),
            (119, "119 seconds"),
            (7200, "2 hours"),
            (172_799, "47 hours"),
            (86_400 * 400, "400 days"),
            (86_400 * 800, "2 years"),
        ] {
            assert_eq!(duration(seconds), text);
        }
    }

    #[test]
    fn times_lie_before_and_after() {
        let at = Time::from_unix(1_780_000_000);
        for (is_present, before, after) in
            [(true, "2 hours ago", "in 2 hours"), (false, "2 hours before", "2 hours after")]
        {
            let instant = Instant { at, is_present };
            assert_eq!(instant.distance(at.plus(-7200)), before);
            assert_eq!(instant.distance(at.plus(7200)), after);
        }
        assert_eq!(Instant { at, is_present: true }.distance(at.plus(-59)), "just now");
    }
}
