//! The parts that make a voice better, where they are built in.

#[cfg(feature = "voice")]
pub(crate) use self::with::{KEYS, begin, command, show};
#[cfg(not(feature = "voice"))]
pub(crate) use self::without::{KEYS, begin, command, show};

#[cfg(feature = "voice")]
mod with {
    use anyhow::{Context as _, bail};
    use offhook_sound::{Desk, VoiceOptions};

    use crate::terminal::tell;

    pub(crate) const KEYS: &str = "
  voice PART on|off echo cancellation (`echo`), noise suppression (`noise`), gain control (`gain`)";

    pub(crate) fn begin(desk: &Desk) {
        desk.improve(VoiceOptions::default());
    }

    /// Switches a part.
    pub(crate) fn command(desk: &Desk, rest: &str) -> anyhow::Result<()> {
        let (part, state) = rest.split_once(' ').context("which part, on or off?")?;
        let on = match state.trim() {
            "on" => true,
            "off" => false,
            _ => bail!("on or off?"),
        };
        let mut options = desk.voice();
        match part {
            "echo" => options.echo = on,
            "noise" => options.noise = on,
            "gain" => options.gain = on,
            _ => bail!("no such part: {part} (echo, noise, gain)"),
        }
        desk.improve(options);
        Ok(())
    }

    pub(crate) fn show(desk: &Desk) {
        tell(format_args!("  voice: {}", desk.voice()));
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
