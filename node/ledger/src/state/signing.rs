//! Signatures of persons of ethics boards: some decide alone, most wait for a second.

use super::{Context, State, person::PersonRecord, records::StudyRecord, result::Effect, study::act::is_sealed};
use crate::rejection::{PersonRefused, Rejection, StudyRefused};
use borsh::{BorshDeserialize, BorshSerialize};
use countersign_circuits::{consent::Day, hash::Digest32};
use countersign_messages::{
    Act, BoardStatement, Height, MemberId, Office, PersonKey, SealingParty, Signing, StudyDecision, StudyId, TransactionId,
    limits::{RECUSED_MAX, SIGNATURE_DAYS, SIGNATURES_WAITING_MAX},
};

/// A signature under a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct SignatureRecord {
    /// Who signed.
    pub person: PersonKey,
    /// In which office.
    pub office: Office,
    /// The day they signed.
    pub day: Day,
    /// Included at.
    pub height: Height,
    /// Included as.
    pub transaction: TransactionId,
}

/// A statement of a board that waits for a second signature.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct WaitingStatement {
    /// What is said.
    pub statement: BoardStatement,
    /// Who has signed it, in order; no two of them decide together.
    pub signatures: Vec<SignatureRecord>,
}

impl WaitingStatement {
    /// The last day on which one of its signatures counts.
    pub fn until(&self) -> Day {
        Day(self.signatures.iter().map(|signature| signature.day.0).max().unwrap_or_default().saturating_add(SIGNATURE_DAYS))
    }
}

impl State {
    /// Statements of a board that wait for a second signature.
    pub fn waiting_statements(&self, board: &MemberId) -> impl Iterator<Item = &WaitingStatement> {
        let all = (*board, Digest32([0; 32]))..=(*board, Digest32([u8::MAX; 32]));
        self.statements.range(all).map(|(_, waiting)| waiting.as_ref())
    }

    pub(super) fn apply_sign(&mut self, cx: &Context<'_>, signing: &Signing) -> Result<Effect, Rejection> {
        let (board, today) = (cx.signer, cx.time.day());
        let signer = self.signer_of(&board, &signing.person, cx.time)?;
        if signing.day > today || signing.day.0 < today.0.saturating_sub(SIGNATURE_DAYS) {
            return Err(PersonRefused::SigningDay.into());
        }
        if !signing.is_signed(&self.network, &board) {
            return Err(PersonRefused::Signature.into());
        }
        self.check_statement(cx, signer, &signing.statement)?;
        let own = SignatureRecord {
            person: signing.person,
            office: signer.person.office,
            day: signing.day,
            height: cx.height,
            transaction: cx.transaction,
        };
        let key = (board, signing.statement.digest());
        let waiting = self.statements.get(&key).map(|waiting| waiting.as_ref().clone());
        let mut waiting = waiting.unwrap_or_else(|| WaitingStatement { statement: signing.statement.clone(), signatures: Vec::new() });
        if waiting.signatures.iter().any(|signature| signature.person == signing.person && self.still_counts(cx, signature)) {
            return Err(PersonRefused::SignedAlready.into());
        }
        let decided = match needed(&signing.statement, &signing.person) {
            Needed::One => Some(vec![own]),
            needed => {
                let second = |first: &&SignatureRecord| first.person != own.person && self.completes(cx, needed, first, &own);
                waiting.signatures.iter().find(second).map(|first| vec![*first, own])
            }
        };
        if let Some(signatures) = decided {
            self.forget_statement(&key);
            return self.decide(cx, &signing.statement, signatures);
        }
        if self.waiting_of_person(cx, &key.1, &own.person) >= SIGNATURES_WAITING_MAX {
            return Err(PersonRefused::Waiting.into());
        }
        // the new one takes the place of one that counts no more
        waiting.signatures.retain(|signature| signature.person != own.person);
        self.forget_statement(&key);
        waiting.signatures.push(own);
        self.statements_until.insert((waiting.until(), key.0, key.1));
        self.statements.insert(key, waiting);
        Ok(Effect::Signed(key.1))
    }

    /// A person's signatures that wait under other statements, and count.
    fn waiting_of_person(&self, cx: &Context<'_>, own: &Digest32, person: &PersonKey) -> usize {
        let signed = |waiting: &WaitingStatement| waiting.signatures.iter().any(|s| s.person == *person && self.still_counts(cx, s));
        self.waiting_statements(&cx.signer).filter(|waiting| signed(waiting) && waiting.statement.digest() != *own).count()
    }

    /// True if a first signature is not too old and its person could still give it, in the same office.
    fn still_counts(&self, cx: &Context<'_>, first: &SignatureRecord) -> bool {
        let signs = self.signer_of(&cx.signer, &first.person, cx.time).is_ok_and(|record| record.person.office == first.office);
        signs && cx.time.day().0 <= first.day.0.saturating_add(SIGNATURE_DAYS)
    }

    /// True if two signatures decide together in this block: both persons are in force, and of the offices it takes.
    fn completes(&self, cx: &Context<'_>, needed: Needed, first: &SignatureRecord, second: &SignatureRecord) -> bool {
        let of = match needed {
            Needed::One | Needed::Two => true,
            Needed::Deciding(study) => {
                let recused = self.study(&study).is_some_and(|study| study.recused.contains(&first.person));
                !recused && first.office.decides_with(second.office)
            }
        };
        of && self.still_counts(cx, first)
    }

    /// What a statement must keep whoever signs it, first or second.
    fn check_statement(&self, cx: &Context<'_>, signer: &PersonRecord, statement: &BoardStatement) -> Result<(), Rejection> {
        match statement {
            BoardStatement::Study(decision) => self.check_decision(cx, signer, decision),
            BoardStatement::Recuse { study, person, reason } => {
                let study = self.study(study).ok_or(Rejection::StudyUnknown)?;
                if reason.trim().is_empty() {
                    return Err(StudyRefused::Reason.into());
                }
                if !is_sealed(study, &cx.signer) {
                    return Err(StudyRefused::NotTheirs.into());
                }
                if self.person_of(&cx.signer, person)?.ended.is_some() {
                    return Err(PersonRefused::Ended.into());
                }
                if study.recused.contains(person) {
                    return Err(PersonRefused::Recused.into());
                }
                let of_board = |key: &&PersonKey| self.person_of(&cx.signer, key).is_ok();
                if study.recused.iter().filter(of_board).count() >= RECUSED_MAX {
                    return Err(PersonRefused::RecusedMax.into());
                }
                match () {
                    () if study.ended.is_some() => Err(Rejection::StudyStatus(study.status())),
                    () if cx.time.day() > study.last_day() => Err(Rejection::StudyExpired(study.last_day())),
                    () => Ok(()),
                }
            }
            BoardStatement::Admit { number, person } => {
                self.check_person(&cx.signer, person, cx.time)?;
                let next = self.person(&person.key).map_or(0, PersonRecord::number);
                if person.key == signer.person.key {
                    return Err(PersonRefused::Own.into());
                }
                check_number(*number, next)
            }
            BoardStatement::End { person } => match self.person_of(&cx.signer, person)?.ended {
                Some(_) => Err(PersonRefused::Ended.into()),
                None => Ok(()),
            },
        }
    }

    /// A decision about a study: the person may sign it, it is the next of the board about it, and of the version there is.
    fn check_decision(&self, cx: &Context<'_>, signer: &PersonRecord, decision: &StudyDecision) -> Result<(), Rejection> {
        let study = self.study(&decision.study).ok_or(Rejection::StudyUnknown)?;
        if study.recused.contains(&signer.person.key) {
            return Err(PersonRefused::Recused.into());
        }
        self.check_act(cx, decision)?;
        check_number(decision.number, study.decisions_of(&cx.signer))?;
        if decision.version != study.version_digest() {
            return Err(PersonRefused::Version.into());
        }
        let presides = Office::ALL.into_iter().any(|office| office.decides_with(signer.person.office));
        if decision.act == Act::Suspend || presides { Ok(()) } else { Err(PersonRefused::Office.into()) }
    }

    /// Does what has been signed.
    fn decide(&mut self, cx: &Context<'_>, statement: &BoardStatement, signatures: Vec<SignatureRecord>) -> Result<Effect, Rejection> {
        let firsts = || signatures.iter().map(|s| s.transaction).filter(|t| *t != cx.transaction).collect();
        match statement {
            BoardStatement::Study(decision) => {
                let effect = self.decide_study(cx, decision, signatures)?;
                self.forget_statements_about(&cx.signer, &decision.study);
                Ok(effect)
            }
            BoardStatement::Recuse { study, person, .. } => {
                let mut record = self.studies.get(study).ok_or(Rejection::StudyUnknown)?.as_ref().clone();
                record.recused.insert(*person);
                self.studies.insert(*study, record);
                Ok(Effect::Recused { study: *study, person: *person })
            }
            BoardStatement::Admit { person, .. } => {
                let account = self.account(cx).with_admission()?;
                self.admit_person(cx.signer, *person, cx.done(firsts()));
                self.accounts.insert(cx.signer, account);
                Ok(Effect::PersonAdmitted(person.key))
            }
            BoardStatement::End { person } => {
                self.end_person(person, cx.done(firsts()))?;
                Ok(Effect::PersonEnded(*person))
            }
        }
    }

    /// What waited about a study before its board decided serves no other decision.
    fn forget_statements_about(&mut self, board: &MemberId, study: &StudyId) {
        // a recusal that waits may still come
        let about = |waiting: &&WaitingStatement| matches!(&waiting.statement, BoardStatement::Study(decision) if decision.study == *study);
        let gone: Vec<_> = self.waiting_statements(board).filter(about).map(|waiting| (*board, waiting.statement.digest())).collect();
        gone.iter().for_each(|key| self.forget_statement(key));
    }

    /// Forgets what boards have begun to say about a study that has ended, or is gone.
    pub(super) fn forget_all_about(&mut self, study: &StudyRecord, id: &StudyId) {
        for key in study.submitted.sealing.iter().filter(|key| key.party == SealingParty::Board) {
            let about = |waiting: &&WaitingStatement| waiting.statement.study() == Some(id);
            let gone: Vec<_> = self.waiting_statements(&key.member).filter(about).map(|w| (key.member, w.statement.digest())).collect();
            gone.iter().for_each(|key| self.forget_statement(key));
        }
    }

    fn forget_statement(&mut self, key: &(MemberId, Digest32)) {
        if let Some(until) = self.statements.get(key).map(|waiting| waiting.until()) {
            self.statements_until.remove(&(until, key.0, key.1));
            self.statements.remove(key);
        }
    }

    /// Forgets statements of which every signature is too old to count.
    pub(super) fn forget_statements(&mut self, today: Day) {
        while let Some((until, board, digest)) = self.statements_until.get_min().copied().filter(|(until, ..)| *until < today) {
            self.statements_until.remove(&(until, board, digest));
            self.statements.remove(&(board, digest));
        }
    }
}

/// How many persons, and of which offices, it takes.
#[derive(Debug, Clone, Copy)]
enum Needed {
    One,
    Two,
    /// Chair or deputy, and secretary, who have a part in the study.
    Deciding(StudyId),
}

fn needed(statement: &BoardStatement, signer: &PersonKey) -> Needed {
    match statement {
        BoardStatement::Study(StudyDecision { act: Act::Suspend, .. }) => Needed::One,
        BoardStatement::Study(decision) => Needed::Deciding(decision.study),
        BoardStatement::Recuse { person, .. } | BoardStatement::End { person } if person == signer => Needed::One,
        BoardStatement::Recuse { .. } | BoardStatement::End { .. } | BoardStatement::Admit { .. } => Needed::Two,
    }
}

fn check_number(found: u32, next: u32) -> Result<(), Rejection> {
    if found == next { Ok(()) } else { Err(PersonRefused::Number { found, next }.into()) }
}
