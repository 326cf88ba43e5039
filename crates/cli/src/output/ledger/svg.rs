//! The overlaps of all pairs as a drawing: SVG by hand, without scripts, readable on light and dark pages.
//!
//! Ids of feeds are the only texts that a snapshot brings in. They are shown without control characters, and
//! escaped.

use super::{Row, View, percent};
use crate::printable;
use crate::table::count;
use std::fmt::Write as _;
use std::io::{self, Write};

/// How many feeds are drawn, those with most entries. More would be too small to read.
const FEEDS_MAX: usize = 64;
/// The side of a cell.
const CELL: usize = 30;
/// How many characters of an id are shown.
const LABEL_MAX: usize = 32;
/// About how wide a character is.
const CHARACTER: usize = 7;
/// The space around the drawing.
const MARGIN: usize = 16;
/// The space for the title and for the sentence at the end.
const TITLE: usize = 44;
const FOOT: usize = 24;
/// From which share on a cell is so dark that its text must be light.
const DARK_FROM: f64 = 0.55;

const STYLE: &str = "
    .page { fill: #ffffff } text { fill: #1f2328; font: 12px system-ui, sans-serif } .title { font-size: 15px; font-weight: 600 }
    .small { fill: #59636e; font-size: 11px } .cell text { font-size: 10px; text-anchor: middle }
    .cell rect { fill: #0b5cad; stroke: #d1d9e0; stroke-width: .5 } .cell .on { fill: #ffffff } .own rect { fill: #d1d9e0 }
    @media (prefers-color-scheme: dark) {
      .page { fill: #0d1117 } text { fill: #e6edf3 } .small { fill: #9198a1 } .cell rect { fill: #2f81d6; stroke: #3d444d }
      .own rect { fill: #3d444d }
    }";

/// Writes the drawing.
pub(crate) fn svg(view: &View<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut rows = view.rows();
    rows.sort_by_key(|row| std::cmp::Reverse(row.figures.entries));
    let all = rows.len();
    rows.truncate(FEEDS_MAX);
    let labels: Vec<String> = rows.iter().map(|row| label(row.id)).collect();
    let longest = labels.iter().map(|label| label.chars().count()).max().unwrap_or(0);
    let text = longest * CHARACTER + 2 * CHARACTER;
    let drawing = Drawing { left: MARGIN + text, top: MARGIN + TITLE + text, side: rows.len() * CELL };
    drawing.begin(view, all, out)?;
    for (at, (row, label)) in rows.iter().zip(&labels).enumerate() {
        drawing.labels(at, row, label, out)?;
        for (column, other) in rows.iter().enumerate() {
            drawing.cell(view, (at, row), (column, other), out)?;
        }
    }
    writeln!(out, "</svg>")
}

/// Where the matrix is, in pixels.
struct Drawing {
    left: usize,
    top: usize,
    side: usize,
}

impl Drawing {
    fn begin(&self, view: &View<'_>, all: usize, out: &mut dyn Write) -> io::Result<()> {
        // The sentences need some room, also above a small matrix.
        let width = (self.left + self.side + MARGIN).max(520);
        let height = self.top + self.side + FOOT + MARGIN;
        let left_out = match all.saturating_sub(FEEDS_MAX) {
            0 => String::new(),
            more => format!("; {more} feeds with fewer entries are left out"),
        };
        writeln!(
            out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} \
             {height}\" role=\"img\" aria-label=\"Overlap of feeds\">\n  <style>{STYLE}\n  </style>\n  <rect \
             class=\"page\" width=\"{width}\" height=\"{height}\"/>"
        )?;
        let baseline = MARGIN + 14;
        writeln!(out, "  <text class=\"title\" x=\"{MARGIN}\" y=\"{baseline}\">Overlap of feeds</text>")?;
        writeln!(
            out,
            "  <text class=\"small\" x=\"{MARGIN}\" y=\"{}\">{} list, {}, {} distinct indicators{left_out}</text>",
            baseline + 18,
            view.list.word(),
            view.now,
            count(view.ledger.indicators()),
        )?;
        writeln!(
            out,
            "  <text class=\"small\" x=\"{MARGIN}\" y=\"{}\">Of the entries of a row's feed, how many percent the \
             column's feed has.</text>",
            self.top + self.side + FOOT
        )
    }

    /// The id before a row, and above the column of the same feed.
    fn labels(&self, at: usize, row: &Row<'_>, label: &str, out: &mut dyn Write) -> io::Result<()> {
        let (label, about) =
            (escaped(label), escaped(&format!("{}: {} entries", row.id, row.figures.entries)));
        let (x, y) = (self.left - CHARACTER, self.top + at * CELL + CELL / 2 + 4);
        writeln!(
            out,
            "  <text x=\"{x}\" y=\"{y}\" text-anchor=\"end\">{label}<title>{about}</title></text>"
        )?;
        let (x, y) = (self.left + at * CELL + CELL / 2 + 4, self.top - CHARACTER);
        writeln!(
            out,
            "  <text transform=\"translate({x} {y}) rotate(-90)\">{label}<title>{about}</title></text>"
        )
    }

    fn cell(
        &self,
        view: &View<'_>,
        (at, row): (usize, &Row<'_>),
        (column, other): (usize, &Row<'_>),
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let (x, y) = (self.left + column * CELL, self.top + at * CELL);
        let place = format!("x=\"{x}\" y=\"{y}\" width=\"{CELL}\" height=\"{CELL}\"");
        if row.at == other.at {
            return writeln!(out, "  <g class=\"cell own\"><rect {place}/></g>");
        }
        let (shared, entries) = (view.ledger.overlap(row.at, other.at), row.figures.entries);
        let share = shared as f64 / entries.max(1) as f64;
        let about = escaped(&format!("{} has {shared} of the {entries} entries of {}", other.id, row.id));
        let class = if share >= DARK_FROM { " class=\"on\"" } else { "" };
        let shown = percent(shared, entries);
        let shown = escaped(if shared == 0 { "" } else { shown.trim_end_matches('%') });
        writeln!(
            out,
            "  <g class=\"cell\"><rect {place} fill-opacity=\"{share:.3}\"/><text{class} x=\"{}\" y=\"{}\">{shown}\
             </text><title>{about}</title></g>",
            x + CELL / 2,
            y + CELL / 2 + 4
        )
    }
}

/// The beginning of an id.
fn label(id: &str) -> String {
    let id = printable::text(id);
    match id.chars().count() {
        ..=LABEL_MAX => id.into_owned(),
        _ => id.chars().take(LABEL_MAX - 1).chain(['…']).collect(),
    }
}

/// A text, safe in XML: control characters, which XML forbids, are shown as escapes.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for character in printable::text(text).chars() {
        match character {
            '&' | '<' | '>' | '"' | '\'' => {
                // Cannot fail: the writer is memory.
                let _ = write!(out, "&#{};", u32::from(character));
            }
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            character => out.push(character),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_stay_texts() {
        let hostile = "a</text><script>&\"'\0\u{1b}\u{202e}\u{ffff}";
        let text = escaped(hostile);
        assert_eq!(text, "a&#60;/text&#62;&#60;script&#62;&#38;&#34;&#39;\\x00\\x1b\\u{202e}\u{fffd}");
        assert_eq!(label(&"é".repeat(40)).chars().count(), LABEL_MAX);
        assert!(label(&"é".repeat(LABEL_MAX)).ends_with('é'));
    }
}
