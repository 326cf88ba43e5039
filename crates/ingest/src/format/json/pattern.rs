//! Patterns of STIX: what an indicator says must be observed.
//!
//! `[ipv4-addr:value = '192.0.2.7']`, alternatives of such, lists and prefixes can be indexed. A sequence, a wildcard
//! or a combination of two conditions cannot, with one exception: a host together with its port is the host.
//! Grammar: STIX 2.1, section 9.

/// One comparison of a pattern.
#[derive(Debug, PartialEq, Eq)]
struct Comparison {
    path: String,
    operator: String,
    literals: Vec<String>,
}

/// What a pattern comes to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Any of these, each an address, a name or a URL.
    Indicators(Vec<String>),
    /// Something else than a network indicator.
    Unsupported,
    /// A condition that no index can hold.
    Pattern,
}

/// Reads a pattern.
pub(super) fn read(pattern: &str) -> Meaning {
    let tokens = tokens(pattern);
    let word = |wanted: &str| tokens.iter().any(|token| token.is_word(wanted));
    if ["FOLLOWEDBY", "WITHIN", "REPEATS", "START", "STOP", "NOT"].into_iter().any(word) {
        return Meaning::Pattern;
    }
    let Some(comparisons) = comparisons(&tokens) else { return Meaning::Pattern };
    let (hosts, others): (Vec<&Comparison>, Vec<&Comparison>) =
        comparisons.iter().partition(|comparison| is_indicator(&comparison.path));
    let is_context = |other: &&Comparison| {
        other.path.starts_with("network-traffic:")
            && (other.path.contains("port") || other.path.contains("protocols"))
    };
    let combined = word("AND");
    if hosts.is_empty() {
        return Meaning::Unsupported;
    }
    if combined && (hosts.len() > 1 || !others.iter().all(is_context)) {
        return Meaning::Pattern;
    }
    if hosts.iter().any(|host| !matches!(host.operator.as_str(), "=" | "IN" | "ISSUBSET")) {
        return Meaning::Pattern;
    }
    Meaning::Indicators(hosts.iter().flat_map(|host| host.literals.clone()).collect())
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
    Indicator(char),
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
            '[' | ']' | '(' | ')' | ',' => tokens.push(Token::Indicator(character)),
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

/// The rest of a literal, behind its opening quote.
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

/// Paths hold quotes and brackets of their own: `file:hashes.'SHA-256'`, `x:values[0]`.
fn word_part(rest: &mut Characters<'_>) -> Option<char> {
    rest.next_if(|next| {
        !next.is_whitespace() && !matches!(next, '=' | '!' | '<' | '>' | '(' | ')' | ',' | ']')
    })
}

/// The comparisons between the brackets; `None` where the text is no pattern.
fn comparisons(tokens: &[Token]) -> Option<Vec<Comparison>> {
    let joins = |token: &Token| {
        matches!(token, Token::Indicator('[' | ']' | '(')) || token.is_word("AND") || token.is_word("OR")
    };
    let mut found = Vec::new();
    let mut rest = tokens.iter().peekable();
    while let Some(token) = rest.next() {
        match token {
            token if joins(token) || *token == Token::Indicator(')') => {}
            Token::Word(path) => {
                let Some(Token::Word(operator)) = rest.next() else { return None };
                let mut literals = Vec::new();
                while let Some(next) = rest.next_if(|next| !joins(next) || **next == Token::Indicator('(')) {
                    if let Token::Literal(text) | Token::Word(text) = next {
                        literals.push(text.clone());
                    }
                }
                let operator = operator.to_ascii_uppercase();
                found.push(Comparison { path: path.clone(), operator, literals });
            }
            Token::Literal(_) | Token::Indicator(_) => return None,
        }
    }
    (!found.is_empty()).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_indexed() {
        let indicators =
            |texts: &[&str]| Meaning::Indicators(texts.iter().map(ToString::to_string).collect());
        for (pattern, meaning) in [
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
            ("[domain-name:value = 'a.com' AND url:value = 'http://b.com/']", Meaning::Pattern),
            ("[domain-name:value LIKE '%evil%']", Meaning::Pattern),
            ("[domain-name:value != 'a.com']", Meaning::Pattern),
            ("[ipv4-addr:value = '45.9.20.5'] FOLLOWEDBY [ipv4-addr:value = '45.9.20.6']", Meaning::Pattern),
            ("[file:hashes.'SHA-256' = '0447']", Meaning::Unsupported),
            ("[", Meaning::Pattern),
            ("", Meaning::Pattern),
        ] {
            assert_eq!(read(pattern), meaning, "{pattern}");
        }
    }
}
