//! Why a connection ended, and why one was refused.

use crate::{frame::FrameError, limits::REASON_BYTES_MAX};

/// Why a connection ended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// A newer connection of the same member took its place.
    #[error("replaced by a newer connection of the same member")]
    Replaced,
    /// Both dialled at once; the connection dialled by the smaller key stays.
    #[error("both ends dialled at once, the other connection stays")]
    Duplicate,
    /// No longer a member.
    #[error("no longer a member")]
    NotMember,
    /// No longer one of the configured peers.
    #[error("no longer one of the configured peers")]
    NotPeer,
    /// The program sent it away.
    #[error("sent away: {0}")]
    SentAway(String),
    /// It was sent away a short while ago.
    #[error("sent away a short while ago, refused for a time")]
    Banned,
    /// It broke the protocol.
    #[error("broke the protocol: {0}")]
    Frame(#[from] FrameError),
    /// It did not take in what was sent to it.
    #[error("takes in nothing: a slow reader, or the way to it is stuck")]
    SlowReader,
    /// Nothing came from it.
    #[error("no sign of life")]
    TimedOut,
    /// The other end closed.
    #[error("closed by the other end: {0}")]
    Closed(String),
    /// The connection broke.
    #[error("the connection broke: {0}")]
    Broken(String),
    /// This process ends.
    #[error("shutting down")]
    Shutdown,
}

impl Reason {
    /// The word in metrics.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Replaced => "replaced",
            Self::Duplicate => "duplicate",
            Self::NotMember => "not_member",
            Self::NotPeer => "not_peer",
            Self::SentAway(_) => "sent_away",
            Self::Banned => "banned",
            Self::Frame(_) => "frame",
            Self::SlowReader => "slow_reader",
            Self::TimedOut => "timed_out",
            Self::Closed(_) => "closed",
            Self::Broken(_) => "broken",
            Self::Shutdown => "shutdown",
        }
    }

    /// Whether the peer is at fault.
    pub const fn is_fault(&self) -> bool {
        matches!(self, Self::SentAway(_) | Self::Frame(_) | Self::SlowReader)
    }

    /// The text on the wire, cut to its bound.
    pub(crate) fn farewell(&self) -> String {
        shorten(&self.to_string())
    }
}

/// A text from outside or for the wire: printable and short.
pub(crate) fn shorten(text: &str) -> String {
    let mut short = String::new();
    for c in text.chars().map(|c| if c.is_control() { ' ' } else { c }) {
        if short.len() + c.len_utf8() > REASON_BYTES_MAX {
            break;
        }
        short.push(c);
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_from_outside_are_printable_and_short() {
        assert_eq!(shorten("a\nb\u{7}c"), "a b c");
        let long = shorten(&"ü".repeat(500));
        assert!(long.len() <= REASON_BYTES_MAX && long.chars().all(|c| c == 'ü'));
    }
}
