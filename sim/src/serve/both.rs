//! Both models behind one listener: requests go to whose paths they are, and the control API is
//! everybody's.

use std::collections::BTreeMap;
use std::time::Instant;

use offhook::machine::{UdpId, Wake};
use serde_json::json;

use crate::cloud::{self, Cloud};
use crate::gateway::{self, Gateway};
use crate::service::http::json as respond;
use crate::service::{ConnId, Input, Output, RequestId, Service};

/// One of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Cloud,
    Gateway,
}

impl Side {
    /// The one whose paths begin like that. The cloud has all that nobody else has.
    fn of(path: &str) -> Self {
        let mut segments = path.split('/').filter(|segment| !segment.is_empty());
        match (segments.next(), segments.next()) {
            (Some("rest"), Some("version")) | (Some("control"), Some("ribbon")) => Self::Gateway,
            _ => Self::Cloud,
        }
    }

    /// Its media sockets have even or odd numbers outside.
    const fn outside(self, id: UdpId) -> UdpId {
        match self {
            Self::Cloud => UdpId(id.0 << 1),
            Self::Gateway => UdpId((id.0 << 1) | 1),
        }
    }

    const fn inside(id: UdpId) -> (Self, UdpId) {
        let side = if id.0 & 1 == 0 { Self::Cloud } else { Self::Gateway };
        (side, UdpId(id.0 >> 1))
    }
}

/// Both models. See the [module](self).
pub(super) struct Both {
    cloud: Cloud,
    gateway: Gateway,
    conns: BTreeMap<ConnId, Side>,
    /// A request that both were asked; the gateway's answer is left out.
    asked_both: Option<RequestId>,
    answers: Vec<Output>,
}

impl Both {
    /// The gateway tells what happens in the cloud's record.
    pub(super) fn new(cloud: Cloud, gateway: Gateway) -> Self {
        let gateway = gateway.beside(cloud.record());
        Self { cloud, gateway, conns: BTreeMap::new(), asked_both: None, answers: Vec::new() }
    }

    fn feed(&mut self, side: Side, now: Instant, input: Input) {
        match side {
            Side::Cloud => self.cloud.handle_input(now, input),
            Side::Gateway => self.gateway.handle_input(now, input),
        }
    }

    fn request(&mut self, now: Instant, id: RequestId, request: http::Request<Vec<u8>>) {
        let path = request.uri().path().trim_end_matches('/');
        match (request.method().as_str(), path) {
            ("GET", "/control/health") => {
                let features: Vec<_> = cloud::FEATURES.iter().chain(&gateway::FEATURES).collect();
                let body = json!({"name": "offhook-sim", "features": features});
                self.answers.push(Output::Respond { id, response: respond(200, &body) });
            }
            ("POST", "/control/reset") => {
                self.asked_both = Some(id);
                self.gateway.handle_input(now, Input::Request { id, request: request.clone() });
                self.cloud.handle_input(now, Input::Request { id, request });
            }
            _ => self.feed(Side::of(path), now, Input::Request { id, request }),
        }
    }

    fn outside(side: Side, output: Output) -> Output {
        match output {
            Output::OpenUdp { id } => Output::OpenUdp { id: side.outside(id) },
            Output::CloseUdp { id } => Output::CloseUdp { id: side.outside(id) },
            Output::Transmit { id, local, remote, data } => {
                Output::Transmit { id: side.outside(id), local, remote, data }
            }
            other => other,
        }
    }
}

impl Service for Both {
    fn handle_input(&mut self, now: Instant, input: Input) {
        match input {
            Input::Request { id, request } => self.request(now, id, request),
            Input::SocketRequested { conn, path } => {
                let side = Side::of(&path);
                self.conns.insert(conn, side);
                self.feed(side, now, Input::SocketRequested { conn, path });
            }
            Input::SocketText { conn, text } => {
                if let Some(side) = self.conns.get(&conn).copied() {
                    self.feed(side, now, Input::SocketText { conn, text });
                }
            }
            Input::SocketClosed { conn } => {
                if let Some(side) = self.conns.remove(&conn) {
                    self.feed(side, now, Input::SocketClosed { conn });
                }
            }
            Input::UdpOpened { id, local } => {
                let (side, id) = Side::inside(id);
                self.feed(side, now, Input::UdpOpened { id, local });
            }
            Input::Datagram { id, local, remote, data } => {
                let (side, id) = Side::inside(id);
                self.feed(side, now, Input::Datagram { id, local, remote, data });
            }
            // Each knows its own calls.
            Input::PlayFarEnd { conversation } => {
                let theirs = conversation.clone();
                self.gateway.handle_input(now, Input::PlayFarEnd { conversation: theirs });
                self.cloud.handle_input(now, Input::PlayFarEnd { conversation });
            }
            Input::FarAudio { conversation, frame } => {
                let theirs = (conversation.clone(), frame.clone());
                let (conversation, frame) = (conversation, frame);
                self.cloud.handle_input(now, Input::FarAudio { conversation, frame });
                let (conversation, frame) = theirs;
                self.gateway.handle_input(now, Input::FarAudio { conversation, frame });
            }
            Input::FarKeys { conversation, digits } => {
                let theirs = (conversation.clone(), digits.clone());
                self.cloud.handle_input(now, Input::FarKeys { conversation, digits });
                let (conversation, digits) = theirs;
                self.gateway.handle_input(now, Input::FarKeys { conversation, digits });
            }
            Input::Timeout => {
                self.cloud.handle_input(now, Input::Timeout);
                self.gateway.handle_input(now, Input::Timeout);
            }
        }
    }

    fn poll_output(&mut self) -> Output {
        if let Some(answer) = self.answers.pop() {
            return answer;
        }
        let cloud = match self.cloud.poll_output() {
            Output::Timeout(wake) => wake,
            output => return Self::outside(Side::Cloud, output),
        };
        loop {
            let gateway = match self.gateway.poll_output() {
                Output::Respond { id, .. } if self.asked_both == Some(id) => {
                    self.asked_both = None;
                    continue;
                }
                Output::Refuse { conn, status } => {
                    self.conns.remove(&conn);
                    return Output::Refuse { conn, status };
                }
                Output::Timeout(wake) => wake,
                output => return Self::outside(Side::Gateway, output),
            };
            return Output::Timeout(Wake::earliest(cloud, gateway));
        }
    }
}
