//! The softphone, as a program of its own against the emulator.
#![cfg(unix)]

use std::io::{BufRead as _, BufReader, Lines, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use offhook_sim::serve::{Emulator, EmulatorOptions};
use serde_json::{Value, json};

/// The most that any wait here may take.
const LIMIT: Duration = Duration::from_secs(60);

fn softphone(emulator: &Emulator, who: &[&str], runtime: &str) -> Child {
    begin(program(emulator, who, runtime).arg("--no-sound"))
}

fn program(emulator: &Emulator, who: &[&str], runtime: &str) -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_softphone"));
    program
        .args(["--environment", "lab.test", "--loopback", "--no-headset", "--runtime", runtime])
        .args(["--api-host", &emulator.http_url(), "--ws-host", &emulator.ws_url()])
        .args(who);
    program
}

fn begin(program: &mut Command) -> Child {
    program.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap()
}

/// A phone by lines, and whoever works it.
struct Desk {
    phone: Child,
    keyboard: ChildStdin,
    screen: Lines<BufReader<ChildStdout>>,
}

impl Desk {
    /// Logs in.
    fn at(emulator: &Emulator, who: &[&str], runtime: &str) -> Self {
        let mut desk = Self::of(softphone(emulator, who, runtime));
        desk.until("ready");
        desk
    }

    fn of(mut phone: Child) -> Self {
        let keyboard = phone.stdin.take().unwrap();
        let screen = BufReader::new(phone.stdout.take().unwrap()).lines();
        Self { phone, keyboard, screen }
    }

    fn types(&mut self, lines: &str) {
        writeln!(self.keyboard, "{lines}").unwrap();
    }

    /// The next line with that word.
    fn until(&mut self, word: &str) -> String {
        let mut lines = self.screen.by_ref().map(Result::unwrap);
        lines.find(|line| line.contains(word)).unwrap_or_else(|| panic!("no {word}"))
    }

    /// Sees it end in order.
    fn ends(mut self) {
        self.until("bye");
        assert!(self.phone.wait().unwrap().success());
    }
}

/// Sends a signal.
fn tell(phone: &Child, signal: &str) {
    // The shell's own: not every machine has a program of that name.
    let kill = format!("kill -{signal} {}", phone.id());
    assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
}

/// The first event of this kind.
fn event(emulator: &Emulator, kind: &str) -> Value {
    let query = format!("events?type={kind}&wait=60000");
    let told = emulator.control("GET", &query, &Value::Null).unwrap();
    told["events"].get(0).unwrap_or_else(|| panic!("no {kind}")).clone()
}

#[test]
fn ctrl_c_hangs_up_and_logs_out() {
    for (runtime, signal) in [("tokio", "INT"), ("smol", "INT"), ("tokio", "TERM")] {
        let emulator = Emulator::start(EmulatorOptions::default()).unwrap();
        let (user, token) = emulator.add_user("Ada", None).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let heard = folder.path().join("heard.wav");
        let who = ["--token", &token, "--wav-out", heard.to_str().unwrap()];
        let mut phone = softphone(&emulator, &who, runtime);
        let mut keyboard = phone.stdin.take().unwrap();
        let mut screen = BufReader::new(phone.stdout.take().unwrap()).lines();
        let mut until = |word: &str| screen.by_ref().any(|line| line.unwrap().contains(word));
        assert!(until("ready"), "{runtime}");
        let call = json!({"kind": "inbound", "userId": user});
        let call = emulator.control("POST", "calls", &call).unwrap();
        assert!(until("ringing"));
        writeln!(keyboard, "answer").unwrap();
        assert!(until("talking"));

        tell(&phone, signal);
        assert_eq!(event(&emulator, "call-ended")["conversationId"], call["conversationId"]);
        event(&emulator, "ws-closed");
        let since = Instant::now();
        while phone.try_wait().unwrap().is_none() {
            assert!(since.elapsed() < LIMIT, "it does not end");
            std::thread::yield_now();
        }
        assert!(phone.wait().unwrap().success(), "{runtime}");
        assert!(until("bye"));
        // All that was heard is written before it ends.
        assert!(offhook::audio::wav::read(std::fs::File::open(heard).unwrap()).is_ok());
    }
}

#[test]
fn ctrl_c_ends_a_call_that_is_being_dialled() {
    let emulator = Emulator::start(EmulatorOptions::default()).unwrap();
    let (_, token) = emulator.add_user("Ada", None).unwrap();
    // The service takes its time, and makes the call after the key was pressed.
    let slow = json!({"method": "POST", "path": "conversations/calls", "delayMs": 1000});
    emulator.control("POST", "faults", &slow).unwrap();
    let mut desk = Desk::at(&emulator, &["--token", &token], "tokio");
    desk.types("dial +15550142\ncalls");
    desk.until("no calls");
    tell(&desk.phone, "INT");
    event(&emulator, "call-ended");
    desk.ends();
}

#[test]
fn a_user_of_a_gateway_answers_holds_sends_on_and_calls() {
    let emulator = Emulator::start(EmulatorOptions::default()).unwrap();
    let user = emulator.control("POST", "ribbon/users", &json!({})).unwrap();
    let text = |key: &str| user[key].as_str().unwrap().to_owned();
    let (name, password) = (text("user"), text("password"));
    let who = ["--service", "ribbon", "--user", &name, "--password", &password];
    let mut desk = Desk::at(&emulator, &who, "tokio");
    let call = json!({"to": name, "from": {"name": "Grace", "address": "grace@far.test"}});
    emulator.control("POST", "ribbon/calls", &call).unwrap();
    desk.until("ringing");
    desk.types("answer");
    desk.until("talking");
    desk.types("dtmf 42");
    assert_eq!(event(&emulator, "dtmf")["digit"], "4");
    desk.types("hold");
    desk.until("on hold");
    desk.types("unhold");
    desk.until("talking");
    desk.types("nonsense");
    desk.until("no such command");
    desk.types("hold");
    desk.until("on hold");
    emulator
        .control(
            "POST",
            "ribbon/parties",
            &json!({"address": "carol@far.test", "script": "answer"}),
        )
        .unwrap();
    desk.types("transfer carol@far.test");
    desk.until("over");
    desk.types("dial carol@far.test");
    desk.until("talking");
    desk.types("hangup");
    desk.until("over");
    desk.types("presence");
    desk.until("on-the-phone");
    desk.types("presence busy");
    desk.until("you are busy now");
    desk.types("voicemail");
    desk.until("voicemail: 0 not heard");
    desk.types("quit");
    desk.ends();
    event(&emulator, "unsubscribed");
}

#[test]
fn an_agent_goes_on_queue_and_counts_the_voicemail() {
    let emulator = Emulator::start(EmulatorOptions::default()).unwrap();
    let (user, token) = emulator.add_user("Ada", None).unwrap();
    let mailbox = json!({"voicemail": {"total": 5, "unread": 2}});
    emulator.control("PATCH", &format!("users/{user}"), &mailbox).unwrap();
    let mut desk = Desk::at(&emulator, &["--token", &token], "smol");
    desk.types("presence");
    desk.until("On Queue");
    desk.types("presence on queue");
    desk.until("you are On Queue now");
    desk.types("presence nowhere");
    desk.until("! ");
    desk.types("voicemail");
    desk.until("voicemail: 2 not heard, 5 in all");
    desk.types("quit");
    desk.ends();
}

#[test]
fn a_wish_under_way_holds_up_neither_events_nor_what_is_no_wish() {
    let emulator = Emulator::start(EmulatorOptions::default()).unwrap();
    let (user, token) = emulator.add_user("Ada", None).unwrap();
    let late = json!({"method": "POST", "path": "conversations/calls", "delayMs": 600_000});
    emulator.control("POST", "faults", &late).unwrap();
    let mut desk = Desk::at(&emulator, &["--token", &token], "tokio");
    desk.types("dial 100\ncalls\npeople");
    desk.until("no calls");
    desk.until("this is no meeting");
    emulator.control("POST", "calls", &json!({"kind": "inbound", "userId": user})).unwrap();
    desk.until("ringing");
    desk.types("calls");
    desk.until("  ringing");
    tell(&desk.phone, "INT");
    desk.ends();
}

/// Each wish is done before the next, and all of them before the end.
#[test]
fn the_lines_of_a_script_are_done_one_after_the_other() {
    let emulator = Emulator::start(EmulatorOptions::default()).unwrap();
    let (_, token) = emulator.add_user("Ada", None).unwrap();
    let mut phone = softphone(&emulator, &["--token", &token], "tokio");
    let mut keyboard = phone.stdin.take().unwrap();
    write!(keyboard, "dial 100\nmeet\nunfilm\nhangup\nnonsense\n").unwrap();
    drop(keyboard);
    let told = phone.wait_with_output().unwrap();
    let text = String::from_utf8(told.stdout).unwrap();
    let at = |what: &str| text.find(what).unwrap_or_else(|| panic!("no {what} in {text}"));
    let answers = ["meet wants to know more", "this is no meeting", "no such command", "bye"];
    assert!(answers.map(at).is_sorted(), "{text}");
    assert!(told.status.success() && !text.contains("there is no call"), "{text}");
    event(&emulator, "call-ended");
}

/// Without a sound server it says what is missing and what to do, and calls go on.
#[cfg(target_os = "linux")]
#[test]
fn without_a_sound_server_it_says_what_to_do_and_calls_go_on() {
    let emulator = Emulator::start(EmulatorOptions::default()).unwrap();
    let (user, token) = emulator.add_user("Ada", None).unwrap();
    let mut desk = Desk::of(begin(
        program(&emulator, &["--token", &token], "tokio")
            .env_remove("PULSE_SERVER")
            .env_remove("PULSE_RUNTIME_PATH")
            .env("XDG_RUNTIME_DIR", "/nonexistent"),
    ));
    let told = desk.until("no sound");
    for word in ["PulseAudio", "PipeWire", "/nonexistent/pulse/native", "apt install", "--no-sound"]
    {
        assert!(told.contains(word), "{told}");
    }
    desk.until("ready");
    desk.types("sound");
    assert!(desk.until("no sound").contains("apt install"));
    emulator.control("POST", "calls", &json!({"kind": "inbound", "userId": user})).unwrap();
    desk.until("ringing");
    desk.types("answer");
    desk.until("talking");
    desk.types("hangup");
    desk.until("over");
    desk.types("quit");
    desk.ends();
}
