//! `squidguard`: the category folders of squidGuard, as UT1 (Université Toulouse Capitole) and Shalla publish
//! them, and lists of destinations for Squid.
//!
//! A category is a folder with the files `domains` (names with everything below them), `urls` (without a
//! scheme), `expressions` (which cannot be indexed) and `usage` (a description). The name of the folder is
//! the category of its entries. A feed may take some folders of a collection only (option `categories`).
//!
//! A file without a folder is typed by its content. In files for Squid a bare name is exact and `.x` is a
//! tree (option `dialect`).

use super::{Format, Head, LineReader, OpenError, Shape, header};
use crate::entry::{Details, Normalizer, Skip};
use crate::format::options::{OptionRow, Options};
use crate::format::token;
use rapsheet_snapshot::{Assessment, Assessments, Kinds, ParseError, Scope};

/// The row of the table.
pub(super) static FORMAT: Format = Format {
    id: "squidguard",
    about: "squidGuard and UT1 category folders (domains, urls, expressions), and lists for Squid",
    example: "evil.example.com",
    kinds: Kinds::ALL,
    options: &[
        OptionRow { key: "categories", about: "the folders of a collection that are read (default all)" },
        OptionRow {
            key: "dialect",
            about: "`squidguard` (default): x is a tree; `squid`: x is exact and .x is a tree",
        },
    ],
    shape: Shape::Lines(open),
    ..Format::DEFAULT
};

struct CategoryFile {
    content: Content,
    /// The scope of a bare name.
    scope: Scope,
    details: Details,
}

/// The content of a file.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Content {
    /// Entries that are typed one by one.
    Mixed,
    /// URLs without a scheme. In `192.0.2.7/24` the number is a path here, not a prefix length.
    Urls,
    Expressions,
    /// A description of the category.
    Usage,
    /// A file of a category that the feed does not take.
    Ignored,
}

fn open(options: &Options, head: Head<'_>) -> Result<Box<dyn LineReader>, OpenError> {
    let scope =
        options.word("dialect", &[("squidguard", Scope::Tree), ("squid", Scope::Exact)], Scope::Tree)?;
    let mut path = head.part.rsplit('/');
    let (name, folder) = (path.next().unwrap_or_default(), path.next().unwrap_or_default());
    let categories = options.list("categories");
    let is_ignored = !categories.is_empty()
        && !head.part.is_empty()
        && !categories.iter().any(|category| category == folder);
    let content = match name {
        _ if is_ignored => Content::Ignored,
        "urls" => Content::Urls,
        "expressions" => Content::Expressions,
        "usage" | "global_usage" | "very_restrictive_expression" => Content::Usage,
        _ if is_mostly_urls(head.bytes) => Content::Urls,
        _ => Content::Mixed,
    };
    Ok(Box::new(CategoryFile { content, scope, details: details_of_folder(folder) }))
}

/// Whether a file has slashes on more than half of its lines, as only a file of URLs has. Comments do not count:
/// they name sources.
fn is_mostly_urls(head: &[u8]) -> bool {
    let (mut lines, mut slashes) = (0, 0);
    for line in head.split(|byte| *byte == b'\n').filter(|line| !line.starts_with(b"#")) {
        lines += 1;
        slashes += memchr::memchr_iter(b'/', line).count();
    }
    slashes * 2 > lines.max(8)
}

/// The folders of UT1 and Shalla whose categories are assessments.
const FOLDERS: &[(&str, Assessment)] = &[
    ("cryptojacking", Assessment::Malware),
    ("ddos", Assessment::Suspicious),
    ("hacking", Assessment::Suspicious),
    ("malware", Assessment::Malware),
    ("phishing", Assessment::Phishing),
    ("redirector", Assessment::Suspicious),
    ("spyware", Assessment::Malware),
    ("stalkerware", Assessment::Malware),
    ("vpn", Assessment::Suspicious),
    ("warez", Assessment::Suspicious),
];

fn details_of_folder(folder: &str) -> Details {
    let inverted = matches!(folder, "liste_blanche" | "whitelist" | "white");
    let known = FOLDERS.iter().filter(|(name, _)| *name == folder).map(|(_, meaning)| *meaning);
    let assessments: Assessments = known.collect();
    Details { inverted, assessments, ..Details::NONE }
}

impl LineReader for CategoryFile {
    fn line(&self, line: &[u8], normalizer: &mut Normalizer<'_>) {
        // A `$` at the end may be that of an expression.
        let is_plain = match self.content {
            _ if line.ends_with(b"$") => false,
            Content::Mixed => normalizer.fast_any(line, self.scope, &self.details),
            Content::Urls => normalizer.fast_url(line, &self.details),
            Content::Expressions | Content::Usage | Content::Ignored => false,
        };
        if is_plain {
            return;
        }
        match (self.content, line) {
            (Content::Ignored, _) => normalizer.skip(Skip::Policy),
            (_, [b'#', comment @ ..]) => header::comment(comment.trim_ascii(), normalizer),
            (Content::Usage, _) => normalizer.skip(Skip::Directive),
            (Content::Expressions, _) => normalizer.reject(ParseError::Pattern),
            // The whole content of a `usage` file that has lost its name.
            (_, b"black" | b"white") => normalizer.skip(Skip::Directive),
            (Content::Mixed | Content::Urls, _) => self.emit(token::before_comment(line), normalizer),
        }
    }
}

impl CategoryFile {
    fn emit(&self, entry: &[u8], normalizer: &mut Normalizer<'_>) {
        match entry {
            _ if is_expression(entry) => normalizer.reject(ParseError::Pattern),
            [b'.', name @ ..] => normalizer.host(name, Scope::Tree, &self.details),
            _ if self.content == Content::Urls => normalizer.url(entry, &self.details),
            _ => normalizer.any(entry, self.scope, &self.details),
        }
    }
}

/// Whether an entry is an expression, by anchors and operators that no name and no URL of such lists has.
fn is_expression(line: &[u8]) -> bool {
    let is_anchored = line.starts_with(b"^") || line.starts_with(b"(") || line.ends_with(b"$");
    is_anchored || memchr::memchr3(b'\\', b'|', b'*', line).is_some() && !line.contains(&b'/')
}

#[cfg(test)]
mod tests {
    use crate::pipeline::testing::render;

    #[test]
    fn types_entries_of_a_single_file() {
        let text = "# a comment\nevilpanel.com\n45.9.20.5\nevilpanel.com/ar/about\n45.9.20.6/bo\n.evilpanel.net\n^[0-9]+\\.evil\\.com/search\\?q=[0-9]+$\n(a|b)\\.com\nblack\n";
        let expected = [
            "SKIP comment",
            "domain-tree evilpanel.com",
            "ip 45.9.20.5",
            "url //evilpanel.com/ar/about",
            "url //45.9.20.6/bo",
            "domain-tree evilpanel.net",
            "REJECT pattern",
            "REJECT pattern",
            "SKIP directive",
        ];
        assert_eq!(render("squidguard", &[], text), expected);
        let sources = "# https://example.org/a/b/c/d/e/f/g/h/i/j/k\nevilpanel.com\n";
        assert_eq!(render("squidguard", &[], sources), ["SKIP comment", "domain-tree evilpanel.com"]);
        let squid = [("dialect", "squid")];
        assert_eq!(
            render("squidguard", &squid, "evilpanel.com\n.evilpanel.com\n"),
            ["domain evilpanel.com", "domain-tree evilpanel.com"]
        );
    }
}
