//! The way in, by REST: who we are, and a channel (wire notes 1.2).

use http::Request;
use serde_json::Value;

use super::account::Account;
use super::attempts::AttemptError;
use crate::Secret;
use crate::genesys::ask::EntryAsk;
use crate::genesys::config::Auth;
use crate::genesys::error::{Error, ErrorKind};
use crate::genesys::ids::{MAX_ID, StationId};
use crate::genesys::outbox::Outbox;
use crate::genesys::wire::answers::{Me, NewChannel, Redeemed};
use crate::genesys::wire::requests;
use crate::rest::{Failure, Retry};

/// The state of an entry: the questions before a socket can be opened.
///
/// ```text
///         ┌ token, not known yet ──> Identifying ──> Channel ──┐
///         ├ token, hard ───────────────────────────> Channel ──┤
/// attempt ┼ token, soft ───────────────────────────────────────┼──> socket
///         ├ guest, for the first time ──> Redeeming ───────────┤
///         └ guest, JWT ────────────────────────────────────────┘
/// ```
#[derive(Debug)]
pub(super) enum Entry {
    /// A guest's code is being redeemed.
    Redeeming,
    /// Asking who we are. Each is `None` until known.
    Identifying { organization: bool, me: Option<Me> },
    /// Asking for a notification channel.
    Channel,
}

/// The result of a step of an entry. It may hold a secret, in the path of a socket.
pub(super) enum Advance {
    /// Nothing yet.
    Stays,
    /// The next question is asked.
    Asks(Entry),
    /// The account says who we are; this is our station. [`Entry::identified`] goes on.
    Identified(Option<StationId>),
    /// The socket can be opened.
    Opens(Request<()>),
    /// The attempt failed.
    Failed(AttemptError),
    /// It failed, and so would any other.
    Refused(Error),
}

impl Entry {
    /// An attempt begins.
    pub(super) fn begin(account: &mut Account, out: &mut Outbox) -> Advance {
        match &out.config.auth {
            Auth::Jwt(jwt) => by_jwt(jwt.clone(), account),
            Auth::Guest { organization, code } => match account.jwt() {
                Some(jwt) => by_jwt(jwt.clone(), account),
                None => {
                    let resource = requests::redeem(organization, code);
                    out.rest(EntryAsk::Redeem, resource, Retry::Yes);
                    Advance::Asks(Self::Redeeming)
                }
            },
            Auth::Token(_) if account.identity().is_none() => {
                out.rest(EntryAsk::Organization, requests::organization(), Retry::Yes);
                out.rest(EntryAsk::User, requests::user(), Retry::Yes);
                Advance::Asks(Self::Identifying { organization: false, me: None })
            }
            Auth::Token(_) => Self::identified(account, out),
        }
    }

    /// It is known who we are.
    pub(super) fn identified(account: &Account, out: &mut Outbox) -> Advance {
        if account.has_way_in() { open(account, out) } else { ask_channel(out) }
    }

    pub(super) fn answered(
        &mut self,
        ask: EntryAsk,
        result: Result<Value, Failure>,
        account: &mut Account,
        out: &mut Outbox,
    ) -> Advance {
        match (self, ask) {
            (Self::Redeeming, EntryAsk::Redeem) => redeemed(result, account, out),
            (Self::Identifying { organization, me }, EntryAsk::Organization) => match result {
                Ok(_) => {
                    *organization = true;
                    identify(*organization, me.as_ref(), account)
                }
                Err(failure) => refused(failure),
            },
            (Self::Identifying { organization, me }, EntryAsk::User) => {
                match result.and_then(|body| Failure::or_parsed::<Me>("users/me", body)) {
                    Ok(user) => {
                        *me = Some(user);
                        identify(*organization, me.as_ref(), account)
                    }
                    Err(failure) => refused(failure),
                }
            }
            (Self::Channel, EntryAsk::Channel) => {
                match result.and_then(|body| Failure::or_parsed::<NewChannel>("channel", body)) {
                    Ok(channel) => {
                        account.channel.given(channel.id);
                        open(account, out)
                    }
                    Err(failure) => Advance::Failed(AttemptError::Rest(failure)),
                }
            }
            // An answer to an attempt before.
            (Self::Redeeming | Self::Identifying { .. } | Self::Channel, _) => Advance::Stays,
        }
    }
}

fn by_jwt(jwt: Secret, account: &mut Account) -> Advance {
    match account.enter_by(jwt) {
        Ok(()) => Advance::Identified(None),
        Err(error) => Advance::Refused(error),
    }
}

/// The code is redeemed, or is not worth anything.
fn redeemed(result: Result<Value, Failure>, account: &mut Account, out: &mut Outbox) -> Advance {
    let redeemed =
        result.and_then(|body| Failure::or_parsed::<Redeemed>("conversations/codes", body));
    match redeemed {
        Ok(redeemed) => {
            let conversation = redeemed.conversation().cloned();
            let source = redeemed.source_communication_id.filter(|id| id.len() <= MAX_ID);
            let jwt = Secret::new(redeemed.jwt);
            out.hide(&jwt);
            let advance = by_jwt(jwt, account);
            account.let_in(conversation, source);
            advance
        }
        Err(failure) => refused(failure),
    }
}

/// Identifies the account, once both answers are there.
fn identify(organization: bool, me: Option<&Me>, account: &mut Account) -> Advance {
    let Some(me) = me.filter(|_| organization) else { return Advance::Stays };
    match me.jid() {
        Ok(jid) => {
            account.identified(me.id.clone(), jid);
            Advance::Identified(me.station().cloned())
        }
        Err(failure) => refused(failure),
    }
}

fn ask_channel(out: &mut Outbox) -> Advance {
    out.rest(EntryAsk::Channel, requests::channel(), Retry::No);
    Advance::Asks(Entry::Channel)
}

fn open(account: &Account, out: &mut Outbox) -> Advance {
    match account.socket(&out.config) {
        Some(Ok(request)) => Advance::Opens(request),
        // The error's text would show the JWT.
        Some(Err(_)) => {
            Advance::Refused(Error::new(ErrorKind::InvalidOptions, "unusable WebSocket address"))
        }
        None => ask_channel(out),
    }
}

/// The retry helper has given up, or there is nothing to retry: initialising fails (API-6).
fn refused(failure: Failure) -> Advance {
    Advance::Refused(Error::of_login(failure, Some(ErrorKind::Initialization)))
}
