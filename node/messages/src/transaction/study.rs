//! Studies: submitted, approved, accepted by sites.

use super::TransactionId;
use crate::{
    codec::{DecodeError, bound, plain},
    identity::MemberId,
    limits::{RESEARCHERS_MAX, SEALING_KEYS_MAX, SUMMARY_BYTES_MAX, TITLE_BYTES_MAX},
};
use borsh::{BorshDeserialize, BorshSerialize};
use countersign_circuits::{
    consent::{Day, STUDY_SCOPES_MAX},
    hash::Digest32,
};
use std::fmt;

/// A study's identity: the transaction that submitted it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub struct StudyId(pub TransactionId);

impl fmt::Display for StudyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Who opens answers with a sealing key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub enum SealingParty {
    /// The study team.
    Team,
    /// Its ethics board.
    Board,
}

/// A member's key that answers are sealed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub struct SealingKey {
    /// For whom it opens.
    pub party: SealingParty,
    /// Whose it is: a researcher of the study, or a board.
    pub member: MemberId,
    /// The X25519 key that the ledger lists for the member when the study is submitted.
    pub key: [u8; 32],
}

/// Submits a study.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct StudySubmit {
    /// Title.
    pub title: String,
    /// Plain-language summary: what patients read.
    pub summary: String,
    /// The dictionary all its statements use.
    pub dictionary: Digest32,
    /// The purpose scope (`p.health`, ..).
    pub purpose: String,
    /// The category scopes (`c.labs`, ..). Statements read only attributes of these categories.
    pub categories: Vec<String>,
    /// Least number of people behind a released cell.
    pub k_min: u32,
    /// Keys that may ask, ascending; each a member with the researcher role.
    pub researchers: Vec<MemberId>,
    /// Keys answers are sealed to, ascending; at least one of the team and one of the board.
    pub sealing: Vec<SealingKey>,
    /// Last day.
    pub expiry: Day,
}

impl StudySubmit {
    /// The scopes of every query: purpose and categories.
    pub fn scopes(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.purpose).chain(&self.categories).map(String::as_str)
    }

    /// Refuses what is over a bound, or no plain text.
    ///
    /// # Errors
    /// [`DecodeError`].
    pub fn check_bounds(&self) -> Result<(), DecodeError> {
        bound("study", "title bytes", self.title.len(), TITLE_BYTES_MAX)?;
        bound("study", "summary bytes", self.summary.len(), SUMMARY_BYTES_MAX)?;
        plain("study", "title", &self.title)?;
        plain("study", "summary", &self.summary)?;
        self.scopes().try_for_each(|scope| plain("study", "scope", scope))?;
        bound("study", "category scopes", self.categories.len(), STUDY_SCOPES_MAX - 1)?;
        self.scopes().try_for_each(|s| bound("study", "bytes of a scope", s.len(), 64))?;
        bound("study", "researchers", self.researchers.len(), RESEARCHERS_MAX)?;
        bound("study", "sealing keys", self.sealing.len(), SEALING_KEYS_MAX)
    }
}

/// Accepts an approved study at the signer's site. This fixes the study's cut there: the segments of data and consent that every query of the study is
/// answered from. They are those of the site's research cut for the dictionary (rule D12), which the first study takes from the current tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct StudyAccept {
    /// The study.
    pub study: StudyId,
    /// The site's own least number of people (rule D15): not below the study's.
    pub k_min: u32,
    /// Makes the current tables the research cut: how many rows are new, gone or changed since the last one, as the site states it.
    pub renew: Option<u32>,
}
