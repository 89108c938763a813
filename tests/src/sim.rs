//! A network in one thread and virtual time, replayed from one seed.
//!
//! Four validators run the real state machine, the real mempool and the real core of Malachite (its effects carried out as the engine does:
//! signatures are made and checked, the write-ahead log is flushed before anything that was signed leaves). What is simulated is the outside: clocks,
//! links that delay, lose, repeat and reorder, partitions, processes that die at the worst moment and keep only their disk, and members who ask, answer,
//! withdraw, repeat themselves and cheat. Proofs are scripted (`countersign-harness`): their verification is not the subject here.
//!
//! What counts as a failure stands at the head of each file in `check`. Not a failure: a height that needs many rounds, a node that is behind while the
//! faults last, a transaction that the ledger rejects with a reason, a mempool that a restart has emptied.
//!
//! | file | content |
//! |---|---|
//! | `cluster` | the event loop: everything happens in one order that follows from the seed |
//! | `node`, `effects`, `host` | a validator: its inputs, Malachite's effects, and what the application does |
//! | `disk` | what a validator keeps when it dies |
//! | `weather` | what happens to messages and processes, by seed |
//! | `people`, `clients` | who takes part; what members send and send again |
//! | `check` | what must hold |
//! | `sabotage` | nodes broken on purpose: the checks must find them |

mod check;
mod clients;
mod cluster;
mod disk;
mod effects;
use countersign_harness as harness;
mod host;
mod message;
mod node;
mod patients;
mod people;
pub mod sabotage;
mod verifier;
mod weather;

pub use check::{Failure, history};
pub use cluster::{Summary, run, run_with};
