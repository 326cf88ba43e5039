//! Which feeds a text names: one by its id, or several by a pattern, `abuse-*`.

use glob::Pattern;

/// An id, or a pattern of ids with a shell's `*`, `?` and `[…]`.
///
/// ```
/// use rapsheet_ingest::catalog::IdPattern;
///
/// let pattern = IdPattern::parse("urlhaus-*").expect("a pattern");
/// assert!(pattern.matches("urlhaus-csv") && !pattern.matches("feodo-csv") && !pattern.is_id());
/// ```
#[derive(Clone, Debug)]
pub struct IdPattern {
    text: String,
    pattern: Pattern,
}

impl IdPattern {
    /// Reads an id or a pattern.
    ///
    /// # Errors
    /// What is wrong with it, such as a `[` that nothing closes.
    pub fn parse(text: &str) -> Result<IdPattern, String> {
        IdPattern::parse_as(text, "an id or a pattern such as `abuse-*`")
    }

    /// As [`IdPattern::parse`], for names that are no ids: `expected` says what they are.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse_as(text: &str, expected: &str) -> Result<IdPattern, String> {
        if text.is_empty() {
            return Err(format!("expected {expected}, found nothing"));
        }
        let pattern = Pattern::new(text)
            .map_err(|error| format!("expected {expected}, found `{text}`: {}", error.msg))?;
        Ok(IdPattern { text: text.to_owned(), pattern })
    }

    /// As it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it names one feed and is no pattern.
    pub fn is_id(&self) -> bool {
        !self.text.contains(['*', '?', '['])
    }

    /// Whether it names this feed.
    pub fn matches(&self, id: &str) -> bool {
        self.pattern.matches(id)
    }
}
