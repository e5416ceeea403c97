//! Calls as objects, on either runtime, against the emulator with real sockets and real media. Every
//! wait has a deadline.

mod common;

use std::pin::pin;
use std::time::{Duration, Instant};

use futures_util::future::{Either, select};
use offhook::genesys::{CallPhase, CallState, Dial, EndReason, ErrorKind, Event};
use offhook_runtime::Sockets;
use offhook_runtime::genesys::Call;
use offhook_sim::serve::FarEnd;
use serde_json::json;

use common::{Desk, PATIENCE, on_both_runtimes, within};

/// The README's program.
async fn echo<R: Sockets>(call: Call<R>) -> Result<EndReason, offhook::genesys::Error> {
    call.answer().await?;
    while let Ok(mut audio) = call.audio().await {
        while let Some(frame) = audio.stream.next().await {
            let _ = audio.sink.send(frame).await;
        }
    }
    Ok(call.ended().await.reason)
}

fn frame(time: u64) -> offhook::media::AudioFrame {
    offhook::media::AudioFrame {
        codec: offhook::media::AudioCodec::Opus,
        time: time * 960,
        lost_before: 0,
        talkspurt: false,
        data: b"an echo's frame"[..].into(),
    }
}

/// Speaks until the echo comes back.
async fn hear_the_echo<R: Sockets>(far: &mut FarEnd) {
    for time in 0.. {
        let _ = far.speak.try_send(frame(time));
        if far.heard.try_recv().is_ok() {
            return;
        }
        R::sleep_until(Instant::now() + Duration::from_millis(20)).await;
    }
}

async fn a_call_from_ringing_to_its_report<R: Sockets>() {
    let mut desk = Desk::<R>::open(21).await;
    let mut news = desk.phone.events();
    let (conversation, mut far) = desk.call();
    let call = desk.next().await;
    assert_eq!(call.conversation().as_str(), conversation);
    assert_eq!((call.phase(), call.pending().is_some()), (CallPhase::Ringing, true));

    within::<R, _>("answer", call.answer()).await.expect("connected");
    assert_eq!(call.phase(), CallPhase::Connected);
    // Clones are the same call, and everybody else is told as well.
    let same = desk.phone.find_call(call.conversation()).expect("it is there");
    within::<R, _>("connected", same.connected()).await.expect("connected");
    let connected = |event| match event {
        Event::CallConnected { call, .. } => Some(call.id),
        _ => None,
    };
    for events in [&mut news, &mut desk.events] {
        let told = events.wait(PATIENCE, connected).await;
        assert_eq!(told.as_ref(), Ok(call.conversation()));
    }

    within::<R, _>("mute", call.mute(true)).await.expect("muted");
    within::<R, _>("hold", call.hold(true)).await.expect("held");
    let held = |event| match event {
        Event::ConversationUpdate(update) => {
            update.current.iter().any(|call| call.muted && call.held).then_some(())
        }
        _ => None,
    };
    news.wait(PATIENCE, held).await.expect("both are told");
    let details = call.details().expect("told");
    assert!(details.muted && details.held && details.state == CallState::Connected);
    within::<R, _>("unmute", call.mute(false)).await.expect("unmuted");
    within::<R, _>("resume", call.hold(false)).await.expect("resumed");
    within::<R, _>("keys", call.send_dtmf("1#")).await.expect("sent");
    let no_key = within::<R, _>("keys", call.send_dtmf("1x")).await.expect_err("no such key");
    assert_eq!(no_key.kind, ErrorKind::InvalidOptions);
    assert_eq!(no_key.conversation(), Some(call.conversation()));

    let mut audio = within::<R, _>("audio", call.audio()).await.expect("a session");
    let heard = async {
        loop {
            let _ = far.speak.try_send(frame(1));
            let timer = R::sleep_until(Instant::now() + Duration::from_millis(20));
            let next = pin!(audio.stream.next());
            match select(next, pin!(timer)).await {
                Either::Left((frame, _)) => return frame,
                Either::Right(_) => {}
            }
        }
    };
    assert!(within::<R, _>("the caller's voice", heard).await.is_some());

    within::<R, _>("hang up", call.hang_up()).await.expect("done");
    let end = within::<R, _>("the end", call.ended()).await;
    assert_eq!(end.reason, EndReason::Over);
    let report = end.report.expect("a report");
    assert_eq!(report.conversation, *call.conversation());
    assert!(report.timeline.talking().is_some());
    assert_eq!(call.report(), Some(report));
    let counters = desk.phone.counters();
    assert_eq!((counters.connects, counters.calls_connected, counters.calls_ended), (1, 1, 1));
    assert_eq!((counters.reconnects, counters.events_lost), (0, 0));
    // What is over can be hung up again, and is otherwise refused.
    within::<R, _>("hang up", call.hang_up()).await.expect("it is over already");
    let over = within::<R, _>("audio", call.audio()).await.expect_err("it is over");
    assert_eq!(over.kind, ErrorKind::Session);
    assert_eq!(over.conversation(), Some(call.conversation()));
    assert!(desk.phone.find_call(call.conversation()).is_none(), "nobody remembers it");
    far.heard.close();
    desk.close().await;
}

async fn a_failed_answer_ends_no_program<R: Sockets>() {
    let mut desk = Desk::<R>::open(22).await;
    let (conversation, _far) = desk.call();
    let call = desk.next().await;
    desk.far(&conversation, "cancel", &json!({}));
    let end = within::<R, _>("the end", call.ended()).await;
    assert_eq!(end.reason, EndReason::Withdrawn);
    assert!(within::<R, _>("answer", echo(call.clone())).await.is_err());
    assert!(within::<R, _>("answer", call.connected()).await.is_err());

    let (conversation, _far) = desk.call();
    let call = desk.next().await;
    desk.far(&conversation, "elsewhere", &json!({"how": "accept"}));
    let end = within::<R, _>("the end", call.ended()).await;
    assert_eq!(end.reason, EndReason::Elsewhere);

    let (_, _far) = desk.call();
    let call = desk.next().await;
    within::<R, _>("decline", call.reject()).await.expect("declined");
    let end = within::<R, _>("the end", call.ended()).await;
    assert_eq!(end.reason, EndReason::Withdrawn);

    // And the next one is echoed.
    let (conversation, mut far) = desk.call();
    let bot = echo(desk.next().await);
    let customer = async {
        within::<R, _>("the echo", hear_the_echo::<R>(&mut far)).await;
        desk.far(&conversation, "hangup", &json!({}));
    };
    let both = futures_util::future::join(within::<R, _>("the bot", bot), customer);
    assert_eq!(both.await.0, Ok(EndReason::Over));
    desk.close().await;
}

async fn a_dialled_call_is_an_object_too<R: Sockets>() {
    let mut desk = Desk::<R>::open(23).await;
    let placed = desk.phone.place_call(Dial::number("+15550123"));
    let call = within::<R, _>("the dial", placed).await.expect("dialled");
    assert_eq!(desk.next().await.conversation(), call.conversation());
    within::<R, _>("connected", call.connected()).await.expect("it is answered");
    assert!(call.details().is_some_and(|call| call.state == CallState::Connected));
    desk.far(call.conversation().as_str(), "hangup", &json!({}));
    let end = within::<R, _>("the end", call.ended()).await;
    assert_eq!(end.reason, EndReason::Over);
    desk.close().await;
}

async fn audio_goes_on_over_a_replaced_session<R: Sockets>() {
    let mut desk = Desk::<R>::open(24).await;
    let call = json!({"kind": "inbound", "userId": desk.user, "signaling": "sdp",
        "farEnd": "external"});
    let call = desk.emulator.control("POST", "calls", &call).expect("a call");
    let conversation = call["conversationId"].as_str().expect("an id").to_owned();
    let mut far = desk.emulator.far_end(&conversation).expect("a far end");
    let call = desk.next().await;
    let again = call.clone();
    let story = async {
        within::<R, _>("the echo", hear_the_echo::<R>(&mut far)).await;
        desk.far(&conversation, "reinvite", &json!({"newSession": true}));
        let replaced = |event| matches!(event, Event::SessionReplaced { .. }).then_some(());
        desk.events.wait(PATIENCE, replaced).await.expect("another session");
        assert_eq!(again.phase(), CallPhase::Connected);
        while far.heard.try_recv().is_ok() {}
        within::<R, _>("the echo", hear_the_echo::<R>(&mut far)).await;
        within::<R, _>("hang up", again.hang_up()).await.expect("done");
    };
    let both = futures_util::future::join(within::<R, _>("the bot", echo(call)), story);
    assert_eq!(both.await.0, Ok(EndReason::Over));
    desk.close().await;
}

/// The bot whose source runs in virtual time as well (`tests/simulated.rs`).
async fn the_echo_bot_answers_here_too<R: Sockets>() {
    let mut desk = Desk::<R>::open(25).await;
    let bot = pin!(offhook_examples::echo::bot(desk.phone.clone()));
    let end = {
        let story = pin!(async {
            let (conversation, mut far) = desk.call();
            let call = desk.next().await;
            within::<R, _>("the echo", hear_the_echo::<R>(&mut far)).await;
            desk.far(&conversation, "hangup", &json!({}));
            within::<R, _>("the end", call.ended()).await
        });
        match select(bot, story).await {
            Either::Left(_) => panic!("the bot is over"),
            Either::Right((end, _)) => end,
        }
    };
    assert_eq!(end.reason, EndReason::Over);
    desk.close().await;
}

on_both_runtimes! {
    a_call_from_ringing_to_its_report
    a_failed_answer_ends_no_program
    a_dialled_call_is_an_object_too
    audio_goes_on_over_a_replaced_session
    the_echo_bot_answers_here_too
}
