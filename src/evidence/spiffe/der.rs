//! Reads the validity of a certificate (RFC 5280 section 4.1), which the verifier of chains checks
//! but does not return.

/// Returns when a certificate becomes valid and when it expires, in seconds since 1970.
#[must_use]
pub fn validity(certificate: &[u8]) -> Option<(i64, i64)> {
    let (validity, _) = element(from_validity(certificate)?, 0x30)?;
    let (begins, rest) = time(validity)?;
    let (ends, _) = time(rest)?;
    Some((begins, ends))
}

/// Returns the public key of a certificate's subject, as its kind writes it.
pub(in crate::evidence) fn subject_public_key(certificate: &[u8]) -> Option<&[u8]> {
    let (_validity, rest) = element(from_validity(certificate)?, 0x30)?;
    let (_subject, rest) = element(rest, 0x30)?;
    let (info, _) = element(rest, 0x30)?;
    let (_algorithm, rest) = element(info, 0x30)?;
    let (bits, _) = element(rest, 0x03)?;
    // The first byte counts the unused bits of the last: a key has none.
    bits.strip_prefix(&[0])
}

/// Returns the modulus of a public key that is one of RSA (RFC 8017 appendix A.1.1).
pub(in crate::evidence) fn rsa_modulus(key: &[u8]) -> Option<&[u8]> {
    let (numbers, after) = element(key, 0x30)?;
    let (modulus, _exponent) = element(numbers, 0x02)?;
    after.is_empty().then_some(modulus)
}

/// Returns what is in a certificate from its validity on.
fn from_validity(certificate: &[u8]) -> Option<&[u8]> {
    let (outer, _) = element(certificate, 0x30)?;
    let (mut to_be_signed, _) = element(outer, 0x30)?;
    // Certificates of version 1 omit the version.
    if to_be_signed.first() == Some(&0xa0) {
        to_be_signed = element(to_be_signed, 0xa0)?.1;
    }
    let (_serial, rest) = element(to_be_signed, 0x02)?;
    let (_algorithm, rest) = element(rest, 0x30)?;
    let (_issuer, rest) = element(rest, 0x30)?;
    Some(rest)
}

/// Returns the contents of an element with this tag, and the bytes after it.
fn element(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (found, rest) = bytes.split_first()?;
    let (length, rest) = rest.split_first()?;
    let (length, rest) = match length {
        0..=0x7f => (usize::from(*length), rest),
        0x81..=0x83 => {
            let (digits, rest) = rest.split_at_checked(usize::from(length & 0x7f))?;
            (
                digits
                    .iter()
                    .fold(0_usize, |length, digit| length << 8 | usize::from(*digit)),
                rest,
            )
        }
        _ => return None,
    };
    (*found == tag).then(|| rest.split_at_checked(length))?
}

/// Reads a `UTCTime` or a `GeneralizedTime` as certificates write them: in UTC, with seconds.
fn time(bytes: &[u8]) -> Option<(i64, &[u8])> {
    const UTC: u8 = 0x17;
    const GENERALIZED: u8 = 0x18;
    let (text, rest) = match bytes.first()? {
        &UTC => element(bytes, UTC)?,
        _ => element(bytes, GENERALIZED)?,
    };
    let text = str::from_utf8(text).ok()?.strip_suffix('Z')?;
    let (year, rest_of_text) = match bytes.first()? {
        &UTC => {
            let (year, rest) = text.split_at_checked(2)?;
            let year: i16 = number(year)?;
            (if year < 50 { 2000 + year } else { 1900 + year }, rest)
        }
        _ => {
            let (year, rest) = text.split_at_checked(4)?;
            (number(year)?, rest)
        }
    };
    if rest_of_text.len() != 10 {
        return None;
    }
    let part = |at: usize| number::<i8>(rest_of_text.get(at..at + 2)?);
    let (month, day, hour, minute, second) = (part(0)?, part(2)?, part(4)?, part(6)?, part(8)?);
    let at = jiff::civil::DateTime::new(year, month, day, hour, minute, second, 0).ok()?;
    Some((
        at.to_zoned(jiff::tz::TimeZone::UTC)
            .ok()?
            .timestamp()
            .as_second(),
        rest,
    ))
}

fn number<T: std::str::FromStr>(text: &str) -> Option<T> {
    if text.bytes().all(|b| b.is_ascii_digit()) {
        text.parse().ok()
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn wrap(tag: u8, contents: &[u8]) -> Vec<u8> {
        let length = u8::try_from(contents.len()).unwrap();
        [&[tag, 0x81, length], contents].concat()
    }

    fn certificate(times: &[u8]) -> Vec<u8> {
        let head = [
            wrap(0xa0, &[2, 1, 2]),
            wrap(2, &[1]),
            wrap(0x30, &[]),
            wrap(0x30, &[]),
            wrap(0x30, times),
        ]
        .concat();
        wrap(0x30, &wrap(0x30, &head))
    }

    #[test]
    fn the_validity_is_read_in_both_forms() {
        let times = [wrap(0x17, b"491231235959Z"), wrap(0x18, b"20500101000000Z")].concat();
        assert_eq!(
            validity(&certificate(&times)),
            Some((2_524_607_999, 2_524_608_000))
        );
        for times in [
            &b""[..],
            &wrap(0x17, b"491331235959Z"),
            &wrap(0x17, b"4912312359Z"),
            &wrap(0x13, b"491231235959Z"),
        ] {
            assert_eq!(validity(&certificate(times)), None);
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(
            bytes in prop::collection::vec(any::<u8>(), 0..120),
            at in 0_usize..60,
            byte in any::<u8>(),
        ) {
            let _ = validity(&bytes);
            let times = [wrap(0x17, b"491231235959Z"), wrap(0x18, b"20500101000000Z")].concat();
            let mut mutated = certificate(&times);
            if let Some(old) = mutated.get_mut(at) {
                *old = byte;
            }
            let _ = validity(&mutated);
        }
    }
}
