//! Malachite's side: context, signing, parts of proposals, codec.

pub mod codec;
pub mod context;
pub mod gate;
pub mod network;
pub mod part;
pub mod signing;
