//! Offers of media, by either signaling: the standing of each is looked up, the table of [`collision`]
//! decides, and that is done here (LC-16, LC-17).

use super::client::Client;
use super::collision::{self, Action, Caller, Coming, Odd, Refusal, Standing};
use super::error::{Error, ErrorKind, Subject};
use super::event::{Event, Signaling};
use super::ids::{ConversationId, SessionId};
use super::session_type::SessionType;
use super::sessions::{Offer, refusal};
use super::signal::Signal;
use crate::genesys::wire::Iq;
use crate::jingle::{Candidate, Jingle, Role, sdp};
use crate::media::MediaError;
use crate::xmpp::{Jid, StanzaError};

/// An offer as it came.
struct Incoming<'a> {
    iq: &'a Iq,
    session: SessionId,
    /// The call that it is for, if anything says so.
    conversation: Option<ConversationId>,
    peer: Jid,
    coming: Coming,
    body: Body<'a>,
}

/// The content of an offer.
enum Body<'a> {
    Jingle(&'a Jingle),
    Sdp(&'a str),
}

impl Client {
    /// Takes a session-initiate (wire notes 6.2).
    pub(super) fn handle_initiate(&mut self, iq: &Iq, jingle: &Jingle, session: SessionId) {
        let Some(peer) = iq.from.clone() else {
            self.out.malformed("session-initiate without a sender");
            return;
        };
        let (standing, conversation) = if SessionType::of(&peer).is_room() {
            self.rooms.standing_of_initiate(&session, &peer, &self.sessions)
        } else {
            self.calls.standing_of_initiate(&session, &peer, &self.sessions)
        };
        let (coming, body) = (Coming::Jingle, Body::Jingle(jingle));
        let action = collision::decide(standing, coming, self.caller(&peer));
        self.act(action, Incoming { iq, session, conversation, peer, coming, body });
    }

    /// Takes an offer in JSON-RPC, by the request of that id (wire notes 6.14).
    pub(super) fn handle_offer(
        &mut self,
        iq: &Iq,
        request: &str,
        session: SessionId,
        conversation: Option<ConversationId>,
        sdp: &str,
        reinvite: bool,
    ) {
        let Some(peer) = iq.from.clone() else {
            self.out.malformed("offer without a sender");
            return;
        };
        let coming = match reinvite {
            true if self.calls.was_reinvited_by(request, &self.out) => Coming::ReinviteAgain,
            true => Coming::Reinvite,
            false => Coming::Sdp,
        };
        let (standing, conversation) = if SessionType::of(&peer).is_room() {
            let sessions = &self.sessions;
            self.rooms.standing_of_offer(&session, conversation, &peer, sdp, reinvite, sessions)
        } else {
            let sessions = &self.sessions;
            match self.calls.standing_of_offer(&session, conversation, &peer, sdp, sessions) {
                // It is a room's, and no telephone's to offer.
                (Standing::Unknown, Some(named))
                    if self.rooms.has(&session) || self.is_room(&named) =>
                {
                    (Standing::Strange, Some(named))
                }
                known => known,
            }
        };
        let action = collision::decide(standing, coming, self.caller(&peer));
        if coming == Coming::Reinvite && !matches!(action, Action::PassOver(_)) {
            // Nobody but the far side can use one up.
            self.calls.reinvited_by(request, &session, &self.out);
        }
        let body = Body::Sdp(sdp);
        self.act(action, Incoming { iq, session, conversation, peer, coming, body });
    }

    fn caller(&self, peer: &Jid) -> Caller {
        match SessionType::of(peer) {
            kind @ SessionType::Softphone if self.out.config.may_have(kind) => Caller::Softphone,
            SessionType::Softphone => Caller::Barred,
            kind if kind.is_room() && self.out.config.may_have(kind) => Caller::Room,
            SessionType::CollaborateVideo
            | SessionType::ScreenShare
            | SessionType::ScreenRecording
            | SessionType::LiveScreenMonitoring
            | SessionType::Unknown => Caller::Other,
        }
    }

    fn act(&mut self, action: Action, offer: Incoming<'_>) {
        match action {
            Action::PassOver(odd) => self.tell_odd(odd, &offer),
            Action::Refuse(refusal, odd) => {
                self.tell_odd(odd, &offer);
                let error = match refusal {
                    Refusal::NotFound => StanzaError::item_not_found(),
                    Refusal::OutOfOrder => StanzaError::out_of_order(),
                    Refusal::Unavailable => StanzaError::service_unavailable(),
                };
                self.reply(offer.iq, Err(error));
            }
            Action::Renegotiate => self.renegotiate(&offer),
            Action::Begin => self.begin(offer, None),
            Action::Replace => {
                let old = offer.session.clone();
                self.begin(offer, Some(old));
            }
            Action::ReplaceCarrier => {
                let carrier = offer.conversation.as_ref();
                let room = SessionType::of(&offer.peer).is_room();
                let old = carrier.and_then(|call| match room {
                    true => self.rooms.carrier_of(call, &offer.peer),
                    false => self.calls.carrier_of(call, &offer.peer, &self.sessions),
                });
                self.begin(offer, old);
            }
        }
    }

    fn tell_odd(&mut self, odd: Option<Odd>, offer: &Incoming<'_>) {
        let session = &offer.session;
        match odd {
            None => {}
            Some(Odd::Unproposed) => {
                self.out.malformed(format!("session-initiate {session} without a propose"));
            }
            Some(Odd::Nameless) => {
                self.out.malformed(format!("offer {session} without a conversation"));
            }
            Some(Odd::Strange) => {
                self.out.malformed(format!("offer {session} of somebody else's call"));
            }
        }
    }

    /// Takes a new offer for the connection that a session has: answered, and nothing told. It may be
    /// for another conversation than before (LC-16).
    fn renegotiate(&mut self, offer: &Incoming<'_>) {
        let session = &offer.session;
        let (Body::Sdp(sdp), Some(conversation)) = (&offer.body, &offer.conversation) else {
            return;
        };
        match self.sessions.reoffered(session, sdp, &mut self.out) {
            Ok(()) if self.rooms.has(session) => {
                self.rooms.session_moved(session, conversation, &mut self.sessions);
            }
            Ok(()) => {
                self.calls.session_moved(session, conversation, &mut self.sessions, &mut self.out);
            }
            Err(error) => self.tell_error(error, session),
        }
    }

    /// Begins a session, perhaps in the place of another.
    fn begin(&mut self, incoming: Incoming<'_>, replaces: Option<SessionId>) {
        let Incoming { iq, session, conversation, peer, coming, body } = incoming;
        let Some(conversation) = conversation else { return };
        let (signaling, sdp) = match body {
            Body::Sdp(sdp) => (Signaling::Sdp, sdp.to_owned()),
            Body::Jingle(jingle) => match sdp::to_sdp(jingle, Role::Initiator) {
                Ok(sdp) => (Signaling::Jingle, sdp),
                Err(error) => {
                    self.out.malformed(format!("session-initiate {session}: {error}"));
                    self.reply(iq, Err(StanzaError::jingle_bad_request()));
                    self.offer_refused(&conversation, &session, error.into());
                    return;
                }
            },
        };
        match signaling {
            Signaling::Jingle => self.reply(iq, Ok(())),
            Signaling::Sdp => {
                if let Some((count, error)) = Candidate::read_all(&sdp).skipped {
                    // The engine skips them, too.
                    self.out.malformed(format!("offer {session}: {error} ({count} skipped)"));
                }
            }
        }
        let reinvite = coming == Coming::Reinvite;
        let session_type = SessionType::of(&peer);
        self.offered(Offer {
            session,
            session_type,
            conversation,
            peer,
            signaling,
            sdp,
            reinvite,
            replaces,
        });
    }

    /// Tells whoever answered the proposal that its offer cannot be used.
    fn offer_refused(
        &mut self,
        conversation: &ConversationId,
        session: &SessionId,
        why: MediaError,
    ) {
        if self.rooms.has(session) {
            self.rooms.offer_refused(session, why, &mut self.out);
        } else {
            self.calls.offer_refused(conversation, why, &mut self.sessions, &mut self.out);
        }
    }

    fn offered(&mut self, offer: Offer) {
        let session = offer.session.clone();
        let signal =
            Signal::new(session.clone(), offer.peer.clone(), offer.signaling, String::new());
        let conversation = offer.conversation.clone();
        let (replaces, reinvite) = (offer.replaces.clone(), offer.reinvite);
        let room = offer.session_type.is_room();
        let user = self.user();
        let ice = self.link.ice_servers(&self.out.config);
        match self.sessions.start(offer, ice, &mut self.out) {
            Ok(()) if room => match replaces {
                Some(old) => self.rooms.session_replaced(
                    &session,
                    &old,
                    user.as_ref(),
                    &mut self.sessions,
                    &mut self.out,
                ),
                None => {
                    self.rooms.session_started(&session, &mut self.sessions, &mut self.out);
                }
            },
            Ok(()) => match replaces {
                Some(old) => {
                    self.calls.session_replaced(&session, &old, &mut self.sessions, &mut self.out);
                }
                None => self.calls.session_started(
                    &session,
                    reinvite,
                    &mut self.sessions,
                    &mut self.out,
                ),
            },
            Err(error) => self.turn_down(&signal, conversation, session, error),
        }
    }

    /// Turns down an offer that cannot be used: tells so here, to the far side, and to whoever answered
    /// the call.
    fn turn_down(
        &mut self,
        signal: &Signal,
        conversation: ConversationId,
        session: SessionId,
        error: MediaError,
    ) {
        let text = format!("{session}: {error}");
        let about_session = session.clone();
        let about = Subject { conversation: Some(conversation.clone()), session: Some(session) };
        let told = Error::new(ErrorKind::Media, text).caused_by(error.clone());
        self.out.event(Event::Error(told.about(&about)));
        signal.terminate(&refusal(&error), &mut self.out);
        self.offer_refused(&conversation, &about_session, error);
    }
}
