//! An export of which all is checked but what the answer proves, and what follows from that.

use super::{AnswerExport, AnswerFinding, Inclusion, LightError};
use crate::{
    checker::ProofChecker,
    state::{AnswerRecord, AnswerTask, Context, Effect, Known, State},
};
use countersign_circuits::hash::Digest32;
use countersign_messages::{BlockId, Header, Height, Payload, TransactionId};

/// See the module's documentation.
pub(super) struct Begun<'a> {
    export: &'a AnswerExport,
    state: State,
    block: BlockId,
    /// Position of the answer.
    answer: usize,
    record: &'a AnswerRecord,
    /// Position of the transaction that is run next.
    next: usize,
    /// The validators that headers must name.
    named: Digest32,
}

impl<'a> Begun<'a> {
    /// Checks headers, paths and everything before the answer.
    pub(super) fn check(export: &'a AnswerExport, checker: &dyn ProofChecker) -> Result<Self, LightError> {
        let state = State::new(export.genesis.clone())?;
        let block = export.check_headers()?;
        export.check_inclusions()?;
        let (answer, record) = answer(export)?;
        let named = export.genesis.validators().digest();
        let mut begun = Self { export, state, block, answer, record, next: 0, named };
        let (last, before) = export.headers.split_last().ok_or(LightError::NoAnswer)?;
        for header in before {
            begun.run_until(answer, header, checker)?;
            begun.settle(header)?;
        }
        begun.run_until(answer, last, checker)?;
        begun.learn_time(answer)?;
        Ok(begun)
    }

    /// The transaction of the answer, its proof, and what that must prove; `None` if the rules refuse the answer whatever its proof.
    pub(super) fn task(&self) -> Option<(TransactionId, AnswerTask<'_>, &'a [u8])> {
        let transaction = &self.export.inclusions.get(self.answer)?.transaction;
        let Payload::Answer(answer) = &transaction.payload else { return None };
        let last = self.export.headers.last()?;
        Some((self.record.transaction, self.state.task_of(transaction, (last.height, last.time))?, &answer.proof))
    }

    /// Runs the answer, and what comes after it in its block.
    pub(super) fn finish(mut self, checker: &dyn ProofChecker) -> Result<AnswerFinding, LightError> {
        let last = self.export.headers.last().ok_or(LightError::NoAnswer)?;
        self.run_until(self.export.inclusions.len(), last, checker)?;
        self.settle(last)?;
        let Self { state, record, block, .. } = self;
        let query = state.query(&record.query).ok_or(LightError::NoAnswer)?.clone();
        let study = state.study(&query.query.study).ok_or(LightError::NoAnswer)?.clone();
        let left = state.left_until(record.hospital, record.named);
        Ok(AnswerFinding { network: state.network(), block, answer: record.clone(), query, study, left })
    }

    /// Brings into force what does so with this header, which must name the validators of then.
    fn settle(&mut self, header: &Header) -> Result<(), LightError> {
        if self.state.settle(header.height, header.time) {
            self.named = self.state.validators().digest();
        }
        if header.validators == self.named { Ok(()) } else { Err(LightError::Validators(header.height)) }
    }

    /// Runs the transactions of a block, up to a position.
    fn run_until(&mut self, end: usize, header: &Header, checker: &dyn ProofChecker) -> Result<(), LightError> {
        while let Some(inclusion) = self.export.inclusions.get(self.next).filter(|i| self.next < end && i.height == header.height) {
            self.run(checker, header, (self.next, inclusion))?;
            self.next += 1;
        }
        Ok(())
    }

    fn learn_time(&mut self, index: usize) -> Result<(), LightError> {
        let export = self.export;
        if let Some(Payload::Answer(answer)) = export.inclusions.get(index).map(|i| &i.transaction.payload) {
            let time = if answer.height == Height(0) { Some(export.genesis.time) } else { export.header(answer.height).map(|h| h.time) };
            self.state.know_time(answer.height, time.ok_or(LightError::Order(index))?);
        }
        Ok(())
    }

    fn run(&mut self, checker: &dyn ProofChecker, header: &Header, (index, inclusion): (usize, &Inclusion)) -> Result<(), LightError> {
        self.learn_time(index)?;
        let is_answer = index == self.answer;
        if is_answer || matches!(inclusion.transaction.payload, Payload::Anchor(_)) {
            self.state.check_keys(checker)?;
        }
        // nothing that was refused, and no other answer, has a part in it
        if inclusion.result.rejection().is_some() || is_answer != matches!(inclusion.transaction.payload, Payload::Answer(_)) {
            return Err(LightError::Order(index));
        }
        let cx = Context {
            height: header.height,
            time: header.time,
            transaction: inclusion.result.transaction,
            signer: inclusion.transaction.signer,
            known: Known::Excerpt,
            checker,
        };
        let found = self.state.run_excerpt(&cx, &inclusion.transaction);
        // numbers of studies and queries count the whole chain; for them it is enough that the rules accept
        let same = match (found.effect(), inclusion.result.effect()) {
            (Some(Effect::Submitted { .. }), Some(Effect::Submitted { .. })) | (Some(Effect::Asked { .. }), Some(Effect::Asked { .. })) => {
                true
            }
            _ => found.leaf() == inclusion.result.leaf(),
        };
        if same { Ok(()) } else { Err(LightError::Result { index, found: format!("{:?}", found.verdict) }) }
    }
}

/// The answer and its position: the last transaction but for what governs, in the last block.
fn answer(export: &AnswerExport) -> Result<(usize, &AnswerRecord), LightError> {
    let governs = |i: &Inclusion| {
        let payload = &i.transaction.payload;
        matches!(payload, Payload::Propose(_) | Payload::Vote(_)) || payload.is_of_persons()
    };
    let found = export.inclusions.iter().enumerate().rfind(|(_, i)| !governs(i)).ok_or(LightError::NoAnswer)?;
    match found.1.result.effect() {
        Some(Effect::Answered(record)) if export.headers.last().map(|h| h.height) == Some(found.1.height) => Ok((found.0, record)),
        _ => Err(LightError::NoAnswer),
    }
}
