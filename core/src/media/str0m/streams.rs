//! The way of RTP packets to their tracks, and back.

use std::time::Instant;

use str0m::rtp::{RtpPacket, RtpWrite};

use super::audio::AudioTrack;
use super::engine::WebRtc;
use super::more::{More, Owner};
use super::receive::Datagram;
use crate::media::negotiation::Named;
use crate::media::rtp::{Format, Header, Heard, Held, Verdict};
use crate::media::{
    AudioFrame, EngineEvent, EngineOutput, Frame, MediaError, MediaKind, Track, VideoFrame,
};

impl WebRtc {
    /// A track of audio.
    pub(super) fn audio(&self, number: u8) -> Option<&AudioTrack> {
        match number {
            0 => Some(&self.audio),
            _ => self.more.as_ref()?.audio.get(&number),
        }
    }

    pub(super) fn audio_mut(&mut self, number: u8) -> Option<&mut AudioTrack> {
        match number {
            0 => Some(&mut self.audio),
            _ => self.more.as_mut()?.audio.get_mut(&number),
        }
    }

    /// A datagram of RTP, by its clear header.
    pub(super) fn handle_rtp(&mut self, header: Header, datagram: &Datagram<&[u8]>) {
        let track = match (&self.more, &self.descriptions.agreed) {
            (Some(more), Some(remote)) if !self.audio.incoming.probation.knows(header.ssrc) => {
                more.route(&header, datagram.data, remote, self.audio.place)
            }
            (Some(_) | None, Some(_) | None) => Some(Track::AUDIO),
        };
        let taken = match track {
            Some(Track { kind: MediaKind::Audio, number }) => self.hear(number, header, datagram),
            Some(Track { kind: MediaKind::Video, number }) => self.see(number, header, datagram),
            None => false,
        };
        if !taken {
            self.refuse();
        }
    }

    /// Gives str0m a packet that is sent for the first time. True if it was authentic: then, and only then, str0m tells
    /// of it, as soon as it is asked.
    fn feed_rtp(&mut self, arrived: Instant, datagram: &Datagram<&[u8]>) -> bool {
        let before = self.authentic;
        self.feed(arrived, datagram);
        self.authentic != before
    }

    /// A datagram of sound. True if it was taken, or waits.
    fn hear(&mut self, number: u8, header: Header, datagram: &Datagram<&[u8]>) -> bool {
        let Some(audio) = self.audio(number) else { return false };
        let payloads = self.descriptions.payloads(audio.place);
        let format = payloads.map_or(Format::Unused, |p| p.format(header.payload_type));
        let judged = audio.incoming.probation.judge(&header, format);
        // Before it is secure, nothing is authentic. The first words may be before the keys.
        let known = self.secure || format == Format::Unused;
        let verdict = if known { judged } else { Verdict::Wait };
        match verdict {
            Verdict::Pass => {
                let taken = self.feed_rtp(self.now, datagram);
                self.refuse_unproven(number);
                return taken;
            }
            Verdict::Wait => {
                let now = self.now;
                let Some(audio) = self.audio_mut(number) else { return false };
                audio.incoming.probation.hold(now, header, datagram.kept());
            }
            Verdict::Anew => {
                let now = self.now;
                let Some(audio) = self.audio_mut(number) else { return false };
                audio.incoming.probation.hold(now, header, datagram.kept());
                for held in audio.incoming.probation.release(&header) {
                    self.admit(number, &held);
                }
                // Forged: as if it had never been.
                let knows = |audio: &AudioTrack| audio.incoming.probation.knows(header.ssrc);
                if !self.audio(number).is_some_and(knows) {
                    self.forget_source(header.ssrc);
                }
            }
            Verdict::Refuse => return false,
        }
        self.refuse_unproven(number);
        true
    }

    /// Lets a packet in that had to wait, if it is authentic.
    fn admit(&mut self, number: u8, held: &Held<Datagram>) {
        if !self.is_admitted(number, held) {
            self.refuse();
        }
    }

    fn is_admitted(&mut self, number: u8, held: &Held<Datagram>) -> bool {
        let ssrc = held.header.ssrc;
        let datagram = held.item.borrowed();
        let Some(mid) = self.audio(number).map(|audio| audio.mid) else { return false };
        if let (Some(more), 1..) = (&mut self.more, number)
            && !more.own(ssrc, Track::audio(number))
        {
            return false;
        }
        let association = self.association.as_mut();
        if !association.is_some_and(|association| association.expect(mid, ssrc, None)) {
            return false;
        }
        let Some(audio) = self.audio(number) else { return false };
        let (index, turn) =
            (audio.incoming.probation.index(ssrc), audio.incoming.other_turn(&held.header));
        let admitted = self.feed_rtp(held.arrived, &datagram);
        let now = self.audio(number).and_then(|audio| audio.incoming.probation.index(ssrc));
        if let Some(turn) = turn
            && now == index
        {
            if let Some(association) = &mut self.association {
                association.expect(mid, ssrc, Some(turn));
            }
            return self.feed_rtp(held.arrived, &datagram) || admitted;
        }
        admitted
    }

    /// A datagram of pictures. Those before the keys are of no use. True if it was taken: of what is sent again nobody
    /// knows, as str0m tells neither of what it had before nor of what is forged.
    fn see(&mut self, number: u8, header: Header, datagram: &Datagram<&[u8]>) -> bool {
        let (Some(more), Some(association), true) =
            (&mut self.more, &mut self.association, self.secure)
        else {
            return false;
        };
        let (track, source) = (Track::video(number), header.ssrc);
        let Some(video) = more.video.get(&number) else { return false };
        let Some((section, pictures)) = self.descriptions.pictures(video.place) else {
            return false;
        };
        let mid = video.mid;
        let owned = |more: &More, source| more.owner(source).is_some_and(|own| own.track == track);
        let encoding = |number| section.sent.named(&header, datagram.data, number);
        if let Some(&(main, _)) = section.repairs.iter().find(|(_, repair)| *repair == source) {
            let rid = match encoding(section.sent.extensions.repaired) {
                Named::Nothing => None,
                Named::Known(rid) => Some(rid),
                Named::Unknown => return false,
            };
            let expected = (owned(more, source) && owned(more, main))
                || (more.own(source, Owner { track, rid })
                    && (owned(more, main) || more.own(main, Owner { track, rid }))
                    && association.expect_pictures(mid, main, Some(source)));
            if expected {
                self.feed(self.now, datagram);
            }
            return expected;
        }
        if pictures.repairs(header.payload_type) {
            return self.see_repair(number, header, datagram);
        }
        let announced = section.sources.contains(&source);
        let known = owned(more, source);
        if !known {
            let repair = section.repairs.iter().find(|(main, _)| *main == source);
            let repair = repair.map(|(_, repair)| *repair);
            let rid = match encoding(section.sent.extensions.rid) {
                Named::Nothing => None,
                Named::Known(rid) => Some(rid),
                Named::Unknown => return false,
            };
            if !more.own(source, Owner { track, rid })
                || !association.expect_pictures(mid, source, repair)
            {
                return false;
            }
        }
        let taken = self.feed_rtp(self.now, datagram);
        let video = self.more.as_ref().and_then(|more| more.video.get(&number));
        if !known && !announced && !video.is_some_and(|video| video.uses(source)) {
            // Forged, or not wanted: as if it had never been.
            self.forget_source(source);
        }
        taken
    }

    /// A packet that is sent again by a source which nobody announced: only of what is seen, and only
    /// where no other source was announced for that. A new one takes the place of the one before once
    /// it brought something; until then it may be forged. False if it cannot be one.
    fn see_repair(&mut self, number: u8, header: Header, datagram: &Datagram<&[u8]>) -> bool {
        let (Some(more), Some(association)) = (&mut self.more, &mut self.association) else {
            return false;
        };
        let (track, source) = (Track::video(number), header.ssrc);
        let Some(video) = more.video.get(&number) else { return false };
        let Some((section, _)) = self.descriptions.pictures(video.place) else { return false };
        let sent = &section.sent;
        let rid = match sent.named(&header, datagram.data, sent.extensions.repaired) {
            // It need not say so each time (RFC 8852 section 3.3).
            Named::Nothing => {
                more.owner(source).filter(|own| own.track == track).and_then(|o| o.rid)
            }
            Named::Known(rid) => Some(rid),
            Named::Unknown => return false,
        };
        let Some(view) = video.view(rid) else { return false };
        let (mid, before, count) = (video.mid, view.repair, video.stats.packets_received);
        let Some(main) = view.seen() else { return false };
        let announced = section.repairs.iter().any(|(of, _)| *of == main);
        if announced || source == main || section.sources.contains(&source) {
            return false;
        }
        if before == Some(source) {
            self.feed(self.now, datagram);
            return true;
        }
        if !more.own(source, Owner { track, rid })
            || !association.expect_pictures(mid, main, Some(source))
        {
            return false;
        }
        self.feed(self.now, datagram);
        let video = self.more.as_mut().and_then(|more| more.video.get_mut(&number));
        let video = video.filter(|video| video.stats.packets_received > count);
        let gone = match video.and_then(|video| video.view_mut(rid)) {
            Some(view) => view.repair.replace(source),
            None => Some(source),
        };
        let Some(gone) = gone else { return true };
        self.forget_source(gone);
        if let (Some(before), Some(association)) = (before, &mut self.association)
            && gone == source
        {
            association.expect_pictures(mid, main, Some(before));
        }
        true
    }

    /// An authentic packet.
    pub(super) fn received(&mut self, packet: &RtpPacket) {
        self.authentic += 1;
        let source = *packet.header.ssrc;
        let owner = self.more.as_ref().and_then(|more| more.owner(source));
        let Owner { track, rid } = owner.unwrap_or_else(|| Track::AUDIO.into());
        match track {
            Track { kind: MediaKind::Audio, number } => {
                let audio = match number {
                    0 => Some(&mut self.audio),
                    _ => self.more.as_mut().and_then(|more| more.audio.get_mut(&number)),
                };
                let Some(audio) = audio else { return };
                if let Some(payloads) = self.descriptions.payloads(audio.place)
                    && let Some(gone) = audio.incoming.take(packet, payloads)
                {
                    self.forget_source(gone);
                }
                self.release(number);
            }
            Track { kind: MediaKind::Video, number } => {
                let video = self.more.as_mut().and_then(|more| more.video.get_mut(&number));
                let Some(video) = video else { return };
                if let Some((section, pictures)) = self.descriptions.pictures(video.place) {
                    let replaced = video.take(packet, rid, section, pictures);
                    replaced.into_iter().for_each(|source| self.forget_source(source));
                }
                self.release_pictures(number);
                self.settle_pictures();
            }
        }
    }

    /// Gives out what was heard, if it is its turn; nothing while the far side is not to be heard.
    pub(super) fn release(&mut self, number: u8) {
        let now = self.now;
        let Some(audio) = self.audio(number) else { return };
        let receives = self.descriptions.direction(audio.place, audio.wanted).receives();
        while let Some(heard) =
            self.audio_mut(number).and_then(|audio| audio.incoming.receiver.pop(now))
        {
            let event = match heard {
                Heard::Audio(frame) => {
                    EngineEvent::Frame { track: Track::audio(number), frame: frame.into() }
                }
                // Keys and pauses are those of a telephone call.
                Heard::Key { .. } | Heard::Noise { .. } if number > 0 => continue,
                Heard::Key { digit, duration } => EngineEvent::Dtmf { digit, duration },
                Heard::Noise { level } => EngineEvent::ComfortNoise { level },
            };
            if receives {
                self.event(event);
            }
        }
    }

    /// Gives out the pictures that were seen; none while there is nothing to be seen.
    fn release_pictures(&mut self, number: u8) {
        let Some(more) = &mut self.more else { return };
        let Some(video) = more.video.get_mut(&number) else { return };
        let receives = self.descriptions.direction(video.place, video.wanted).receives();
        while let Some(frame) = video.pop() {
            if receives {
                let (track, frame) = (Track::video(number), Frame::from(frame));
                self.queue.push_back(EngineOutput::Event(EngineEvent::Frame { track, frame }));
            }
        }
    }

    /// Asks for the pictures that need no other and for fewer bits, and tells of what the far side wants. True
    /// where str0m has to say something for it.
    pub(super) fn settle_pictures(&mut self) -> bool {
        let (Some(more), Some(association)) = (&mut self.more, &mut self.association) else {
            return false;
        };
        let mut asked = false;
        for (number, video) in &mut more.video {
            let direction = self.descriptions.direction(video.place, video.wanted);
            let listens = self.descriptions.pictures(video.place).is_some_and(|(_, p)| p.limits());
            if listens && let Some((source, limit)) = video.limits(self.now) {
                association.ask_bitrate(source, limit);
                asked = true;
            }
            if let Some(limit) = video.limit_told(self.now) {
                let event = EngineEvent::BitrateLimit { track: Track::video(*number), limit };
                self.queue.push_back(EngineOutput::Event(event));
            }
            for source in video.asks(self.now, direction.receives()) {
                association.ask_keyframe(source);
                asked = true;
            }
            if video.wants(self.now, direction.sends()) {
                let event = EngineEvent::KeyframeWanted(Track::video(*number));
                self.queue.push_back(EngineOutput::Event(event));
            }
        }
        asked
    }

    /// Time passed, for everything that a telephone has not.
    pub(super) fn pass_time(&mut self) {
        let Some(more) = &mut self.more else { return };
        let audio: Vec<u8> = more.audio.keys().copied().collect();
        let video: Vec<u8> = more.video.keys().copied().collect();
        for number in audio {
            self.release_held(number);
            self.say_backlog(number);
        }
        for number in video {
            let now = self.now;
            let video = self.more.as_mut().and_then(|more| more.video.get_mut(&number));
            if let Some(video) = video {
                video.handle_timeout(now);
            }
            self.release_pictures(number);
        }
        if self.settle_pictures() {
            self.turn(self.now);
        }
    }

    /// Lets in what nothing contradicted for long enough, and gives out what it is the turn of.
    pub(super) fn release_held(&mut self, number: u8) {
        let now = self.now;
        while let Some(held) =
            self.audio_mut(number).and_then(|audio| audio.incoming.probation.due(now))
        {
            self.admit(number, &held);
        }
        self.refuse_unproven(number);
        self.release(number);
    }

    /// Sends a frame of audio, or keeps it until there is a way.
    pub(super) fn send_audio(
        &mut self,
        now: Instant,
        number: u8,
        frame: &AudioFrame,
    ) -> Result<(), MediaError> {
        let none = MediaError::NotNegotiated(frame.codec.name());
        let Some(audio) = self.audio(number) else { return Err(none) };
        let payloads = self.descriptions.payloads(audio.place);
        if payloads.and_then(|payloads| payloads.payload_type(frame.codec)).is_none() {
            return Err(none);
        }
        if audio.muted || !self.descriptions.direction(audio.place, audio.wanted).sends() {
            return Ok(());
        }
        // What was secured once may reach the far side again before the path is known to lead there.
        let waits = !self.secure || !audio.backlog.is_empty();
        self.now = self.now.max(now);
        if !waits {
            self.say(number, frame);
            return Ok(());
        }
        // What is due makes room.
        self.say_backlog(number);
        if let Some(audio) = self.audio_mut(number) {
            audio.backlog.push(frame.clone())?;
        }
        self.say_backlog(number);
        Ok(())
    }

    /// Sends what was said before there was a way to send it.
    pub(super) fn say_backlog(&mut self, number: u8) {
        if !self.secure {
            return;
        }
        let now = self.now;
        let Some(audio) = self.audio(number) else { return };
        let silent = audio.muted || !self.descriptions.direction(audio.place, audio.wanted).sends();
        if silent && let Some(audio) = self.audio_mut(number) {
            audio.backlog.clear();
        }
        while let Some(frame) = self.audio_mut(number).and_then(|audio| audio.backlog.pop(now)) {
            self.say(number, &frame);
        }
    }

    fn say(&mut self, number: u8, frame: &AudioFrame) {
        let audio = match number {
            0 => Some(&mut self.audio),
            _ => self.more.as_mut().and_then(|more| more.audio.get_mut(&number)),
        };
        let Some(audio) = audio else { return };
        let Some(payloads) = self.descriptions.payloads(audio.place) else { return };
        let Some(packet) = audio.packet(self.now, frame, payloads) else { return };
        if let Some(association) = &mut self.association {
            association.write(audio.mid, audio.source, packet);
        }
        self.turn(self.now);
    }

    /// Sends a picture, if the far side can make use of it.
    pub(super) fn send_picture(
        &mut self,
        now: Instant,
        number: u8,
        frame: &VideoFrame,
    ) -> Result<(), MediaError> {
        let none = MediaError::NotNegotiated(frame.codec.name());
        let Some(more) = &mut self.more else { return Err(none) };
        let Some(video) = more.video.get_mut(&number) else { return Err(none) };
        let Some(terms) = self.descriptions.pictures(video.place) else { return Err(none) };
        if terms.1.of(frame.codec).is_none() {
            return Err(none);
        }
        if !video.has_encoding(frame.rid) {
            return Err(MediaError::NotNegotiated("an encoding of that name"));
        }
        self.now = self.now.max(now);
        let sends = self.descriptions.direction(video.place, video.wanted).sends();
        let packets = video.packets(self.now, frame, terms, self.secure && sends);
        let sent = packets.is_some();
        if let (Some((source, packets)), Some(association)) = (packets, &mut self.association) {
            for packet in packets {
                association.write(video.mid, Some(source), packet);
            }
        }
        if self.settle_pictures() || sent {
            self.turn(self.now);
        }
        Ok(())
    }

    /// Forgets a source: it is nobody's.
    pub(super) fn forget_source(&mut self, ssrc: u32) {
        if let Some(association) = &mut self.association {
            association.forget(ssrc);
        }
        if let Some(more) = &mut self.more {
            more.disown(ssrc);
        }
    }

    /// Writes a packet of the first track of audio.
    pub(super) fn write(&mut self, packet: RtpWrite) {
        if let Some(association) = &mut self.association {
            association.write(self.audio.mid, None, packet);
        }
    }

    /// Writes a packet of a source, or of our own, once there is somebody who can read it.
    pub(super) fn write_raw(
        &mut self,
        now: Instant,
        ssrc: Option<u32>,
        packet: RtpWrite,
    ) -> Result<(), MediaError> {
        let secure = self.secure && !self.is_over();
        let Some(association) = self.association.as_mut().filter(|_| secure) else {
            return Err(MediaError::State(self.state));
        };
        association.write_raw(ssrc, packet);
        self.turn(now);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
