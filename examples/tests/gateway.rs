//! A client of a Ribbon WebRTC Gateway, on either runtime, against the emulator with real sockets and real
//! media. Every wait has a deadline.

mod common;

use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use offhook::audio::{FRAME, compare, wav};
use offhook::media::Digit;
use offhook::ribbon::{
    Activity, AnswerOptions, CallId, CallState, Contact, Draft, Event, FetchRequest, HoldState,
    MakeOptions, MessageKind, Phone as _, PushDevice, PushKind, PushToken, Status, UserFilter,
};
use offhook_examples::voice::Ear;
use offhook_runtime::Sockets;
use serde_json::json;

use common::gateway::Desk;
use common::{on_both_runtimes, within};

/// Speaks until the far side is heard.
async fn talk<R: Sockets>(desk: &mut Desk<R>, id: &CallId) {
    let media = desk
        .until("tracks", |event| match event {
            Event::TracksAdded { call, media, .. } if call == id => Some(*media),
            _ => None,
        })
        .await;
    let mut audio = desk.phone.audio(media);
    desk.media(id).await;
    within::<R, _>("somebody is heard", async {
        for time in 0.. {
            let frame = offhook::media::AudioFrame {
                codec: offhook::media::AudioCodec::Opus,
                time: time * 960,
                lost_before: 0,
                talkspurt: false,
                data: b"a word"[..].into(),
            };
            let _ = audio.sink.send(frame).await;
            if let Some(Some(_)) = audio.stream.next().now_or_never() {
                return;
            }
            R::sleep_until(Instant::now() + Duration::from_millis(20)).await;
        }
    })
    .await;
}

async fn a_call_to_somebody_is_heard_held_resumed_and_ended<R: Sockets>() {
    let mut desk = Desk::<R>::open(31).await;
    desk.control("POST", "parties", &json!({"address": "5550100", "script": "answer"}));
    let call = within::<R, _>("make", desk.phone.make("5550100", MakeOptions::default()));
    let call = call.await.expect("a call");
    talk(&mut desk, &call).await;
    within::<R, _>("hold", desk.phone.hold(call.clone())).await.expect("held");
    assert_eq!(desk.state(&call, CallState::OnHold).await, HoldState::LocalHold);
    within::<R, _>("unhold", desk.phone.unhold(call.clone())).await.expect("resumed");
    desk.state(&call, CallState::Connected).await;
    let keys = [Digit::from_event(4).expect("a key")];
    let pressed = desk.phone.send_dtmf(call.clone(), keys.to_vec(), Duration::from_millis(100));
    within::<R, _>("keys", pressed).await.expect("pressed");
    within::<R, _>("end", desk.phone.end(call.clone())).await.expect("ended");
    desk.state(&call, CallState::Ended).await;
    desk.close().await;
}

async fn somebody_calls_is_answered_and_hangs_up<R: Sockets>() {
    let mut desk = Desk::<R>::open(32).await;
    let user = desk.user.clone();
    let far = desk.control("POST", "calls", &json!({"to": user}));
    let far = far["id"].as_str().expect("an id").to_owned();
    let call = desk.rings().await;
    let answer = desk.phone.answer(call.clone(), AnswerOptions::default());
    within::<R, _>("answer", answer).await.expect("answered");
    talk(&mut desk, &call).await;
    desk.control("POST", &format!("calls/{far}/hold"), &json!({}));
    assert_eq!(desk.state(&call, CallState::OnHold).await, HoldState::RemoteHold);
    desk.control("POST", &format!("calls/{far}/unhold"), &json!({}));
    desk.state(&call, CallState::Connected).await;
    desk.control("POST", &format!("calls/{far}/hangup"), &json!({"statusCode": 200}));
    desk.state(&call, CallState::Ended).await;
    desk.close().await;
}

async fn ra_029_a_file_is_played_into_a_call<R: Sockets>() {
    let mut desk = Desk::<R>::open(33).await;
    let (theirs, call, far) = desk.answered().await;
    let (speak, mut heard) = (far.speak, far.heard);
    let ear = Ear::listen(move || heard.blocking_recv());
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/data/agent.wav");
    let said = wav::read(std::fs::File::open(file).expect("a file")).expect("speech");
    assert!(desk.phone.play_file(call.clone(), "no such file.wav").is_err());
    let played = desk.phone.play_file(call.clone(), file).expect("a file");
    within::<R, _>("the whole of it", played).await.expect("played");
    let spoken = said.len() / FRAME;
    within::<R, _>("the last word", async {
        while ear.frames() < spoken {
            R::sleep_until(Instant::now() + Duration::from_millis(10)).await;
        }
    })
    .await;
    // The emulator keeps the ear until somebody else takes the far end.
    drop((speak, desk.emulator.far_end(&theirs)));
    within::<R, _>("end", desk.phone.end(call.clone())).await.expect("ended");
    desk.state(&call, CallState::Ended).await;
    desk.close().await;
    let heard = ear.finish().expect("an ear");
    let alike = compare::similarity(&said, &heard);
    assert!(alike.correlation >= 0.9, "{alike:?}");
}

async fn what_is_kept_beside_calls_goes_to_the_gateway_and_back<R: Sockets>() {
    let mut desk = Desk::<R>::open(33).await;
    let user = desk.user.clone();
    let record = json!({"direction": "missed", "startTime": "1700000000000", "duration": "0",
                        "callerDisplayNumber": "bob@example.com"});
    let bob = json!({"primaryContact": "bob@example.com", "firstName": "Bob"});
    let has = json!({
        "services": ["call", "Presence", "IM", "custom", "CallLog", "event:*"],
        "history": [record], "contacts": [{"nickname": "bob", "primaryContact": "bob@example.com"}],
        "directory": [bob, {"primaryContact": user, "firstName": "Ada"}],
    });
    desk.control("PATCH", &format!("users/{user}"), &has);
    let more = ["presence", "im", "custom", "event:dialog"];
    within::<R, _>("services", desk.phone.subscribe(more)).await.expect("subscribed");

    // The history, with a record of a call of our own.
    within::<R, _>("history", desk.phone.fetch_history(50, 0)).await.expect("records");
    let kept = within::<R, _>("records", desk.phone.history()).await.expect("known");
    assert_eq!(kept[0].caller_number, "bob@example.com");
    within::<R, _>("removal", desk.phone.remove_record(kept[0].id.clone())).await.expect("gone");
    desk.control("POST", "parties", &json!({"address": "5550100", "script": "answer"}));
    let call = within::<R, _>("make", desk.phone.make("5550100", MakeOptions::default()));
    let call = call.await.expect("a call");
    desk.state(&call, CallState::Connected).await;
    within::<R, _>("end", desk.phone.end(call.clone())).await.expect("ended");
    desk.until("record", |event| (*event == Event::HistoryCacheChanged).then_some(())).await;
    let kept = within::<R, _>("records", desk.phone.history()).await.expect("known");
    assert_eq!((kept.len(), kept[0].id.as_str()), (1, call.as_str()));
    let report = within::<R, _>("report", desk.phone.report(call)).await.expect("an answer");
    assert!(report.is_some_and(|report| !report.metrics.is_empty()));
    within::<R, _>("clear", desk.phone.clear_history()).await.expect("cleared");
    let cache = within::<R, _>("cache", desk.phone.history_cache()).await.expect("a text");
    assert_eq!(cache, "[]");

    // The address book and the directory.
    within::<R, _>("address book", desk.phone.refresh_contacts()).await.expect("entries");
    let carol = Contact::new("carol/1", "carol@example.com");
    within::<R, _>("entry", desk.phone.add_contact(carol.clone())).await.expect("added");
    within::<R, _>("entry", desk.phone.update_contact(carol.fax("1"))).await.expect("changed");
    let one = within::<R, _>("entry", desk.phone.fetch_contact("carol/1")).await.expect("there");
    assert_eq!(one.fax, "1");
    let all = within::<R, _>("entries", desk.phone.contacts()).await.expect("known");
    assert_eq!(all.len(), 2);
    within::<R, _>("entry", desk.phone.remove_contact("carol/1")).await.expect("removed");
    let me = within::<R, _>("myself", desk.phone.fetch_self()).await.expect("an answer");
    assert_eq!(me.expect("a user").first_name, "Ada");
    let search = desk.phone.search_users(UserFilter::Name("bo".to_owned()));
    assert_eq!(within::<R, _>("search", search).await.expect("users").len(), 1);

    // Presence: we watch ourselves.
    within::<R, _>("watch", desk.phone.watch_presence([&*user])).await.expect("watched");
    let update = desk.phone.update_presence(Status::Open, Activity::Lunch, None);
    within::<R, _>("presence", update).await.expect("set");
    desk.until("presence", |event| match event {
        Event::PresenceChanged { presence } => (presence.activity == Activity::Lunch).then_some(()),
        _ => None,
    })
    .await;
    within::<R, _>("unwatch", desk.phone.unwatch_presence([&*user])).await.expect("no longer");

    // A message to ourselves.
    let sent = desk.phone.send_message(&*user, Draft::text("hello"));
    let sent = within::<R, _>("message", sent).await.expect("sent");
    let unread = loop {
        let conversation = desk.phone.conversation(&*user, MessageKind::Im);
        let conversation = within::<R, _>("conversation", conversation).await.expect("an answer");
        let conversation = conversation.expect("a message was sent in it");
        assert!(conversation.message(&sent).is_some());
        if let Some(unread) = conversation.messages().find(|message| !message.read) {
            break unread.message_id.clone();
        }
        desk.until("message", |event| matches!(event, Event::MessagesChanged { .. }).then_some(()))
            .await;
    };
    let read = desk.phone.mark_read(&*user, MessageKind::Im, unread);
    within::<R, _>("read", read).await.expect("read");

    // Events of SIP.
    let watch = desk.phone.subscribe_sip_event("event:dialog", ["bob@example.com"]);
    within::<R, _>("events", watch).await.expect("subscribed");
    let message = json!({"eventType": "event:dialog", "genericNotificationParams": {"data": "x"}});
    desk.control("POST", "notify", &json!({"user": user, "message": message}));
    desk.until("event", |event| matches!(event, Event::SipEvent { .. }).then_some(())).await;
    let more = desk.phone.update_sip_event("event:dialog", vec!["carol@x".into()], Vec::new());
    within::<R, _>("events", more).await.expect("of more users");
    let end = desk.phone.unsubscribe_sip_event("event:dialog");
    within::<R, _>("events", end).await.expect("no longer");

    // Voicemail, and a call between others.
    let mail = within::<R, _>("voicemail", desk.phone.fetch_voicemail()).await.expect("told");
    assert!(!mail.new_messages_waiting);
    let waiting = json!({"mwi": {"mwi": "yes", "totalVoice": "3"}});
    desk.control("PATCH", &format!("users/{user}"), &waiting);
    desk.until("voicemail", |event| match event {
        Event::VoicemailChanged(mail) => (mail.total_voice == 3).then_some(()),
        _ => None,
    })
    .await;
    let click = desk.phone.click_to_call("5550100", "5550101");
    within::<R, _>("click", click).await.expect("connected");

    // Push, a request of our own, and what comes of it.
    let config = desk.push_here();
    within::<R, _>("config", desk.phone.update_config(config)).await.expect("taken");
    let device = PushDevice::new(PushToken::Google("t0ken".into()), "com.example", "example");
    within::<R, _>("push", desk.phone.register_push(device)).await.expect("registered");
    within::<R, _>("push", desk.phone.unregister_push(PushKind::Google)).await.expect("no longer");
    let path = format!("rest/version/1/user/{user}/externalnotification");
    let request = desk.phone.fetch(FetchRequest::post(path, r#"{"text": "hello"}"#));
    assert!(within::<R, _>("request", request).await.expect("answered").status.is_success());
    let custom = |event: &Event| match event {
        Event::Notification { message } => message.contains("hello").then_some(()),
        _ => None,
    };
    desk.until("notification", custom).await;
    desk.close().await;
}

on_both_runtimes! {
    ra_029_a_file_is_played_into_a_call
    what_is_kept_beside_calls_goes_to_the_gateway_and_back
    a_call_to_somebody_is_heard_held_resumed_and_ended
    somebody_calls_is_answered_and_hangs_up
}
