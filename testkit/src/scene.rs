//! The scene of the attacks on answers: one hospital, one statement with a filter, a group and a value, one group that is exactly one
//! person too small.

use crate::{cheats::answer::Forger, world::World};
use countersign_circuits::statement::{Clause, Grouping, Literal, Measure, Measures, Statement, Wiring};
use countersign_verifier::VerifyError;
use std::sync::OnceLock;

/// A clause of one literal.
pub fn only(attribute: u16, bins: impl IntoIterator<Item = u16>) -> Clause {
    Clause { any_of: vec![Literal { attribute, bins: bins.into_iter().collect() }] }
}

/// Rows and mean age by sex among diabetics: a filter, a group, a value, room for every unused slot.
pub fn statement(filter: Vec<Clause>) -> Statement {
    Statement {
        filter,
        groups: vec![Grouping { attribute: 1, bands: vec![vec![1], vec![2], vec![3]] }],
        measures: Measures::Descriptive { count_rows: true, of: vec![Measure::Moments { attribute: 0 }] },
    }
}

/// One segment; levels of sex are skewed so that one group is exactly `k_min - 1` large and another large.
pub fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| {
        let seen = std::sync::atomic::AtomicUsize::new(0);
        let mut world = World::with_rows(900, 3, |_, row| {
            let i = seen.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            row[0] = Some(row[0].unwrap_or(40));
            row[2] = Some(1);
            row[1] = Some(if i.is_multiple_of(9) { 2 } else { u32::from(i.is_multiple_of(3)) });
        });
        // the smallest group that there is decides what "one too few" means
        let wiring = world.wiring(&statement(vec![only(2, [2])]), 2).unwrap();
        let cells = countersign_prover::aggregate::moment_table(&wiring, &world.witness());
        let smallest = wiring.cells().iter().zip(&cells).filter(|(c, _)| c.kind.group_start).map(|(_, n)| *n).min().unwrap();
        world.context.k_min = smallest as u32 + 1;
        world
    })
}

/// The scene's statement over two scopes.
pub fn wiring() -> Wiring {
    world().wiring(&statement(vec![only(2, [2])]), 2).unwrap()
}

/// The scene's verifier says exactly this.
pub fn refused(wiring: &Wiring, forged: &[u8], error: VerifyError) {
    assert_eq!(world().verify(wiring, forged), Err(error));
}

/// The forger told nothing is an honest prover.
pub fn honest(wiring: &Wiring, seed: u64) -> Forger<'_> {
    let forger = Forger::new(world(), wiring, seed).bound();
    assert_eq!(forger.check(), Ok(()), "the honest variant holds");
    forger
}
