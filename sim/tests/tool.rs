//! The simulator's program, as a person or a script calls it.

use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::Value;

fn sim(arguments: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_offhook-sim"))
        .args(arguments.split(' '))
        .output()
        .expect("the program that was just built")
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A file that is gone after the test.
struct File(PathBuf);

impl File {
    fn new(name: &str) -> Self {
        Self(std::env::temp_dir().join(format!("offhook-{}-{name}", std::process::id())))
    }

    fn read(&self) -> String {
        std::fs::read_to_string(&self.0).unwrap()
    }
}

impl Drop for File {
    fn drop(&mut self) {
        // It may never have come to be.
        let _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn two_seeds_run_clean_and_leave_a_report() {
    let file = File::new("report.json");
    let path = file.0.display();
    let run = sim(&format!(
        "run --preset calm --seeds 3..5 --agents 2 --hours 0.3 --jobs 2 --report {path}"
    ));
    assert_eq!(run.status.code(), Some(0), "{}", text(&run));
    assert!(text(&run).contains("no finding"), "{}", text(&run));
    let report: Value = serde_json::from_str(&file.read()).unwrap();
    assert_eq!((&report["scenario"], &report["seeds"]), (&"calm".into(), &2.into()));
    assert!(
        report["calls"].as_u64() > Some(0) && report["simulatedSeconds"].as_f64() > Some(2160.0)
    );
    let runs = report["runs"].as_array().unwrap();
    assert_eq!((&runs[0]["seed"], &runs[1]["seed"]), (&3.into(), &4.into()));
    assert_eq!(report["findings"], Value::Array(Vec::new()));

    let digests = sim("digest --preset calm --seeds 3..5 --agents 2 --hours 0.3");
    let lines: Vec<String> = runs
        .iter()
        .map(|run| format!("{} {}\n", run["seed"], run["digest"].as_str().unwrap()))
        .collect();
    assert_eq!(text(&digests), lines.concat(), "another process, the same runs");
}

#[test]
fn what_proves_nothing_fails_and_what_cannot_be_done_is_said() {
    let dull = sim("run --preset calm --seeds 1 --agents 1 --hours 0.01 --faults none --covered");
    assert_eq!(dull.status.code(), Some(1), "{}", text(&dull));
    assert!(text(&dull).contains("never happened:"));
    for (arguments, says) in [
        ("run --preset nonsense", "there is no scenario"),
        ("run --seeds 5..5", "no seed in it"),
        ("run --faults nonsense", "there is no \"nonsense\""),
        ("replay --preset calm --seed 1 --until tomorrow", "a time is"),
        ("shrink --preset calm --agents 1 --hours 0.01 --seed 1", "nothing is wrong"),
        ("ladder --preset calm --agents 1 --hours 0.01 --seed 1 --call x", "0 calls"),
        // A year of a hundred agents is not simulated before that is said.
        ("run --seeds 0..1000 --agents 100 --hours 8000 --report /no/folder/x", "cannot write"),
        ("run --seeds 0..1000 --agents 100 --hours 8000 --report .", "cannot write"),
        ("ladder --seed 1 --agents 100 --hours 8000 --call x --out /no/folder/x", "cannot write"),
    ] {
        let output = sim(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments}");
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(error.contains(says), "{arguments}: {error}");
    }
}

#[test]
fn a_seed_is_told_again_and_its_calls_are_drawn() {
    let plan = "--preset calm --seed 3 --agents 2 --hours 0.3";
    let last = sim(&format!("replay {plan} --until 10m"));
    assert_eq!(last.status.code(), Some(0));
    assert!(text(&last).contains("seed 3 to 00:10:00.000, digest "), "{}", text(&last));
    let all = sim(&format!("replay {plan} --until 10m --verbose"));
    let (last, all) = (text(&last), text(&all));
    assert!(all.lines().count() > last.lines().count());
    assert!(all.ends_with(last.split_once("\n\n").unwrap().1), "they are the same run");

    let calls = text(&sim(&format!("ladder {plan}")));
    let call = calls.lines().find(|line| line.contains("connected and ended")).unwrap();
    let id = call.split_whitespace().nth(1).unwrap();
    let page = File::new("call.html");
    let drawn = sim(&format!("ladder {plan} --call {} --out {}", &id[..13], page.0.display()));
    assert_eq!(drawn.status.code(), Some(0), "{}", text(&drawn));
    assert!(page.read().contains("session-initiate"));
}

/// The lines of a stream, read by a thread, so that they can be waited for with a deadline.
#[cfg(unix)]
fn lines(stream: impl std::io::Read + Send + 'static) -> std::sync::mpsc::Receiver<String> {
    use std::io::BufRead as _;
    let (tell, lines) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for line in std::io::BufReader::new(stream).lines().map_while(Result::ok) {
            if tell.send(line).is_err() {
                return;
            }
        }
    });
    lines
}

#[cfg(unix)]
#[test]
fn ctrl_c_keeps_and_tells_what_is_done() {
    use std::process::Stdio;
    const PATIENCE: std::time::Duration = std::time::Duration::from_secs(60);

    let file = File::new("interrupted.json");
    let path = file.0.display();
    let plan = format!(
        "run --preset calm --seeds 0..1000000 --agents 1 --hours 0.1 --jobs 2 --report {path}"
    );
    let mut run = Command::new(env!("CARGO_BIN_EXE_offhook-sim"))
        .args(plan.split(' '))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (told, progress) = (lines(run.stdout.take().unwrap()), lines(run.stderr.take().unwrap()));
    // The first seed is done.
    progress.recv_timeout(PATIENCE).expect("progress");
    let pid = run.id().to_string();
    // The shell's own: not every machine has a program of that name.
    let press = format!("kill -INT {pid}");
    assert!(Command::new("sh").args(["-c", &press]).status().unwrap().success());

    let mut text = String::new();
    let deadline = std::time::Instant::now() + PATIENCE;
    loop {
        let left = deadline.saturating_duration_since(std::time::Instant::now());
        match told.recv_timeout(left) {
            Ok(line) => text.push_str(&(line + "\n")),
            Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => break,
            Err(std::sync::mpsc::RecvTimeoutError::Timeout) => {
                run.kill().unwrap();
                panic!("it does not end: {text}");
            }
        }
    }
    assert_eq!(run.wait().unwrap().code(), Some(130), "{text}");
    assert!(text.contains("calls connected") && text.contains("no finding so far"), "{text}");
    assert!(text.contains(" of 1 000 000 seeds are done"), "{text}");
    let report: Value = serde_json::from_str(&file.read()).unwrap();
    let done = report["seeds"].as_u64().unwrap();
    assert!((1..1_000_000).contains(&done), "{done}");
    assert_eq!(report["runs"].as_array().unwrap().len() as u64, done);
    assert_eq!((&report["interrupted"], &report["runs"][0]["seed"]), (&true.into(), &0.into()));
}
