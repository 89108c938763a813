//! Taking part: after a start, and after having been far behind.
//!
//! Until then this validator is a follower: it fetches blocks in runs, checks their certificates and executes them. The engine waits meanwhile, and
//! hears nothing but what concerns the heights it is about to begin with.

use super::{Height, Validator, VotingRecord, voting};
use crate::{
    alert::AlertCode,
    follower::{CaughtUp, Goal},
    node::RoleNow,
    stop::stopped,
};
use std::time::Duration;
use tokio::sync::watch;
use voting::{Loss, asked_for_blocks, asked_for_record};

/// Heights a validator may be behind before it fetches runs of blocks. With fewer the engine fetches them one by one and stays in the middle of things.
const BEHIND_MAX: u64 = 32;
/// Pause before a record that could not be written is written again.
const AGAIN: Duration = Duration::from_secs(1);

impl Validator {
    fn reached(&self) -> Height {
        self.parts.horizon.reached(&self.parts.replica.state().validators(), &self.parts.keys.member())
    }

    /// True if others have decided the height that is next here.
    pub(super) fn is_behind(&self) -> bool {
        self.reached() >= self.current()
    }

    /// True if they have decided so many that they are better fetched in runs.
    pub(super) fn is_far_behind(&self) -> bool {
        self.reached().0 >= self.current().0.saturating_add(BEHIND_MAX)
    }

    /// Fetches what others have decided until this validator may take part and is not behind. False if it is to stop, or is no validator any more.
    pub(super) async fn join(&mut self, stop: &mut watch::Receiver<bool>) -> bool {
        self.parts.begun.leave();
        self.parts.role.send_replace(RoleNow::CatchingUp);
        loop {
            let (set, record) = (self.parts.replica.state().validators(), self.parts.record);
            let tip = self.parts.replica.state().tip().height;
            let ended = match record.silent_until {
                None => {
                    let words = "what this validator has signed before is not known; others are asked how far they are";
                    self.parts.alerts.raise(AlertCode::NotVoting, words);
                    let caught_up = self.catch_up(Goal::Told(asked_for_record(&set, tip)), stop).await;
                    // those who were asked may have been asked by another set
                    let (state, asked) = (self.parts.replica.state(), asked_for_record(&set, tip));
                    if caught_up == CaughtUp::Yes && asked >= asked_for_record(&state.validators(), state.tip().height) {
                        self.keep_record(voting::settle(record, &state.validators(), state.tip().height), stop).await;
                    }
                    caught_up
                }
                Some(height) if tip < height => {
                    let words = format!("this validator votes when others have decided block {height}; the last one here is {tip}");
                    self.parts.alerts.raise(AlertCode::NotVoting, words);
                    self.catch_up(Goal::Height(height), stop).await
                }
                Some(_) => {
                    let caught_up = self.catch_up(Goal::Told(asked_for_blocks(&set)), stop).await;
                    if caught_up == CaughtUp::Yes && self.parts.record.silent_until.is_some() {
                        break;
                    }
                    caught_up
                }
            };
            if ended == CaughtUp::Ended {
                return false;
            }
        }
        let next = self.current();
        if self.parts.record.engine < next {
            self.keep_record(voting::begins(self.parts.record, next, self.parts.log), stop).await;
        }
        if *stop.borrow() {
            return false;
        }
        self.forget_height();
        self.parts.alerts.clear(AlertCode::NotVoting);
        self.parts.role.send_replace(RoleNow::Validator);
        tracing::info!(height = %next, "this validator takes part");
        true
    }

    async fn catch_up(&mut self, goal: Goal, stop: &mut watch::Receiver<bool>) -> CaughtUp {
        let begun = self.parts.begun.clone();
        let caught_up = self.parts.follower.catch_up(goal, |next| begun.join(next), stop).await;
        let signed = self.parts.follower.take_own_signature();
        if voting::is_strange(&self.parts.record, signed) {
            let loss = Loss::SignedElsewhere(signed);
            tracing::error!("{loss}; this validator does not vote for now");
            let record = VotingRecord { engine: self.parts.record.engine.max(signed), silent_until: None, ..self.parts.record };
            self.keep_record(record, stop).await;
        }
        caught_up
    }

    /// Keeps a record, however long it takes: nothing may be signed before.
    async fn keep_record(&mut self, record: VotingRecord, stop: &mut watch::Receiver<bool>) {
        self.parts.record = record;
        while let Err(error) = self.parts.replica.store().set_voting(&record).await {
            self.parts.alerts.raise(AlertCode::Storage, error.to_string());
            if tokio::time::timeout(AGAIN, stopped(stop)).await.is_ok() {
                return;
            }
        }
        self.parts.alerts.clear(AlertCode::Storage);
    }
}
