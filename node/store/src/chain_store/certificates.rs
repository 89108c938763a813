//! Commit certificates.

use super::{ChainStore, damaged, digest, integer};
use crate::StoreError;
use async_recursion::async_recursion as boxed;
use countersign_circuits::hash::Digest32;
use countersign_ledger::State;
use countersign_messages::{BlockId, Certificate, CertificateError, Header, Height, ValidatorSet, Wire};
use sqlx::{AnyConnection, Row};

impl ChainStore {
    /// The certificate of the block at a height. Blocks written before there were certificates have none.
    ///
    /// # Errors
    /// It is damaged, or the database fails.
    #[boxed]
    pub async fn certificate(&self, height: Height) -> Result<Option<Certificate>, StoreError> {
        let query = sqlx::query("SELECT bytes FROM certificate WHERE height = $1").bind(integer(height.0));
        let row = query.fetch_optional(&self.readers).await?;
        row.map(|r| Certificate::decode(&r.try_get::<Vec<u8>, _>("bytes")?).map_err(|e| damaged("the certificate", height, e))).transpose()
    }

    /// That validators have decided a block, by the certificate that is kept.
    ///
    /// # Errors
    /// There is none, it is not theirs, or the database fails.
    #[boxed]
    pub async fn check_decided(&self, header: &Header, validators: &ValidatorSet) -> Result<(), StoreError> {
        let certificate = self.certificate(header.height).await?.ok_or(StoreError::NoCertificate(header.height))?;
        Ok(certificate.check(header, validators)?)
    }

    /// That the last block of a state is decided, and every change of validators on the way to it: by those the genesis names and those they have
    /// decided. A snapshot that somebody else wrote names other validators, whom those before have not decided.
    pub(super) async fn check_succession(&self, state: &State) -> Result<(), StoreError> {
        let tip = state.tip();
        if tip.height == Height(0) {
            return Ok(());
        }
        let changes: Vec<(Height, Digest32)> =
            state.validator_changes(tip.height.next()).map(|(height, set)| (height, set.digest())).collect();
        for (since, named) in changes {
            let height = Height(since.0.saturating_sub(1));
            let header = self.header(height).await?.ok_or_else(|| damaged("the header", height, "it is missing"))?;
            if header.validators != named {
                return Err(damaged("the snapshot", tip.height, "it names validators that were never decided"));
            }
            self.check_decided(&header, &state.validators_at(height)).await?;
        }
        let header = self.header(tip.height).await?.ok_or_else(|| damaged("the header", tip.height, "it is missing"))?;
        self.check_decided(&header, &state.validators_at(tip.height)).await
    }

    /// Keeps a certificate of a stored block if it has more signatures than the one that is kept; true if it was written. That it names
    /// the block is checked here; its signatures are the caller's to check before.
    ///
    /// # Errors
    /// There is no block of that height, the certificate is about another one, or the database fails.
    #[boxed]
    pub async fn improve_certificate(&self, certificate: &Certificate) -> Result<bool, StoreError> {
        let height = certificate.height;
        let mut unit = self.writer()?.begin().await?;
        let row = sqlx::query("SELECT id FROM block WHERE height = $1").bind(integer(height.0)).fetch_optional(unit.connection()?).await?;
        let row = row.ok_or(StoreError::NotFound("block of this height"))?;
        check_names(certificate, height, &BlockId(digest(&row, "id", height)?))?;
        let written = write(unit.connection()?, certificate).await?;
        unit.commit().await?;
        Ok(written)
    }
}

/// That a certificate is about a block and within its bounds.
pub(super) fn check_names(certificate: &Certificate, height: Height, block: &BlockId) -> Result<(), StoreError> {
    certificate.check_bounds()?;
    if certificate.height == height && certificate.block == *block { Ok(()) } else { Err(CertificateError::OtherBlock(height).into()) }
}

/// Writes a certificate unless one with as many signatures is there.
pub(super) async fn write(connection: &mut AnyConnection, certificate: &Certificate) -> Result<bool, StoreError> {
    let statement = "INSERT INTO certificate (height, signatures, bytes) VALUES ($1, $2, $3) ON CONFLICT (height) DO UPDATE \
                     SET signatures = excluded.signatures, bytes = excluded.bytes WHERE certificate.signatures < excluded.signatures";
    let done = sqlx::query(statement)
        .bind(integer(certificate.height.0))
        .bind(integer(certificate.signatures.len() as u64))
        .bind(certificate.encode())
        .execute(connection)
        .await?;
    Ok(done.rows_affected() > 0)
}
