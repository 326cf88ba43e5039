//! `suricata-iprep`: IP reputation of Suricata: `address,category,score`.
//!
//! `192.0.2.7,1,101`. The category is a number that each installation defines in a file of its own
//! (`1,BadHosts,…`), whose rows are skipped here; the feed says what its numbers mean (option `categories`).
//! A score is 1 to 127; an address with the score 0, or below option `min_score`, is skipped.

use super::{Format, Head, LineReader, OpenError, Shape, header};
use crate::entry::taxonomy;
use crate::entry::{Details, Normalizer, Skip};
use crate::format::options::{OptionRow, Options, error};
use crate::format::token;
use rapsheet_snapshot::{Assessments, Kinds, ParseError};

/// The row of the table.
pub(super) static FORMAT: Format = Format {
    id: "suricata-iprep",
    about: "Suricata IP reputation: address,category,score",
    example: "192.0.2.7,1,101",
    kinds: Kinds::ADDRESS,
    options: &[
        OptionRow {
            key: "categories",
            about: "the assessment of each category, such as `1=botnet` (default: the feed's assessment)",
        },
        OptionRow { key: "min_score", about: "the lowest score that counts, 1 to 127 (default 1)" },
    ],
    shape: Shape::Lines(open),
    ..Format::DEFAULT
};

struct Reputation {
    categories: Vec<(u8, Assessments)>,
    min_score: u8,
}

fn open(options: &Options, _: Head<'_>) -> Result<Box<dyn LineReader>, OpenError> {
    let mut categories = Vec::new();
    for row in options.list("categories") {
        let read = row.split_once('=').and_then(|(number, word)| {
            Some((number.trim().parse().ok()?, taxonomy::assessments(word)))
                .filter(|(_, found)| !found.is_empty())
        });
        categories
            .push(read.ok_or_else(|| error("categories", format!("expected `1=botnet`, found `{row}`")))?);
    }
    let min_score = options.number("min_score", "a number up to 127", 1)?;
    Ok(Box::new(Reputation { categories, min_score }))
}

impl LineReader for Reputation {
    fn line(&self, line: &[u8], normalizer: &mut Normalizer<'_>) {
        if let [b'#', comment @ ..] = line {
            return header::comment(comment.trim_ascii(), normalizer);
        }
        let mut columns = line.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
        let (Some(address), Some(category)) = (columns.next(), columns.next()) else {
            return normalizer.reject(ParseError::BadColumns);
        };
        if token::number::<u8>(address).is_some() {
            return normalizer.skip(Skip::CategoryDefinition);
        }
        match columns.next().and_then(token::number::<u8>) {
            Some(score) if score < self.min_score => normalizer.skip(Skip::NoScore),
            Some(_) => normalizer.address(address, &self.details(category)),
            None => normalizer.reject(ParseError::BadColumns),
        }
    }
}

impl Reputation {
    fn details(&self, category: &[u8]) -> Details {
        let number = token::number(category);
        let known = self.categories.iter().find(|(category, _)| Some(*category) == number);
        Details { assessments: known.map_or(Assessments::EMPTY, |(_, meaning)| *meaning), ..Details::NONE }
    }
}

#[cfg(test)]
mod tests {
    use crate::pipeline::testing::{read_events, render};

    #[test]
    fn reads_scores_and_categories() {
        let text = "# a comment\n45.9.20.5,1,101\n2a06:e480::/48,6,88\n45.9.20.6,1,0\n1,BadHosts,Known bad hosts\n45.9.20.7,1\n";
        let expected = [
            "SKIP comment",
            "ip 45.9.20.5",
            "cidr 2a06:e480::/48",
            "SKIP no-score",
            "SKIP category-definition",
            "REJECT bad-columns",
        ];
        assert_eq!(render("suricata-iprep", &[], text), expected);
        let events = read_events("suricata-iprep", &[("categories", "1=botnet")], text);
        assert_eq!(events[1].assessments, ["botnet"]);
    }
}
