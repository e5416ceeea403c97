//! Services to look at without an account: the emulator, and a STUN server of a few lines.

use std::net::{IpAddr, SocketAddr, UdpSocket};

use anyhow::Context as _;
use offhook::media::IceServer;
use offhook_examples::demo;
use offhook_sim::serve::Emulator;
use serde_json::json;

/// The emulator, and servers that see this computer.
#[derive(Debug)]
pub(crate) struct Emulated {
    pub(crate) emulator: Emulator,
    pub(crate) stun: Vec<IceServer>,
}

impl Emulated {
    /// Starts all, at free ports of loopback.
    pub(crate) fn start() -> anyhow::Result<Self> {
        let emulator = demo::emulator(1)?;
        let ports = [serve_stun()?, serve_stun()?];
        let services = ports.map(
            |port| json!({"type": "stun", "host": "127.0.0.1", "port": port, "transport": "udp"}),
        );
        let options = json!({ "iceServices": services });
        emulator.control("POST", "options", &options).context("the emulator takes no options")?;
        let stun = ports.map(|port| IceServer::stun(format!("stun:127.0.0.1:{port}"))).into();
        Ok(Self { emulator, stun })
    }
}

/// A STUN server (RFC 8489 section 6.3.1) on a thread of its own, until the program ends: its port.
fn serve_stun() -> anyhow::Result<u16> {
    let socket = UdpSocket::bind("127.0.0.1:0").context("no free port")?;
    let port = socket.local_addr()?.port();
    std::thread::spawn(move || {
        let mut buffer = [0; 1500];
        while let Ok((length, from)) = socket.recv_from(&mut buffer) {
            let answer = buffer.get(..length).and_then(|request| answer(request, from));
            // Whoever asked asks again.
            let _ = answer.map(|answer| socket.send_to(&answer, from));
        }
    });
    Ok(port)
}

/// The answer to a binding request: XOR-MAPPED-ADDRESS (section 14.2), of IPv4 alone.
fn answer(request: &[u8], from: SocketAddr) -> Option<Vec<u8>> {
    let (head, _) = request.split_first_chunk::<20>()?;
    let [0, 1, _, _, id @ ..] = head else { return None };
    let (cookie, _) = id.split_first_chunk::<4>()?;
    let IpAddr::V4(ip) = from.ip() else { return None };
    let [high, low, ..] = *cookie;
    let port = from.port() ^ u16::from_be_bytes([high, low]);
    let ip = u32::from_be_bytes(ip.octets()) ^ u32::from_be_bytes(*cookie);
    let mut answer = vec![1, 1, 0, 12];
    answer.extend(id);
    answer.extend([0, 0x20, 0, 8, 0, 1]);
    answer.extend(port.to_be_bytes());
    answer.extend(ip.to_be_bytes());
    Some(answer)
}
