//! What is asked of votes and proposals before the engine hears them.
//!
//! The engine takes votes under any name, keeps those of coming heights unchecked, and drops what comes when that keep is full: one validator could
//! fill it with junk, and others would lose honest proposals. So here a validator speaks for itself only, signs what it says, and has a share of the
//! keep that nobody else can use.

use super::{
    context::{Address, Height},
    signing::Keys,
};
use arc_malachitebft_engine::network::NetworkEvent;
use countersign_messages::{MemberId, limits::MEMBERS_MAX};
use ed25519_dalek::VerifyingKey;
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

/// Heights after the one the engine works on for which votes are taken: others may have decided this one, and the next.
const AHEAD_MAX: u64 = 2;
/// Votes and proposals of one validator kept for one coming height. Of a height that lasts longer elsewhere, votes are said again.
const EARLY_MAX: usize = 64;
/// What the engine must be able to keep for a coming height, so that shares are never cut.
pub const EARLY_OF_ALL_MAX: usize = EARLY_MAX * MEMBERS_MAX;

/// Why a message goes no further though it decodes. Its sender is at fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Forged {
    /// Nobody passes on what others say.
    #[error("names another as the one who says it")]
    Name,
    /// Its own key did not sign it.
    #[error("its signature is wrong")]
    Signature,
}

/// The height the engine works on, and whether it takes part; clones are the same.
#[derive(Debug, Clone)]
pub struct Begun(Arc<Participation>);

#[derive(Debug)]
struct Participation {
    height: AtomicU64,
    away: AtomicBool,
}

impl Begun {
    /// The engine is about to begin after this height.
    pub fn after(height: countersign_messages::Height) -> Self {
        Self(Arc::new(Participation { height: AtomicU64::new(height.0), away: AtomicBool::new(false) }))
    }

    /// The engine has come to a height. It never goes back.
    pub fn reach(&self, height: countersign_messages::Height) {
        self.0.height.fetch_max(height.0, Ordering::Relaxed);
    }

    /// The engine takes no part for now: nothing that is said about heights is kept for it.
    pub fn leave(&self) {
        self.0.away.store(true, Ordering::Relaxed);
    }

    /// The engine is about to take part from a height on.
    pub fn join(&self, height: countersign_messages::Height) {
        self.reach(height);
        self.0.away.store(false, Ordering::Relaxed);
    }

    fn height(&self) -> u64 {
        self.0.height.load(Ordering::Relaxed)
    }
}

/// See the module's documentation.
#[derive(Debug, Clone)]
pub struct Gate {
    keys: Keys,
    begun: Begun,
    /// How much is kept for coming heights, and of whom.
    early: Arc<Mutex<BTreeMap<(u64, MemberId), usize>>>,
}

impl Gate {
    /// One with nothing kept.
    pub fn new(keys: Keys, begun: Begun) -> Self {
        Self { keys, begun, early: Arc::default() }
    }

    /// True if the engine is to hear a message. Others are not for now: too late, too early, or more than a share.
    ///
    /// # Errors
    /// [`Forged`].
    pub fn admits(&self, from: &MemberId, event: &NetworkEvent<super::context::Chain>) -> Result<bool, Forged> {
        if self.begun.0.away.load(Ordering::Relaxed) && !matches!(event, NetworkEvent::Status(..)) {
            return Ok(false);
        }
        match event {
            NetworkEvent::Vote(_, vote) => {
                let check = |key: &_| self.keys.check_vote(&vote.message, &vote.signature, key);
                self.said(from, &vote.message.address, vote.message.height, check)
            }
            NetworkEvent::Proposal(_, proposal) => {
                let check = |key: &_| self.keys.check_proposal(&proposal.message, &proposal.signature, key);
                self.said(from, &proposal.message.address, proposal.message.height, check)
            }
            // the engine takes these for the height it works on only
            NetworkEvent::PolkaCertificate(_, certificate) => Ok(self.is_running(certificate.height)),
            NetworkEvent::RoundCertificate(_, certificate) => Ok(self.is_running(certificate.height)),
            _ => Ok(true),
        }
    }

    fn is_running(&self, height: Height) -> bool {
        height.0 == self.begun.height()
    }

    fn said(&self, from: &MemberId, by: &Address, height: Height, check: impl FnOnce(&VerifyingKey) -> bool) -> Result<bool, Forged> {
        if by.0 != *from {
            return Err(Forged::Name);
        }
        let begun = self.begun.height();
        if height.0 < begun || height.0 > begun.saturating_add(AHEAD_MAX) {
            return Ok(false);
        }
        if height.0 > begun && !self.has_place(*from, height.0, begun) {
            return Ok(false);
        }
        let key = VerifyingKey::from_bytes(&from.0).map_err(|_| Forged::Signature)?;
        if check(&key) { Ok(true) } else { Err(Forged::Signature) }
    }

    /// Takes a place in the keep for a coming height.
    fn has_place(&self, from: MemberId, height: u64, begun: u64) -> bool {
        let mut early = self.early.lock().unwrap_or_else(PoisonError::into_inner);
        early.retain(|(of, _), _| *of > begun);
        let kept = early.entry((height, from)).or_default();
        *kept += 1;
        *kept <= EARLY_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::malachite::{context::Vote, network::peer_id};
    use arc_malachitebft_core_types::{NilOrVal, Round, SignedMessage, VoteType};
    use countersign_circuits::hash::Digest32;
    use countersign_messages::NetworkId;
    use ed25519_dalek::SigningKey;

    fn keys(i: u8) -> Keys {
        Keys::new(NetworkId(Digest32::of(b"network")), SigningKey::from_bytes(&[i; 32]))
    }

    fn vote(by: u8, height: u64, round: u32) -> Vote {
        let address = keys(by).address();
        Vote { kind: VoteType::Prevote, height: Height(height), round: Round::new(round), value: NilOrVal::Nil, address }
    }

    fn heard(gate: &Gate, from: u8, vote: SignedMessage<crate::malachite::context::Chain, Vote>) -> Result<bool, Forged> {
        let from = keys(from).member();
        gate.admits(&from, &NetworkEvent::Vote(peer_id(&from).unwrap(), vote))
    }

    fn gate() -> Gate {
        Gate::new(keys(9), Begun::after(countersign_messages::Height(5)))
    }

    #[test]
    fn a_validator_speaks_for_itself() {
        let gate = gate();
        assert_eq!(heard(&gate, 1, keys(1).vote(vote(1, 5, 0))), Ok(true));
        // what another has signed, though it is true
        assert_eq!(heard(&gate, 1, keys(2).vote(vote(2, 5, 0))), Err(Forged::Name));
        assert_eq!(heard(&gate, 1, keys(2).vote(vote(1, 5, 0))), Err(Forged::Signature));
        let mut other = keys(1).vote(vote(1, 5, 0));
        other.message.round = Round::new(1);
        assert_eq!(heard(&gate, 1, other), Err(Forged::Signature));
    }

    #[test]
    fn heights_that_are_far_are_not_heard() {
        let gate = gate();
        let heights =
            |gate: &Gate| (1..12).filter(|height| heard(gate, 1, keys(1).vote(vote(1, *height, 0))) == Ok(true)).collect::<Vec<_>>();
        assert_eq!(heights(&gate), [5, 6, 7]);
        gate.begun.reach(countersign_messages::Height(8));
        gate.begun.reach(countersign_messages::Height(7));
        assert_eq!(heights(&gate), [8, 9, 10]);
    }

    #[test]
    fn who_is_away_keeps_nothing() {
        let gate = gate();
        gate.begun.leave();
        // not even looked at: neither kept, nor charged, nor anybody's fault
        assert_eq!(heard(&gate, 1, keys(2).vote(vote(1, 5, 0))), Ok(false));
        assert_eq!(heard(&gate, 1, keys(1).vote(vote(1, 6, 0))), Ok(false));
        assert!(gate.early.lock().unwrap().is_empty());
        gate.begun.join(countersign_messages::Height(9));
        assert_eq!(heard(&gate, 1, keys(1).vote(vote(1, 9, 0))), Ok(true));
    }

    #[test]
    fn everybody_has_a_share_of_what_is_kept() {
        let gate = gate();
        let let_through =
            |by: u8, height| (0..1_000).filter(|round| heard(&gate, by, keys(by).vote(vote(by, height, *round))) == Ok(true)).count();
        assert_eq!((let_through(1, 6), let_through(1, 7), let_through(2, 6)), (EARLY_MAX, EARLY_MAX, EARLY_MAX));
        // it is over when the height comes
        gate.begun.reach(countersign_messages::Height(6));
        assert_eq!((let_through(1, 6), let_through(1, 7), let_through(1, 8)), (1_000, 0, EARLY_MAX));
        assert!(gate.early.lock().unwrap().len() <= 3);
    }
}
