//! Pauses between dials of a peer. Pure: randomness is passed in.

use std::time::Duration;

/// Doubles from `min` to `max`; each pause is between half of that and all of it, so that members that lost the same peer do not come
/// back together.
#[derive(Debug, Clone)]
pub(crate) struct Backoff {
    min: Duration,
    max: Duration,
    next: Duration,
}

impl Backoff {
    pub(crate) fn new(min: Duration, max: Duration) -> Self {
        Self { min, max: max.max(min), next: min }
    }

    /// The pause after one more failure; `jitter` is uniform.
    pub(crate) fn pause(&mut self, jitter: u16) -> Duration {
        let half = self.next / 2;
        let pause = half + half.mul_f64(f64::from(jitter) / f64::from(u16::MAX));
        self.next = self.next.saturating_mul(2).min(self.max);
        pause
    }

    /// After a connection that lived.
    pub(crate) fn reset(&mut self) {
        self.next = self.min;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn pauses_double_up_to_their_bound_and_start_anew() {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(1));
        let pauses: Vec<_> = (0..6).map(|_| backoff.pause(u16::MAX).as_millis()).collect();
        assert_eq!(pauses, [100, 200, 400, 800, 1000, 1000]);
        backoff.reset();
        assert_eq!(backoff.pause(0), Duration::from_millis(50));
    }

    proptest! {
        #[test]
        fn a_pause_is_never_zero_and_never_above_its_bound(jitters in prop::collection::vec(any::<u16>(), 1..80)) {
            let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(10));
            for jitter in jitters {
                let pause = backoff.pause(jitter);
                prop_assert!(pause >= Duration::from_millis(50) && pause <= Duration::from_secs(10));
            }
        }
    }
}
