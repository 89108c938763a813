//! The arguments of an audit, for the programs that ask for one.

use crate::{AnswerFinding, AuditError, ChainFinding, Exported, chain};
use clap::Args;
use countersign_store::AuditReport;
use countersign_verifier::VerifyingKeys;
use std::path::PathBuf;

/// Which chain.
#[derive(Debug, Args)]
pub struct ChainArguments {
    /// A data folder, a member's folder, a chain file, or an archive
    #[arg(required_unless_present = "url", conflicts_with = "url")]
    pub path: Option<PathBuf>,
    /// URL of a gateway to fetch the chain from; it is not trusted
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
    /// With --url: the genesis file the network started from; without it, the gateway's is taken and is for you to compare
    #[arg(long, value_name = "FILE", requires = "url")]
    pub genesis: Option<PathBuf>,
    /// Write the whole chain to one archive file after the audit
    #[arg(long, value_name = "FILE", conflicts_with = "url")]
    pub archive: Option<PathBuf>,
}

impl ChainArguments {
    /// Audits the chain, and writes the archive if one is asked for.
    ///
    /// # Errors
    /// As [`chain::at`], [`chain::from_gateway`] and [`chain::write_archive`].
    pub async fn finding(&self, keys: VerifyingKeys, progress: impl FnMut(&AuditReport)) -> Result<ChainFinding, AuditError> {
        if let Some(url) = &self.url {
            return chain::from_gateway(url, self.genesis.as_deref(), keys, progress).await;
        }
        // one of the two is required
        let path = self.path.clone().unwrap_or_default();
        let finding = chain::at(&path, keys, progress).await?;
        if let Some(out) = &self.archive {
            chain::write_archive(&path, out).await?;
        }
        Ok(finding)
    }
}

/// Which answer.
#[derive(Debug, Args)]
pub struct AnswerArguments {
    /// A file written by `query --export`
    #[arg(required_unless_present = "url", conflicts_with = "url")]
    pub file: Option<PathBuf>,
    /// URL of a gateway to fetch the answer from; it is not trusted
    #[arg(long, value_name = "URL", requires_all = ["query", "site"])]
    pub url: Option<String>,
    /// The query (Q-7, or its id), with --url
    #[arg(long, value_name = "QUERY")]
    pub query: Option<String>,
    /// The hospital's name or key, with --url
    #[arg(long, value_name = "NAME")]
    pub site: Option<String>,
}

impl AnswerArguments {
    /// Verifies the answer.
    ///
    /// # Errors
    /// As [`Exported::file`], [`Exported::from_gateway`] and [`Exported::verify`].
    pub async fn finding(&self, keys: VerifyingKeys) -> Result<AnswerFinding, AuditError> {
        let exported = match (&self.url, &self.query, &self.site) {
            (Some(url), Some(query), Some(site)) => Exported::from_gateway(url, query, site).await?,
            // one of the two is required
            _ => Exported::file(&self.file.clone().unwrap_or_default())?,
        };
        exported.verify(keys)
    }
}
