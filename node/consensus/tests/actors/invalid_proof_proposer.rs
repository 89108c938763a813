//! Executes with a checker that accepts every proof, and so proposes blocks that record false answers as accepted.

use countersign_ledger::*;
use countersign_messages::*;

pub struct AcceptsEverything(pub CircuitKeys);

impl ProofChecker for AcceptsEverything {
    fn keys(&self, digest: &countersign_circuits::hash::Digest32) -> Option<CircuitKeys> {
        (*digest == self.0.digest).then_some(self.0)
    }

    fn check_segments(&self, _: &SegmentsCheck<'_>) -> Result<(), ProofRefused> {
        Ok(())
    }

    fn check_erasure(&self, _: &ErasureCheck<'_>) -> Result<(), ProofRefused> {
        Ok(())
    }

    fn check_answer(&self, _: &AnswerCheck<'_>) -> Result<AnswerVerdict, ProofRefused> {
        Ok(AnswerVerdict::default())
    }
}
