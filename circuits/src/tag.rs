//! Every domain tag of the product: what is hashed or signed under one can never be taken for what stands under another.
//!
//! A tag ends in the version of what it names. Each stands in docs/protocol/wire-format.md, under the section said of it; nowhere else in the product is one
//! written out (`tidy/src/tags.rs`).

// Digests of tables, statements, keys and sealed answers.

/// A scope registry's digest (wire-format.md: Hashing).
pub const SCOPE_REGISTRY: &str = "countersign/scope-registry/1";
/// A segment's digest: its context, place and commitments (wire-format.md: Hashing).
pub const SEGMENT: &str = "countersign/segment/1";
/// A question in canonical form (wire-format.md: Hashing).
pub const STATEMENT: &str = "countersign/statement/1";
/// What S1 is proved of (wire-format.md: Hashing).
pub const S1_STATEMENT: &str = "countersign/s1/statement/1";
/// What S2 is proved of (wire-format.md: Hashing).
pub const S2_STATEMENT: &str = "countersign/s2/statement/1";
/// What S4 is proved of (wire-format.md: Hashing).
pub const S4_STATEMENT: &str = "countersign/s4/statement/1";
/// A circuit's verifying key (wire-format.md: Hashing).
pub const VERIFYING_KEY: &str = "countersign/verifying-key/2";
/// All verifying keys of a network together (wire-format.md: Hashing).
pub const VERIFYING_KEYS: &str = "countersign/verifying-keys/1";
/// The identity of a study's cut at a hospital (wire-format.md: Hashing).
pub const DATA_CUT: &str = "countersign/cut/1";
/// What a sealed answer belongs to: a query and a hospital (wire-format.md: Hashing).
pub const SEALED_ANSWER: &str = "countersign/sealed-answer/1";
/// What a member signs on its card (wire-format.md: Hashing).
pub const MEMBER_CARD: &str = "countersign/member-card/1";
/// The salted hash of an import report, as the ledger has it (wire-format.md: Hashing).
pub const IMPORT_REPORT: &str = "countersign/import-report/1";
/// A source code or record that an attribute is made from (wire-format.md: Hashing).
pub const SOURCE_CODE: &str = "countersign/source-code/1";

// The ledger and consensus.

/// A network's identity (wire-format.md: Hashing, of the ledger and of consensus).
pub const GENESIS: &str = "countersign/genesis/1";
/// What a patient's key signs to show that somebody has its secret (wire-format.md: Hashing, of the ledger and of consensus).
pub const PATIENT_KEY: &str = "countersign/patient-key/1";
/// A key of a person of an ethics board, by itself (wire-format.md: Hashing, of the ledger and of consensus).
pub const PERSON_KEY: &str = "countersign/person-key/1";
/// A person's name with its salt (wire-format.md: Hashing, of the ledger and of consensus).
pub const PERSON_NAME: &str = "countersign/person-name/1";
/// What a person says (wire-format.md: Hashing, of the ledger and of consensus).
pub const PERSON_STATEMENT: &str = "countersign/person-statement/1";
/// What a person signs (wire-format.md: Hashing, of the ledger and of consensus).
pub const PERSON_SIGNATURE: &str = "countersign/person-signature/1";
/// The approvals of a study (wire-format.md: Hashing, of the ledger and of consensus).
pub const STUDY_APPROVALS: &str = "countersign/study-approvals/1";
/// A version of a study, whole (wire-format.md: Hashing, of the ledger and of consensus).
pub const STUDY_VERSION: &str = "countersign/study-version/1";
/// Which claim a code is of (wire-format.md: Hashing, of the ledger and of consensus).
pub const CLAIM: &str = "countersign/claim/1";
/// The check of secret bytes that people type (wire-format.md: Hashing, of the ledger and of consensus).
pub const TYPED_CHECK: &str = "countersign/typed-check/1";
/// A patient's request for a claim: what it is sealed to, and what its MAC is over (wire-format.md: Hashing, of the ledger and of consensus).
pub const CLAIM_REQUEST: &str = "countersign/claim-request/1";
/// What a note that narrows is sealed to, and what its key signs (wire-format.md: Hashing, of the ledger and of consensus).
pub const NARROWING: &str = "countersign/narrowing/1";
/// The seed of one of a patient's keys (wire-format.md: Hashing, of the ledger and of consensus).
pub const PATIENT_SEED: &str = "countersign/patient-seed/1";
/// What a hospital's sealed backup belongs to (wire-format.md: Hashing, of the ledger and of consensus).
pub const BACKUP: &str = "countersign/backup/1";
/// A block's identity (wire-format.md: Hashing, of the ledger and of consensus).
pub const HEADER: &str = "countersign/header/1";
/// What a member signs of a transaction (wire-format.md: Hashing, of the ledger and of consensus).
pub const TRANSACTION: &str = "countersign/transaction/1";
/// A transaction's identity, signature included (wire-format.md: Hashing, of the ledger and of consensus).
pub const TRANSACTION_ID: &str = "countersign/transaction-id/1";
/// The ledger's state (wire-format.md: Hashing, of the ledger and of consensus).
pub const STATE: &str = "countersign/state/6";
/// What is in force, inside the state (wire-format.md: Hashing, of the ledger and of consensus).
pub const GOVERNANCE: &str = "countersign/governance/1";
/// A set of validators (wire-format.md: Hashing, of the ledger and of consensus).
pub const VALIDATORS: &str = "countersign/validators/1";
/// A leaf of a Merkle tree (wire-format.md: Hashing, of the ledger and of consensus).
pub const MERKLE_LEAF: &str = "countersign/merkle-leaf/1";
/// An inner node of a Merkle tree (wire-format.md: Hashing, of the ledger and of consensus).
pub const MERKLE_NODE: &str = "countersign/merkle-node/1";
/// A Merkle root with its number of leaves (wire-format.md: Hashing, of the ledger and of consensus).
pub const MERKLE_ROOT: &str = "countersign/merkle-root/1";
/// The top of a Merkle tree without leaves (wire-format.md: Hashing, of the ledger and of consensus).
pub const MERKLE_EMPTY: &str = "countersign/merkle-empty/1";
/// A leaf that was taken out (wire-format.md: Hashing, of the ledger and of consensus).
pub const MERKLE_REMOVED: &str = "countersign/merkle-removed/1";
/// The policy of consents that came as a table; plain SHA-256 (wire-format.md: Hashing, of the ledger and of consensus).
pub const CONSENTS_CSV: &str = "countersign/consents/csv/1";
/// The policy where everybody counts as consenting (development networks); plain SHA-256 (wire-format.md: Hashing, of the ledger and of consensus).
pub const CONSENTS_EVERYBODY: &str = "countersign/consents/everybody/1";
/// A connection's validator proof, as the engine asks for it (wire-format.md: Hashing, of the ledger and of consensus).
pub const VALIDATOR_PROOF: &str = "countersign/validator-proof/1";
/// A vote extension, of which there are none (wire-format.md: Hashing, of the ledger and of consensus).
pub const NO_EXTENSION: &str = "countersign/no-extension/1";

// Signed or said between nodes, defined elsewhere.

/// The generators of commitments (tables.md) (wire-format.md: Hashing, tags whose use stands elsewhere).
pub const GENERATOR: &str = "countersign/generator/1/";
/// What a validator signs of a vote (consensus.md) (wire-format.md: Hashing, tags whose use stands elsewhere).
pub const VOTE: &str = "countersign/vote/1";
/// What a validator signs of a proposal (consensus.md) (wire-format.md: Hashing, tags whose use stands elsewhere).
pub const PROPOSAL: &str = "countersign/proposal/1";
/// What a validator signs of the first part of a proposed block (consensus.md) (wire-format.md: Hashing, tags whose use stands elsewhere).
pub const PROPOSAL_OPENING: &str = "countersign/opening/1";
/// The protocol's name in the TLS handshake; not hashed (transport.md) (wire-format.md: Hashing, tags whose use stands elsewhere).
pub const TRANSPORT: &str = "countersign/1";

// Inside one node, never sent.

/// A hospital's blinders of a segment (wire-format.md: Hashing, inside one node).
pub const HEDGE_BLINDERS: &str = "countersign/blinders";
/// A prover's randomness for S1 (wire-format.md: Hashing, inside one node).
pub const HEDGE_S1: &str = "countersign/s1";
/// A prover's randomness for S2 (wire-format.md: Hashing, inside one node).
pub const HEDGE_S2: &str = "countersign/s2";
/// A prover's randomness for the opening of one row (wire-format.md: Hashing, inside one node).
pub const HEDGE_ROW: &str = "countersign/row";
/// A prover's randomness for S4 (wire-format.md: Hashing, inside one node).
pub const HEDGE_S4: &str = "countersign/s4";
/// What the verdict on an erasure's proof is remembered by (wire-format.md: Hashing, inside one node).
pub const ERASURE_CHECK: &str = "countersign/erasure-check/1";
/// What the verdict on an anchor's proof is remembered by (wire-format.md: Hashing, inside one node).
pub const SEGMENTS_CHECK: &str = "countersign/segments-check/1";
/// What the verdict on an answer's proof is remembered by (wire-format.md: Hashing, inside one node).
pub const ANSWER_CHECK: &str = "countersign/answer-check/1";
/// The weights of a batch of proofs (wire-format.md: Hashing, inside one node).
pub const BATCH_WEIGHTS: &str = "countersign/batch-weights/1";
/// A FHIR resource while it is read (wire-format.md: Hashing, inside one node).
pub const RESOURCE: &str = "countersign/resource";
/// A business identifier while it is read (wire-format.md: Hashing, inside one node).
pub const BUSINESS_IDENTIFIER: &str = "countersign/business-identifier";
/// The draws of invented patients; a zero byte follows it (wire-format.md: Hashing, inside one node).
pub const GENERATE: &str = "countersign/generate/1";

// Digests that never leave a hospital.

/// An unfinished import, in the journal (wire-format.md: Hashing, never leaving a hospital).
pub const IMPORT: &str = "countersign/import/3";
/// A patient's id once the patient is erased (wire-format.md: Hashing, never leaving a hospital).
pub const ERASED: &str = "countersign/erased/1";
/// A set of people in the memory of released numbers (wire-format.md: Hashing, never leaving a hospital).
pub const ROW_SET: &str = "countersign/row-set/1";
/// The versions of segments a number was read from (wire-format.md: Hashing, never leaving a hospital).
pub const PINNED: &str = "countersign/pinned/1";
/// What the salts of a segment's records follow from (wire-format.md: Hashing, never leaving a hospital).
pub const SOURCE_SEED: &str = "countersign/source-seed/1";
/// The salt of an anchored record's leaf (wire-format.md: Hashing, never leaving a hospital).
pub const SOURCE_SALT: &str = "countersign/source-salt/1";
/// An anchored record's leaf (wire-format.md: Hashing, never leaving a hospital).
pub const SOURCE: &str = "countersign/source/1";

// Transcripts and sealing.

/// The outer transcript of S1 (wire-format.md: Outer transcript).
pub const S1_OUTER: &str = "countersign/s1/outer/1";
/// The outer transcript of S2 (wire-format.md: Outer transcript).
pub const S2_OUTER: &str = "countersign/s2/outer/1";
/// The outer transcript of S4 (wire-format.md: Outer transcript).
pub const S4_OUTER: &str = "countersign/s4/outer/1";
/// The transcript of the opening of one row (wire-format.md: Opening of one row).
pub const ROW_OUTER: &str = "countersign/row/outer/1";
/// HPKE's `info` of a sealed answer; not hashed, the context follows it (wire-format.md: Sealed cells).
pub const SEAL: &str = "countersign/seal/2";

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    #[test]
    fn no_two_tags_are_one() {
        let constants = include_str!("tag.rs").lines().filter_map(|line| line.strip_prefix("pub const "));
        let values: Vec<&str> = constants.filter_map(|constant| constant.split('"').nth(1)).collect();
        assert!(values.len() > 40 && values.iter().all(|value| value.starts_with("countersign/")), "{values:?}");
        assert_eq!(values.iter().collect::<BTreeSet<_>>().len(), values.len());
    }
}
