//! People who objected to research by law or at another place: a list that is read before every anchor and every answer.

use super::{Hospital, HospitalError, on_ledger::OnLedger};
use countersign_circuits::consent::Day;
use countersign_ingest::{OptOuts, PatientId, read_opt_outs};
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

/// Share of a hospital's people (one in so many) that a list may newly name at once before a person must look, and the number that always may.
const MANY: (usize, usize) = (100, 20);

impl Hospital {
    /// Reads the list that is meant, and remembers where it lies.
    pub(super) async fn opt_outs(&self, list: &OptOutList) -> Result<Option<OptOuts>, HospitalError> {
        match list {
            OptOutList::AsBefore => Ok(self.kept_opt_outs().await?.map(|(people, _)| people)),
            OptOutList::Never => {
                self.store.keep_opt_out_list(None).await?;
                Ok(None)
            }
            OptOutList::File(path) => {
                let people = read_opt_outs(path)?;
                // a link stays one: what it points to may be another file tomorrow
                let whole = std::path::absolute(path).ok().and_then(|path| path.to_str().map(str::to_owned));
                let whole = whole.ok_or_else(|| HospitalError::OptOutPath(path.clone()))?;
                self.store.keep_opt_out_list(Some((&whole, people.len()))).await?;
                Ok(Some(people))
            }
        }
    }

    /// The list of before, as it stands now, and those of it who have a row. One that has become shorter, or that names very many at once, may be half written or another file: a person must look.
    async fn kept_opt_outs(&self) -> Result<Option<(OptOuts, Vec<PatientId>)>, HospitalError> {
        let Some((path, before)) = self.store.opt_out_list().await? else { return Ok(None) };
        let people = read_opt_outs(path.as_ref()).map_err(|source| HospitalError::OptOuts { path: path.clone().into(), source })?;
        if people.len() < before {
            return Err(HospitalError::OptOutsShrank { path: path.into(), before, now: people.len() });
        }
        let holders = self.store.holders().await?;
        let all = holders.len();
        let named: Vec<PatientId> = holders.into_iter().map(|(patient, _)| patient).filter(|patient| people.holds(patient)).collect();
        if named.len() > (all / MANY.0).max(MANY.1) {
            return Err(HospitalError::OptOutsMany { path: path.into(), named: named.len(), all });
        }
        if people.len() > before {
            self.store.keep_opt_out_list(Some((&path, people.len()))).await?;
        }
        Ok(Some((people, named)))
    }

    /// Takes out of force whoever has a row and stands on the list by now. What it comes to stands in the journal of withdrawals.
    pub(super) async fn take_out_opt_outs(&self, connection: &Connection) -> Result<u64, HospitalError> {
        match self.kept_opt_outs().await? {
            Some((people, named)) if !named.is_empty() => self.take_out(connection, &people).await,
            _ => Ok(0),
        }
    }

    /// Takes out of force whoever stands on a list and has a slot in use, however many they are.
    pub(super) async fn take_out(&self, connection: &Connection, people: &OptOuts) -> Result<u64, HospitalError> {
        let holders = self.store.holders().await?;
        let (state, hospital) = (connection.state(), self.member.id());
        let nothing: Vec<Option<Day>> = vec![None; state.registry().scopes.len()];
        let named = holders.into_iter().filter(|(patient, _)| people.holds(patient));
        let stated: Vec<_> = named.map(|(patient, _)| (patient, nothing.clone())).collect();
        if stated.is_empty() {
            return Ok(0);
        }
        Ok(self.store.take_back(&stated, state.registry(), &OnLedger { state, hospital }).await?)
    }
}
