//! The statement digest of S2: everything an answer is about, framed unambiguously and hashed to a field element.

use crate::{
    aggregate::CIRCUIT_VERSION,
    consent::Day,
    field::{Fr, G1Affine},
    hash::Digest32,
    outer::digest_to_field,
    segment::{Segment, TableContext, point_bytes},
    statement::Wiring,
    tag,
};
use borsh::{BorshDeserialize, BorshSerialize};

/// What the ledger says an answer is about. An answer moved to another context has another digest.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct AnswerContext {
    /// Hash of the network's genesis.
    pub network: Digest32,
    /// Transaction id of the query.
    pub query: Digest32,
    /// Hash of the query's canonical bytes.
    pub query_bytes: Digest32,
    /// The study.
    pub study: Digest32,
    /// Version of the study.
    pub study_version: u32,
    /// The study's cut at this hospital.
    pub cut: Digest32,
    /// The hospital.
    pub hospital: Digest32,
    /// The data table's dictionary.
    pub dictionary: Digest32,
    /// The hospital's mapping.
    pub mapping: Digest32,
    /// The scope registry.
    pub registry: Digest32,
    /// Height of the query.
    pub query_height: u64,
    /// Height whose state the answer names.
    pub answer_height: u64,
    /// UTC date of that height.
    pub day: Day,
    /// Least count of a gate.
    pub k_min: u32,
}

impl AnswerContext {
    /// The context of the data segments.
    pub fn data_table(&self) -> TableContext {
        TableContext { network: self.network, hospital: self.hospital, table: self.dictionary }
    }

    /// The context of the consent segments.
    pub fn consent_table(&self) -> TableContext {
        TableContext { network: self.network, hospital: self.hospital, table: self.registry }
    }

    /// `statement_digest`: the context, and the digests of all data and consent segments and the active points in order.
    ///
    /// # Panics
    /// Never: writing to memory does not fail.
    pub fn digest(&self, data: &[Segment], consent: &[Segment], active: &[G1Affine]) -> Fr {
        let digests = |list: &[Segment]| list.iter().map(Segment::digest).collect::<Vec<_>>();
        let active: Vec<[u8; 32]> = active.iter().map(point_bytes).collect();
        let lists = (digests(data), digests(consent), active);
        let bytes = borsh::to_vec(&(CIRCUIT_VERSION, self, lists)).expect("writing to memory does not fail");
        digest_to_field(&Digest32::tagged(tag::S2_STATEMENT, [bytes.as_slice()]))
    }
}

/// Everything the ledger says about an answer: what the prover proves and the verifier recomputes.
#[derive(Debug, Clone, Copy)]
pub struct AggregateInstance<'a> {
    /// Ids, heights and rules.
    pub context: &'a AnswerContext,
    /// The statement's wiring.
    pub wiring: &'a Wiring,
    /// Data segments of the cut, in order.
    pub data: &'a [Segment],
    /// Consent segments of the cut, in order, as many.
    pub consent: &'a [Segment],
    /// Active bits of each segment as zero-blinder points.
    pub active: &'a [G1Affine],
}

impl AggregateInstance<'_> {
    /// The statement digest.
    pub fn digest(&self) -> Fr {
        self.context.digest(self.data, self.consent, self.active)
    }

    /// Least count of a gate: the rule's, or what a model needs.
    pub fn gate_minimum(&self) -> u32 {
        self.wiring.gate_minimum(self.context.k_min)
    }
}
