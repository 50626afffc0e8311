//! Which addresses a public site must not lead to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether an address is not of the public internet: private, loopback,
/// link-local, carrier-grade NAT, multicast, unspecified, documentation,
/// benchmarking or reserved (the IANA special-purpose registries of RFC 6890).
///
/// An IPv6 address that carries an IPv4 one (mapped, NAT64 of RFC 6052, 6to4 of
/// RFC 3056) is as private as that is. Of IPv6 only `2000::/3` is public.
pub fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_private_v4(ip),
        IpAddr::V6(ip) => is_private_v6(ip),
    }
}

fn is_private_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    match (a, b, c) {
        // "This network", loopback, multicast, reserved and broadcast.
        (0 | 127 | 224..=255, _, _) => true,
        // RFC 1918.
        (10, _, _) | (172, 16..=31, _) | (192, 168, _) => true,
        // Carrier-grade NAT, RFC 6598; link-local, RFC 3927.
        (100, 64..=127, _) | (169, 254, _) => true,
        // IETF assignments, documentation, 6to4 relays.
        (192, 0, 0 | 2) | (192, 88, 99) => true,
        // Benchmarking, RFC 2544; documentation, RFC 5737.
        (198, 18 | 19, _) | (198, 51, 100) | (203, 0, 113) => true,
        _ => false,
    }
}

fn is_private_v6(ip: Ipv6Addr) -> bool {
    let s = ip.segments();
    let embedded = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        is_private_v4(Ipv4Addr::new(a, b, c, d))
    };
    match s {
        [0, 0, 0, 0, 0, 0xFFFF, high, low] | [0x64, 0xFF9B, 0, 0, 0, 0, high, low] => {
            embedded(high, low)
        }
        [0x2002, high, low, ..] => embedded(high, low),
        // IETF protocol assignments, Teredo among them; documentation.
        [0x2001, 0..=0x01FF, ..] | [0x2001, 0x0DB8, ..] | [0x3FFF, 0..=0x0FFF, ..] => true,
        // All else that is public lies in 2000::/3: this leaves out loopback,
        // unspecified, unique-local, link- and site-local, multicast, discard.
        _ => s[0] & 0xE000 != 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ranges() {
        // First and last address of each range, and its neighbours outside.
        let private = [
            "0.0.0.0",
            "0.255.255.255",
            "10.0.0.0",
            "10.255.255.255",
            "100.64.0.0",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.255",
            "169.254.0.0",
            "169.254.169.254",
            "169.254.255.255",
            "172.16.0.0",
            "172.31.255.255",
            "192.0.0.0",
            "192.0.0.255",
            "192.0.2.0",
            "192.0.2.255",
            "192.88.99.1",
            "192.168.0.0",
            "192.168.255.255",
            "198.18.0.0",
            "198.19.255.255",
            "198.51.100.0",
            "198.51.100.255",
            "203.0.113.0",
            "203.0.113.255",
            "224.0.0.0",
            "239.255.255.255",
            "240.0.0.0",
            "255.255.255.255",
            "::",
            "::1",
            "::2",
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:10.1.2.3",
            "::ffff:169.254.169.254",
            "64:ff9b::10.0.0.1",
            "64:ff9b::127.0.0.1",
            "64:ff9b:1::8.8.8.8",
            "100::1",
            "2001::1",
            "2001:1ff:ffff::1",
            "2001:db8::1",
            "2001:db8:ffff::1",
            "2002:7f00:1::",
            "2002:a00:1::1",
            "2002:c0a8:101::1",
            "3fff::1",
            "3fff:fff::1",
            "5f00::1",
            "fc00::1",
            "fdff:ffff::1",
            "fe80::1",
            "febf::1",
            "fec0::1",
            "feff::1",
            "ff00::1",
            "ff02::1",
            "ffff::1",
            "4000::1",
            "1fff::1",
        ];
        let public = [
            "1.0.0.0",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "191.255.255.255",
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
            "::ffff:8.8.8.8",
            "64:ff9b::8.8.8.8",
            "2002:808:808::1",
            "2000::1",
            "2001:200::1",
            "2001:db7::1",
            "2001:db9::1",
            "2001:4860:4860::8888",
            "2606:4700::1111",
            "3ffe::1",
            "3fff:1000::1",
        ];
        for text in private {
            assert!(is_private(text.parse().unwrap()), "{text} passes");
        }
        for text in public {
            assert!(!is_private(text.parse().unwrap()), "{text} is refused");
        }
    }

    proptest! {
        #[test]
        fn carried_addresses_are_judged_as_they_are(ip: u32) {
            let v4 = Ipv4Addr::from(ip);
            let carried = [
                v4.to_ipv6_mapped(),
                format!("64:ff9b::{v4}").parse().unwrap(),
                Ipv6Addr::from((0x2002_u128 << 112) | (u128::from(ip) << 80) | 1),
            ];
            for v6 in carried {
                prop_assert_eq!(is_private(v6.into()), is_private(v4.into()), "{} in {}", v4, v6);
            }
        }

        #[test]
        fn the_standard_library_knows_nothing_private_that_passes(ip: u32) {
            let v4 = Ipv4Addr::from(ip);
            let known = v4.is_private() || v4.is_loopback() || v4.is_link_local()
                || v4.is_multicast() || v4.is_broadcast() || v4.is_documentation()
                || v4.is_unspecified();
            prop_assert!(!known || is_private(v4.into()));
        }
    }
}
