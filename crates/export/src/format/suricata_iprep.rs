//! `suricata-iprep`: IP reputation of Suricata: `network,category,score`. A category is an assessment, and
//! the header has the lines of the categories file. Each provider that agrees adds 32 to the score, up to
//! 127.

use super::{Detail, Format, Syntax};
use crate::header::Header;
use crate::network::Network;
use crate::statement::Statement;
use rapsheet_snapshot::{Assessment, Kinds};
use std::io::{self, Write};

pub(super) static FORMAT: Format = Format {
    name: "suricata-iprep",
    about: "Suricata's IP reputation: network,category,score, a category for each assessment",
    parses_as: "suricata-iprep",
    kinds: Kinds::ADDRESS,
    detail: Detail::Reputation,
    syntax: || Box::new(Iprep),
    ..Format::DEFAULT
};

struct Iprep;

/// The number of an assessment's category.
fn category(assessment: Assessment) -> u8 {
    assessment as u8 + 1
}

impl Syntax for Iprep {
    fn begin(&mut self, header: &Header, out: &mut dyn Write) -> io::Result<()> {
        header.comments("#", out)?;
        writeln!(out, "# categories file:")?;
        for assessment in Assessment::ALL {
            let (number, word) = (category(*assessment), assessment.word());
            writeln!(out, "# {number},{},{word}", word.replace(' ', "-"))?;
        }
        Ok(())
    }

    fn network(
        &mut self,
        _: &Header,
        network: &Network,
        statement: &Statement,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let score = statement.providers.saturating_mul(32).clamp(1, 127);
        let mut assessments = statement.assessments.iter();
        assessments.try_for_each(|assessment| writeln!(out, "{network},{},{score}", category(assessment)))
    }
}
