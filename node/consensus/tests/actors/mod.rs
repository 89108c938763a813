//! Validators that do not keep the rules, one a file. Each is a whole node whose proposals, clock, checker or messages are changed.

pub mod equivocator;
pub mod flooder;
pub mod forger;
pub mod invalid_proof_proposer;
pub mod out_of_turn;
pub mod replayer;
pub mod time_liar;
pub mod vote_flooder;
pub mod withholder;
pub mod wrong_state_proposer;
