//! Clients of one user and the user's headset: whatever they do, they agree who has it (HS-2 to HS-5, DEF-18,
//! wire notes 6.16).

use std::collections::BTreeMap;
use std::time::Duration;

use offhook::genesys::{Command, ConversationId, Event, HeadsetControls, HeadsetRank};
use offhook_sim::world::{
    Application, Conditions, Dice, Fidelity, Keys, Moment, Observer, PhoneId, Seen, World,
};
use serde_json::json;

use HeadsetControls::{AlternativeClient, HasControls, NotStarted};

/// The time within which they agree, once nothing happens any more.
const QUIET: Duration = Duration::from_secs(10);
/// The longest that nothing passes.
const CUT: Duration = Duration::from_secs(5);
/// The longest that a client may take to be back.
const BACK: Duration = Duration::from_secs(120);

/// Connects, and does nothing of its own.
struct Idle;

impl Application for Idle {
    fn handle(&mut self, _: Duration, moment: Moment<'_>, keys: &mut Keys<'_>) {
        if let Moment::Start = moment {
            keys.submit(Command::Connect).unwrap();
        }
    }
}

/// The things that the clients told.
#[derive(Default)]
struct Told {
    controls: BTreeMap<PhoneId, HeadsetControls>,
    /// The last that rang at each.
    rings: BTreeMap<PhoneId, ConversationId>,
}

impl Observer for Told {
    fn see(&mut self, _: Duration, seen: Seen<'_>) {
        match seen {
            Seen::Told { phone, event: Event::HeadsetControls(controls) } => {
                self.controls.insert(phone, *controls);
            }
            Seen::Told { phone, event: Event::PendingSession(pending) } => {
                self.rings.insert(phone, pending.conversation.clone());
            }
            _ => {}
        }
    }
}

/// A user at several computers.
struct User {
    world: World<Told>,
    phones: Vec<PhoneId>,
    /// The calls, each at the client that took it.
    calls: Vec<(usize, String)>,
}

impl User {
    fn at(seed: u64, ranks: &[HeadsetRank]) -> Self {
        let mut world = World::new(seed, Fidelity::Signaling, Told::default());
        world.add_user("ada", "token", &json!({"lineAppearances": 100}));
        let phones = ranks
            .iter()
            .map(|rank| {
                world
                    .add_phone("ada", "token", Box::new(Idle), |config| config.headset_rank = *rank)
            })
            .collect();
        let mut user = Self { world, phones, calls: Vec::new() };
        user.be_back();
        user
    }

    fn of(clients: usize) -> Self {
        Self::at(1, &vec![HeadsetRank::Standard; clients])
    }

    fn pass(&mut self, time: Duration) {
        let until = self.world.now() + time;
        assert_eq!(self.world.run(until), None);
    }

    /// Waits until all are connected.
    fn be_back(&mut self) {
        let until = self.world.now() + BACK;
        while self.phones.iter().any(|phone| !self.world.client(*phone).is_connected()) {
            assert!(self.world.now() < until, "never connected");
            self.pass(Duration::from_millis(100));
        }
    }

    /// Asks for the headset, or gives it up, if that is possible now.
    fn press(&mut self, client: usize, command: Command) -> bool {
        self.world.press(self.phones[client], |keys| keys.submit(command).is_ok())
    }

    fn ask(&mut self, client: usize) {
        assert!(self.press(client, Command::RequestHeadset));
    }

    /// Takes a call at a client; it may be that it is not offered there.
    fn call(&mut self, client: usize) {
        let phone = self.phones[client];
        let (status, call) =
            self.world.control("POST", "calls", &json!({"kind": "inbound", "userId": "ada"}));
        assert_eq!(status, 200, "{call}");
        self.pass(Duration::from_secs(2));
        let call = call["conversationId"].as_str().unwrap().to_owned();
        let rings = self.world.observer().rings.get(&phone).cloned();
        if let Some(conversation) = rings.filter(|rings| rings.as_str() == call) {
            self.press(client, Command::AcceptPendingSession { conversation });
        }
        self.calls.push((client, call));
        self.pass(Duration::from_secs(3));
    }

    fn hang_up(&mut self, call: usize) {
        let (_, call) = self.calls.remove(call);
        self.world.control("POST", &format!("calls/{call}/hangup"), &json!({}));
    }

    fn controls(&self, client: usize) -> HeadsetControls {
        self.world.observer().controls.get(&self.phones[client]).copied().unwrap_or_default()
    }

    fn all(&self) -> Vec<HeadsetControls> {
        (0..self.phones.len()).map(|client| self.controls(client)).collect()
    }

    /// At most one has it, and exactly one if any wants it.
    fn agree(&mut self, about: &str) {
        self.pass(CUT);
        self.be_back();
        self.pass(QUIET);
        let all = self.all();
        let wanted = all.iter().any(|controls| *controls != NotStarted);
        let owners = all.iter().filter(|controls| **controls == HasControls).count();
        assert_eq!(owners, usize::from(wanted), "{about}: {all:?}");
    }
}

#[test]
fn hs_2_of_clients_that_ask_at_once_one_has_it() {
    for clients in [2, 3] {
        for apart in [0, 20, 700, 1_490, 1_510] {
            let mut user = User::of(clients);
            for client in 0..clients {
                user.ask(client);
                user.pass(Duration::from_millis(apart));
            }
            user.agree(&format!("{clients} clients, {apart} ms apart"));
            assert!(!user.all().contains(&HeadsetControls::Negotiating));
        }
    }
}

/// Without calls nobody refuses it, though the first one's word that it has it is still on its way.
#[test]
fn hs_4_of_clients_that_ask_in_turn_the_last_has_it() {
    for later in (0..100).step_by(10) {
        let mut user = User::of(2);
        user.ask(0);
        let until = user.world.now() + QUIET;
        while user.controls(0) != HasControls {
            assert!(user.world.now() < until, "nobody else wants it");
            user.pass(Duration::from_millis(1));
        }
        user.pass(Duration::from_millis(later));
        user.ask(1);
        user.agree(&format!("{later} ms later"));
        assert_eq!(user.all(), [AlternativeClient, HasControls], "{later} ms later");
    }
}

#[test]
fn hs_4_who_has_a_call_keeps_it_and_gives_it_to_one_that_waits() {
    let mut user = User::of(3);
    user.ask(0);
    user.agree("alone");
    user.call(0);
    user.ask(1);
    user.ask(2);
    user.agree("in a call");
    assert_eq!(user.all(), [HasControls, AlternativeClient, AlternativeClient]);
    user.hang_up(0);
    user.agree("after the call");
    assert_eq!(user.controls(0), HasControls, "nobody asks for it");
    user.press(0, Command::ReleaseHeadset);
    user.agree("released");
    assert_eq!(user.controls(0), NotStarted);
}

#[test]
fn hs_4_who_has_a_call_keeps_it_from_one_whose_network_is_slow() {
    let mut user = User::of(2);
    user.ask(0);
    user.agree("alone");
    user.call(0);
    for slow in [1_000, 2_000, 4_000] {
        let phone = user.phones[1];
        user.world.cut(phone, Duration::from_millis(slow));
        user.ask(1);
        user.agree(&format!("slow by {slow} ms"));
        assert_eq!(user.all(), [HasControls, AlternativeClient], "{slow} ms");
    }
}

/// Each takes what the other has left to it, or believes so.
#[test]
fn hs_2_clients_whose_networks_are_slow_agree_in_the_end() {
    for slow in (500..6_000).step_by(500) {
        for apart in (0..7_000).step_by(500) {
            let mut user = User::of(2);
            let latency = Duration::from_millis(slow);
            user.world.set_conditions(user.phones[0], Conditions { latency, ..Conditions::good() });
            user.ask(0);
            user.pass(Duration::from_millis(apart));
            user.ask(1);
            user.pass(Duration::from_secs(40));
            user.agree(&format!("slow by {slow} ms, {apart} ms apart"));
        }
    }
}

/// Two that talk say no to each other, and neither of them has it.
#[test]
fn def_18_it_is_asked_for_again_though_one_said_no_that_did_not_have_it() {
    let mut user = User::of(3);
    user.ask(1);
    user.ask(2);
    user.agree("two");
    user.call(1);
    user.call(2);
    user.agree("both talk");
    user.call(0);
    user.ask(0);
    user.agree("refused");
    let owner = user.all().iter().position(|controls| *controls == HasControls).unwrap();
    user.press(owner, Command::ReleaseHeadset);
    user.agree("released in a call");
}

#[test]
fn def_18_an_owner_that_goes_leaves_it_and_one_that_comes_back_asks() {
    let mut user = User::of(2);
    user.ask(0);
    user.agree("alone");
    user.call(0);
    user.ask(1);
    user.agree("refused");
    assert_eq!(user.all(), [HasControls, AlternativeClient]);
    for cut in [300, 3_000, 40_000] {
        user.world.reset(user.phones[0]);
        user.agree("reset");
        user.world.cut(user.phones[0], Duration::from_millis(cut));
        user.pass(Duration::from_millis(cut));
        user.agree(&format!("cut for {cut} ms"));
    }
    user.press(0, Command::Disconnect);
    user.pass(QUIET);
    assert_eq!(user.all(), [NotStarted, HasControls]);
}

/// The other one is there all the while, and hears it asked for.
#[test]
fn def_18_one_whose_connection_alone_is_dropped_asks_again() {
    let mut user = User::of(2);
    user.ask(1);
    user.ask(0);
    user.agree("both");
    let (_, connections) = user.world.control("GET", "connections", &json!({}));
    let jid = |n: usize| connections["connections"][n]["jid"].clone();
    for (jid, dropped) in [(jid(0), 1), (jid(1), 1), (json!("nobody"), 0)] {
        let body = json!({"userId": "ada", "jid": jid});
        let answer = user.world.control("POST", "connections/drop", &body);
        assert_eq!(answer, (200, json!({"dropped": dropped})));
        user.agree("dropped");
    }
}

#[test]
fn scenario_15_hs_4_a_media_helper_has_it_and_keeps_it() {
    let mut user = User::at(1, &[HeadsetRank::Standard, HeadsetRank::MediaHelper]);
    user.ask(0);
    user.ask(1);
    user.agree("both");
    assert_eq!(user.controls(1), HasControls);
    user.press(0, Command::ReleaseHeadset);
    user.ask(0);
    user.agree("asked again");
    assert_eq!(user.all(), [AlternativeClient, HasControls]);
    user.press(1, Command::ReleaseHeadset);
    user.agree("the helper wants it no more");
    assert_eq!(user.all(), [HasControls, NotStarted]);
}

/// Anything in any order: in the end they agree, again and again.
#[test]
fn hs_2_in_whatever_order_all_that_happens_happens_they_agree() {
    for seed in 0..60 {
        let mut dice = Dice::new(&offhook::Seed::from(seed), "headset");
        let clients = 2 + dice.below(2);
        let ranks = [HeadsetRank::Standard, HeadsetRank::Prioritized, HeadsetRank::MediaHelper];
        let ranked = dice.chance(0.3);
        let ranks: Vec<_> = (0..clients)
            .map(|_| if ranked { ranks[dice.below(3)] } else { HeadsetRank::Standard })
            .collect();
        let mut user = User::at(seed, &ranks);
        let mut story = format!("seed {seed}, {ranks:?}");
        for _ in 0..4 {
            for _ in 0..1 + dice.below(6) {
                let client = dice.below(clients);
                let what = dice.below(8);
                story += &format!("; {client} does {what}");
                match what {
                    0..=2 => drop(user.press(client, Command::RequestHeadset)),
                    3 => drop(user.press(client, Command::ReleaseHeadset)),
                    4 => user.call(client),
                    5 if !user.calls.is_empty() => user.hang_up(0),
                    6 => user.world.reset(user.phones[client]),
                    7 => {
                        let time =
                            Duration::from_millis(dice.below(CUT.as_millis() as usize) as u64);
                        user.world.cut(user.phones[client], time);
                    }
                    _ => {}
                }
                user.pass(Duration::from_millis([0, 30, 500, 2_000][dice.below(4)]));
            }
            user.agree(&story);
            story += "; agreed";
        }
    }
}
