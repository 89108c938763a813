//! Cheating provers: what a hospital with its own build of the prover, or anybody who edits bytes, could try.
//!
//! [`answer`] deviates from S2 at any step, [`anchor`] and [`zeros`] from S1, [`opening`] from the masked opening, [`wire`] edits bytes and key files.
//! Each attack is a named function or a public field to change; the tests `attacks_*` run them against the real verifier
//! (protocol, section 9; `testkit/ATTACKS.md` maps the points to the tests).

pub mod anchor;
pub mod answer;
pub mod opening;
pub mod wire;
pub mod zeros;
