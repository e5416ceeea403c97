//! The sources that are wished for media of ours (w7, types 5 to 8).

use super::rig::Rig;
use crate::media::VideoCodec;
use crate::ribbon::{
    AnswerOptions, AudioOptions, CallCode, CallMedia, Command, Constraint, Device, DeviceKind,
    ErrorCode, Event, MakeOptions, MediaOptions, MediaWishes, MoreMedia, ScreenOptions,
    VideoOptions,
};

fn rig() -> Rig {
    let mut rig = Rig::up_with(|config| {
        let call = config.call.clone().video_codecs([VideoCodec::Vp8]);
        config.call(call)
    });
    let devices = [
        Device::new(DeviceKind::Microphone, "mic", "Headset"),
        Device::new(DeviceKind::Camera, "cam", "Lid"),
    ];
    rig.at_once(Command::SetDevices(devices.into_iter().collect()));
    rig.events.clear();
    rig
}

fn make(wishes: MediaWishes) -> Command {
    let options = MakeOptions::default().wishes(wishes);
    Command::Make { to: "bob".to_owned(), media: CallMedia::VIDEO, options }
}

fn wanted(rig: &mut Rig) -> Option<MediaWishes> {
    rig.events.drain(..).find_map(|event| match event {
        Event::MediaWanted { wishes, .. } => Some(*wishes),
        _ => None,
    })
}

#[test]
fn rt_006_rt_007_rt_008_wishes_reach_the_application_with_whatever_brings_media() {
    let wishes = MediaWishes::default()
        .audio(AudioOptions::default().device(Constraint::exact("mic")))
        .video(
            VideoOptions::default()
                .device(Constraint::exact("cam"))
                .width(Constraint::ideal(1280u32))
                .height(Constraint::exact(720u32))
                .frame_rate(Constraint::ideal(30u32)),
        )
        .screen(ScreenOptions::default().frame_rate(Constraint::exact(5u32)));
    let mut rig = rig();
    rig.submit(make(wishes.clone())).unwrap();
    assert_eq!(wanted(&mut rig), Some(wishes.clone()));
    // Nothing is asked for where nothing is wished.
    rig.submit(make(MediaWishes::default())).unwrap();
    assert_eq!(wanted(&mut rig), None);

    let mut rig = self::rig();
    let call = rig.ringing();
    let options = AnswerOptions::default().wishes(wishes.clone());
    rig.submit(Command::Answer { call, media: CallMedia::AUDIO, options }).unwrap();
    assert_eq!(wanted(&mut rig), Some(wishes.clone()));

    let options = MediaOptions::default().wishes(wishes.clone());
    let mut rig = self::rig();
    let call = rig.connected();
    let media = MoreMedia::default().screen(true);
    rig.submit(Command::AddMedia { call, media, options: options.clone() }).unwrap();
    assert_eq!(wanted(&mut rig), Some(wishes.clone()));
    let mut rig = self::rig();
    let call = rig.connected();
    rig.submit(Command::StartVideo { call, options }).unwrap();
    assert_eq!(wanted(&mut rig), Some(wishes));
}

#[test]
fn rt_005_what_has_to_be_is_there_and_bounds_hold() {
    let mut rig = rig();
    let microphone = |device: Constraint<String>| {
        MediaWishes::default().audio(AudioOptions::default().device(device))
    };
    let camera = |device: Constraint<String>| {
        MediaWishes::default().video(VideoOptions::default().device(device))
    };
    let width = |width: u32| {
        MediaWishes::default().screen(ScreenOptions::default().width(Constraint::ideal(width)))
    };
    let rate = |rate: u32| {
        MediaWishes::default().video(VideoOptions::default().frame_rate(Constraint::exact(rate)))
    };
    let rows = [
        // A device that is there, but hears instead of seeing, is none.
        (camera(Constraint::exact("mic")), CallCode::UserMedia),
        (microphone(Constraint::exact("gone")), CallCode::UserMedia),
        (microphone(Constraint::ideal("")), CallCode::InvalidParam),
        (microphone(Constraint::ideal("x".repeat(1025))), CallCode::InvalidParam),
        (width(0), CallCode::InvalidParam),
        (width(16_385), CallCode::InvalidParam),
        (rate(1001), CallCode::InvalidParam),
    ];
    for (wishes, code) in rows {
        assert_eq!(rig.refused(make(wishes)), ErrorCode::from(code));
    }
    assert_eq!(wanted(&mut rig), None);
    assert!(rig.client.calls().is_empty());

    // One that should be may be missing; and the exact one counts where both are said.
    rig.submit(make(microphone(Constraint::ideal("gone")))).unwrap();
    let mut both = Constraint::<String>::exact("mic");
    both.ideal = Some("gone".to_owned());
    assert_eq!(both.value().map(String::as_str), Some("mic"));
    rig.submit(make(microphone(both))).unwrap();
    for edge in [width(1), width(16_384), rate(1000)] {
        rig.submit(make(edge)).unwrap();
    }
}
