//! Thousands of seeds of a simulated network, and the checks checked on nodes that are broken on purpose.
//!
//! `COUNTERSIGN_SIM_SEED=N` replays one seed; `COUNTERSIGN_SIM_SEEDS=N` runs so many; see CONTRIBUTING.md.

use countersign_tests::sim::{self, Summary};
use std::sync::{
    Mutex,
    atomic::{AtomicU64, Ordering},
};

/// Seeds of a normal run: below a minute on two cores.
const SEEDS: u64 = 2_000;

fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} must be a number")))
}

/// Runs seeds on all cores, each on one thread; the summaries, or the first failure.
fn run_all(first: u64, count: u64) -> Vec<Summary> {
    let (next, failed, done) = (AtomicU64::new(first), Mutex::new(None::<String>), Mutex::new(Vec::new()));
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + count || failed.lock().unwrap().is_some() {
                        return;
                    }
                    match sim::run(seed) {
                        Ok(summary) => done.lock().unwrap().push(summary),
                        Err(report) => *failed.lock().unwrap() = Some(report),
                    }
                }
            });
        }
    });
    if let Some(report) = failed.into_inner().unwrap() {
        panic!("{report}");
    }
    done.into_inner().unwrap()
}

/// A run in which nothing happens proves nothing.
fn look_at(summaries: &[Summary]) {
    let sum = |of: fn(&Summary) -> usize| summaries.iter().map(of).sum::<usize>();
    let longest = summaries.iter().map(|s| s.settled_ms).max().unwrap();
    println!(
        "{} seeds: {} blocks, {} accepted, {} rejected, {} answers, {} withdrawals, {} erasures, {} suspensions or ends of them, {} files of hospitals brought back, {} restarts, {} lost databases and logs, {} full disks, {} events, settled within {longest} ms",
        summaries.len(),
        sum(|s| usize::try_from(s.height).unwrap()),
        sum(|s| s.accepted),
        sum(|s| s.rejected),
        sum(|s| s.answers),
        sum(|s| s.withdrawals),
        sum(|s| s.erasures),
        sum(|s| s.decisions),
        sum(|s| s.brought_back),
        sum(|s| s.restarts),
        sum(|s| s.losses),
        sum(|s| s.full_disks),
        sum(|s| usize::try_from(s.events).unwrap()),
    );
    for (what, found) in [
        ("answers", sum(|s| s.answers)),
        ("withdrawals", sum(|s| s.withdrawals)),
        // somebody has to have left, and nothing else to have changed meanwhile
        ("erasures", 4 * sum(|s| s.erasures)),
        ("decisions", 4 * sum(|s| s.decisions)),
        // of a copy that was made before
        ("files of hospitals brought back", 10 * sum(|s| s.brought_back)),
        ("rejected", sum(|s| s.rejected)),
        ("restarts", sum(|s| s.restarts)),
        // one seed in two has them, and not all come to pass
        ("losses", 2 * sum(|s| s.losses)),
        ("full disks", 2 * sum(|s| s.full_disks)),
    ] {
        assert!(found >= summaries.len() / 2, "{what}: {found} in {} seeds", summaries.len());
    }
}

#[test]
fn every_seed_holds() {
    if let Some(seed) = variable("COUNTERSIGN_SIM_SEED") {
        match sim::run(seed) {
            Ok(summary) => println!("seed {seed}: {summary:?}"),
            Err(report) => panic!("{report}"),
        }
        return;
    }
    let summaries = run_all(0, variable("COUNTERSIGN_SIM_SEEDS").unwrap_or(SEEDS));
    look_at(&summaries);
}

#[test]
#[ignore = "an hour; run it before a release"]
fn many_more_seeds_hold() {
    look_at(&run_all(1_000_000, 100_000));
}

#[test]
fn a_seed_is_a_whole_run() {
    let (one, two) = (sim::run(7).unwrap(), sim::run(7).unwrap());
    assert_eq!(one, two);
    assert_ne!(one, sim::run(8).unwrap());
}
