//! People who objected to research by law or at another place: a list that is read before every anchor and every answer.

use super::{Hospital, HospitalError, on_ledger::OnLedger};
use countersign_circuits::consent::Day;
use countersign_ingest::{OptOuts, read_opt_outs};
use countersign_member::Connection;
use std::path::PathBuf;

/// Which list of opt-outs a hospital reads.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum OptOutList {
    /// That of before, if there was one. The hospital's file remembers where it lies: it cannot be forgotten.
    #[default]
    AsBefore,
    /// This one, from now on.
    File(PathBuf),
    /// None any more.
    Never,
}

impl Hospital {
    /// Reads the list that is meant, and remembers where it lies.
    pub(super) async fn opt_outs(&self, list: &OptOutList) -> Result<Option<OptOuts>, HospitalError> {
        match list {
            OptOutList::AsBefore => self.kept_opt_outs().await,
            OptOutList::Never => {
                self.store.keep_opt_out_list(None).await?;
                Ok(None)
            }
            OptOutList::File(path) => {
                let people = read_opt_outs(path)?;
                let whole = path.canonicalize().ok().and_then(|path| path.to_str().map(str::to_owned));
                let whole = whole.ok_or_else(|| HospitalError::OptOutPath(path.clone()))?;
                self.store.keep_opt_out_list(Some(&whole)).await?;
                Ok(Some(people))
            }
        }
    }

    /// The list of before, as it stands now.
    async fn kept_opt_outs(&self) -> Result<Option<OptOuts>, HospitalError> {
        let Some(path) = self.store.opt_out_list().await? else { return Ok(None) };
        let people = read_opt_outs(path.as_ref()).map_err(|source| HospitalError::OptOuts { path: path.into(), source })?;
        Ok(Some(people))
    }

    /// Takes out of force whoever has a row and stands on the list by now. What it comes to stands in the journal of withdrawals.
    pub(super) async fn take_out_opt_outs(&self, connection: &Connection) -> Result<u64, HospitalError> {
        let Some(people) = self.kept_opt_outs().await? else { return Ok(0) };
        let (state, hospital) = (connection.state(), self.member.id());
        let nothing: Vec<Option<Day>> = vec![None; state.registry().scopes.len()];
        let holders = self.store.holders().await?;
        let stated: Vec<_> =
            holders.into_iter().filter(|(patient, _)| people.holds(patient)).map(|(patient, _)| (patient, nothing.clone())).collect();
        if stated.is_empty() {
            return Ok(0);
        }
        Ok(self.store.take_back(&stated, state.registry(), &OnLedger { state, hospital }).await?)
    }
}
