//! Small orders of what one call is made of, every one of them, played and compared with a model of few
//! lines: whatever comes before what, whatever is missing and whatever comes twice (LC-13, LC-15,
//! LC-16, LC-21; behaviour notes 2, 3.3).

use std::time::Duration;

use serde_json::json;

use super::books::Books;
use super::rig::{JINGLE_OFFER, PEER, Rig};
use crate::genesys::{Command, Event, Signaling};
use crate::machine::{NetError, NetErrorKind};

/// The parts that a call is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// The service proposes the session.
    Propose,
    /// The application answers: `proceed` goes out.
    Proceed,
    /// The session is offered, as session-initiate or in SDP.
    Offer,
    /// The conversation's event says that our leg rings.
    Alert,
    /// It says that our leg is connected.
    Update,
    /// It says that our leg is over.
    Over,
    /// The service ends the session.
    Terminate,
    /// The service withdraws the proposal.
    Retract,
}

/// By the service's signaling, with one event.
const SIGNALED: [Part; 6] =
    [Part::Propose, Part::Proceed, Part::Offer, Part::Update, Part::Terminate, Part::Retract];
/// By events, with the least of signaling.
const TOLD: [Part; 5] = [Part::Propose, Part::Offer, Part::Alert, Part::Update, Part::Over];

/// Every order of every choice of these, none at all as well.
fn orders_of_some(parts: &[Part], order: &mut Vec<Part>, visit: &mut impl FnMut(&[Part])) {
    visit(order);
    for (at, part) in parts.iter().enumerate() {
        let rest = [&parts[..at], &parts[at + 1..]].concat();
        order.push(*part);
        orders_of_some(&rest, order, visit);
        order.pop();
    }
}

/// Every different order of all of these, some of which may be alike.
fn orders_of_all(parts: &[Part], order: &mut Vec<Part>, visit: &mut impl FnMut(&[Part])) {
    if parts.is_empty() {
        return visit(order);
    }
    for (at, part) in parts.iter().enumerate() {
        if parts[..at].contains(part) {
            continue;
        }
        let rest = [&parts[..at], &parts[at + 1..]].concat();
        order.push(*part);
        orders_of_all(&rest, order, visit);
        order.pop();
    }
}

/// The counts of what happened in a life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Life {
    rang: usize,
    /// Answers to the proposal that were sent.
    proceeded: usize,
    started: usize,
    connected: usize,
    ended: usize,
}

/// The call as three things that know little of each other: what rings, what media there is, and what
/// was told.
#[derive(Default)]
struct Model {
    invitation: Invitation,
    /// True if the session is there.
    up: bool,
    /// True if the call is on it.
    carried: bool,
    leg: Leg,
    /// True if the application has it as a call.
    listed: bool,
    life: Life,
}

#[derive(Clone, Copy, Default, PartialEq)]
enum Invitation {
    #[default]
    None,
    Ringing,
    Answered,
}

#[derive(Clone, Copy, Default, PartialEq)]
enum Leg {
    #[default]
    Unknown,
    Pending,
    Connected,
}

impl Model {
    fn of(order: &[Part], signaling: Signaling) -> Life {
        let mut model = Self::default();
        order.iter().for_each(|part| model.play(*part, signaling));
        model.life
    }

    fn is_unknown(&self) -> bool {
        let told = self.leg != Leg::Unknown || self.listed;
        !told && !self.carried && self.invitation == Invitation::None
    }

    fn play(&mut self, part: Part, signaling: Signaling) {
        match part {
            Part::Propose if self.up => {}
            Part::Propose => match self.invitation {
                Invitation::None => {
                    self.life.rang += 1;
                    self.invitation = Invitation::Ringing;
                }
                Invitation::Ringing => {}
                // It is answered again.
                Invitation::Answered => self.life.proceeded += 1,
            },
            Part::Proceed => {
                if self.invitation == Invitation::Ringing {
                    self.life.proceeded += 1;
                    self.invitation = Invitation::Answered;
                }
            }
            Part::Offer if self.up => {}
            Part::Offer => {
                // By SDP it may simply come.
                if self.invitation != Invitation::None || signaling == Signaling::Sdp {
                    self.life.started += 1;
                    (self.up, self.carried) = (true, true);
                    self.invitation = Invitation::None;
                    self.maybe_connected();
                }
            }
            Part::Alert => self.leg = Leg::Pending,
            // Another client's.
            Part::Update if self.is_unknown() => {}
            Part::Update => {
                self.leg = Leg::Connected;
                if self.listed || self.carried {
                    self.maybe_connected();
                } else if self.invitation != Invitation::Answered {
                    // Another client has it.
                    self.forget();
                }
            }
            Part::Over => self.forget(),
            Part::Terminate => (self.up, self.carried) = (false, false),
            Part::Retract => {
                let rang = std::mem::take(&mut self.invitation) != Invitation::None;
                if rang && !self.carried && !self.listed && self.leg == Leg::Pending {
                    self.leg = Leg::Unknown;
                }
            }
        }
    }

    fn maybe_connected(&mut self) {
        if self.leg == Leg::Connected && !self.listed {
            self.life.connected += 1;
            self.listed = true;
        }
    }

    /// The session goes when the service ends it, or after a while.
    fn forget(&mut self) {
        self.life.ended += usize::from(self.listed);
        *self = Self { up: self.up, life: self.life, ..Self::default() };
    }
}

/// A client that lives through one order after another, each with a call of its own.
struct Lives {
    rig: Rig,
    signaling: Signaling,
    lived: usize,
}

impl Lives {
    fn by(signaling: Signaling) -> Self {
        Self { rig: Rig::ready(), signaling, lived: 0 }
    }

    fn play(&mut self, part: Part, session: &str, call: &str, books: &mut Books) {
        let rig = &mut self.rig;
        let by_jingle = self.signaling == Signaling::Jingle;
        match part {
            Part::Propose => {
                let more = if by_jingle { "" } else { r#"inin-sdp-over-xmpp="true""# };
                rig.propose(session, call, more);
            }
            Part::Proceed => {
                let command = Command::AcceptPendingSession { conversation: call.into() };
                // What is refused at once is answered thereby, and changes nothing.
                if rig.client.plan(&command).is_ok() {
                    books.commands.extend(rig.submit(command));
                }
            }
            Part::Offer if by_jingle => {
                rig.jingle("si", "session-initiate", session, JINGLE_OFFER);
            }
            Part::Offer => rig.offer(session, call),
            Part::Alert => rig.conv(call, "inbound", "alerting"),
            Part::Update => rig.conv(call, "inbound", "connected"),
            Part::Over => rig.conv(call, "inbound", "terminated"),
            Part::Terminate if by_jingle => rig.jingle("st", "session-terminate", session, ""),
            Part::Terminate => rig.rpc("terminate", &json!({"sessionId": session})),
            Part::Retract => rig.session_message(PEER, "retract", session),
        }
    }

    /// Counts what was told and sent. A session that is not there, or no longer, says nothing.
    fn look(&mut self, session: &str, life: &mut Life, books: &mut Books, about: &str) {
        for event in &self.rig.events {
            match event {
                Event::PendingSession(_) => life.rang += 1,
                Event::SessionStarted(_) => life.started += 1,
                Event::CallConnected { .. } => life.connected += 1,
                Event::CallEnded { .. } => life.ended += 1,
                _ => {}
            }
        }
        books.enter(&mut self.rig).unwrap_or_else(|error| panic!("{about}: {error}"));
        let sent = self.rig.acknowledge();
        life.proceeded += sent.iter().filter(|text| text.contains("<proceed")).count();
        let [jingle, rpc] = [format!(r#"sid="{session}""#), format!(r#""sessionId":"{session}""#)];
        let speaks = |text: &String| text.contains(&jingle) || text.contains(&rpc);
        assert!(books.is_up(session) || !sent.iter().any(speaks), "{about}: {sent:?}");
    }

    fn live(&mut self, order: &[Part]) {
        self.lived += 1;
        // Nothing that is said has to wait for its turn (SG-8).
        self.rig.wait(Duration::from_secs(1));
        let (session, call) = (format!("M{}", self.lived), format!("C{}", self.lived));
        let (mut life, mut books) = (Life::default(), Books::default());
        let about = format!("{:?}: {order:?}", self.signaling);
        for part in order {
            self.play(*part, &session, &call, &mut books);
            self.look(&session, &mut life, &mut books, &about);
        }
        assert_eq!(life, Model::of(order, self.signaling), "{about}");
        // The service ends all of it.
        for part in [Part::Over, Part::Retract, Part::Terminate] {
            self.play(part, &session, &call, &mut books);
        }
        while let Some(asked) = self.rig.asked.pop_front() {
            self.rig.http_fails(asked.id, NetError::new(NetErrorKind::Timeout, "no answer"));
        }
        self.look(&session, &mut life, &mut books, &about);
        books.close(&self.rig).unwrap_or_else(|error| panic!("{about}: {error}"));
        assert_eq!(self.rig.client.remembered(), 0, "{about}");
        self.rig.forget();
        self.rig.forget_completions();
        self.rig.said.clear();
    }

    fn some(mut self, parts: &[Part]) -> usize {
        orders_of_some(parts, &mut Vec::new(), &mut |order| self.live(order));
        self.lived
    }

    /// Three of them, one of which comes twice.
    fn doubled(mut self, parts: &[Part]) -> usize {
        for choice in choices(parts, 3) {
            for twice in &choice {
                let all = [choice.as_slice(), &[*twice]].concat();
                orders_of_all(&all, &mut Vec::new(), &mut |order| self.live(order));
            }
        }
        self.lived
    }
}

/// Every choice of so many.
fn choices(parts: &[Part], count: usize) -> Vec<Vec<Part>> {
    match (count, parts) {
        (0, _) => vec![Vec::new()],
        (_, []) => Vec::new(),
        (_, [first, rest @ ..]) => {
            let with = choices(rest, count - 1).into_iter();
            let with = with.map(|choice| [&[*first], choice.as_slice()].concat());
            with.chain(choices(rest, count)).collect()
        }
    }
}

/// All 1957 orders of none to six of [`SIGNALED`].
#[test]
fn lc_16_every_order_of_a_call_that_is_signaled_by_jingle() {
    assert_eq!(Lives::by(Signaling::Jingle).some(&SIGNALED), 1957);
}

/// The same 1957.
#[test]
fn lc_16_every_order_of_a_call_that_is_signaled_by_sdp() {
    assert_eq!(Lives::by(Signaling::Sdp).some(&SIGNALED), 1957);
}

/// All 326 orders of none to five of [`TOLD`], by either signaling.
#[test]
fn lc_13_every_order_of_what_is_told_of_a_call() {
    assert_eq!(Lives::by(Signaling::Jingle).some(&TOLD), 326);
    assert_eq!(Lives::by(Signaling::Sdp).some(&TOLD), 326);
}

/// All 720 orders of three of [`SIGNALED`], one of which comes twice.
#[test]
fn lc_16_every_order_in_which_something_comes_twice_by_jingle() {
    assert_eq!(Lives::by(Signaling::Jingle).doubled(&SIGNALED), 720);
}

/// The same 720.
#[test]
fn lc_16_every_order_in_which_something_comes_twice_by_sdp() {
    assert_eq!(Lives::by(Signaling::Sdp).doubled(&SIGNALED), 720);
}
