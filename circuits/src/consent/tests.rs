//! Expiry bins round down and end by themselves; registries and eligibility keep their limits.

use super::*;

fn registry() -> ScopeRegistry {
    ScopeRegistry { scopes: vec!["p.health".into(), "c.labs".into()], grid: vec![Day(100), Day(200), Day(300)] }
}

#[test]
fn bins_round_down() {
    let r = registry();
    for (end, bin) in [(i32::MIN, 0), (99, 0), (100, 1), (199, 1), (200, 2), (299, 2), (300, 3), (i32::MAX, 3)] {
        assert_eq!(r.bin(Day(end)), bin, "{end}");
    }
}

#[test]
fn rows_are_the_dates_not_yet_past() {
    let r = registry();
    for (day, first) in [(i32::MIN, 1), (100, 1), (101, 2), (200, 2), (201, 3), (300, 3)] {
        assert_eq!(r.rows_valid(0, Day(day)).unwrap(), (first..=3).collect::<Vec<_>>(), "{day}");
        assert_eq!(r.rows_valid(1, Day(day)).unwrap(), (first + 4..=7).collect::<Vec<_>>(), "{day}");
    }
    assert_eq!(r.rows_valid(0, Day(301)), Err(ScopeError::GridEnded));
    assert_eq!(r.rows_valid(2, Day(100)), Err(ScopeError::Unknown("#2".into())));
    assert_eq!(r.layout().blocks, [4, 4]);
}

/// A consent is never counted after its end, on any day, and is counted on its last day if that is a grid date.
#[test]
fn consent_is_never_valid_after_its_end() {
    let r = registry();
    for end in 0..400 {
        let bin = usize::from(r.bin(Day(end)));
        for day in 0..=300 {
            let valid = r.rows_valid(0, Day(day)).unwrap().contains(&bin);
            assert!(!valid || day <= end, "end {end}, day {day}");
            assert!(valid || bin == 0 || day > r.grid[bin - 1].0);
        }
    }
}

#[test]
fn registry_limits() {
    let with = |scopes: usize, grid: usize| ScopeRegistry {
        scopes: (0..scopes).map(|i| format!("s{i}")).collect(),
        grid: (0..grid as i32).map(Day).collect(),
    };
    for (scopes, grid, good) in
        [(1, 1, true), (SCOPES_MAX, GRID_MAX, true), (SCOPES_MAX + 1, 1, false), (1, GRID_MAX + 1, false), (0, 1, false), (1, 0, false)]
    {
        assert_eq!(with(scopes, grid).check().is_ok(), good, "{scopes} {grid}");
    }
    let mut r = registry();
    r.grid[1] = Day(100);
    assert_eq!(r.check(), Err(ScopeError::Registry));
    for name in ["p.health".to_owned(), String::new(), "x".repeat(65)] {
        let mut r = registry();
        r.scopes[1] = name;
        assert_eq!(r.check(), Err(ScopeError::Registry));
    }
    assert_eq!(registry().find("c.labs"), Ok(1));
    assert_eq!(registry().find("c.notes"), Err(ScopeError::Unknown("c.notes".into())));
    assert_ne!(registry().digest(), with(2, 3).digest());
}

#[test]
fn eligibility_limits() {
    let r = ScopeRegistry { scopes: (0..10).map(|i| format!("s{i}")).collect(), grid: vec![Day(5)] };
    let columns = |scopes: Vec<u16>| Eligibility { scopes, day: Day(5) }.columns(&r);
    assert_eq!(columns(vec![]), Err(ScopeError::Count(0)));
    assert_eq!(columns((0..9).collect()), Err(ScopeError::Count(9)));
    assert_eq!(columns(vec![1, 1]), Err(ScopeError::Count(2)));
    assert_eq!(columns(vec![2, 1]), Err(ScopeError::Count(2)));
    assert!(matches!(columns(vec![10]), Err(ScopeError::Unknown(_))));
    assert_eq!(columns((0..8).collect()).unwrap(), (0..8).map(|s| vec![2 * s + 1]).collect::<Vec<_>>());
    assert_eq!(Eligibility { scopes: vec![0], day: Day(6) }.columns(&r), Err(ScopeError::GridEnded));
}
