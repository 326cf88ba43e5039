//! `zeek-intel`: files of Zeek's Intelligence Framework: a line `#fields` that names the columns, then rows,
//! with TABs between the columns.
//!
//! `evil.example.com<TAB>Intel::DOMAIN<TAB>…`. A blank is part of a field, so a file whose columns are
//! separated by blanks is unusable to Zeek, too, and is refused. A value with the type `Intel::DOMAIN` is
//! typed by its content all the same, because real files have domains with a path, which are URLs.

use super::polarity::Polarity;
use super::{Format, Head, LineReader, OpenError, Shape, role};
use crate::download::lines;
use crate::download::refusal::FileRefusal;
use crate::entry::{Details, Normalizer, Skip};
use crate::format::options::Options;
use crate::format::token;
use rapsheet_snapshot::{Kinds, ListKind, ParseError, Scope};

/// The row of the table.
pub(super) static FORMAT: Format = Format {
    id: "zeek-intel",
    about: "Zeek intelligence files: #fields TAB indicator TAB indicator_type TAB …",
    example: "evil.example.com\tIntel::DOMAIN\tEXAMPLE\tF\tC2",
    kinds: Kinds::ALL,
    shape: Shape::Lines(open),
    ..Format::DEFAULT
};

/// The columns that are read, counted from 0.
struct Intel {
    value: usize,
    kind: usize,
    /// Columns that describe the indicator, the best first.
    descriptions: Vec<usize>,
    /// Columns that can say that it is not bad.
    polarity: Vec<(usize, Polarity)>,
}

fn open(_: &Options, head: Head<'_>) -> Result<Box<dyn LineReader>, OpenError> {
    let header = lines::split(head.bytes)
        .filter_map(|at| head.bytes.get(at))
        .find_map(|line| line.strip_prefix(b"#fields"));
    match header {
        // The usual order of the columns.
        None => Ok(Box::new(Intel { value: 0, kind: 1, descriptions: vec![4, 2], polarity: Vec::new() })),
        Some(names) => Ok(Box::new(bind_columns(names)?)),
    }
}

fn bind_columns(names: &[u8]) -> Result<Intel, FileRefusal> {
    let names: Vec<&[u8]> = names.split(|byte| *byte == b'\t').skip(1).map(<[u8]>::trim_ascii).collect();
    let at = |name: &[u8]| names.iter().position(|column| *column == name);
    let missing = || FileRefusal::BadColumns("indicator, indicator_type (separated by TABs)".to_owned());
    let (Some(value), Some(kind)) = (at(b"indicator"), at(b"indicator_type")) else {
        return Err(missing());
    };
    let descriptions = [&b"meta.desc"[..], b"meta.source"].into_iter().filter_map(at).collect();
    // `meta.whitelist` and the like are fields of scripts; `meta.do_notice` says nothing of the indicator.
    let polarity = names.iter().enumerate().filter_map(|(at, name)| {
        let name = String::from_utf8_lossy(name.strip_prefix(b"meta.")?);
        Some((at, Polarity::of(&role::normal(&name))?))
    });
    let polarity = polarity.collect();
    Ok(Intel { value, kind, descriptions, polarity })
}

impl LineReader for Intel {
    fn keeps_blanks(&self) -> bool {
        true
    }

    fn line(&self, line: &[u8], normalizer: &mut Normalizer<'_>) {
        if line.starts_with(b"#") {
            return normalizer.skip(Skip::Header);
        }
        let columns = Columns::of(line);
        let column = |at: usize| columns.get(at).map_or(&[][..], role::non_null);
        let (value, kind) = (column(self.value), column(self.kind));
        let blocks = normalizer.rules().list == ListKind::Block;
        let mut polarity = self.polarity.iter().filter(|_| blocks);
        if let Some(why) = polarity.find_map(|(at, polarity)| polarity.recalled(column(*at), normalizer)) {
            return normalizer.skip(why);
        }
        let by_column = |normalizer: &mut Normalizer<'_>| {
            let found = self.descriptions.iter().map(|at| normalizer.assess(column(*at), SEPARATORS));
            found.into_iter().find(|found| !found.is_empty()).unwrap_or_default()
        };
        let details = Details { assessments: by_column(normalizer), ..Details::NONE };
        match kind {
            _ if value.is_empty() || kind.is_empty() => normalizer.reject(ParseError::BadColumns),
            b"Intel::ADDR" | b"Intel::SUBNET" => normalizer.address(value, &details),
            b"Intel::DOMAIN" => normalizer.any(value, Scope::Exact, &details),
            b"Intel::URL" => normalizer.url(value, &details),
            _ if kind.starts_with(b"Intel::") => normalizer.skip(Skip::UnsupportedKind),
            _ => normalizer.reject(ParseError::BadColumns),
        }
    }
}

/// What stands between the words of a description.
const SEPARATORS: &[char] = &[' ', ',', '-', '/'];

/// The columns of a line. The first ones, of which most files have no more, are found in one pass.
struct Columns<'l> {
    first: [&'l [u8]; FIRST],
    count: usize,
    /// The text after them, where there are more.
    rest: Option<&'l [u8]>,
}

/// How many columns are found in one pass.
const FIRST: usize = 8;

impl<'l> Columns<'l> {
    fn of(line: &'l [u8]) -> Columns<'l> {
        let mut columns = Columns { first: [&[]; FIRST], count: 0, rest: Some(line) };
        for place in &mut columns.first {
            let Some(rest) = columns.rest else { break };
            let (column, rest) =
                token::split_once(rest, b'\t').map_or((rest, None), |(head, rest)| (head, Some(rest)));
            (*place, columns.rest) = (column, rest);
            columns.count += 1;
        }
        columns
    }

    fn get(&self, at: usize) -> Option<&'l [u8]> {
        match at.checked_sub(FIRST) {
            None => self.first.get(at).copied().filter(|_| at < self.count),
            Some(at) => self.rest?.split(|byte| *byte == b'\t').nth(at),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::pipeline::testing::{read_events, render};

    #[test]
    fn finds_every_column() {
        for line in [
            "",
            "\t",
            "a\tb",
            "1\t2\t3\t4\t5\t6\t7\t8",
            "1\t2\t3\t4\t5\t6\t7\t8\t",
            "1\t2\t3\t4\t5\t6\t7\t8\t9\t\t11",
        ] {
            let columns = super::Columns::of(line.as_bytes());
            let found: Vec<&[u8]> = (0..).map_while(|at| columns.get(at)).collect();
            assert_eq!(found, line.as_bytes().split(|byte| *byte == b'\t').collect::<Vec<_>>(), "{line}");
        }
    }

    #[test]
    fn reads_types_and_descriptions() {
        let text = "#fields\tindicator\tindicator_type\tmeta.source\tmeta.do_notice\tmeta.desc\nhttps://evilpanel.com/\tIntel::URL\tFEED\tF\tPhishing-URLS\n\
                    evilpanel.com/a\tIntel::DOMAIN\tX\tF\tC2\n45.9.20.0/24\tIntel::SUBNET\tX\tF\tRECON\nevilpanel.com\tIntel::DOMAIN\tX\tF\t-\n\
                    d41d8cd98f00b204e9800998ecf8427e\tIntel::FILE_HASH\tX\tF\tMALWARE\n45.9.20.5\n45.9.20.6\tADDR\n";
        let expected = [
            "SKIP header",
            "url https://evilpanel.com/",
            "url //evilpanel.com/a",
            "cidr 45.9.20.0/24",
            "domain evilpanel.com",
            "SKIP unsupported-kind",
            "REJECT bad-columns",
            "REJECT bad-columns",
        ];
        assert_eq!(render("zeek-intel", &[], text), expected);
        let events = read_events("zeek-intel", &[], text);
        assert_eq!(events[1].assessments, ["phishing"]);
        assert_eq!(events[3].assessments, ["scanner"]);
        let blanks = "#fields indicator indicator_type\n45.9.20.5 Intel::ADDR\n";
        assert_eq!(render("zeek-intel", &[], blanks), ["FILE-REJECT bad-columns"]);
    }
}
