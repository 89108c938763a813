//! Random histories of a hospital: imports of files (values changed, exchanged, people added, removed, replaced, consents given, narrowed,
//! withdrawn, states come back), cuts, withdrawals, keys of patients and departures by them, notes that let a part count again, erasures (which replace what studies pin), backups brought back, messages lost, transactions refused, and kills at any step. After each
//! import the ledger's rows and grants, opened by the hospital's own openings, are those of the last import, and no answer counts a person without a
//! present grant. Studies take the research cut: it is renewed when, by the model's own count of people, enough have changed, and never before, and it opens to
//! the rows of its day for ever. The ledger is a plain model; the importer, the file and the journal are the product's.

use crate::common::{folder, reopen, rng};
use crate::source::{Person, Source, change, number, somebody, write};
use crate::world::{
    World, known,
    notes::noted,
    replacing::{PINNED, REPLACED},
};
use countersign_hospital::slots::SlotIndex;
use rand::{Rng, seq::SliceRandom};
use rand_chacha::ChaCha20Rng;
use std::{
    collections::BTreeSet,
    future::{Future, poll_fn},
    path::{Path, PathBuf},
    sync::atomic::Ordering,
    task::Poll,
};

/// Histories, each of some imports.
const SEEDS: u64 = 2_000;

/// Runs a future for a number of polls and then drops it.
async fn killed_after<F: Future<Output = ()>>(polls: usize, future: F) -> bool {
    let mut future = Box::pin(future);
    let mut used = 0;
    poll_fn(|context| {
        if used == polls {
            return Poll::Ready(false);
        }
        used += 1;
        future.as_mut().poll(context).map(|()| true)
    })
    .await
}

fn anybody(world: &World, dice: &mut ChaCha20Rng) -> u32 {
    **world.known.keys().collect::<Vec<_>>().choose(dice).unwrap()
}

async fn somebody_leaves(world: &mut World, path: &Path, dice: &mut ChaCha20Rng) {
    let person = anybody(world, dice);
    let done = killed_after(dice.gen_range(1..60), world.withdraw(path, person)).await;
    let store = reopen(path).await;
    let held: BTreeSet<u32> = store.held_back().await.unwrap().iter().map(number).collect();
    assert!(!done || world.held.is_subset(&held), "a withdrawal was forgotten");
    world.held = held;
    store.close().await;
    world.answer(path).await;
}

async fn somebody_is_erased(world: &mut World, path: &Path, (files, source): (&(PathBuf, PathBuf), &Source), dice: &mut ChaCha20Rng) {
    let person = anybody(world, dice);
    killed_after(dice.gen_range(1..80), world.erase(path, person)).await;
    if dice.gen_ratio(1, 2) {
        // an import in between does what is left
        world.import(path, files, source).await;
    }
    world.erase(path, person).await;
    world.answer(path).await;
    world.import(path, files, source).await;
    world.check(path).await;
}

/// A copy of before takes the file's place. Who was erased since would be erased again by hand; here nobody does.
async fn brought_back(world: &mut World, path: &Path, copy: &Path, erased: BTreeSet<u32>) {
    std::fs::copy(copy, path).unwrap();
    world.erased = erased;
    let store = reopen(path).await;
    // whose slot is out of force on the ledger is held back; who was held back by a request the copy does not know is found by that too
    world.held = store.held_back().await.unwrap().iter().map(number).collect();
    let register = store.register().await.unwrap();
    let out = |slot: &SlotIndex| world.ledger.withdrawn.contains(slot);
    let left: Vec<u32> = register.live().filter(|(_, a)| out(&a.slot)).map(|(patient, _)| number(patient)).collect();
    world.held.extend(left);
    store.close().await;
    // of whom a key took out the file finds those whose slots it knows
    let (narrowed, taken) = noted(path).await;
    world.narrowed = narrowed;
    world.noted.clear();
    let left = world.ledger.left_by_key.difference(&taken).copied().collect();
    world.left = known(path, &left).await;
}

async fn history(seed: u64) {
    let folder = folder();
    let path = folder.path().join("hospital.sqlite");
    let mut dice = rng(0x0051_7e5e_ed00 + seed);
    let mut world = World::new(seed);
    let mut source: Source = (0..dice.gen_range(1..9)).map(|id| (id, somebody(&mut dice))).collect();
    let k_min = dice.gen_range(1..4);
    let keys = dice.gen_ratio(1, 2);
    let (mut past, mut next, mut backup) = (Vec::new(), 100, None::<(PathBuf, BTreeSet<u32>)>);
    for step in 0..dice.gen_range(3..8) {
        past.push(source.clone());
        (0..dice.gen_range(0..3)).for_each(|_| change(&mut source, &past, &mut next, &mut dice));
        // the importer refuses a file without rows
        if !source.values().any(|p| p.row && p.bins.iter().any(|b| *b > 0) && p.chol.is_some()) {
            source.insert(next, Person { age: 50, chol: Some(200), bins: [3, 3], row: true });
            next += 1;
        }
        let files = write(folder.path(), &source);
        for _ in 0..dice.gen_range(0..3) {
            let polls = dice.gen_range(1..160);
            killed_after(polls, world.import(&path, &files, &source)).await;
            if keys && dice.gen_ratio(1, 2) {
                world.keys(&path, &mut dice).await;
            }
            if dice.gen_ratio(1, 3) {
                world.answer(&path).await;
            }
            if dice.gen_ratio(1, 4) {
                // other files than those of the run that was killed
                change(&mut source, &past, &mut next, &mut dice);
                source.entry(99).or_insert(Person { age: 50, chol: Some(200), bins: [3, 3], row: true });
                write(folder.path(), &source);
            }
        }
        if dice.gen_ratio(1, 4) {
            killed_after(dice.gen_range(1..80), world.stopped_import(&path, &files)).await;
            world.answer(&path).await;
        }
        world.import(&path, &files, &source).await;
        world.check(&path).await;
        if keys {
            world.keys(&path, &mut dice).await;
        }
        world.answer(&path).await;
        if keys && dice.gen_ratio(1, 3) {
            world.note(&path, &mut dice).await;
            world.answer(&path).await;
        }
        if dice.gen_ratio(1, 2) {
            world.accept(&path, k_min).await;
        }
        if dice.gen_ratio(1, 5) {
            somebody_leaves(&mut world, &path, &mut dice).await;
        }
        if dice.gen_ratio(1, 6) {
            somebody_is_erased(&mut world, &path, (&files, &source), &mut dice).await;
        }
        if dice.gen_ratio(1, 8) {
            let at = folder.path().join(format!("backup-{step}.sqlite"));
            std::fs::copy(&path, &at).unwrap();
            backup = Some((at, world.erased.clone()));
        } else if let Some((at, erased)) = backup.take_if(|_| dice.gen_ratio(1, 3)) {
            brought_back(&mut world, &path, &at, erased).await;
        }
    }
}

#[test]
fn the_ledger_is_the_last_import_and_nobody_without_a_grant_is_counted() {
    let threads = std::thread::available_parallelism().map_or(2, usize::from) as u64;
    std::thread::scope(|scope| {
        for thread in 0..threads {
            scope.spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                for seed in (thread..SEEDS).step_by(threads as usize) {
                    let run = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| runtime.block_on(history(seed))));
                    assert!(run.is_ok(), "seed {seed}");
                }
            });
        }
    });
    let [replaced, pinned] = [&REPLACED, &PINNED].map(|count| count.load(Ordering::Relaxed));
    println!("{replaced} erasures kept cuts, {pinned} of them versions that were not in force any more");
    assert!(replaced > SEEDS / 20 && pinned > SEEDS / 100, "{replaced}, {pinned}: hardly any erasure was tried");
}
