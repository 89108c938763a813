//! The memory of released cells: which rows each counted, by random row ids, for the overlap rule D7.
//!
//! A row set names no person and no slot; after an erasure nothing links its ids to either.

use crate::{
    Keeping, KeepingError,
    disclosure::{Candidate, RowSet, Withhold, judge},
    journal::{QueryId, ReleasedGate},
};
use sqlx::SqliteConnection;

/// Stored sets read at a time: about 12 KiB each for 100,000 rows.
const PAGE: i64 = 64;

impl Keeping {
    /// Judges the gates of an answer by the rules that rest on the hospital: overlap with any earlier released cell of any
    /// study, dominance, and the hospital's own word.
    ///
    /// Reads only the earlier sets whose size is within k_min of a candidate's: others differ by k_min rows at least.
    ///
    /// # Errors
    /// The file is damaged.
    pub async fn judge(&self, candidates: &[Candidate<'_>], k_min: u32) -> Result<Vec<Withhold>, KeepingError> {
        let mut c = self.pool.acquire().await?;
        let sets: Vec<&RowSet> = candidates.iter().map(|c| &c.rows).collect();
        Ok(judge(candidates, &overlapping(&mut c, &sets, k_min).await?))
    }
}

pub(crate) async fn overlapping(c: &mut SqliteConnection, sets: &[&RowSet], k_min: u32) -> Result<Vec<bool>, KeepingError> {
    let mut found = vec![false; sets.len()];
    for (set, found) in sets.iter().zip(&mut found) {
        *found = overlaps_any(c, set, k_min).await?;
    }
    Ok(found)
}

async fn overlaps_any(c: &mut SqliteConnection, set: &RowSet, k_min: u32) -> Result<bool, KeepingError> {
    let size = set.len() as i64;
    let reach = i64::from(k_min);
    let mut place = (size - reach, Vec::new(), -1i64);
    loop {
        let page: Vec<(i64, Vec<u8>, i64, Vec<u8>)> = sqlx::query_as(
            "SELECT size, query, gate, rows FROM released WHERE size < ? AND (size, query, gate) > (?, ?, ?)
             ORDER BY size, query, gate LIMIT ?",
        )
        .bind(size + reach)
        .bind(place.0)
        .bind(&place.1)
        .bind(place.2)
        .bind(PAGE)
        .fetch_all(&mut *c)
        .await?;
        let Some(last) = page.last() else { return Ok(false) };
        place = (last.0, last.1.clone(), last.2);
        for (_, _, _, rows) in page {
            let earlier = RowSet::from_bytes(&rows).ok_or(KeepingError::Damaged("the rows of a released cell"))?;
            if set.exposes(&earlier, k_min) {
                return Ok(true);
            }
        }
    }
}

pub(crate) async fn remember(c: &mut SqliteConnection, query: QueryId, gate: &ReleasedGate<'_>) -> Result<(), KeepingError> {
    sqlx::query("INSERT INTO released (query, gate, size, rows) VALUES (?, ?, ?, ?)")
        .bind(&query.0.0[..])
        .bind(gate.gate.0)
        .bind(gate.rows.len() as i64)
        .bind(gate.rows.to_bytes())
        .execute(c)
        .await?;
    Ok(())
}
