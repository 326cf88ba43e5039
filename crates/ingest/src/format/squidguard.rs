//! `squidguard`: folders of categories, as UT1 and Shalla publish them, and Squid's own lists of destinations.
//!
//! A category is a folder with `domains` (trees), `urls` (without scheme), `expressions` (which cannot be indexed)
//! and `usage`. Where such a file comes alone, its lines show what they are. The folder's name says what is bad
//! about its names; a whole collection may be narrowed to some folders (option `categories`).

use super::{Format, Head, LineReader, OpenError, Shape, header};
use crate::options::{OptionRow, Options};
use crate::scribe::{Details, Scribe, Skip};
use crate::token;
use rapsheet_snapshot::{Assessment, Assessments, Kinds, ParseError, Scope};

/// The row of the table.
pub static FORMAT: Format = Format {
    id: "squidguard",
    about: "squidGuard, UT1 and Squid lists: domains, urls and expressions by category",
    example: "evil.example.com",
    kinds: Kinds::ALL,
    options: &[
        OptionRow { key: "categories", about: "the folders that count, of a collection (default all)" },
        OptionRow {
            key: "dialect",
            about: "`squidguard` (default): a bare name is a tree; `squid`: exact, and .x is a tree",
        },
    ],
    shape: Shape::Lines(open),
    ..Format::DEFAULT
};

struct Category {
    file: File,
    bare: Scope,
    details: Details,
}

/// What a file of a folder holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum File {
    /// What its lines look like.
    Typed,
    /// URLs without a scheme: a number behind an address is a path here, not a length.
    Urls,
    Expressions,
    /// About the list.
    Usage,
    /// Of a folder that the feed does not take.
    Ignored,
}

fn open(options: &Options, head: Head<'_>) -> Result<Box<dyn LineReader>, OpenError> {
    let bare =
        options.word("dialect", &[("squidguard", Scope::Tree), ("squid", Scope::Exact)], Scope::Tree)?;
    let mut path = head.part.rsplit('/');
    let (name, folder) = (path.next().unwrap_or_default(), path.next().unwrap_or_default());
    let wanted = options.list("categories");
    let is_ignored = !wanted.is_empty() && !head.part.is_empty() && !wanted.iter().any(|own| own == folder);
    let file = match name {
        _ if is_ignored => File::Ignored,
        "urls" => File::Urls,
        "expressions" => File::Expressions,
        "usage" | "global_usage" | "very_restrictive_expression" => File::Usage,
        _ if is_mostly_urls(head.bytes) => File::Urls,
        _ => File::Typed,
    };
    Ok(Box::new(Category { file, bare, details: of_folder(folder) }))
}

/// A file of URLs that comes alone shows it by its slashes.
fn is_mostly_urls(head: &[u8]) -> bool {
    let slashes = memchr::memchr_iter(b'/', head).count();
    slashes * 2 > memchr::memchr_iter(b'\n', head).count().max(8)
}

/// What folders' names mean.
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

fn of_folder(folder: &str) -> Details {
    let inverted = matches!(folder, "liste_blanche" | "whitelist" | "white");
    let known = FOLDERS.iter().filter(|(name, _)| *name == folder).map(|(_, meant)| *meant);
    let assessments: Assessments = known.collect();
    Details { inverted, assessments, ..Details::NONE }
}

impl LineReader for Category {
    fn line(&self, line: &[u8], scribe: &mut Scribe<'_>) {
        if self.file == File::Typed && scribe.plain(line, self.bare, &self.details) {
            return;
        }
        match (self.file, line) {
            (File::Ignored, _) => scribe.skip(Skip::Policy),
            (_, [b'#', comment @ ..]) => header::comment(comment.trim_ascii(), scribe),
            (File::Usage, _) => scribe.skip(Skip::Directive),
            (File::Expressions, _) => scribe.reject(ParseError::Pattern),
            (_, b"black" | b"white") => scribe.skip(Skip::Directive),
            (File::Typed | File::Urls, _) => self.typed(token::before_comment(line), scribe),
        }
    }
}

impl Category {
    fn typed(&self, line: &[u8], scribe: &mut Scribe<'_>) {
        match line {
            _ if is_expression(line) => scribe.reject(ParseError::Pattern),
            [b'.', name @ ..] => scribe.host(name, Scope::Tree, &self.details),
            _ if self.file == File::Urls => scribe.url(line, &self.details),
            _ => scribe.any(line, self.bare, &self.details),
        }
    }
}

/// Marks that stand in expressions, and neither in names nor in the URLs of such lists.
fn is_expression(line: &[u8]) -> bool {
    let anchored = line.starts_with(b"^") || line.starts_with(b"(") || line.ends_with(b"$");
    anchored || memchr::memchr3(b'\\', b'|', b'*', line).is_some() && !line.contains(&b'/')
}

#[cfg(test)]
mod tests {
    use crate::transcript::tests::render;

    #[test]
    fn lines_show_what_they_are() {
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
        let squid = [("dialect", "squid")];
        assert_eq!(
            render("squidguard", &squid, "evilpanel.com\n.evilpanel.com\n"),
            ["domain evilpanel.com", "domain-tree evilpanel.com"]
        );
    }
}
