//! A name that does not exist: the message that says which do, the near ones first.

/// How many names a message lists.
const LISTED_MAX: usize = 60;

/// A message that there is no `what` of this name, and which there are.
pub(crate) fn unknown<'a>(what: &str, name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let mut known: Vec<&str> = known.into_iter().collect();
    if known.is_empty() {
        return format!("no such {what}: `{name}`; there are none");
    }
    // The sort is stable: those that are not near keep their order.
    known.sort_by_key(|other| nearness(name, other));
    let (listed, more) = known.split_at(known.len().min(LISTED_MAX));
    let more = if more.is_empty() { String::new() } else { format!(" and {} more", more.len()) };
    format!("no such {what}: `{name}`; known: {}{more}", listed.join(", "))
}

/// How likely one name is meant by another, the likeliest first: a part of it, or a slip of the pen.
fn nearness(name: &str, other: &str) -> usize {
    let (name, other) = (name.to_lowercase(), other.to_lowercase());
    let is_part = name.len() > 2 && other.contains(&name) || other.len() > 2 && name.contains(&other);
    match distance(&name, &other) {
        _ if is_part => 0,
        edits if edits <= (name.chars().count() / 3).max(1) => edits,
        _ => usize::MAX,
    }
}

/// How many characters must be added, removed or replaced to make one text of the other.
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.chars().count()).collect();
    for (at, left) in one.chars().enumerate() {
        let mut diagonal = at;
        let mut last = at + 1;
        for (right, above) in other.chars().zip(row.iter_mut().skip(1)) {
            let cost = (diagonal + usize::from(left != right)).min(last + 1).min(*above + 1);
            (diagonal, last) = (*above, cost);
            *above = cost;
        }
    }
    row.last().copied().unwrap_or(0).max(one.chars().count().abs_diff(other.chars().count()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_come_first() {
        let known = ["abuse.ch", "blocklist.de", "spamhaus.org"];
        let message = |name: &str| unknown("provider", name, known);
        assert!(message("spamhaus").ends_with("known: spamhaus.org, abuse.ch, blocklist.de"));
        assert!(message("blocklst.de").ends_with("known: blocklist.de, abuse.ch, spamhaus.org"));
        assert!(message("x").ends_with("known: abuse.ch, blocklist.de, spamhaus.org"));
        assert_eq!(unknown("field", "a", []), "no such field: `a`; there are none");
        let many: Vec<String> = (0..100).map(|number| format!("name-{number}")).collect();
        let message = unknown("field", "zzz", many.iter().map(String::as_str));
        assert!(message.ends_with("name-59 and 40 more"), "{message}");
    }

    #[test]
    fn counts_edits() {
        for (one, other, edits) in [("", "", 0), ("a", "", 1), ("kitten", "sitting", 3), ("host", "hsot", 2)]
        {
            assert_eq!((distance(one, other), distance(other, one)), (edits, edits), "{one} {other}");
        }
    }
}
