//! Whether a validator may vote: what its database and its write-ahead log say of the votes it has made.
//!
//! The log of the engine keeps a validator that starts again from voting twice at the height it was at. If it is gone, damaged, or not the one that
//! belongs to the database, the validator is silent until every height it may have voted at is decided by others: at those it votes no more.
//!
//! | what is found | votes may have been made | silent until |
//! |---|---|---|
//! | database and log belong together | those in the log | not silent |
//! | the log is gone, damaged or older than the database | at the height the engine was at | others have decided it |
//! | the database is new, or older than the log or than the validator's own signatures in later blocks | where is not known | others have decided two heights after those that a quorum of them had when they were asked |
//!
//! The last rule: let H be the highest height this validator has decided. A quorum has precommitted it, so of any quorum of *others* at least one honest
//! member has, and had decided H - 1. So H is at most one above the highest height T that a quorum of others have, and the votes at most two above T.
//! If others are too few to decide alone, waiting for them would never end: then all of them must have been asked, and the validator goes on if its
//! database is new (as on a network's first days), because no block can be decided without the others, who keep their records. With none of the chain
//! decided anywhere nobody waits.

mod log;

pub use log::{Log, read};

use countersign_messages::{Height, ValidatorSet};
use countersign_store::VotingRecord;
use std::fmt;

/// How far above what a quorum of others have decided a vote can have been made.
const AHEAD_OF_OTHERS_MAX: u64 = 2;

/// Whether a validator may vote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// At every height after its last block.
    Free,
    /// Not before it has this height from others.
    Silent(Height),
    /// Not before a quorum of others was asked how far they are.
    Unknown,
}

/// What is wrong with a validator's record of its votes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Loss {
    /// There is no log.
    LogMissing,
    /// The log is damaged.
    LogDamaged(String),
    /// The log is for an earlier height than the engine was at.
    LogOlder {
        /// The log's.
        log: Height,
        /// The engine's.
        engine: Height,
    },
    /// The log is for a later height than the database knows of.
    DatabaseOlder {
        /// The log's.
        log: Height,
    },
    /// The database is new to this validator.
    DatabaseNew,
    /// A block of others bears this validator's signature, which it does not remember.
    SignedElsewhere(Height),
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LogMissing => f.write_str("the write-ahead log of this validator is gone"),
            Self::LogDamaged(how) => write!(f, "the write-ahead log of this validator is damaged ({how})"),
            Self::LogOlder { log, engine } => {
                write!(f, "the write-ahead log of this validator is an old one: for height {log}, and it was at {engine}")
            }
            Self::DatabaseOlder { log } => {
                write!(f, "the database of this validator is older than its write-ahead log, which is for height {log}")
            }
            Self::DatabaseNew => f.write_str("the database is new, and what this validator has signed before is not known"),
            Self::SignedElsewhere(height) => write!(
                f,
                "block {height} bears a signature of this validator that its database does not know of: either the database was restored from an \
                 older copy, or another copy of this validator runs"
            ),
        }
    }
}

/// Judges what is on disk when a validator starts after the block at `tip`. Gives the record to be kept, and what is lost, if anything.
pub fn judge(record: VotingRecord, log: &Log, tip: Height) -> (Standing, VotingRecord, Option<Loss>) {
    let of_log = log.height();
    let Some(silent_until) = record.silent_until else {
        let loss = if of_log > record.engine { Loss::DatabaseOlder { log: of_log } } else { Loss::DatabaseNew };
        return (Standing::Unknown, VotingRecord { engine: record.engine.max(of_log), ..record }, Some(loss));
    };
    if of_log > record.engine {
        let unknown = VotingRecord { engine: of_log, silent_until: None, ..record };
        return (Standing::Unknown, unknown, Some(Loss::DatabaseOlder { log: of_log }));
    }
    if tip < silent_until {
        return (Standing::Silent(silent_until), record, None);
    }
    // it votes at later heights only
    if tip >= record.engine {
        return (Standing::Free, record, None);
    }
    let loss = match log {
        Log::Missing => Loss::LogMissing,
        Log::Damaged { how, .. } => Loss::LogDamaged(how.clone()),
        Log::Whole(height) if *height == record.engine || *height == record.before => return (Standing::Free, record, None),
        Log::Whole(height) => Loss::LogOlder { log: *height, engine: record.engine },
    };
    (Standing::Silent(record.engine), VotingRecord { silent_until: Some(record.engine), ..record }, Some(loss))
}

/// A block that this validator did not decide itself bears its signature: true if it must have been made in a life that the record knows nothing of.
pub fn is_strange(record: &VotingRecord, signed: Height) -> bool {
    // votes that were made before a new database are in blocks up to where it is silent
    record.silent_until.is_some_and(|silent| signed > record.engine.max(silent))
}

/// How many others must say that they have no further block before an unknown record is settled.
pub fn asked_for_record(set: &ValidatorSet, tip: Height) -> usize {
    let others = set.members().len().saturating_sub(1);
    // on a network that has decided nothing, as many as can begin with this one
    let wanted = if tip == Height(0) { set.quorum().saturating_sub(1) } else { set.quorum() };
    wanted.min(others)
}

/// How many others must say so before a validator whose record is good takes part: one of them is honest.
pub fn asked_for_blocks(set: &ValidatorSet) -> usize {
    let others = set.members().len().saturating_sub(1);
    faulty_max(set).saturating_add(1).min(others)
}

/// How many members of a set may do anything at all.
pub fn faulty_max(set: &ValidatorSet) -> usize {
    set.members().len().saturating_sub(set.quorum())
}

/// Settles an unknown record when [`asked_for_record`] others have no block after `tip`.
pub fn settle(record: VotingRecord, set: &ValidatorSet, tip: Height) -> VotingRecord {
    let others_decide = set.members().len().saturating_sub(1) >= set.quorum();
    if !others_decide {
        // nothing is known of the others but that they cannot go on alone: what the log says counts
        return VotingRecord { silent_until: Some(tip.max(record.engine)), ..record };
    }
    // whatever a log says, which may be damaged: no vote can have been made above this
    let ahead = if tip > Height(0) { AHEAD_OF_OTHERS_MAX } else { 0 };
    VotingRecord { engine: Height(0), before: Height(0), silent_until: Some(Height(tip.0.saturating_add(ahead))) }
}

/// The engine is told to work on a height while its log is for another.
pub fn begins(record: VotingRecord, height: Height, log: Height) -> VotingRecord {
    VotingRecord { engine: height, before: log, ..record }
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_messages::MemberId;

    const KNOWN: VotingRecord = VotingRecord { engine: Height(8), before: Height(7), silent_until: Some(Height(0)) };

    fn set(n: u8) -> ValidatorSet {
        ValidatorSet::new((0..n).map(|i| MemberId([i; 32])))
    }

    fn standing(record: VotingRecord, log: &Log, tip: u64) -> Standing {
        judge(record, log, Height(tip)).0
    }

    #[test]
    fn a_log_that_belongs_to_the_database_is_enough() {
        // killed at the height, and between its decision and the new log
        for log in [8, 7] {
            assert_eq!(standing(KNOWN, &Log::Whole(Height(log)), 7), Standing::Free);
        }
        // a height that is decided needs no log
        for log in [Log::Missing, Log::Whole(Height(3)), Log::Damaged { how: "".into(), height: None }] {
            assert_eq!(standing(KNOWN, &log, 8), Standing::Free);
            assert_eq!(standing(KNOWN, &log, 20), Standing::Free);
        }
    }

    #[test]
    fn a_lost_or_foreign_log_silences_until_its_height_is_decided() {
        for log in [Log::Missing, Log::Damaged { how: "".into(), height: Some(Height(8)) }, Log::Whole(Height(6)), Log::Whole(Height(0))] {
            let (standing, kept, loss) = judge(KNOWN, &log, Height(7));
            assert_eq!(standing, Standing::Silent(Height(8)), "{log:?}");
            assert!(loss.is_some());
            // started again while it waits, with the new log of the last start
            assert_eq!(judge(kept, &Log::Whole(Height(0)), Height(7)), (Standing::Silent(Height(8)), kept, None));
            assert_eq!(judge(kept, &Log::Whole(Height(0)), Height(8)).0, Standing::Free);
        }
    }

    #[test]
    fn a_database_that_is_older_than_the_log_is_not_believed() {
        let (standing, kept, loss) = judge(KNOWN, &Log::Whole(Height(12)), Height(7));
        assert_eq!((standing, loss), (Standing::Unknown, Some(Loss::DatabaseOlder { log: Height(12) })));
        // also not when the log was put aside
        assert_eq!(judge(kept, &Log::Missing, Height(30)).0, Standing::Unknown);
        // a height in it that was damaged silences nobody for ever
        let settled = settle(kept, &set(4), Height(30));
        assert_eq!(settled.silent_until, Some(Height(32)));
        assert_eq!(judge(settled, &Log::Missing, Height(32)).0, Standing::Free);
        // but where others cannot decide without this one, it says what there is to be known
        assert_eq!(settle(kept, &set(1), Height(7)).silent_until, Some(Height(12)));
    }

    #[test]
    fn a_new_database_waits_for_two_heights_of_others() {
        let (standing, kept, _) = judge(VotingRecord::default(), &Log::Missing, Height(0));
        assert_eq!(standing, Standing::Unknown);
        let settled = settle(kept, &set(4), Height(40));
        assert_eq!(judge(settled, &Log::Whole(Height(0)), Height(40)).0, Standing::Silent(Height(42)));
        assert_eq!(judge(settled, &Log::Whole(Height(0)), Height(42)).0, Standing::Free);
        assert_eq!((asked_for_record(&set(4), Height(40)), asked_for_record(&set(7), Height(40))), (3, 5));
    }

    #[test]
    fn a_network_begins_and_small_ones_do_not_wait_for_ever() {
        // three of four begin a network
        assert_eq!(asked_for_record(&set(4), Height(0)), 2);
        let begun = settle(VotingRecord::default(), &set(4), Height(0));
        assert_eq!(judge(begun, &Log::Whole(Height(0)), Height(0)).0, Standing::Free);
        for n in 1..=3 {
            assert_eq!(asked_for_record(&set(n), Height(5)), usize::from(n) - 1, "all others");
            assert_eq!(settle(VotingRecord::default(), &set(n), Height(5)).silent_until, Some(Height(5)));
        }
        assert_eq!(
            (asked_for_blocks(&set(1)), asked_for_blocks(&set(3)), asked_for_blocks(&set(4)), asked_for_blocks(&set(7))),
            (0, 1, 2, 3)
        );
    }

    #[test]
    fn a_signature_nobody_remembers_is_strange() {
        assert!(!is_strange(&KNOWN, Height(8)), "decided by others with the vote that was made before the kill");
        assert!(is_strange(&KNOWN, Height(9)));
        assert!(!is_strange(&VotingRecord::default(), Height(9)), "a new database knows that it knows nothing");
        let settled = settle(VotingRecord::default(), &set(4), Height(40));
        assert!(!is_strange(&settled, Height(42)) && is_strange(&settled, Height(43)));
    }
}
