//! Somebody who has an address, and speaks of what is none of his business: of calls that others
//! have. It changes nothing. What he says is for a [`Pair`] to know.

use offhook::Machine as _;
use offhook::machine::{Input as ClientInput, WsEvent, WsId};

use super::application::drain;
use super::pair::Pair;
use super::phone_id::PhoneId;
use super::seen::{Observer, Seen};
use super::{Happening, World};

impl<O: Observer<P>, P: Pair> World<O, P> {
    /// True if a stranger's word comes before the true one.
    pub(super) fn comes_first(&self, phone: PhoneId, forged: &str) -> bool {
        P::comes_first(&self.phones[phone.0].notes, forged)
    }

    /// A stranger's word on what a phone is about to be told, if he has one.
    pub(super) fn forge(
        &mut self,
        phone: PhoneId,
        ws: Option<WsId>,
        input: &ClientInput,
    ) -> Option<String> {
        let strangers = self.phones[phone.0].site.notices.strangers;
        let (Some(_), ClientInput::WebSocket { event: WsEvent::Text(text), .. }) = (ws, input)
        else {
            return None;
        };
        if strangers == 0.0 || !self.dice.chance(strangers) {
            return None;
        }
        let machine = &self.phones[phone.0];
        P::forge(&mut self.dice, &machine.notes, &self.service, &machine.user, text)
    }

    /// Answers in another's stead what a phone has just asked.
    pub(super) fn meddle(&mut self, phone: PhoneId, ws: WsId, text: &str) {
        let strangers = self.phones[phone.0].site.notices.strangers;
        if strangers == 0.0 || !P::is_question(text) || !self.dice.chance(strangers) {
            return;
        }
        if let Some(text) = P::meddle(&mut self.dice, text) {
            self.queue.push(self.now, Happening::Stranger { phone, ws, text });
        }
    }

    /// Lets a client hear a stranger: nothing may come of it.
    pub(super) fn forged(&mut self, phone: PhoneId, ws: WsId, text: String) {
        let open = self.phones[phone.0].sockets.get(&ws).is_some_and(|s| s.opened && !s.dead);
        let machine = &self.phones[phone.0];
        if !open || machine.asleep.is_some() || !P::is_connected(&machine.client) {
            return;
        }
        // What is due anyway is not the stranger's doing.
        self.feed_phone(phone, ClientInput::Timeout);
        self.counts.add("words of strangers");
        let input = ClientInput::WebSocket { id: ws, event: WsEvent::Text(text.clone()) };
        self.note_input(phone, &input);
        let at = self.start + self.now;
        let machine = &mut self.phones[phone.0];
        machine.client.handle_input(at, input);
        drain(&mut machine.client, &mut machine.outputs);
        if let Some(moved) = machine.outputs.iter().find(|output| !P::is_harmless(output)) {
            let what = format!("a stranger moves phone {} to {moved:?}: {text}", phone.0);
            self.observer.see(self.now, Seen::Wrong { what: &what });
        }
        self.serve_phone(phone);
    }
}
