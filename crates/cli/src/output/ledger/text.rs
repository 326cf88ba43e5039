//! `-o text`: tables for people, at most 80 columns wide where ids are short.

use super::{LedgerOutput, Row, View, percent};
use crate::printable;
use crate::table::{Column, Table, age, count, noun, wrap};
use std::cmp::Reverse;
use std::io::{self, Write};

/// The row of the table.
pub(super) static OUTPUT: LedgerOutput = LedgerOutput { name: "text", about: "For people", print };

/// How wide the matrix and the sentences are at most.
const WIDTH: usize = 80;
/// How wide a cell of the matrix is.
const CELL: usize = 4;
/// How many characters of an id the matrix shows at least, and at most.
const LABEL: std::ops::RangeInclusive<usize> = 12..=28;
/// How many pairs are listed where the matrix does not fit.
const PAIRS_MAX: usize = 20;

fn print(view: &View<'_>, out: &mut dyn Write) -> io::Result<()> {
    let rows = view.rows();
    if rows.is_empty() {
        return writeln!(out, "no feed of list {} to compare", view.list.word());
    }
    feeds(view, &rows, out)?;
    if rows.len() > 1 {
        match label_width(&rows) {
            Some(width) => matrix(view, &rows, width, out)?,
            None => strongest(view, &rows, out)?,
        }
    }
    cover(view, out)
}

fn feeds(view: &View<'_>, rows: &[Row<'_>], out: &mut dyn Write) -> io::Result<()> {
    let mut columns = vec![
        Column::Left("feed"),
        Column::Right("entries"),
        Column::Right("alone"),
        Column::Right("share"),
        Column::Right("age"),
    ];
    columns.extend(view.churn.is_some().then_some(Column::Right("churn")));
    columns.extend(view.hits.iter().flat_map(|_| [Column::Right("in logs"), Column::Right("alone")]));
    columns.push(Column::Left("most of it in"));
    let mut table = Table::new(&columns);
    rows.iter().for_each(|row| table.push(cells(view, row)));
    table.print(out)?;
    let (indicators, entries) = (view.ledger.indicators(), view.entries());
    writeln!(
        out,
        "{} {}, {} distinct",
        count(entries),
        noun(entries, "entry", "entries"),
        count(indicators)
    )?;
    sentence("alone: what no other of these feeds has; age: the median since it was first seen", out)?;
    if let Some((built, _)) = &view.churn {
        sentence(&format!("churn: of the entries of {built} and of now, the part that is not in both"), out)?;
    }
    match view.hits {
        Some(_) => sentence(
            "in logs: how often your logs contain what the feed lists; alone: what it alone lists",
            out,
        ),
        None => Ok(()),
    }
}

fn cells(view: &View<'_>, row: &Row<'_>) -> Vec<String> {
    let figures = &row.figures;
    let mut cells = vec![row.id.to_owned(), count(figures.entries), count(figures.unique)];
    cells.push(percent(figures.unique, figures.entries));
    cells.push(figures.median_age_seconds.map_or("-".to_owned(), age));
    if let Some(churn) = row.churn {
        let changed = churn.added.saturating_add(churn.removed);
        cells.push(percent(changed, churn.before.saturating_add(churn.after)));
    }
    if let Some(hits) = row.hits {
        cells.extend([count(hits.hits), count(hits.hits_alone)]);
    }
    let closest = closest(view, row);
    cells.push(
        closest.map_or("-".to_owned(), |(id, shared)| format!("{} {id}", percent(shared, figures.entries))),
    );
    cells
}

/// The feed that has most of a feed's entries, and how many.
fn closest<'a>(view: &'a View<'_>, row: &Row<'_>) -> Option<(&'a str, u64)> {
    let others = (0..view.ledger.feeds().len()).filter(|other| *other != row.at);
    let pairs = others.map(|other| (view.ledger.overlap(row.at, other), Reverse(other)));
    let (shared, Reverse(other)) = pairs.max().filter(|(shared, _)| *shared > 0)?;
    Some((view.id(other), shared))
}

/// How many characters of an id the matrix can show; `None` if it does not fit.
fn label_width(rows: &[Row<'_>]) -> Option<usize> {
    let number = rows.len().to_string().len() + 1;
    let room = WIDTH.checked_sub(rows.len() * CELL + number)?;
    let longest = rows.iter().map(|row| printable::text(row.id).chars().count()).max()?;
    (room >= *LABEL.start()).then(|| room.min(longest).min(*LABEL.end()))
}

fn matrix(view: &View<'_>, rows: &[Row<'_>], width: usize, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out)?;
    sentence(
        "of a row's entries, how many percent the column's feed has; feeds are in the order above",
        out,
    )?;
    let digits = rows.len().to_string().len();
    let heads: String = (1..=rows.len()).map(|number| format!("{number:>CELL$}")).collect();
    writeln!(out, "{:blanks$}{heads}", "", blanks = width + digits + 1)?;
    for (number, row) in (1..).zip(rows) {
        let id: String = printable::text(row.id).chars().take(width).collect();
        let cells: String = rows.iter().map(|other| format!("{:>CELL$}", cell(view, row, other))).collect();
        writeln!(out, "{number:>digits$} {id:width$}{cells}")?;
    }
    Ok(())
}

fn cell(view: &View<'_>, row: &Row<'_>, other: &Row<'_>) -> String {
    match percent(view.ledger.overlap(row.at, other.at), row.figures.entries) {
        _ if row.at == other.at => "-".to_owned(),
        share if share == "0%" => ".".to_owned(),
        share => share.trim_end_matches('%').to_owned(),
    }
}

/// The pairs of which one has most of the other.
fn strongest(view: &View<'_>, rows: &[Row<'_>], out: &mut dyn Write) -> io::Result<()> {
    let mut pairs: Vec<(f64, u64, &Row<'_>, &Row<'_>)> = Vec::new();
    for row in rows {
        for other in rows.iter().filter(|other| other.at != row.at) {
            let shared = view.ledger.overlap(row.at, other.at);
            if shared > 0 {
                pairs.push((shared as f64 / row.figures.entries.max(1) as f64, shared, row, other));
            }
        }
    }
    pairs.sort_by(|a, b| b.0.total_cmp(&a.0).then(b.1.cmp(&a.1)));
    let mut table = Table::new(&[
        Column::Left("feed"),
        Column::Right("share"),
        Column::Right("entries"),
        Column::Left("also in"),
    ]);
    for (_, shared, row, other) in pairs.iter().take(PAIRS_MAX) {
        let share = percent(*shared, row.figures.entries);
        table.push(vec![row.id.to_owned(), share, count(*shared), other.id.to_owned()]);
    }
    writeln!(out, "\nthe strongest of {} overlaps; --svg and -o csv have all", pairs.len())?;
    table.print(out)
}

fn cover(view: &View<'_>, out: &mut dyn Write) -> io::Result<()> {
    let cover = &view.cover;
    writeln!(out)?;
    sentence(
        &format!(
            "{} of {} feeds cover {} of {} indicators (asked for: {}%), chosen greedily: a smaller set may exist",
            cover.steps.len(),
            view.ledger.feeds().len(),
            percent(cover.covered, cover.indicators),
            count(cover.indicators),
            view.share
        ),
        out,
    )?;
    if cover.steps.is_empty() {
        return Ok(());
    }
    let mut table = Table::new(&[Column::Left("feed"), Column::Right("adds"), Column::Right("covered")]);
    for step in &cover.steps {
        let covered = percent(step.covered, cover.indicators);
        table.push(vec![view.id(step.feed).to_owned(), count(step.added), covered]);
    }
    table.print(out)
}

fn sentence(text: &str, out: &mut dyn Write) -> io::Result<()> {
    wrap(text, WIDTH).iter().try_for_each(|line| writeln!(out, "{line}"))
}
