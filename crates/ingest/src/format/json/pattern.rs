//! Parses STIX patterns.
//!
//! `[ipv4-addr:value = '192.0.2.7']`, alternatives of such comparisons, lists (`IN`) and prefixes
//! (`ISSUBSET`) can be indexed. Sequences, wildcards and conditions that must hold together cannot, with one
//! exception: a host with a port or protocol is read as the host. Grammar: STIX 2.1, section 9.

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
    let Some(comparisons) = comparisons(&tokens) else { return Parsed::NotIndexable };
    let (hosts, others): (Vec<&Comparison>, Vec<&Comparison>) =
        comparisons.iter().partition(|comparison| is_indicator(&comparison.path));
    let is_context = |other: &&Comparison| {
        other.path.starts_with("network-traffic:")
            && (other.path.contains("port") || other.path.contains("protocols"))
    };
    let is_conjunction = word("AND");
    if hosts.is_empty() {
        return Parsed::Unsupported;
    }
    if is_conjunction && (hosts.len() > 1 || !others.iter().all(is_context)) {
        return Parsed::NotIndexable;
    }
    if hosts.iter().any(|host| !matches!(host.operator.as_str(), "=" | "IN" | "ISSUBSET")) {
        return Parsed::NotIndexable;
    }
    Parsed::Indicators(hosts.iter().flat_map(|host| host.literals.clone()).collect())
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

/// The comparisons of a pattern; `None` where the tokens are not a pattern.
fn comparisons(tokens: &[Token]) -> Option<Vec<Comparison>> {
    let joins = |token: &Token| {
        matches!(token, Token::Punctuation('[' | ']' | '(')) || token.is_word("AND") || token.is_word("OR")
    };
    let mut found = Vec::new();
    let mut rest = tokens.iter().peekable();
    while let Some(token) = rest.next() {
        match token {
            token if joins(token) || *token == Token::Punctuation(')') => {}
            Token::Word(path) => {
                let Some(Token::Word(operator)) = rest.next() else { return None };
                let mut literals = Vec::new();
                while let Some(next) = rest.next_if(|next| !joins(next) || **next == Token::Punctuation('('))
                {
                    if let Token::Literal(text) | Token::Word(text) = next {
                        literals.push(text.clone());
                    }
                }
                let operator = operator.to_ascii_uppercase();
                found.push(Comparison { path: path.clone(), operator, literals });
            }
            Token::Literal(_) | Token::Punctuation(_) => return None,
        }
    }
    (!found.is_empty()).then_some(found)
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
