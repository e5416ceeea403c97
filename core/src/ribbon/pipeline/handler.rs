//! Changes of descriptions by the application.

use std::fmt;

use crate::ribbon::constants::constants;
use crate::ribbon::ids::CallId;
use crate::sdp::Description;

constants! {
    /// The kind of a description.
    SdpKind, "kind of description" {
        /// An offer.
        Offer = "offer",
        /// An answer that may be followed by another.
        Pranswer = "pranswer",
        /// An answer.
        Answer = "answer",
    }
}

constants! {
    /// The next step of a description.
    SdpStep, "step of a description" {
        /// It is set at our connection.
        Set = "set",
        /// It is sent to the far side.
        Send = "send",
    }
}

constants! {
    /// The end that a description is of.
    SdpEndpoint, "endpoint of a description" {
        /// Ours.
        Local = "local",
        /// The far side's.
        Remote = "remote",
    }
}

/// The place of a description in a call, and its next step (RT-017).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SdpContext<'a> {
    /// The call.
    pub call: &'a CallId,
    /// Its kind.
    pub kind: SdpKind,
    /// Its next step.
    pub step: SdpStep,
    /// The end that it is of.
    pub endpoint: SdpEndpoint,
}

impl<'a> SdpContext<'a> {
    /// A description of this kind and end, in a call.
    #[must_use]
    pub const fn new(
        call: &'a CallId,
        kind: SdpKind,
        step: SdpStep,
        endpoint: SdpEndpoint,
    ) -> Self {
        Self { call, kind, step, endpoint }
    }
}

/// Changes descriptions (RT-018). A pure function of what it is given: handlers stand in a row, and each
/// sees what those before it made, beside the original.
///
/// ```
/// use std::sync::Arc;
/// use offhook::ribbon::{SdpContext, SdpHandler};
/// use offhook::sdp::Description;
///
/// fn without_video(sdp: &mut Description<'_>, _: &SdpContext<'_>, _: &Description<'_>) {
///     sdp.sections.retain(|section| section.kind() != "video");
/// }
/// let handler: Arc<dyn SdpHandler> = Arc::new(without_video);
/// ```
pub trait SdpHandler: Send + Sync {
    /// Changes a description.
    fn handle(
        &self,
        sdp: &mut Description<'_>,
        context: &SdpContext<'_>,
        original: &Description<'_>,
    );
}

impl<F> SdpHandler for F
where
    F: Fn(&mut Description<'_>, &SdpContext<'_>, &Description<'_>) + Send + Sync,
{
    fn handle(
        &self,
        sdp: &mut Description<'_>,
        context: &SdpContext<'_>,
        original: &Description<'_>,
    ) {
        self(sdp, context, original);
    }
}

impl fmt::Debug for dyn SdpHandler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SdpHandler(..)")
    }
}
