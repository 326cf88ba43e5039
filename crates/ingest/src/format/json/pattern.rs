//! Parses STIX patterns.
//!
//! `[ipv4-addr:value = '192.0.2.7']`, alternatives of such comparisons, lists (`IN`) and prefixes
//! (`ISSUBSET`) can be indexed. Sequences, wildcards and conditions that must hold together cannot, with one
//! exception: a host with a port, a protocol, its type or what it resolved to is read as the host. MISP writes
//! all of its addresses so: `network-traffic:dst_ref.type = 'ipv4-addr' AND network-traffic:dst_ref.value =
//! '192.0.2.7'`. Grammar: STIX 2.1, section 9.

/// One comparison of a pattern.
#[derive(Debug, PartialEq, Eq)]
struct Comparison {
    path: String,
    operator: String,
    literals: Vec<String>,
}

/// The content of a pattern.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Parsed {
    /// Addresses, names and URLs, each of which matches.
    Indicators(Vec<String>),
    /// No network indicator: a file, a process, a registry key.
    Unsupported,
    /// A condition that cannot be indexed, or a text that is not a pattern.
    NotIndexable,
}

/// Parses a pattern.
pub(super) fn parse(pattern: &str) -> Parsed {
    let tokens = tokens(pattern);
    let word = |wanted: &str| tokens.iter().any(|token| token.is_word(wanted));
    if ["FOLLOWEDBY", "WITHIN", "REPEATS", "START", "STOP", "NOT"].into_iter().any(word) {
        return Parsed::NotIndexable;
    }
    let mut rest = tokens.as_slice();
    match alternatives(&mut rest, 0) {
        Some(Meaning::Hosts(hosts)) if rest.is_empty() => Parsed::Indicators(hosts),
        Some(Meaning::Context | Meaning::Other) if rest.is_empty() => Parsed::Unsupported,
        _ => Parsed::NotIndexable,
    }
}

/// What a part of a pattern comes to.
enum Meaning {
    /// Addresses, names and URLs, each of which matches.
    Hosts(Vec<String>),
    /// What narrows a host and is not indexed.
    Context,
    /// Other objects.
    Other,
    /// A condition that cannot be indexed.
    NotIndexable,
}

impl Meaning {
    fn or(self, other: Meaning) -> Meaning {
        match (self, other) {
            (Meaning::NotIndexable, _) | (_, Meaning::NotIndexable) => Meaning::NotIndexable,
            (Meaning::Hosts(one), Meaning::Hosts(two)) => Meaning::Hosts([one, two].concat()),
            (Meaning::Hosts(hosts), _) | (_, Meaning::Hosts(hosts)) => Meaning::Hosts(hosts),
            (one, _) => one,
        }
    }

    fn and(self, other: Meaning) -> Meaning {
        match (self, other) {
            (Meaning::Hosts(hosts), Meaning::Context) | (Meaning::Context, Meaning::Hosts(hosts)) => {
                Meaning::Hosts(hosts)
            }
            (Meaning::Hosts(one), Meaning::Hosts(two)) if one == two => Meaning::Hosts(one),
            (Meaning::Context, Meaning::Context) => Meaning::Context,
            (Meaning::Other, Meaning::Other | Meaning::Context) | (Meaning::Context, Meaning::Other) => {
                Meaning::Other
            }
            _ => Meaning::NotIndexable,
        }
    }
}

/// The deepest nesting of brackets. Each level recurses, and no pattern comes near it.
const DEPTH_MAX: usize = 64;

/// Parts with OR between them; `None` where the tokens are not a pattern.
fn alternatives(rest: &mut &[Token], depth: usize) -> Option<Meaning> {
    let mut all = conjunction(rest, depth)?;
    while take(rest, |token| token.is_word("OR")) {
        all = all.or(conjunction(rest, depth)?);
    }
    Some(all)
}

/// Parts with AND between them, which binds tighter than OR.
fn conjunction(rest: &mut &[Token], depth: usize) -> Option<Meaning> {
    let mut all = part(rest, depth)?;
    while take(rest, |token| token.is_word("AND")) {
        all = all.and(part(rest, depth)?);
    }
    Some(all)
}

/// A comparison, or what stands in brackets.
fn part(rest: &mut &[Token], depth: usize) -> Option<Meaning> {
    for (open, close) in [('[', ']'), ('(', ')')] {
        if take(rest, |token| *token == Token::Punctuation(open)) {
            let inner = if depth < DEPTH_MAX { alternatives(rest, depth + 1)? } else { return None };
            return take(rest, |token| *token == Token::Punctuation(close)).then_some(inner);
        }
    }
    comparison(rest).map(|found| found.meaning())
}

/// Passes the next token if it is the wanted one, and returns whether it was.
fn take(rest: &mut &[Token], is_wanted: impl Fn(&Token) -> bool) -> bool {
    match rest.split_first() {
        Some((token, behind)) if is_wanted(token) => {
            *rest = behind;
            true
        }
        _ => false,
    }
}

/// A path, an operator, and a literal or a list of them.
fn comparison(rest: &mut &[Token]) -> Option<Comparison> {
    let [Token::Word(path), Token::Word(operator), behind @ ..] = *rest else { return None };
    *rest = behind;
    let mut literals = Vec::new();
    let is_list = take(rest, |token| *token == Token::Punctuation('('));
    while let Some((Token::Literal(text) | Token::Word(text), behind)) = rest.split_first() {
        literals.push(text.clone());
        *rest = behind;
        if !is_list || !take(rest, |token| *token == Token::Punctuation(',')) {
            break;
        }
    }
    let is_closed = !is_list || take(rest, |token| *token == Token::Punctuation(')'));
    (is_closed && !literals.is_empty()).then(|| Comparison {
        path: path.clone(),
        operator: operator.to_ascii_uppercase(),
        literals,
    })
}

impl Comparison {
    fn meaning(self) -> Meaning {
        match self.path.as_str() {
            path if is_context(path) => Meaning::Context,
            path if !is_indicator(path) => Meaning::Other,
            _ if matches!(self.operator.as_str(), "=" | "IN" | "ISSUBSET") => Meaning::Hosts(self.literals),
            _ => Meaning::NotIndexable,
        }
    }
}

/// Whether a path is a property of a host that narrows it and says nothing more about the host itself.
fn is_context(path: &str) -> bool {
    let (object, property) = path.split_once(':').unwrap_or((path, ""));
    let is_traffic = object == "network-traffic"
        && (property.contains("port") || property.contains("protocols") || property.ends_with("_ref.type"));
    let is_host = matches!(object, "ipv4-addr" | "ipv6-addr" | "domain-name" | "url" | "network-traffic");
    let is_relation = ["resolves_to_refs", "belongs_to_refs", "x_misp_"];
    is_traffic || is_host && is_relation.iter().any(|relation| property.starts_with(relation))
}

fn is_indicator(path: &str) -> bool {
    matches!(
        path,
        "ipv4-addr:value"
            | "ipv6-addr:value"
            | "domain-name:value"
            | "url:value"
            | "network-traffic:dst_ref.value"
            | "network-traffic:src_ref.value"
    )
}

#[derive(Debug, PartialEq, Eq)]
enum Token {
    Word(String),
    Literal(String),
    Punctuation(char),
}

impl Token {
    fn is_word(&self, wanted: &str) -> bool {
        matches!(self, Token::Word(word) if word.eq_ignore_ascii_case(wanted))
    }
}

fn tokens(pattern: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = pattern.chars().peekable();
    while let Some(character) = rest.next() {
        match character {
            '\'' => tokens.push(Token::Literal(literal(&mut rest))),
            '[' | ']' | '(' | ')' | ',' => tokens.push(Token::Punctuation(character)),
            character if character.is_whitespace() => {}
            '=' | '!' | '<' | '>' => {
                let mut operator = character.to_string();
                operator.extend(rest.next_if(|next| matches!(next, '=' | '>')));
                tokens.push(Token::Word(operator));
            }
            character => {
                let mut word = character.to_string();
                word.extend(std::iter::from_fn(|| word_part(&mut rest)));
                // `x:values[0].y`: a bracket that the word opened belongs to it, and more may follow.
                while word.matches('[').count() > word.matches(']').count() && rest.peek() == Some(&']') {
                    word.extend(rest.next());
                    word.extend(std::iter::from_fn(|| word_part(&mut rest)));
                }
                tokens.push(Token::Word(word));
            }
        }
    }
    tokens
}

type Characters<'p> = std::iter::Peekable<std::str::Chars<'p>>;

/// The text of a literal, given what follows its opening quote.
fn literal(rest: &mut Characters<'_>) -> String {
    let mut text = String::new();
    while let Some(character) = rest.next() {
        match character {
            '\\' => text.extend(rest.next()),
            '\'' => break,
            character => text.push(character),
        }
    }
    text
}

/// The next character of a word. Quotes and opening brackets are part of paths: `file:hashes.'SHA-256'`,
/// `x:values[0]`.
fn word_part(rest: &mut Characters<'_>) -> Option<char> {
    rest.next_if(|next| {
        !next.is_whitespace() && !matches!(next, '=' | '!' | '<' | '>' | '(' | ')' | ',' | ']')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_what_can_be_indexed() {
        let indicators = |texts: &[&str]| Parsed::Indicators(texts.iter().map(ToString::to_string).collect());
        for (pattern, expected) in [
            ("[ipv4-addr:value = '45.9.20.5']", indicators(&["45.9.20.5"])),
            ("[ipv4-addr:value ISSUBSET '45.9.20.0/24']", indicators(&["45.9.20.0/24"])),
            ("[domain-name:value IN ('a.evil.com','b.evil.com')]", indicators(&["a.evil.com", "b.evil.com"])),
            (
                "[domain-name:value='a.com' OR url:value = 'http://a.com/\\'x']",
                indicators(&["a.com", "http://a.com/'x"]),
            ),
            (
                "[domain-name:value = 'a.com'] OR [ipv4-addr:value = '45.9.20.5']",
                indicators(&["a.com", "45.9.20.5"]),
            ),
            (
                "[network-traffic:dst_ref.value = '45.9.20.5' AND network-traffic:dst_port = 443]",
                indicators(&["45.9.20.5"]),
            ),
            (
                "[network-traffic:dst_ref.type = 'ipv4-addr' AND network-traffic:dst_ref.value = '45.9.20.5']",
                indicators(&["45.9.20.5"]),
            ),
            (
                "[domain-name:value = 'a.com' AND domain-name:resolves_to_refs[*].value = '45.9.20.5']",
                indicators(&["a.com"]),
            ),
            (
                "[(ipv4-addr:value = '45.9.20.5' OR ipv4-addr:value = '45.9.20.6') AND network-traffic:dst_port = 22]",
                indicators(&["45.9.20.5", "45.9.20.6"]),
            ),
            (
                "[network-traffic:src_ref.value = '45.9.20.5' AND network-traffic:dst_ref.value = '45.9.20.6']",
                Parsed::NotIndexable,
            ),
            ("[ipv4-addr:value = '45.9.20.5' AND file:name = 'x']", Parsed::NotIndexable),
            ("[domain-name:value = 'a.com' AND url:value = 'http://b.com/']", Parsed::NotIndexable),
            ("[domain-name:value LIKE '%evil%']", Parsed::NotIndexable),
            ("[domain-name:value != 'a.com']", Parsed::NotIndexable),
            (
                "[ipv4-addr:value = '45.9.20.5'] FOLLOWEDBY [ipv4-addr:value = '45.9.20.6']",
                Parsed::NotIndexable,
            ),
            ("[file:hashes.'SHA-256' = '0447']", Parsed::Unsupported),
            ("[", Parsed::NotIndexable),
            ("", Parsed::NotIndexable),
        ] {
            assert_eq!(parse(pattern), expected, "{pattern}");
        }
    }
}
