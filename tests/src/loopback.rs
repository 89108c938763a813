//! Addresses of loopback for nodes that must be known to others before they start, and found again after a restart.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket},
    sync::atomic::{AtomicU32, Ordering},
};

/// Where the ports are taken from: below what systems give to sockets that ask for any (from 32768 on Linux, 49152 elsewhere). A port that the
/// system chose would be given to somebody else's socket as soon as it is let go: between a node's end and its restart, say.
const PORTS: std::ops::Range<u32> = 10_000..32_000;

/// An address that is free for UDP and TCP, that no socket is given by chance, and that no other call in this process gets.
///
/// # Panics
/// If no port is free.
pub fn unused_address() -> SocketAddr {
    static ASKED: AtomicU32 = AtomicU32::new(0);
    // processes start at places of their own
    let start = std::process::id().wrapping_mul(977);
    PORTS
        .map(|_| start.wrapping_add(ASKED.fetch_add(1, Ordering::Relaxed)) % (PORTS.end - PORTS.start) + PORTS.start)
        .map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, u16::try_from(port).unwrap())))
        .find(|address| UdpSocket::bind(address).is_ok() && TcpListener::bind(address).is_ok())
        .expect("a free port")
}
