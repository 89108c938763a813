//! Headers from the genesis on, decided by those who were entitled to decide them.
//!
//! A header names the header before it and the set of validators that decides the next one. So a certificate of one header by the set of its
//! height decides all headers before it too, and certificates are needed only where the set changes, by the old set, and for the last
//! header. An audit gives one for every header. Who has a certificate for a later header and for every change of the set in between needs none of the
//! others ([`ChainFollower::skip`]).

use crate::state::Tip;
use countersign_messages::{BlockId, BlockTime, Certificate, CertificateError, Genesis, Header, Height, NetworkId, ValidatorSet};

/// Why a header does not follow. Whoever made or passed it on is at fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FollowError {
    /// Another network's.
    #[error("header {0} belongs to another network")]
    Network(Height),
    /// A gap, or a step back.
    #[error("header {found} does not follow header {last}")]
    Height {
        /// Its height.
        found: Height,
        /// The last one's.
        last: Height,
    },
    /// What was taken before is not decided, or the height is not a later one with others between.
    #[error("header {found} cannot follow header {last} with a gap: both need a certificate, and there must be a gap")]
    Gap {
        /// Its height.
        found: Height,
        /// The last one's.
        last: Height,
    },
    /// It names another predecessor.
    #[error("header {0} does not name the header before it")]
    Previous(Height),
    /// Time stands still, runs backwards or leaves the calendar.
    #[error("the time of header {0} is not later than that of the header before it, or beyond the year 9999")]
    Time(Height),
    /// The certificate does not decide it.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// It names another validator set, which the validators so far must certify.
    #[error("header {0} names a new validator set and has no certificate")]
    CertificateMissing(Height),
    /// Nobody says who the new validators are.
    #[error("header {0} names a new validator set, which is missing")]
    SetMissing(Height),
    /// Not the set it names.
    #[error("the validator set given for header {0} is not the one it names")]
    SetOther(Height),
}

/// Follows a chain of headers and keeps the validator set that decides the next one. Pure; costs one signature check a validator for each
/// certificate.
#[derive(Debug, Clone)]
pub struct ChainFollower {
    network: NetworkId,
    tip: Tip,
    validators: ValidatorSet,
    digest: countersign_circuits::hash::Digest32,
    certified: Height,
}

impl ChainFollower {
    /// Starts before the first block. The genesis is what is trusted.
    pub fn new(genesis: &Genesis) -> Self {
        let (network, validators) = (genesis.network(), genesis.validators());
        let tip = Tip { height: Height(0), time: genesis.time, block: BlockId(network.0) };
        Self { network, tip, digest: validators.digest(), validators, certified: tip.height }
    }

    /// Takes the next header. The certificate may be left out where the header names no new validator set; a certificate that is given must
    /// decide it. `next` is the validator set the header names; it may be left out where it is the one so far.
    ///
    /// # Errors
    /// [`FollowError`]; nothing is taken then.
    pub fn push(&mut self, header: &Header, certificate: Option<&Certificate>, next: Option<&ValidatorSet>) -> Result<(), FollowError> {
        let height = header.height;
        if header.network != self.network {
            return Err(FollowError::Network(height));
        }
        if height != self.tip.height.next() {
            return Err(FollowError::Height { found: height, last: self.tip.height });
        }
        if header.previous != self.tip.block {
            return Err(FollowError::Previous(height));
        }
        self.take(header, certificate, next)
    }

    /// Takes a later header without those in between. Its certificate decides it, and what was taken before must be decided already; `next` is as for
    /// [`Self::push`]. A change of validators that is left out makes the certificates after it those of strangers.
    ///
    /// # Errors
    /// [`FollowError`]; nothing is taken then.
    pub fn skip(&mut self, header: &Header, certificate: &Certificate, next: Option<&ValidatorSet>) -> Result<(), FollowError> {
        if header.network != self.network {
            return Err(FollowError::Network(header.height));
        }
        if header.height <= self.tip.height.next() || self.certified != self.tip.height {
            return Err(FollowError::Gap { found: header.height, last: self.tip.height });
        }
        self.take(header, Some(certificate), next)
    }

    fn take(&mut self, header: &Header, certificate: Option<&Certificate>, next: Option<&ValidatorSet>) -> Result<(), FollowError> {
        let height = header.height;
        if header.time <= self.tip.time || header.time > BlockTime::MAX {
            return Err(FollowError::Time(height));
        }
        if let Some(certificate) = certificate {
            certificate.check(header, &self.validators)?;
        }
        if next.is_some_and(|set| set.digest() != header.validators) {
            return Err(FollowError::SetOther(height));
        }
        if header.validators != self.digest {
            if certificate.is_none() {
                return Err(FollowError::CertificateMissing(height));
            }
            self.validators = next.ok_or(FollowError::SetMissing(height))?.clone();
            self.digest = header.validators;
        }
        if certificate.is_some() {
            self.certified = height;
        }
        self.tip = Tip { height, time: header.time, block: header.id() };
        Ok(())
    }

    /// The last header taken.
    pub fn tip(&self) -> Tip {
        self.tip
    }

    /// The last height with a certificate: headers up to it are decided.
    pub fn certified(&self) -> Height {
        self.certified
    }

    /// The validators that decide the next block.
    pub fn validators(&self) -> &ValidatorSet {
        &self.validators
    }
}
