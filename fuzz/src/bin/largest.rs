//! Tries messages of the largest accepted size for some seconds, and tells the slowest of each kind.
//! Fails when one takes longer than the limit, and leaves it in a file.
//!
//!   largest SECONDS CORPUS FINDINGS

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};
use std::{env, fs, io};

use offhook_fuzz::largest::{LIMIT, Largest, Tried};

fn texts(folder: &Path) -> io::Result<Vec<String>> {
    let mut files: Vec<_> =
        fs::read_dir(folder)?.map(|entry| entry.map(|e| e.path())).collect::<Result<_, _>>()?;
    files.sort();
    Ok(files.iter().filter_map(|file| fs::read_to_string(file).ok()).collect())
}

fn main() -> io::Result<ExitCode> {
    let mut arguments = env::args().skip(1);
    let seconds = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(10);
    let corpus = PathBuf::from(arguments.next().unwrap_or_else(|| "fuzz/corpus".to_owned()));
    let findings =
        PathBuf::from(arguments.next().unwrap_or_else(|| "target/fuzz/findings".to_owned()));
    let (frames, sdp) = (texts(&corpus.join("xmpp_frame"))?, texts(&corpus.join("sdp"))?);
    let mut largest = Largest::new(1, frames, sdp);
    let mut slowest: BTreeMap<&'static str, (u64, Tried)> = BTreeMap::new();
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(seconds) {
        let tried = largest.step();
        let (count, worst) = slowest.entry(tried.kind).or_insert_with(|| (0, tried.clone()));
        *count += 1;
        if tried.took > worst.took {
            *worst = tried;
        }
    }
    let mut code = ExitCode::SUCCESS;
    for (kind, (count, worst)) in slowest {
        let ms = worst.took.as_secs_f64() * 1000.0;
        println!("{kind:<18}{count:>6} inputs, slowest {ms:>8.2} ms, {} bytes", worst.text.len());
        if worst.took > LIMIT {
            fs::create_dir_all(&findings)?;
            let file = findings.join(format!("slow-{}", kind.replace(' ', "-")));
            fs::write(&file, &worst.text)?;
            println!("  longer than {} ms: {}", LIMIT.as_millis(), file.display());
            code = ExitCode::FAILURE;
        }
    }
    Ok(code)
}
