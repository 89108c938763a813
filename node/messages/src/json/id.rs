//! Ids.

use crate::{BlockId, MemberId, NetworkId, ProposalId, QueryId, StudyId, TransactionId};
use countersign_circuits::hash::Digest32;
use serde::{Deserialize, Serialize};
use std::fmt;

/// 32 bytes in lower-case hexadecimal: a hash or an Ed25519 key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(value_type = String, pattern = "^[0-9a-f]{64}$"))]
pub struct Id(pub Digest32);

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<Digest32> for Id {
    fn from(digest: Digest32) -> Self {
        Self(digest)
    }
}

impl From<[u8; 32]> for Id {
    fn from(bytes: [u8; 32]) -> Self {
        Self(Digest32(bytes))
    }
}

/// Ids of the ledger, by what is in them.
macro_rules! from_ids {
    ($($id:ty),+) => { $(impl From<$id> for Id {
        fn from(id: $id) -> Self {
            id.0.into()
        }
    })+ };
}

from_ids!(MemberId, NetworkId, BlockId, TransactionId, ProposalId, StudyId, QueryId);
