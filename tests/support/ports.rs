//! Ports that are free.
#![allow(dead_code, reason = "each program uses its part")]

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::net::{SocketAddr, TcpListener, UdpSocket};

/// A port free for both UDP and TCP, for a server that takes an address.
pub fn free_port() -> SocketAddr {
    sockets().0.local_addr().unwrap()
}

/// Both sockets of a port. It lies below those that the kernel hands out (Linux: from 32768 on): a server that is told
/// its port, and takes it a moment later, races with no connection that goes out meanwhile.
pub fn sockets() -> (TcpListener, UdpSocket) {
    for _ in 0..100 {
        let random = RandomState::new().build_hasher().finish();
        let address = SocketAddr::from(([127, 0, 0, 1], 16_384 + u16::try_from(random % 16_384).unwrap()));
        if let (Ok(tcp), Ok(udp)) = (TcpListener::bind(address), UdpSocket::bind(address)) {
            return (tcp, udp);
        }
    }
    panic!("no port is free");
}
