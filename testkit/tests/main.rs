//! Tests of the proofs: attacks, omissions and what must pass, in one program: each file a module.

#![allow(clippy::unwrap_used, missing_docs, reason = "tests may panic")]

mod attacks_anchor;
mod attacks_answer;
mod attacks_erasure;
mod attacks_rules;
mod attacks_statement;
mod attacks_transcript;
mod attacks_wire;
mod mutants;
mod omissions_anchor;
mod omissions_answer;
mod omissions_erasure;
mod omissions_opening;
mod round_trip;
mod single_row;
mod transcripts;
