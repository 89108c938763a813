//! What waits for a hospital's answer.

use countersign_ledger::{PairRecord, State, StudyRecord, StudyStatus};
use countersign_messages::{BlockTime, MemberId, QueryId};

/// Queries a hospital was asked, has neither answered nor declined, and still may, by number; none of a study that is suspended, over, or by an approval not this hospital's any more. `now` is the clock.
pub fn waiting(state: &State, hospital: &MemberId, now: BlockTime) -> Vec<QueryId> {
    let asked = state.queries().filter(|(id, q)| {
        let asked_still = |study: &StudyRecord| study.status() == StudyStatus::Open && !study.is_over(now.day()) && study.allows(hospital);
        let goes_on = || state.study(&q.query.study).is_some_and(asked_still);
        q.query.deadline > now && q.hospitals.contains(hospital) && state.pair(id, hospital).is_some_and(PairRecord::is_open) && goes_on()
    });
    let mut open: Vec<_> = asked.map(|(id, q)| (q.number, *id)).collect();
    open.sort_unstable();
    open.into_iter().map(|(_, id)| id).collect()
}
