//! The talk with a proxy: HTTP CONNECT and SOCKS5, from an answer of any bytes.

use offhook::machine::NetError;
use offhook::net::{ProxyServer, ProxyStep, ProxyTunnel};

/// The proxies, and hosts behind them.
const PROXIES: [&str; 6] = [
    "http://proxy.test",
    "http://agent:hunter2@proxy.test",
    "socks5://proxy.test",
    "socks5://agent:hunter2@proxy.test",
    "socks5h://proxy.test",
    "socks5h://agent:hunter2@proxy.test",
];
const HOSTS: [&str; 4] = ["api.example.test", "192.0.2.7", "[2001:db8::7]", "2001:db8::7"];
/// The most bytes of an answer that are read, and that are asked for at once.
const MAX_READ: usize = 16 * 1024;
const MAX_ASKED: usize = 300;

/// The end of a talk.
#[derive(Debug, PartialEq, Eq)]
struct Talk {
    sent: Vec<u8>,
    /// Bytes of the answer that were taken for the tunnel. A refusal may be known before its end.
    taken: usize,
    /// None where the answer ends too soon.
    end: Option<Result<(), NetError>>,
}

/// A talk. The first byte chooses the proxy and the host, the next four how the answer comes in pieces; the
/// rest is the answer.
///
/// Whatever comes: the talk has an end, takes no byte that may be the tunnel's, keeps no more than it has to,
/// shows no password, and is the same however the answer is cut.
///
/// # Panics
///
/// One of these does not hold.
pub fn tunnel(data: &[u8]) {
    let [choice, cuts @ ..] = data else { return };
    let Some((cuts, answer)) = cuts.split_at_checked(4) else { return };
    let choice = usize::from(*choice);
    let (proxy, host) = (PROXIES[choice % 6], HOSTS[choice / 6 % 4]);
    let whole = talk(proxy, host, answer, &[255]);
    assert_eq!(whole, talk(proxy, host, answer, cuts), "it is another one in pieces");
    if let Some(Ok(())) = whole.end {
        let exact = talk(proxy, host, &answer[..whole.taken], cuts);
        assert_eq!(whole, exact, "what follows makes a difference");
    }
}

fn talk(proxy: &str, host: &str, answer: &[u8], cuts: &[u8]) -> Talk {
    let server = ProxyServer::parse(proxy).expect("a proxy");
    let mut tunnel = ProxyTunnel::new(&server, host, 443).expect("a host that it can name");
    let mut pieces = cuts.iter().map(|cut| usize::from(*cut).max(1)).cycle();
    let mut talk = Talk { sent: Vec::new(), taken: 0, end: None };
    loop {
        let step = tunnel.step();
        let shown = format!("{tunnel:?} {step:?}");
        assert!(!shown.contains("hunter2"), "{shown}");
        match step {
            ProxyStep::Send(bytes) => {
                assert!(!bytes.is_empty());
                talk.sent.extend(bytes);
                assert!(talk.sent.len() <= 1024, "it talks without end");
            }
            ProxyStep::Open => {
                talk.end = Some(Ok(()));
                return talk;
            }
            ProxyStep::Receive(count) => {
                assert!((1..=MAX_ASKED).contains(&count), "{count}");
                let rest = &answer[talk.taken..];
                let piece = count.min(pieces.next().unwrap_or(1)).min(rest.len());
                if piece == 0 {
                    return talk;
                }
                talk.taken += piece;
                assert!(talk.taken <= MAX_READ, "it reads without end");
                if let Err(error) = tunnel.receive(&rest[..piece]) {
                    assert!(matches!(tunnel.step(), ProxyStep::Receive(_)), "no tunnel");
                    assert!(tunnel.receive(&rest[..piece]).is_err(), "and never one");
                    assert!(!format!("{error} {error:?}").contains("hunter2"));
                    return Talk { taken: 0, end: Some(Err(error)), ..talk };
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use offhook::Seed;

    use super::*;

    #[test]
    fn answers_that_are_right_lead_to_a_tunnel() {
        let open: [(usize, &[u8]); 3] = [
            (0, b"HTTP/1.1 200 OK\r\nVia: x\r\n\r\nafter"),
            (4, b"\x05\x00\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x50after"),
            (5, b"\x05\x02\x01\x00\x05\x00\x00\x03\x01x\x00\x50after"),
        ];
        for (proxy, answer) in open {
            let talk = talk(PROXIES[proxy], HOSTS[0], answer, &[3, 1]);
            assert_eq!(talk.end, Some(Ok(())));
            assert_eq!(&answer[talk.taken..], b"after");
        }
    }

    #[test]
    fn talks_at_random() {
        let words: [&[u8]; 8] = [
            b"HTTP/1.1 ",
            b"200 OK",
            b"\r\n",
            b"407 x",
            b"\x05\x00",
            b"\x05\x02\x01\x00",
            b"\x05\x00\x00\x01",
            b"x: y",
        ];
        for seed in 0..5000 {
            let mut rng = Seed::from(seed).rng();
            let mut script = rng.next_u64().to_le_bytes()[..5].to_vec();
            for _ in 0..rng.next_u64() % 12 {
                let bits = rng.next_u64().to_le_bytes();
                let word =
                    words.get(usize::from(bits[0] % 10)).copied().unwrap_or_else(|| &bits[1..5]);
                script.extend(word);
            }
            tunnel(&script);
        }
    }
}
