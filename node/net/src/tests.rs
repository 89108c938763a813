//! Members that talk, and strangers that try, over real sockets on loopback.

mod harness;
mod hostile;
mod identity;
mod life;
mod requests;
mod talk;
