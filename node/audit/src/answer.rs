//! One exported answer, from a file or from a gateway that is not trusted.

use crate::{AuditError, NOT_CHECKED, gateway};
use countersign_ledger::{KeyedChecker, light::AnswerExport};
use countersign_member::{DEVELOPMENT_NOTICE, gateway::GatewayClient};
use countersign_messages::{Height, Wire};
use countersign_verifier::VerifyingKeys;
use serde::Serialize;
use std::{fmt, path::Path};

/// The bytes of an exported answer.
#[derive(Debug, Clone)]
pub struct Exported {
    name: String,
    bytes: Vec<u8>,
}

impl Exported {
    /// A file, as `query --export` writes it.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn file(path: &Path) -> Result<Self, AuditError> {
        let bytes = std::fs::read(path).map_err(|source| AuditError::Read { path: path.to_owned(), source })?;
        Ok(Self { name: path.display().to_string(), bytes })
    }

    /// From a gateway: the query (`Q-7`, or its id) and the hospital's name or key.
    ///
    /// # Errors
    /// The gateway fails, or knows no such query or hospital.
    pub async fn from_gateway(url: &str, query: &str, site: &str) -> Result<Self, AuditError> {
        let (name, bytes) = gateway::export(&GatewayClient::new(url)?, query, site).await?;
        Ok(Self { name, bytes })
    }

    /// Verifies headers, certificates, paths and both proofs.
    ///
    /// # Errors
    /// [`AuditError::NotVerified`]: the first thing that is wrong.
    pub fn verify(&self, keys: VerifyingKeys) -> Result<AnswerFinding, AuditError> {
        let refused = |e: &dyn fmt::Display| AuditError::NotVerified(format!("{} is not an exported answer: {e}", self.name));
        let export = AnswerExport::decode(&self.bytes).map_err(|e| refused(&e))?;
        let development_keys = keys.development();
        let finding = export.check(&KeyedChecker::new(keys)).map_err(|e| AuditError::NotVerified(e.to_string()))?;
        let (signed, validators) = decided(&export);
        let answer = &finding.answer;
        Ok(AnswerFinding {
            verified: true,
            block: answer.height.0,
            hospital: answer.hospital.to_string(),
            named: answer.named.0,
            k_min: answer.k_min,
            gates: Gates { released: answer.counts.released, small: answer.counts.small, withheld: answer.counts.withheld },
            network: finding.network.to_string(),
            tip: finding.block.to_string(),
            signed,
            validators,
            development_keys,
            not_checked: NOT_CHECKED,
        })
    }
}

/// Cells of an answer by what became of them.
#[derive(Debug, Clone, Serialize)]
pub struct Gates {
    /// Shown.
    pub released: u32,
    /// Hidden: fewer people than the rule asks for.
    pub small: u32,
    /// Hidden for another reason, by reason (docs/protocol/disclosure-rules.md).
    pub withheld: [u32; 3],
}

/// An answer of which everything verifies.
#[derive(Debug, Clone, Serialize)]
pub struct AnswerFinding {
    /// Always true.
    pub verified: bool,
    /// Height of the block with the answer.
    pub block: u64,
    /// The hospital's identity.
    pub hospital: String,
    /// Height up to which consents and withdrawals count.
    pub named: u64,
    /// Least number of people behind a released cell.
    pub k_min: u32,
    /// What became of its cells.
    pub gates: Gates,
    /// The network: compare it with what a member you trust says.
    pub network: String,
    /// Id of the last header.
    pub tip: String,
    /// How many validators signed the last header.
    pub signed: usize,
    /// Of how many.
    pub validators: usize,
    /// Whether these are development keys: whoever made them could forge the proofs.
    pub development_keys: bool,
    /// What this never says.
    pub not_checked: &'static str,
}

impl fmt::Display for AnswerFinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { block, hospital, named, k_min, gates, network, tip, signed, validators, .. } = self;
        writeln!(f, "verified on this machine: answer of block {block} by hospital {hospital}")?;
        writeln!(f, "consent state and withdrawals up to block {named}, rule k_min {k_min}")?;
        let withheld: u32 = gates.withheld.iter().sum();
        writeln!(f, "gates: {} released, {} small, {withheld} withheld", gates.released, gates.small)?;
        writeln!(f, "network {network}: compare with what a member you trust says")?;
        write!(f, "headers end in block {tip} ({block}), decided by {signed} of {validators} validators\n{NOT_CHECKED}")?;
        if self.development_keys { write!(f, "\n{DEVELOPMENT_NOTICE}") } else { Ok(()) }
    }
}

/// How many validators signed the last header, of how many.
fn decided(export: &AnswerExport) -> (usize, usize) {
    let signed = export.attestations.last().map_or(0, |a| a.certificate.signatures.len());
    let last = export.headers.last().map_or(Height(0), |h| h.height);
    // the set named before the last header decides it
    let named = export.attestations.iter().filter(|a| a.certificate.height < last).filter_map(|a| a.validators.as_ref()).next_back();
    (signed, named.map_or_else(|| export.genesis.validators().members().len(), |set| set.members().len()))
}
