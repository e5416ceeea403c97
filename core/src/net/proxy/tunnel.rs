//! The talk with a proxy until a tunnel stands.

use std::fmt;

use super::server::{ProxyKind, ProxyServer};
use super::{http, socks};
use crate::machine::{NetError, NetErrorKind};

/// The talk with a proxy, from the connection to it until a tunnel to a host stands: bytes to send
/// and bytes to receive, as [`ProxyTunnel::step`] says.
///
/// ```
/// use offhook::net::{ProxyServer, ProxyStep, ProxyTunnel};
///
/// let server = ProxyServer::parse("socks5h://proxy.example")?;
/// let mut tunnel = ProxyTunnel::new(&server, "api.example.com", 443)?;
/// assert_eq!(tunnel.step(), ProxyStep::Send(vec![5, 1, 0]));
/// assert_eq!(tunnel.step(), ProxyStep::Receive(2));
/// tunnel.receive(&[5, 0])?;
/// assert!(matches!(tunnel.step(), ProxyStep::Send(_)));
/// assert_eq!(tunnel.step(), ProxyStep::Receive(4));
/// tunnel.receive(&[5, 0, 0, 1])?;
/// assert_eq!(tunnel.step(), ProxyStep::Receive(6));
/// tunnel.receive(&[0; 6])?;
/// assert_eq!(tunnel.step(), ProxyStep::Open);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct ProxyTunnel {
    state: State,
    /// Bytes to be sent now.
    send: Vec<u8>,
    /// The part of the answer that has come.
    received: Vec<u8>,
    /// Name and password as SOCKS5 sends them.
    login: Option<Vec<u8>>,
    /// The request of SOCKS5, sent last.
    request: Vec<u8>,
}

/// The answer that is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    HttpResponse,
    SocksChoice,
    SocksLogin,
    SocksReply,
    Open,
    Failed,
}

/// The next thing to do for a tunnel.
#[derive(Clone, PartialEq, Eq)]
pub enum ProxyStep {
    /// Send these bytes to the proxy.
    Send(Vec<u8>),
    /// Receive this many bytes, at least 1, for [`ProxyTunnel::receive`], and no more: what follows
    /// may belong to the tunnel.
    Receive(usize),
    /// Nothing: the tunnel stands, and all that is sent and received now is the host's.
    Open,
}

impl fmt::Debug for ProxyStep {
    /// Without the bytes: a password may be among them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Send(bytes) => write!(f, "Send({} bytes)", bytes.len()),
            Self::Receive(count) => write!(f, "Receive({count})"),
            Self::Open => f.write_str("Open"),
        }
    }
}

impl ProxyTunnel {
    /// The talk for a tunnel to a host and port. The host is a name or an address, an IPv6 address
    /// with brackets or without. Resolves no names: where [`ProxyKind::Socks5`] wants that, the
    /// caller gives the address.
    ///
    /// # Errors
    ///
    /// [`NetErrorKind::Connect`] where the proxy's protocol cannot carry the host or the
    /// credentials.
    pub fn new(server: &ProxyServer, host: &str, port: u16) -> Result<Self, NetError> {
        let host = host.trim_matches(['[', ']']);
        let credentials = server.credentials.as_ref();
        let (state, send, login, request) = match server.kind {
            ProxyKind::Http => {
                let request = http::request(host, port, credentials)?;
                (State::HttpResponse, request, None, Vec::new())
            }
            ProxyKind::Socks5 | ProxyKind::Socks5h => {
                let login = |(name, password): &(String, String)| {
                    socks::login(name, password).ok_or_else(|| {
                        let message = "SOCKS5 cannot carry the proxy's credentials";
                        NetError::new(NetErrorKind::Connect, message)
                    })
                };
                let login = credentials.map(login).transpose()?;
                let request = socks::request(host, port)?;
                (State::SocksChoice, socks::greeting(login.is_some()), login, request)
            }
        };
        Ok(Self { state, send, received: Vec::new(), login, request })
    }

    /// The next thing to do.
    pub fn step(&mut self) -> ProxyStep {
        if !self.send.is_empty() {
            return ProxyStep::Send(std::mem::take(&mut self.send));
        }
        if self.state == State::Open {
            return ProxyStep::Open;
        }
        ProxyStep::Receive(self.missing())
    }

    /// Takes bytes of the proxy's: as many as [`ProxyStep::Receive`] asked for, or fewer, after
    /// which it asks for the rest. More are not looked at.
    ///
    /// # Errors
    ///
    /// [`NetErrorKind::Connect`] when the proxy refuses, [`NetErrorKind::Protocol`] when it does not
    /// speak its protocol, [`NetErrorKind::TooLarge`] when its answer has no end. The talk is over
    /// then, and no tunnel ever stands.
    pub fn receive(&mut self, bytes: &[u8]) -> Result<(), NetError> {
        let read = self.read(bytes);
        if read.is_err() {
            self.state = State::Failed;
        }
        read
    }

    fn read(&mut self, bytes: &[u8]) -> Result<(), NetError> {
        self.received.extend(bytes.iter().take(self.missing()));
        let received = self.received.as_slice();
        match self.state {
            State::HttpResponse => {
                if http::response(received)? {
                    self.state = State::Open;
                }
            }
            State::SocksChoice => {
                if let Ok(choice) = received.try_into() {
                    if socks::choice(choice, self.login.is_some())? {
                        self.send = self.login.take().unwrap_or_default();
                        self.expect(State::SocksLogin);
                    } else {
                        self.ask();
                    }
                }
            }
            State::SocksLogin => {
                if let Ok(answer) = received.try_into() {
                    socks::logged_in(answer)?;
                    self.ask();
                }
            }
            State::SocksReply => {
                if socks::reply(received)? == 0 {
                    self.state = State::Open;
                }
            }
            State::Open => {}
            State::Failed => {
                let message = "the talk with the proxy has failed";
                return Err(NetError::new(NetErrorKind::Protocol, message));
            }
        }
        Ok(())
    }

    /// Sends the request of SOCKS5.
    fn ask(&mut self) {
        self.send = std::mem::take(&mut self.request);
        self.expect(State::SocksReply);
    }

    fn expect(&mut self, state: State) {
        self.state = state;
        self.received.clear();
    }

    /// The bytes that the answer lacks for all that is known; 0 once the tunnel stands.
    fn missing(&self) -> usize {
        let wanted = match self.state {
            State::SocksChoice => socks::CHOICE,
            State::SocksLogin => socks::LOGGED_IN,
            State::SocksReply => return socks::reply(&self.received).unwrap_or(1),
            // It ends with an empty line, wherever that comes.
            State::HttpResponse | State::Failed => return 1,
            State::Open => return 0,
        };
        wanted.saturating_sub(self.received.len())
    }
}

impl fmt::Debug for ProxyTunnel {
    /// Without the bytes: a password may be among them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProxyTunnel").field("state", &self.state).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Talks until there is a tunnel or no answer is left, with the answer in pieces of these
    /// lengths: the bytes sent, and those of the answer that were not taken.
    fn talk<'a>(
        url: &str,
        mut answer: &'a [u8],
        pieces: &[usize],
    ) -> Result<(Vec<u8>, Option<&'a [u8]>), NetError> {
        let server = ProxyServer::parse(url).unwrap();
        let mut tunnel = ProxyTunnel::new(&server, "example.com", 443)?;
        let mut pieces = pieces.iter().copied().cycle();
        let mut sent = Vec::new();
        loop {
            match tunnel.step() {
                ProxyStep::Send(bytes) => sent.extend(bytes),
                ProxyStep::Open => return Ok((sent, Some(answer))),
                ProxyStep::Receive(count) => {
                    assert!(count > 0, "{tunnel:?}");
                    let piece = count.min(pieces.next().unwrap_or(count)).min(answer.len());
                    let (taken, rest) = answer.split_at(piece);
                    if taken.is_empty() {
                        return Ok((sent, None));
                    }
                    if let Err(error) = tunnel.receive(taken) {
                        assert!(matches!(tunnel.step(), ProxyStep::Receive(_)), "no tunnel");
                        assert!(tunnel.receive(taken).is_err(), "and never one");
                        return Err(error);
                    }
                    answer = rest;
                }
            }
        }
    }

    #[test]
    fn rfc_1928_an_open_proxy_is_asked_at_once() {
        let answer = b"\x05\x00\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x50after";
        let (sent, after) = talk("socks5h://p", answer, &[]).unwrap();
        assert_eq!(sent, *b"\x05\x01\x00\x05\x01\x00\x03\x0bexample.com\x01\xbb");
        assert_eq!(after.unwrap(), b"after");
    }

    #[test]
    fn rfc_1929_a_proxy_that_wants_a_password_is_told_it() {
        let answer = b"\x05\x02\x01\x00\x05\x00\x00\x03\x01x\x00\x50after";
        let (sent, after) = talk("socks5h://me:pw@p", answer, &[]).unwrap();
        assert!(sent.starts_with(b"\x05\x02\x00\x02\x01\x02me\x02pw\x05\x01"));
        assert_eq!(after.unwrap(), b"after");
        let refused = talk("socks5h://me:pw@p", b"\x05\x02\x01\x01", &[]).unwrap_err();
        assert_eq!(refused.kind, NetErrorKind::Connect);
    }

    #[test]
    fn rfc_9110_9_3_6_no_byte_past_the_answer_is_taken() {
        let answer = b"HTTP/1.1 200 OK\r\n\r\nafter";
        assert_eq!(talk("http://p", answer, &[]).unwrap().1.unwrap(), b"after");
    }

    #[test]
    fn no_debug_shows_a_password() {
        for scheme in ["http", "socks5", "socks5h"] {
            let server = ProxyServer::parse(&format!("{scheme}://me:hunter2@p")).unwrap();
            let mut tunnel = ProxyTunnel::new(&server, "h", 1).unwrap();
            let mut shown = format!("{tunnel:?}");
            shown += &format!("{:?}", tunnel.step());
            let _ = tunnel.receive(&[5, 2]);
            shown += &format!("{tunnel:?} {:?}", tunnel.step());
            assert!(!shown.contains("hunter2") && !shown.contains("104, 117"), "{shown}");
        }
    }

    #[test]
    fn credentials_that_socks_cannot_carry_are_no_tunnel() {
        let mut server = ProxyServer::parse("socks5://p").unwrap();
        server.credentials = Some(("x".repeat(256), String::new()));
        assert_eq!(ProxyTunnel::new(&server, "h", 1).unwrap_err().kind, NetErrorKind::Connect);
    }

    proptest! {
        #[test]
        fn nothing_that_a_proxy_says_makes_it_panic_or_go_on_for_ever(
            url in "(http|socks5h?)://(me:pw@)?p",
            valid in prop::sample::select(vec![&b""[..], b"\x05\x00", b"\x05\x02\x01\x00", b"HTTP/1.1 "]),
            garbage: Vec<u8>,
            pieces in prop::collection::vec(1..20_usize, 0..8),
        ) {
            let _ = talk(&url, &[valid, &garbage].concat(), &pieces);
        }

        #[test]
        fn the_cut_of_an_answer_does_not_matter(
            name: Vec<u8>,
            after: Vec<u8>,
            pieces in prop::collection::vec(1..20_usize, 1..8),
        ) {
            let length = u8::try_from(name.len()).unwrap();
            let answer = [
                &b"\x05\x02\x01\x00\x05\x00\x00\x03"[..], &[length], &name, &[1, 2], &after,
            ].concat();
            let whole = talk("socks5h://me:pw@p", &answer, &[]);
            prop_assert_eq!(whole.as_ref().unwrap().1, Some(after.as_slice()));
            prop_assert_eq!(whole, talk("socks5h://me:pw@p", &answer, &pieces));
        }
    }
}
