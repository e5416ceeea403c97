//! The parts that make a voice better, where they are built in.

#[cfg(feature = "voice")]
pub(crate) use self::with::{KEYS, begin, command, show};
#[cfg(not(feature = "voice"))]
pub(crate) use self::without::{KEYS, begin, command, show};

#[cfg(feature = "voice")]
mod with {
    use std::sync::{Mutex, PoisonError};

    use anyhow::{Context as _, bail};
    use offhook_sound::{Desk, Processor, Voice, VoiceOptions};

    use crate::terminal::tell;

    /// The parts that are on.
    static OPTIONS: Mutex<VoiceOptions> =
        Mutex::new(VoiceOptions { echo: true, noise: true, gain: true });

    pub(crate) const KEYS: &str = "
  voice PART on|off echo cancellation (`echo`), noise suppression (`noise`), gain control (`gain`)";

    pub(crate) fn begin(desk: &Desk) {
        apply(desk, options());
    }

    fn options() -> VoiceOptions {
        *OPTIONS.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn apply(desk: &Desk, options: VoiceOptions) {
        let voice = || Box::new(Voice::new(options)) as Box<dyn Processor>;
        desk.process((!options.is_off()).then(voice));
    }

    /// Switches a part.
    pub(crate) fn command(desk: &Desk, rest: &str) -> anyhow::Result<()> {
        let (part, state) = rest.split_once(' ').context("which part, on or off?")?;
        let on = match state.trim() {
            "on" => true,
            "off" => false,
            _ => bail!("on or off?"),
        };
        let mut options = options();
        match part {
            "echo" => options.echo = on,
            "noise" => options.noise = on,
            "gain" => options.gain = on,
            _ => bail!("no such part: {part} (echo, noise, gain)"),
        }
        *OPTIONS.lock().unwrap_or_else(PoisonError::into_inner) = options;
        apply(desk, options);
        Ok(())
    }

    pub(crate) fn show(_: &Desk) {
        tell(format_args!("  voice: {}", options()));
    }
}

#[cfg(not(feature = "voice"))]
mod without {
    use anyhow::bail;
    use offhook_sound::Desk;

    pub(crate) const KEYS: &str = "";

    pub(crate) fn begin(_: &Desk) {}

    pub(crate) fn command(_: &Desk, _: &str) -> anyhow::Result<()> {
        bail!("voices are left as they are: it is built without `--features voice`")
    }

    pub(crate) fn show(_: &Desk) {}
}
