//! A member's running node.
//!
//! [`new_member`] makes a member's folder with keys, card and [configuration](Config), [`join`] its copy of a network's chain. [`Service`] is the node as it says:
//! consensus or following, the HTTP gateway, and a hospital's automatic answering. [`beside`] is the member's line to the chain from another process, next to the running
//! node; [`InProcess`] that from the node's own. A [`Rehearsal`] is a whole network in one process.

mod answering;
mod beside;
pub mod config;
mod error;
mod gateway_node;
mod in_process;
mod joining;
pub mod log;
mod new_member;
mod rehearsal;
mod service;

pub use beside::{beside, checker, no_chain};
pub use config::{Config, Overrides};
pub use error::ServiceError;
pub use gateway_node::ACCUSED;
pub use in_process::InProcess;
pub use joining::{Admission, Joined, join};
pub use new_member::{MemberFiles, NewMember, new_member};
pub use rehearsal::{Part, Rehearsal};
pub use service::{LostVotes, Service};
