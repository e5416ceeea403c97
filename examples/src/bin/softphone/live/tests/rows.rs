//! Calls and meetings that end, go on and come again: which are on the screen.

use super::*;

/// The user of a new emulator, with a token for them.
pub(super) fn with_user(station: &Value) -> (Emulator, String, String) {
    let emulator = Emulator::start(EmulatorOptions::default()).unwrap();
    let user = json!({"name": "Ada", "station": station});
    let user = emulator.control("POST", "users", &user).unwrap();
    let (id, token) = (text(&user, "userId"), text(&user, "token"));
    (emulator, id, token)
}

/// The first event of that kind that the service has seen after another.
fn served_after(emulator: &Emulator, kind: &str, other: &Value) -> Value {
    let path =
        format!("events?type={kind}&after={}&wait=20000", other["seq"].as_u64().unwrap_or(0));
    let events = emulator.control("GET", &path, &json!({})).unwrap();
    events["events"].get(0).unwrap_or_else(|| panic!("no {kind}")).clone()
}

fn served(emulator: &Emulator, kind: &str) -> Value {
    served_after(emulator, kind, &Value::Null)
}

/// The thing that comes in the end.
fn comes<T>(is: impl Fn() -> Option<T>) -> T {
    let since = Instant::now();
    loop {
        if let Some(there) = is() {
            return there;
        }
        assert!(since.elapsed() < LIMIT, "it does not come");
        std::thread::yield_now();
    }
}

pub(super) fn text(of: &Value, key: &str) -> String {
    of[key].as_str().unwrap_or_else(|| panic!("no {key} in {of}")).to_owned()
}

/// The media of a call may go before the call does: the service offers another session.
#[test]
fn a_call_goes_on_by_the_session_after_the_one_that_ended() {
    let (emulator, user, token) = with_user(&json!({}));
    let ada = Person::at::<Cloud<Tokio>>(&emulator, &["--token", &token]);
    let inbound = json!({"kind": "inbound", "userId": user, "signaling": "sdp"});
    let call = emulator.control("POST", "calls", &inbound).unwrap();
    ada.sees("! RINGING");
    ada.presses(Key::Char('a'));
    ada.sees("1 * TALKING");
    let peer = text(&served(&emulator, "message-proceed"), "to");
    let session = text(&served(&emulator, "answered"), "sessionId");
    let params = json!({"sessionId": session, "reason": "success"});
    let ends = json!({"jsonrpc": "2.0", "id": "1", "method": "terminate", "params": params});
    let ends = ends.to_string().replace('"', "&quot;");
    let ends = format!(
        "<iq xmlns='jabber:client' type='set' id='end-1' from='{peer}' to='{{jid}}'>\
         <genesys-webrtc xmlns='genesys'>{ends}</genesys-webrtc></iq>"
    );
    emulator.control("POST", "stanza", &json!({"userId": user, "xml": ends})).unwrap();
    ada.sees("1 x NO SOUND");
    let again = format!("calls/{}/reinvite", text(&call, "conversationId"));
    emulator.control("POST", &again, &json!({"newSession": true})).unwrap();
    ada.sees("1 * TALKING");
    ada.presses(Key::Char('m'));
    ada.sees("MUTED");
    ada.presses(Key::Char('e'));
    ada.sees("no calls");
    ada.leaves();
}

/// A room has one conversation for as long as others are in it.
#[test]
fn a_meeting_that_was_left_is_joined_again() {
    let (emulator, _, token) = with_user(&json!({}));
    let ada = Person::at::<Cloud<Tokio>>(&emulator, &["--token", &token]);
    let joins = || {
        ada.presses(Key::Char('M'));
        ada.types(ROOM);
    };
    joins();
    ada.sees("1 * MEETING");
    let room = ROOM.split_once('@').unwrap().0;
    let lin = json!({"name": "Lin", "userId": "lin"});
    emulator.control("POST", &format!("rooms/{room}/participants"), &lin).unwrap();
    ada.sees("People: 2");
    let room = emulator.control("GET", &format!("rooms/{room}"), &json!({})).unwrap();
    ada.presses(Key::Char('e'));
    ada.sees("no calls");
    joins();
    ada.sees("1 * MEETING");
    ada.sees("People: 2");
    ada.presses(Key::Char('e'));
    ada.sees("no calls");
    // It is asked for, nothing comes of it, and it is left; and asked for again.
    let same = json!({"conversationId": text(&room, "conversationId")});
    let fault = json!({"path": "conversations/videos", "status": 200, "body": same});
    emulator.control("POST", "faults", &fault).unwrap();
    joins();
    ada.sees("1 > DIALLING");
    ada.presses(Key::Char('e'));
    ada.sees("no calls");
    joins();
    ada.sees("1 * MEETING");
    ada.presses(Key::Char('e'));
    ada.sees("no calls");
    ada.leaves();
}

#[test]
fn a_meeting_that_is_offered_anew_and_declined_goes_on() {
    let (emulator, user, token) = with_user(&json!({}));
    let (lin, _) = emulator.add_user("Lin", None).unwrap();
    let ada = Person::at::<Cloud<Tokio>>(&emulator, &["--token", &token]);
    let peer = json!({"kind": "peer", "userId": user, "fromUserId": lin});
    let room = emulator.control("POST", "rooms", &peer).unwrap();
    ada.sees("1 ! RINGING");
    ada.presses(Key::Char('a'));
    ada.sees("1 * MEETING");
    let propose = format!("rooms/{}/propose", text(&room, "roomId"));
    emulator.control("POST", &propose, &json!({"userId": user})).unwrap();
    ada.sees("1 ! RINGING");
    ada.presses(Key::Char('r'));
    ada.sees("1 * MEETING");
    ada.presses(Key::Char('e'));
    ada.sees("no calls");
    ada.leaves();
}

#[test]
fn a_dialled_call_that_the_service_never_tells_of_can_be_left() {
    let (emulator, _, token) = with_user(&json!({}));
    let ada = Person::at::<Cloud<Tokio>>(&emulator, &["--token", &token]);
    let nowhere = json!({"conversationId": "nowhere", "id": "nowhere"});
    let fault =
        json!({"method": "POST", "path": "conversations/calls", "status": 200, "body": nowhere});
    emulator.control("POST", "faults", &fault).unwrap();
    let dials = || {
        ada.presses(Key::Char('d'));
        ada.types("+15550123");
    };
    dials();
    ada.sees("1 > DIALLING");
    ada.presses(Key::Char('e'));
    ada.sees("over (it had not begun)");
    ada.sees("no calls");
    dials();
    ada.sees("1 * TALKING");
    ada.leaves();
}

/// Whoever hangs up a call that is held, and fails, has it still.
#[test]
fn a_held_call_that_cannot_be_ended_is_there_still() {
    let (emulator, user, token) = with_user(&json!({"lineAppearances": 1}));
    let ada = Person::at::<Cloud<Tokio>>(&emulator, &["--token", &token]);
    let inbound = json!({"kind": "inbound", "userId": user});
    for row in ["1 * TALKING", "2 * TALKING"] {
        emulator.control("POST", "calls", &inbound).unwrap();
        ada.sees("! RINGING");
        ada.presses(Key::Char('a'));
        ada.sees(row);
    }
    ada.sees("1 = ON HOLD");
    ada.presses(Key::Up);
    ada.sees(">1 = ON HOLD");
    let fault = json!({"method": "PATCH", "path": "conversations", "status": 400});
    emulator.control("POST", "faults", &fault).unwrap();
    ada.presses(Key::Char('e'));
    ada.sees("! session error: its session carries other calls");
    ada.sees(">1 = ON HOLD");
    ada.presses(Key::Char('h'));
    ada.sees(">1 * TALKING");
    ada.presses(Key::Char('e'));
    ada.sees("Calls: 1");
    ada.leaves();
}

/// A session may be there before any call, and stays for the next one.
#[test]
fn a_persistent_connection_uses_devices_for_calls_alone() {
    let (emulator, user, token) = with_user(&json!({"persistent": true, "lineAppearances": 1}));
    let devices = desk();
    let ada = Person::with::<Cloud<Tokio>>(devices.clone(), &emulator, &["--token", &token]);
    // The service brings the connection up by a call that is none.
    let eager =
        json!({"kind": "inbound", "userId": user, "signaling": "sdp", "privAnswerMode": "Auto"});
    emulator.control("POST", "calls", &eager).unwrap();
    let first = served(&emulator, "genesys-answer");
    served_after(&emulator, "media-state", &served(&emulator, "media-state"));
    ada.sees("mic  not in use");
    assert!(devices.open(Direction::Input).is_empty());
    let inbound = json!({"kind": "inbound", "userId": user, "signaling": "sdp"});
    for n in 0..3 {
        let call = emulator.control("POST", "calls", &inbound).unwrap();
        ada.sees("! RINGING");
        assert!(devices.open(Direction::Input).is_empty());
        ada.presses(Key::Char('a'));
        ada.sees("* TALKING");
        ada.sees_row(&["mic", "The mouth"]);
        if n == 1 {
            // Another session takes the place of the one that is there.
            let again = format!("calls/{}/reinvite", text(&call, "conversationId"));
            emulator.control("POST", &again, &json!({"newSession": true})).unwrap();
            served_after(&emulator, "genesys-answer", &first);
        }
        ada.presses(Key::Char('e'));
        ada.sees("no calls");
        ada.sees("mic  not in use");
    }
    ada.leaves();
}

/// A session that is there before any call says the file to each, and what each was heard to say is a file of its own.
#[test]
fn on_a_persistent_connection_each_call_has_its_speech_and_its_recording() {
    let (emulator, user, token) = with_user(&json!({"persistent": true, "lineAppearances": 1}));
    let folder = tempfile::tempdir().unwrap();
    let heard = folder.path().join("heard.wav");
    let said = concat!(env!("CARGO_MANIFEST_DIR"), "/data/agent.wav");
    let who = ["--token", &token, "--wav-in", said, "--wav-out", heard.to_str().unwrap()];
    let ada = Person::at::<Cloud<Tokio>>(&emulator, &who);
    let inbound = json!({"kind": "inbound", "userId": user, "signaling": "sdp", "farEnd": "echo"});
    for _ in 0..3 {
        let call = emulator.control("POST", "calls", &inbound).unwrap();
        ada.sees("! RINGING");
        ada.presses(Key::Char('a'));
        ada.sees("* TALKING");
        let media = format!("calls/{}/media", text(&call, "conversationId"));
        let packets = || {
            let media = emulator.control("GET", &media, &json!({})).unwrap();
            media["packetsReceived"].as_u64().unwrap_or(0)
        };
        // Long enough for some words to come back.
        let enough = packets() + 100;
        comes(|| (packets() > enough).then_some(()));
        ada.presses(Key::Char('e'));
        ada.sees("no calls");
        let pcm = comes(|| offhook::audio::wav::read(std::fs::File::open(&heard).ok()?).ok());
        std::fs::remove_file(&heard).unwrap();
        let loud = pcm.iter().filter(|sample| sample.unsigned_abs() > 1000).count();
        assert!(loud > 4800, "{loud} of {} samples are words", pcm.len());
        assert!(pcm.len() < 30 * 48_000, "it is of this call alone");
    }
    ada.leaves();
}

/// Its caller is not told that it rings here, and it rings all the same.
#[test]
fn at_a_gateway_that_refuses_the_word_of_it_a_call_rings() {
    let (emulator, ada, name) = at_a_gateway(&Devices::default());
    let fault = json!({"type": "ringing", "statusCode": 26, "effect": "none"});
    emulator.control("POST", "ribbon/faults", &fault).unwrap();
    let call = json!({"to": name, "from": {"address": "grace@far.test"}});
    emulator.control("POST", "ribbon/calls", &call).unwrap();
    ada.sees("! RINGING");
    ada.presses(Key::Char('a'));
    ada.sees("* TALKING");
    ada.presses(Key::Char('e'));
    ada.sees("no calls");
    ada.leaves();
}

/// Whoever is not let in any more ends with the calls that there are, also with one that is held.
#[test]
fn a_phone_that_is_sent_away_ends_with_its_calls() {
    let (emulator, user, token) = with_user(&json!({}));
    let ada = Person::at::<Cloud<Tokio>>(&emulator, &["--token", &token]);
    let inbound = json!({"kind": "inbound", "userId": user});
    emulator.control("POST", "calls", &inbound).unwrap();
    ada.sees("! RINGING");
    ada.presses(Key::Char('a'));
    ada.sees("* TALKING");
    ada.presses(Key::Char('h'));
    ada.sees("= ON HOLD");
    emulator.control("POST", "options", &json!({"failSasl": "not-authorized"})).unwrap();
    emulator.control("POST", "connections/drop", &json!({"mode": "tcp"})).unwrap();
    ada.sees("network: DOWN, disconnected");
    ada.sees("= ON HOLD");
    ada.presses(Key::Char('e'));
    served(&emulator, "call-ended");
    let ended = ada.phone.join().unwrap().map_err(|error| error.to_string());
    assert!(ended.as_ref().is_err_and(|error| error.contains("disconnected")), "{ended:?}");
}

/// A user at a gateway, with devices.
fn at_a_gateway(devices: &Devices) -> (Emulator, Person, String) {
    let emulator = Emulator::start(EmulatorOptions::default()).unwrap();
    let (name, password) = emulator.add_gateway_user("ada@lab.test", None).unwrap();
    let who = ["--service", "ribbon", "--user", &name, "--password", &password];
    let ada = Person::with::<Gateway<Tokio>>(devices.clone(), &emulator, &who);
    (emulator, ada, name)
}

/// Whoever is not spoken to must not hear what is said.
#[test]
fn at_a_gateway_a_dialled_call_that_is_answered_beside_another_is_held() {
    let (emulator, ada, name) = at_a_gateway(&desk());
    let befalls = |who: &str, what: &str| {
        let id = comes(|| {
            let calls = emulator.control("GET", "ribbon/calls", &json!({})).unwrap();
            let mut calls = calls.as_array().unwrap().iter();
            calls.find(|call| call.to_string().contains(who)).map(|call| text(call, "id"))
        });
        let path = format!("ribbon/calls/{id}/{what}");
        emulator.control("POST", &path, &json!({})).unwrap();
    };
    for (late, early) in [("carol@far.test", false), ("dave@far.test", true)] {
        let party = json!({"address": late, "script": "ring"});
        emulator.control("POST", "ribbon/parties", &party).unwrap();
        ada.presses(Key::Char('d'));
        ada.types(late);
        ada.sees("> DIALLING");
        ada.sees("ringing");
        if early {
            befalls(late, "progress");
            ada.sees_row(&["mic", "The mouth"]);
        }
        let call = json!({"to": name, "from": {"name": "Grace", "address": "grace@far.test"}});
        emulator.control("POST", "ribbon/calls", &call).unwrap();
        ada.sees("! RINGING");
        ada.presses(Key::Char('a'));
        ada.sees_row(&["* TALKING", "Grace"]);
        befalls(late, "answer");
        ada.sees_row(&["= ON HOLD", late]);
        ada.sees_row(&["* TALKING", "Grace"]);
        // The other one is held before this one is heard.
        ada.presses(Key::Up);
        ada.sees_row(&[">1 = ON HOLD", late]);
        ada.presses(Key::Char('h'));
        ada.sees_row(&["* TALKING", late]);
        ada.sees_row(&["= ON HOLD", "Grace"]);
        ada.presses(Key::Char('e'));
        ada.sees("Calls: 1");
        // The same key twice is not meant for both.
        ada.presses(Key::Char('e'));
        ada.sees("e once more");
        ada.presses(Key::Char('e'));
        ada.sees("no calls");
        ada.sees("mic  not in use");
    }
    ada.leaves();
}

#[test]
fn at_a_gateway_that_ends_the_subscription_calls_go_on_and_others_come() {
    let (emulator, ada, name) = at_a_gateway(&desk());
    let rings = |who: &str| {
        let call = json!({"to": name, "from": {"name": who, "address": "grace@far.test"}});
        emulator.control("POST", "ribbon/calls", &call).unwrap();
        ada.sees_row(&["! RINGING", who]);
    };
    let drops = |mode: &str| {
        let drop = json!({"mode": mode});
        emulator.control("POST", "ribbon/subscriptions/drop", &drop).unwrap();
    };
    rings("Grace");
    ada.presses(Key::Char('a'));
    ada.sees("* TALKING");
    drops("gone");
    ada.sees("the subscription is over: GONE");
    // It is there again.
    rings("Alan");
    ada.presses(Key::Char('r'));
    ada.sees("Calls: 1");
    ada.sees("network: up");
    ada.sees("* TALKING");
    // Another phone of that name takes its place: this one ends with its calls.
    drops("overridden");
    ada.sees("network: DOWN");
    ada.sees("* TALKING");
    ada.presses(Key::Char('e'));
    let ended = ada.phone.join().unwrap().map_err(|error| error.to_string());
    assert!(ended.as_ref().is_err_and(|error| error.contains("OVERRIDDEN")), "{ended:?}");
}

/// Music, or a voice that says that the number is another one, comes before anybody answers.
#[test]
fn at_a_gateway_early_media_is_heard() {
    let devices = desk();
    let (emulator, ada, _) = at_a_gateway(&devices);
    let party = json!({"address": "early@far.test", "script": "ring"});
    emulator.control("POST", "ribbon/parties", &party).unwrap();
    ada.presses(Key::Char('d'));
    ada.types("early@far.test");
    ada.sees("1 > DIALLING");
    ada.sees("ringing");
    assert!(devices.open(Direction::Output).is_empty());
    let calls = emulator.control("GET", "ribbon/calls", &json!({})).unwrap();
    let progress = format!("ribbon/calls/{}/progress", text(&calls[0], "id"));
    emulator.control("POST", &progress, &json!({})).unwrap();
    ada.sees_row(&["far", "The desk"]);
    ada.sees("1 > DIALLING");
    ada.presses(Key::Char('e'));
    ada.sees("no calls");
    ada.leaves();
}
