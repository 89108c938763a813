//! The consent scopes and the expiry grid a network has if it chooses no others.

use crate::ConsortiumError;
use countersign_circuits::consent::{Day, ScopeRegistry};
use std::collections::BTreeSet;

/// Categories every network has scopes for; a dictionary's own are added.
const CATEGORIES: [&str; 8] = ["demographics", "conditions", "labs", "vitals", "lifestyle", "encounters", "outcomes", "medications"];

/// The usual scopes and those of more categories, and an expiry grid: the next eight quarter ends, then six year ends.
///
/// # Errors
/// There are too many categories, or the date is none.
pub fn usual_registry(categories: &BTreeSet<String>, today: Day) -> Result<ScopeRegistry, ConsortiumError> {
    let mut scopes = vec!["p.health".to_owned()];
    let all: BTreeSet<&str> = CATEGORIES.into_iter().chain(categories.iter().map(|c| c.strip_prefix("c.").unwrap_or(c))).collect();
    scopes.extend(all.into_iter().map(|c| format!("c.{c}")));
    let epoch = jiff::civil::date(1970, 1, 1);
    let day = |date: jiff::civil::Date| Day((date - epoch).get_days());
    let start = epoch.checked_add(jiff::Span::new().days(today.0)).map_err(|_| ConsortiumError::Today)?;
    let mut ends: Vec<jiff::civil::Date> = Vec::new();
    let (mut year, mut quarter) = (start.year(), (start.month() - 1) / 3);
    while ends.len() < 8 {
        ends.push(jiff::civil::date(year, quarter * 3 + 3, 1).last_of_month());
        (year, quarter) = if quarter == 3 { (year + 1, 0) } else { (year, quarter + 1) };
    }
    let last = ends.last().map_or(start.year(), |d| d.year());
    ends.extend((1..=6).map(|y| jiff::civil::date(last + y, 12, 31)));
    let registry = ScopeRegistry { scopes, grid: ends.into_iter().map(day).collect() };
    registry.check()?;
    Ok(registry)
}
