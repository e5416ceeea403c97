//! The subscription and its socket: pings, redirects, and rest once they are lost.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use offhook::machine::WsId;
use offhook::ribbon::{ChangeReason, Event};

use super::wire::{Asked, Wire};
use crate::world::PhoneId;

/// The time between two pings, where nobody says otherwise.
const PINGS: Duration = Duration::from_secs(30);
/// Redirects that one request may follow.
const MAX_REDIRECTS: u32 = 5;
/// The only host to which credentials go.
const HOME: &str = "gateway.lab.test";

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) struct Links {
    /// Sockets that are open, and when each was opened or pinged last.
    open: BTreeMap<(PhoneId, WsId), Duration>,
    /// Phones whose subscription ended, and was not asked for again.
    resting: BTreeSet<PhoneId>,
    /// Requests by their addresses that were redirected: how often.
    chains: BTreeMap<(PhoneId, String), u32>,
    /// Requests under way, by number: how often they were redirected.
    asked: BTreeMap<(PhoneId, offhook::machine::HttpId), u32>,
}

impl Links {
    /// No. 11: pings go only over a socket that is open, at the interval.
    pub(super) fn pings(
        &mut self,
        at: Duration,
        phone: PhoneId,
        wire: &Wire,
    ) -> Result<(), String> {
        match wire {
            Wire::Opened(ws) => {
                self.open.insert((phone, *ws), at);
            }
            Wire::Closed(ws) => {
                if let Some(last) = self.open.remove(&(phone, *ws))
                    && at - last > PINGS
                {
                    return Err(format!("phone {} did not ping for {:?}", phone.0, at - last));
                }
            }
            Wire::Pinged(ws) => {
                let last = self.open.insert((phone, *ws), at);
                let last = last.ok_or_else(|| format!("phone {} pings no open socket", phone.0))?;
                if at - last != PINGS {
                    return Err(format!("phone {} pings after {:?}", phone.0, at - last));
                }
            }
            Wire::Asked(_) | Wire::Answered { .. } | Wire::Notified(_) | Wire::Opening => {}
        }
        Ok(())
    }

    /// No. 21: few redirects, and to another place go no credentials.
    pub(super) fn redirects(&mut self, phone: PhoneId, wire: &Wire) -> Result<(), String> {
        match wire {
            Wire::Asked(asked) => {
                let count = self.chains.remove(&(phone, asked.uri.clone())).unwrap_or(0);
                if count > MAX_REDIRECTS {
                    return Err(format!("phone {} follows {count} redirects", phone.0));
                }
                self.asked.insert((phone, asked.id), count);
                self.stays_at_home(phone, asked)
            }
            Wire::Answered { id, status, location, .. } => {
                let count = self.asked.remove(&(phone, *id)).unwrap_or(0);
                if let (Some(300..400), Some(location)) = (status, location) {
                    let place = match location.strip_prefix('/') {
                        Some(path) => format!("https://{HOME}/{path}"),
                        None => location.clone(),
                    };
                    self.chains.insert((phone, place), count + 1);
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn stays_at_home(&self, phone: PhoneId, asked: &Asked) -> Result<(), String> {
        let away = asked.host != HOME && !asked.credentials.is_empty();
        match away {
            true => Err(format!("phone {} shows {} who it is", phone.0, asked.host)),
            false => Ok(()),
        }
    }

    /// No. 22: whoever lost the subscription for good asks for nothing before it is told to.
    pub(super) fn rests(&self, phone: PhoneId, wire: &Wire) -> Result<(), String> {
        let asks = match wire {
            Wire::Asked(asked) => asked.of == "subscription" && !asked.redirected,
            Wire::Opening | Wire::Pinged(_) => true,
            Wire::Answered { .. } | Wire::Notified(_) | Wire::Opened(_) | Wire::Closed(_) => false,
        };
        match asks && self.resting.contains(&phone) {
            true => Err(format!("phone {} asks, though nobody told it to: {wire:?}", phone.0)),
            false => Ok(()),
        }
    }

    /// The application wants a subscription.
    pub(super) fn subscribes(&mut self, phone: PhoneId) {
        self.resting.remove(&phone);
    }

    pub(super) fn told(&mut self, phone: PhoneId, event: &Event) {
        if let Event::SubscriptionChanged {
            reason: ChangeReason::Gone | ChangeReason::WsOverridden,
            ..
        } = event
        {
            self.resting.insert(phone);
        }
    }
}
