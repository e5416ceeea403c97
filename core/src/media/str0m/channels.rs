//! Data channels (RFC 8831, RFC 8832).

use str0m::channel::{ChannelConfig, ChannelData, ChannelId as Inner};

use super::association::Association;
use crate::media::negotiation::MAX_MESSAGE;
use crate::media::{ChannelId, ChannelMessage, EngineEvent, MAX_CHANNELS, MediaError};

/// The longest label that we open a channel by.
const MAX_LABEL: usize = 1024;

/// One channel.
#[derive(Debug)]
struct Channel {
    id: ChannelId,
    inner: Inner,
    /// True once it can be used.
    open: bool,
}

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) struct Channels {
    /// The longest message that the far side takes, once channels were agreed on.
    longest: Option<usize>,
    channels: Vec<Channel>,
    next: u16,
}

impl Channels {
    /// They were agreed on.
    pub(super) fn agree(&mut self, longest: usize) {
        self.longest = Some(longest.min(MAX_MESSAGE));
    }

    /// They are turned off, or their association is gone.
    pub(super) fn end(&mut self, association: Option<&mut Association>) -> Vec<EngineEvent> {
        self.longest = None;
        if let Some(association) = association {
            let mut api = association.rtc.direct_api();
            self.channels.iter().for_each(|channel| api.close_data_channel(channel.inner));
        }
        self.channels.drain(..).map(|channel| EngineEvent::ChannelClosed(channel.id)).collect()
    }

    pub(super) fn open(
        &mut self,
        association: &mut Association,
        label: &str,
    ) -> Result<ChannelId, MediaError> {
        if self.longest.is_none() {
            return Err(MediaError::NotNegotiated("a data channel"));
        }
        if self.channels.len() >= MAX_CHANNELS || label.len() > MAX_LABEL {
            return Err(MediaError::TooMany("data channels"));
        }
        let config = ChannelConfig { label: label.to_owned(), ..ChannelConfig::default() };
        let id = self.number()?;
        let inner = association.rtc.direct_api().create_data_channel(config);
        self.channels.push(Channel { id, inner, open: false });
        Ok(id)
    }

    pub(super) fn send(
        &self,
        association: &mut Association,
        id: ChannelId,
        message: &ChannelMessage,
    ) -> Result<(), MediaError> {
        let none = MediaError::NotNegotiated("a data channel");
        let longest = self.longest.ok_or_else(|| none.clone())?;
        let known = self.channels.iter().find(|channel| channel.id == id && channel.open);
        let inner = known.ok_or_else(|| none.clone())?.inner;
        let (binary, data) = match message {
            ChannelMessage::Text(text) => (false, text.as_bytes()),
            ChannelMessage::Binary(data) => (true, &data[..]),
        };
        if data.len() > longest {
            return Err(MediaError::TooMany("bytes in a message"));
        }
        let mut channel = association.rtc.channel(inner).ok_or_else(|| none.clone())?;
        match channel.write(binary, data) {
            Ok(true) => Ok(()),
            Ok(false) => Err(MediaError::TooMany("messages")),
            Err(_) => Err(none),
        }
    }

    /// A channel can be used, whichever side opened it. One too many is closed again.
    pub(super) fn opened(
        &mut self,
        association: &mut Association,
        inner: Inner,
        label: String,
    ) -> Option<EngineEvent> {
        let known = self.channels.iter().position(|channel| channel.inner == inner);
        let at = match known {
            Some(at) => at,
            None => {
                let fits = self.longest.is_some() && self.channels.len() < MAX_CHANNELS;
                let Some(id) = fits.then(|| self.number().ok()).flatten() else {
                    association.rtc.direct_api().close_data_channel(inner);
                    return None;
                };
                self.channels.push(Channel { id, inner, open: false });
                self.channels.len() - 1
            }
        };
        let channel = self.channels.get_mut(at)?;
        let told = std::mem::replace(&mut channel.open, true);
        (!told).then_some(EngineEvent::ChannelOpened { channel: channel.id, label })
    }

    pub(super) fn received(&self, data: ChannelData) -> Option<EngineEvent> {
        let channel = self.channels.iter().find(|channel| channel.inner == data.id)?.id;
        let message = if data.binary {
            ChannelMessage::Binary(data.data.into())
        } else {
            let text = String::from_utf8(data.data);
            ChannelMessage::Text(
                text.unwrap_or_else(|bad| String::from_utf8_lossy(bad.as_bytes()).into_owned()),
            )
        };
        Some(EngineEvent::ChannelMessage { channel, message })
    }

    pub(super) fn closed(&mut self, inner: Inner) -> Option<EngineEvent> {
        let at = self.channels.iter().position(|channel| channel.inner == inner)?;
        Some(EngineEvent::ChannelClosed(self.channels.remove(at).id))
    }

    fn number(&mut self) -> Result<ChannelId, MediaError> {
        let number = self.next;
        self.next = number.checked_add(1).ok_or(MediaError::TooMany("data channels"))?;
        Ok(ChannelId(number))
    }
}
