//! How long an answer takes says nothing of its rows (rule D14): judging, proving and sealing end at the next whole step of time.

use std::time::{Duration, Instant};

/// Times are made up to whole multiples of this.
const STEP: Duration = Duration::from_millis(250);

/// When an attempt began.
#[derive(Debug, Clone, Copy)]
pub(super) struct Begun(Instant);

impl Begun {
    pub(super) fn now() -> Self {
        Self(Instant::now())
    }

    /// Waits for the end of the step.
    pub(super) async fn pad(self) {
        tokio::time::sleep(rest(self.0.elapsed())).await;
    }
}

/// From a time to the next multiple of [`STEP`].
fn rest(elapsed: Duration) -> Duration {
    let over = elapsed.as_micros() % STEP.as_micros();
    STEP.saturating_sub(Duration::from_micros(u64::try_from(over).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_end_at_whole_steps() {
        for micros in [0, 1, 249_999, 250_000, 250_001, 7_654_321] {
            let elapsed = Duration::from_micros(micros);
            let (total, rest) = (elapsed + rest(elapsed), rest(elapsed));
            assert_eq!(total.as_micros() % STEP.as_micros(), 0, "{micros}");
            assert!(!rest.is_zero() && rest <= STEP, "{micros}");
        }
    }

    #[tokio::test]
    async fn an_attempt_waits_for_the_end_of_its_step() {
        let begun = Begun::now();
        begun.pad().await;
        assert!(begun.0.elapsed() >= STEP, "never sooner, however slow the machine");
    }
}
