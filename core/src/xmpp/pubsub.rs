//! Publish-subscribe, as far as notifications use it (XEP-0060, wire notes 4).

use super::{Element, ElementRef, Jid, Skipped, ns};

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
                Element::new("subscribe", ns::PUBSUB).attr("node", node).attr("jid", jid.as_str())
            }
            Self::Unsubscribe { node, jid } => {
                Element::new("unsubscribe", ns::PUBSUB).attr("node", node).attr("jid", jid.as_str())
            }
            Self::Subscription { node, jid, subscription } => {
                Element::new("subscription", ns::PUBSUB)
                    .attr("node", node)
                    .attr("jid", jid.as_str())
                    .attr("subscription", subscription)
            }
        };
        Element::new("pubsub", ns::PUBSUB).child(child)
    }
}

/// A notification (wire notes 4.5): one item or more (XEP-0060 section 12.4). One without any says
/// only that something was taken back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PubSubEvent {
    /// The published items, in order.
    pub items: Vec<PubSubItem>,
}

/// One item of a notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PubSubItem {
    /// The topic.
    pub node: String,
    /// Its id.
    pub id: Option<String>,
    /// Its JSON, as text and unchecked: whoever knows the topic reads it once, as what it is.
    pub json: String,
}

impl PubSubEvent {
    /// Reads a notification; an item that cannot be used is left out and noted.
    pub(super) fn read(event: ElementRef<'_>, skipped: &mut Skipped) -> Result<Self, String> {
        if !event.elements().any(|child| child.namespace() == ns::PUBSUB_EVENT) {
            return Err("<event> without items".to_owned());
        }
        let mut items = Vec::new();
        for list in event.named("items", ns::PUBSUB_EVENT) {
            let Some(node) = skipped.keep(list.require("node")) else { continue };
            for item in list.named("item", ns::PUBSUB_EVENT) {
                let Some(json) = item.find("json", ns::JSON) else {
                    skipped.add(format_args!("item[{}]: json", list.ordinal(item)));
                    continue;
                };
                let json = json.content().into_owned();
                items.push(PubSubItem { node: node.to_owned(), id: item.owned("id"), json });
            }
        }
        Ok(Self { items })
    }

    pub(super) fn write(&self) -> Element<'_> {
        let lists = self.items.chunk_by(|one, next| one.node == next.node).map(|items| {
            let node = items.first().map(|item| &item.node);
            Element::new("items", ns::PUBSUB_EVENT)
                .maybe("node", node)
                .children(items.iter().map(PubSubItem::write))
        });
        // Without any, a list that is empty.
        let none =
            self.items.is_empty().then(|| Element::new("items", ns::PUBSUB_EVENT).attr("node", ""));
        Element::new("event", ns::PUBSUB_EVENT).children(lists).children(none)
    }
}

impl PubSubItem {
    fn write(&self) -> Element<'_> {
        let json = Element::new("json", ns::JSON).text(self.json.as_str());
        Element::new("item", ns::PUBSUB_EVENT).maybe("id", self.id.as_ref()).child(json)
    }
}
