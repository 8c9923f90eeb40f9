//! Chooses ports that are free now. They can be taken before a node binds them; then the caller tries again.

use std::net::{Ipv4Addr, TcpListener};

use crate::cluster::error::ClusterError;

/// With `base` 0 ports are chosen below the range that systems use for outgoing connections. A node that is down for a
/// while would lose such a port, for instance to a peer that tries to connect to it.
const ANY: std::ops::Range<u16> = 10_000..30_000;

/// `count` ports that can be bound on the loopback interface, from `base` upwards without those that are taken; with
/// `base` 0 from a random place.
pub(super) fn free_ports(base: u16, count: u64) -> Result<Vec<u16>, ClusterError> {
    let first = if base == 0 { anywhere() } else { base };
    let bind = |port: u16| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok();
    // All are held until the last is found, so that none is found twice.
    let held: Vec<TcpListener> = (first..=u16::MAX).filter_map(bind).take(count as usize).collect();
    let ports: Vec<u16> = held.iter().filter_map(|held| Some(held.local_addr().ok()?.port())).collect();
    if ports.len() as u64 == count { Ok(ports) } else { Err(ClusterError::NoPorts { wanted: count, base }) }
}

fn anywhere() -> u16 {
    // Without random numbers every search begins at the same place and skips the ports that are taken.
    let random = getrandom::u32().unwrap_or_default();
    ANY.start + (random % u32::from(ANY.end - ANY.start)) as u16
}

/// True if the port is taken now.
pub(super) fn is_taken(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_err()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_that_are_taken_are_passed_over() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let base = taken.local_addr().unwrap().port();
        assert!(is_taken(base));
        match free_ports(base, 2) {
            Ok(ports) => assert!(ports.len() == 2 && ports[0] > base && ports[1] > ports[0], "{ports:?}"),
            // The system gave the last port of all.
            Err(_) => assert!(base > u16::MAX - 100),
        }
    }

    #[test]
    fn any_free_ports_are_distinct_and_as_many_as_asked_for() {
        let mut ports = free_ports(0, 4).unwrap();
        ports.sort_unstable();
        ports.dedup();
        assert_eq!(ports.len(), 4);
    }

    #[test]
    fn too_few_ports_are_an_error_with_advice() {
        let error = free_ports(u16::MAX, 2).unwrap_err();
        assert!(error.to_string().contains("--base-port"), "{error}");
    }
}
