//! The addresses that a source may be fetched from: the public internet only.
//!
//! The ranges come from the IANA special-purpose address registries. For IPv6 the list is an allowlist: only global
//! unicast (2000::/3) is public, minus the special ranges in it. Every form that wraps an IPv4 address (mapped,
//! compatible, NAT64, 6to4, Teredo) is therefore refused, for every wrapped address.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

/// Decides which addresses the fetcher may connect to.
#[derive(Clone)]
pub(crate) struct AddressPolicy(Arc<dyn Fn(IpAddr) -> bool + Send + Sync>);

impl AddressPolicy {
    /// A policy that allows an address if `allows` returns true.
    pub(crate) fn new(allows: impl Fn(IpAddr) -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(allows))
    }

    /// Allows public addresses, and with `allow_private` also this machine and private networks. Cloud metadata,
    /// link-local, multicast and reserved addresses stay forbidden.
    pub(crate) fn public(allow_private: bool) -> Self {
        Self::new(move |address| match AddressScope::of(address) {
            AddressScope::Public => true,
            AddressScope::Private => allow_private,
            AddressScope::Reserved => false,
        })
    }

    /// Whether the fetcher may connect to the address.
    pub(crate) fn allows(&self, address: IpAddr) -> bool {
        (self.0)(address)
    }
}

impl fmt::Debug for AddressPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AddressPolicy(…)")
    }
}

/// The scope of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AddressScope {
    /// Reachable from everywhere.
    Public,
    /// Reachable from this machine or within a private network.
    Private,
    /// Never the address of a source: metadata services, link-local, multicast, documentation, reserved.
    Reserved,
}

/// Ranges of IPv4: first address, prefix length, scope. The first range that contains the address counts; an
/// address in no range is public.
const V4: [(Ipv4Addr, u32, AddressScope); 17] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8, AddressScope::Reserved), // "this network"; 0.0.0.0 is this machine
    (Ipv4Addr::new(10, 0, 0, 0), 8, AddressScope::Private), // private
    (Ipv4Addr::new(100, 100, 100, 200), 32, AddressScope::Reserved), // metadata (Alibaba), inside the next range
    (Ipv4Addr::new(100, 64, 0, 0), 10, AddressScope::Private), // carrier-grade NAT
    (Ipv4Addr::new(127, 0, 0, 0), 8, AddressScope::Private), // loopback
    (Ipv4Addr::new(168, 63, 129, 16), 32, AddressScope::Reserved), // metadata (Azure), between public addresses
    (Ipv4Addr::new(169, 254, 0, 0), 16, AddressScope::Reserved), // link-local; metadata of most clouds
    (Ipv4Addr::new(172, 16, 0, 0), 12, AddressScope::Private), // private
    (Ipv4Addr::new(192, 0, 0, 0), 24, AddressScope::Reserved), // protocol assignments; metadata (Oracle)
    (Ipv4Addr::new(192, 0, 2, 0), 24, AddressScope::Reserved), // documentation
    (Ipv4Addr::new(192, 88, 99, 0), 24, AddressScope::Reserved), // 6to4 relays
    (Ipv4Addr::new(192, 168, 0, 0), 16, AddressScope::Private), // private
    (Ipv4Addr::new(198, 18, 0, 0), 15, AddressScope::Reserved), // benchmarks
    (Ipv4Addr::new(198, 51, 100, 0), 24, AddressScope::Reserved), // documentation
    (Ipv4Addr::new(203, 0, 113, 0), 24, AddressScope::Reserved), // documentation
    (Ipv4Addr::new(224, 0, 0, 0), 4, AddressScope::Reserved), // multicast
    (Ipv4Addr::new(240, 0, 0, 0), 4, AddressScope::Reserved), // reserved; broadcast
];

/// Ranges of IPv6, in the same form. An address in no range is reserved.
const V6: [(Ipv6Addr, u32, AddressScope); 9] = [
    (Ipv6Addr::LOCALHOST, 128, AddressScope::Private),
    (Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254), 128, AddressScope::Reserved), // metadata (AWS)
    (Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254), 128, AddressScope::Reserved),  // metadata (Google)
    (Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0), 7, AddressScope::Private),            // unique-local
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23, AddressScope::Reserved),          // Teredo, benchmarks, ORCHID
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32, AddressScope::Reserved),      // documentation
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16, AddressScope::Reserved),          // 6to4
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20, AddressScope::Reserved),          // documentation
    (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3, AddressScope::Public),             // global unicast
];

impl AddressScope {
    fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => {
                let contains =
                    |first: Ipv4Addr, prefix: u32| (address.to_bits() ^ first.to_bits()) >> (32 - prefix) == 0;
                let range = V4.iter().find(|(first, prefix, _)| contains(*first, *prefix));
                range.map_or(Self::Public, |(_, _, scope)| *scope)
            }
            IpAddr::V6(address) => {
                let contains =
                    |first: Ipv6Addr, prefix: u32| (address.to_bits() ^ first.to_bits()) >> (128 - prefix) == 0;
                let range = V6.iter().find(|(first, prefix, _)| contains(*first, *prefix));
                range.map_or(Self::Reserved, |(_, _, scope)| *scope)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn scope(address: &str) -> AddressScope {
        AddressScope::of(address.parse().expect("an address"))
    }

    #[test]
    fn addresses_next_to_special_ranges_are_public() {
        let public = [
            "1.0.0.0",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "168.63.129.15",
            "168.63.129.17",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "192.0.3.0",
            "192.88.98.255",
            "192.88.100.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "198.51.99.255",
            "198.51.101.0",
            "203.0.112.255",
            "203.0.114.0",
            "223.255.255.255",
            "8.8.8.8",
            "2000::",
            "2001:200::",
            "2001:db7:ffff::",
            "2001:db9::",
            "2003::",
            "2606:4700::1111",
            "3ffe:ffff::",
            "3fff:1000::",
        ];
        for address in public {
            assert_eq!(scope(address), AddressScope::Public, "{address}");
        }
    }

    #[test]
    fn tells_private_from_reserved_addresses() {
        let private = [
            "10.0.0.0",
            "10.255.255.255",
            "100.64.0.0",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.255",
            "172.16.0.0",
            "172.31.255.255",
            "192.168.0.0",
            "192.168.255.255",
            "::1",
            "fc00::",
            "fd12:3456::1",
        ];
        for address in private {
            assert_eq!(scope(address), AddressScope::Private, "{address}");
        }
        let reserved = [
            "0.0.0.0",
            "0.255.255.255",
            "100.100.100.200",
            "168.63.129.16",
            "169.254.0.0",
            "169.254.169.254",
            "169.254.255.255",
            "192.0.0.0",
            "192.0.0.192",
            "192.0.2.1",
            "192.88.99.1",
            "198.18.0.0",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.0",
            "255.255.255.255",
            "::",
            "::2",
            "::127.0.0.1",
            "::8.8.8.8",
            "::ffff:127.0.0.1",
            "::ffff:8.8.8.8",
            "64:ff9b::7f00:1",
            "64:ff9b::808:808",
            "64:ff9b:1::1",
            "100::1",
            "1fff::",
            "2001::1",
            "2001:2::1",
            "2001:10::1",
            "2001:20::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "3fff::1",
            "4000::",
            "5f00::1",
            "fd00:ec2::254",
            "fd20:ce::254",
            "fe80::1",
            "febf::1",
            "fec0::1",
            "ff02::1",
            "ffff::",
        ];
        for address in reserved {
            assert_eq!(scope(address), AddressScope::Reserved, "{address}");
        }
    }

    #[test]
    fn allow_private_adds_private_addresses_only() {
        let address = |text: &str| text.parse().expect("an address");
        for (text, by_default, with_setting) in
            [("8.8.8.8", true, true), ("127.0.0.1", false, true), ("169.254.169.254", false, false)]
        {
            assert_eq!(AddressPolicy::public(false).allows(address(text)), by_default, "{text}");
            assert_eq!(AddressPolicy::public(true).allows(address(text)), with_setting, "{text}");
        }
    }

    proptest! {
        /// The standard library knows some of these ranges.
        #[test]
        fn addresses_that_the_standard_library_calls_special_are_not_public(bits: u32, wide: u128) {
            let v4 = Ipv4Addr::from_bits(bits);
            let special = v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_multicast()
                || v4.is_broadcast() || v4.is_unspecified() || v4.is_documentation();
            prop_assert!(!special || AddressScope::of(v4.into()) != AddressScope::Public);

            let v6 = Ipv6Addr::from_bits(wide);
            let special = v6.is_loopback() || v6.is_multicast() || v6.is_unspecified() || v6.is_unique_local()
                || v6.is_unicast_link_local();
            prop_assert!(!special || AddressScope::of(v6.into()) != AddressScope::Public);
        }

        #[test]
        fn wrapped_ipv4_addresses_are_reserved(bits: u32) {
            let v4 = Ipv4Addr::from_bits(bits);
            prop_assert_eq!(AddressScope::of(v4.to_ipv6_mapped().into()), AddressScope::Reserved);
            let nat64 = Ipv6Addr::from_bits(0x64_ff9b << 96 | u128::from(bits));
            prop_assert_eq!(AddressScope::of(nat64.into()), AddressScope::Reserved);
            let six_to_four = Ipv6Addr::from_bits(0x2002 << 112 | u128::from(bits) << 80);
            prop_assert_eq!(AddressScope::of(six_to_four.into()), AddressScope::Reserved);
        }
    }
}
