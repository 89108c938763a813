//! Results for programs: schema `countersign-result/1`.

use crate::{
    amount::{Count, Hidden, Parts},
    answer::SiteState,
    shown::Shown,
    statistic,
    table::{Item, ResultTable, Row},
};
use serde_json::{Map, Value, json};

/// Writes a result as JSON: `schema`, `dictionary`, `title`, `sites`, `rules`, `table`, `by_site`, `warnings`.
///
/// `table` and each entry of `by_site` hold one object for each group and item, with `group`, `item` (the column's title) and `term`
/// (the attribute). Sums are exact decimal texts; estimates are binary floating-point numbers. Hidden values are null.
pub fn to_json(table: &ResultTable) -> Value {
    let sites: Vec<Value> = table
        .sites
        .iter()
        .map(|s| match &s.state {
            SiteState::Accepted(_) => json!({ "site": s.site, "state": "accepted" }),
            SiteState::Refused { code, reason } => json!({ "site": s.site, "state": "refused", "reason": code, "message": reason }),
            SiteState::Rejected { reason } => json!({ "site": s.site, "state": "rejected", "message": reason }),
            SiteState::Missing => json!({ "site": s.site, "state": "missing" }),
        })
        .collect();
    let by_site: Vec<Value> = table
        .sites
        .iter()
        .filter(|s| matches!(s.state, SiteState::Accepted(_)))
        .map(|s| json!({ "site": s.site, "table": rows(&s.rows, &table.items) }))
        .collect();
    json!({
        "schema": "countersign-result/1",
        "dictionary": table.dictionary,
        "title": title(table),
        "sites": sites,
        "rules": { "k_min": table.k_min, "mode": "exact" },
        "table": rows(&table.rows, &table.items),
        "by_site": by_site,
        "warnings": table.warnings,
    })
}

/// "3 of 4 sites".
pub(crate) fn title(table: &ResultTable) -> String {
    let all = table.sites.len();
    format!("{} of {all} site{}", table.accepted(), if all == 1 { "" } else { "s" })
}

fn rows(rows: &[Row], items: &[Item]) -> Vec<Value> {
    rows.iter().flat_map(|row| row.shown.iter().zip(items).map(|(shown, item)| entry(row, item, shown))).collect()
}

fn entry(row: &Row, item: &Item, shown: &Shown) -> Value {
    let group: Map<String, Value> = row.group.iter().map(|(a, band)| (a.clone(), json!(band))).collect();
    let mut out = Map::new();
    out.insert("group".into(), Value::Object(group));
    out.insert("item".into(), json!(item.title));
    out.insert("term".into(), json!(item.term));
    if let Some(unit) = &item.unit {
        out.insert("unit".into(), json!(unit));
    }
    let fields = match shown {
        Shown::Count(c) => json!({ "n": count(c) }),
        Shown::Estimate(e) => statistic::of(&item.ask).and_then(|s| s.json(e)).unwrap_or_else(|| json!({ "value": null })),
        Shown::NoEstimate(c) => json!({ "n": count(c), "value": null }),
        Shown::QuantileBetween { range, n } => json!({ "n": count(n), "value": null, "between": range }),
        Shown::Undefined { reason, n } => json!({ "n": exact(*n), "value": null, "undefined": reason }),
        Shown::Bands(bands) => {
            let list: Vec<Value> = bands.iter().map(|b| json!({ "band": b.label, "n": count(&b.count) })).collect();
            json!({ "histogram": list })
        }
    };
    if let Value::Object(fields) = fields {
        out.extend(fields);
    }
    Value::Object(out)
}

/// A released count.
pub(crate) fn exact(n: u64) -> Value {
    json!({ "value": n, "status": "exact" })
}

/// A count: `value` and `status`, and `low` and `high` where the value is hidden (`high` null: nothing bounds it).
fn count(count: &Count) -> Value {
    match *count {
        Count::Exact(n) => exact(n),
        Count::Hidden { why, high } => match why {
            Hidden::Below(_) => json!({ "value": null, "status": "small", "low": 0, "high": high }),
            Hidden::Block => json!({ "value": null, "status": "small", "scope": "block", "low": 0, "high": high }),
            Hidden::Withheld(reason) => json!({ "value": null, "status": "withheld", "reason": reason, "low": 0, "high": high }),
            Hidden::NotReleased => json!({ "value": null, "status": "not_released", "low": 0, "high": high }),
        },
        Count::Between { low, high, hidden, of, parts } => {
            let key = match parts {
                Parts::Sites => "hidden_sites",
                Parts::Bands => "hidden_bands",
            };
            json!({ "value": null, "status": "interval", "low": low, "high": high, key: hidden, "of": of })
        }
    }
}
