//! Calls as a headset sees them.

/// The state of a call, as far as it matters to a headset.
///
/// ```text
/// Ringing ───┐
///            ├──> Talking <──> Held ──> Ended
/// Dialling ──┘
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CallState {
    /// Rings here, and waits to be answered.
    Ringing,
    /// Was dialled here, and is not answered.
    Dialling,
    /// Somebody talks.
    Talking,
    /// On hold.
    Held,
    /// Over, or taken elsewhere. It is forgotten.
    Ended,
}

/// A call that is followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Call<C> {
    pub(super) id: C,
    /// The state as told.
    pub(super) state: CallState,
    /// True if muted, as told.
    pub(super) muted: bool,
    /// The state that was asked for, and is not told yet.
    asked: Option<CallState>,
    /// The mute that was asked for, and is not told yet.
    asked_mute: Option<bool>,
    /// The number of its last change of state, as told or as asked for.
    pub(super) turn: u64,
}

impl<C> Call<C> {
    pub(super) fn new(id: C, state: CallState, muted: bool, turn: u64) -> Self {
        Self { id, state, muted, asked: None, asked_mute: None, turn }
    }

    /// Its state, with what was asked for counted as done.
    pub(super) fn meant(&self) -> CallState {
        self.asked.unwrap_or(self.state)
    }

    /// True if muted, with what was asked for counted as done.
    pub(super) fn meant_muted(&self) -> bool {
        self.asked_mute.unwrap_or(self.muted)
    }

    /// Takes what it is told to be. What was asked for is settled by a change of the same thing; an
    /// end that was asked for stays, whatever else the call becomes.
    pub(super) fn told(&mut self, state: CallState, muted: bool, turn: u64) {
        let before = self.meant();
        if self.asked == Some(state) || self.state != state && self.asked != Some(CallState::Ended)
        {
            self.asked = None;
        }
        if self.asked_mute == Some(muted) || self.muted != muted {
            self.asked_mute = None;
        }
        (self.state, self.muted) = (state, muted);
        if self.meant() != before {
            self.turn = turn;
        }
    }

    pub(super) fn ask(&mut self, state: CallState, turn: u64) {
        self.asked = Some(state).filter(|asked| *asked != self.state);
        self.turn = turn;
    }

    pub(super) fn ask_mute(&mut self, muted: bool) {
        self.asked_mute = Some(muted).filter(|asked| *asked != self.muted);
    }

    /// The state that was asked for was refused.
    pub(super) fn refused_state(&mut self) {
        self.asked = None;
    }

    pub(super) fn refused_mute(&mut self) {
        self.asked_mute = None;
    }
}
