//! Accepted answers.

use super::{date, transaction::leavers};
use countersign_ledger::{AnswerRecord, GateCounts};
use countersign_messages::json;

/// Cells of an answer, by what the release rule said.
pub(crate) fn gates(counts: GateCounts) -> json::Gates {
    let [released, small, withheld_overlap, withheld_dominance, withheld_local] = counts.list();
    json::Gates { released, small, withheld_overlap, withheld_dominance, withheld_local }
}

/// An accepted answer.
pub(crate) fn answer(record: &AnswerRecord) -> json::Answer {
    json::Answer {
        query: record.query.into(),
        hospital: record.hospital.into(),
        cut: record.cut.0.into(),
        named_height: record.named.0,
        day: date(record.day),
        height: record.height.0,
        transaction: record.transaction.into(),
        k_min: record.k_min,
        cells_digest: record.cells_digest.into(),
        gates: gates(record.counts),
        sealed: record.sealed.into(),
        left_since_cut: leavers(record.left_since_cut),
        left_since_query: leavers(record.left_since_query),
        marked: record.marked,
    }
}
