//! What Malachite calls a context: this chain's heights, validators, values and messages.
//!
//! The value consensus decides on is a block's id. Blocks themselves travel as parts ([`super::part`]).

use arc_malachitebft_core_types as malachite;
use arc_malachitebft_core_types::{Context, LinearTimeouts, NilOrVal, Round, SignedExtension, VoteType, VotingPower};
use borsh::{BorshDeserialize, BorshSerialize};
use countersign_circuits::hash::Digest32;
use countersign_messages as messages;
use countersign_messages::MemberId;
use ed25519_dalek::VerifyingKey;
use std::{fmt, sync::Arc};

use super::{part::Part, signing::Ed25519};

/// A validator's address: its member id.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub struct Address(pub MemberId);

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl malachite::Address for Address {}

/// A height of the chain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub struct Height(pub u64);

impl fmt::Display for Height {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl malachite::Height for Height {
    const ZERO: Self = Self(0);
    const INITIAL: Self = Self(1);

    fn increment_by(&self, n: u64) -> Self {
        Self(self.0.saturating_add(n))
    }

    fn decrement_by(&self, n: u64) -> Option<Self> {
        self.0.checked_sub(n).map(Self)
    }

    fn as_u64(&self) -> u64 {
        self.0
    }
}

impl From<messages::Height> for Height {
    fn from(height: messages::Height) -> Self {
        Self(height.0)
    }
}

impl From<Height> for messages::Height {
    fn from(height: Height) -> Self {
        Self(height.0)
    }
}

/// The value of a height: a block's id.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub struct BlockId(pub messages::BlockId);

impl fmt::Display for BlockId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for BlockId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(messages::BlockId(digest)) = self;
        f.write_str(&Digest32::short(digest))
    }
}

impl malachite::Value for BlockId {
    type Id = Self;

    fn id(&self) -> Self {
        *self
    }
}

/// A validator with one vote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Validator {
    address: Address,
    key: VerifyingKey,
}

impl malachite::Validator<Chain> for Validator {
    fn address(&self) -> &Address {
        &self.address
    }

    fn public_key(&self) -> &VerifyingKey {
        &self.key
    }

    fn voting_power(&self) -> VotingPower {
        1
    }
}

/// The validators of a height, ascending by key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Validators(Arc<Vec<Validator>>);

impl From<&messages::ValidatorSet> for Validators {
    /// The ledger admits proper keys only, so none is left out.
    fn from(set: &messages::ValidatorSet) -> Self {
        let validator = |id: &MemberId| Some(Validator { address: Address(*id), key: VerifyingKey::from_bytes(&id.0).ok()? });
        Self(Arc::new(set.members().iter().filter_map(validator).collect()))
    }
}

impl malachite::ValidatorSet<Chain> for Validators {
    fn count(&self) -> usize {
        self.0.len()
    }

    fn total_voting_power(&self) -> VotingPower {
        self.0.len() as VotingPower
    }

    fn get_by_address(&self, address: &Address) -> Option<&Validator> {
        self.0.binary_search_by(|v| v.address.cmp(address)).ok().and_then(|i| self.0.get(i))
    }

    fn get_by_index(&self, index: usize) -> Option<&Validator> {
        self.0.get(index)
    }
}

/// A proposal of a block.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Proposal {
    /// For this height.
    pub height: Height,
    /// In this round.
    pub round: Round,
    /// The block.
    pub value: BlockId,
    /// The round in which a quorum prevoted for it, if it is proposed again.
    pub pol_round: Round,
    /// The proposer.
    pub address: Address,
}

impl malachite::Proposal<Chain> for Proposal {
    fn height(&self) -> Height {
        self.height
    }

    fn round(&self) -> Round {
        self.round
    }

    fn value(&self) -> &BlockId {
        &self.value
    }

    fn take_value(self) -> BlockId {
        self.value
    }

    fn pol_round(&self) -> Round {
        self.pol_round
    }

    fn validator_address(&self) -> &Address {
        &self.address
    }
}

/// A vote. Vote extensions are not used.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Vote {
    /// Prevote or precommit.
    pub kind: VoteType,
    /// For this height.
    pub height: Height,
    /// In this round.
    pub round: Round,
    /// The block, or none.
    pub value: NilOrVal<BlockId>,
    /// The voter.
    pub address: Address,
}

impl malachite::Vote<Chain> for Vote {
    fn height(&self) -> Height {
        self.height
    }

    fn round(&self) -> Round {
        self.round
    }

    fn value(&self) -> &NilOrVal<BlockId> {
        &self.value
    }

    fn take_value(self) -> NilOrVal<BlockId> {
        self.value
    }

    fn vote_type(&self) -> VoteType {
        self.kind
    }

    fn validator_address(&self) -> &Address {
        &self.address
    }

    fn extension(&self) -> Option<&SignedExtension<Chain>> {
        None
    }

    fn take_extension(&mut self) -> Option<SignedExtension<Chain>> {
        None
    }

    fn extend(self, _: SignedExtension<Chain>) -> Self {
        self
    }
}

/// This chain.
#[derive(Clone, Debug)]
pub struct Chain;

impl Context for Chain {
    type Address = Address;
    type Height = Height;
    type ProposalPart = Part;
    type Proposal = Proposal;
    type Validator = Validator;
    type ValidatorSet = Validators;
    type Timeouts = LinearTimeouts;
    type Value = BlockId;
    type Vote = Vote;
    type Extension = ();
    type SigningScheme = Ed25519;

    /// In turn: every height, and every round of a height, has another proposer.
    fn select_proposer<'a>(&self, validators: &'a Validators, height: Height, round: Round) -> &'a Validator {
        let turn = height.0.wrapping_add(u64::try_from(round.as_i64()).unwrap_or(0));
        let index = usize::try_from(turn % validators.0.len().max(1) as u64).unwrap_or(0);
        &validators.0[index]
    }

    fn new_proposal(&self, height: Height, round: Round, value: BlockId, pol_round: Round, address: Address) -> Proposal {
        Proposal { height, round, value, pol_round, address }
    }

    fn new_prevote(&self, height: Height, round: Round, value: NilOrVal<BlockId>, address: Address) -> Vote {
        Vote { kind: VoteType::Prevote, height, round, value, address }
    }

    fn new_precommit(&self, height: Height, round: Round, value: NilOrVal<BlockId>, address: Address) -> Vote {
        Vote { kind: VoteType::Precommit, height, round, value, address }
    }
}
