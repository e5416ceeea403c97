//! Hosts that are reached without a proxy: `NO_PROXY`, as curl, Go and Python read it.

use std::net::IpAddr;

/// The hosts that `NO_PROXY` names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Exceptions(Vec<Exception>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Exception {
    hosts: Hosts,
    /// The port; none stands for any.
    port: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Hosts {
    All,
    /// A host and all below it, in lower case.
    Domain(String),
    /// The addresses whose first bits are those of this one.
    Network(IpAddr, u8),
}

impl Exceptions {
    /// Reads entries with commas or white space between them: `*`, `x`, `.x` and `*.x` (all three
    /// `x` and what is below it), an address, a network (`10.0.0.0/8`, `fd00::/8`), each but a
    /// network with a port or without. IPv6 may stand in brackets, a name may end with a dot. What
    /// cannot be read excepts nothing.
    pub(super) fn parse(text: &str) -> Self {
        let entries = text.split(|c: char| c == ',' || c.is_whitespace());
        Self(entries.filter_map(Exception::parse).collect())
    }

    pub(super) fn contain(&self, host: &str, port: u16) -> bool {
        let host = name(host);
        let address = host.parse::<IpAddr>().ok().map(|address| address.to_canonical());
        self.0.iter().any(|exception| {
            exception.port.is_none_or(|only| only == port)
                && match (&exception.hosts, address) {
                    (Hosts::All, _) => true,
                    (Hosts::Network(network, bits), Some(address)) => {
                        is_in(address, *network, *bits)
                    }
                    (Hosts::Domain(domain), None) => host
                        .strip_suffix(domain.as_str())
                        .is_some_and(|rest| rest.is_empty() || rest.ends_with('.')),
                    (Hosts::Network(..), None) | (Hosts::Domain(_), Some(_)) => false,
                }
        })
    }
}

/// A host's name, or an address without brackets.
fn name(host: &str) -> String {
    let host = host.trim_matches(['[', ']']);
    host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase()
}

impl Exception {
    fn parse(entry: &str) -> Option<Self> {
        if let Some((network, bits)) = entry.split_once('/') {
            let network: IpAddr = name(network).parse().ok()?;
            let bits = bits.parse().ok().filter(|bits| *bits <= width(network))?;
            return Some(Self { hosts: Hosts::Network(network, bits), port: None });
        }
        // An IPv6 address without brackets has no port.
        let bare = name(entry).parse::<IpAddr>().is_ok();
        let (host, port) = match entry.rsplit_once(':') {
            Some((host, port)) if !bare => (host, Some(port.parse().ok()?)),
            Some(_) | None => (entry, None),
        };
        let host = name(host);
        let hosts = match host.parse::<IpAddr>() {
            Ok(address) => {
                let address = address.to_canonical();
                Hosts::Network(address, width(address))
            }
            Err(_) if host == "*" => Hosts::All,
            Err(_) => {
                let domain = host.trim_start_matches('*').trim_start_matches('.');
                Hosts::Domain(Some(domain).filter(|domain| !domain.is_empty())?.to_owned())
            }
        };
        Some(Self { hosts, port })
    }
}

fn width(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

fn is_in(address: IpAddr, network: IpAddr, bits: u8) -> bool {
    let number = |address: IpAddr| match address {
        IpAddr::V4(address) => u128::from(u32::from(address)),
        IpAddr::V6(address) => u128::from(address),
    };
    let rest = width(network).saturating_sub(bits);
    let first_bits = |address| number(address).checked_shr(u32::from(rest)).unwrap_or(0);
    width(address) == width(network) && first_bits(address) == first_bits(network)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn excepts(entries: &str, host: &str) -> bool {
        Exceptions::parse(entries).contain(host, 443)
    }

    #[test]
    fn names_except_themselves_and_what_is_below() {
        for entry in
            ["corp.example", ".corp.example", "*.corp.example", "corp.example.", "CORP.Example"]
        {
            for host in
                ["corp.example", "api.corp.example", "a.b.corp.example.", "API.corp.example"]
            {
                assert!(excepts(entry, host), "{entry}: {host}");
            }
            for host in ["evilcorp.example", "corp.example.evil", "example"] {
                assert!(!excepts(entry, host), "{entry}: {host}");
            }
        }
        assert!(excepts("*", "example.com") && excepts("*", "::1"));
        assert!(!excepts("", "example.com") && !excepts(" , .", "example.com"));
    }

    #[test]
    fn an_entry_may_have_a_port() {
        let all = "api.corp.example:443,10.1.2.3:443,[::1]:443,b.example:8443,*:80";
        for host in ["api.corp.example", "x.api.corp.example", "10.1.2.3", "[::1]", "::1"] {
            assert!(excepts(all, host), "{host}");
        }
        assert!(!excepts(all, "b.example"), "another port");
        assert!(Exceptions::parse(all).contain("anybody.example", 80));
        assert!(!excepts("x.example:port", "x.example"));
    }

    #[test]
    fn networks_and_addresses_are_compared_as_numbers() {
        for (entry, host) in [
            ("10.0.0.0/8", "10.1.2.3"),
            ("10.9.9.9/8", "10.1.2.3"),
            ("0.0.0.0/0", "192.0.2.1"),
            ("192.0.2.1/32", "192.0.2.1"),
            ("fd00::/8", "[fd12::1]"),
            ("[fd00::]/8", "fd12::1"),
            ("::/0", "2001:db8::1"),
            ("::1", "0:0:0:0:0:0:0:1"),
            ("[::1]", "::1"),
            ("10.1.2.3", "::ffff:10.1.2.3"),
        ] {
            assert!(excepts(entry, host), "{entry}: {host}");
        }
        for (entry, host) in [
            ("10.0.0.0/8", "11.1.2.3"),
            ("10.0.0.0/33", "10.0.0.0"),
            ("2.3", "10.1.2.3"),
            ("10.0.0.0/8", "10.example"),
            ("127.0.0.1", "127.0.0.11"),
            ("::/0", "192.0.2.1"),
        ] {
            assert!(!excepts(entry, host), "{entry}: {host}");
        }
    }

    #[test]
    fn reported_entries_mean_what_they_mean_elsewhere() {
        let reported = include_str!("../../../tests/reported/no-proxy.json");
        let all: Vec<serde_json::Value> = serde_json::from_str(reported).unwrap();
        for case in &all {
            let text = |name: &str| case[name].as_str().unwrap();
            let except = Exceptions::parse(text("NO_PROXY")).contain(text("host"), 443);
            assert_eq!(except, text("expect") == "direct", "{case}");
        }
        assert_eq!(all.len(), 7);
    }

    #[test]
    fn entries_are_separated_by_commas_and_spaces() {
        for entries in ["a.example b.example", "a.example,b.example", " a.example ,\tb.example,"] {
            assert!(excepts(entries, "a.example") && excepts(entries, "b.example"), "{entries}");
        }
    }
}
