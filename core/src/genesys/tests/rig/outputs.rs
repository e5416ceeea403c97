//! The client's outputs, kept for the test to look at.

use std::net::SocketAddr;

use serde_json::Value;

use super::{Asked, Rig, Twice, is_named, twin, worth_comparing};
use crate::genesys::wire::{Frame, Iq, IqKind};
use crate::genesys::{Error, ErrorKind, Event, Outcome};
use crate::machine::{
    self, CommandId, Input, Local, Machine, NetError, NetErrorKind, Output, UdpEvent, WsEvent, WsId,
};

impl Rig {
    pub(super) fn drain(&mut self) {
        for _ in 0..100_000 {
            match self.client.poll_output() {
                Output::Timeout(wake) => {
                    self.wake = wake;
                    assert_eq!(self.client.counters(), self.counted);
                    return;
                }
                output => self.take(output),
            }
        }
        panic!("the drain never ends");
    }

    fn take(&mut self, output: Output<Event, Outcome, Error>) {
        self.log.push(format!("{output:?}"));
        match output {
            Output::OpenWebSocket { id, request, .. } => {
                self.hosts.push(request.uri().to_string());
                self.opened_sockets.push_back(id);
            }
            Output::SendText { id, text } => {
                assert_eq!(Some(id), self.ws, "a frame for another socket");
                if text.starts_with("<auth") {
                    let content = text.split('>').nth(1).and_then(|rest| rest.split('<').next());
                    self.auth = content.map(str::to_owned);
                }
                if let Some(rest) = text.split("<resource>").nth(1) {
                    self.resource = rest.split('<').next().map(str::to_owned);
                }
                self.done.push(text.clone());
                self.said.extend(worth_comparing(&text));
                self.sent.push_back(text);
            }
            Output::CloseWebSocket { id } => {
                if self.ws == Some(id) {
                    self.ws = None;
                }
            }
            Output::Http { id, request, deadline } => {
                let body = if request.body().is_empty() {
                    Value::Null
                } else {
                    serde_json::from_slice(request.body()).unwrap()
                };
                let path = request.uri().path_and_query().unwrap().as_str();
                let path = path.trim_start_matches("/api/v2");
                let what = format!("{} {path}", request.method());
                let authorized = request.headers().contains_key("authorization");
                self.done.push(format!("{what} {body}"));
                let asked = Asked { id, what, body, authorized, deadline };
                match asked.what.as_str() {
                    "GET /users/me" => self.probes.push_back((asked, deadline)),
                    what => {
                        if what.starts_with("GET /stations") {
                            // A newer question takes the place of an older one.
                            self.asked.retain(|other| other.what != what);
                        }
                        self.hosts.push(request.uri().to_string());
                        self.said.push(format!("{what} {}", asked.body));
                        self.asked.push_back(asked);
                    }
                }
            }
            Output::OpenStream { .. } | Output::SendStream { .. } | Output::CloseStream { .. } => {
                panic!("nothing of it needs that")
            }
            Output::Resolve { id, host, .. } => {
                self.hosts.push(host);
                let error = NetError::new(NetErrorKind::Resolve, "no such host");
                let input = Input::Resolved { id, result: Err(error) };
                self.client.handle_input(self.now, input);
            }
            Output::OpenUdp { id, .. } => {
                self.udp = Some(id);
                let local = vec!["127.0.0.1:4000".parse::<SocketAddr>().unwrap()];
                let input =
                    Input::Udp { id, event: UdpEvent::Opened { local: Local::in_order(local) } };
                if let Twice::All = self.twice {
                    self.client.handle_input(self.now, twin(&input));
                }
                self.client.handle_input(self.now, input);
            }
            Output::CloseUdp { id } => {
                if self.udp == Some(id) {
                    self.udp = None;
                }
            }
            Output::Frame { frame: machine::Frame::Audio(frame), .. } => self.audio.push(frame),
            Output::Frame { frame, .. } => panic!("the fake media brings no {frame:?}"),
            Output::Event(event) => {
                self.counted.told(&event);
                if let Event::SessionStarted(session) = &event {
                    self.newest_media = Some(session.media);
                }
                if let Event::Error(error) = &event
                    && matches!(error.kind, ErrorKind::Media | ErrorKind::Session)
                {
                    // Who talks on several calls is told which of them it is.
                    assert!(error.conversation().is_some(), "{error:?}");
                    assert!(error.session().is_some(), "{error:?}");
                }
                self.events.push_back(event);
            }
            Output::Completed { command, result } => {
                assert!(
                    self.completions.iter().all(|(other, _)| *other != command),
                    "{command:?} is answered twice"
                );
                let subject = self.subjects.remove(&command).unwrap_or_default();
                if let Err(error) = &result {
                    is_named(error, &subject);
                }
                self.completions.push((command, result));
            }
            Output::Transmit { data, .. } => {
                self.transmitted.push(String::from_utf8_lossy(&data).into_owned());
            }
            Output::Timeout(_) => {}
        }
    }

    /// The result of a command, if it was completed.
    pub(in crate::genesys::tests) fn completion(
        &self,
        command: CommandId,
    ) -> Option<Result<Outcome, Error>> {
        self.completions.iter().find(|(id, _)| *id == command).map(|(_, r)| r.clone())
    }

    /// Forgets how commands were completed: there were very many.
    pub(in crate::genesys::tests) fn forget_completions(&mut self) {
        self.completions.clear();
    }

    /// The kind of error that a command was completed with.
    pub(in crate::genesys::tests) fn failure(&self, command: CommandId) -> Option<ErrorKind> {
        self.completion(command)?.err().map(|error| error.kind)
    }

    /// Everything that was done, as it may be logged.
    pub(in crate::genesys::tests) fn log(&self) -> &[String] {
        &self.log
    }

    /// The next frame sent that contains this.
    pub(in crate::genesys::tests) fn take_sent(&mut self, part: &str) -> Option<String> {
        let at = self.sent.iter().position(|text| text.contains(part))?;
        self.sent.remove(at)
    }

    /// The next socket that is wanted.
    pub(in crate::genesys::tests) fn take_opened(&mut self) -> Option<WsId> {
        self.opened_sockets.pop_front()
    }

    /// A socket opens.
    pub(in crate::genesys::tests) fn open(&mut self, ws: WsId) {
        self.ws = Some(ws);
        self.ws_event(WsEvent::Opened { protocol: Some("xmpp".to_owned()) });
    }

    /// Frames sent since the last look.
    pub(in crate::genesys::tests) fn sent(&mut self) -> Vec<String> {
        self.sent.drain(..).collect()
    }

    /// Answers the IQs sent since the last look with a plain result, and returns all frames.
    pub(in crate::genesys::tests) fn acknowledge(&mut self) -> Vec<String> {
        let sent = self.sent();
        for text in &sent {
            // Nobody answers on a socket that is gone.
            if self.ws.is_some()
                && let Ok(Frame::Iq(iq)) = Frame::parse(text)
                && matches!(iq.kind, IqKind::Set(_) | IqKind::Get(_))
            {
                let mut reply = Iq::result_to(&iq);
                reply.from = iq.to.clone();
                self.frame(&Frame::Iq(reply).to_xml());
            }
        }
        sent
    }

    /// Answers an IQ with a result.
    pub(in crate::genesys::tests) fn grant(&mut self, text: &str) {
        if let Ok(Frame::Iq(iq)) = Frame::parse(text) {
            let mut reply = Iq::result_to(&iq);
            reply.from = iq.to.clone();
            self.frame(&Frame::Iq(reply).to_xml());
        }
    }

    /// Answers an IQ with an error.
    pub(in crate::genesys::tests) fn refuse(&mut self, text: &str) {
        if let Ok(Frame::Iq(iq)) = Frame::parse(text) {
            let mut reply = Iq::error_to(&iq, crate::xmpp::StanzaError::not_allowed());
            reply.from = iq.to.clone();
            self.frame(&Frame::Iq(reply).to_xml());
        }
    }

    /// The next HTTP request, which must be this one.
    pub(in crate::genesys::tests) fn expect_http(&mut self, what: &str) -> Asked {
        let asked = self.asked.pop_front().unwrap_or_else(|| panic!("no request, {what} expected"));
        assert_eq!(asked.what, what);
        asked
    }

    /// Events since the last look, as short names.
    pub(in crate::genesys::tests) fn told(&mut self) -> Vec<String> {
        // The report of each call has tests of its own, and so have the ICE servers.
        let told = self
            .events
            .drain(..)
            .filter(|event| !matches!(event, Event::CallReport(_) | Event::IceServers(_)));
        told.map(|event| name(&event)).collect()
    }

    /// Forgets what was sent, asked and told.
    pub(in crate::genesys::tests) fn forget(&mut self) {
        self.log.clear();
        self.done.clear();
        self.sent.clear();
        self.asked.clear();
        self.events.clear();
    }
}

/// An event in a few words.
pub(in crate::genesys::tests) fn name(event: &Event) -> String {
    let text = format!("{event:?}");
    let end = text.find(['(', ' ', '{']).unwrap_or(text.len());
    let about = match event {
        Event::PendingSession(p) => format!(" {} {}", p.session, p.conversation),
        Event::CancelPendingSession { session, conversation, .. } => {
            format!(" {session} {conversation}")
        }
        Event::HandledPendingSession { session, conversation, by, .. } => {
            format!(" {session} {conversation} {by:?}")
        }
        Event::SessionReplaced { session, old } => format!(" {old} {}", session.id),
        Event::CallConnected { call, session } => format!(" {} {session}", call.id),
        Event::CallEnded { conversation, .. } => format!(" {conversation}"),
        Event::SessionStarted(s) => format!(" {} {}", s.id, s.conversation),
        Event::SessionEnded { session, reason } => format!(" {} {reason}", session.id),
        Event::MediaState { state, .. } => format!(" {state:?}"),
        Event::MediaPath { path, .. } => format!(" {path:?}"),
        Event::ConversationUpdate(update) => {
            let ids = |list: &[crate::genesys::Conversation]| {
                list.iter().map(|c| c.id.to_string()).collect::<Vec<_>>().join(",")
            };
            format!(
                " +[{}] -[{}] ={}",
                ids(&update.added),
                ids(&update.removed),
                update.current.len()
            )
        }
        Event::Disconnected { reconnecting, .. } => format!(" {reconnecting}"),
        Event::Connected { reconnect } => format!(" {reconnect}"),
        Event::Error(error) => format!(" {:?}", error.kind),
        Event::TrackAdded { track, info, .. } | Event::TrackChanged { track, info, .. } => {
            let mid = info.mid.as_deref().unwrap_or_default();
            format!(" {}{} {mid} {}", track.track.kind.name(), track.track.number, info.direction)
        }
        Event::TrackRemoved { track, .. }
        | Event::KeyframeWanted { track, .. }
        | Event::TrackStats { track, .. } => {
            format!(" {}{}", track.track.kind.name(), track.track.number)
        }
        Event::BitrateLimit { track, limit, .. } => {
            format!(" {}{} {limit}", track.track.kind.name(), track.track.number)
        }
        Event::ParticipantsUpdate(update) => {
            let ids = |list: &[crate::genesys::RoomParticipant]| {
                list.iter().map(|one| one.participant.to_string()).collect::<Vec<_>>().join(",")
            };
            format!(" ={} +{} -{}", ids(&update.active), ids(&update.added), ids(&update.removed))
        }
        Event::ActiveVideoParticipants { users, .. } | Event::Speakers { users, .. } => {
            let users: Vec<_> = users.iter().map(ToString::to_string).collect();
            format!(" {}", users.join(","))
        }
        Event::PinnedParticipant { participant, .. } => {
            format!(" {}", participant.as_ref().map_or("-", |one| one.as_str()))
        }
        Event::Dtmf { digit, .. } => format!(" {}", digit.as_char()),
        _ => String::new(),
    };
    format!("{}{about}", &text[..end])
}
