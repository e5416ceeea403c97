//! Calls through a real sound server, which `examples/sound/run` starts. One at a time: they share it.

#![cfg(target_os = "linux")]

use std::io::{Read as _, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use offhook::audio::compare::similarity;
use offhook::audio::wav;
use offhook_sound::{Desk, Direction, FRAME, Level, Line, News};
use rustix::process::{Pid, Signal, kill_process};

const OUT: Direction = Direction::Output;
const IN: Direction = Direction::Input;
/// The loudness from which something is heard, in decibels of full scale.
const HEARD: f32 = -50.0;
/// The longest silence that a change of devices may make.
const LOST: Duration = Duration::from_millis(500);

fn pactl(arguments: &[&str]) -> String {
    let done = Command::new("pactl").args(arguments).output().unwrap();
    assert!(done.status.success(), "pactl {arguments:?}: {done:?}");
    String::from_utf8_lossy(&done.stdout).trim().to_owned()
}

/// Plugs a loudspeaker in.
fn plug(name: &str) {
    let properties = format!("sink_properties=device.description={name}");
    let name = format!("sink_name={name}");
    pactl(&[
        "load-module",
        "module-null-sink",
        &name,
        "rate=48000",
        "channels=1",
        "norewinds=1",
        &properties,
    ]);
}

/// Plugs a microphone in, which hears what such a loudspeaker plays: its name is that one's and `-mic`.
fn plug_microphone(sink: &str) {
    pactl(&[
        "load-module",
        "module-remap-source",
        &format!("source_name={sink}-mic"),
        &format!("master={sink}.monitor"),
        "channels=1",
        "channel_map=mono",
        "master_channel_map=mono",
        &format!("source_properties=device.description={sink}-mic"),
    ]);
}

/// Unplugs the device of this name.
fn unplug(name: &str) {
    let modules = pactl(&["list", "short", "modules"]);
    let wanted = format!("_name={name} ");
    let line = modules.lines().find(|line| line.contains(&wanted)).unwrap();
    pactl(&["unload-module", line.split_whitespace().next().unwrap()]);
}

/// All devices as they were at the beginning.
fn reset() {
    let modules = pactl(&["list", "short", "modules"]);
    // A microphone goes with the loudspeaker that it hears, unless it goes before.
    for kind in ["module-loopback", "module-remap-source", "module-null-sink"] {
        for line in modules.lines().filter(|line| line.contains(kind)) {
            pactl(&["unload-module", line.split_whitespace().next().unwrap()]);
        }
    }
    ["speaker", "headset", "mouth", "other"].into_iter().for_each(plug);
    ["mouth", "other"].into_iter().for_each(plug_microphone);
    pactl(&["set-default-sink", "speaker"]);
    pactl(&["set-default-source", "mouth-mic"]);
}

fn speech(name: &str) -> Vec<i16> {
    let path = format!("{}/../data/{name}.wav", env!("CARGO_MANIFEST_DIR"));
    wav::read(std::fs::File::open(path).unwrap()).unwrap()
}

/// A tone that goes on: its second is as long as a second.
fn tone(seconds: usize) -> Vec<i16> {
    let wave = |n: usize| (n as f64 / 100.0 * std::f64::consts::TAU).sin() * 8_000.0;
    (0..seconds * 48_000).map(|n| wave(n) as i16).collect()
}

const FORM: [&str; 5] =
    ["--raw", "--format=s16le", "--rate=48000", "--channels=1", "--latency-msec=20"];

/// Somebody who listens to a loudspeaker, by a program of the server's own.
struct Ear {
    child: Child,
    heard: JoinHandle<Vec<(Instant, Vec<i16>)>>,
}

impl Ear {
    fn at(sink: &str) -> Self {
        let mut child = Command::new("parec")
            .args(FORM)
            .arg(format!("--device={sink}.monitor"))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut out = child.stdout.take().unwrap();
        let (began, begins) = channel();
        let heard = std::thread::spawn(move || {
            let mut frames = Vec::new();
            let mut bytes = [0; FRAME * 2];
            while out.read_exact(&mut bytes).is_ok() {
                let samples = bytes.as_chunks().0.iter().map(|sample| i16::from_le_bytes(*sample));
                frames.push((Instant::now(), samples.collect()));
                // Nobody may wait for it.
                let _ = began.send(());
            }
            frames
        });
        begins.recv_timeout(Duration::from_secs(10)).unwrap();
        Self { child, heard }
    }

    /// All that was heard, each 20 ms with its time.
    fn end(mut self) -> Vec<(Instant, Vec<i16>)> {
        // It may have ended with its loudspeaker.
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.heard.join().unwrap()
    }
}

/// Somebody who speaks into a microphone, by a program of the server's own.
struct Mouth(Child);

impl Mouth {
    fn at(sink: &str, pcm: &[i16]) -> Self {
        let mut child = Command::new("pacat")
            .arg("--playback")
            .args(FORM)
            .arg(format!("--device={sink}"))
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let mut into = child.stdin.take().unwrap();
        let bytes: Vec<u8> = pcm.iter().flat_map(|sample| sample.to_le_bytes()).collect();
        std::thread::spawn(move || {
            // It ends when the microphone does.
            let _ = into.write_all(&bytes);
        });
        Self(child)
    }
}

impl Drop for Mouth {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A person's devices and one call.
struct Talk {
    desk: Desk,
    line: Line,
    news: Receiver<News>,
    began: Instant,
    frames: u32,
    /// The longest time that the devices held the call up.
    held_up: Duration,
}

impl Talk {
    fn begin() -> Self {
        let (tell, news) = channel();
        let desk = Desk::open(offhook_sound::system, move |news| {
            // The test may be over.
            let _ = tell.send(news);
        })
        .unwrap();
        let line = desk.line().unwrap();
        let talk =
            Self { desk, line, news, began: Instant::now(), frames: 0, held_up: Duration::ZERO };
        for _ in 0..2 {
            let news = talk.news.recv_timeout(Duration::from_secs(10)).unwrap();
            assert!(matches!(news, News::Uses { .. }), "{news:?}");
        }
        Self { began: Instant::now(), ..talk }
    }

    /// 20 ms of the call, when they are due.
    fn frame(&mut self, far: &[i16]) -> [i16; FRAME] {
        self.frames += 1;
        let due = self.began + self.frames * Duration::from_millis(20);
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        let before = Instant::now();
        self.line.play(far);
        let near = self.line.record();
        self.held_up = self.held_up.max(before.elapsed());
        near
    }

    /// Says all of it, and a second of silence; tells what came meanwhile.
    fn say(&mut self, far: &[i16]) -> Vec<i16> {
        let mut near = Vec::new();
        for frame in far.chunks(FRAME).chain([&[0; FRAME][..]; 50]) {
            near.extend(self.frame(frame));
        }
        near
    }

    fn report(&self, what: &str) {
        for direction in [OUT, IN] {
            println!("{what}, {direction}: {}", self.desk.figures(direction));
        }
    }
}

fn samples(heard: &[(Instant, Vec<i16>)]) -> Vec<i16> {
    heard.iter().flat_map(|(_, pcm)| pcm.clone()).collect()
}

fn is_heard(pcm: &[i16]) -> bool {
    Level::of(pcm).rms > HEARD
}

/// The longest time between two moments at which something was heard, by any of these ears.
fn longest_gap(ears: &[&[(Instant, Vec<i16>)]]) -> Duration {
    let mut moments: Vec<Instant> = ears
        .iter()
        .flat_map(|ear| ear.iter().filter(|(_, pcm)| is_heard(pcm)).map(|(at, _)| *at))
        .collect();
    moments.sort();
    assert!(moments.len() > 100, "next to nothing was heard");
    moments.windows(2).map(|two| two[1] - two[0]).max().unwrap()
}

/// The longest silence between the first and the last sound.
fn longest_silence(frames: &[Vec<i16>]) -> Duration {
    let heard: Vec<usize> = (0..frames.len()).filter(|n| is_heard(&frames[*n])).collect();
    assert!(heard.len() > 100, "next to nothing was heard");
    let frames = heard.windows(2).map(|two| two[1] - two[0] - 1).max().unwrap();
    frames as u32 * Duration::from_millis(20)
}

#[test]
fn speech_is_heard_in_both_directions() {
    reset();
    // Some sentences: to compare them all takes longer than to say them.
    let [far, near] = ["customer", "agent"].map(|name| speech(name)[..4 * 48_000].to_vec());
    let ear = Ear::at("speaker");
    let mut talk = Talk::begin();
    // Until the microphone flows.
    talk.say(&[]);
    let _mouth = Mouth::at("mouth", &near);
    let came = talk.say(&far);
    talk.report("speech");
    let heard = similarity(&far, &samples(&ear.end()));
    let said = similarity(&near, &came);
    println!("far end heard: {heard:?}\nour voice: {said:?}");
    assert!(heard.correlation >= 0.9, "{heard:?}");
    assert!(said.correlation >= 0.9, "{said:?}");
}

#[test]
fn another_default_and_a_loudspeaker_that_is_unplugged_lose_less_than_half_a_second() {
    reset();
    let ears = [Ear::at("speaker"), Ear::at("headset")];
    let mut talk = Talk::begin();
    let far = tone(2);
    talk.say(&far);
    let second = |talk: &mut Talk| {
        far.chunks(FRAME).for_each(|frame| {
            talk.frame(frame);
        });
    };
    second(&mut talk);
    // Another second, and more of them where a busy machine is late.
    let until = |talk: &mut Talk, device: &str| {
        let limit = Instant::now() + Duration::from_secs(10);
        second(talk);
        while talk.desk.place(OUT).open.as_deref() != Some(device) {
            assert!(Instant::now() < limit, "{:?}", talk.desk.place(OUT).open);
            second(talk);
        }
    };
    pactl(&["set-default-sink", "headset"]);
    until(&mut talk, "headset");
    unplug("headset");
    until(&mut talk, "speaker");
    // One is plugged in again, and wanted by name.
    pactl(&["set-default-sink", "speaker"]);
    plug("headset");
    let third = Ear::at("headset");
    talk.desk.want(OUT, Some("headset".to_owned()));
    until(&mut talk, "headset");
    talk.report("devices");
    let [one, other] = ears.map(Ear::end);
    let third = third.end();
    // From when the tone began, without the silence between it and the rest.
    let from = talk.began + Duration::from_millis(3_200);
    let later = |ear: Vec<(Instant, Vec<i16>)>| -> Vec<_> {
        ear.into_iter().filter(|(at, _)| *at > from).collect()
    };
    let (one, other, third) = (later(one), later(other), later(third));
    let gap = longest_gap(&[&one, &other, &third]);
    println!("the longest gap is {gap:?}");
    assert!(gap <= LOST, "{gap:?}");
}

#[test]
fn another_default_and_a_microphone_that_is_unplugged_lose_less_than_half_a_second() {
    reset();
    let voice = tone(30);
    let _mouths = [Mouth::at("mouth", &voice), Mouth::at("other", &voice)];
    let mut talk = Talk::begin();
    let mut came = Vec::new();
    let mut second = |talk: &mut Talk| {
        for _ in 0..100 {
            came.push(talk.frame(&[0; FRAME]).to_vec());
        }
    };
    second(&mut talk);
    pactl(&["set-default-source", "other-mic"]);
    second(&mut talk);
    assert_eq!(talk.desk.place(IN).open.as_deref(), Some("other-mic"));
    pactl(&["set-default-source", "mouth-mic"]);
    talk.desk.want(IN, Some("other-mic".to_owned()));
    second(&mut talk);
    assert_eq!(talk.desk.place(IN).open.as_deref(), Some("other-mic"));
    unplug("other-mic");
    second(&mut talk);
    assert_eq!(talk.desk.place(IN).open.as_deref(), Some("mouth-mic"));
    talk.report("microphones");
    assert!(!talk.news.try_iter().any(|news| matches!(news, News::Mute(_))), "there was one");
    let gap = longest_silence(&came);
    println!("the longest silence is {gap:?}");
    assert!(gap <= LOST, "{gap:?}");
}

#[test]
fn a_call_whose_last_microphone_is_unplugged_is_muted_and_hears_no_monitor() {
    reset();
    let _mouth = Mouth::at("mouth", &tone(60));
    let mut talk = Talk::begin();
    let far = tone(2);
    // Goes on with the call until it is told something; nothing of the far end's comes back meanwhile.
    let until = |talk: &mut Talk, what: &dyn Fn(&News) -> bool| {
        let limit = Instant::now() + Duration::from_secs(10);
        for frame in far.chunks(FRAME).cycle() {
            talk.frame(frame);
            let open = talk.desk.place(IN).open;
            assert!(open.as_deref().is_none_or(|open| open.ends_with("-mic")), "{open:?}");
            if talk.news.try_iter().any(|news| what(&news)) {
                return;
            }
            assert!(Instant::now() < limit, "it is never told");
        }
    };
    unplug("other-mic");
    unplug("mouth-mic");
    let line = talk.line.id();
    until(&mut talk, &|news| *news == News::Mute(line));
    talk.line.set_muted(true);
    // The rest of what was said before.
    talk.say(&[]);
    // By now the server has made a monitor its default.
    let limit = Instant::now() + Duration::from_secs(10);
    while !pactl(&["get-default-source"]).ends_with(".monitor") {
        assert!(Instant::now() < limit, "the default is another");
    }
    for frame in far.chunks(FRAME) {
        assert!(!is_heard(&talk.frame(frame)), "it hears itself");
        assert_eq!(talk.desk.place(IN).open, None);
    }
    assert_eq!(talk.desk.devices().map(|devices| devices.inputs), Some(Vec::new()));
    // Another one is plugged in, and heard once it is unmuted.
    plug_microphone("mouth");
    until(&mut talk, &|news| matches!(news, News::Uses { direction: IN, .. }));
    talk.line.set_muted(false);
    let limit = Instant::now() + Duration::from_secs(10);
    while !is_heard(&talk.frame(&[0; FRAME])) {
        assert!(Instant::now() < limit, "it is not heard");
    }
    // Whoever wants a monitor by its name has it.
    talk.desk.want(IN, Some("speaker.monitor".to_owned()));
    let limit = Instant::now() + Duration::from_secs(10);
    while talk.desk.place(IN).open.as_deref() != Some("speaker.monitor") {
        assert!(Instant::now() < limit, "it is not opened");
        talk.frame(&[0; FRAME]);
    }
}

/// Goes on with the server, also when the test fails.
struct Stopped(Pid);

impl Stopped {
    fn stop() -> Self {
        let pid = std::env::var("OFFHOOK_SOUND_SERVER").unwrap().parse().unwrap();
        let pid = Pid::from_raw(pid).unwrap();
        kill_process(pid, Signal::STOP).unwrap();
        Self(pid)
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        let _ = kill_process(self.0, Signal::CONT);
    }
}

#[test]
fn a_server_that_stalls_holds_up_no_call_and_is_heard_again() {
    reset();
    let voice = tone(60);
    let _mouth = Mouth::at("mouth", &voice);
    let mut talk = Talk::begin();
    let far = tone(2);
    let mut came = Vec::new();
    for seconds in [1, 8] {
        far.chunks(FRAME).for_each(|frame| came.push(talk.frame(frame)));
        assert!(is_heard(came.last().unwrap()));
        let stopped = Stopped::stop();
        for _ in 0..seconds * 50 {
            came.push(talk.frame(&far[..FRAME]));
        }
        assert!(!is_heard(came.last().unwrap()), "it is not stopped");
        drop(stopped);
        // Within three seconds, both ways.
        let ear = Ear::at("speaker");
        for n in 0..200 {
            came.push(talk.frame(&far[n % 100 * FRAME..][..FRAME]));
        }
        assert!(is_heard(came.last().unwrap()), "{seconds} s");
        let heard = ear.end();
        assert!(heard.iter().rev().take(20).any(|(_, pcm)| is_heard(pcm)), "{seconds} s");
    }
    talk.report("stalls");
    println!("the call was held up {:?} at most", talk.held_up);
    assert!(talk.held_up < Duration::from_millis(200), "{:?}", talk.held_up);
    let news: Vec<_> = talk.news.try_iter().collect();
    assert!(news.contains(&News::CardFound), "{news:?}");
}

#[cfg(feature = "voice")]
#[test]
fn the_far_ends_voice_that_comes_back_is_cancelled() {
    use offhook_sound::VoiceOptions;

    reset();
    let far = speech("customer");
    let loopback =
        ["source=speaker.monitor", "sink=mouth", "latency_msec=60", "rate=48000", "channels=1"];
    let arguments: Vec<_> =
        ["load-module", "module-loopback"].into_iter().chain(loopback).collect();
    pactl(&arguments);
    let inputs = pactl(&["list", "short", "sink-inputs"]);
    let input = inputs.split_whitespace().next().unwrap();
    pactl(&["set-sink-input-volume", input, "-10dB"]);
    let mut talk = Talk::begin();
    let mut echo = |voice: VoiceOptions| {
        talk.desk.improve(voice);
        // It may learn from the first time.
        talk.say(&far);
        let came = talk.say(&far);
        f64::from(Level::of(&came).rms)
    };
    let before = echo(VoiceOptions::OFF);
    let only = VoiceOptions { noise: false, gain: false, ..VoiceOptions::default() };
    let after = echo(only);
    talk.report("echo");
    println!("echo at {before:.1} dB, {after:.1} dB of it are left");
    assert!(before > -40.0, "there is no echo: {before:.1} dB");
    assert!(before - after >= 25.0, "{before:.1} dB, {after:.1} dB");
}

#[test]
fn a_long_call_drifts_nowhere() {
    reset();
    let minutes = std::env::var("OFFHOOK_SOUND_MINUTES").map_or(0.5, |n| n.parse().unwrap());
    let voice = tone(2);
    let ear = Ear::at("speaker");
    let _mouth = Mouth::at("mouth", &tone((minutes * 60.0) as usize + 10));
    let mut talk = Talk::begin();
    let frames = (minutes * 3_000.0) as usize;
    let mut silent = 0;
    let mut delays = [Vec::new(), Vec::new()];
    for n in 0..frames {
        let near = talk.frame(&voice[n % 100 * FRAME..][..FRAME]);
        silent += usize::from(n > 100 && !is_heard(&near));
        if n % 500 == 499 {
            for (direction, delays) in [OUT, IN].into_iter().zip(&mut delays) {
                delays.push(talk.desk.figures(direction).delay().as_millis());
            }
        }
    }
    talk.report("long call");
    println!("{minutes} minutes, {silent} silent frames of {frames}, delays {delays:?} ms");
    let glitches =
        [OUT, IN].map(|direction| talk.desk.figures(direction)).map(|all| all.glitches.total());
    let heard = ear.end();
    let played = heard.iter().filter(|(_, pcm)| is_heard(pcm)).count();
    println!("{played} frames were played, glitches {glitches:?}");
    // A machine that is busy with other things is late now and then.
    let may = frames / 100;
    assert!(silent <= may, "{silent} silent frames");
    assert!(played + may + 10 >= frames, "{played} of {frames} frames were played");
    for delays in delays {
        assert!(delays.iter().all(|delay| *delay < 250), "{delays:?}");
        // The end is as late as the beginning, but for a frame or two that jitter.
        let third = delays.len() / 3;
        let mean = |some: &[u128]| some.iter().sum::<u128>() / some.len() as u128;
        let (began, ends) = (mean(&delays[..third]), mean(&delays[delays.len() - third..]));
        assert!(began.abs_diff(ends) <= 50, "{began} ms became {ends} ms: {delays:?}");
    }
}
