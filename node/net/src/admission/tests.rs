use super::*;
use proptest::prelude::*;
use std::net::Ipv4Addr;

fn origin(n: u32) -> Origin {
    Origin::of(IpAddr::V4(Ipv4Addr::from(n)))
}

fn limits() -> Limits {
    Limits {
        connections_max: 6,
        connections_per_address_max: 3,
        handshakes_max: 4,
        handshakes_per_address_max: 2,
        attempts_per_second_max: 2,
        attempts_burst_max: 5,
        ..Limits::default()
    }
}

#[test]
fn one_address_cannot_take_the_place_of_another() {
    let (mut admission, now) = (Admission::new(limits()), Instant::now());
    assert_eq!(admission.begin(origin(1), now), Ok(()));
    assert_eq!(admission.begin(origin(1), now), Ok(()));
    assert_eq!(admission.begin(origin(1), now), Err(Refusal::AddressHandshakes));
    assert_eq!(admission.begin(origin(2), now), Ok(()));
    admission.end_handshake(origin(1));
    assert_eq!(admission.begin(origin(1), now), Ok(()));
    assert_eq!(admission.begin(origin(3), now), Ok(()));
    assert_eq!(admission.begin(origin(4), now), Err(Refusal::Handshakes));
}

#[test]
fn attempts_are_counted_whether_they_succeed_or_not() {
    let (mut admission, now) = (Admission::new(limits()), Instant::now());
    for _ in 0..5 {
        assert_eq!(admission.begin(origin(1), now), Ok(()));
        admission.end_handshake(origin(1));
    }
    assert_eq!(admission.begin(origin(1), now), Err(Refusal::Rate));
    assert_eq!(admission.begin(origin(1), now + Duration::from_millis(499)), Err(Refusal::Rate));
    assert_eq!(admission.begin(origin(1), now + Duration::from_millis(500)), Ok(()));
    assert_eq!(admission.begin(origin(2), now), Ok(()));
}

#[test]
fn connections_are_bounded_by_address_and_in_all() {
    let (mut admission, mut now) = (Admission::new(limits()), Instant::now());
    for n in [1, 1, 1, 2, 2, 2] {
        now += Duration::from_secs(10);
        assert_eq!(admission.begin(origin(n), now), Ok(()));
        assert_eq!(admission.establish(origin(n)), Ok(()));
    }
    assert_eq!(admission.begin(origin(1), now), Err(Refusal::AddressConnections));
    assert_eq!(admission.begin(origin(3), now), Err(Refusal::Connections));
    admission.end_connection(origin(1));
    assert_eq!(admission.begin(origin(3), now), Ok(()));
    assert_eq!(admission.begin(origin(1), now), Ok(()));
    assert_eq!(admission.establish(origin(1)), Ok(()));
    assert_eq!(admission.establish(origin(3)), Err(Refusal::Connections));
    admission.end_handshake(origin(3));
    assert_eq!((admission.handshakes, admission.connections), (0, 6));
}

#[test]
fn remembered_addresses_are_bounded_and_idle_ones_forgotten() {
    let (mut admission, now) = (Admission::new(limits()), Instant::now());
    for n in 0..ADDRESSES_MAX as u32 {
        assert_eq!(admission.begin(origin(n), now), Ok(()));
        admission.end_handshake(origin(n));
    }
    assert_eq!(admission.begin(origin(1 << 20), now), Err(Refusal::Addresses));
    assert_eq!(admission.begin(origin(1 << 20), now + Duration::from_secs(1)), Ok(()));
    assert_eq!(admission.entries.len(), 1);
}

#[test]
fn a_host_is_one_address_or_one_block_of_64_bits() {
    let of = |s: &str| Origin::of(s.parse().unwrap());
    assert_eq!(of("::ffff:10.0.0.1"), of("10.0.0.1"));
    assert_ne!(of("10.0.0.2"), of("10.0.0.1"));
    assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:1:2:3"));
    assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn counts_always_agree_with_what_is_open(steps in prop::collection::vec((0..4u8, 0..4u32), 0..200)) {
        let (mut admission, mut now) = (Admission::new(limits()), Instant::now());
        let (mut handshakes, mut connections) = (Vec::new(), Vec::new());
        for (step, n) in steps {
            now += Duration::from_millis(200);
            match step {
                0 => if admission.begin(origin(n), now).is_ok() { handshakes.push(n) },
                1 => if let Some(i) = handshakes.iter().position(|m| *m == n) && admission.establish(origin(n)).is_ok() {
                    handshakes.remove(i);
                    connections.push(n);
                },
                2 => if let Some(i) = handshakes.iter().position(|m| *m == n) {
                    handshakes.remove(i);
                    admission.end_handshake(origin(n));
                },
                _ => if let Some(i) = connections.iter().position(|m| *m == n) {
                    connections.remove(i);
                    admission.end_connection(origin(n));
                },
            }
            prop_assert_eq!((admission.handshakes, admission.connections), (handshakes.len(), connections.len()));
            prop_assert!(handshakes.len() <= 4 && connections.len() <= 6);
            for n in 0..4 {
                prop_assert!(handshakes.iter().filter(|m| **m == n).count() <= 2);
                prop_assert!(connections.iter().filter(|m| **m == n).count() <= 3);
            }
        }
    }
}
