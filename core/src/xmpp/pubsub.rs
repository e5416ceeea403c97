//! Publish-subscribe, as far as notifications use it (XEP-0060, wire notes 4).

use super::{Element, ElementRef, Jid, ns};

/// A subscription request or its result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PubSub {
    /// Asks for a topic.
    Subscribe {
        /// The topic.
        node: String,
        /// The subscriber's bare address.
        jid: Jid,
    },
    /// Gives a topic up.
    Unsubscribe {
        /// The topic.
        node: String,
        /// The subscriber's bare address.
        jid: Jid,
    },
    /// The state of a subscription, in a result.
    Subscription {
        /// The topic.
        node: String,
        /// The subscriber's bare address.
        jid: Jid,
        /// `subscribed`, or another state of XEP-0060 section 4.2.
        subscription: String,
    },
}

impl PubSub {
    pub(super) fn read(pubsub: ElementRef<'_>) -> Result<Self, String> {
        let child = pubsub
            .elements()
            .find(|e| e.namespace() == ns::PUBSUB)
            .ok_or_else(|| "<pubsub> is empty".to_owned())?;
        let node = || child.require("node").map(str::to_owned);
        let jid = || child.require_jid("jid");
        match child.name() {
            "subscribe" => Ok(Self::Subscribe { node: node()?, jid: jid()? }),
            "unsubscribe" => Ok(Self::Unsubscribe { node: node()?, jid: jid()? }),
            "subscription" => Ok(Self::Subscription {
                node: node()?,
                jid: jid()?,
                subscription: child.require("subscription")?.to_owned(),
            }),
            other => Err(format!("<pubsub> with <{other}>")),
        }
    }

    pub(super) fn write(&self) -> Element<'_> {
        let child = match self {
            Self::Subscribe { node, jid } => {
                Element::new("subscribe", ns::PUBSUB).attr("node", node).attr("jid", jid)
            }
            Self::Unsubscribe { node, jid } => {
                Element::new("unsubscribe", ns::PUBSUB).attr("node", node).attr("jid", jid)
            }
            Self::Subscription { node, jid, subscription } => {
                Element::new("subscription", ns::PUBSUB)
                    .attr("node", node)
                    .attr("jid", jid)
                    .attr("subscription", subscription)
            }
        };
        Element::new("pubsub", ns::PUBSUB).child(child)
    }
}

/// A notification (wire notes 4.5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PubSubEvent {
    /// The topic.
    pub node: String,
    /// The id of the item.
    pub item_id: Option<String>,
    /// The JSON of the first item, as text and unchecked: whoever knows the topic reads it once,
    /// as what it is. Further items are not read.
    pub json: String,
}

impl PubSubEvent {
    pub(super) fn read(event: ElementRef<'_>) -> Result<Self, String> {
        let items = event
            .find("items", ns::PUBSUB_EVENT)
            .ok_or_else(|| "<event> without items".to_owned())?;
        let item = items
            .find("item", ns::PUBSUB_EVENT)
            .ok_or_else(|| "<items> without an item".to_owned())?;
        let json = item.find("json", ns::JSON).ok_or_else(|| "<item> without JSON".to_owned())?;
        Ok(Self {
            node: items.require("node")?.to_owned(),
            item_id: item.owned("id"),
            json: json.content().into_owned(),
        })
    }

    pub(super) fn write(&self) -> Element<'_> {
        let json = Element::new("json", ns::JSON).text(self.json.as_str());
        let item = Element::new("item", ns::PUBSUB_EVENT).maybe("id", self.item_id.as_ref());
        let items = Element::new("items", ns::PUBSUB_EVENT).attr("node", &self.node);
        Element::new("event", ns::PUBSUB_EVENT).child(items.child(item.child(json)))
    }
}
