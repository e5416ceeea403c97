//! Constants: every value beside the table of w6.3.

use std::fmt::{Debug, Display};
use std::str::FromStr;

use serde::Serialize;

use crate::machine::Seed;
use crate::ribbon::{
    Activity, CallId, CallState, ChangeReason, HoldState, LogLevel, MediaConnectionState, Metric,
    OperationKind, OperationStatus, ReportEvent, Status, Transition, UserId,
};

/// Each constant has the value of the table, is read from it, and is serialised as it.
fn same<T>(all: &[T], table: &str)
where
    T: Display + FromStr + Serialize + PartialEq + Debug,
    T::Err: Debug,
{
    let values: Vec<_> = table.split(", ").collect();
    assert_eq!(all.len(), values.len(), "{all:?}");
    for (one, value) in all.iter().zip(values) {
        assert_eq!(one.to_string(), value);
        assert_eq!(&value.parse::<T>().unwrap(), one);
        assert_eq!(serde_json::to_value(one).unwrap(), value);
    }
}

#[test]
fn rk_001_states_of_a_call() {
    let table = "Initiating, Initiated, Ringing, Early Media, Cancelled, Connected, On Hold, Ended";
    same(CallState::ALL, table);
    assert!("on hold".parse::<CallState>().is_err());
    let over: Vec<_> = CallState::ALL.iter().filter(|state| state.is_final()).collect();
    assert_eq!(over, [&CallState::Cancelled, &CallState::Ended]);
    assert!(CallState::OnHold.is_up() && !CallState::EarlyMedia.is_up());
}

#[test]
fn rk_002_states_of_a_media_connection() {
    let table = "new, checking, connected, completed, disconnected, failed, closed";
    same(MediaConnectionState::ALL, table);
}

#[test]
fn rk_003_events_of_a_report_where_some_values_are_not_their_names() {
    let table = "MAKE, SEND_RINGING_FEEDBACK, RECEIVE_CALL, REMOTE_RINGING, ANSWER, GET_USER_MEDIA, \
                 PROCESS_MEDIA_LOCAL, PROCESS_MEDIA_REMOTE, ICE_COLLECTION, RELAY_CANDIDATE_COLLECTED, \
                 IGNORE, REJECT, FORWARD_CALL, END_LOCAL, END_REMOTE, ADD_BASIC_MEDIA_LOCAL, \
                 ADD_MEDIA_LOCAL, ADD_MEDIA_REMOTE, REMOVE_BASIC_MEDIA_LOCAL, REMOVE_MEDIA_LOCAL, \
                 REMOVE_MEDIA_REMOTE, MEDIA_RESTART, REPLACE_TRACK, HOLD_LOCAL, HOLD_REMOTE, \
                 UNHOLD_LOCAL, UNHOLD_REMOTE, REST_REQUEST, PLAY_AUDIO, START_MOH, STOP_MOH, \
                 SEND_CUSTOM_PARAMETERS, GET_STATS, SEND_DTMF, RESYNC, DIRECT_TRANSFER, \
                 CONSULTATIVE_TRANSFER, JOIN, GET_AVAILABLE_CODECS, SLOW_START";
    same(&ReportEvent::ALL[..40], table);
    let more =
        "ADD_TRACKS, AUDIT_CALL, CREATE_OFFER, CREATE_ANSWER, EARLY_MEDIA, UNKNOWN, CALL_CANCEL";
    same(&ReportEvent::ALL[40..], more);
}

#[test]
fn rk_004_metrics() {
    let table = "CALL_DURATION, MAKE_CALL_PRE_LOCAL_SETUP, MAKE_CALL_LOCAL_SETUP, \
                 MAKE_CALL_REMOTE_SETUP, TIME_TO_MAKE, ANSWER_CALL_LOCAL_SETUP, \
                 ANSWER_CALL_PRE_LOCAL_SETUP, TIME_TO_ANSWER, TIME_FROM_RECEIVE_TO_ANSWER, \
                 TIME_TO_CALL_SETUP_DURATION, TIME_TO_RINGING, TIME_TO_IGNORE, TIME_TO_REJECT, \
                 TIME_TO_ADD_MEDIA, TIME_TO_ADD_MEDIA_REMOTE, TIME_TO_REMOVE_MEDIA, \
                 TIME_TO_REMOVE_MEDIA_REMOTE, TIME_TO_RESTART_MEDIA, TIME_TO_HOLD_LOCAL, \
                 TIME_TO_HOLD_REMOTE, TIME_TO_UNHOLD_LOCAL, TIME_TO_UNHOLD_REMOTE, \
                 TIME_TO_COLLECT_ICE_CANDIDATES, TIME_TO_RELAY_CANDIDATES, \
                 TIME_TO_SEND_CUSTOM_PARAMETERS, TIME_TO_FORWARD, TIME_TO_DIRECT_TRANSFER, \
                 TIME_TO_CONSULTATIVE_TRANSFER, TIME_TO_JOIN";
    same(Metric::ALL, table);
}

#[test]
fn rk_005_statuses_of_presence_and_others_are_kept() {
    same(Status::ALL, "open, closed");
    assert_eq!(Status::from("dnd"), Status::Other("dnd".to_owned()));
    assert_eq!(serde_json::to_value(Status::from("dnd")).unwrap(), "dnd");
}

#[test]
fn rk_006_activities_of_presence_and_others_are_kept() {
    let table = "active, idle, away, lunch, other, busy, vacation, on-the-phone, unknown";
    same(Activity::ALL, table);
    assert_eq!(Activity::AVAILABLE.as_str(), "active");
    assert_eq!(Activity::from("asleep\u{7}").as_str(), "asleep\u{fffd}");
}

#[test]
fn rk_007_reasons_for_a_change_of_the_subscription() {
    let table = "GONE, LOST_CONNECTION, WS_OVERRIDDEN, PENDING, SUBSCRIBED, UNSUBSCRIBED";
    same(ChangeReason::ALL, table);
}

#[test]
fn rk_008_levels_of_the_log() {
    same(LogLevel::ALL, "SILENT, ERROR, WARN, INFO, DEBUG");
    assert!(LogLevel::Silent < LogLevel::Error && LogLevel::Info < LogLevel::Debug);
}

#[test]
fn w6_3_operations_their_transitions_and_their_status() {
    let table = "MAKE, MAKE_ANONYMOUS, ANSWER, SLOW_ANSWER, REJECT, IGNORE, END, \
                 SEND_RINGING_FEEDBACK, FORWARD_CALL, HOLD, UNHOLD, SEND_CUSTOM_PARAMETERS, \
                 ADD_MEDIA, ADD_BASIC_MEDIA, REMOVE_MEDIA, REMOVE_BASIC_MEDIA, GET_STATS, SEND_DTMF, \
                 CONSULTATIVE_TRANSFER, DIRECT_TRANSFER, JOIN, REPLACE_TRACK, MEDIA_RESTART, RESYNC, \
                 PLAY_AUDIO, GET_AVAILABLE_CODECS, START_MOH, STOP_MOH, SLOW_START, GENERIC_REMOTE, \
                 CALL_CANCEL";
    assert_eq!(OperationKind::ALL.len(), 31);
    same(OperationKind::ALL, table);
    same(Transition::ALL, "START, UPDATE, RESUME, FINISH");
    same(OperationStatus::ALL, "NOT_STARTED, ONGOING, PENDING, RESOLVING, FINISHED");
    let after: Vec<_> = Transition::ALL.iter().map(|one| one.status()).collect();
    assert_eq!(after, OperationStatus::ALL[1..]);
    assert_eq!(OperationKind::SlowAnswer.told().as_str(), "ANSWER");
    let blocking = OperationKind::ALL.iter().filter(|kind| kind.is_blocking()).count();
    assert_eq!(blocking, 16);
}

#[test]
fn w4_0_2_hold_states_are_two_flags() {
    same(HoldState::ALL, "Connected, Local Hold, Remote Hold, Dual Hold");
    for state in HoldState::ALL.iter().copied() {
        assert_eq!(HoldState::new(state.local(), state.remote()), state);
        for held in [false, true] {
            assert_eq!(state.with_local(held), HoldState::new(held, state.remote()));
            assert_eq!(state.with_remote(held), HoldState::new(state.local(), held));
        }
    }
}

#[test]
fn calls_are_named_by_random_uuids_and_users_have_domains() {
    let mut rng = Seed::from(1).rng();
    let (one, other) = (CallId::random(&mut rng), CallId::random(&mut rng));
    assert!(one != other && one.as_str().len() == 36);
    assert_eq!(UserId::from("alice@example.com").domain(), Some("example.com"));
    assert_eq!((UserId::from("alice").domain(), UserId::from("alice@").domain()), (None, None));
}
