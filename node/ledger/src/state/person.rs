//! Persons who sign for ethics boards: admitted, prolonged, ended.

use super::{Context, State, result::Effect};
use crate::rejection::{PersonRefused, Rejection};
use borsh::{BorshDeserialize, BorshSerialize};
use countersign_messages::{
    BlockTime, Height, MemberId, Person, PersonKey, Role, TransactionId,
    limits::{PERSON_CHANGES_MAX, PERSON_DAYS_MAX, PERSON_DELAY_MS, PERSONS_MAX, PERSONS_RECORDED_MAX},
};

/// A person of an ethics board.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct PersonRecord {
    /// The board.
    pub board: MemberId,
    /// As admitted, or changed last.
    pub person: Person,
    /// Signs from then on.
    pub since: BlockTime,
    /// Signs no more since this block.
    pub ended: Option<Height>,
    /// What made it so, in order: blocks, with the transactions of the board. Changes made by vote and those of the genesis have none.
    pub changes: Vec<(Height, Vec<TransactionId>)>,
}

impl PersonRecord {
    /// A person of the genesis: signs at once.
    pub(super) fn first(board: MemberId, person: Person, since: BlockTime) -> Self {
        Self { board, person, since, ended: None, changes: Vec::new() }
    }

    /// True if what they sign counts in a block of this time.
    pub fn signs(&self, time: BlockTime) -> bool {
        self.ended.is_none() && self.since <= time && time.day() <= self.person.until
    }

    /// Changes so far: what a statement that makes the next one names.
    pub fn number(&self) -> u32 {
        self.changes.len() as u32
    }
}

/// When and by which transactions of the board something is done.
pub(super) struct Done {
    pub(super) height: Height,
    pub(super) time: BlockTime,
    pub(super) transactions: Vec<TransactionId>,
}

impl State {
    /// A person of an ethics board, in force or not.
    pub fn person(&self, key: &PersonKey) -> Option<&PersonRecord> {
        self.persons.get(key).map(std::sync::Arc::as_ref)
    }

    /// All persons of ethics boards, those who sign no more too.
    pub fn persons(&self) -> impl Iterator<Item = &PersonRecord> {
        self.persons.iter().map(|(_, record)| record.as_ref())
    }

    /// A person of this board, whether in force or not.
    pub(super) fn person_of(&self, board: &MemberId, key: &PersonKey) -> Result<&PersonRecord, PersonRefused> {
        self.person(key).filter(|record| record.board == *board).ok_or(PersonRefused::Unknown)
    }

    /// A person of this board whose signature counts now.
    pub(super) fn signer_of(&self, board: &MemberId, key: &PersonKey, time: BlockTime) -> Result<&PersonRecord, PersonRefused> {
        let record = self.person_of(board, key)?;
        if record.signs(time) { Ok(record) } else { Err(PersonRefused::NotInForce) }
    }

    /// The rules of an admission or change.
    pub(super) fn check_person(&self, board: &MemberId, person: &Person, time: BlockTime) -> Result<(), Rejection> {
        if !self.has_role(board, Role::Board) {
            return Err(PersonRefused::NoBoard.into());
        }
        let (today, known) = (time.day(), self.person(&person.key));
        if self.member(&person.key.signer()).is_some() || known.is_some_and(|record| record.board != *board) {
            return Err(PersonRefused::KeyTaken.into());
        }
        if !person.possession_holds(board) {
            return Err(PersonRefused::Possession.into());
        }
        if person.until < today || person.until.0 > today.0.saturating_add(PERSON_DAYS_MAX) {
            return Err(PersonRefused::Until.into());
        }
        match known {
            Some(record) if record.ended.is_some() => Err(PersonRefused::Ended.into()),
            Some(record) if record.changes.len() >= PERSON_CHANGES_MAX => Err(PersonRefused::Changes.into()),
            Some(record) if record.person == *person => Err(Rejection::NothingChanges),
            None if self.persons().filter(|r| r.board == *board).count() >= PERSONS_RECORDED_MAX => Err(PersonRefused::Recorded.into()),
            // those whose time is over may come back, so they count
            None if self.persons().filter(|r| r.board == *board && r.ended.is_none()).count() >= PERSONS_MAX => {
                Err(PersonRefused::Persons.into())
            }
            _ => Ok(()),
        }
    }

    /// Admits a person, or changes one. Whoever comes, comes back or gets another office signs a day later.
    pub(super) fn admit_person(&mut self, board: MemberId, person: Person, done: Done) {
        let known = self.person(&person.key);
        let goes_on = known.filter(|record| record.person.office == person.office && record.signs(done.time)).map(|record| record.since);
        let mut changes = known.map(|record| record.changes.clone()).unwrap_or_default();
        changes.push((done.height, done.transactions));
        let since = goes_on.unwrap_or_else(|| done.time.plus_ms(PERSON_DELAY_MS));
        self.persons.insert(person.key, PersonRecord { board, person, since, ended: None, changes });
    }

    /// Ends a person, for good.
    pub(super) fn end_person(&mut self, key: &PersonKey, done: Done) -> Result<(), Rejection> {
        let mut record = self.person(key).ok_or(PersonRefused::Unknown)?.clone();
        if record.ended.is_some() {
            return Err(PersonRefused::Ended.into());
        }
        record.ended = Some(done.height);
        record.changes.push((done.height, done.transactions));
        self.persons.insert(*key, record);
        Ok(())
    }

    /// A board ends one of its persons by its own key.
    pub(super) fn apply_end_person(&mut self, cx: &Context<'_>, key: &PersonKey) -> Result<Effect, Rejection> {
        self.person_of(&cx.signer, key)?;
        self.end_person(key, cx.done(Vec::new()))?;
        Ok(Effect::PersonEnded(*key))
    }

    /// The transactions of boards up to a height that changed who signs for them.
    pub(crate) fn person_transactions(&self, until: Height) -> impl Iterator<Item = TransactionId> {
        let changes = self.persons().flat_map(|record| &record.changes);
        changes.filter(move |(height, _)| *height <= until).flat_map(|(_, transactions)| transactions).copied()
    }
}

impl Context<'_> {
    /// What this transaction does, with the first signatures it rests on.
    pub(super) fn done(&self, mut transactions: Vec<TransactionId>) -> Done {
        transactions.push(self.transaction);
        Done { height: self.height, time: self.time, transactions }
    }
}
