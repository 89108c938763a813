//! Governance: proposals, votes, and changes coming into force.
//!
//! A change due at a height is made after the transactions of the block before it, so that the state between two blocks is what the next
//! block runs on: the members whose transactions it may hold, the validators that decide it, the keys its proofs are verified with.

use super::{
    Context, State,
    person::Done,
    proposal::{ProposalRecord, ProposalStatus, Tally, VoteRecord},
    records::DictionaryRecord,
    result::Effect,
};
use crate::rejection::{PersonRefused, Rejection, StudyRefused};
use countersign_circuits::{dictionary::Dictionary, hash::Digest32, tag};
use countersign_messages::{
    BlockTime, Change, Height, K_MIN_MAX, Member, MemberId, PersonKey, Proposal, ProposalId, Role, Rules, ValidatorSet, Vote,
    limits::{IN_FORCE_HEIGHTS_MAX, MEMBERS_MAX, PROPOSALS_A_MEMBER_MAX, PROPOSALS_PENDING_MAX, VOTING_MS},
};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, OnceLock},
};

impl State {
    pub(super) fn apply_propose(&mut self, cx: &Context<'_>, proposal: &Proposal) -> Result<Effect, Rejection> {
        if proposal.reason.trim().is_empty() {
            return Err(Rejection::ProposalText);
        }
        let last = Height(cx.height.0.saturating_add(IN_FORCE_HEIGHTS_MAX));
        if proposal.in_force > last {
            return Err(Rejection::InForceTooFar { found: proposal.in_force, last });
        }
        if self.pending.len() >= PROPOSALS_PENDING_MAX {
            return Err(Rejection::ProposalsPending);
        }
        if self.pending().filter(|(_, p)| p.proposer == cx.signer).count() >= PROPOSALS_A_MEMBER_MAX {
            return Err(Rejection::ProposalsOfMember);
        }
        self.check_change(&proposal.change, cx.time)?;

        let id = ProposalId(cx.transaction);
        let mut record = ProposalRecord {
            number: self.proposals.len() as u32 + 1,
            proposal: proposal.clone(),
            proposer: cx.signer,
            height: cx.height,
            closes: cx.time.plus_ms(VOTING_MS),
            votes: vec![VoteRecord { member: cx.signer, approve: true, height: cx.height, transaction: cx.transaction }],
            status: ProposalStatus::Open,
        };
        record.status = self.decided(&record, cx.height, cx.height.next());
        let effect = Effect::Proposed { proposal: id, number: record.number, status: record.status };
        self.keep_proposal(id, record);
        Ok(effect)
    }

    pub(super) fn apply_vote(&mut self, cx: &Context<'_>, vote: &Vote) -> Result<Effect, Rejection> {
        let mut record = self.proposals.get(&vote.proposal).ok_or(Rejection::ProposalUnknown)?.as_ref().clone();
        if record.status != ProposalStatus::Open {
            return Err(Rejection::ProposalClosed(record.status));
        }
        if cx.time > record.closes {
            return Err(Rejection::VoteLate { closes: record.closes });
        }
        if record.votes.iter().any(|v| v.member == cx.signer) {
            return Err(Rejection::Voted);
        }
        record.votes.push(VoteRecord { member: cx.signer, approve: vote.approve, height: cx.height, transaction: cx.transaction });
        record.status = self.decided(&record, cx.height, cx.height.next());
        let effect = Effect::Voted { proposal: vote.proposal, approve: vote.approve, tally: self.tally(&record), status: record.status };
        self.keep_proposal(vote.proposal, record);
        Ok(effect)
    }

    /// The votes on a proposal of those who are governance members now.
    pub fn tally(&self, record: &ProposalRecord) -> Tally {
        let votes = record.votes.iter().filter(|v| self.has_role(&v.member, Role::Governance));
        let mut tally = Tally { voters: count(self.members(), Role::Governance), ..Tally::default() };
        for vote in votes {
            let counter = if vote.approve { &mut tally.approve } else { &mut tally.reject };
            *counter = counter.saturating_add(1);
        }
        tally
    }

    /// What the votes so far make of an open proposal; `earliest` is the first block it can be in force in.
    fn decided(&self, record: &ProposalRecord, height: Height, earliest: Height) -> ProposalStatus {
        let tally = self.tally(record);
        if tally.is_carried() {
            ProposalStatus::Carried { due: record.proposal.in_force.max(earliest) }
        } else if tally.is_refused() {
            ProposalStatus::Refused { height }
        } else {
            ProposalStatus::Open
        }
    }

    fn keep_proposal(&mut self, id: ProposalId, record: ProposalRecord) {
        if record.status.is_pending() {
            self.pending.insert(record.number, id);
        } else {
            self.pending.remove(&record.number);
        }
        self.proposals.insert(id, record);
    }

    fn pending(&self) -> impl Iterator<Item = (ProposalId, &Arc<ProposalRecord>)> {
        self.pending.values().filter_map(|id| self.proposals.get(id).map(|record| (*id, record)))
    }

    /// Ends a block: makes the changes that are due at the next height, counts open votes again if members changed, and closes proposals
    /// whose time is over. Cannot fail: a change that does not fit any more lapses. True if the validator set is another now.
    pub(crate) fn settle(&mut self, height: Height, time: BlockTime) -> bool {
        self.forget_waiting(time.day());
        self.forget_statements(time.day());
        let pending: Vec<(ProposalId, Arc<ProposalRecord>)> = self.pending().map(|(id, record)| (id, Arc::clone(record))).collect();
        let next = height.next();
        let is_due = |record: &ProposalRecord| matches!(record.status, ProposalStatus::Carried { due } if due <= next);
        let (due, rest): (Vec<_>, Vec<_>) = pending.into_iter().partition(|(_, record)| is_due(record.as_ref()));
        let made = !due.is_empty();
        for (id, record) in due {
            // on a copy, as a transaction: a panic lapses the change and keeps nobody from the next block
            let mut copy = self.clone();
            let made =
                catch_unwind(AssertUnwindSafe(|| copy.make(&record.proposal.change, (next, time), id))).unwrap_or(Err(Rejection::Panicked));
            let status = match made {
                Ok(()) => {
                    *self = copy;
                    ProposalStatus::InForce { since: next }
                }
                Err(rejection) => ProposalStatus::Lapsed { height: next, reason: rejection.code() },
            };
            self.keep_proposal(id, ProposalRecord { status, ..record.as_ref().clone() });
        }
        for (id, record) in rest.into_iter().filter(|(_, record)| record.status == ProposalStatus::Open) {
            // whoever left or came with a change at `next` counts from then on, so a proposal carried by that comes one block later
            let status = match self.decided(&record, height, next.next()) {
                ProposalStatus::Open if time >= record.closes => ProposalStatus::Expired { height },
                status => status,
            };
            if status != ProposalStatus::Open {
                self.keep_proposal(id, ProposalRecord { status, ..record.as_ref().clone() });
            }
        }
        if !made {
            return false;
        }
        let validators = ValidatorSet::new(self.members().filter(|m| m.has_role(Role::Validator)).map(|m| m.id));
        let changed = validators != self.validators();
        if changed {
            self.validator_sets.insert(next, validators);
        }
        changed
    }

    /// Makes a change, if it fits.
    fn make(&mut self, change: &Change, (since, time): (Height, BlockTime), by: ProposalId) -> Result<(), Rejection> {
        self.check_change(change, time)?;
        let done = Done { height: since, time, transactions: Vec::new() };
        match change {
            Change::Admit(member) => self.members.insert(member.id, member.clone()),
            Change::Remove(id) => self.members.remove(id),
            Change::Dictionary(bytes) => {
                let record = DictionaryRecord { bytes: bytes.clone(), height: since, transaction: by.0, parsed: OnceLock::new() };
                self.dictionaries.insert(Digest32::of(bytes), record);
            }
            Change::Registry(registry) => {
                self.in_force.registry = registry.digest();
                self.registries.insert(registry.digest(), registry.clone());
            }
            Change::Rules(rules) => (self.in_force.rules, self.in_force.since) = (rules.clone(), since),
            Change::CircuitKeys(keys) => (self.in_force.circuit_keys, self.in_force.since) = (keys.digest, since),
            Change::AdmitPerson { board, person } => self.admit_person(*board, *person, done),
            Change::EndPerson(key) => self.end_person(key, done)?,
            Change::Boards { hospital, boards } if boards.is_empty() => self.required.remove(hospital),
            Change::Boards { hospital, boards } => self.required.insert(*hospital, boards.clone()),
        }
        Ok(())
    }

    /// The rules of a change, when it is proposed and again when it is due.
    fn check_change(&self, change: &Change, time: BlockTime) -> Result<(), Rejection> {
        match change {
            Change::Admit(member) => self.check_admission(member),
            Change::Remove(id) => {
                self.member(id).ok_or(Rejection::MemberUnknown)?;
                check_left(self.members().filter(|m| m.id != *id))
            }
            Change::Dictionary(bytes) => self.check_dictionary(bytes),
            Change::Registry(registry) => {
                registry.check()?;
                changes(registry.digest() != self.in_force.registry)
            }
            Change::Rules(rules) => {
                let least = Rules::k_min_least(self.genesis.development);
                if !(least..=K_MIN_MAX).contains(&rules.k_min) {
                    return Err(Rejection::RulesKMin { found: rules.k_min, least });
                }
                changes(*rules != self.in_force.rules)
            }
            Change::CircuitKeys(keys) => {
                if keys.development && !self.genesis.development {
                    return Err(Rejection::DevelopmentKeys);
                }
                changes(keys.digest != self.in_force.circuit_keys)
            }
            Change::AdmitPerson { board, person } => self.check_person(board, person, time),
            Change::EndPerson(key) => match self.person(key).map(|record| record.ended) {
                Some(None) => Ok(()),
                Some(_) => Err(PersonRefused::Ended.into()),
                None => Err(PersonRefused::Unknown.into()),
            },
            Change::Boards { hospital, boards } => self.check_boards(hospital, boards),
        }
    }

    fn check_boards(&self, hospital: &MemberId, boards: &[MemberId]) -> Result<(), Rejection> {
        let ascending = boards.windows(2).all(|pair| matches!(pair, [a, b] if a < b));
        if !self.has_role(hospital, Role::Hospital) || !ascending || !boards.iter().all(|board| self.has_role(board, Role::Board)) {
            return Err(StudyRefused::RequiredBoards.into());
        }
        changes(self.required_boards(hospital) != boards)
    }

    /// The ethics boards that must approve a study before this hospital accepts it; none if any one of the study's is enough.
    pub fn required_boards(&self, hospital: &MemberId) -> &[MemberId] {
        self.required.get(hospital).map_or(&[], |boards| boards.as_slice())
    }

    fn check_admission(&self, member: &Member) -> Result<(), Rejection> {
        if member.id.key().is_none() || self.person(&PersonKey(member.id.0)).is_some() {
            return Err(Rejection::MemberKey);
        }
        if !member.roles_fit() {
            return Err(Rejection::MemberRoles);
        }
        if !member.sealing_fits() {
            return Err(Rejection::MemberSealing);
        }
        let before = self.member(&member.id);
        changes(before != Some(member))?;
        if before.is_none() && self.members.len() >= MEMBERS_MAX {
            return Err(Rejection::MembersFull);
        }
        let others = || self.members().filter(|m| m.id != member.id);
        if others().any(|m| m.name == member.name) {
            return Err(Rejection::NameTaken(member.name.clone()));
        }
        check_left(others().chain([member]))
    }

    fn check_dictionary(&self, bytes: &[u8]) -> Result<(), Rejection> {
        let dictionary = Dictionary::from_canonical(bytes).map_err(|e| Rejection::DictionaryInvalid(e.to_string()))?;
        if self.dictionaries.get(&dictionary.digest()).is_some() {
            return Err(Rejection::DictionaryKnown);
        }
        if self.dictionaries().any(|d| d.dictionary().reference() == dictionary.reference()) {
            return Err(Rejection::DictionaryTaken(dictionary.reference()));
        }
        Ok(())
    }

    /// Digest of all of governance: what is in force, and every proposal, vote and person of an ethics board. Answers carry it, so that nobody who shows an answer
    /// alone can leave a change out.
    pub(super) fn governance_digest(&self) -> Digest32 {
        let roots = [
            &self.members.root(),
            &self.validator_sets.root(),
            &self.registries.root(),
            &self.proposals.root(),
            &self.persons.root(),
            &self.required.root(),
        ];
        Digest32::tagged(tag::GOVERNANCE, [countersign_messages::codec::bytes_of(&(&self.in_force, roots)).as_slice()])
    }
}

fn changes(something: bool) -> Result<(), Rejection> {
    if something { Ok(()) } else { Err(Rejection::NothingChanges) }
}

fn count<'a>(members: impl Iterator<Item = &'a Member>, role: Role) -> u32 {
    members.filter(|m| m.has_role(role)).count() as u32
}

/// The network goes on only with somebody who verifies and somebody who can change it.
fn check_left<'a>(members: impl Iterator<Item = &'a Member> + Clone) -> Result<(), Rejection> {
    if count(members.clone(), Role::Validator) == 0 {
        return Err(Rejection::NoValidator);
    }
    if count(members, Role::Governance) == 0 { Err(Rejection::NoGovernance) } else { Ok(()) }
}
