//! Which addresses a source may be fetched from: the public internet, and nothing that only looks like it.
//!
//! The ranges are those of the IANA registries of special-purpose addresses. IPv6 is taken the safe way
//! round: only what is allocated for the public (2000::/3) can be reached, less what is set aside in it. So
//! every form that wraps an IPv4 address (mapped, compatible, NAT64, 6to4, Teredo) is refused whole, without
//! a look at what it wraps.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

/// Says which addresses may be connected to.
#[derive(Clone)]
pub(crate) struct AddressPolicy(Arc<dyn Fn(IpAddr) -> bool + Send + Sync>);

impl AddressPolicy {
    /// A policy that allows what `allows` does.
    pub(crate) fn new(allows: impl Fn(IpAddr) -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(allows))
    }

    /// Public addresses; with `allow_private` also those of this machine and of private networks, and still
    /// no cloud's metadata, link-local, multicast or reserved ones.
    pub(crate) fn of_setting(allow_private: bool) -> Self {
        Self::new(move |address| match Reach::of(address) {
            Reach::Public => true,
            Reach::Private => allow_private,
            Reach::Never => false,
        })
    }

    /// Whether the address may be connected to.
    pub(crate) fn allows(&self, address: IpAddr) -> bool {
        (self.0)(address)
    }
}

impl fmt::Debug for AddressPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AddressPolicy(…)")
    }
}

/// From where an address can be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// From everywhere.
    Public,
    /// From this machine, or from within a private network.
    Private,
    /// No source is ever there, and what is there is nobody's business.
    Never,
}

/// Ranges of IPv4: the first address, the length of the prefix, and what it is. The first that holds the
/// address counts; whatever is in none of them is public.
const V4: [(Ipv4Addr, u32, Reach); 17] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8, Reach::Never), // "this network"; 0.0.0.0 is this machine
    (Ipv4Addr::new(10, 0, 0, 0), 8, Reach::Private), // private
    (Ipv4Addr::new(100, 100, 100, 200), 32, Reach::Never), // metadata (Alibaba), within the next
    (Ipv4Addr::new(100, 64, 0, 0), 10, Reach::Private), // carrier-grade NAT
    (Ipv4Addr::new(127, 0, 0, 0), 8, Reach::Private), // loopback
    (Ipv4Addr::new(168, 63, 129, 16), 32, Reach::Never), // metadata (Azure), in the midst of public ones
    (Ipv4Addr::new(169, 254, 0, 0), 16, Reach::Never), // link-local; metadata of most clouds
    (Ipv4Addr::new(172, 16, 0, 0), 12, Reach::Private), // private
    (Ipv4Addr::new(192, 0, 0, 0), 24, Reach::Never), // protocol assignments; metadata (Oracle)
    (Ipv4Addr::new(192, 0, 2, 0), 24, Reach::Never), // documentation
    (Ipv4Addr::new(192, 88, 99, 0), 24, Reach::Never), // 6to4 relays
    (Ipv4Addr::new(192, 168, 0, 0), 16, Reach::Private), // private
    (Ipv4Addr::new(198, 18, 0, 0), 15, Reach::Never), // benchmarks
    (Ipv4Addr::new(198, 51, 100, 0), 24, Reach::Never), // documentation
    (Ipv4Addr::new(203, 0, 113, 0), 24, Reach::Never), // documentation
    (Ipv4Addr::new(224, 0, 0, 0), 4, Reach::Never), // multicast
    (Ipv4Addr::new(240, 0, 0, 0), 4, Reach::Never), // reserved; broadcast
];

/// Ranges of IPv6, in the same way; only that whatever is in none of them is out of reach.
const V6: [(Ipv6Addr, u32, Reach); 9] = [
    (Ipv6Addr::LOCALHOST, 128, Reach::Private),
    (Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254), 128, Reach::Never), // metadata (AWS)
    (Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254), 128, Reach::Never),  // metadata (Google)
    (Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0), 7, Reach::Private),         // unique-local
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23, Reach::Never),          // Teredo, benchmarks, ORCHID
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32, Reach::Never),      // documentation
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16, Reach::Never),          // 6to4
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20, Reach::Never),          // documentation
    (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3, Reach::Public),          // all that is allocated
];

impl Reach {
    fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => {
                let holds = |first: Ipv4Addr, prefix: u32| (address.to_bits() ^ first.to_bits()) >> (32 - prefix) == 0;
                let range = V4.iter().find(|(first, prefix, _)| holds(*first, *prefix));
                range.map_or(Self::Public, |(_, _, reach)| *reach)
            }
            IpAddr::V6(address) => {
                let holds = |first: Ipv6Addr, prefix: u32| (address.to_bits() ^ first.to_bits()) >> (128 - prefix) == 0;
                let range = V6.iter().find(|(first, prefix, _)| holds(*first, *prefix));
                range.map_or(Self::Never, |(_, _, reach)| *reach)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn reach(address: &str) -> Reach {
        Reach::of(address.parse().expect("an address"))
    }

    #[test]
    fn public_addresses_are_allowed_up_to_the_very_edges_of_the_others() {
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
            assert_eq!(reach(address), Reach::Public, "{address}");
        }
    }

    #[test]
    fn private_addresses_are_told_from_those_that_are_never_reached() {
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
            assert_eq!(reach(address), Reach::Private, "{address}");
        }
        let never = [
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
        for address in never {
            assert_eq!(reach(address), Reach::Never, "{address}");
        }
    }

    #[test]
    fn the_setting_lets_private_addresses_in_and_no_others() {
        let address = |text: &str| text.parse().expect("an address");
        for (text, by_default, with_setting) in
            [("8.8.8.8", true, true), ("127.0.0.1", false, true), ("169.254.169.254", false, false)]
        {
            assert_eq!(AddressPolicy::of_setting(false).allows(address(text)), by_default, "{text}");
            assert_eq!(AddressPolicy::of_setting(true).allows(address(text)), with_setting, "{text}");
        }
    }

    proptest! {
        /// The standard library knows some of the same ranges.
        #[test]
        fn nothing_that_the_standard_library_calls_special_is_public(bits: u32, wide: u128) {
            let v4 = Ipv4Addr::from_bits(bits);
            let special = v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_multicast()
                || v4.is_broadcast() || v4.is_unspecified() || v4.is_documentation();
            prop_assert!(!special || Reach::of(v4.into()) != Reach::Public);

            let v6 = Ipv6Addr::from_bits(wide);
            let special = v6.is_loopback() || v6.is_multicast() || v6.is_unspecified() || v6.is_unique_local()
                || v6.is_unicast_link_local();
            prop_assert!(!special || Reach::of(v6.into()) != Reach::Public);
        }

        #[test]
        fn no_wrapped_address_is_reached(bits: u32) {
            let v4 = Ipv4Addr::from_bits(bits);
            prop_assert_eq!(Reach::of(v4.to_ipv6_mapped().into()), Reach::Never);
            let nat64 = Ipv6Addr::from_bits(0x64_ff9b << 96 | u128::from(bits));
            prop_assert_eq!(Reach::of(nat64.into()), Reach::Never);
            let six_to_four = Ipv6Addr::from_bits(0x2002 << 112 | u128::from(bits) << 80);
            prop_assert_eq!(Reach::of(six_to_four.into()), Reach::Never);
        }
    }
}
