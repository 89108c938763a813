//! What members decide together: what a network starts from, and how it changes.
//!
//! A coordinator makes the genesis from everybody's cards ([`Founding`]); later every change of members, dictionaries, scopes, rules or circuit keys is
//! [proposed](propose) and [voted](vote) on. [`rule_files`] reads rules and scopes from files, [`usual_registry`] has the usual scopes.
//!
//! A [development network](DataFolder) has one validator and everybody's keys in one folder, with circuit keys that whoever made them could forge proofs
//! with ([`make_development_keys`]).

mod data_folder;
mod development_keys;
mod error;
mod founding;
mod proposing;
mod registry;
pub mod rule_files;

pub use data_folder::{BOARD, DataFolder, NetworkOptions, RESEARCHER, VALIDATOR};
pub use development_keys::{are_there, make_development_keys};
pub use error::ConsortiumError;
pub use founding::{BoardPersons, Founding};
pub use proposing::{Proposed, Voted, propose, vote};
pub use registry::usual_registry;
