use super::*;

/// The effects that a command has at once.
fn done<S: std::fmt::Display>(accepted: Result<Accepted<S>, Refused>) -> String {
    said(&accepted.expect("accepted").1)
}

#[test]
fn md_2_a_label_that_is_lost_stays_known() {
    let mut devices: Devices<&str> = Devices::new(Options::default(), defaults());
    let unnamed = Device::new(DeviceKind::Microphone, "desk", "");
    assert_eq!(said(&devices.listed(vec![unnamed.clone()])), "(devices)");
    assert_eq!(said(&devices.listed(list("desk"))), "(devices)");
    // Nothing has changed, so nothing is told.
    assert_eq!(said(&devices.listed(vec![unnamed])), "");
    assert_eq!(devices.devices(), list("desk"));
}

#[test]
fn md_4_md_6_choices_and_what_stands_for_what_is_not_there() {
    for (choice, there, opens) in [
        (Choice::Default, "desk head", "desk"),
        (Choice::Default, "head", "system"),
        (Choice::System, "desk head", "system"),
        (device("head"), "desk head", "head"),
        (device("head"), "desk", "desk"),
        (device("head"), "cam", "system"),
    ] {
        let mut devices = Devices::new(Options::default(), defaults());
        devices.listed(list(there));
        let session = Session::default().audio(Sends::Live).microphone(choice);
        let effects = devices.session(&"c", &session);
        assert_eq!(said(&effects), format!("open #1 c audio {opens}"), "{there}");
    }
    let mut unlisted = Devices::new(Options::default(), defaults());
    let session = Session::default().audio(Sends::Live);
    assert_eq!(said(&unlisted.session(&"c", &session)), "open #1 c audio desk", "it may be there");
}

#[test]
fn md_5_wishes_are_the_defaults() {
    let size = Size { width: 1280, height: 720 };
    let mut devices = with(
        defaults().resolution(Resolution::exact(size)).echo_cancellation(Constraint::exact(false)),
    );
    let effects = devices.session(&"m", &Session::meeting().plays(false));
    let [Effect::Open { constraints: sound, .. }, Effect::Open { constraints: pictures, .. }] =
        &effects[..]
    else {
        panic!("{effects:?}")
    };
    assert_eq!(sound.device, Some("desk".into()));
    let microphone = Capture::Microphone {
        gain_control: Constraint::ideal(true),
        echo_cancellation: Constraint::exact(false),
        noise_suppression: Constraint::ideal(true),
    };
    assert_eq!(sound.capture, microphone);
    let camera = Capture::Camera {
        frame_rate: Some(Constraint::ideal(30)),
        resolution: Some(Resolution::exact(size)),
    };
    assert_eq!((pictures.device.clone(), pictures.capture), (Some("cam".into()), camera));
}

#[test]
fn md_7_md_9_sound_and_pictures_are_asked_for_apart_and_one_may_fail() {
    let mut devices = with(defaults());
    let effects = devices.session(&"m", &Session::meeting().plays(false));
    assert_eq!(said(&effects), "open #1 m audio desk, open #2 m video cam");
    assert_eq!(
        said(&devices.answered(no(2), Err(OpenError::Denied))),
        "mute m video, (m has no video: Denied), (video granted: false)"
    );
    assert_eq!(
        said(&devices.answered(no(1), opened())),
        "m sends audio #1, (m has audio #1 desk Asked)"
    );
}

#[test]
fn md_8_md_12_a_permission_is_told_once_and_labels_are_asked_for() {
    let mut devices = Devices::new(Options::default(), Defaults::default());
    let session = Session::default().audio(Sends::Live);
    assert_eq!(said(&devices.session(&"a", &session)), "open #1 a audio system");
    assert_eq!(devices.permission(Audio), None);
    assert_eq!(
        said(&devices.answered(no(1), opened())),
        "a sends audio #1, (a has audio #1 system Asked), (audio granted: true), list"
    );
    assert_eq!(devices.permission(Audio), Some(true));
    devices.session(&"b", &session);
    let effects = devices.answered(no(2), opened());
    assert_eq!(said(&effects), "b sends audio #2, (b has audio #2 system Asked)");
}

#[test]
fn md_10_what_is_not_allowed_is_not_tried_again_until_it_is() {
    let mut devices = with(defaults());
    devices.session(&"c", &Session::call());
    assert_eq!(
        said(&devices.answered(no(1), Err(OpenError::Denied))),
        "mute c audio, (c has no audio: Denied), (audio granted: false)"
    );
    assert_eq!(
        said(&devices.permission_told(Audio, true)),
        "(audio granted: true), open #2 c audio desk"
    );
}

#[test]
fn md_11_another_device_stands_in() {
    let size = Size { width: 640, height: 480 };
    let mut devices = with(defaults().resolution(Resolution::ideal(size)));
    let session = Session::default().video(Sends::Live).camera(device("web"));
    assert_eq!(said(&devices.session(&"m", &session)), "open #1 m video web 640x480");
    let failed = Err(OpenError::Failed);
    let aborted = Err(OpenError::Aborted);
    assert_eq!(said(&devices.answered(no(1), aborted)), "open #2 m video web");
    assert_eq!(said(&devices.answered(no(2), failed.clone())), "open #3 m video cam");
    assert_eq!(said(&devices.answered(no(3), failed)), "open #4 m video system");
    assert_eq!(
        said(&devices.answered(no(4), Ok(Opened::default().device("web")))),
        "m sends video #4, (m has video #4 web System)"
    );
}

/// The default is looked up when something has failed, not before.
#[test]
fn md_11_the_default_is_that_of_the_time_of_the_failure() {
    let mut devices = with(defaults());
    let session = Session::default().audio(Sends::Live).microphone(Choice::System);
    devices.session(&"c", &session);
    let preference = Preference::Device("head".into());
    let change = DefaultDevices::default().audio(preference);
    assert_eq!(done(devices.update_default_devices(change, Scope::Coming)), "(done 1)");
    let effects = devices.answered(no(1), Err(OpenError::Failed));
    assert_eq!(said(&effects), "open #2 c audio head");
}

#[test]
fn md_15_what_is_open_is_known() {
    let mut devices = meeting();
    let all: Vec<_> =
        devices.all_in_use().map(|(id, kind, in_use)| (*id, kind, in_use.source)).collect();
    let (sound, pictures) = (Source::Opened(no(1)), Source::Opened(no(2)));
    assert_eq!(all, [("m", Audio, sound), ("m", Video, pictures)]);
    devices.ended(sound);
    assert_eq!(devices.in_use(&"m", Audio), None);
    assert_eq!(said(&devices.session_ended(&"m")), "m sends video nothing, close #2");
    assert_eq!(devices.all_in_use().count(), 0);
    assert_eq!(said(&devices.answered(no(3), opened())), "close #3", "nobody wants it any more");
}

#[test]
fn md_16_a_switch_opens_before_it_closes() {
    let mut devices = talking();
    let effects = done(devices.update_outgoing_media(&"c", audio(device("head"))));
    assert_eq!(effects, "open #2 c audio head");
    assert_eq!(
        said(&devices.answered(no(2), opened())),
        "c sends audio #2, close #1, (c has audio #2 head Asked), (done 1)"
    );
    let effects = done(devices.update_outgoing_media(&"c", audio(device("head"))));
    assert_eq!(effects, "(done 2)", "it is in use");
    let effects = done(devices.update_outgoing_media(&"c", audio(Choice::System)));
    assert_eq!(effects, "open #3 c audio system");
}

#[test]
fn md_16_what_cannot_be_done_is_refused() {
    let mut devices = talking();
    let nothing = devices.update_outgoing_media(&"c", Outgoing::default());
    assert_eq!(nothing.unwrap_err(), Refused::NothingToDo);
    let unknown = devices.update_outgoing_media(&"d", audio(Choice::Default));
    assert_eq!(unknown.unwrap_err(), Refused::UnknownSession);
    let both = audio(Choice::Default).video(device("cam"));
    let camera = devices.update_outgoing_media(&"c", both);
    assert_eq!(camera.unwrap_err(), Refused::NotSent(Video), "a camera on a call");
    let gone = devices.update_outgoing_media(&"c", audio(device("cam")));
    assert_eq!(gone.unwrap_err(), Refused::UnknownDevice(Audio, "cam".into()));
}

#[test]
fn md_16_a_muted_camera_is_not_started_and_its_choice_holds() {
    let mut devices = meeting();
    let muted = Session::meeting().video(Sends::Muted);
    assert_eq!(said(&devices.session(&"m", &muted)), "m sends video nothing muted, close #2");
    let effects = done(devices.update_outgoing_media(&"m", video(device("web"))));
    assert_eq!(effects, "(done 1)");
    assert_eq!(said(&devices.session(&"m", &Session::meeting())), "open #3 m video web");
    // Muted and unmuted again while it opens, with another choice between.
    assert_eq!(said(&devices.session(&"m", &muted)), "");
    done(devices.update_outgoing_media(&"m", video(device("cam"))));
    assert_eq!(said(&devices.session(&"m", &Session::meeting())), "");
    assert_eq!(said(&devices.answered(no(3), opened())), "close #3, open #4 m video cam");
}

#[test]
fn md_16_a_muted_microphone_is_switched_muted() {
    let mut devices = talking();
    let muted = Session::call().audio(Sends::Muted);
    assert_eq!(said(&devices.session(&"c", &muted)), "", "it stays open");
    done(devices.update_outgoing_media(&"c", audio(device("head"))));
    let effects = said(&devices.answered(no(2), opened()));
    assert!(effects.starts_with("c sends audio #2 muted, close #1"), "{effects}");
}

#[test]
fn md_18_a_lost_device_then_the_default_then_mute() {
    let mut devices = talking();
    done(devices.update_outgoing_media(&"c", audio(device("head"))));
    devices.answered(no(2), opened());
    // Its stream goes on until another one is open.
    assert_eq!(
        said(&devices.listed(list("desk cam web box ear"))),
        "(devices), (c lost audio #2), open #3 c audio desk"
    );
    assert_eq!(
        said(&devices.answered(no(3), opened())),
        "c sends audio #3, close #2, (c has audio #3 desk Asked)"
    );
    // The platform is faster than the list.
    assert_eq!(
        said(&devices.ended(Source::Opened(no(3)))),
        "c sends audio nothing, (c lost audio #3), open #4 c audio system"
    );
    assert_eq!(said(&devices.listed(list("cam web box ear"))), "(devices)");
    assert_eq!(
        said(&devices.answered(no(4), Err(OpenError::NotFound))),
        "mute c audio, (c has no audio: NotFound)"
    );
    devices.session(&"c", &Session::call().audio(Sends::Muted));
    assert_eq!(
        said(&devices.listed(list("head cam web box ear"))),
        "(devices), open #5 c audio head"
    );
}

#[test]
fn md_18_mh_10_without_any_device_of_the_kind_it_is_muted_at_once() {
    let mut devices = meeting();
    assert_eq!(
        said(&devices.listed(list("box"))),
        "(devices), (m lost audio #1), m sends audio nothing, close #1, mute m audio, \
         (m has no audio: NotFound), (m lost video #2), m sends video nothing, close #2, \
         mute m video, (m has no video: NotFound)"
    );
    assert_eq!(
        said(&devices.listed(list("box cam head"))),
        "(devices), open #3 m audio system, open #4 m video cam"
    );
}

#[test]
fn md_18_a_device_that_ends_again_and_again_is_given_up() {
    let mut devices = talking();
    let steps = [(1, "open #2 c audio system"), (2, "mute c audio, (c has no audio: NotFound)")];
    for (n, then) in steps {
        let effects = said(&devices.ended(Source::Opened(no(n))));
        assert_eq!(effects, format!("c sends audio nothing, (c lost audio #{n}), {then}"));
        devices.answered(no(n + 1), opened());
    }
    let muted = Session::call().audio(Sends::Muted);
    assert_eq!(said(&devices.session(&"c", &muted)), "");
    assert_eq!(said(&devices.session(&"c", &Session::call())), "open #3 c audio desk");
}

/// The system is no failure because what it took once has gone.
#[test]
fn md_18_the_system_is_asked_again_when_what_it_took_is_pulled_out() {
    let took = |device: &str| Ok(Opened::default().device(device));
    for ends_first in [false, true] {
        let mut devices = with(Defaults::default());
        devices.session(&"c", &Session::call());
        devices.answered(no(1), took("head"));
        if ends_first {
            let effects = said(&devices.ended(Source::Opened(no(1))));
            assert_eq!(effects, "c sends audio nothing, (c lost audio #1), open #2 c audio system");
            devices.listed(list("desk cam web box ear"));
        } else {
            let effects = said(&devices.listed(list("desk cam web box ear")));
            assert_eq!(effects, "(devices), (c lost audio #1), open #2 c audio system");
        }
        let effects = said(&devices.answered(no(2), took("desk")));
        assert!(effects.starts_with("c sends audio #2"), "{effects}");
    }
}

#[test]
fn md_18_md_19_a_lost_loudspeaker_moves_all_to_the_default() {
    let mut devices = talking();
    devices.session(&"d", &Session::call().audio(Sends::Nothing));
    devices.session(&"screen", &Session::default());
    let ear = Some(Preference::Device("ear".into()));
    assert_eq!(said(&devices.update_output_device(ear.clone()).1), "c by ear, d by ear, (done 1)");
    let effects = said(&devices.listed(list("desk box")));
    assert_eq!(effects, "(devices), c by box, d by box");
    assert_eq!(said(&devices.update_output_device(ear).1), "(no output ear), (done 2)");
    assert_eq!(said(&devices.listed(list("desk"))), "(devices), c by system, d by system");
    devices.listed(list("desk box"));
    assert_eq!(said(&devices.update_output_device(None).1), "c by box, d by box, (done 3)");
    let system = Some(Preference::System);
    let effects = devices.update_output_device(system).1;
    assert_eq!(said(&effects), "c by system, d by system, (done 4)");
}

#[test]
fn md_19_a_loudspeaker_that_fails_is_stood_in_for() {
    let mut devices = talking();
    let ear = Some(Preference::Device("ear".into()));
    devices.update_output_device(ear);
    assert_eq!(said(&devices.output_failed(&"c")), "(c not heard by ear), c by box");
    assert_eq!(said(&devices.output_failed(&"c")), "(c not heard by box), c by system");
    assert_eq!(said(&devices.output_failed(&"c")), "(c not heard by system)");
}

#[test]
fn md_20_a_running_camera_is_resized_and_the_default_is_what_it_can() {
    let mut devices = meeting();
    let wish = Resolution::ideal(Size { width: 1280, height: 720 });
    let effects = done(devices.update_default_resolution(Some(wish), Scope::Live));
    assert_eq!(effects, "resize #3 #2 1280x720");
    let actual = Size { width: 640, height: 480 };
    assert_eq!(
        said(&devices.resized(no(3), Ok(Some(actual)))),
        "(m #2 asked 1280x720, is 640x480), (done 1)"
    );
    assert_eq!(devices.defaults().resolution, Some(Resolution::ideal(actual)));
    // Without a wish it is opened anew.
    let effects = done(devices.update_default_resolution(None, Scope::Live));
    assert_eq!(effects, "open #4 m video cam");
    assert_eq!(
        said(&devices.answered(no(4), Ok(Opened::default().size(actual)))),
        "(m #4 asked, is 640x480), m sends video #4, close #2, (m has video #4 cam Asked), (done 2)"
    );
    let effects = done(devices.update_default_resolution(Some(wish), Scope::Live));
    assert_eq!(effects, "resize #5 #4 1280x720");
    let effects = devices.resized(no(5), Err(OpenError::Overconstrained));
    assert_eq!(said(&effects), "(done 3: Open(Overconstrained))");
    assert_eq!(done(devices.update_default_resolution(None, Scope::Live)), "(done 4)");
    let wide = Constraint { min: Some(2), max: Some(1), ..Constraint::default() };
    let refused =
        devices.update_default_resolution(Some(Resolution { width: wide, ..wish }), Scope::Live);
    assert_eq!(refused.unwrap_err(), Refused::Impossible);
}

/// A command for the size that is being asked for waits for the same answer.
#[test]
fn md_20_a_size_is_there_once_the_camera_says_so() {
    let mut devices = meeting();
    let wish = Resolution::ideal(Size { width: 1280, height: 720 });
    devices.update_default_resolution(Some(wish), Scope::Live).unwrap();
    assert_eq!(done(devices.update_outgoing_media(&"m", video(device("cam")))), "");
    let effects = said(&devices.resized(no(3), Err(OpenError::Overconstrained)));
    assert_eq!(effects, "(done 1: Open(Overconstrained)), (done 2: Open(Overconstrained))");
    // It is asked for again, and given up for another camera.
    devices.update_default_resolution(Some(wish), Scope::Live).unwrap();
    let effects = done(devices.update_outgoing_media(&"m", video(device("web"))));
    assert_eq!(effects, "open #5 m video web 1280x720");
    let effects = said(&devices.answered(no(5), Err(OpenError::Failed)));
    assert_eq!(effects, "(done 3: Open(Failed)), (done 4: Open(Failed))");
}

#[test]
fn md_21_defaults_move_the_kinds_that_are_named_in_order() {
    let mut devices = meeting();
    devices.session(&"c", &Session::call());
    devices.answered(no(3), opened());
    let change = DefaultDevices::default().audio(Preference::Device("head".into()));
    assert_eq!(
        done(devices.update_default_devices(change, Scope::Live)),
        "open #4 m audio head, open #5 c audio head"
    );
    assert_eq!(
        said(&devices.session_ended(&"m")),
        "m sends audio nothing, close #1, m sends video nothing, close #2"
    );
    assert_eq!(said(&devices.answered(no(4), opened())), "close #4");
    assert_eq!(
        said(&devices.answered(no(5), opened())),
        "c sends audio #5, close #3, (c has audio #5 head Asked), (done 1)"
    );
    let effects = done(devices.update_all_outgoing_media(Outgoing::default()));
    assert_eq!(effects, "(done 2)", "the defaults are in use");
    let nothing = devices.update_default_devices(DefaultDevices::default(), Scope::Live);
    assert_eq!(nothing.unwrap_err(), Refused::NothingToDo);
    let output = DefaultDevices::default().output(Preference::Device("ear".into()));
    assert_eq!(done(devices.update_default_devices(output, Scope::Live)), "c by ear, (done 3)");
}

#[test]
fn md_21_a_default_that_changes_while_the_one_before_is_opened_is_used() {
    let mut devices = with(defaults().audio_device("head"));
    devices.session(&"a", &Session::call());
    let change = DefaultDevices::default().audio(Preference::Device("desk".into()));
    let (command, effects) = devices.update_default_devices(change, Scope::Live).unwrap();
    assert_eq!(effects, [], "it waits for the one that is being opened");
    let effects = devices.answered(RequestId(1), Ok(Opened::default()));
    let Some(Effect::Open { request, constraints, .. }) = effects.last() else { panic!() };
    assert_eq!(constraints.device, Some("desk".into()));
    let effects = devices.answered(*request, Ok(Opened::default()));
    assert_eq!(effects.last(), Some(&Effect::Tell(Event::Done { command, result: Ok(()) })));
    // The same once more is what is in use.
    let again = devices.update_all_outgoing_media(audio(Choice::Default)).unwrap();
    assert!(matches!(again.1[..], [Effect::Tell(Event::Done { result: Ok(()), .. })]));
    // A device that comes while the system's is opened, likewise.
    let mut devices = with(defaults().audio_device("head"));
    devices.listed(list("desk cam box"));
    devices.session(&"a", &Session::call());
    devices.listed(list("desk head cam box"));
    devices.update_all_outgoing_media(audio(Choice::Default)).unwrap();
    let effects = devices.answered(RequestId(1), Ok(Opened::default()));
    let Some(Effect::Open { constraints, .. }) = effects.last() else { panic!() };
    assert_eq!(constraints.device, Some("head".into()));
}

#[test]
fn md_22_the_volume_is_of_all_that_are_heard() {
    let mut devices = talking();
    devices.session(&"screen", &Session::default());
    assert_eq!(devices.update_audio_volume(101).unwrap_err(), Refused::Volume(101));
    assert_eq!(done(devices.update_audio_volume(30)), "c at 30, (done 1)");
    let effects = devices.session(&"d", &Session::call().audio(Sends::Nothing));
    assert_eq!(said(&effects), "d by box, d at 30");
}

#[test]
fn md_25_levels_are_told_of_what_is_monitored() {
    let mut devices = talking();
    let (first, second) = (Source::Opened(no(1)), Source::Opened(no(2)));
    assert_eq!(said(&devices.level(first, 0.0, false)), "");
    let on = MediaSettings::default().monitor_microphone(true);
    assert_eq!(
        done(devices.update_default_media_settings(on, Scope::Live)),
        "monitor c true, (done 1)"
    );
    assert_eq!(said(&devices.level(first, 0.0, false)), "(c #1 at 255)");
    assert_eq!(said(&devices.level(first, 0.0, true)), "(c #1 at 255 muted)");
    assert_eq!(said(&devices.level(second, 0.0, false)), "", "nobody has it");
    devices.session(&"c", &Session::call().audio(Sends::Muted));
    assert_eq!(said(&devices.level(first, -127.0, false)), "(c #1 at 102 muted)");
    let effects = devices.session(&"d", &Session::default());
    assert_eq!(said(&effects), "monitor d true");
}

#[test]
fn settings_of_microphones_open_them_anew() {
    let mut devices = talking();
    let off = MediaSettings::default().noise_suppression(Constraint::exact(false));
    let effects = done(devices.update_default_media_settings(off, Scope::Live));
    assert_eq!(effects, "open #2 c audio desk");
    // Once more, before it is open: both are answered by it.
    assert_eq!(done(devices.update_default_media_settings(off, Scope::Live)), "");
    assert_eq!(
        said(&devices.answered(no(2), opened())),
        "c sends audio #2, close #1, (c has audio #2 desk Asked), (done 1), (done 2)"
    );
    assert_eq!(done(devices.update_default_media_settings(off, Scope::Live)), "(done 3)");
    let nothing = devices.update_default_media_settings(MediaSettings::default(), Scope::Live);
    assert_eq!(nothing.unwrap_err(), Refused::NothingToDo);
}

#[test]
fn md_26_a_source_of_the_application_s_is_never_opened_or_closed() {
    let mut devices = with(defaults());
    assert_eq!(said(&devices.set_default_audio_source(Some(Given(7))).1), "(done 1)");
    let call = Session::call().plays(false);
    for id in ["c", "d"] {
        let effects = said(&devices.session(&id, &call));
        assert_eq!(effects, format!("{id} sends audio own 7, ({id} has audio own 7 Asked)"));
    }
    assert_eq!(said(&devices.session_ended(&"d")), "d sends audio nothing");
    assert_eq!(
        said(&devices.ended(Source::Given(Given(7)))),
        "c sends audio nothing, (c lost audio own 7), open #1 c audio desk"
    );
    assert_eq!(devices.defaults().audio_source, None);
    devices.answered(no(1), opened());
    assert_eq!(
        done(devices.update_outgoing_media(&"c", audio(Choice::Given(Given(8))))),
        "c sends audio own 8, close #1, (c has audio own 8 Asked), (done 2)"
    );
}

#[test]
fn mh_11_a_switch_that_is_not_allowed_leaves_what_was() {
    let mut devices = talking();
    done(devices.update_outgoing_media(&"c", audio(device("head"))));
    assert_eq!(
        said(&devices.answered(no(2), Err(OpenError::Denied))),
        "(done 1: Open(Denied)), (audio granted: false)"
    );
    assert_eq!(devices.in_use(&"c", Audio).unwrap().source, Source::Opened(no(1)));
}

#[test]
fn def_1_a_platform_of_one_source_gets_the_old_one_back() {
    let mut devices = talking();
    done(devices.update_outgoing_media(&"c", audio(device("head"))));
    assert_eq!(
        said(&devices.answered(no(2), Err(OpenError::OneAtATime))),
        "c sends audio nothing, close #1, open #3 c audio head"
    );
    assert_eq!(said(&devices.answered(no(3), Err(OpenError::Failed))), "open #4 c audio desk");
    assert_eq!(
        said(&devices.answered(no(4), opened())),
        "c sends audio #4, (c has audio #4 desk Before), (done 1: Open(Failed))"
    );
    // Another choice comes between.
    done(devices.update_outgoing_media(&"c", audio(device("head"))));
    devices.answered(no(5), Err(OpenError::OneAtATime));
    assert_eq!(
        done(devices.update_outgoing_media(&"c", audio(Choice::System))),
        "(done 2: Superseded)"
    );
    assert_eq!(said(&devices.answered(no(6), opened())), "close #6, open #7 c audio system");
    assert_eq!(said(&devices.answered(no(7), Err(OpenError::Failed))), "open #8 c audio desk");
}

/// Capturing and sending are two things: a session's own is closed with it, whatever the
/// application makes of it on the way.
#[test]
fn def_2_what_was_opened_for_a_session_is_closed_with_it() {
    let mut devices = talking();
    assert_eq!(said(&devices.session_ended(&"c")), "c sends audio nothing, close #1");
    assert_eq!(said(&devices.ended(Source::Opened(no(1)))), "");
}

#[test]
fn def_19_without_fallback_no_other_device_stands_in() {
    let mut devices = Devices::new(Options::default().fallback(Fallback::Nothing), defaults());
    devices.listed(list("desk head"));
    let session = Session::default().audio(Sends::Live).microphone(device("head"));
    devices.session(&"c", &session);
    assert_eq!(
        said(&devices.answered(no(1), Err(OpenError::Failed))),
        "mute c audio, (c has no audio: Failed)"
    );
}

#[test]
fn a_newer_choice_takes_the_place_of_one_that_waits() {
    let mut devices = talking();
    done(devices.update_outgoing_media(&"c", audio(device("head"))));
    assert_eq!(
        done(devices.update_outgoing_media(&"c", audio(Choice::System))),
        "(done 1: Superseded)"
    );
    assert_eq!(
        done(devices.update_outgoing_media(&"c", audio(device("desk")))),
        "(done 2: Superseded)"
    );
    assert_eq!(said(&devices.answered(no(2), opened())), "close #2, (done 3)");
    done(devices.update_outgoing_media(&"c", audio(device("head"))));
    assert_eq!(
        said(&devices.session_ended(&"c")),
        "c sends audio nothing, close #1, (done 4: SessionEnded)"
    );
    assert_eq!(said(&devices.answered(no(3), opened())), "close #3");
}

#[test]
fn what_grows_is_bounded() {
    let mut devices = Devices::new(Options::default(), Defaults::default());
    let session = Session::default().audio(Sends::Live);
    for id in 0..Devices::<usize>::MAX_SESSIONS {
        assert_eq!(
            said(&devices.session(&id, &session)),
            format!("open #{0} {id} audio system", id + 1)
        );
    }
    assert_eq!(said(&devices.session(&999, &session)), "(too many: 999)");
    let mut accepted = 0;
    let refused = loop {
        match devices.update_all_outgoing_media(audio(Choice::Default)) {
            Ok(_) => accepted += 1,
            Err(refused) => break refused,
        }
    };
    assert_eq!((accepted, refused), (Devices::<usize>::MAX_COMMANDS, Refused::Busy));
}

#[test]
fn def_1_what_is_lost_and_in_the_way_is_closed() {
    let mut devices = talking();
    assert_eq!(
        said(&devices.listed(list("head cam web box ear"))),
        "(devices), (c lost audio #1), open #2 c audio system"
    );
    assert_eq!(
        said(&devices.answered(no(2), Err(OpenError::OneAtATime))),
        "c sends audio nothing, close #1, open #3 c audio system"
    );
    let effects = said(&devices.answered(no(3), opened()));
    assert_eq!(effects, "c sends audio #3, (c has audio #3 system Asked)");
}

#[test]
fn def_1_md_26_a_source_of_the_application_s_is_brought_back_too() {
    let mut devices = with(defaults());
    devices.set_default_audio_source(Some(Given(7)));
    devices.session(&"c", &Session::call());
    done(devices.update_outgoing_media(&"c", audio(device("head"))));
    assert_eq!(
        said(&devices.answered(no(1), Err(OpenError::OneAtATime))),
        "c sends audio nothing, open #2 c audio head"
    );
    assert_eq!(
        said(&devices.answered(no(2), Err(OpenError::Failed))),
        "c sends audio own 7, (c has audio own 7 Before), (done 2: Open(Failed))"
    );
}

#[test]
fn a_command_is_answered_when_its_camera_goes() {
    let mut devices = meeting();
    let wish = Resolution::ideal(Size { width: 1280, height: 720 });
    let effects = done(devices.update_default_resolution(Some(wish), Scope::Live));
    assert_eq!(effects, "resize #3 #2 1280x720");
    assert_eq!(
        said(&devices.ended(Source::Opened(no(2)))),
        "m sends video nothing, (done 1: Ended), (m lost video #2), open #4 m video system"
    );
    assert_eq!(said(&devices.resized(no(3), Ok(None))), "", "a late answer");
    // Muted while another one opens: the choice holds, and nothing is started.
    done(devices.update_outgoing_media(&"m", video(device("web"))));
    let muted = Session::meeting().video(Sends::Muted);
    assert_eq!(said(&devices.session(&"m", &muted)), "(done 2)");
    assert_eq!(said(&devices.answered(no(4), opened())), "close #4");
    assert_eq!(said(&devices.session(&"m", &Session::meeting())), "open #5 m video web 1280x720");
}
