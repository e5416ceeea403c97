//! The bytes of SOCKS5: requests (RFC 1928), user name and password (RFC 1929), and answers.

use std::net::IpAddr;

use crate::machine::{NetError, NetErrorKind};

const VERSION: u8 = 5;
/// The version of the log-in by user name and password (RFC 1929 section 2).
const LOGIN_VERSION: u8 = 1;

/// The ways to log in (RFC 1928 section 3).
const NO_LOGIN: u8 = 0;
const PASSWORD: u8 = 2;
const NO_WAY: u8 = 0xff;

/// The command for a connection (RFC 1928 section 4).
const CONNECT: u8 = 1;

/// The types of addresses (RFC 1928 section 5).
const IPV4: u8 = 1;
const NAME: u8 = 3;
const IPV6: u8 = 4;

/// The first message, with the ways to log in (RFC 1928 section 3).
pub(super) fn greeting(with_password: bool) -> Vec<u8> {
    if with_password { vec![VERSION, 2, NO_LOGIN, PASSWORD] } else { vec![VERSION, 1, NO_LOGIN] }
}

/// User name and password, each after its length (RFC 1929 section 2). None if they do not fit. A
/// password may be empty, against the RFC's letter, as with curl.
pub(super) fn login(name: &str, password: &str) -> Option<Vec<u8>> {
    let mut bytes = vec![LOGIN_VERSION];
    for part in [name, password] {
        bytes.push(u8::try_from(part.len()).ok()?);
        bytes.extend(part.as_bytes());
    }
    (!name.is_empty()).then_some(bytes)
}

/// The request for a connection to a host: an address, or a name that the proxy resolves (RFC 1928
/// section 4).
pub(super) fn request(host: &str, port: u16) -> Result<Vec<u8>, NetError> {
    let mut bytes = vec![VERSION, CONNECT, 0];
    match host.parse() {
        Ok(IpAddr::V4(address)) => {
            bytes.push(IPV4);
            bytes.extend(address.octets());
        }
        Ok(IpAddr::V6(address)) => {
            bytes.push(IPV6);
            bytes.extend(address.octets());
        }
        Err(_) => {
            let length = u8::try_from(host.len()).ok().filter(|length| *length > 0);
            let length = length.ok_or_else(|| {
                NetError::new(NetErrorKind::Connect, "the host is none that SOCKS5 can name")
            })?;
            bytes.extend([NAME, length]);
            bytes.extend(host.as_bytes());
        }
    }
    bytes.extend(port.to_be_bytes());
    Ok(bytes)
}

/// The bytes of the proxy's choice of a way to log in (RFC 1928 section 3).
pub(super) const CHOICE: usize = 2;

/// Reads the proxy's choice: whether it wants user name and password.
pub(super) fn choice(received: [u8; CHOICE], with_password: bool) -> Result<bool, NetError> {
    match received {
        [VERSION, NO_LOGIN] => Ok(false),
        [VERSION, PASSWORD] if with_password => Ok(true),
        [VERSION, NO_WAY] if with_password => {
            Err(refused("the proxy takes no user name and password"))
        }
        [VERSION, NO_WAY] => Err(refused("the proxy wants a log-in, and there is none")),
        [VERSION, _] => Err(wrong("the proxy chose a way to log in that it was not offered")),
        _ => Err(wrong("the proxy does not speak SOCKS5")),
    }
}

/// The bytes of the answer to a log-in (RFC 1929 section 2).
pub(super) const LOGGED_IN: usize = 2;

/// Reads the answer to a log-in. Its version is not looked at, as in curl: proxies differ.
pub(super) fn logged_in([_, status]: [u8; LOGGED_IN]) -> Result<(), NetError> {
    match status {
        0 => Ok(()),
        _ => Err(refused("the proxy refused user name and password")),
    }
}

/// Reads the answer to the request from its bytes so far (RFC 1928 section 6): the bytes that are
/// still missing, 0 once the connection stands. Whole it has at most 262 bytes.
pub(super) fn reply(received: &[u8]) -> Result<usize, NetError> {
    let length = match received {
        [] | [VERSION] | [VERSION, 0] | [VERSION, 0, _] => 4,
        [VERSION, 0, _, IPV4, ..] => 4 + 4 + 2,
        [VERSION, 0, _, IPV6, ..] => 4 + 16 + 2,
        [VERSION, 0, _, NAME] => 5,
        [VERSION, 0, _, NAME, length, ..] => 4 + 1 + usize::from(*length) + 2,
        [VERSION, 0, ..] => return Err(wrong("the proxy answered with an unknown address type")),
        [VERSION, code, ..] => return Err(refused(&failure(*code))),
        _ => return Err(wrong("the proxy does not speak SOCKS5")),
    };
    Ok(length.saturating_sub(received.len()))
}

/// The failure with a code (RFC 1928 section 6), in words.
fn failure(code: u8) -> String {
    let reason = match code {
        1 => "the proxy failed",
        2 => "the proxy's rules do not allow the connection",
        3 => "the proxy cannot reach the network",
        4 => "the proxy cannot reach the host",
        5 => "the host refused the proxy's connection",
        6 => "the host is too many hops from the proxy",
        7 => "the proxy makes no connections",
        8 => "the proxy does not know this type of address",
        _ => return format!("the proxy refused with code {code}"),
    };
    reason.to_owned()
}

fn refused(message: &str) -> NetError {
    NetError::new(NetErrorKind::Connect, message)
}

fn wrong(message: &str) -> NetError {
    NetError::new(NetErrorKind::Protocol, message)
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use proptest::prelude::*;

    use super::*;

    /// Reads a request as a proxy does: host and port.
    fn read(bytes: &[u8]) -> (String, u16) {
        let (host, port) = match bytes {
            [5, 1, 0, 1, a, b, c, d, port @ ..] => {
                (Ipv4Addr::new(*a, *b, *c, *d).to_string(), port)
            }
            [5, 1, 0, 4, rest @ ..] => {
                let (address, port) = rest.split_at(16);
                let address = <[u8; 16]>::try_from(address).unwrap();
                (Ipv6Addr::from(address).to_string(), port)
            }
            [5, 1, 0, 3, length, rest @ ..] => {
                let (name, port) = rest.split_at(usize::from(*length));
                (String::from_utf8(name.to_vec()).unwrap(), port)
            }
            other => panic!("{other:?}"),
        };
        (host, u16::from_be_bytes(port.try_into().unwrap()))
    }

    #[test]
    fn rfc_1928_3_a_password_is_offered_only_by_who_has_one() {
        assert_eq!(greeting(false), [5, 1, 0]);
        assert_eq!(greeting(true), [5, 2, 0, 2]);
        assert_eq!(choice([5, 0], false), Ok(false));
        assert_eq!(choice([5, 0], true), Ok(false));
        assert_eq!(choice([5, 2], true), Ok(true));
        let kind = |received, with| choice(received, with).unwrap_err().kind;
        assert_eq!(kind([5, 0xff], false), NetErrorKind::Connect);
        assert_eq!(kind([5, 0xff], true), NetErrorKind::Connect);
        assert_eq!(kind([5, 2], false), NetErrorKind::Protocol);
        assert_eq!(kind([5, 1], true), NetErrorKind::Protocol);
        assert_eq!(kind(*b"HT", true), NetErrorKind::Protocol);
    }

    #[test]
    fn rfc_1929_2_name_and_password_come_after_their_lengths() {
        assert_eq!(login("me", "pw!").unwrap(), *b"\x01\x02me\x03pw!");
        assert_eq!(login("me", "").unwrap(), *b"\x01\x02me\x00");
        assert_eq!(login(&"x".repeat(255), &"y".repeat(255)).unwrap().len(), 513);
        assert_eq!(login(&"x".repeat(256), "y"), None);
        assert_eq!(login("x", &"y".repeat(256)), None);
        assert_eq!(login("", "y"), None);
        assert_eq!(logged_in([1, 0]), Ok(()));
        assert_eq!(logged_in([1, 1]).unwrap_err().kind, NetErrorKind::Connect);
    }

    #[test]
    fn rfc_1928_4_a_name_that_has_no_length_is_refused_here() {
        for host in [String::new(), "x".repeat(256)] {
            assert_eq!(request(&host, 443).unwrap_err().kind, NetErrorKind::Connect);
        }
    }

    #[test]
    fn rfc_1928_6_each_code_has_its_sentence() {
        let mut sentences: Vec<_> = (1..=9)
            .map(|code| {
                let error = reply(&[5, code, 0, 1]).unwrap_err();
                assert_eq!(error.kind, NetErrorKind::Connect);
                error.message
            })
            .collect();
        sentences.sort();
        sentences.dedup();
        assert_eq!(sentences.len(), 9);
    }

    #[test]
    fn rfc_1928_6_a_reply_says_its_own_length() {
        assert_eq!(reply(&[]), Ok(4));
        assert_eq!(reply(&[5, 0, 0, 1]), Ok(6));
        assert_eq!(reply(&[5, 0, 0, 4]), Ok(18));
        assert_eq!(reply(&[5, 0, 0, 3]), Ok(1));
        assert_eq!(reply(&[5, 0, 0, 3, 255]), Ok(257));
        assert_eq!(reply(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]), Ok(0));
        assert_eq!(reply(&[5, 0, 0, 2]).unwrap_err().kind, NetErrorKind::Protocol);
        assert_eq!(reply(b"HTTP").unwrap_err().kind, NetErrorKind::Protocol);
    }

    proptest! {
        #[test]
        fn rfc_1928_4_a_request_says_host_and_port(
            address: IpAddr,
            name in "[a-z][a-z0-9.-]{0,254}",
            port: u16,
        ) {
            let address = address.to_string();
            for host in [address, name] {
                prop_assert_eq!(read(&request(&host, port).unwrap()), (host, port));
            }
        }

        #[test]
        fn a_reply_is_bounded_whatever_it_says(bytes in prop::collection::vec(0..6_u8, 0..300)) {
            let mut received = Vec::new();
            let mut left = bytes.as_slice();
            while let Ok(missing @ 1..) = reply(&received) {
                prop_assert!(received.len() + missing <= 262);
                let Some((taken, rest)) = left.split_at_checked(missing) else { break };
                received.extend(taken);
                left = rest;
            }
        }
    }
}
