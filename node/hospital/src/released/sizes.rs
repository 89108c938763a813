//! Which remembered sets can lie near another one, by how many people they hold and in which classes.

use crate::{HospitalStoreError, disclosure::Counts};
use roaring::RoaringBitmap;
use sqlx::SqliteConnection;
use std::collections::BTreeMap;

/// Sets that come in one row of the database (half a megabyte): each row costs a trip to its thread and back.
const SETS_A_ROW: i64 = 1_024;

/// Sets of the memory, before their people are looked at; read as far as somebody asks.
#[derive(Default)]
pub(super) struct Sizes {
    /// By size and id. No counts: of before there were any.
    sets: BTreeMap<(u32, i64), Option<Counts>>,
    /// Sizes of which all sets are here.
    read: RoaringBitmap,
}

impl Sizes {
    /// Ids of the sets that may lie nearer than `reach` to a set of so many people in these classes.
    pub(super) async fn near(
        &mut self,
        c: &mut SqliteConnection,
        size: u64,
        reach: u64,
        counts: &Counts,
    ) -> Result<Vec<i64>, HospitalStoreError> {
        let clamp = |size: u64| u32::try_from(size).unwrap_or(u32::MAX);
        let (from, to) = (clamp((size + 1).saturating_sub(reach)), clamp(size + reach));
        self.read(c, from, to).await?;
        let may = |counts: &Option<Counts>, own: &Counts| counts.is_none_or(|c| c.distance_at_least(own) < reach);
        Ok(self.sets.range((from, i64::MIN)..(to, i64::MIN)).filter(|(_, kept)| may(kept, counts)).map(|((_, id), _)| *id).collect())
    }

    /// Reads the sets of some sizes, those apart that are here.
    async fn read(&mut self, c: &mut SqliteConnection, from: u32, to: u32) -> Result<(), HospitalStoreError> {
        let mut wanted = RoaringBitmap::new();
        wanted.insert_range(from..to);
        wanted -= &self.read;
        while let Some(first) = wanted.min() {
            let run = (first..to).take_while(|size| wanted.contains(*size)).count() as u32;
            self.read_run(c, first, first + run).await?;
            wanted.remove_range(first..first + run);
            self.read.insert_range(first..first + run);
        }
        Ok(())
    }

    async fn read_run(&mut self, c: &mut SqliteConnection, from: u32, to: u32) -> Result<(), HospitalStoreError> {
        let mut after = (from, i64::MIN);
        loop {
            let some: Option<String> = sqlx::query_scalar(
                "SELECT group_concat(size || ' ' || id || ' ' || ifnull(hex(counts), ''))
                 FROM (SELECT size, id, counts FROM row_set WHERE (size, id) > (?, ?) AND size < ? ORDER BY size, id LIMIT ?)",
            )
            .bind(after.0)
            .bind(after.1)
            .bind(to)
            .bind(SETS_A_ROW)
            .fetch_one(&mut *c)
            .await?;
            let Some(some) = some else { return Ok(()) };
            for entry in some.split(',') {
                let (key, counts) = entry_of(entry).ok_or(HospitalStoreError::Damaged("a set of the released numbers"))?;
                after = after.max(key);
                self.sets.insert(key, counts);
            }
        }
    }
}

/// Size, id, and counts in hexadecimal.
fn entry_of(entry: &str) -> Option<((u32, i64), Option<Counts>)> {
    let (size, rest) = entry.split_once(' ')?;
    let (id, counts) = rest.split_once(' ')?;
    let counts = if counts.is_empty() { None } else { Some(Counts::from_bytes(&bytes(counts)?)?) };
    Some(((size.parse().ok()?, id.parse().ok()?), counts))
}

/// The bytes of upper-case hexadecimal digits, as SQLite writes them.
fn bytes(digits: &str) -> Option<Vec<u8>> {
    let digit = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    };
    let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
    rest.is_empty().then(|| pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect())?
}

#[cfg(test)]
mod tests {
    use super::bytes;

    #[test]
    fn hexadecimal_digits_are_read_whole_or_not() {
        assert_eq!(bytes("00FF1aB"), None, "odd");
        assert_eq!(bytes("00FF1a"), None, "SQLite writes capitals");
        assert_eq!(bytes("00FF1A"), Some(vec![0, 255, 26]));
        assert_eq!(bytes(""), Some(Vec::new()));
    }
}
