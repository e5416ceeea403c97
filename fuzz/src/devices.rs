//! Devices and sessions: a script of all that a platform, a service and an application may say.

mod script;
mod walk;
mod wants;
mod world;

use std::collections::BTreeSet;

use offhook::devices::{
    Defaults, Device, DeviceKind, Fallback, Given, Opened, Options, RequestId, Scope, Size, Source,
};
use offhook::machine::MediaKind;

use self::script::Script;
use self::wants::Wanted;
use self::world::{Effects, World};

/// Steps of a script; what follows is not read.
const MAX_STEPS: usize = 80;
/// Steps that are of hundreds.
const MAX_FLOODS: usize = 4;

/// A script. Its first byte says whether other devices stand in for one that fails, and some of the defaults; then
/// each step begins with a byte, and reads those that it needs. A place in a list (of sessions, of requests that are
/// not answered) is a byte that counts round it; a device is one of eight names, of which one is empty and one is too
/// long. There is no clock: the steps are the time.
///
/// | step | bytes | what happens |
/// | --- | --- | --- |
/// | 0 | a count, so many devices | devices are listed |
/// | 1, 2 | a session, what it sends, two choices | a session begins (1), or is another |
/// | 3 | a session | it ends |
/// | 4, 5 | a request, an answer | it is answered: one that waits (4), or any number |
/// | 6, 7 | a request, an answer | the same of sizes |
/// | 8 | a source | it ends by itself |
/// | 9 | a kind, and leave | a permission is given, or taken away |
/// | 10 | a source, a level | a level is told |
/// | 11 | a session | it cannot be heard where it should be |
/// | 12, 13 | a session, two choices | it is to send other devices; all are (13) |
/// | 14 to 19 | what they change | default devices, settings, resolution; volume, output, a source of the application's |
/// | 20 | | the service mutes what was to be muted |
/// | 21 | | all that was asked is answered well |
/// | 22 | a session, a choice, a count, so many errors | a choice whose attempts fail one after the other |
/// | 23 | a number | hundreds of devices, tens of sessions or commands |
///
/// Whatever comes: each command is answered once, and done if it is said to be, by a device
/// that the choice stood for since; a refused one, and an answer to what
/// was not asked, changes nothing; one source at most is being opened for each session and kind, for one that wants
/// it; only what is open is sent, resized and closed, and what is open is sent; no switch silences a session; a choice
/// whose attempts fail goes down the ladder of `offhook::devices`; what there is and what one input leads to is
/// bounded. After the script all that was asked is answered well: every command was answered; with all devices there
/// all send what they want to send; the defaults, chosen for all, are what all send, by the wishes of the time; and
/// nothing is open once the sessions are over. Without what changed nothing, all goes the same once more.
///
/// # Panics
///
/// One of these does not hold.
pub fn devices(data: &[u8]) {
    let (effects, idle) = run(data, BTreeSet::new());
    let (again, _) = run(data, idle);
    assert!(effects == again, "the same leads to {effects:?}, then to {again:?}");
}

/// Plays a script, less the inputs of these numbers; returns all effects, and the numbers of those that changed nothing.
fn run(data: &[u8], skipped: BTreeSet<usize>) -> (Vec<Effects>, BTreeSet<usize>) {
    let mut script = Script(data);
    let head = script.byte().unwrap_or_default();
    let fallback = if head & 1 == 0 { Fallback::OtherDevices } else { Fallback::Nothing };
    let mut defaults = Defaults::default().monitor_microphone(head & 2 != 0);
    if head & 4 != 0 {
        defaults = defaults.audio_device("b").video_device("b").output_device("b");
    }
    if head & 8 != 0 {
        defaults.audio_volume = 200;
        defaults.resolution = script::resolution(2);
    }
    let mut world = World::new(Options::default().fallback(fallback), defaults, skipped);
    let mut floods = 0;
    for _ in 0..MAX_STEPS {
        let Some(step) = script.byte() else { break };
        if step % 24 == 23 {
            floods += 1;
            if floods > MAX_FLOODS {
                continue;
            }
        }
        if play(&mut world, step % 24, &mut script).is_none() {
            break;
        }
    }
    world.end()
}

/// Plays a step; none where the script ends in the middle of it.
fn play(world: &mut World, step: u8, script: &mut Script<'_>) -> Option<()> {
    match step {
        0 => {
            let count = script.byte()? % 16;
            let devices = (0..count).map(|_| script.device()).collect::<Option<_>>()?;
            world.list(devices);
        }
        1 => {
            let session = script.session()?;
            world.begin(session);
        }
        2 => {
            let (at, session) = (script.byte()?, script.session()?);
            if let Some(id) = world.session_at(at) {
                world.tell(id, session);
            }
        }
        3 => {
            let at = script.byte()?;
            if let Some(id) = world.session_at(at) {
                world.session_ends(id);
            }
        }
        4..=7 => {
            let (number, answer) = (script.byte()?, script.byte()?);
            answered(world, step, number, answer);
        }
        8 => world.ends(source(script.byte()?)),
        9 => {
            let byte = script.byte()?;
            world.permit(media(byte), byte & 2 != 0);
        }
        10 => {
            let (of, level) = (source(script.byte()?), script.byte()?);
            let dbfs = match level >> 1 {
                0 => f32::NAN,
                1 => f32::INFINITY,
                2 => f32::NEG_INFINITY,
                level => f32::from(level) - 130.0,
            };
            world.level(of, dbfs, level & 1 != 0);
        }
        11 => {
            let at = script.byte()?;
            world.output_fails(at);
        }
        12 => {
            let (at, outgoing) = (script.byte()?, script.outgoing()?);
            // One that never was, too.
            let id = world.session_at(at).filter(|_| at != 255).unwrap_or_default();
            world.switch(id, outgoing);
        }
        13 => {
            let outgoing = script.outgoing()?;
            let wanted = Wanted::of(None, &outgoing);
            world.command(wanted, |devices| devices.update_all_outgoing_media(outgoing));
        }
        14..=19 => change(world, step, script)?,
        20 => world.mute(),
        21 => world.settle(),
        22 => {
            let (at, choice) = (script.byte()?, script.byte()?);
            let count = script.byte()? % 8;
            let errors = (0..count).map(|_| script.error()).collect::<Option<Vec<_>>>()?;
            let kind = media(choice >> 4);
            if let Some(id) = world.session_at(at) {
                world.walk(id, kind, script::choice(choice), &errors);
            }
        }
        _ => flood(world, script.byte()?),
    }
    Some(())
}

/// A request is answered, whether it waits for it or not.
fn answered(world: &mut World, step: u8, number: u8, answer: u8) {
    let size = script::size(answer >> 6);
    let result = script::result(answer & 7);
    let request = match step {
        4 => world.opening_at(number),
        6 => world.resizing_at(number),
        _ => Some(RequestId(if number == 255 { u64::MAX } else { number.into() })),
    };
    let Some(request) = request else { return };
    if step < 6 {
        let mut opened = Opened::default();
        opened.device = script::named(answer >> 3 & 7);
        opened.size = size;
        world.answer(request, result.map(|()| opened));
    } else {
        world.resized(request, result.map(|()| size));
    }
}

/// A command that changes defaults, or what is heard.
fn change(world: &mut World, step: u8, script: &mut Script<'_>) -> Option<()> {
    let byte = script.byte()?;
    let scope = if byte & 1 == 0 { Scope::Live } else { Scope::Coming };
    match step {
        14 => {
            let change = script.default_devices()?;
            let wanted = Wanted::of_default(&change, scope);
            world.command(wanted, |devices| devices.update_default_devices(change, scope));
        }
        15 => {
            let settings = script::settings(byte >> 1);
            let act = |devices: &mut world::Machine| {
                devices.update_default_media_settings(settings, scope)
            };
            world.command(Wanted::Else, act);
        }
        16 => {
            let wish = script::resolution(byte >> 1);
            world.command(Wanted::Else, |devices| devices.update_default_resolution(wish, scope));
        }
        17 => {
            world.command(Wanted::Else, |devices| devices.update_audio_volume(byte));
        }
        18 => {
            let output = script::preference(byte);
            world.command(Wanted::Else, |devices| Ok(devices.update_output_device(output)));
        }
        _ => {
            let own = (byte & 1 == 0).then_some(Given(u64::from(byte >> 1 & 1)));
            world.command(Wanted::Else, |devices| Ok(devices.set_default_audio_source(own)));
        }
    }
    Some(())
}

/// More than there may be.
fn flood(world: &mut World, byte: u8) {
    match byte % 3 {
        0 => {
            let kinds = [DeviceKind::Microphone, DeviceKind::Camera, DeviceKind::Speaker];
            let name = |n: usize| Device::new(kinds[n % 3], format!("f{}", n / 3), "f");
            world.list((0..2 * usize::from(byte)).map(name).collect());
        }
        1 => (0..byte / 2).for_each(|n| world.begin(script::sending(n ^ byte))),
        _ => {
            for n in 0..byte / 3 {
                let outgoing = script::outgoing(n % 12, 0);
                world.command(Wanted::Else, |devices| devices.update_all_outgoing_media(outgoing));
            }
        }
    }
}

fn media(byte: u8) -> MediaKind {
    if byte & 1 == 0 { MediaKind::Audio } else { MediaKind::Video }
}

/// A source: one that was opened, or may have been, or the application's.
fn source(byte: u8) -> Source {
    match byte {
        254.. => Source::Given(Given(u64::from(byte & 1))),
        byte => Source::Opened(RequestId(byte.into())),
    }
}

/// A size of pictures, as an answer has it.
fn square(side: u32) -> Size {
    Size { width: side, height: side }
}
