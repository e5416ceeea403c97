//! Pressing of keys in a call (w4.18).

use std::time::Duration;

use super::call::Call;
use super::change::invalid_state;
use super::desk::Desk;
use crate::machine::CommandId;
use crate::ribbon::constants::OperationKind;
use crate::ribbon::error::Error;
use crate::ribbon::outcome::Outcome;
use crate::ribbon::tones::Tones;

impl Call {
    /// Presses keys: the first now, or after those that wait.
    pub(super) fn press(
        &mut self,
        command: CommandId,
        tones: Tones,
        duration: Duration,
        gap: Duration,
        desk: &mut Desk<'_>,
    ) {
        let op = self.start(OperationKind::SendDtmf, true, Some(command), desk);
        self.keys.push(&tones, duration, gap);
        let pressed = self.press_next(desk);
        self.finish(&op, pressed.map(|()| Outcome::Done), desk);
    }

    fn press_next(&mut self, desk: &mut Desk<'_>) -> Result<(), Error> {
        let Some((digit, duration)) = self.keys.pop(desk.out.now()) else { return Ok(()) };
        let sent = match &mut self.media {
            Some(media) => media.send_keys(&[digit], duration, desk),
            None => Err(invalid_state(self.info.state)),
        };
        if sent.is_err() {
            self.keys.clear();
        }
        sent
    }

    /// Presses the keys whose time has come.
    pub(super) fn keys_timeout(&mut self, desk: &mut Desk<'_>) {
        if self.keys.due().is_some_and(|at| at <= desk.out.now())
            && let Err(error) = self.press_next(desk)
        {
            desk.out.malformed(&format!("keys were left out: {error}"));
        }
    }
}
