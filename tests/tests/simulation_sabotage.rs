//! The checks of the simulation, checked: nodes that are broken on purpose are found, and one broken node of four (f = 1) does no harm
//! where consensus promises that it does none.

use countersign_tests::sim::{
    Failure, run_with,
    sabotage::{Plan, Sabotage},
};

/// The first failure of an expected kind in so many seeds. Failures of other kinds are not what is looked for, but none is hidden.
fn found(sabotage: Sabotage, nodes: usize, seeds: u64, expected: fn(&Failure) -> bool) {
    let mut others = Vec::new();
    for seed in 0..seeds {
        match run_with(seed, Plan { sabotage, nodes }) {
            Err((failure, _)) if expected(&failure) => return println!("{sabotage:?} on {nodes}: seed {seed}: {failure}"),
            Err((failure, _)) => others.push((seed, failure)),
            Ok(_) => {}
        }
    }
    panic!("{sabotage:?} on {nodes} nodes was not found in {seeds} seeds; found: {others:?}");
}

/// The first thing that is still on its way is of this kind or signer.
fn waits_for(failure: &Failure, what: &str) -> bool {
    matches!(failure, Failure::NotLive { waiting, .. } if waiting.iter().any(|text| text.contains(what)))
}

fn harmless(sabotage: Sabotage, nodes: usize, seeds: u64) {
    for seed in 0..seeds {
        if let Err((failure, trace)) = run_with(seed, Plan { sabotage, nodes }) {
            panic!("{sabotage:?} on {nodes} nodes, seed {seed}: {failure}\n{trace}");
        }
    }
}

#[test]
fn a_commit_without_a_quorum_is_found() {
    found(Sabotage::CommitsWithoutQuorum, 1, 10, |f| matches!(f, Failure::Certificate { .. }));
}

#[test]
fn two_forgotten_locks_break_agreement_and_are_found() {
    found(Sabotage::ForgetsLock, 2, 600, |f| matches!(f, Failure::Disagreement { .. }));
}

#[test]
fn one_forgotten_lock_breaks_nothing() {
    harmless(Sabotage::ForgetsLock, 1, 60);
}

#[test]
fn one_that_votes_at_once_after_a_loss_is_found() {
    found(Sabotage::VotesAtOnce, 4, 400, |f| matches!(f, Failure::Accused { .. }));
}

#[test]
fn executing_twice_is_found() {
    found(Sabotage::ExecutesTwice, 4, 10, |f| matches!(f, Failure::State { .. } | Failure::Twice(_)));
}

#[test]
fn one_that_proposes_replays_does_no_harm() {
    harmless(Sabotage::ExecutesTwice, 1, 30);
}

#[test]
fn withdrawals_that_everybody_drops_are_missed() {
    found(Sabotage::DropsWithdrawals, 4, 5, |f| waits_for(f, "withdraw"));
}

#[test]
fn withdrawals_that_one_drops_get_in() {
    harmless(Sabotage::DropsWithdrawals, 1, 30);
}

#[test]
fn a_censored_member_is_missed() {
    found(Sabotage::Censors, 4, 5, |f| waits_for(f, "Researcher"));
    harmless(Sabotage::Censors, 1, 10);
}

#[test]
fn a_node_that_never_catches_up_is_found() {
    found(Sabotage::NeverSyncs, 1, 20, |f| matches!(f, Failure::NotLive { .. }));
}

#[test]
fn believed_proofs_are_found() {
    found(Sabotage::BelievesProofs, 4, 40, |f| matches!(f, Failure::Invalid { .. }));
}
