//! `suricata-iprep`: `address,category,score`, and the file of categories beside it.
//!
//! The number of a category means something in its own installation only, so a feed says what its numbers mean
//! (option `categories`). A score of 0 is none.

use super::{Format, Head, LineReader, OpenError, Shape, header};
use crate::options::{OptionRow, Options, error};
use crate::scribe::{Details, Scribe, Skip};
use crate::token;
use crate::words;
use rapsheet_snapshot::{Assessments, Kinds, ParseError};

/// The row of the table.
pub static FORMAT: Format = Format {
    id: "suricata-iprep",
    about: "Suricata IP reputation: address,category,score",
    example: "192.0.2.7,1,101",
    kinds: Kinds::ADDRESS,
    options: &[
        OptionRow {
            key: "categories",
            about: "what numbers mean, each as `1=botnet` (default: the feed's assessment)",
        },
        OptionRow { key: "min_score", about: "the least score that counts, 1 to 127 (default 1)" },
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
            Some((number.trim().parse().ok()?, words::assessments(word)))
                .filter(|(_, found)| !found.is_empty())
        });
        categories
            .push(read.ok_or_else(|| error("categories", format!("expected `1=botnet`, found `{row}`")))?);
    }
    let min_score = options.number("min_score", "a number up to 127", 1)?;
    Ok(Box::new(Reputation { categories, min_score }))
}

impl LineReader for Reputation {
    fn line(&self, line: &[u8], scribe: &mut Scribe<'_>) {
        if let [b'#', comment @ ..] = line {
            return header::comment(comment.trim_ascii(), scribe);
        }
        let mut columns = line.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
        let (Some(address), Some(category)) = (columns.next(), columns.next()) else {
            return scribe.reject(ParseError::BadColumns);
        };
        if token::number::<u8>(address).is_some() {
            return scribe.skip(Skip::CategoryDefinition);
        }
        match columns.next().and_then(token::number::<u8>) {
            Some(score) if score < self.min_score => scribe.skip(Skip::NoScore),
            Some(_) => scribe.address(address, &self.details(category)),
            None => scribe.reject(ParseError::BadColumns),
        }
    }
}

impl Reputation {
    fn details(&self, category: &[u8]) -> Details {
        let number = token::number(category);
        let known = self.categories.iter().find(|(own, _)| Some(*own) == number);
        Details { assessments: known.map_or(Assessments::EMPTY, |(_, meant)| *meant), ..Details::NONE }
    }
}

#[cfg(test)]
mod tests {
    use crate::transcript::tests::{read_events, render};

    #[test]
    fn scores_and_categories() {
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
