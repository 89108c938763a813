//! Transactions and what became of them.

use super::{
    proposal::{standing, tally},
    time,
};
use countersign_circuits::hash::Digest32;
use countersign_ledger::{Effect, Leavers, TransactionResult, Verdict, light::Inclusion};
use countersign_messages::{Transaction, TransactionId, json, merkle};
use countersign_store::StoredBlock;

/// Slots that left, by cause.
pub(crate) fn leavers(leavers: Leavers) -> json::Leavers {
    json::Leavers { key: leavers.key, word: leavers.word, source: leavers.source }
}

fn effect(effect: &Effect) -> json::Effect {
    match effect {
        Effect::Proposed { proposal, number, status } => {
            json::Effect::Proposed { proposal: (*proposal).into(), number: *number, standing: standing(*status) }
        }
        Effect::Voted { proposal, approve, tally: votes, status } => {
            json::Effect::Voted { proposal: (*proposal).into(), approve: *approve, tally: tally(*votes), standing: standing(*status) }
        }
        Effect::Anchored { table, segments } => json::Effect::Anchored { table: table.table.into(), segments: *segments },
        Effect::Withdrawn(slots) => json::Effect::Withdrawn { slots: leavers(*slots) },
        Effect::Erased { index, slots, versions } => json::Effect::Erased { index: *index, slots: *slots, versions: *versions },
        Effect::Enrolled(keys) => json::Effect::Enrolled { keys: *keys },
        Effect::Submitted { study, number } => json::Effect::Submitted { study: (*study).into(), number: *number },
        Effect::Signed(statement) => json::Effect::Signed { statement: (*statement).into() },
        Effect::PersonAdmitted(key) => json::Effect::PersonAdmitted { person: key.signer().into() },
        Effect::PersonEnded(key) => json::Effect::PersonEnded { person: key.signer().into() },
        Effect::Recused { study, person } => json::Effect::Recused { study: (*study).into(), person: person.signer().into() },
        Effect::Decided { study, act } => json::Effect::Decided { study: (*study).into(), act: act.to_string() },
        Effect::Accepted { study, cut } => json::Effect::Accepted { study: (*study).into(), cut: cut.0.into() },
        Effect::Asked { query, number, hospitals } => json::Effect::Asked { query: (*query).into(), number: *number, sites: *hospitals },
        Effect::Answered(record) => json::Effect::Answered { query: record.query.into(), hospital: record.hospital.into() },
        Effect::Declined { query, after_acceptance } => {
            json::Effect::Declined { query: (*query).into(), after_acceptance: *after_acceptance }
        }
    }
}

fn verdict(verdict: &Verdict) -> json::Verdict {
    match verdict {
        Verdict::Accepted(done) => json::Verdict::Accepted { effect: effect(done) },
        Verdict::Rejected { code, detail } => json::Verdict::Rejected { code: code.to_string(), words: detail.clone() },
    }
}

fn summary(position: u32, transaction: &Transaction, result: &TransactionResult) -> json::TransactionSummary {
    json::TransactionSummary {
        id: result.transaction.into(),
        position,
        kind: transaction.payload.kind().into(),
        signer: transaction.signer.into(),
        sequence: transaction.sequence,
        verdict: verdict(&result.verdict),
    }
}

/// The transactions of a block, in short, in order.
pub(crate) fn summaries(stored: &StoredBlock) -> Vec<json::TransactionSummary> {
    let pairs = stored.block.transactions.iter().zip(&stored.results);
    (0..).zip(pairs).map(|(position, (transaction, result))| summary(position, transaction, result)).collect()
}

fn merkle_path(leaf: Digest32, path: &merkle::Path) -> json::MerklePath {
    json::MerklePath {
        leaf: leaf.into(),
        index: path.index,
        count: path.count,
        siblings: path.siblings.iter().map(|sibling| (*sibling).into()).collect(),
    }
}

/// The transaction at a position of a block, or `None` beyond it.
pub(crate) fn transaction(stored: &StoredBlock, position: u32) -> Option<json::Transaction> {
    let inclusion = Inclusion::new(&stored.block, &stored.results, position as usize)?;
    let header = &stored.block.header;
    Some(json::Transaction {
        summary: summaries(stored).into_iter().nth(position as usize)?,
        height: header.height.0,
        time: time(header.time),
        block: header.id().into(),
        transaction_path: merkle_path(merkle::leaf(&inclusion.result.transaction.0.0), &inclusion.path),
        result_path: merkle_path(inclusion.result.leaf(), &inclusion.result_path),
    })
}

/// A transaction that was taken and is in no block yet.
pub(crate) fn queued(id: TransactionId) -> json::Queued {
    json::Queued { id: id.into(), status: "queued".into() }
}
