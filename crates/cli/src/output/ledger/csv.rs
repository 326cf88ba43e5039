//! `-o csv`: a row for each feed. The last columns, one for each feed, are the matrix: how many entries of
//! the row's feed the column's feed has.

use super::{LedgerOutput, Row, View, share};
use crate::printable;
use rapsheet_json::Dialect;
use std::io::{self, Write};

/// The row of the table.
pub(super) static OUTPUT: LedgerOutput =
    LedgerOutput { name: "csv", about: "For spreadsheets, a row for each feed, with the overlaps", print };

const TITLES: [&str; 8] = [
    "feed",
    "provider",
    "entries",
    "unique",
    "unique_share",
    "ipv4_addresses",
    "ipv4_addresses_unique",
    "median_age_seconds",
];
const CHURN: [&str; 4] = ["previous_entries", "added", "removed", "churn"];
const LOGS: [&str; 4] = ["log_indicators", "log_hits", "log_indicators_alone", "log_hits_alone"];
/// Where a feed was chosen to cover the share; empty where it was not.
const COVER: [&str; 1] = ["cover_step"];

fn print(view: &View<'_>, out: &mut dyn Write) -> io::Result<()> {
    let (rows, mut text) = (view.rows(), Vec::new());
    let dialect = Dialect::Csv.for_spreadsheet(view.spreadsheet);
    let mut titles: Vec<String> = TITLES.map(str::to_owned).to_vec();
    titles.extend(CHURN.iter().filter(|_| view.churn.is_some()).map(|title| (*title).to_owned()));
    titles.extend(LOGS.iter().filter(|_| view.hits.is_some()).map(|title| (*title).to_owned()));
    titles.extend(COVER.map(str::to_owned));
    // A feed may be called as a column is.
    titles.extend(rows.iter().map(|row| format!("in {}", printable::text(row.id))));
    dialect.row(titles, &mut text);
    for row in &rows {
        dialect.row(cells(view, row, &rows), &mut text);
        out.write_all(&text)?;
        text.clear();
    }
    out.write_all(&text)
}

fn cells(view: &View<'_>, row: &Row<'_>, rows: &[Row<'_>]) -> Vec<String> {
    let figures = &row.figures;
    let mut cells = [row.id, row.provider].map(|text| printable::text(text).into_owned()).to_vec();
    cells.extend([figures.entries, figures.unique].map(|number| number.to_string()));
    cells.push(optional(share(figures.unique, figures.entries)));
    cells.extend([figures.addresses, figures.addresses_unique].map(|number| number.to_string()));
    cells.push(optional(figures.median_age_seconds));
    if let Some(churn) = row.churn {
        cells.extend([churn.before, churn.added, churn.removed].map(|number| number.to_string()));
        cells.push(optional(churn.share().map(|share| (share * 1e6).round() / 1e6)));
    }
    if let Some(hits) = row.hits {
        let numbers = [hits.indicators, hits.hits, hits.indicators_alone, hits.hits_alone];
        cells.extend(numbers.map(|number| number.to_string()));
    }
    let step = view.cover.steps.iter().position(|step| step.feed == row.at);
    cells.push(optional(step.map(|step| step + 1)));
    cells.extend(rows.iter().map(|other| view.ledger.overlap(row.at, other.at).to_string()));
    cells
}

fn optional(number: Option<impl ToString>) -> String {
    number.map(|number| number.to_string()).unwrap_or_default()
}
