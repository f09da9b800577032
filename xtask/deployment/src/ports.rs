//! Free ports for programs that cannot take one themselves.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::ops::Range;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result};

/// Ports below those that the system gives to connections and to listeners without a port: it would give a port that was
/// found free to somebody else before the program opens it.
const PORTS: Range<u16> = 20_000..30_000;

/// How far apart two processes begin to look, which often have successive numbers.
const STRIDE: u32 = 97;

/// The number of ports that this process has looked at.
static LOOKED_AT: AtomicU32 = AtomicU32::new(0);

/// A loopback address that no program uses, and that this process was not given before.
///
/// # Errors
/// If no port is free.
pub fn free_address() -> Result<SocketAddr> {
    let mut addresses = PORTS.map(|_| next_address());
    addresses.find(|address| TcpListener::bind(address).is_ok()).context("no port is free")
}

fn next_address() -> SocketAddr {
    let count = u32::from(PORTS.end - PORTS.start);
    let looked_at = LOOKED_AT.fetch_add(1, Ordering::Relaxed);
    let offset = std::process::id().wrapping_mul(STRIDE).wrapping_add(looked_at) % count;
    // The offset is less than the number of ports, so it fits.
    SocketAddr::from((Ipv4Addr::LOCALHOST, PORTS.start + offset as u16))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_address_is_free_and_new() -> Result<()> {
        let taken = TcpListener::bind(free_address()?)?;
        let more = (0..50).map(|_| free_address()).collect::<Result<BTreeSet<_>>>()?;
        assert_eq!(more.len(), 50);
        assert!(more.iter().all(|address| PORTS.contains(&address.port())));
        assert!(!more.contains(&taken.local_addr()?));
        Ok(())
    }
}
