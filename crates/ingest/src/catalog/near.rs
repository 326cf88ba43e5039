//! The names near one that does not exist: what an error offers where a name is misspelt.

/// How many names are offered.
const NEAR_MAX: usize = 5;

/// The known names that are nearest to `wanted`, the nearest first, at most five: those that differ in few
/// letters, and those of which it is a part.
///
/// ```
/// use rapsheet_ingest::catalog::near;
///
/// assert_eq!(near("feodo-cvs", ["feodo-csv", "dshield"]), ["feodo-csv"]);
/// assert_eq!(near("urlhaus", ["urlhaus-csv", "urlhaus-text", "dshield"]), ["urlhaus-csv", "urlhaus-text"]);
/// ```
pub fn near<'a>(wanted: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let wanted = wanted.to_ascii_lowercase();
    let stem: String = wanted.chars().filter(|mark| !matches!(mark, '*' | '?' | '[' | ']')).collect();
    let edits_max = wanted.len() / 3 + 1;
    let rank = |name: &str| {
        let edits = distance(&wanted, &name.to_ascii_lowercase());
        let is_part = stem.len() >= 3 && (name.contains(&stem) || stem.contains(name));
        (edits <= edits_max || is_part).then_some(edits)
    };
    let mut found: Vec<(usize, &str)> =
        known.into_iter().filter_map(|name| Some((rank(name)?, name))).collect();
    found.sort_unstable();
    found.dedup();
    found.into_iter().take(NEAR_MAX).map(|(_, name)| name).collect()
}

/// The clause of an error that offers them; empty where nothing is near.
pub(crate) fn offer<'a>(wanted: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    match near(wanted, known).as_slice() {
        [] => String::new(),
        found => format!("; near it: {}", found.join(", ")),
    }
}

/// How many letters must be changed, added or removed (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (line, x) in (1..).zip(a.bytes()) {
        let mut diagonal = std::mem::replace(row.first_mut().unwrap_or(&mut 0), line);
        let mut left = line;
        for (cell, y) in row.iter_mut().skip(1).zip(b.bytes()) {
            let changed = diagonal + usize::from(x != y);
            diagonal = *cell;
            left = changed.min(*cell + 1).min(left + 1);
            *cell = left;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_changed_added_and_removed_letters() {
        let rows = [("", "", 0), ("abc", "", 3), ("", "abc", 3), ("kitten", "sitting", 3), ("ab", "ba", 2)];
        for (a, b, expected) in rows {
            assert_eq!(distance(a, b), expected, "{a} {b}");
        }
    }

    #[test]
    fn offers_few_names_and_none_that_is_far() {
        let many: Vec<String> = (0..9).map(|at| format!("list-{at}")).collect();
        let found = near("list-x", many.iter().map(String::as_str));
        assert_eq!((found.len(), found.first().copied()), (NEAR_MAX, Some("list-0")));
        assert_eq!(offer("zzzzzz", ["feodo", "dshield"]), "");
        assert_eq!(offer("dshield-*", ["feodo", "dshield"]), "; near it: dshield");
    }
}
