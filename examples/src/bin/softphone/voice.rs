//! The parts that make a voice better, where they are built in.

#[cfg(feature = "voice")]
pub(crate) use self::with::{KEYS, begin, command, show, switch, view};
#[cfg(not(feature = "voice"))]
pub(crate) use self::without::{KEYS, begin, command, show, switch, view};

#[cfg(feature = "voice")]
mod with {
    use anyhow::{Context as _, bail};
    use offhook_sound::{Desk, VoiceOptions};

    use crate::screen::PartView;
    use crate::settings::Voice;
    use crate::terminal::tell;

    pub(crate) const KEYS: &str = "
  voice PART on|off echo cancellation (`echo`), noise suppression (`noise`), gain control (`gain`)";

    pub(crate) fn begin(desk: &Desk, Voice { echo, noise, gain }: Voice) {
        desk.improve(VoiceOptions { echo, noise, gain });
    }

    /// Does what the word `voice` asks for.
    pub(crate) fn command(desk: &Desk, rest: &str) -> anyhow::Result<()> {
        let (part, state) = rest.split_once(' ').context("which part, on or off?")?;
        let on = match state.trim() {
            "on" => true,
            "off" => false,
            _ => bail!("on or off?"),
        };
        switch(desk, part, on)
    }

    /// Switches a part.
    pub(crate) fn switch(desk: &Desk, part: &str, on: bool) -> anyhow::Result<()> {
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

    /// The parts, as they are.
    pub(crate) fn view(desk: &Desk) -> Vec<PartView> {
        let VoiceOptions { echo, noise, gain } = desk.voice();
        let part = |name, words, on| PartView { name, words, on };
        vec![
            part("echo", "echo cancellation", echo),
            part("noise", "noise suppression", noise),
            part("gain", "gain control", gain),
        ]
    }

    pub(crate) fn show(desk: &Desk) {
        tell(format_args!("  voice: {}", desk.voice()));
    }
}

#[cfg(not(feature = "voice"))]
mod without {
    use anyhow::bail;
    use offhook_sound::Desk;

    use crate::screen::PartView;
    use crate::settings::Voice;

    pub(crate) const KEYS: &str = "";

    pub(crate) fn begin(_: &Desk, _: Voice) {}

    pub(crate) fn view(_: &Desk) -> Vec<PartView> {
        Vec::new()
    }

    pub(crate) fn command(desk: &Desk, part: &str) -> anyhow::Result<()> {
        switch(desk, part, false)
    }

    pub(crate) fn switch(_: &Desk, _: &str, _: bool) -> anyhow::Result<()> {
        bail!("voices are left as they are: it is built without `--features voice`")
    }

    pub(crate) fn show(_: &Desk) {}
}
