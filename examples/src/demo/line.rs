//! The second act: one line that outlives its calls, two customers on it, one of them on hold, and
//! a network that drops in the middle. Nobody is lost.

use std::cell::Cell;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use offhook::audio::Side;
use offhook::genesys::{Event, Phone as _};
use offhook_runtime::Sockets;
use offhook_sim::ladder::State;
use offhook_sim::serve::Emulator;
use serde_json::json;

use super::desk::Desk;
use super::{CallReport, Plan, Screen, connected};

/// Plays it with an agent who has such a line and is logged in.
pub(super) async fn play<R: Sockets>(
    emulator: &Emulator,
    plan: &Plan,
    user: &str,
    desk: &mut Desk<'_, R, offhook::genesys::Client>,
    screen: &Screen,
) -> anyhow::Result<CallReport> {
    let mut report = CallReport::new("line", plan.signaling.name());
    let ring = |name: &str, number: &str| -> anyhow::Result<String> {
        let call = json!({
            "kind": "inbound", "userId": user, "signaling": plan.signaling.name(),
            "farEnd": "prompt", "from": {"name": name, "address": number},
        });
        let call = emulator.control("POST", "calls", &call).context("no call")?;
        Ok(call["conversationId"].as_str().context("no conversation")?.to_owned())
    };

    screen.act("Grace calls Lin");
    let grace = ring("Grace", "tel:+15550100")?;
    desk.wait("Grace rings", |event| is_pending(event, &grace)).await?;
    desk.mark("Grace rings", State::Ringing);
    desk.phone.accept_pending(grace.as_str()).await?;
    let session = desk.wait("the line starts", |event| match event {
        Event::SessionStarted(session) => Some(session.clone()),
        _ => None,
    });
    let session = session.await?;
    let mut audio = desk.phone.audio(session.media);
    let ear = audio.record();
    let heard = || ear.tape().frames(Side::Heard);
    // Media and the service's word on the call come in either order.
    let (media, call) = (Cell::new(false), Cell::new(false));
    desk.wait("the line connects", |event| {
        media.set(media.get() || connected(event).is_some());
        call.set(call.get() || is_connected(event, &grace).is_some());
        (media.get() && call.get()).then_some(())
    })
    .await?;
    desk.mark("talking to Grace", State::Talking);
    // Lin says back whatever she hears.
    R::spawn(async move {
        while let Some(frame) = audio.stream.next().await {
            // The last frame may come when nothing can be sent any more.
            let _ = audio.sink.send(frame).await;
        }
    })?;
    desk.until("Lin hears Grace", || Ok(heard() > 10)).await?;

    screen.act("Alan calls, too: on the same line");
    let alan = ring("Alan", "tel:+15550101")?;
    let offered = desk.wait("Alan rings", |event| match event {
        Event::PendingSession(pending) if pending.conversation.as_str() == alan => {
            Some(pending.session.clone())
        }
        _ => None,
    });
    ensure!(offered.await? == session.id, "Alan is offered on another line");
    desk.mark("Alan rings", State::Ringing);
    desk.phone.set_held(grace.as_str(), true).await?;
    desk.mark("Grace is on hold", State::Held);
    let answered = Instant::now();
    desk.phone.accept_pending(alan.as_str()).await?;
    report.step("second call on the line", answered.elapsed());
    desk.mark("talking to Alan", State::Talking);
    desk.linger(Duration::from_millis(500)).await;

    screen.act("The network drops, and Alan hangs up meanwhile");
    let body = json!({"userId": user, "mode": "tcp"});
    emulator.control("POST", "connections/drop", &body).context("no drop")?;
    let dropped = Instant::now();
    desk.wait("the drop is noticed", |event| {
        matches!(event, Event::Disconnected { reconnecting: true, .. }).then_some(())
    })
    .await?;
    desk.mark("signaling is gone, the line stands", State::Talking);
    emulator.control("POST", &format!("calls/{alan}/hangup"), &json!({})).context("no hang-up")?;
    let (back, over) = (Cell::new(None), Cell::new(false));
    desk.wait("signaling is back, and Alan's end is found out", |event| {
        match event {
            Event::Ready => back.set(Some(dropped.elapsed())),
            Event::CallEnded { conversation, .. } if conversation.as_str() == alan => {
                over.set(true);
            }
            Event::SessionEnded { .. } => over.set(true),
            _ => {}
        }
        back.get().filter(|_| over.get())
    })
    .await?;
    report.step("signaling is back", back.get().unwrap_or_default());
    report.step("what was missed is known", dropped.elapsed());
    desk.mark("Alan has hung up", State::Held);

    screen.act("Lin takes Grace back");
    desk.phone.set_held(grace.as_str(), false).await?;
    desk.mark("talking to Grace", State::Talking);
    let before = heard();
    desk.until("Grace is heard again", || Ok(heard() > before + 10)).await?;
    desk.phone.end(grace.as_str()).await?;
    desk.mark("Grace is served, the line stands", State::Idle);

    screen.act("Lin goes home");
    desk.phone.destroy().await?;
    desk.mark("logged out", State::Idle);
    desk.settle().await;
    report.take_stats(desk.last_stats());
    Ok(report)
}

fn is_pending(event: &Event, conversation: &str) -> Option<()> {
    match event {
        Event::PendingSession(pending) => {
            (pending.conversation.as_str() == conversation).then_some(())
        }
        _ => None,
    }
}

fn is_connected(event: &Event, conversation: &str) -> Option<()> {
    match event {
        Event::CallConnected { call, .. } => (call.id.as_str() == conversation).then_some(()),
        _ => None,
    }
}
