//! The whole client in a hostile world: a script of everything that can happen to it.

use std::time::Duration;

use arbitrary::{Arbitrary, Unstructured};
use bytes::Bytes;
use offhook::Secret;
use offhook::genesys::wire::{Frame, Iq, IqKind};
use offhook::genesys::{
    CallControl, Command, Dial, IceServersPolicy, RoomMedia, Screen, SpeakTo, Target,
};
use offhook::jingle::Reason;
use offhook::machine::{Input, NetError, NetErrorKind, TrackId, UdpId, WsEvent};
use offhook::media::{AudioCodec, AudioFrame, Digit, IceServer};
use offhook::xmpp::StanzaError;
use serde_json::{Value, json};

use crate::agent::{Agent, response, tells_a_secret};
use crate::planted;
use crate::service::{self, ICE_PWD, OTHER, PEER, ROOM, TOKEN, description, room_description};
use crate::watch::Watch;

/// Bit 10 of the settings: every message is told.
const TRACED: u16 = 1 << 10;
/// Steps of a script; what follows is not read.
const MAX_STEPS: usize = 150;
const STATES: [&str; 8] =
    ["alerting", "contacting", "dialing", "connected", "disconnected", "terminated", "hold", "new"];
/// The addresses that may send a stanza.
const SENDERS: [&str; 4] = [PEER, OTHER, service::BARE, "other@gjoll.lab.test/i-2"];
const FLAGS: [&str; 5] = [
    r#"inin-autoanswer="true" "#,
    r#"inin-sdp-over-xmpp="true" "#,
    r#"inin-priv-answer-mode="Auto" "#,
    r#"inin-persistent-cid="C9" "#,
    r#"inin-user-id="u1" "#,
];
const ACTIONS: [&str; 10] = [
    "session-initiate",
    "session-accept",
    "session-terminate",
    "transport-info",
    "session-info",
    "transport-replace",
    "content-add",
    "description-info",
    "security-info",
    "nonsense",
];
const INNER: [&str; 9] = [
    "",
    r#"<content creator="initiator" name="0" senders="both"><description xmlns="urn:xmpp:jingle:apps:rtp:1" media="audio"><rtcp-mux/><payload-type id="111" name="opus" clockrate="48000" channels="2"/></description><transport xmlns="urn:xmpp:jingle:transports:ice-udp:1" ufrag="ufra" pwd="Lf9xq2mVbZ0cT7kRw4Ys8aEh"><fingerprint xmlns="urn:xmpp:jingle:apps:dtls:0" hash="sha-256" setup="actpass">AB:CD</fingerprint></transport></content><group xmlns="urn:xmpp:jingle:apps:grouping:0" semantics="BUNDLE"><content name="0"/></group>"#,
    r#"<content creator="initiator" name="0"><description xmlns="urn:xmpp:jingle:apps:rtp:1" media="audio"><payload-type id="8" name="G729" clockrate="8000"/></description></content>"#,
    r#"<reason><success/></reason>"#,
    r#"<reason><alternative-session><sid>M0</sid></alternative-session><text>t</text></reason>"#,
    r#"<content creator="initiator" name="0"><transport xmlns="urn:xmpp:jingle:transports:ice-udp:1" ufrag="ufra"><candidate component="1" foundation="1" ip="192.0.2.1" port="5000" priority="1" protocol="udp" type="host"/></transport></content>"#,
    r#"<content creator="initiator" name="0"><transport xmlns="urn:xmpp:jingle:transports:ice-udp:1" ufrag="ufra"><gathering-complete/></transport></content>"#,
    r#"<content creator="initiator" name="0"><transport xmlns="urn:xmpp:jingle:transports:ice-udp:1" ufrag="new1" pwd="Lf9xq2mVbZ0cT7kRw4Ys8aEh"/></content>"#,
    r#"<mute xmlns="urn:xmpp:jingle:apps:rtp:info:1" creator="initiator" name="0"/>"#,
];
const METHODS: [&str; 8] =
    ["offer", "answer", "iceCandidate", "terminate", "info", "mute", "unmute", "nonsense"];

/// A sender of stanzas; the highest ones are a room.
fn sender(which: u8) -> &'static str {
    if which >= 208 { ROOM } else { pick(&SENDERS, which) }
}

/// One of three calls, and of their sessions.
#[derive(Clone, Copy, Debug)]
struct Call(u8);

impl Arbitrary<'_> for Call {
    fn arbitrary(u: &mut Unstructured<'_>) -> arbitrary::Result<Self> {
        u.int_in_range(0..=2).map(Self)
    }
}

impl Call {
    fn session(self) -> String {
        format!("M{}", self.0)
    }

    fn conversation(self) -> String {
        format!("C{}", self.0)
    }
}

/// The tampering with a frame, if any: one character of it, anywhere.
#[derive(Arbitrary, Clone, Copy, Debug)]
struct Twist(Option<(u16, u8)>);

/// The end of an HTTP request.
#[derive(Arbitrary, Clone, Copy, Debug)]
enum Answer {
    Good,
    Status(u16),
    /// A status that asks for patience, in seconds.
    Later(u16, u16),
    /// A good answer with one byte changed.
    Twisted(u16, u8),
    NoJson,
    Lost(u8),
    /// After the answer, the same again.
    Twice,
}

#[derive(Arbitrary, Clone, Debug)]
enum Step {
    Propose { call: Call, from: u8, flags: u8, twist: Twist },
    SessionMessage { call: Call, from: u8, which: u8, carbon: bool },
    Rpc { call: Call, session: Call, from: u8, method: u8, reinvite: Option<u8>, twist: Twist },
    Jingle { call: Call, from: u8, action: u8, inner: u8, twist: Twist },
    Conversation { call: Call, state: u8, flags: u8, twist: Twist },
    Notice { which: u8, text: u8 },
    Presence { from: u8 },
    Ask { which: u8 },
    Reply { good: bool },
    Media { which: u8, word: u8 },
    MediaSockets { good: bool },
    Speak { good: bool },
    Command { which: u8, call: Call, flag: bool },
    Http { which: u8, answer: Answer },
    Socket { which: u8 },
    Serve(u8),
    Talk(Call),
    Wait(u16),
    Sleep(u16),
    Text(String),
}

/// A client with settings by the first two bytes; then a script.
///
/// Whatever happens, in whatever order: every ringing call ends once, every session ends once,
/// every command is answered once, the client neither spins nor floods, shows no secret, and with
/// a good service it is ready again and in the end at rest.
///
/// # Panics
///
/// One of these does not hold.
pub fn client(data: &[u8], watch: Watch) {
    if tells_a_secret(data) {
        return;
    }
    let mut script = Unstructured::new(data);
    let Ok(bits) = u16::arbitrary(&mut script) else { return };
    let mut agent =
        if watch.is_on(data) { Agent::new(bits) } else { Agent::new(bits & !TRACED).unwatched() };
    if bits & (1 << 13) == 0 {
        agent = agent.logged_in();
    }
    for _ in 0..MAX_STEPS {
        if script.is_empty() {
            break;
        }
        let Ok(step) = Step::arbitrary(&mut script) else { break };
        play(&mut agent, &step);
    }
    agent.put_to_rest();
}

fn pick<'a, T: ?Sized>(list: &[&'a T], which: u8) -> &'a T {
    list[usize::from(which) % list.len()]
}

impl Agent {
    fn twisted(&mut self, text: String, twist: Twist) {
        let Some((at, with)) = twist.0 else { return self.frame(text) };
        self.spoilt = true;
        let at = usize::from(at) % text.chars().count().max(1);
        let new = text.chars().enumerate().map(|(n, c)| if n == at { char::from(with) } else { c });
        self.frame(new.collect());
    }
}

fn play(agent: &mut Agent, step: &Step) {
    match step {
        Step::Propose { call, from, flags, twist } => {
            let more: String =
                (0..5).filter(|bit| flags & (1 << bit) != 0).map(|bit| FLAGS[bit]).collect();
            let from = sender(*from);
            let propose = service::propose(from, &call.session(), &call.conversation(), &more);
            agent.twisted(propose, *twist);
        }
        Step::SessionMessage { call, from, which, carbon } => {
            let name = pick(&["proceed", "accept", "reject", "retract"], *which);
            let message = service::session_message(sender(*from), name, &call.session());
            agent.frame(if *carbon { carbon_of(&message) } else { message });
        }
        Step::Rpc { call, session, from, method, reinvite, twist } => {
            let ufrag = reinvite.map_or_else(|| "ufra".to_owned(), |n| format!("u{n}"));
            let sdp = match *from {
                from @ 208.. => room_description(&ufrag, from % 4),
                _ => description("actpass", &ufrag),
            };
            let params = json!({
                "sessionId": session.session(), "conversationId": call.conversation(),
                "sdp": sdp, "reinvite": reinvite.is_some(),
                "candidate": "candidate:1 1 udp 1 192.0.2.1 5000 typ host", "sdpMid": "0",
                "reason": "success", "type": "audio",
            });
            let (from, method) = (sender(*from), pick(&METHODS, *method));
            agent.twisted(service::rpc(from, &format!("r-{ufrag}"), method, &params), *twist);
        }
        Step::Jingle { call, from, action, inner, twist } => {
            let (from, action) = (sender(*from), pick(&ACTIONS, *action));
            let inner = pick(&INNER, *inner);
            agent.twisted(service::jingle(from, "j1", action, &call.session(), inner), *twist);
        }
        Step::Conversation { call, state, flags, twist: Twist(None) } => {
            agent.tell_conversation(&call.conversation(), pick(&STATES, *state), *flags);
        }
        Step::Conversation { call, state, flags, twist } => {
            let body = service::conversation(&call.conversation(), pick(&STATES, *state), *flags);
            let node = "v2.users.u1.conversations";
            let json = json!({"topicName": node, "eventBody": body}).to_string();
            agent.twisted(service::notification(node, &json), *twist);
        }
        Step::Notice { which, text } => notice(agent, *which, *text),
        Step::Presence { from } => {
            let from = pick(&SENDERS, *from);
            let presence =
                format!(r#"<presence xmlns="jabber:client" type="unavailable" from="{from}"/>"#);
            agent.frame(presence);
        }
        Step::Ask { which } => {
            let what = pick(
                &[
                    r#"<ping xmlns="urn:xmpp:ping"/>"#,
                    r#"<query xmlns="http://jabber.org/protocol/disco#info"/>"#,
                    r#"<query xmlns="jabber:iq:version"/>"#,
                    r#"<query xmlns="nothing:known"/>"#,
                    "",
                ],
                *which,
            );
            agent.frame(format!(
                r#"<iq xmlns="jabber:client" type="get" id="q" from="hawk">{what}</iq>"#
            ));
        }
        Step::Reply { good } => reply(agent, *good),
        Step::Media { which, word } => {
            if let Some(id) = agent.udp.get(usize::from(*which) % agent.udp.len().max(1)) {
                agent.datagram(*id, *word);
            } else {
                agent.datagram(UdpId(u64::from(*which)), *word);
            }
        }
        Step::MediaSockets { good } => agent.open_udp(*good),
        Step::Speak { good } => {
            if let Some(media) = agent.media {
                let codec = if *good { AudioCodec::Opus } else { AudioCodec::Pcmu };
                let data = Bytes::from_static(b"near");
                let frame = AudioFrame { codec, time: 0, lost_before: 0, talkspurt: false, data };
                agent.input(Input::Frame { track: TrackId::audio(media), frame: frame.into() });
            }
        }
        Step::Command { which, call, flag } => {
            agent.submit(command(*which, *call, *flag));
        }
        Step::Http { which, answer } => http(agent, *which, *answer),
        Step::Socket { which } => socket(agent, *which),
        Step::Serve(times) => {
            for _ in 0..*times {
                if !agent.serve_one() {
                    break;
                }
            }
        }
        Step::Talk(call) => {
            if agent.is_ready() {
                crate::agent::talk(agent, &call.session(), &call.conversation());
            }
        }
        Step::Wait(ms) => agent.wait(Duration::from_millis(u64::from(*ms))),
        Step::Sleep(ms) => agent.sleep(Duration::from_millis(u64::from(*ms))),
        Step::Text(text) => agent.frame(text.clone()),
    }
}

fn carbon_of(message: &str) -> String {
    format!(
        r#"<message xmlns="jabber:client" from="{}" to="{}"><received xmlns="urn:xmpp:carbons:2"><forwarded xmlns="urn:xmpp:forward:0">{message}</forwarded></received></message>"#,
        service::BARE,
        service::FULL
    )
}

fn notice(agent: &mut Agent, which: u8, text: u8) {
    let channel = |what: &str| service::notification(&format!("system.v2.{what}.channel-1"), "{}");
    match which % 8 {
        0 | 1 => {
            let states =
                ["UNKNOWN", "PERSISTED", "ACTIVE_CALL", "DISCONNECTED", "FAILED", "SOMETHING"];
            let mut body = json!({"persistentState": pick(&states, text)});
            if text & 64 != 0 {
                body["errorInfo"] = json!({"code": "c", "text": "t", "userMessage": "u"});
            }
            agent.notify("persistentconnection", &body);
        }
        2 | 3 => {
            let actions = ["Associated", "Disassociated", "WebRTCMigration", "Other"];
            let body = json!({"metadata": {"action": pick(&actions, text)},
                "associatedStation": {"id": "station-2"}});
            agent.notify("station", &body);
        }
        4 => {
            let body = json!({"connectionId": if text & 1 == 0 { "c1" } else { "c2" }});
            agent.notify("alertingleader", &body);
        }
        5 => agent.frame(channel("no_longer_subscribed")),
        6 => agent.frame(channel("duplicate_id")),
        _ if text == 0 => agent.notify("presence", &Value::Null),
        _ if text == 1 => agent.notify("presence", &service::presence()),
        // The service gives a secret away.
        _ => agent.frame(planted::frame(u64::from(which) << 8 | u64::from(text))),
    }
}

/// The oldest request over the stream is answered, well or with an error.
fn reply(agent: &mut Agent, good: bool) {
    let Some(text) = agent.sent.pop_front() else { return };
    if good {
        return service::stream(&text).into_iter().for_each(|reply| agent.frame(reply));
    }
    if let Ok(Frame::Iq(iq)) = Frame::parse(&text)
        && matches!(iq.kind, IqKind::Get(_) | IqKind::Set(_))
    {
        let mut reply = Iq::error_to(&iq, StanzaError::item_not_found());
        reply.from = iq.to.clone();
        agent.frame(Frame::Iq(reply).to_xml());
    }
}

/// A command about a room, by a number from 225 on.
fn room_command(which: u8, call: Call, flag: bool) -> Command {
    let conversation = call.conversation().into();
    match which % 10 {
        0 | 1 => Command::AcceptRoom {
            conversation,
            media: if flag { RoomMedia::Both } else { RoomMedia::Nothing },
        },
        2 => Command::SetVideoMute { conversation, muted: flag },
        3 => Command::SetAudioMute { conversation, muted: flag },
        4 => Command::StartScreenShare { conversation },
        5 => Command::StopScreenShare { conversation },
        6 => Command::PinParticipant { conversation, participant: flag.then(|| "p".into()) },
        7 => Command::StartVideoConference { room: ROOM.to_owned(), invitee: None },
        8 => Command::StartVideoMeeting { meeting: "m".to_owned() },
        _ if flag => Command::StartGuestShare,
        _ => Command::AcceptRoom {
            conversation,
            media: RoomMedia::Screens(vec![Screen::new("s", 1, 1)]),
        },
    }
}

fn command(which: u8, call: Call, flag: bool) -> Command {
    if which >= 225 {
        return room_command(which, call, flag);
    }
    let conversation = call.conversation().into();
    match which % 25 {
        0 | 1 => Command::AcceptPendingSession { conversation },
        2 => Command::RejectPendingSession { conversation },
        3 => Command::AcceptSession { conversation },
        4 | 5 => Command::EndSession { conversation },
        6 => Command::ForceTerminateSession {
            session: call.session().into(),
            reason: if flag { Reason::Success } else { Reason::Busy },
        },
        7 => Command::SetAudioMute { conversation, muted: flag },
        8 => Command::SetConversationHeld { conversation, held: flag },
        9 => Command::SendDtmf {
            conversation,
            digits: vec![Digit::from_event(5).expect("a key"); if flag { 3 } else { 65 }],
            duration: Duration::from_millis(100),
        },
        10 => Command::ControlCall {
            conversation,
            control: CallControl::Transfer { to: Target::Queue("q".to_owned()) },
        },
        11 => Command::ControlCall {
            conversation,
            control: CallControl::Consult {
                to: Target::Address("+1".to_owned()),
                speak_to: SpeakTo::Both,
            },
        },
        12 => Command::ControlCall {
            conversation,
            control: CallControl::WrapUp { code: "w".to_owned(), notes: None },
        },
        13 => Command::StartSoftphoneSession(Dial::number("1")),
        14 => Command::Subscribe { topic: "v2.users.u1.presence".to_owned() },
        15 => Command::SubscribeAll {
            topics: vec!["v2.users.u2?a&b".to_owned(), "x".repeat(300)],
            priority: 1,
        },
        16 => Command::Unsubscribe { topic: "v2.users.u1.presence".to_owned() },
        17 => Command::SetAccessToken(Secret::new(format!("{TOKEN}{flag}"))),
        18 if flag => Command::FetchVoicemail,
        18 => Command::NetworkChanged,
        19 if flag => match call.0 {
            0 => Command::FetchPresenceDefinitions,
            1 => Command::FetchPresence,
            _ => Command::SetPresence { presence: "p1".into() },
        },
        19 => Command::WentOffline,
        20 if flag => Command::RequestHeadset,
        20 => Command::ClaimAlertingLeader,
        21 if flag => Command::Destroy,
        22 => Command::Disconnect,
        23 => Command::SetIceServers {
            servers: vec![IceServer::turn("turn:relay.lab.test", "user", ICE_PWD)],
            policy: if flag { IceServersPolicy::Merge } else { IceServersPolicy::Replace },
        },
        _ => Command::Connect,
    }
}

fn http(agent: &mut Agent, which: u8, answer: Answer) {
    let at = usize::from(which) % agent.asked.len().max(1);
    let Some(asked) = agent.asked.remove(at) else { return };
    let id = asked.id;
    let (status, body) = agent.cloud.rest(&asked.method, &asked.path);
    let bad = |status: u16| response(100 + status % 500, &Value::Null);
    match answer {
        Answer::Good => agent.respond(id, response(status, &body)),
        Answer::Status(status) => agent.respond(id, bad(status)),
        Answer::Later(status, seconds) => {
            let mut response = bad(status);
            response.headers_mut().insert("retry-after", seconds.into());
            agent.respond(id, response);
        }
        Answer::Twisted(at, with) => {
            let mut response = response(status, &body);
            let at = usize::from(at) % response.body().len().max(1);
            if let Some(byte) = response.body_mut().get_mut(at) {
                *byte = with;
            }
            agent.respond(id, response);
        }
        Answer::NoJson if which < 128 => {
            agent.respond(id, http::Response::new(b"<html>".to_vec()));
        }
        Answer::NoJson => {
            let mut answer = http::Response::new(planted::body(u64::from(which)).into_bytes());
            *answer.status_mut() =
                http::StatusCode::from_u16(200 + 100 * u16::from(which % 4)).expect("a status");
            agent.respond(id, answer);
        }
        Answer::Lost(kind) => {
            let kind = net_error(kind);
            agent.input(Input::Http { id, result: Err(NetError::new(kind, "as ordered")) });
        }
        Answer::Twice => {
            agent.respond(id, response(status, &body));
            agent.respond(id, response(status, &body));
        }
    }
}

fn net_error(which: u8) -> NetErrorKind {
    match which % 8 {
        0 => NetErrorKind::Resolve,
        1 => NetErrorKind::Connect,
        2 => NetErrorKind::Tls,
        3 => NetErrorKind::Timeout,
        4 => NetErrorKind::Lost,
        5 => NetErrorKind::Refused(403),
        6 => NetErrorKind::TooLarge,
        _ => NetErrorKind::Local,
    }
}

fn socket(agent: &mut Agent, which: u8) {
    let see_other = r#"<close xmlns="urn:ietf:params:xml:ns:xmpp-framing" see-other-uri="wss://other.lab.test/"/>"#;
    let error = r#"<stream:error xmlns:stream="http://etherx.jabber.org/streams"><conflict xmlns="urn:ietf:params:xml:ns:xmpp-streams"/></stream:error>"#;
    let failure =
        r#"<failure xmlns="urn:ietf:params:xml:ns:xmpp-sasl"><not-authorized/></failure>"#;
    match which % 10 {
        0..=2 => agent.open_socket(Ok(())),
        3 => agent.open_socket(Err(NetError::new(net_error(which / 10), "as ordered"))),
        4 => agent.socket_event(WsEvent::Closed { code: None, reason: "reset".to_owned() }),
        5 => {
            let code = Some(4000 + u16::from(which / 10));
            agent.socket_event(WsEvent::Closed { code, reason: String::new() });
        }
        6 => agent.frame(see_other.to_owned()),
        7 => agent.frame(error.to_owned()),
        8 => agent.frame(failure.to_owned()),
        _ => agent.frame(r#"<close xmlns="urn:ietf:params:xml:ns:xmpp-framing"/>"#.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_planted_secret_is_shown_in_any_spelling() {
        let mut agent = Agent::ready(TRACED);
        for bits in 0..4000_u16 {
            agent.frame(planted::frame(u64::from(bits)));
            if !agent.is_ready() {
                agent.become_ready();
            }
        }
        for which in 0..1000_u64 {
            agent.submit(Command::StartSoftphoneSession(Dial::number("1")));
            let Some(asked) = agent.asked.pop_back() else { continue };
            let mut answer = http::Response::new(planted::body(which).into_bytes());
            *answer.status_mut() =
                if which % 2 == 0 { http::StatusCode::BAD_REQUEST } else { http::StatusCode::OK };
            agent.respond(asked.id, answer);
        }
        agent.put_to_rest();
    }
}
