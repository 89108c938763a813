//! Measures how long a validator that lost its database takes to validate again: `cargo run --release -p countersign-benches --bin rejoin -- [BLOCKS]`.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a measurement reads the clock, prints, and fails by panicking"
)]

use countersign_benches::loopback::Loopback;
use countersign_consensus::{Pace, RoleNow};
use countersign_messages::Height;
use std::time::{Duration, Instant};

const VALIDATORS: usize = 4;
/// The one that loses its database and its log.
const LOST: usize = VALIDATORS - 1;
/// Bytes of the transactions that go on meanwhile.
const LOAD_BYTES: usize = 1 << 10;

/// As fast as it goes.
fn fast() -> Pace {
    Pace { block_min: Duration::ZERO, idle: Duration::ZERO, ..Pace::quick() }
}

/// A block every 200 ms, whatever there is to do.
fn steady() -> Pace {
    Pace { idle: Duration::from_millis(200), ..Pace::default() }
}

async fn signs(network: &Network, after: u64) -> bool {
    let (node, me) = (&network.0.nodes[0], network.0.id(LOST));
    let tip = node.state().tip().height.0;
    for height in (after + 1..=tip).rev().take(4) {
        let stored = node.store().block(Height(height)).await.unwrap().unwrap();
        if stored.certificate.signatures.iter().any(|(member, _)| *member == me) {
            return true;
        }
    }
    false
}

struct Network(Loopback);

#[tokio::main]
async fn main() {
    let blocks: u64 = std::env::args().nth(1).map_or(10_000, |text| text.parse().expect("the number of blocks"));
    let mut network = Network(Loopback::start(VALIDATORS, fast()).await);
    Loopback::reach_within(&network.0.nodes[0], blocks, Duration::from_secs(3_600)).await;
    network.0.stop_all().await;
    network.0.lose(LOST);
    for i in 0..LOST {
        let node = network.0.node(i, true, steady()).await;
        network.0.nodes.push(node);
    }
    let load = async {
        loop {
            let sent = network.0.nodes[0].confirm(network.0.filler(0, &network.0.nodes[0], LOAD_BYTES), Duration::from_secs(60)).await;
            assert!(sent.is_ok(), "{sent:?}");
        }
    };
    let measuring = async {
        let tip = network.0.nodes[0].state().tip().height.0;
        let start = Instant::now();
        let follower = network.0.follower().await;
        Loopback::reach_within(&follower, tip, Duration::from_secs(3_600)).await;
        let followed = start.elapsed().as_secs_f64();
        follower.shutdown().await;
        let (tip, start) = (network.0.nodes[0].state().tip().height.0, Instant::now());
        let again = network.0.node(LOST, true, steady()).await;
        Loopback::reach_within(&again, tip, Duration::from_secs(3_600)).await;
        let caught_up = start.elapsed().as_secs_f64();
        while again.status().role != RoleNow::Validator || !signs(&network, tip).await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let validates = start.elapsed().as_secs_f64();
        let now = network.0.nodes[0].state().tip().height.0;
        println!("{tip} blocks; {} more came meanwhile, one every {:.0} ms", now - tip, validates * 1e3 / (now - tip).max(1) as f64);
        println!("a follower has them after                              {followed:.1} s ({:.0} blocks a second)", tip as f64 / followed);
        println!("a validator that lost database and log has them after  {caught_up:.1} s ({:.1} times a follower)", caught_up / followed);
        println!("a block is decided with its signature after            {validates:.1} s");
        println!("it has accused                                         {:?}", again.status().accusations);
        again.shutdown().await;
    };
    tokio::select! {
        () = load => {}
        () = measuring => {}
    }
    network.0.stop().await;
}
