//! The validator that is stopped and started again while hospitals answer.

use super::consortium::{Consortium, VALIDATORS};
use crate::{failure::Failure, screen::Screen};

/// What happens to the last validator between a question and its answers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Outage {
    None,
    Begins,
    Ends,
}

impl Outage {
    /// Stops the last validator, or starts it again.
    pub(super) async fn happen(self, screen: Screen, consortium: &mut Consortium) -> Result<(), Failure> {
        let [first, .., last] = VALIDATORS;
        match self {
            Self::None => {}
            Self::Begins => {
                let height = consortium.height(last)?;
                consortium.stop(last).await;
                screen.say(format!(
                    "  {last} is stopped at block {height}. Three of four validators decide: the hospitals answer all the same."
                ));
            }
            Self::Ends => {
                let now = consortium.height(first)?;
                consortium.launch(last).await?;
                let height = consortium.height(last)?;
                screen.say(format!("  {last} is started again: it has block {height}, the others have block {now}."));
            }
        }
        Ok(())
    }

    /// If the last validator is back: waits until it has what the first has.
    pub(super) async fn be_over(self, screen: Screen, consortium: &Consortium) -> Result<(), Failure> {
        if self != Self::Ends {
            return Ok(());
        }
        let [first, .., last] = VALIDATORS;
        let height = consortium.height(first)?;
        let mut network = consortium.network(last)?;
        network.until("the blocks it missed", |s| s.tip().height >= height).await?;
        screen
            .say(format!("  {last} has fetched the blocks it missed, checked their certificates and proofs, and has block {height} too."));
        Ok(())
    }
}
