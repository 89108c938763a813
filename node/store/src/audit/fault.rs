//! What an audit found wrong, and where.

use crate::StoredBlock;
use countersign_ledger::{ProofChecker, State, TransactionResult, Verdict};
use countersign_messages::{Block, BlockError, CertificateError, EnvelopeError, Height, TransactionId};

/// The first thing that does not hold. Whoever made the file, or changed it since, is at fault.
#[derive(Debug, thiserror::Error)]
pub enum AuditFault {
    /// The block's certificate does not decide it.
    #[error(transparent)]
    Certificate(CertificateError),
    /// Something about the block as a whole.
    #[error("{}", placed(*height, reason))]
    Block {
        /// Where.
        height: Height,
        /// What.
        reason: BlockError,
    },
    /// A transaction that may stand in no block.
    #[error("block {height}, transaction {index} ({kind} {id}): {reason}", id = id.0)]
    Transaction {
        /// The block.
        height: Height,
        /// Its position, from 0.
        index: usize,
        /// What it is.
        kind: &'static str,
        /// Its id.
        id: TransactionId,
        /// What is wrong with it.
        reason: EnvelopeError,
    },
    /// A transaction whose recorded result is not what executing it gives; a proof that does not verify shows here.
    #[error("block {height}, transaction {index} ({kind} {id}): on record as {recorded}; executing it gives {found}", id = id.0)]
    Verdict {
        /// The block.
        height: Height,
        /// Its position, from 0.
        index: usize,
        /// What it is.
        kind: &'static str,
        /// Its id.
        id: TransactionId,
        /// The recorded result in words.
        recorded: String,
        /// The executed result in words; it names the proof that failed.
        found: String,
    },
}

impl AuditFault {
    /// Names the place of a block's fault. A commitment that does not hold is often one transaction's: the block is executed once more to
    /// say which.
    pub(super) fn of_block(error: BlockError, state: &State, stored: &StoredBlock, checker: &dyn ProofChecker) -> Self {
        let (header, transactions) = (&stored.block.header, &stored.block.transactions);
        match error {
            BlockError::Envelope { index, reason } => match transactions.get(index) {
                Some(t) => Self::Transaction { height: header.height, index, kind: t.payload.kind(), id: t.id(), reason },
                None => Self::Block { height: header.height, reason: BlockError::Envelope { index, reason } },
            },
            BlockError::Commitment { what: "results root" | "state digest", .. } => {
                let executed = state.propose(header.time, transactions.clone(), checker);
                let fault = executed.ok().and_then(|p| Self::of_results(stored, p.outcome.results()));
                fault.unwrap_or(Self::Block { height: header.height, reason: error })
            }
            reason => Self::Block { height: header.height, reason },
        }
    }

    /// Names the place of a block's fault where nothing is recorded beside the block.
    pub(super) fn of_sent(error: BlockError, block: &Block) -> Self {
        let height = block.header.height;
        match error {
            BlockError::Envelope { index, reason } => match block.transactions.get(index) {
                Some(t) => Self::Transaction { height, index, kind: t.payload.kind(), id: t.id(), reason },
                None => Self::Block { height, reason: BlockError::Envelope { index, reason } },
            },
            reason => Self::Block { height, reason },
        }
    }

    /// The first recorded result that is not what executing gave.
    pub(super) fn of_results(stored: &StoredBlock, executed: &[TransactionResult]) -> Option<Self> {
        let height = stored.block.header.height;
        for (index, (transaction, found)) in stored.block.transactions.iter().zip(executed).enumerate() {
            let recorded = stored.results.get(index);
            if recorded.map(TransactionResult::leaf) != Some(found.leaf()) {
                let recorded = recorded.map_or_else(|| "nothing".to_owned(), in_words);
                let mut found = in_words(found);
                if recorded == found {
                    found.push_str(" with another effect");
                }
                return Some(Self::Verdict { height, index, kind: transaction.payload.kind(), id: transaction.id(), recorded, found });
            }
        }
        let surplus = stored.results.len() > executed.len();
        let reason = BlockError::Commitment { height, what: "number of recorded results" };
        surplus.then_some(Self::Block { height, reason })
    }
}

fn in_words(result: &TransactionResult) -> String {
    match &result.verdict {
        Verdict::Accepted(_) => "accepted".to_owned(),
        Verdict::Rejected { code, detail } => format!("rejected ({code}: {detail})"),
    }
}

/// Names the block, once.
fn placed(height: Height, reason: &BlockError) -> String {
    match reason {
        BlockError::Commitment { .. } | BlockError::Previous(_) | BlockError::Transactions(_) => reason.to_string(),
        _ => format!("block {height}: {reason}"),
    }
}
