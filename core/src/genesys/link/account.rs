//! The client's identity, and the channel or JWT that the service gave: both outlive a connection.

use http::Request;

use super::channel::Channel;
use crate::Secret;
use crate::genesys::config::{Auth, Config};
use crate::genesys::error::Error;
use crate::genesys::ids::{ConversationId, UserId};
use crate::genesys::outbox::Outbox;
use crate::genesys::wire::jwt::Claims;
use crate::xmpp::Jid;

/// The client's identity, once known.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    /// The user, unless a guest.
    pub(crate) user: Option<UserId>,
    /// The bare JID; with ANONYMOUS only its domain is known before binding.
    pub(super) jid: Option<Jid>,
    pub(super) domain: String,
    /// The room that a JWT lets its bearer into.
    pub(crate) room: Option<Invited>,
}

/// A room that somebody with a JWT may ask to be let into (wire notes 5.10).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Invited {
    pub(crate) room: Jid,
    pub(crate) conversation: Option<ConversationId>,
    /// The communication by which the guest came.
    pub(crate) source: Option<String>,
}

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Account {
    identity: Option<Identity>,
    /// The same over all connections (wire notes 1.4).
    resource: Option<String>,
    /// The JWT that a JWT client or a guest logs in with.
    jwt: Option<Secret>,
    pub(super) channel: Channel,
}

impl Account {
    pub(super) fn new(resource: Option<String>) -> Self {
        Self { identity: None, resource, jwt: None, channel: Channel::default() }
    }

    pub(super) fn identity(&self) -> Option<&Identity> {
        self.identity.as_ref()
    }

    pub(super) fn user(&self) -> Option<&UserId> {
        self.identity.as_ref()?.user.as_ref()
    }

    pub(super) fn jid(&self) -> Option<&Jid> {
        self.identity.as_ref()?.jid.as_ref()
    }

    /// The domain of our server.
    pub(super) fn domain(&self) -> Option<&str> {
        self.identity.as_ref().map(|identity| identity.domain.as_str())
    }

    /// A guest's JWT, once its code is redeemed.
    pub(super) fn jwt(&self) -> Option<&Secret> {
        self.jwt.as_ref()
    }

    /// It is known who we are.
    pub(super) fn identified(&mut self, user: UserId, jid: Jid) {
        let domain = jid.domain().to_owned();
        self.identity = Some(Identity { user: Some(user), jid: Some(jid), domain, room: None });
    }

    /// A JWT says who we are, and opens the socket.
    ///
    /// # Errors
    ///
    /// It is none.
    pub(super) fn enter_by(&mut self, jwt: Secret) -> Result<(), Error> {
        let Claims { user, domain, jid, conversation, source } = Claims::read(&jwt)?;
        let room = jid.map(|room| Invited { room, conversation, source });
        self.identity = Some(Identity { user, jid: None, domain, room });
        self.jwt = Some(jwt);
        Ok(())
    }

    /// The reply to a guest's code says which conversation it is, and how the guest came there.
    pub(super) fn let_in(&mut self, conversation: Option<ConversationId>, source: Option<String>) {
        let room = self.identity.as_mut().and_then(|identity| identity.room.as_mut());
        if let Some(room) = room {
            room.conversation = conversation.or_else(|| room.conversation.take());
            room.source = source.or_else(|| room.source.take());
        }
    }

    /// Returns true if a socket can be opened without another question.
    pub(super) fn has_way_in(&self) -> bool {
        self.jwt.is_some() || self.channel.is_usable()
    }

    /// The request that opens a socket; none without a JWT or a channel.
    pub(super) fn socket(&self, config: &Config) -> Option<http::Result<Request<()>>> {
        let base = config.ws_base();
        let uri = match (&self.jwt, self.channel.id()) {
            (Some(jwt), _) => format!("{base}/stream/jwt/{}", jwt.expose()),
            (None, Some(channel)) => format!("{base}/stream/channels/{channel}"),
            (None, None) => return None,
        };
        Some(Request::get(uri).header("sec-websocket-protocol", "xmpp").body(()))
    }

    /// The resource to bind; none where the service chooses it.
    pub(super) fn resource(&mut self, out: &mut Outbox) -> Option<String> {
        if self.resource.is_none() && matches!(out.config.auth, Auth::Token(_)) {
            self.resource = Some(out.uuid());
        }
        self.resource.clone()
    }

    /// The service bound us to an address.
    pub(super) fn bound(&mut self, jid: &Jid) {
        if let Some(identity) = &mut self.identity {
            identity.jid.get_or_insert_with(|| jid.bare());
        }
    }
}
