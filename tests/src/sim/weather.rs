//! What happens to messages and processes. All of it follows from the seed, and all of it ends at `heal`.

use super::{disk::Loss, people::VALIDATORS};
use rand::{Rng, rngs::StdRng};

/// Milliseconds.
pub(super) type Ms = u64;

/// Some nodes cannot hear the others.
#[derive(Debug, Clone, Copy)]
struct Partition {
    from: Ms,
    until: Ms,
    /// Bit i: which side node i is on.
    sides: u8,
}

/// A process that dies and comes back, with or without what it had.
#[derive(Debug, Clone, Copy)]
pub(super) struct Death {
    pub(super) node: usize,
    pub(super) at: Ms,
    pub(super) down: Ms,
    pub(super) loss: Loss,
}

/// A disk on which there is no room for a while.
#[derive(Debug, Clone, Copy)]
pub(super) struct FullDisk {
    pub(super) node: usize,
    pub(super) at: Ms,
    pub(super) until: Ms,
}

#[derive(Debug, Clone)]
pub(super) struct Weather {
    pub(super) heal: Ms,
    loss: f64,
    repeat: f64,
    spike: f64,
    delay: (Ms, Ms),
    partitions: Vec<Partition>,
    pub(super) deaths: Vec<Death>,
    pub(super) full_disks: Vec<FullDisk>,
    /// How likely it is that the first node to decide a height is cut off and others die at that moment: when locks matter most.
    pub(super) ambush: f64,
}

impl Weather {
    pub(super) fn of(dice: &mut StdRng) -> Self {
        let heal = dice.gen_range(3_000..8_000);
        let pick = |dice: &mut StdRng, choices: &[f64]| choices[dice.gen_range(0..choices.len())];
        let partition = |dice: &mut StdRng| {
            let from = dice.gen_range(0..heal);
            Partition { from, until: (from + dice.gen_range(300..4_000)).min(heal), sides: dice.gen_range(1..15) }
        };
        let death = |dice: &mut StdRng| {
            let at = dice.gen_range(0..heal - 100);
            Death { node: dice.gen_range(0..VALIDATORS), at, down: dice.gen_range(50..3_000).min(heal - at), loss: Loss::Nothing }
        };
        // one validator only loses what it had: more would be more than may be faulty
        let unlucky = dice.gen_range(0..VALIDATORS);
        let losing = |dice: &mut StdRng| {
            let loss = [Loss::Log, Loss::Database, Loss::Both][dice.gen_range(0..3)];
            Death { node: unlucky, loss, ..death(dice) }
        };
        let full_disk = |dice: &mut StdRng| {
            let at = dice.gen_range(0..heal - 100);
            FullDisk { node: dice.gen_range(0..VALIDATORS), at, until: (at + dice.gen_range(50..3_000)).min(heal) }
        };
        Self {
            heal,
            loss: pick(dice, &[0.0, 0.01, 0.05, 0.2]),
            repeat: pick(dice, &[0.0, 0.02, 0.2]),
            spike: pick(dice, &[0.0, 0.01, 0.1]),
            delay: [(1, 5), (5, 60), (40, 120)][dice.gen_range(0..3)],
            partitions: (0..dice.gen_range(0..4)).map(|_| partition(dice)).collect(),
            deaths: {
                let mut deaths: Vec<Death> = (0..dice.gen_range(0..5)).map(|_| death(dice)).collect();
                deaths.extend((0..dice.gen_range(0..2)).map(|_| losing(dice)));
                deaths
            },
            full_disks: (0..dice.gen_range(0..2)).map(|_| full_disk(dice)).collect(),
            ambush: pick(dice, &[0.0, 0.1, 0.4]),
        }
    }

    /// Cuts one node off.
    pub(super) fn isolate(&mut self, node: usize, from: Ms, duration: Ms) {
        self.partitions.push(Partition { from, until: (from + duration).min(self.heal), sides: 1 << node });
    }

    /// When a message arrives: never, once or twice. `None` as the sender: a member, whom partitions do not concern.
    pub(super) fn fate(&self, from: Option<usize>, to: usize, now: Ms, dice: &mut StdRng) -> Vec<Ms> {
        let stormy = now < self.heal;
        let apart = |p: &Partition| (p.from..p.until).contains(&now) && from.is_some_and(|f| (p.sides >> f ^ p.sides >> to) & 1 == 1);
        if stormy && (self.partitions.iter().any(apart) || dice.gen_bool(self.loss)) {
            return Vec::new();
        }
        let copies = if stormy && dice.gen_bool(self.repeat) { 2 } else { 1 };
        let arrival = |_| {
            let late = if stormy && dice.gen_bool(self.spike) { dice.gen_range(200..1_500) } else { 0 };
            now + dice.gen_range(self.delay.0..=self.delay.1) + late
        };
        (0..copies).map(arrival).collect()
    }
}
