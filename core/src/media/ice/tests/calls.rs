//! Calls of two engines by a relay alone.

use super::*;

/// Two ends of a call, each behind the NAT, that may only use the relay.
struct Ends {
    net: Net,
    peers: Vec<Peers>,
    outs: Vec<Outputs<(), (), std::io::Error>>,
    /// The end that a port outside belongs to.
    ports: BTreeMap<u16, usize>,
    candidates: Vec<Vec<String>>,
    states: Vec<MediaState>,
    heard: Vec<usize>,
}

impl Ends {
    fn peer(&mut self, end: usize) -> &mut Peer {
        self.peers[end].all().next().unwrap()
    }

    fn drain(&mut self, end: usize, first: Option<PeerNews>) {
        let mut news = first;
        loop {
            if let Some(PeerNews::Engine(event)) = news {
                match event {
                    EngineEvent::LocalCandidate(candidate) => {
                        self.candidates[end].push(candidate.candidate);
                    }
                    EngineEvent::State(state) => self.states[end] = state,
                    _ => {}
                }
            }
            let (peer, out) = (self.peers[end].all().next().unwrap(), &mut self.outs[end]);
            news = peer.poll(out);
            if news.is_none() {
                break;
            }
        }
        while let Some(output) = self.outs[end].pop() {
            match output {
                Output::Transmit { local, remote, data, .. } => self.net.send(local, remote, data),
                Output::Frame { .. } => self.heard[end] += 1,
                _ => {}
            }
        }
    }

    fn run(&mut self, time: Duration) {
        let end = self.net.now + time;
        loop {
            let wakes: Vec<_> = (0..2).filter_map(|n| self.peer(n).next_wake()).collect();
            let due = self.net.under_way.front().map(|letter| letter.due);
            let next = wakes.into_iter().map(|wake| wake.at).chain(due).min();
            let Some(next) = next.filter(|next| *next <= end) else { break };
            self.net.now = self.net.now.max(next);
            let now = self.net.now;
            self.outs.iter_mut().for_each(|out| out.advance(now));
            for (to, from, data) in self.net.arrive() {
                let whose = self.ports[&to.port()];
                let local = host(to.port()).address;
                let event = UdpEvent::Datagram { local, remote: from, data };
                let (peer, out) = (self.peers[whose].all().next().unwrap(), &mut self.outs[whose]);
                let news = peer.handle_udp(event, out);
                self.drain(whose, news);
            }
            for n in 0..2 {
                self.peer(n).handle_timeout(now);
                self.drain(n, None);
            }
        }
        self.net.now = end;
        self.outs.iter_mut().for_each(|out| out.advance(end));
    }
}

#[test]
fn rfc_8656_a_call_connects_over_relays_alone_and_talks() {
    let net = Net::new();
    let now = net.now;
    let help = IceHelp { servers: vec![turn("pa55word")], relay_only: true, limit: MS(5000) };
    let mut ends = Ends {
        net,
        peers: Vec::new(),
        outs: vec![Outputs::new(now), Outputs::new(now)],
        ports: BTreeMap::from([(4000, 0), (5000, 1)]),
        candidates: vec![Vec::new(), Vec::new()],
        states: vec![MediaState::New; 2],
        heard: vec![0; 2],
    };
    for (end, name) in ["a", "b"].into_iter().enumerate() {
        let factory = Box::new(WebRtcFactory::new());
        let mut peers = Peers::new(factory, Seed::from(end as u64));
        let mut config: EngineConfig = peers.config(name);
        config.relay_only = true;
        let engine = peers.engine(now, config);
        peers.open(engine, None, Duration::from_secs(5), None, &help, &mut ends.outs[end]);
        ends.peers.push(peers);
    }
    let wish = Wish { kind: MediaKind::Audio, direction: Direction::SendRecv };
    let offer = ends.peer(0).engine.create_offer(now, &[wish]).unwrap();
    ends.peer(1).engine.accept_offer(now, &offer).unwrap();
    let answer = ends.peer(1).engine.create_answer(now).unwrap();
    ends.peer(0).engine.accept_answer(now, &answer).unwrap();
    for (port, end) in ends.ports.clone() {
        let event = UdpEvent::Opened { local: vec![host(port)] };
        let (peer, out) = (ends.peers[end].all().next().unwrap(), &mut ends.outs[end]);
        let news = peer.handle_udp(event, out);
        ends.drain(end, news);
    }
    ends.run(MS(500));
    for end in 0..2 {
        let told = std::mem::take(&mut ends.candidates[end]);
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].contains("typ relay"), "{told:?}");
        let now = ends.net.now;
        ends.peer(1 - end).engine.add_remote_candidate(now, &told[0]).unwrap();
        ends.drain(1 - end, None);
    }
    ends.run(MS(3000));
    assert_eq!(ends.states, [MediaState::Connected; 2]);
    for n in 0..50_u64 {
        for end in 0..2 {
            let frame = AudioFrame {
                codec: AudioCodec::Opus,
                time: n * 960,
                data: vec![1; 40].into(),
                talkspurt: n == 0,
                lost_before: 0,
            };
            let (peer, out) = (ends.peers[end].all().next().unwrap(), &mut ends.outs[end]);
            let news = peer.send(Track::AUDIO, &frame.into(), out);
            ends.drain(end, news);
        }
        ends.run(MS(20));
    }
    ends.run(MS(500));
    assert_eq!(ends.heard, [50, 50]);
}
