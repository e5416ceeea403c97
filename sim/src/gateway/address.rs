//! Addresses of people: `Alice<sip:alice@example.com>` (w4.0.1).

/// Somebody as others see them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Identity {
    /// `alice@example.com`, or a number.
    pub(super) address: String,
    /// The name on a screen.
    pub(super) name: String,
}

impl Identity {
    pub(super) fn new(address: &str, name: &str) -> Self {
        Self { address: plain(address).to_owned(), name: name.to_owned() }
    }

    /// As the far side of a call is to see it: always with a domain (w3.3).
    pub(super) fn display_number(&self, domain: &str) -> String {
        if self.address.contains('@') {
            self.address.clone()
        } else {
            format!("{}@{domain}", self.address)
        }
    }
}

/// An address without scheme, brackets and parameters.
pub(super) fn plain(text: &str) -> &str {
    let inside = match (text.find('<'), text.rfind('>')) {
        (Some(open), Some(close)) if open < close => &text[open + 1..close],
        _ => text,
    };
    let inside = inside.trim();
    let scheme = ["sip:", "sips:", "tel:"].into_iter().find(|scheme| {
        inside.get(..scheme.len()).is_some_and(|head| head.eq_ignore_ascii_case(scheme))
    });
    let bare = scheme.map_or(inside, |scheme| &inside[scheme.len()..]);
    bare.split(';').next().unwrap_or_default()
}

/// The name in front of an address, where there is one.
pub(super) fn name(text: &str) -> Option<&str> {
    let name = text[..text.find('<')?].trim().trim_matches('"');
    (!name.is_empty()).then_some(name)
}

/// The part before the domain.
pub(super) fn local_part(address: &str) -> &str {
    address.rsplit_once('@').map_or(address, |(local, _)| local)
}

/// The domain of an address, or nothing.
pub(super) fn domain(address: &str) -> &str {
    address.rsplit_once('@').map_or("", |(_, domain)| domain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn w4_0_1_addresses_lose_their_dress() {
        for (text, address, called) in [
            ("sip:bob@example.com", "bob@example.com", None),
            ("Alice<sip:alice@example.com>", "alice@example.com", Some("Alice")),
            ("\"A. B.\" <sips:a@x;transport=tls>;tag=1", "a@x", Some("A. B.")),
            ("tel:+16135550100", "+16135550100", None),
            ("bob", "bob", None),
            ("", "", None),
            ("<", "<", None),
            (">é<", ">é<", Some(">é")),
        ] {
            assert_eq!((plain(text), name(text)), (address, called), "{text}");
        }
    }
}
