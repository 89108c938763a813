//! Results for people: plain text tables.

use crate::{
    amount::{Count, Hidden, Parts},
    answer::{SiteState, WithholdReason},
    figure::{people, thousands},
    json::title,
    shown::{BandCount, Shown},
    statistic,
    table::{Item, ResultTable, Row, SiteResult},
};
use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use countersign_query::unit_words;
use std::fmt::Write as _;

/// How the query language names the group of those without a value.
const MISSING: &str = "missing";
/// Longest bar of a histogram.
const BAR_MAX: u64 = 30;

/// Writes a result as text: a title with the sites, the pooled table, the same by site, the meaning of marks, the warnings.
pub fn render_text(table: &ResultTable) -> String {
    let mut out = format!("{}   {}   k_min {}\n", table.dictionary, title(table), table.k_min);
    for site in &table.sites {
        let words = match &site.state {
            SiteState::Accepted(_) => continue,
            SiteState::Refused { code, reason } => format!("refused, {code}: {reason}"),
            SiteState::Rejected { reason } => format!("answer rejected: {reason}"),
            SiteState::Missing => "no answer".to_owned(),
        };
        let _ = writeln!(out, "{}: {words}", site.site);
    }
    let mut marks = Marks::default();
    let (table, footnote) = &without_missing(table);
    if table.rows.is_empty() {
        out.push_str("\nNo site's answer was accepted; there is nothing to show.\n");
    } else {
        section(&mut out, table, &[(None, table.rows.as_slice())], &mut marks);
    }
    let by_site: Vec<(Option<&str>, &[Row])> =
        table.sites.iter().filter(|s| !s.rows.is_empty()).map(|s| (Some(s.site.as_str()), s.rows.as_slice())).collect();
    if !by_site.is_empty() && table.sites.len() > 1 {
        out.push_str("\nBy site\n");
        section(&mut out, table, &by_site, &mut marks);
    }
    out.push('\n');
    marks.write(&mut out, table.k_min);
    if !footnote.is_empty() {
        let _ = writeln!(out, "Not shown, with fewer than {} people at every hospital: {}.", table.k_min, footnote.join("; "));
    }
    let _ = writeln!(out, "{}", table.warnings.join(" "));
    out
}

/// The table without the groups of people with a missing value that are small at every hospital, and the names of those groups: they would fill a table with lines
/// that say nothing. In JSON they stay.
fn without_missing(table: &ResultTable) -> (ResultTable, Vec<String>) {
    let is_small = |shown: &Shown| match shown {
        Shown::Count(n) | Shown::NoEstimate(n) | Shown::QuantileBetween { n, .. } => {
            matches!(n, Count::Hidden { why: Hidden::Below(_), .. })
        }
        Shown::Bands(bands) => bands.iter().all(|b| matches!(b.count, Count::Hidden { why: Hidden::Below(_), .. })),
        Shown::Estimate(_) | Shown::Undefined { .. } => false,
    };
    let answered: Vec<&[Row]> = table.sites.iter().map(|s| s.rows.as_slice()).filter(|rows| !rows.is_empty()).collect();
    let left_out = |(at, row): (usize, &Row)| {
        row.group.iter().any(|(_, band)| band == MISSING)
            && answered.iter().all(|rows| rows.get(at).is_some_and(|row| row.shown.iter().all(is_small)))
    };
    let out: Vec<bool> = table.rows.iter().enumerate().map(left_out).collect();
    if out.iter().all(|out| *out) {
        return (table.clone(), Vec::new());
    }
    let kept = |rows: &[Row]| rows.iter().zip(&out).filter(|(_, out)| !**out).map(|(row, _)| row.clone()).collect();
    let name = |row: &Row| row.group.iter().map(|(attribute, band)| format!("{attribute} {band}")).collect::<Vec<_>>().join(", ");
    let names = table.rows.iter().zip(&out).filter(|(_, out)| **out).map(|(row, _)| name(row)).collect();
    let sites = table.sites.iter().map(|s| SiteResult { rows: kept(&s.rows), ..s.clone() }).collect();
    (ResultTable { rows: kept(&table.rows), sites, ..table.clone() }, names)
}

/// Which marks were used and need a line.
#[derive(Debug, Default)]
struct Marks {
    below: bool,
    block: bool,
    withheld: Vec<WithholdReason>,
    interval: bool,
}

impl Marks {
    fn write(&self, out: &mut String, k_min: u32) {
        if self.below {
            out.push_str("<n: hidden, because fewer than n people are in it. Ask for wider bands or fewer groups.\n");
        }
        if self.block {
            let _ = writeln!(
                out,
                "h: hidden, because it or a count it could be subtracted from is below {k_min}. Ask without COUNT(*), or of those whose value is known (IS NOT NULL)."
            );
        }
        if !self.withheld.is_empty() {
            let names: Vec<String> = self.withheld.iter().map(ToString::to_string).collect();
            let _ = writeln!(out, "w: withheld by the hospital ({}).", names.join(", "));
            self.withheld.iter().for_each(|reason| {
                let _ = writeln!(out, "   {reason}: {}", reason.advice());
            });
        }
        if self.interval {
            out.push_str("…: some parts are hidden; no estimate is made from a sum with a hidden part.\n");
        }
    }
}

/// One table of the plain items, then one of each item with a table of its own. With site names, sites run fastest.
fn section(out: &mut String, table: &ResultTable, blocks: &[(Option<&str>, &[Row])], marks: &mut Marks) {
    let by_site = blocks.iter().any(|(name, _)| name.is_some());
    let mut head: Vec<String> = table.grouping.clone();
    if by_site {
        head.push("site".into());
    }
    let rows = blocks.first().map_or(0, |(_, rows)| rows.len());
    let each: Vec<(Option<&str>, &Row)> =
        (0..rows).flat_map(|r| blocks.iter().filter_map(move |(name, rows)| Some((*name, rows.get(r)?)))).collect();
    let labels = |name: Option<&str>, row: &Row| -> Vec<String> {
        row.group.iter().map(|(_, band)| band.clone()).chain(name.map(str::to_owned)).collect()
    };
    let has_own_table = |item: &Item| statistic::of(&item.ask).is_some_and(|s| s.has_own_table());
    if table.items.iter().any(|i| !has_own_table(i)) {
        let titles = table.items.iter().filter(|i| !has_own_table(i)).map(heading);
        let lines = each.iter().map(|(name, row)| {
            let shown = row.shown.iter().zip(&table.items).filter(|(_, i)| !has_own_table(i)).map(|(s, i)| cell(s, i, marks));
            labels(*name, row).into_iter().chain(shown).collect()
        });
        let lines: Vec<Vec<String>> = lines.collect();
        write_table(out, head.iter().cloned().chain(titles).collect(), lines, head.len());
    }
    for (i, item) in table.items.iter().enumerate().filter(|(_, i)| has_own_table(i)) {
        let mut lines = Vec::new();
        let most = each.iter().flat_map(|(_, row)| bands(row, i)).filter_map(|b| b.count.exact()).max().unwrap_or(0).max(1);
        for (name, row) in &each {
            for band in bands(row, i) {
                let bar = band.count.exact().map_or(0, |n| (n * BAR_MAX).div_ceil(most));
                let mut line = labels(*name, row);
                line.extend([band.label.clone(), count(&band.count, marks), "#".repeat(bar as usize)]);
                lines.push(line);
            }
        }
        let titles = head.iter().cloned().chain([item.title.clone(), "people".to_owned(), String::new()]).collect();
        write_table(out, titles, lines, head.len() + 1);
    }
}

fn bands(row: &Row, item: usize) -> &[BandCount] {
    match row.shown.get(item) {
        Some(Shown::Bands(bands)) => bands,
        _ => &[],
    }
}

fn write_table(out: &mut String, head: Vec<String>, lines: Vec<Vec<String>>, labels: usize) {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(head);
    for line in lines {
        table.add_row(line);
    }
    for (i, column) in table.column_iter_mut().enumerate() {
        column.set_padding((u16::from(i > 0) * 2, 0));
        column.set_cell_alignment(CellAlignment::Left);
    }
    debug_assert!(labels <= table.column_count());
    out.push('\n');
    for line in table.lines() {
        let _ = writeln!(out, "{}", line.trim_end());
    }
}

fn heading(item: &Item) -> String {
    let unit = item.unit.as_deref().map(|u| format!(", {}", unit_words(u))).unwrap_or_default();
    let interval = if statistic::of(&item.ask).is_some_and(|s| s.has_interval()) { " (95 % CI)" } else { "" };
    format!("{}{unit}{interval}", item.title)
}

fn cell(shown: &Shown, item: &Item, marks: &mut Marks) -> String {
    match shown {
        Shown::Count(c) => count(c, marks),
        Shown::Estimate(e) => statistic::of(&item.ask).and_then(|s| s.words(e)).unwrap_or_else(|| "–".to_owned()),
        Shown::NoEstimate(n) => match n {
            Count::Exact(n) => format!("– {}", people(*n)),
            Count::Hidden { .. } => count(n, marks),
            Count::Between { .. } => format!("– n {}", count(n, marks)),
        },
        Shown::QuantileBetween { range: Some((low, high)), n } => format!("between {low} and {high}, n {}", count(n, marks)),
        Shown::QuantileBetween { range: None, n } => format!("– n {}", count(n, marks)),
        Shown::Undefined { reason, n } => format!("– ({reason}) {}", people(*n)),
        Shown::Bands(_) => String::new(),
    }
}

fn count(count: &Count, marks: &mut Marks) -> String {
    match count {
        Count::Exact(n) => thousands(&n.to_string()),
        Count::Hidden { why: Hidden::Below(k), .. } => {
            marks.below = true;
            format!("<{k}")
        }
        Count::Hidden { why: Hidden::Block, .. } => {
            marks.block = true;
            "h".to_owned()
        }
        Count::Hidden { why: Hidden::Withheld(reason), .. } => {
            if !marks.withheld.contains(reason) {
                marks.withheld.push(*reason);
            }
            "w".to_owned()
        }
        Count::Hidden { why: Hidden::NotReleased, .. } => "–".to_owned(),
        Count::Between { low, high, hidden, of, parts } => {
            marks.interval = true;
            let noun = match parts {
                Parts::Sites => "sites",
                Parts::Bands => "bands",
            };
            let low = thousands(&low.to_string());
            match high {
                Some(high) => format!("{low} … {}, {hidden} of {of} {noun} hidden", thousands(&high.to_string())),
                None => format!("{low} or more, {hidden} of {of} {noun} hidden"),
            }
        }
    }
}
