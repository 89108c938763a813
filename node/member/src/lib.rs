//! One member of a network and its line to the chain.
//!
//! [`Member`] is a member with its secret keys, [`Card`] what the others know of it, [`PersonSecret`] and [`PersonCard`] the same of a person who signs for an ethics board, [`MemberFolder`] where its files are. A [`Connection`] reads the chain and sends
//! transactions through whatever implements [`Ledger`]: the chain of one validator in this process, a node of another process on this machine ([`OtherProcess`]), or a
//! node in this process (the service's). [`named`] finds what people name.

mod card;
mod circuit_keys;
mod clock;
mod connection;
mod error;
mod folder;
pub mod gateway;
mod kept;
mod keys;
mod ledger;
pub mod named;
mod person;

pub use card::Card;
pub use circuit_keys::{DEVELOPMENT_NOTICE, VerifyingFolder, key_file_name};
pub use clock::now;
pub use connection::{Connection, PATIENCE};
pub use error::{LedgerError, MemberError};
pub use folder::MemberFolder;
pub use kept::{KeptWork, LeftToOthers};
pub use keys::{Member, is_usable, refuse_readable, role};
pub use ledger::{Alone, Ledger, OtherProcess};
pub use person::{PersonCard, PersonSecret};
