//! Steps of an agent and a customer in most tests.

use std::time::Duration;

use bytes::Bytes;
use offhook::genesys::{Command, Conversation, Dial, Event, Outcome, Session};
use offhook::machine::MediaId;
use offhook::media::{AudioCodec, AudioFrame, MediaState};
use serde_json::{Value, json};

use super::world::World;

pub(crate) fn pending(event: &Event) -> Option<String> {
    match event {
        Event::PendingSession(pending) => Some(pending.conversation.to_string()),
        _ => None,
    }
}

pub(crate) fn media_connected(event: &Event) -> Option<()> {
    matches!(event, Event::MediaState { state: MediaState::Connected, .. }).then_some(())
}

pub(crate) fn started(event: &Event) -> Option<Session> {
    match event {
        Event::SessionStarted(session) => Some(session.clone()),
        _ => None,
    }
}

pub(crate) fn session_ended(event: &Event) -> Option<String> {
    match event {
        Event::SessionEnded { session, .. } => Some(session.id.to_string()),
        _ => None,
    }
}

pub(crate) fn call_connected(event: &Event) -> Option<(Conversation, String)> {
    match event {
        Event::CallConnected { call, session } => Some((call.clone(), session.to_string())),
        _ => None,
    }
}

pub(crate) fn call_ended(event: &Event) -> Option<String> {
    match event {
        Event::CallEnded { conversation, .. } => Some(conversation.to_string()),
        _ => None,
    }
}

pub(crate) fn ready(event: &Event) -> Option<()> {
    matches!(event, Event::Ready).then_some(())
}

impl World {
    /// Calls the agent as a customer.
    pub(crate) fn ring(&mut self, more: &Value) -> String {
        let mut call = json!({"kind": "inbound", "userId": "u1"});
        call.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.control("POST", "calls", &call)["conversationId"].as_str().unwrap().to_owned()
    }

    /// Lets the agent do something, which succeeds.
    pub(crate) fn done(&mut self, command: Command) {
        let command = self.submit(command).unwrap();
        assert_eq!(self.settle(command), Ok(Outcome::Done));
    }

    /// Lets a customer call and the agent answer: the conversation and its session.
    pub(crate) fn answered(&mut self, more: &Value) -> (String, String) {
        let id = self.ring(more);
        assert_eq!(self.wait(pending), id);
        self.done(Command::AcceptPendingSession { conversation: id.as_str().into() });
        let (call, session) = self.wait(call_connected);
        assert_eq!(call.id.as_str(), id);
        (id, session)
    }

    /// The same, where media is made for it.
    pub(crate) fn talking(&mut self, more: &Value) -> (String, Session) {
        let id = self.ring(more);
        assert_eq!(self.wait(pending), id);
        self.done(Command::AcceptPendingSession { conversation: id.as_str().into() });
        let session = self.wait(started);
        self.wait(media_connected);
        self.run(Duration::from_millis(100));
        (id, session)
    }

    /// Lets the agent call somebody, who answers: the conversation and its session.
    pub(crate) fn dialled(&mut self) -> (String, String) {
        let dial = Dial::number("+15550123");
        let dial = self.submit(Command::StartSoftphoneSession(dial)).unwrap();
        let Ok(Outcome::Dialled(dialled)) = self.settle(dial) else { panic!("not dialled") };
        let (call, session) = self.wait(call_connected);
        assert_eq!(call.id, dialled.conversation);
        let id = dialled.conversation.to_string();
        self.run_until_state(&id, "connected");
        (id, session)
    }

    /// The far end of a call hangs up, and the agent knows.
    pub(crate) fn hangs_up(&mut self, id: &str) {
        self.control("POST", &format!("calls/{id}/hangup"), &json!({}));
        assert_eq!(self.wait(call_ended), id);
        self.run(Duration::from_secs(10));
    }

    pub(crate) fn call(&mut self, id: &str) -> Value {
        self.control("GET", &format!("calls/{id}"), &Value::Null)
    }

    pub(crate) fn run_until_state(&mut self, id: &str, state: &str) {
        for _ in 0..1000 {
            if self.call(id)["state"] == state {
                return;
            }
            self.run(Duration::from_millis(10));
        }
        panic!("{id} is never {state}: {}", self.call(id));
    }

    /// The number of times that the control API saw this.
    pub(crate) fn count(&mut self, kind: &str) -> usize {
        let events = self.control("GET", &format!("events?type={kind}"), &Value::Null);
        events["events"].as_array().unwrap().len()
    }

    /// The agent speaks for half a second; how many frames came back from an echo.
    pub(crate) fn echoes(&mut self, media: MediaId) -> usize {
        self.heard.clear();
        for n in 0..25 {
            self.spoken += 1;
            let data = Bytes::from(vec![0xf8, n, 1, 2, 3]);
            let time = self.spoken * 960;
            let codec = AudioCodec::Opus;
            self.speak(media, AudioFrame { codec, time, lost_before: 0, talkspurt: false, data });
            self.run(Duration::from_millis(20));
        }
        self.run(Duration::from_millis(200));
        self.heard.len()
    }
}
