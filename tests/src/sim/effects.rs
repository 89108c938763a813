//! Malachite's effects, carried out as `arc-malachitebft-engine` 0.8.2 does (`consensus.rs`, `handle_effect`).

use super::{
    message::Message,
    node::{NodeEvent, Shell, To},
    people::prefix,
};
use arc_malachitebft_core_consensus::{ConsensusMsg, Effect, LivenessMsg, Resumable, Resume};
use arc_malachitebft_core_types::{LinearTimeouts, Timeout};
use arc_malachitebft_signing::VerifierExt;
use countersign_consensus::malachite::{context::Chain, signing::Keys};
use std::{
    convert::Infallible,
    pin::pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

/// Shorter than the product's, as links are here; growing with the round as there.
const TIMEOUTS: LinearTimeouts = LinearTimeouts {
    propose: Duration::from_millis(1_000),
    propose_delta: Duration::from_millis(250),
    prevote: Duration::from_millis(400),
    prevote_delta: Duration::from_millis(200),
    precommit: Duration::from_millis(400),
    precommit_delta: Duration::from_millis(200),
    rebroadcast: Duration::from_millis(1_000),
    max_timeout: Duration::from_secs(10),
};

/// The result of a future that never waits.
fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => unreachable!("keys in memory never wait"),
    }
}

impl Shell {
    pub(super) fn keys(&self) -> &'static Keys {
        &prefix().keys[self.index]
    }

    /// Carries out an effect. An engine that could not write stops there: nothing that follows leaves it.
    pub(super) fn carry_out(&mut self, effect: Effect<Chain>) -> Result<Resume<Chain>, Infallible> {
        let said = self.out.sends.len();
        let resume = self.carry_out_one(effect);
        if self.stopped {
            self.out.sends.truncate(said);
        }
        resume
    }

    fn carry_out_one(&mut self, effect: Effect<Chain>) -> Result<Resume<Chain>, Infallible> {
        use Effect as E;
        Ok(match effect {
            E::CancelAllTimeouts(r) => {
                self.timers.clear();
                r.resume_with(())
            }
            E::CancelTimeout(timeout, r) => {
                self.timers.retain(|(t, _)| *t != timeout);
                r.resume_with(())
            }
            E::ScheduleTimeout(timeout, r) => {
                self.schedule(timeout);
                r.resume_with(())
            }
            E::StartRound(height, round, _, _, r) => {
                self.flush();
                self.on_start_round(height.into(), round);
                r.resume_with(())
            }
            E::GetValue(height, round, _, r) => {
                let pause = self.pause_before_proposing();
                self.out.later.push((pause, NodeEvent::Propose(height.into(), round)));
                r.resume_with(())
            }
            E::RestreamProposal(_, round, valid_round, proposer, id, r) => {
                self.restream(round, valid_round, proposer, id.0);
                r.resume_with(())
            }
            E::PublishConsensusMsg(message, r) => {
                self.flush();
                self.out.sends.push((To::All, Message::Consensus(message)));
                r.resume_with(())
            }
            E::PublishLivenessMsg(message, r) => {
                self.out.sends.push((To::All, Message::Liveness(message)));
                r.resume_with(())
            }
            E::RepublishVote(vote, r) => {
                self.out.sends.push((To::All, Message::Liveness(LivenessMsg::Vote(vote))));
                r.resume_with(())
            }
            E::RepublishRoundCertificate(certificate, r) => {
                self.out.sends.push((To::All, Message::Liveness(LivenessMsg::SkipRoundCertificate(certificate))));
                r.resume_with(())
            }
            E::Decide(certificate, _, r) => {
                self.flush();
                self.on_decided(&certificate);
                r.resume_with(())
            }
            E::Finalize(certificate, _, evidence, r) => {
                if !evidence.is_empty() {
                    self.out.accused = true;
                    self.out.notes.push(format!("saw two votes of one validator at {}", certificate.height));
                }
                let next = countersign_messages::Height::from(certificate.height).next();
                self.out.later.push((1, NodeEvent::Start(next)));
                r.resume_with(())
            }
            E::CertVerifiedSyncValue(response, proposer, r) => {
                self.on_synced(&response, proposer);
                r.resume_with(())
            }
            E::CertRejectedSyncValue(_, height, error, r) => {
                self.out.notes.push(format!("refused a synced block at {height}: {error}"));
                r.resume_with(())
            }
            E::WalAppend(height, entry, r) => {
                if !self.recovering && self.may_write() {
                    self.disk.append(height.into(), entry);
                }
                r.resume_with(())
            }
            signing => return Ok(self.sign_or_verify(signing)),
        })
    }

    fn sign_or_verify(&mut self, effect: Effect<Chain>) -> Resume<Chain> {
        use Effect as E;
        let keys = self.keys();
        let verifier = self.verifier.clone();
        match effect {
            E::SignVote(vote, r) => r.resume_with(keys.vote(vote)),
            E::SignProposal(proposal, r) => r.resume_with(keys.proposal(proposal)),
            E::VerifySignature(message, key, r) => r.resume_with(match &message.message {
                ConsensusMsg::Vote(vote) => verifier.vote(vote, &message.signature, &key),
                ConsensusMsg::Proposal(proposal) => verifier.proposal(proposal, &message.signature, &key),
            }),
            E::VerifyCommitCertificate(certificate, set, thresholds, r) => {
                r.resume_with(now(verifier.verify_commit_certificate(&Chain, &certificate, &set, thresholds)))
            }
            E::VerifyExtendedCommitCertificate(certificate, set, thresholds, policy, r) => {
                r.resume_with(now(verifier.verify_extended_commit_certificate(&Chain, &certificate, &set, thresholds, policy)))
            }
            E::VerifyPolkaCertificate(certificate, set, thresholds, r) => {
                r.resume_with(now(verifier.verify_polka_certificate(&Chain, &certificate, &set, thresholds)))
            }
            E::VerifyRoundCertificate(certificate, set, thresholds, r) => {
                r.resume_with(now(verifier.verify_round_certificate(&Chain, &certificate, &set, thresholds)))
            }
            other => {
                self.broken = Some(format!("an effect this chain never asks for: {other:?}"));
                Resume::Continue
            }
        }
    }

    /// A timer that is set again starts again.
    fn schedule(&mut self, timeout: Timeout) {
        self.timers.retain(|(t, _)| *t != timeout);
        self.next_timer += 1;
        let id = self.next_timer;
        self.timers.push((timeout, id));
        let wait = u64::try_from(TIMEOUTS.duration_for(timeout).as_millis()).unwrap_or(u64::MAX);
        self.out.later.push((wait, NodeEvent::Timer { id, timeout }));
    }

    fn flush(&mut self) {
        if !self.recovering && self.may_write() {
            self.disk.flush();
        }
    }
}
