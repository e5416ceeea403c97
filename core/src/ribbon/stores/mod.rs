//! The stores beside calls: the history, the address book, the directory, presence, messages, events of SIP,
//! voicemail, calls between other telephones, and devices for push (w5).

mod contacts;
mod directory;
mod history;
mod messages;
mod others;
mod presence;
mod sip;

use super::ask::{Ask, StoreAsk};
use super::click::{self, Clicks};
use super::command::Command;
use super::contacts::Contacts;
use super::error::{AuthCode, ClickToCallCode, Error, ErrorCode, MwiCode};
use super::fault::Fault;
use super::fetch;
use super::history::History;
use super::ids::CallId;
use super::link::Link;
use super::messages::Conversations;
use super::outbox::Outbox;
use super::presence::Presences;
use super::push::Push;
use super::service::Service;
use super::sip_events::SipSubscriptions;
use super::users::Users;
use super::voicemail::Voicemail;
use super::wire::{Notice, Notification};
use crate::machine::{CommandId, Rng, Wake};

/// Requests of the application's own at once; one more is refused.
const MAX_FETCHES: usize = 16;

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Stores {
    pub(super) history: History,
    pub(super) contacts: Contacts,
    pub(super) users: Users,
    pub(super) presences: Presences,
    pub(super) conversations: Conversations,
    pub(super) sip: SipSubscriptions,
    pub(super) voicemail: Option<Voicemail>,
    pub(super) clicks: Clicks,
    pub(super) push: Push,
    rng: Rng,
}

impl Stores {
    pub(super) fn new(rng: Rng) -> Self {
        Self {
            history: History::default(),
            contacts: Contacts::default(),
            users: Users::default(),
            presences: Presences::default(),
            conversations: Conversations::default(),
            sip: SipSubscriptions::default(),
            voicemail: None,
            clicks: Clicks::default(),
            push: Push::default(),
            rng,
        }
    }

    /// Things that are remembered and need looking after.
    pub(super) fn size(&self) -> usize {
        self.sip.len()
    }

    /// Another user is logged in: nothing of the last one's is left.
    pub(super) fn forget(&mut self, out: &mut Outbox) {
        let error = || Error::new(ErrorCode::Cancelled, "another user is logged in");
        for command in out.forget_stores() {
            out.complete(command, Err(error()));
        }
        let rng = self.rng.clone();
        *self = Self::new(rng);
    }

    // Commands: first what may be done, then doing it.

    /// Checks that a command can be done.
    ///
    /// # Errors
    ///
    /// It cannot, now.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the rest is others' own")]
    pub(super) fn plan(&self, command: &Command, link: &Link, out: &Outbox) -> Result<(), Error> {
        match command {
            Command::FetchHistory { .. }
            | Command::RemoveRecord { .. }
            | Command::ClearHistory
            | Command::SetHistoryCache(_) => self.plan_history(command, out),
            Command::AddContact(_)
            | Command::UpdateContact(_)
            | Command::RemoveContact { .. }
            | Command::FetchContact { .. }
            | Command::RefreshContacts => self.plan_contacts(command, out),
            Command::FetchUser { .. } | Command::FetchSelf | Command::SearchUsers(_) => {
                Self::plan_directory(command, out)
            }
            Command::UpdatePresence { .. }
            | Command::FetchPresence { .. }
            | Command::WatchPresence { .. }
            | Command::UnwatchPresence { .. } => self.plan_presence(command, out),
            Command::OpenConversation { .. }
            | Command::SendMessage { .. }
            | Command::ForwardMessage { .. }
            | Command::MarkRead { .. }
            | Command::ClearMessages { .. } => self.plan_messages(command, out),
            Command::SubscribeSipEvent { .. }
            | Command::UpdateSipEvent { .. }
            | Command::UnsubscribeSipEvent { .. } => self.plan_sip(command, link),
            Command::FetchVoicemail => logged_in(out, MwiCode::FetchFailed),
            Command::ClickToCall { caller, callee } => {
                click::check(caller, callee)?;
                logged_in(out, ClickToCallCode::ResponseError)
            }
            Command::RegisterPush(device) => {
                if out.config.notifications.push.base().is_none() {
                    let text = "there is no place to register devices at";
                    return Err(Error::option("notifications.push.server", text));
                }
                device.check()?;
                logged_in(out, AuthCode::InvalidCredentials)
            }
            Command::UnregisterPush(kind) => self.push.place(*kind).map(drop),
            Command::Fetch(request) => {
                request.check()?;
                if out.fetches() >= MAX_FETCHES {
                    return Err(fetch::busy());
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "the rest is others' own")]
    pub(super) fn apply(
        &mut self,
        id: CommandId,
        command: Command,
        correlator: &str,
        out: &mut Outbox,
    ) {
        match command {
            Command::FetchHistory { .. }
            | Command::RemoveRecord { .. }
            | Command::ClearHistory
            | Command::SetHistoryCache(_) => self.apply_history(id, command, out),
            Command::AddContact(_)
            | Command::UpdateContact(_)
            | Command::RemoveContact { .. }
            | Command::FetchContact { .. }
            | Command::RefreshContacts => Self::apply_contacts(id, command, out),
            Command::FetchUser { .. } | Command::FetchSelf | Command::SearchUsers(_) => {
                Self::apply_directory(id, command, out);
            }
            Command::UpdatePresence { .. }
            | Command::FetchPresence { .. }
            | Command::WatchPresence { .. }
            | Command::UnwatchPresence { .. } => self.apply_presence(id, command, out),
            Command::OpenConversation { .. }
            | Command::SendMessage { .. }
            | Command::ForwardMessage { .. }
            | Command::MarkRead { .. }
            | Command::ClearMessages { .. } => self.apply_messages(id, command, out),
            Command::SubscribeSipEvent { .. }
            | Command::UpdateSipEvent { .. }
            | Command::UnsubscribeSipEvent { .. } => self.apply_sip(id, command, correlator, out),
            Command::Fetch(request) => out.rest(Ask::Fetch(id), request.resource()),
            command => self.apply_others(id, command, correlator, out),
        }
    }

    /// Takes the gateway's answer to one of these.
    pub(super) fn handle_rest(
        &mut self,
        command: Option<CommandId>,
        ask: StoreAsk,
        request: &str,
        result: Result<Vec<u8>, Fault>,
        out: &mut Outbox,
    ) {
        let outcome = match ask {
            StoreAsk::History(ask) => self.history_answered(&ask, request, result, out),
            StoreAsk::Contacts(ask) => self.contacts_answered(ask, request, result, out),
            StoreAsk::Directory(ask) => self.directory_answered(ask, request, result, out),
            StoreAsk::Presence(ask) => self.presence_answered(ask, result, out),
            StoreAsk::Message(to, id) => self.message_answered(&to, &id, request, result, out),
            StoreAsk::Sip(event_type, ask) => {
                self.sip_answered(&event_type, ask, request, result, out)
            }
            StoreAsk::Voicemail => self.voicemail_answered(request, result, out),
            StoreAsk::Click(call) => self.click_answered(&call, result),
            StoreAsk::Push(ask) => self.push_answered(ask, request, result, out),
        };
        if let Some(command) = command {
            out.complete(command, outcome);
        }
    }

    // Notifications.

    /// Takes a notification that is none of calls and none of the subscription's.
    pub(super) fn handle(&mut self, notice: &Notice<'_>, call: Option<CallId>, out: &mut Outbox) {
        match &notice.body {
            Notification::Im(im) => self.message_came(im, notice.time, out),
            Notification::Presence(news) => self.presence_told(news, out),
            Notification::Mailbox(mailbox) => {
                self.voicemail_told((**mailbox).clone(), notice.time, out);
            }
            Notification::Sip(news) => self.sip_came(news, notice, call, out),
            Notification::Leg(_)
            | Notification::Gone { .. }
            | Notification::Overridden
            | Notification::Other(_) => {}
        }
    }

    /// A new subscription stands: what it is wanted for is asked for again.
    pub(super) fn subscribed(&mut self, link: &Link, out: &mut Outbox) {
        if link.has(&Service::Presence) {
            self.watch_again(out);
        }
    }

    /// Draws the consequences of an input: without a subscription there are no events.
    pub(super) fn settle(&mut self, link: &Link, out: &mut Outbox) {
        if self.sip.len() > 0 && !link.is_up() {
            self.sip_lost(out);
        }
    }

    // Time.

    pub(super) fn handle_timeout(&mut self, out: &mut Outbox) {
        self.renew_sip(out);
    }

    pub(super) fn next_wake(&self) -> Option<Wake> {
        let (at, _) = self.sip.next_renewal()?;
        Some(Wake { at, reason: "events to be renewed" })
    }
}

/// Checks that somebody is logged in.
///
/// # Errors
///
/// Nobody is, by this code.
fn logged_in(out: &Outbox, code: impl Into<ErrorCode>) -> Result<(), Error> {
    match &out.credentials {
        Some(_) => Ok(()),
        None => Err(Error::new(code, "nobody is logged in")),
    }
}
