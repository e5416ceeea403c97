//! Collection of candidates: the rule of w5.6, line by line.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::media::IceServer;
use crate::ribbon::collect::Collection;
use crate::ribbon::{
    CallCode, CheckReason, DefaultCheck, Error, ErrorCode, GatheringState, IceCheck, IceCollection,
    IceTimeouts, OperationKind, PeerConfig, Verdict,
};
use crate::testing::epoch;

const TWO: &str = "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n\
                   m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:1\r\n";
const ONE: &str = "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n";
const LIMITS: IceTimeouts = IceTimeouts::new(ms(1000), ms(3000));

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn line(n: u16, kind: &str) -> String {
    format!("candidate:{n} 1 udp 1 192.0.2.1 {} typ {kind}", 1000 + n)
}

struct Rig {
    start: Instant,
    collection: Collection,
    peer: PeerConfig,
}

impl Rig {
    fn new(description: &str, relays: usize) -> Self {
        let start = epoch();
        let make = OperationKind::Make;
        let collection = Collection::new("c".into(), make, description.to_owned(), start);
        let turn = IceServer::turn("turn:t", "u", "p");
        Self { start, collection, peer: PeerConfig::default().ice_servers(vec![turn; relays]) }
    }

    fn poll_with(&mut self, at: u64, check: &dyn IceCheck) -> Option<Result<(), Error>> {
        self.collection.poll(self.start + ms(at), check, &LIMITS, &self.peer)
    }

    fn poll(&mut self, at: u64) -> Option<Result<(), ErrorCode>> {
        self.poll_with(at, &DefaultCheck).map(|end| end.map_err(|error| error.code))
    }

    fn wake(&self) -> Option<u64> {
        let wake = self.collection.next_wake()?;
        Some(u64::try_from(wake.at.duration_since(self.start).as_millis()).unwrap())
    }
}

#[test]
fn rt_016_w5_6_complete_with_candidates_is_sent_and_without_fails() {
    let mut rig = Rig::new(ONE, 0);
    assert!(rig.collection.candidate(Some("0"), &line(1, "host")));
    rig.collection.gathering(GatheringState::Complete);
    assert_eq!((rig.poll(0), rig.poll(9000), rig.wake()), (Some(Ok(())), None, None));
    let mut none = Rig::new(ONE, 0);
    none.collection.gathering(GatheringState::Complete);
    assert_eq!(none.poll(0), Some(Err(CallCode::NoIceCandidates.into())));
}

#[test]
fn rc_034_w5_6_before_the_ideal_time_every_section_wants_one_of_each_relay() {
    let mut rig = Rig::new(TWO, 2);
    for (n, mid) in [(1, "0"), (2, "0"), (3, "1")] {
        rig.collection.candidate(Some(mid), &line(n, "relay"));
        assert_eq!(rig.poll(u64::from(n) * 60), None);
    }
    // One of RTCP is not of RTP, and neither is a host's of a relay.
    rig.collection.candidate(Some("1"), "candidate:9 2 udp 1 192.0.2.1 9 typ relay");
    rig.collection.candidate(Some("1"), &line(5, "host"));
    assert_eq!((rig.poll(300), rig.wake()), (None, Some(1000)));
    rig.collection.candidate(Some("1"), &line(4, "relay"));
    assert_eq!(rig.poll(400), Some(Ok(())));
    // Without a relay nothing is enough before that time, and at the longest whatever is there.
    let mut bare = Rig::new(ONE, 0);
    bare.collection.candidate(Some("0"), &line(1, "host"));
    assert_eq!((bare.poll(25), bare.wake()), (None, Some(1000)));
    assert_eq!((bare.poll(1000), bare.wake()), (None, Some(3000)));
    assert_eq!(bare.poll(3000), Some(Ok(())));
}

#[test]
fn rc_035_w5_6_before_the_longest_time_every_section_wants_one_of_any_relay() {
    let mut rig = Rig::new(TWO, 2);
    rig.collection.candidate(Some("0"), &line(1, "relay"));
    assert_eq!(rig.poll(1500), None);
    rig.collection.candidate(Some("1"), &line(2, "relay"));
    assert_eq!(rig.poll(1600), Some(Ok(())));
    let mut none = Rig::new(ONE, 1);
    assert_eq!((none.poll(25), none.poll(1000), none.wake()), (None, None, Some(3000)));
    assert_eq!(none.poll(3000), Some(Err(CallCode::NoIceCandidates.into())));
}

/// The reasons of all decisions, each of which is to wait.
struct Reasons(Mutex<Vec<CheckReason>>, Option<Duration>);

impl IceCheck for Reasons {
    fn check(&self, collection: &IceCollection<'_>, _: &IceTimeouts) -> Verdict {
        assert_eq!(collection.operation, OperationKind::Make);
        self.0.lock().unwrap().push(collection.reason);
        Verdict::Wait(self.1)
    }
}

#[test]
fn rt_014_rt_015_w5_6_when_the_decision_is_asked_for() {
    use CheckReason::{IceGatheringStateChanged, NewCandidate, Scheduled};
    let reasons = Reasons(Mutex::default(), None);
    let taken = || std::mem::take(&mut *reasons.0.lock().unwrap());
    let mut rig = Rig::new(ONE, 0);
    assert_eq!(rig.wake(), Some(25));
    rig.poll_with(24, &reasons);
    assert_eq!(taken(), []);
    rig.poll_with(25, &reasons);
    assert_eq!((taken(), rig.wake()), (vec![Scheduled], None), "only something new asks again");
    for (at, n) in [(100, 1), (110, 2), (120, 3)] {
        rig.collection.candidate(None, &line(n, "host"));
        rig.poll_with(at, &reasons);
    }
    assert_eq!((taken(), rig.wake()), (vec![NewCandidate], Some(150)), "the first of many");
    rig.poll_with(150, &reasons);
    assert_eq!((taken(), rig.wake()), (vec![NewCandidate], None), "and those that came with it");
    assert!(!rig.collection.candidate(None, &line(3, "host")), "it is there");
    assert!(!rig.collection.candidate(None, "nonsense"));
    rig.collection.gathering(GatheringState::Complete);
    rig.collection.gathering(GatheringState::Complete);
    rig.poll_with(300, &reasons);
    assert_eq!(taken(), [IceGatheringStateChanged]);
}

#[test]
fn rc_036_a_function_of_the_applications_decides_at_most_a_thousand_times() {
    let reasons = Reasons(Mutex::default(), Some(Duration::ZERO));
    let mut rig = Rig::new(ONE, 0);
    let mut at = 25;
    let end = loop {
        if let Some(end) = rig.poll_with(at, &reasons) {
            break end;
        }
        at = rig.wake().unwrap();
    };
    assert_eq!(end.unwrap_err().code, CallCode::NoIceCandidates.into());
    assert_eq!((reasons.0.lock().unwrap().len(), at), (1000, 1025));

    let refuses = |_: &IceCollection<'_>, limits: &IceTimeouts| {
        assert_eq!(*limits, LIMITS);
        Verdict::Error("no\nrelay".to_owned())
    };
    let error = Rig::new(ONE, 0).poll_with(25, &refuses).unwrap().unwrap_err();
    assert_eq!(error.to_string(), "call:10: no relay");
    let panics = |_: &IceCollection<'_>, _: &IceTimeouts| panic!("a mistake of the application's");
    let error = Rig::new(ONE, 0).poll_with(25, &panics).unwrap().unwrap_err();
    assert_eq!(error.code, CallCode::Unknown.into());
}

#[test]
fn rt_014_only_so_many_candidates_are_kept() {
    let mut rig = Rig::new(ONE, 0);
    let kept = (0..300).filter(|n| rig.collection.candidate(None, &line(*n, "host"))).count();
    assert_eq!(kept, 256);
}
