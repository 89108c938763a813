//! A study's life, one file a transition: submitted, approved, accepted by hospitals, decided about, or forgotten because no board approved it in time.
//!
//! A transition is a method of [`State`](super::State) that checks every rule before it changes anything. Those that a transaction asks for
//! are called from `State::apply`.

mod accept;
pub(super) mod act;
mod expire;
mod submit;

use crate::rejection::Rejection;
use countersign_messages::K_MIN_MAX;

fn check_k_min(found: u32, least: u32) -> Result<(), Rejection> {
    if (least..=K_MIN_MAX).contains(&found) { Ok(()) } else { Err(Rejection::KMin { found, least }) }
}
