//! A study that no board approves in time is forgotten. No transaction says so: every block looks.

use crate::state::State;
use countersign_circuits::consent::Day;

impl State {
    /// Forgets studies that no board has approved in time.
    pub(in crate::state) fn forget_waiting(&mut self, today: Day) {
        while let Some((until, id)) = self.waiting.get_min().copied().filter(|(until, _)| *until < today) {
            self.waiting.remove(&(until, id));
            if let Some(study) = self.studies.get(&id).cloned() {
                self.forget_all_about(&study, &id);
            }
            self.studies.remove(&id);
        }
    }
}
