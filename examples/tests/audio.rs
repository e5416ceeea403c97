//! Audio as programs have it, against the emulator with real sockets and real media. Every wait has a
//! deadline.

mod common;

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use futures_util::future::{Either, join, select};
use offhook::audio::{RATE, Side, Speaker, Tape, Tracks, compare, resample, wav};
use offhook::machine::MediaId;
use offhook::media::{AudioCodec, AudioFrame, MAX_BACKLOG};
use offhook_examples::demo::{self, Plan, Signaling};
use offhook_runtime::{SendError, Sockets};
use offhook_sim::serve::FarEnd;
use serde_json::Value;

use common::{Desk, call, on_both_runtimes, within};

/// Two seconds of each: what agents say, and what customers say.
fn speeches() -> (Vec<i16>, Vec<i16>) {
    let plan = Plan::new(Signaling::Jingle, 1).expect("the shipped recordings");
    let loud = |pcm: Vec<i16>| {
        let start = pcm.iter().position(|sample| sample.unsigned_abs() > 1_000).unwrap_or(0);
        pcm[start..start + 2 * RATE as usize].to_vec()
    };
    (loud(plan.agent), loud(plan.customer))
}

fn file(pcm: &[i16]) -> Vec<u8> {
    let mut file = std::io::Cursor::new(Vec::new());
    wav::write(&mut file, pcm).expect("memory");
    file.into_inner()
}

/// Speaks as a customer, at the pace of speech, and hears meanwhile: until so much is heard.
async fn talk<R: Sockets>(far: &mut FarEnd, says: &[i16], length: Duration) -> Vec<i16> {
    let mut speaker = Speaker::new(RATE).expect("a usual rate");
    speaker.set_codec(AudioCodec::Opus);
    speaker.write(Instant::now(), says).expect("room");
    let mut tape = Tape::new(Instant::now());
    let mut first = None;
    while first.is_none_or(|first: Instant| first.elapsed() < length) {
        let now = Instant::now();
        while let Some(frame) = speaker.frame(now).expect("it can be coded") {
            let _ = far.speak.try_send(frame);
        }
        while let Ok(frame) = far.heard.try_recv() {
            first.get_or_insert(now);
            tape.record(now, Side::Heard, frame).expect("room");
        }
        R::sleep_until(now + Duration::from_millis(5)).await;
    }
    tape.pcm(Side::Heard, RATE).expect("a usual rate")
}

fn assert_alike(what: &str, said: &[i16], heard: &[i16]) {
    let likeness = compare::similarity(said, heard);
    assert!(likeness.correlation > 0.9, "{what}: {likeness:?}");
    assert!(likeness.longest_gap <= Duration::from_millis(100), "{what}: {likeness:?}");
}

#[test]
fn the_ivr_plays_records_presses_keys_transfers_and_logs_on_tokio() {
    the_ivr_does_its_work("tokio");
}

#[test]
fn the_ivr_plays_records_presses_keys_transfers_and_logs_on_smol() {
    the_ivr_does_its_work("smol");
}

/// The program of sixty lines, as a process.
fn the_ivr_does_its_work(runtime: &str) {
    let tokio = tokio::runtime::Runtime::new().expect("a runtime");
    let emulator = demo::emulator(31).expect("a free port");
    let (user, token) = emulator.add_user("Ada", None).expect("a user");
    let folder = std::env::temp_dir().join(format!("offhook-ivr-{runtime}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let (greeting, complaint) = speeches();
    std::fs::write(folder.join("greeting.wav"), file(&greeting)).expect("a file");
    let mut ivr = Command::new(env!("CARGO_BIN_EXE_ivr"))
        .current_dir(&folder)
        .args(["greeting.wav", "+15550123"])
        .env("OFFHOOK_RUNTIME", runtime)
        .env("OFFHOOK_ENVIRONMENT", "lab.test")
        .env("OFFHOOK_TOKEN", token)
        .env("OFFHOOK_API_HOST", emulator.http_url())
        .env("OFFHOOK_WS_HOST", emulator.ws_url())
        .env("OFFHOOK_LOOPBACK", "yes")
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut screen = BufReader::new(ivr.stdout.take().expect("piped")).lines();
    let mut until = |word: &str| {
        let mut lines = screen.by_ref().map(|line| line.expect("text"));
        lines.find(|line| line.contains(word)).unwrap_or_else(|| panic!("it never said {word}"))
    };
    until("ready");
    let (conversation, mut far) = call(&emulator, &user);
    let talks = talk::<offhook_tokio::Tokio>(&mut far, &complaint, Duration::from_secs(4));
    let heard = tokio.block_on(within::<offhook_tokio::Tokio, _>("the greeting", talks));
    assert_alike("the greeting", &greeting, &heard);

    let over = until(&conversation);
    assert!(over.contains("ended") && over.contains("Some(CallQuality"), "{over}");
    let events = |kind: &str| {
        let told = emulator.control("GET", &format!("events?type={kind}"), &Value::Null);
        told.expect("events")["events"].as_array().cloned().unwrap_or_default()
    };
    let keys: String = events("dtmf").iter().filter_map(|key| key["digit"].as_str()).collect();
    assert_eq!(keys, "42#");
    let recorded = std::fs::read(folder.join(format!("{conversation}.wav"))).expect("its file");
    let (said, heard) = tracks(&recorded);
    assert_alike("what was said", &greeting, &said);
    assert_alike("what was heard", &complaint, &heard);
    ivr.kill().expect("it runs");
    ivr.wait().expect("it ends");
    std::fs::remove_dir_all(folder).expect("nobody uses it");
}

/// Both tracks of a stereo file of 16 kHz, as what was compared with.
fn tracks(file: &[u8]) -> (Vec<i16>, Vec<i16>) {
    assert_eq!((file[22], &file[24..28]), (2, &16_000_u32.to_le_bytes()[..]));
    let samples: Vec<_> =
        file[44..].chunks_exact(2).map(|two| i16::from_le_bytes([two[0], two[1]])).collect();
    let track = |n: usize| {
        let pcm: Vec<_> = samples.iter().skip(n).step_by(2).copied().collect();
        resample(&pcm, 16_000, RATE).expect("usual rates")
    };
    (track(0), track(1))
}

async fn pcm_goes_both_ways_and_what_is_early_waits<R: Sockets>() {
    let mut desk = Desk::<R>::open(32).await;
    let (call, mut far) = desk.ring().await;
    assert_eq!(call.agreement(), None);
    let answered = call.answer();
    // As soon as there is a session: media is not connected yet.
    let mut pcm = within::<R, _>("audio", call.audio()).await.expect("a session").pcm(8_000);
    let pcm = pcm.as_mut().expect("a usual rate");
    {
        let (says, hears) = speeches();
        let narrow = |pcm: &[i16]| resample(pcm, RATE, 8_000).expect("usual rates");
        let says = narrow(&says);
        let customer = talk::<R>(&mut far, &hears, Duration::from_secs(3));
        let (sink, stream) = (&mut pcm.sink, &mut pcm.stream);
        let agent = async {
            for piece in says.chunks(77) {
                sink.write(piece).await.expect("the session lives");
            }
            sink.finish().await.expect("the session lives");
            says
        };
        let ear = async {
            let mut heard = Vec::new();
            // It goes on in silence when the customer has ended.
            while heard.len() < 5 * 8_000 / 2 {
                heard.extend(stream.read().await.expect("the session lives"));
            }
            heard
        };
        let all = join(join(customer, agent), join(ear, answered));
        let ((customer, says), (agent, answered)) = within::<R, _>("talk", all).await;
        answered.expect("connected");
        let wide = |pcm: &[i16]| resample(pcm, 8_000, RATE).expect("usual rates");
        assert_alike("the agent", &wide(&says), &customer);
        assert_alike("the customer", &wide(&narrow(&hears)), &wide(&agent));
        let agreement = pcm.sink.agreement().expect("it is connected");
        assert_eq!(agreement.codec, AudioCodec::Opus);
        assert!(agreement.codecs.contains(AudioCodec::Pcmu));
        assert_eq!(call.agreement(), Some(agreement));
    }
    within::<R, _>("hang up", call.hang_up()).await.expect("done");
    desk.close().await;
    assert_eq!(within::<R, _>("the end", pcm.write(&[0; 160])).await, Err(SendError::Ended));
    let drained = async { while pcm.read().await.is_some() {} };
    within::<R, _>("the end", drained).await;
}

async fn a_play_that_is_dropped_stops_and_the_next_one_goes_on<R: Sockets>() {
    let mut desk = Desk::<R>::open(33).await;
    let (call, mut far) = desk.ring().await;
    within::<R, _>("answer", call.answer()).await.expect("connected");
    let mut audio = within::<R, _>("audio", call.audio()).await.expect("a session");
    let (began, recording) = (Instant::now(), audio.record());
    let (speech, _) = speeches();
    let speech = file(&speech);
    assert!(matches!(audio.play(&speech[..40]).await, Err(SendError::Audio(_))), "no file");
    // Three times half a second of it.
    for n in 1..=3 {
        let half = recording.wait(Duration::from_millis(600) * n);
        match select(Box::pin(audio.play(&speech[..])), Box::pin(half)).await {
            Either::Left(_) => panic!("it lasts two seconds"),
            Either::Right(_) => {}
        }
    }
    let tape = recording.tape();
    let said = tape.pcm(Side::Said, RATE).expect("a usual rate").len() as f64 / f64::from(RATE);
    let longest = (began.elapsed() + Duration::from_millis(400)).as_secs_f64();
    assert!((1.2..longest).contains(&said), "{said}");
    let mut times = Vec::new();
    let heard = async {
        // Of sixty and more that were said: a busy machine may be late with some.
        while times.len() < 25 {
            let frame = far.heard.recv().await.expect("the emulator lives");
            times.push(frame.time);
        }
    };
    within::<R, _>("the speech", heard).await;
    assert!(times.is_sorted_by(|a, b| a < b), "{times:?}");
    assert!(times[24] - times[0] < 3 * u64::from(RATE), "{times:?}");
    drop(recording);
    within::<R, _>("hang up", call.hang_up()).await.expect("done");
    desk.close().await;
}

async fn frames_that_are_early_are_all_heard_or_refused<R: Sockets>() {
    let mut desk = Desk::<R>::open(34).await;
    let (call, mut far) = desk.ring().await;
    let answered = call.answer();
    let mut audio = within::<R, _>("audio", call.audio()).await.expect("a session");
    let mut taken = Vec::new();
    for n in 0..2 * MAX_BACKLOG as u32 {
        let frame = AudioFrame {
            codec: AudioCodec::Opus,
            time: u64::from(n) * 960,
            lost_before: 0,
            talkspurt: n == 0,
            data: n.to_be_bytes().to_vec().into(),
        };
        match within::<R, _>("send", audio.sink.send(frame)).await {
            Ok(()) => taken.push(n),
            Err(error) => assert_eq!(error, SendError::TooEarly),
        }
    }
    assert!((MAX_BACKLOG..2 * MAX_BACKLOG).contains(&taken.len()), "{}", taken.len());
    within::<R, _>("answer", answered).await.expect("connected");
    let mut heard = Vec::new();
    let all = async {
        while heard.len() < taken.len() {
            let frame = far.heard.recv().await.expect("the emulator lives");
            let (_, number) = frame.data.split_last_chunk::<4>().expect("its number");
            heard.push(u32::from_be_bytes(*number));
        }
    };
    within::<R, _>("all that was taken", all).await;
    assert_eq!(heard, taken);
    let pcmu = AudioFrame {
        codec: AudioCodec::Pcmu,
        time: 0,
        lost_before: 0,
        talkspurt: true,
        data: vec![0xff; 160].into(),
    };
    assert_eq!(audio.sink.send(pcmu).await, Ok(()), "it was agreed on, too");
    within::<R, _>("hang up", call.hang_up()).await.expect("done");
    desk.close().await;
}

async fn a_recording_goes_on_alone_until_the_call_is_over<R: Sockets>() {
    let mut desk = Desk::<R>::open(35).await;
    let (call, far) = desk.ring().await;
    within::<R, _>("answer", call.answer()).await.expect("connected");
    let audio = within::<R, _>("audio", call.audio()).await.expect("a session");
    let recording = audio.record();
    drop(audio);
    // Somebody else takes the audio, and drops it; and another session's.
    drop(within::<R, _>("audio again", call.audio()).await.expect("a session"));
    drop(desk.phone.audio(MediaId(u64::MAX)));
    let (_, speech) = speeches();
    let mut speaker = Speaker::new(RATE).expect("a usual rate");
    speaker.set_codec(AudioCodec::Opus);
    speaker.write(Instant::now(), &speech).expect("room");
    let talks = async {
        while let Some(at) = speaker.next_wake(Instant::now()) {
            R::sleep_until(at).await;
            let frame = speaker.frame(Instant::now()).expect("it can be coded");
            far.speak.send(frame.expect("it is due")).await.expect("the emulator lives");
        }
        // The last words are on their way.
        recording.wait(Duration::from_millis(3_000)).await;
    };
    within::<R, _>("the speech", talks).await;
    within::<R, _>("hang up", call.hang_up()).await.expect("done");
    desk.close().await;
    within::<R, _>("the end", recording.ended()).await;
    let heard = recording.wav(Tracks::Only(Side::Heard), RATE).expect("a usual rate");
    assert_alike("the customer", &speech, &wav::read(&heard[..]).expect("a WAV file"));
    assert!(!recording.is_full());
}

on_both_runtimes! {
    pcm_goes_both_ways_and_what_is_early_waits
    a_play_that_is_dropped_stops_and_the_next_one_goes_on
    frames_that_are_early_are_all_heard_or_refused
    a_recording_goes_on_alone_until_the_call_is_over
}

#[test]
fn recorded_speech_is_found_wherever_it_begins() {
    let (greeting, _) = speeches();
    let narrow = resample(&greeting, RATE, 16_000).expect("usual rates");
    // Every step of the envelope has 80 places to begin at; these tell them apart.
    for offset in (560..640).step_by(3).chain([597]) {
        let mut pcm = vec![0; offset];
        pcm.extend(&narrow);
        assert_alike(
            "a shifted copy",
            &greeting,
            &resample(&pcm, 16_000, RATE).expect("usual rates"),
        );
    }
}
