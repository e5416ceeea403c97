//! Media of a session: its far end, who is heard there, and what it says. It says what is to be done
//! as [`Effect`]s; whoever has it does it.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use offhook::machine::{UdpId, Wake};
use offhook::media::{
    Agreement, AudioFrame, Digit, Engine, LocalCandidate, LocalKind, MediaError, MediaState, Track,
    Wish,
};
use offhook::sdp::Direction;
use serde_json::{Value, json};

use super::hush::Hush;
use super::search::Search;
use crate::service::{FarEnd, FarEndMode, Output, Packet, Prompt, Word};

/// The time for which a far end presses a key.
const PRESS: Duration = Duration::from_millis(100);

/// The call whose far end is heard on a session, and hears.
#[derive(Clone, Debug)]
pub(in crate::cloud) struct OnAir {
    pub(in crate::cloud) conversation: String,
    pub(in crate::cloud) mode: FarEndMode,
    /// True if the agent is heard.
    pub(in crate::cloud) heard: bool,
}

/// Something to be done.
pub(super) enum Effect {
    Push(Output),
    /// The control API tells it.
    Happened(&'static str, Value),
    /// These sockets are wanted no more.
    Close(UdpId),
}

/// Media of a session. See the [module](self).
#[derive(Default)]
pub(super) struct Media {
    far: Option<FarEnd>,
    on_air: Option<OnAir>,
    /// While the client must say nothing.
    hush: Option<Hush>,
    search: Search,
    /// The last report of the far end's, once it is closed.
    last: Value,
}

impl Media {
    /// Another far end on sockets of its own.
    pub(super) fn open(&mut self, udp: UdpId, engine: Box<dyn Engine>) {
        self.far = Some(FarEnd::new(udp, engine));
        self.hush = None;
        self.search = Search::default();
    }

    // Looking

    pub(super) fn is_open(&self) -> bool {
        self.far.is_some()
    }

    pub(super) fn state(&self) -> Option<MediaState> {
        Some(self.far.as_ref()?.engine.state())
    }

    pub(super) fn agreement(&self) -> Option<Agreement> {
        self.far.as_ref()?.engine.agreement()
    }

    pub(super) fn on_air(&self) -> Option<&OnAir> {
        self.on_air.as_ref()
    }

    /// Its report, as the control API tells it; null where there never was any.
    pub(super) fn body(&self) -> Value {
        let Some(far) = &self.far else { return self.last.clone() };
        let mut body = far.body();
        if let Some(hush) = &self.hush {
            body["heardWhileHeld"] = json!(hush.broken);
        }
        body
    }

    // Offers and answers

    /// Offers all that is wished for, and what is there. None without a far end.
    pub(super) fn offer(
        &mut self,
        wishes: &[Wish],
        now: Instant,
    ) -> Option<Result<String, MediaError>> {
        Some(self.far.as_mut()?.engine.create_offer(now, wishes))
    }

    /// Has these addresses, and no more.
    pub(super) fn set_addresses(
        &mut self,
        local: impl Iterator<Item = SocketAddr>,
        now: Instant,
    ) -> Vec<Effect> {
        let Some(far) = &mut self.far else { return Vec::new() };
        for address in local {
            far.engine.add_local(now, &address.into(), LocalKind::Host);
        }
        far.engine.local_done(now);
        self.listen(now)
    }

    pub(super) fn take_candidates(&mut self) -> Vec<LocalCandidate> {
        self.far.as_mut().map(|far| std::mem::take(&mut far.candidates)).unwrap_or_default()
    }

    /// Takes the answer to its offer. None without a far end.
    pub(super) fn accept(&mut self, answer: &str, now: Instant) -> Option<Result<(), MediaError>> {
        Some(self.far.as_mut()?.engine.accept_answer(now, answer))
    }

    /// Offers new ICE credentials. None without a far end.
    pub(super) fn restart_ice(&mut self, now: Instant) -> Option<Result<String, MediaError>> {
        let engine = &mut self.far.as_mut()?.engine;
        // Those before may have been lost on the way, and nobody answers them.
        let _ = engine.rollback(now);
        Some(engine.restart_ice(now))
    }

    /// Takes a candidate of the client's. None without a far end.
    pub(super) fn add_remote(
        &mut self,
        line: &str,
        now: Instant,
    ) -> Option<Result<(), MediaError>> {
        Some(self.far.as_mut()?.engine.add_remote_candidate(now, line))
    }

    pub(super) fn set_direction(&mut self, direction: Direction) {
        if let Some(far) = &mut self.far {
            far.engine.set_direction(Track::AUDIO, direction);
        }
    }

    /// Listens from now on whether the client says something that it must not.
    pub(super) fn watch_for_silence(&mut self, is_due: bool, now: Instant) {
        self.hush = is_due.then(|| Hush::new(now));
    }

    // Hearing and saying

    pub(super) fn datagram(&mut self, packet: &Packet<'_>, now: Instant) -> Vec<Effect> {
        let Some(far) = &mut self.far else { return Vec::new() };
        far.heard = Some(now);
        self.search.heard(now, packet.data);
        far.engine.handle_datagram(now, packet.local, packet.remote, packet.data);
        if let Some(hush) = &mut self.hush {
            hush.watch(now, far.engine.stats().packets_received);
        }
        self.listen(now)
    }

    pub(super) fn say(&mut self, frame: &AudioFrame, now: Instant) -> Vec<Effect> {
        let Some(far) = &mut self.far else { return Vec::new() };
        far.say(now, frame);
        self.listen(now)
    }

    pub(super) fn press(&mut self, digits: &[Digit], now: Instant) -> Vec<Effect> {
        let Some(far) = &mut self.far else { return Vec::new() };
        // Where they cannot be pressed, they are not.
        let _ = far.engine.send_dtmf(now, digits, PRESS);
        self.listen(now)
    }

    /// Takes what the far end has to say; what it echoes comes last.
    pub(super) fn listen(&mut self, now: Instant) -> Vec<Effect> {
        let Some(far) = &mut self.far else { return Vec::new() };
        let (mut effects, mut echoes) = (Vec::new(), Vec::new());
        for word in far.drain(now) {
            match word {
                Word::Transmit { local, remote, data } => {
                    effects.push(Effect::Push(Output::Transmit {
                        id: far.udp,
                        local,
                        remote,
                        data,
                    }));
                }
                Word::State(state) => {
                    if state == MediaState::Disconnected {
                        self.search.lost(now);
                    }
                    let name = format!("{state:?}").to_lowercase();
                    effects.push(Effect::Happened("media-state", json!({"state": name})));
                }
                Word::Heard(frame) => {
                    let Some(on) = self.on_air.as_ref().filter(|on| on.heard) else { continue };
                    match on.mode {
                        FarEndMode::External => {
                            let conversation = on.conversation.clone();
                            effects.push(Effect::Push(Output::FarAudio { conversation, frame }));
                        }
                        FarEndMode::Echo => echoes.push(frame),
                        FarEndMode::Prompt | FarEndMode::Silence => {}
                    }
                }
                Word::Key(digit) => {
                    let key = digit.as_char().to_string();
                    effects.push(Effect::Happened("dtmf", json!({"digit": key})));
                }
                // Calls have neither pictures nor data.
                Word::Seen { .. }
                | Word::Wanted(_)
                | Word::Opened(..)
                | Word::Message(_)
                | Word::Closed(_) => {}
            }
        }
        for frame in &echoes {
            effects.extend(self.say(frame, now));
        }
        effects
    }

    /// Another call is heard on it, or none, or otherwise.
    pub(super) fn set_on_air(&mut self, on_air: Option<OnAir>, now: Instant) {
        let before = self.mode();
        if let Some(far) = &mut self.far {
            far.pass_time(now, before);
        }
        self.on_air = on_air;
    }

    pub(super) fn take_on_air(&mut self) -> Option<OnAir> {
        self.on_air.take()
    }

    /// The mode of the far end.
    fn mode(&self) -> FarEndMode {
        self.on_air.as_ref().map_or(FarEndMode::Silence, |on| on.mode)
    }

    // Time

    pub(super) fn next_wake(&self) -> Option<Wake> {
        let far = self.far.as_ref()?.next_wake(self.mode());
        Wake::earliest(far, self.search.next_wake())
    }

    pub(super) fn handle_timeout(&mut self, now: Instant, prompt: &mut Prompt) -> Vec<Effect> {
        let mode = self.mode();
        let due = |far: &&mut FarEnd| far.next_wake(mode).is_some_and(|wake| wake.at <= now);
        let Some(far) = self.far.as_mut().filter(due) else { return Vec::new() };
        far.handle_timeout(now, mode, prompt);
        self.listen(now)
    }

    /// The last word of the client's.
    pub(super) fn heard(&self) -> Option<Instant> {
        self.far.as_ref()?.heard
    }

    /// Has the client's consent run on from that word, said to another in whose place this one is.
    pub(super) fn keep_consent(&mut self, heard: Option<Instant>) {
        if let Some(far) = &mut self.far {
            far.heard = heard;
        }
    }

    /// True if its client is to be looked for: nothing comes by the path that there was.
    pub(super) fn take_search(&mut self, now: Instant) -> bool {
        let agreed = self.agreement();
        let is_up = !matches!(self.state(), None | Some(MediaState::Failed | MediaState::Closed));
        let listens = || is_up && agreed.is_some_and(|agreed| agreed.direction.receives());
        self.search.take_due(now, listens)
    }

    /// True if the client that was there is gone, since its consent has expired; told once.
    pub(super) fn take_forsaken(&mut self, now: Instant) -> bool {
        self.far.as_mut().is_some_and(|far| far.take_forsaken(now))
    }

    // The end

    /// Closes the far end, with its last words or without; its figures stay.
    pub(super) fn close(&mut self, says_goodbye: bool, now: Instant) -> Vec<Effect> {
        let Some(far) = &mut self.far else { return Vec::new() };
        far.engine.close(now);
        let mut effects = self.listen(now);
        if !says_goodbye {
            effects.clear();
        }
        effects.extend(self.take().map(Effect::Close));
        effects
    }

    /// The far end is gone without a word.
    pub(super) fn kill(&mut self) -> Option<Effect> {
        let udp = self.take()?;
        self.last["connectionState"] = json!("closed");
        Some(Effect::Close(udp))
    }

    fn take(&mut self) -> Option<UdpId> {
        let far = self.far.take()?;
        self.last = far.body();
        Some(far.udp)
    }
}
