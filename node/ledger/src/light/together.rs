//! Checking many exports: the answers' own proofs are verified together.

use super::{AnswerExport, AnswerFinding, Begun, LightError};
use crate::checker::{AnswerCheck, CachingChecker, ProofChecker};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Answers verified at once: what is known of so many excerpts is in memory together.
pub const TOGETHER_MAX: usize = 32;

impl AnswerExport {
    /// Checks several exports, [`TOGETHER_MAX`] at a time. Each verdict is that of [`AnswerExport::check`].
    pub fn check_all(exports: &[Self], checker: &dyn ProofChecker) -> Vec<Result<AnswerFinding, LightError>> {
        // what is verified together is found again one by one, by all that decides it
        let checker = CachingChecker::with_capacity(checker, TOGETHER_MAX);
        exports.chunks(TOGETHER_MAX).flat_map(|some| Self::check_some(some, &checker)).collect()
    }

    fn check_some(exports: &[Self], checker: &dyn ProofChecker) -> Vec<Result<AnswerFinding, LightError>> {
        let begun: Vec<Result<Begun<'_>, LightError>> = exports.iter().map(|export| Begun::check(export, checker)).collect();
        // a panic costs the preparation: the answer at fault is met again when it is checked, and refused
        let _ = catch_unwind(AssertUnwindSafe(|| {
            let tasks: Vec<_> = begun.iter().flatten().filter_map(Begun::task).collect();
            let checks: Vec<AnswerCheck<'_>> = tasks.iter().map(|(id, task, proof)| task.check(*id, proof)).collect();
            checker.prepare(&checks);
        }));
        begun.into_iter().map(|begun| begun?.finish(checker)).collect()
    }
}
