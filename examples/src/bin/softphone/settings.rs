//! Settings: of the command line, and where that says nothing, of a file. Secrets are looked for in the environment in between.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use etcetera::BaseStrategy as _;
use offhook::net::NetOptions;
use serde::Deserialize;

use crate::{Choice, Cli};

/// The longest secret that a file may hold, in bytes.
const MAX_SECRET: usize = 16 * 1024;

/// The settings in force. Has no `Debug`: there are secrets in it.
pub(crate) struct Settings {
    pub(crate) service: Choice,
    pub(crate) environment: String,
    pub(crate) token: Option<String>,
    pub(crate) user: Option<String>,
    pub(crate) password: Option<String>,
    pub(crate) api_host: Option<String>,
    pub(crate) ws_host: Option<String>,
    loopback: bool,
    pub(crate) no_sound: bool,
    pub(crate) no_headset: bool,
    pub(crate) speaker: Option<String>,
    pub(crate) microphone: Option<String>,
    /// The loudspeaker that rings.
    pub(crate) bell: Option<String>,
    pub(crate) wav_in: Option<PathBuf>,
    pub(crate) wav_out: Option<PathBuf>,
    /// The folder of films of meetings.
    pub(crate) films: PathBuf,
    /// The file that keeps the numbers that were typed, if they are kept.
    pub(crate) history: Option<PathBuf>,
    /// The parts that make a voice better, where they are built in.
    pub(crate) voice: Voice,
    /// Codes of wrap-up, by the names that a person gives them.
    pub(crate) wrap_up: BTreeMap<String, String>,
    /// Every message on the wire is told, without secrets.
    pub(crate) trace: bool,
}

/// The file.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    service: Option<Choice>,
    environment: Option<String>,
    api_host: Option<String>,
    ws_host: Option<String>,
    user: Option<String>,
    token_file: Option<PathBuf>,
    password_file: Option<PathBuf>,
    loopback: Option<bool>,
    headset: Option<bool>,
    speaker: Option<String>,
    microphone: Option<String>,
    ring: Option<String>,
    films: Option<PathBuf>,
    history: Option<bool>,
    #[serde(default)]
    voice: Voice,
    #[serde(default)]
    wrap_up: BTreeMap<String, String>,
}

/// The parts that make a voice better, on unless said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Voice {
    /// Echo cancellation, which a headset has no need of.
    pub(crate) echo: bool,
    /// Noise suppression.
    pub(crate) noise: bool,
    /// Gain control.
    pub(crate) gain: bool,
}

impl Default for Voice {
    fn default() -> Self {
        Self { echo: true, noise: true, gain: true }
    }
}

impl Settings {
    /// The settings of a command line and of its file.
    ///
    /// # Errors
    ///
    /// A file cannot be read, has something else in it, or has secrets that others may read.
    pub(crate) fn new(cli: Cli) -> anyhow::Result<Self> {
        Self::with(cli, |name| std::env::var(name).ok())
    }

    /// The same, in an environment.
    fn with(cli: Cli, environment: impl Fn(&str) -> Option<String>) -> anyhow::Result<Self> {
        let file = match &cli.config {
            Some(path) => File::read(path)?,
            None => folder(Folder::Config)
                .map(|folder| folder.join("softphone.toml"))
                .filter(|path| path.exists())
                .map_or_else(|| Ok(File::default()), |path| File::read(&path))?,
        };
        let service = cli.service.or(file.service).unwrap_or(Choice::Genesys);
        // A secret that is not needed is not read either.
        let found = |of: Choice, flag: Option<String>, name: &str, files: [Option<PathBuf>; 2]| {
            if service != of {
                return Ok(flag);
            }
            let [of_flag, of_file] = files;
            let of_environment = || environment(name).filter(|value| !value.is_empty());
            match (flag, of_flag) {
                (Some(secret), _) => Ok(Some(secret)),
                (None, Some(path)) => secret(&path).map(Some),
                (None, None) => match of_environment() {
                    Some(secret) => Ok(Some(secret)),
                    None => of_file.map(|path| secret(&path)).transpose(),
                },
            }
        };
        Ok(Self {
            service,
            environment: cli
                .environment
                .or(file.environment)
                .unwrap_or_else(|| "mypurecloud.com".to_owned()),
            token: found(
                Choice::Genesys,
                cli.token,
                "OFFHOOK_TOKEN",
                [cli.token_file, file.token_file],
            )?,
            user: cli.user.or(file.user),
            password: found(
                Choice::Ribbon,
                cli.password,
                "OFFHOOK_PASSWORD",
                [cli.password_file, file.password_file],
            )?,
            api_host: cli.api_host.or(file.api_host),
            ws_host: cli.ws_host.or(file.ws_host),
            loopback: cli.loopback || file.loopback.unwrap_or(false),
            no_sound: cli.no_sound,
            no_headset: cli.no_headset || file.headset == Some(false),
            speaker: cli.speaker.or(file.speaker),
            microphone: cli.microphone.or(file.microphone),
            bell: cli.ring.or(file.ring),
            films: cli.films.or(file.films).unwrap_or_else(|| ".".into()),
            history: (!cli.no_history && file.history != Some(false))
                .then(|| folder(Folder::State))
                .flatten()
                .map(|folder| folder.join("softphone-history")),
            voice: file.voice,
            wav_in: cli.wav_in,
            wav_out: cli.wav_out,
            wrap_up: file.wrap_up,
            trace: false,
        })
    }

    pub(crate) fn net(&self) -> NetOptions {
        NetOptions::default().loopback(self.loopback)
    }
}

impl File {
    fn read(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
        // What the file says may be a secret in the wrong place: only the place is told.
        toml::from_str(&text).map_err(|error: toml::de::Error| {
            let line = error.span().map_or(0, |span| text[..span.start].matches('\n').count() + 1);
            let hint = "secrets are not for this file: token_file and password_file name theirs";
            let message = error.message();
            let is_name = message.starts_with("unknown field");
            let what = if is_name { message } else { "this is not what is wanted here" };
            anyhow::anyhow!("{}, line {line}: {what} ({hint})", path.display())
        })
    }
}

/// A folder that each system has for programs.
#[derive(Clone, Copy)]
enum Folder {
    /// Settings.
    Config,
    /// Things that are kept from one time to the next.
    State,
}

/// The folder of this program; none where nobody has a home. `XDG_CONFIG_HOME` and `XDG_STATE_HOME` name others.
fn folder(of: Folder) -> Option<PathBuf> {
    let folders = etcetera::choose_base_strategy().ok()?;
    let folder = match of {
        Folder::Config => folders.config_dir(),
        // Windows has none for that alone.
        Folder::State => folders.state_dir().unwrap_or_else(|| folders.data_dir()),
    };
    Some(folder.join("offhook"))
}

/// The secret in a file, which only its owner may read.
fn secret(path: &Path) -> anyhow::Result<String> {
    let named = || path.display().to_string();
    // The file that is looked at is the one that is read.
    let mut file = std::fs::File::open(path).with_context(named)?;
    let about = file.metadata().with_context(named)?;
    if !about.is_file() {
        bail!("{} is no file", path.display());
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = about.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            bail!(
                "{} may be read or changed by others (its mode is {mode:04o}): chmod 600 {0}",
                path.display()
            );
        }
    }
    if about.len() > MAX_SECRET as u64 {
        bail!("{} is too large for a secret", path.display());
    }
    let mut text = String::new();
    std::io::Read::read_to_string(&mut file, &mut text).with_context(named)?;
    match text.trim() {
        "" => bail!("{} is empty", path.display()),
        secret => Ok(secret.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use clap::Parser as _;
    use tempfile::{NamedTempFile, TempPath};

    use super::*;

    /// A file that goes when it is dropped.
    fn file(text: &str, mode: u32) -> TempPath {
        let path = NamedTempFile::new().unwrap().into_temp_path();
        fs::write(&path, text).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        }
        path
    }

    fn settings(config: &Path, more: &[&str]) -> anyhow::Result<Settings> {
        settings_in(&[], config, more)
    }

    /// The settings in an environment.
    fn settings_in(
        environment: &[(&str, &str)],
        config: &Path,
        more: &[&str],
    ) -> anyhow::Result<Settings> {
        let config = config.to_str().unwrap();
        let words = ["softphone", "--config", config].into_iter().chain(more.iter().copied());
        Settings::with(Cli::try_parse_from(words).unwrap(), |name| {
            let found = environment.iter().find(|(is, _)| *is == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn a_secret_of_a_flag_comes_before_the_environment_and_that_before_the_file() {
        let [of_flag, of_file] =
            ["of the flag's file", "of the file's"].map(|text| file(text, 0o600));
        let config = file(
            &format!(
                "token_file = {of_file:?}
password_file = {of_file:?}"
            ),
            0o600,
        );
        let of_flag = of_flag.to_str().unwrap();
        let environment = [("OFFHOOK_TOKEN", "of the room"), ("OFFHOOK_PASSWORD", "of the room")];
        let services = [("genesys", "--token"), ("ribbon", "--password")];
        for (service, flag) in services {
            let is = |environment: &[_], more: &[&str]| {
                let more = [&["--service", service], more].concat();
                let is = settings_in(environment, &config, &more).unwrap();
                is.token.or(is.password).unwrap()
            };
            let flag_file = format!("{flag}-file");
            assert_eq!(is(&environment, &[flag, "said"]), "said");
            assert_eq!(is(&environment, &[&flag_file, of_flag]), "of the flag's file");
            assert_eq!(is(&environment, &[]), "of the room");
            assert_eq!(
                is(&[("OFFHOOK_TOKEN", ""), ("OFFHOOK_PASSWORD", "")], &[]),
                "of the file's"
            );
            assert_eq!(is(&[], &[]), "of the file's");
        }
    }

    #[test]
    fn the_command_line_comes_before_the_file() {
        let token = file("sesame\n", 0o600);
        let text = format!(
            "service = \"genesys\"\nenvironment = \"lab.test\"\nspeaker = \"desk\"\nring = \"lamp\"\n\
             token_file = {token:?}\n[voice]\necho = false\n[wrap_up]\nsold = \"code-7\"\n"
        );
        let config = file(&text, 0o644);
        let is = settings(&config, &["--speaker", "head"]).unwrap();
        assert_eq!((is.service, is.environment.as_str()), (Choice::Genesys, "lab.test"));
        assert_eq!((is.speaker.as_deref(), is.bell.as_deref()), (Some("head"), Some("lamp")));
        assert_eq!(is.token.as_deref(), Some("sesame"));
        assert_eq!(is.wrap_up["sold"], "code-7");
        assert_eq!(is.voice, Voice { echo: false, ..Voice::default() });
        assert!(!is.no_headset);
    }

    #[test]
    fn a_headset_is_switched_off_by_either() {
        let [on, off] = [true, false].map(|on| {
            let text = format!("token_file = \"/nowhere\"\nheadset = {on}\n");
            file(&text, 0o600)
        });
        let is = |config: &Path, more: &[&str]| {
            let more = [&["--token", "sesame"], more].concat();
            settings(config, &more).unwrap().no_headset
        };
        assert!(!is(&on, &[]) && is(&on, &["--no-headset"]) && is(&off, &[]));
    }

    #[test]
    fn numbers_are_kept_unless_either_says_no() {
        let [on, off] = [true, false].map(|on| file(&format!("history = {on}"), 0o600));
        let is = |config: &Path, more: &[&str]| {
            let more = [&["--token", "sesame"], more].concat();
            settings(config, &more).unwrap().history
        };
        assert_eq!((is(&off, &[]), is(&on, &["--no-history"])), (None, None));
        let usual = folder(Folder::State).map(|folder| folder.join("softphone-history"));
        assert_eq!(is(&on, &[]), usual);
    }

    #[cfg(unix)]
    #[test]
    fn a_secret_that_others_may_read_is_refused() {
        for mode in [0o640, 0o604, 0o620, 0o644] {
            let token = file("sesame", mode);
            let config = file(&format!("token_file = {token:?}"), 0o600);
            let error = settings(&config, &[]).err().expect("refused").to_string();
            assert!(error.contains("chmod 600") && !error.contains("sesame"), "{error}");
        }
        let token = file(" \n", 0o600);
        let config = file(&format!("token_file = {token:?}"), 0o600);
        assert!(settings(&config, &[]).err().expect("refused").to_string().contains("empty"));
    }

    #[test]
    fn a_secret_in_the_file_itself_is_refused_and_not_shown() {
        let config = file("environment = \"lab.test\"\ntoken = \"sesame\"\n", 0o600);
        let error = settings(&config, &[]).err().expect("refused").to_string();
        assert!(error.contains("line 2") && error.contains("token_file"), "{error}");
        assert!(!error.contains("sesame"), "{error}");
        let config = file("loopback = \"sesame\"\n", 0o600);
        let error = settings(&config, &[]).err().expect("refused").to_string();
        assert!(error.contains("line 1") && !error.contains("sesame"), "{error}");
    }

    #[test]
    fn a_secret_of_the_other_service_is_not_looked_at() {
        let config = file("token_file = \"/nowhere/at/all\"\n", 0o600);
        let is = settings(&config, &["--service", "ribbon"]).unwrap();
        assert_eq!((is.service, is.token), (Choice::Ribbon, None));
        assert!(settings(&config, &[]).is_err());
    }
}
