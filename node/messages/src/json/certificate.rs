//! Commit certificates.

use super::Id;
use crate::{BlockId, Height, MemberId, Signature};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// A validator's precommit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CommitSignature {
    /// The validator.
    pub validator: Id,
    /// Ed25519 over the vote, in hexadecimal.
    #[cfg_attr(feature = "openapi", schema(value_type = String, pattern = "^[0-9a-f]{128}$"))]
    pub signature: Signature,
}

/// The precommits that decided a block, as this node has them; another node may have others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Certificate {
    /// The round it was decided in.
    pub round: u32,
    /// A quorum of precommits, ascending by validator.
    pub signatures: Vec<CommitSignature>,
}

impl From<&crate::Certificate> for Certificate {
    fn from(certificate: &crate::Certificate) -> Self {
        let signature =
            |(validator, signature): &(MemberId, Signature)| CommitSignature { validator: (*validator).into(), signature: *signature };
        Self { round: certificate.round, signatures: certificate.signatures.iter().map(signature).collect() }
    }
}

impl Certificate {
    /// The certificate of a block. That it is about the block is what its signatures say.
    pub fn of_block(&self, height: Height, block: BlockId) -> crate::Certificate {
        let signatures = self.signatures.iter().map(|s| (MemberId(s.validator.0.0), s.signature)).collect();
        crate::Certificate { height, round: self.round, block, signatures }
    }
}

impl Serialize for Signature {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex::encode(self.0))
    }
}

impl<'de> Deserialize<'de> for Signature {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut bytes = [0; 64];
        hex::decode_to_slice(String::deserialize(deserializer)?, &mut bytes).map_err(D::Error::custom)?;
        Ok(Self(bytes))
    }
}
