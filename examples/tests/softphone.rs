//! The softphone, as a program of its own against the emulator.
#![cfg(unix)]

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};
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
    // The service takes its time.
    let slow =
        json!({"method": "POST", "path": "conversations/calls$", "delayMs": 1000, "times": 1});
    emulator.control("POST", "faults", &slow).unwrap();
    let mut phone = softphone(&emulator, &["--token", &token], "tokio");
    let mut keyboard = phone.stdin.take().unwrap();
    let mut screen = BufReader::new(phone.stdout.take().unwrap()).lines();
    assert!(screen.by_ref().any(|line| line.unwrap().contains("ready")));
    writeln!(keyboard, "dial +15550142").unwrap();
    let asked = |event: &Value| event["path"].to_string().contains("conversations/calls\"");
    let mut after = 0;
    loop {
        let query = format!("events?type=rest&after={after}&wait=60000");
        let told = emulator.control("GET", &query, &Value::Null).unwrap();
        let told = told["events"].as_array().unwrap();
        if told.iter().any(asked) {
            break;
        }
        after = told.last().expect("it dials")["seq"].as_u64().unwrap();
    }
    tell(&phone, "INT");
    event(&emulator, "call-ended");
    event(&emulator, "ws-closed");
    assert!(phone.wait().unwrap().success());
}

#[test]
fn a_user_of_a_gateway_answers_holds_sends_on_and_calls() {
    let emulator = Emulator::start(EmulatorOptions::default()).unwrap();
    let user = emulator.control("POST", "ribbon/users", &json!({})).unwrap();
    let text = |key: &str| user[key].as_str().unwrap().to_owned();
    let (name, password) = (text("user"), text("password"));
    let who = ["--service", "ribbon", "--user", &name, "--password", &password];
    let mut phone = softphone(&emulator, &who, "tokio");
    let mut keyboard = phone.stdin.take().unwrap();
    let mut screen = BufReader::new(phone.stdout.take().unwrap()).lines();
    let mut until = |word: &str| {
        assert!(screen.by_ref().any(|line| line.unwrap().contains(word)), "no {word}");
    };
    let mut press = |line: &str| writeln!(keyboard, "{line}").unwrap();
    until("ready");
    let call = json!({"to": name, "from": {"name": "Grace", "address": "grace@far.test"}});
    emulator.control("POST", "ribbon/calls", &call).unwrap();
    until("ringing");
    press("answer");
    until("talking");
    press("dtmf 42");
    assert_eq!(event(&emulator, "dtmf")["digit"], "4");
    press("hold");
    until("on hold");
    press("unhold");
    until("talking");
    press("nonsense");
    until("no such command");
    press("hold");
    until("on hold");
    emulator
        .control(
            "POST",
            "ribbon/parties",
            &json!({"address": "carol@far.test", "script": "answer"}),
        )
        .unwrap();
    press("transfer carol@far.test");
    until("over");
    press("dial carol@far.test");
    until("talking");
    press("hangup");
    until("over");
    press("presence");
    until("on-the-phone");
    press("presence busy");
    until("you are busy now");
    press("voicemail");
    until("voicemail: 0 not heard");
    press("quit");
    until("bye");
    assert!(phone.wait().unwrap().success());
    event(&emulator, "unsubscribed");
}

#[test]
fn an_agent_goes_on_queue_and_counts_the_voicemail() {
    let emulator = Emulator::start(EmulatorOptions::default()).unwrap();
    let (user, token) = emulator.add_user("Ada", None).unwrap();
    let mailbox = json!({"voicemail": {"total": 5, "unread": 2}});
    emulator.control("PATCH", &format!("users/{user}"), &mailbox).unwrap();
    let mut phone = softphone(&emulator, &["--token", &token], "smol");
    let mut keyboard = phone.stdin.take().unwrap();
    let mut screen = BufReader::new(phone.stdout.take().unwrap()).lines();
    let mut until = |word: &str| {
        assert!(screen.by_ref().any(|line| line.unwrap().contains(word)), "no {word}");
    };
    let mut press = |line: &str| writeln!(keyboard, "{line}").unwrap();
    until("ready");
    press("presence");
    until("On Queue");
    press("presence on queue");
    until("you are On Queue now");
    press("presence nowhere");
    until("! ");
    press("voicemail");
    until("voicemail: 2 not heard, 5 in all");
    press("quit");
    until("bye");
    assert!(phone.wait().unwrap().success());
}

#[test]
fn a_wish_under_way_holds_up_neither_events_nor_what_is_no_wish() {
    let emulator = Emulator::start(EmulatorOptions::default()).unwrap();
    let (user, token) = emulator.add_user("Ada", None).unwrap();
    let late = json!({"method": "POST", "path": "conversations/calls", "delayMs": 600_000});
    emulator.control("POST", "faults", &late).unwrap();
    let mut phone = softphone(&emulator, &["--token", &token], "tokio");
    let mut keyboard = phone.stdin.take().unwrap();
    let mut screen = BufReader::new(phone.stdout.take().unwrap()).lines();
    let mut until = |word: &str| {
        let mut lines = screen.by_ref().map(Result::unwrap);
        lines.find(|line| line.contains(word)).unwrap_or_else(|| panic!("no {word}"))
    };
    until("ready");
    writeln!(keyboard, "dial 100\ncalls\npeople").unwrap();
    until("no calls");
    until("this is no meeting");
    emulator.control("POST", "calls", &json!({"kind": "inbound", "userId": user})).unwrap();
    until("ringing");
    writeln!(keyboard, "calls").unwrap();
    until("  ringing");
    tell(&phone, "INT");
    until("bye");
    assert!(phone.wait().unwrap().success());
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
    let mut phone = begin(
        program(&emulator, &["--token", &token], "tokio")
            .env_remove("PULSE_SERVER")
            .env_remove("PULSE_RUNTIME_PATH")
            .env("XDG_RUNTIME_DIR", "/nonexistent"),
    );
    let mut keyboard = phone.stdin.take().unwrap();
    let mut screen = BufReader::new(phone.stdout.take().unwrap()).lines();
    let mut until = |word: &str| {
        let mut lines = screen.by_ref().map(Result::unwrap);
        lines.find(|line| line.contains(word)).unwrap_or_else(|| panic!("no {word}"))
    };
    let told = until("no sound");
    for word in ["PulseAudio", "PipeWire", "/nonexistent/pulse/native", "apt install", "--no-sound"]
    {
        assert!(told.contains(word), "{told}");
    }
    until("ready");
    writeln!(keyboard, "sound").unwrap();
    assert!(until("no sound").contains("apt install"));
    emulator.control("POST", "calls", &json!({"kind": "inbound", "userId": user})).unwrap();
    until("ringing");
    writeln!(keyboard, "answer").unwrap();
    until("talking");
    writeln!(keyboard, "hangup").unwrap();
    until("over");
    writeln!(keyboard, "quit").unwrap();
    until("bye");
    assert!(phone.wait().unwrap().success());
}
