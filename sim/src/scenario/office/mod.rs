//! Offices: users of a gateway who call each other and others all day, write to each other and look around, and
//! what goes wrong with it.

mod agent;
mod checks;
mod day;
mod desk;
mod letters;
mod logs;
mod trouble;

pub(super) use self::day::Day;
pub(crate) use self::trouble::Climate;

/// The things that happen on any day of an office.
const USUAL: [&str; 35] = [
    "called",
    "calls connected",
    "Early Media",
    "On Hold",
    "Cancelled",
    "MAKE",
    "ANSWER",
    "REJECT",
    "IGNORE",
    "FORWARD_CALL",
    "HOLD",
    "UNHOLD",
    "MEDIA_RESTART",
    "SLOW_START",
    "START_MOH",
    "GENERIC_REMOTE",
    "DIRECT_TRANSFER",
    "CONSULTATIVE_TRANSFER",
    "JOIN",
    "joined",
    "SEND_DTMF",
    "RESYNC",
    "SEND_CUSTOM_PARAMETERS",
    "renewed",
    "sessions known",
    "secrets known",
    "records logged",
    "words heard",
    "exercised",
    "messages arrived",
    "messages due",
    "notices arrived",
    "events arrived",
    "presence told",
    "voicemail",
];
/// Those that happen where anything may go wrong besides.
const WILD: [&str; 9] = [
    "GONE",
    "WS_OVERRIDDEN",
    "LOST_CONNECTION",
    "renewal failed",
    "glare",
    "elsewhere",
    "forget",
    "cancel",
    "offers crossed",
];

/// The things that such days must have among them, or they are too tame (no. 25).
pub(crate) fn expected(climate: Climate) -> impl Iterator<Item = &'static str> {
    let wild = WILD.into_iter().chain(troubles()).filter(move |_| climate == Climate::Swarm);
    let network = trouble::Trouble::NETWORK.into_iter().map(trouble::Trouble::name);
    let network = network.chain(["calls relayed"]).filter(move |_| climate == Climate::Roaming);
    USUAL.into_iter().chain(wild).chain(network)
}

/// The names of all troubles.
pub(crate) fn troubles() -> impl Iterator<Item = &'static str> {
    trouble::Trouble::ALL.into_iter().map(trouble::Trouble::name)
}
