//! IP addresses, and whether they lie in a network.
//!
//! INVARIANT: an IPv4-mapped IPv6 address is treated as the IPv4 address. Otherwise
//! `::ffff:10.1.2.3` would slip past a rule about `10.0.0.0/8`.

use std::net::IpAddr;

/// A network: an address, and the length of its prefix in bits.
struct Network {
    address: IpAddr,
    bits: u8,
}

/// Parses an address. Returns `None` for anything else, and for an IPv6 address with a zone.
pub(super) fn parse_address(text: &str) -> Option<IpAddr> {
    crate::model::address(text)
}

/// Decides whether an address lies in a network such as `10.0.0.0/8`; `None` if the text is no
/// network. An address of one IP version lies in no network of the other.
pub(super) fn is_in(address: IpAddr, cidr: &str) -> Option<bool> {
    let network = parse_network(cidr)?;
    Some(match (address, network.address) {
        (IpAddr::V4(address), IpAddr::V4(base)) => agree(
            u128::from(address.to_bits()),
            u128::from(base.to_bits()),
            32,
            network.bits,
        ),
        (IpAddr::V6(address), IpAddr::V6(base)) => {
            agree(address.to_bits(), base.to_bits(), 128, network.bits)
        }
        _ => false,
    })
}

/// Returns `true` if the text is a network.
pub(super) fn is_network(cidr: &str) -> bool {
    parse_network(cidr).is_some()
}

fn parse_network(text: &str) -> Option<Network> {
    let (address, bits) = text.split_once('/')?;
    let address: IpAddr = address.parse().ok()?;
    let digits_fit = !bits.is_empty()
        && bits.bytes().all(|byte| byte.is_ascii_digit())
        && (bits.len() == 1 || !bits.starts_with('0'));
    let width = if address.is_ipv4() { 32 } else { 128 };
    let bits: u8 = bits
        .parse()
        .ok()
        .filter(|bits| digits_fit && *bits <= width)?;
    let canonical = address.to_canonical();
    match bits.checked_sub(96) {
        Some(bits) if canonical != address => Some(Network {
            address: canonical,
            bits,
        }),
        _ => Some(Network { address, bits }),
    }
}

fn agree(a: u128, b: u128, width: u8, bits: u8) -> bool {
    let differing = u32::from(width.saturating_sub(bits));
    (a ^ b).checked_shr(differing).is_none_or(|rest| rest == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_lie_in_networks_of_their_own_version() {
        for (address, cidr, expected) in [
            ("10.1.2.3", "10.0.0.0/8", Some(true)),
            ("11.1.2.3", "10.0.0.0/8", Some(false)),
            ("11.1.2.3", "0.0.0.0/0", Some(true)),
            ("10.1.2.3", "10.1.2.3/32", Some(true)),
            ("10.1.2.2", "10.1.2.3/32", Some(false)),
            ("10.1.2.2", "10.1.2.3/31", Some(true)),
            ("::ffff:10.1.2.3", "10.0.0.0/8", Some(true)),
            ("10.1.2.3", "::ffff:10.0.0.0/104", Some(true)),
            ("11.1.2.3", "::ffff:10.0.0.0/104", Some(false)),
            ("10.1.2.3", "::/0", Some(false)),
            ("2001:db8::1", "2001:db8::/32", Some(true)),
            ("2001:db9::1", "2001:db8::/32", Some(false)),
            ("2001:db9::1", "::/0", Some(true)),
            ("2001:db9::1", "0.0.0.0/0", Some(false)),
            ("10.1.2.3", "10.0.0.0", None),
            ("10.1.2.3", "10.0.0.0/33", None),
            ("10.1.2.3", "10.0.0.0/08", None),
            ("10.1.2.3", "10.0.0.0/+8", None),
            ("10.1.2.3", "10.0.0.0/", None),
            ("10.1.2.3", "10.0.0/8", None),
        ] {
            assert_eq!(
                is_in(parse_address(address).unwrap(), cidr),
                expected,
                "{address} {cidr}"
            );
        }
        for text in ["", "10.0.0.01", "fe80::1%eth0", "10.0.0", "1.2.3.4 "] {
            assert_eq!(parse_address(text), None, "{text}");
        }
    }
}
