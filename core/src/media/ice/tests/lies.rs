//! Servers that lie.

use turn_types::attribute::{Data, XorPeerAddress};
use turn_types::message::DATA;
use turn_types::stun::message::{MessageType, TransactionId};

use super::*;

#[test]
fn rfc_8489_9_2_5_a_server_that_likes_no_nonce_is_given_up() {
    let mut rig = Rig::new(vec![turn("pa55word")], true);
    rig.net.refuses = Some(438);
    rig.open(&[4000]);
    rig.run(Duration::from_secs(600));
    assert_eq!((rig.no_relays.as_slice(), rig.done.len()), (&[(at(SERVER), Some(438))][..], 1));
    assert!(rig.net.sent_to_server <= 10, "{}", rig.net.sent_to_server);
    assert_eq!(rig.gather.next_wake(), None);
    // And one that liked some before.
    let (mut rig, lent) = speaking();
    assert_eq!(rig.gather.refused, 0);
    let before = rig.net.sent_to_server;
    rig.net.refuses = Some(438);
    rig.run(Duration::from_secs(600));
    assert_eq!(rig.removed, [lent]);
    assert!(rig.net.sent_to_server - before <= 20, "{}", rig.net.sent_to_server - before);
    assert_eq!(rig.gather.next_wake(), None);
}

#[test]
fn rfc_8656_6_3_addresses_that_nobody_can_lend_are_not_taken() {
    for lie in ["10.0.0.7:4000", "10.0.0.7:4001", "0.0.0.0:9", "224.0.0.1:9", "198.51.100.1:0"] {
        for servers in [vec![turn("pa55word")], vec![stun()]] {
            let mut rig = Rig::new(servers, false);
            rig.net.lies = Some(at(lie));
            rig.open(&[4000, 4001]);
            rig.run(Duration::from_secs(60));
            assert_eq!(rig.added.len(), 2, "{lie}: {:?}", rig.added);
            assert!(!rig.gather.lends(at(lie)) && rig.removed.is_empty(), "{lie}");
            assert_eq!((rig.done.len(), rig.gather.next_wake()), (1, None), "{lie}");
            assert!(rig.gather.refused > 0, "{lie}");
        }
    }
}

#[test]
fn rfc_8656_12_6_data_that_nobody_asked_for_goes_nowhere() {
    let (mut rig, lent) = speaking();
    let (here, there) = (host(4000).address, at(SERVER));
    let before = rig.heard.len();
    for channel in 0x4001..0x5000_u16 {
        let mut data = channel.to_be_bytes().to_vec();
        data.extend([0, 4, 128, 1, 2, 3]);
        let left = rig.gather.handle_datagram(rig.net.now, here, there, data);
        assert_eq!(left, None, "{channel}");
    }
    rig.drain();
    assert_eq!(rig.net.under_way.len(), 0, "it is not answered");
    assert_eq!(rig.gather.refused, 0xFFF);
    // A peer that nobody spoke with, and what is no message.
    for data in [data_of(at("203.0.113.66:9")), vec![0; 20], vec![22, 254, 253], Vec::new()] {
        assert_eq!(rig.gather.handle_datagram(rig.net.now, here, there, data), None);
    }
    assert_eq!(rig.gather.refused, 0xFFF + 4);
    assert!(speak(&mut rig, lent, 50) >= 49);
    assert!(rig.heard.len() - before <= 50);
    assert_eq!(rig.gather.refused, 0xFFF + 4, "and nothing else");
}

/// A relay over a stream: what it was sent, and what it answers.
struct Streamed {
    rig: Rig,
    server: TurnServer,
}

impl Streamed {
    fn lent() -> Self {
        let server = TurnServer::new(TransportType::Tcp, at(SERVER), "lab.test".to_owned());
        let mut one = Self { rig: over_streams("turn:198.51.100.1:3478?transport=tcp"), server };
        one.server.add_user("alice".to_owned(), "pa55word".to_owned());
        one.tell(StreamEvent::Opened { local: at("10.0.0.7:9") });
        one.run(MS(1000));
        assert_eq!(one.rig.added.len(), 2, "{:?}", one.rig.added);
        one
    }

    fn tell(&mut self, event: StreamEvent) {
        let came = self.rig.gather.handle_stream(self.rig.net.now, StreamId(1), event);
        self.rig.heard.extend(came);
        self.rig.drain();
    }

    fn run(&mut self, time: Duration) {
        let end = self.rig.net.now + time;
        while self.rig.net.now < end {
            for (_, data) in std::mem::take(&mut self.rig.streamed) {
                self.answer(data);
            }
            self.rig.run(MS(5));
        }
    }

    fn answer(&mut self, data: Vec<u8>) {
        let now = self.rig.net.at();
        let client = at("10.0.0.7:9");
        let asked = Transmit::new(data, TransportType::Tcp, client, at(SERVER));
        let mut said: Vec<_> =
            self.server.recv(asked, now).map(|reply| reply.build()).into_iter().collect();
        while let TurnServerPollRet::AllocateSocket {
            transport,
            listen_addr,
            client_addr,
            allocation_transport,
            family,
        } = self.server.poll(now)
        {
            self.server.allocated_socket(
                transport,
                listen_addr,
                client_addr,
                allocation_transport,
                family,
                Ok(at("198.51.100.1:50000")),
                now,
            );
        }
        said.extend(std::iter::from_fn(|| self.server.poll_transmit(now)));
        // Others are for a peer.
        for said in said.into_iter().filter(|said| said.to == client) {
            self.tell(StreamEvent::Data(said.data));
        }
    }
}

#[test]
fn rfc_8489_6_2_2_a_stream_that_promises_more_than_comes_is_given_up_in_two_seconds() {
    let mut one = Streamed::lent();
    let lent = at("198.51.100.1:50000");
    // Something was heard by it: a peer's word, in a Data indication.
    one.rig.send(lent, at("192.0.2.77:7777"), &[1, 0]);
    one.run(MS(500));
    one.tell(StreamEvent::Data(data_of(at("192.0.2.77:7777"))));
    assert_eq!(one.rig.gather.refused, 0);
    // A head that is as it should be, and whose message never ends: all that comes then is its body.
    let mut head = vec![0, 0x17, 0xFF, 0xFC, 0x21, 0x12, 0xA4, 0x42];
    head.resize(20, 0);
    one.tell(StreamEvent::Data(head));
    let began = one.rig.net.now;
    while one.rig.removed.is_empty() {
        one.run(MS(20));
        assert!(one.rig.net.now - began < MS(3000), "nobody noticed");
    }
    assert_eq!((one.rig.removed.as_slice(), one.rig.closed.len()), (&[lent][..], 1));
    assert_eq!(one.rig.gather.refused, 1);
    one.run(MS(50));
    assert_eq!(one.rig.streams.len(), 2, "it is asked anew");
}

/// A peer's word, as a server hands it on.
fn data_of(peer: SocketAddr) -> Vec<u8> {
    let kind = MessageType::from_class_method(MessageClass::Indication, DATA);
    let mut text = Message::builder(kind, TransactionId::generate(), MessageWriteVec::new());
    let id = text.transaction_id();
    text.add_attribute(&XorPeerAddress::new(peer, id)).unwrap();
    text.add_attribute(&Data::new(&[128, 1, 2, 3])).unwrap();
    text.finish()
}
