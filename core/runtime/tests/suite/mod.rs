//! One list of tests for every runtime: a puppet machine against real sockets on loopback.
//!
//! A runtime's own crate includes this file and names itself: `suite!(Tokio, block_on)`.

pub(crate) mod client;
pub(crate) mod floods;
pub(crate) mod handles;
pub(crate) mod http;
pub(crate) mod puppet;
pub(crate) mod servers;
pub(crate) mod sleep;
pub(crate) mod socks;
pub(crate) mod stream;
pub(crate) mod tenants;
pub(crate) mod tracks;
pub(crate) mod trust;
pub(crate) mod udp;
pub(crate) mod websocket;

/// Makes a test of each function of the suite, in a module named after its subject.
macro_rules! suite {
    ($runtime:ty, $block_on:path) => {
        suite! {
            $runtime, $block_on,
            client {
                a_token_that_is_refused_fails_to_connect,
                a_service_that_cannot_be_reached_fails_to_connect_with_the_reason,
                unusable_options_are_typed_errors,
            }
            floods {
                frames_that_carry_nothing_end_the_socket_and_starve_nobody,
                texts_without_end_starve_nobody,
                datagrams_without_end_starve_nobody,
                a_thousand_messages_over_the_limit_cost_one_and_are_told_once,
                messages_that_nobody_reads_are_bounded_by_bytes,
            }
            handles {
                a_wake_up_comes_once_and_never_early,
                a_command_is_refused_at_once_or_completes_later,
                a_dropped_completion_takes_nothing_back,
                either_handle_keeps_the_driver,
                dropping_everything_says_farewell_and_ends_at_every_stage,
                a_farewell_that_never_completes_is_cut_short,
                a_refused_farewell_ends_at_once,
                audio_flows_both_ways_and_ends_with_its_session,
                each_frame_that_is_taken_is_shown_to_the_tap,
                audio_that_nobody_took_is_not_kept,
                audio_taken_again_ends_the_pair_before,
                unread_audio_loses_the_oldest_and_counts_it,
                unread_events_never_stop_the_driver,
                every_subscriber_is_told_and_a_slow_one_loses_alone,
                a_wait_finds_what_it_looks_for_or_tells_that_it_did_not,
                a_wait_goes_by_the_clients_clock,
            }
            http {
                a_response_is_a_response_whatever_its_status,
                methods_headers_and_bodies_arrive,
                redirects_are_not_followed,
                each_failure_has_its_kind,
                trust_is_what_the_options_say,
                an_unresolved_name_is_resolve,
                exchanges_are_bounded_and_wait_in_line,
                waiting_in_line_counts_against_the_deadline,
                a_kept_connection_that_is_gone_is_made_anew,
                an_answer_comes_in_any_framing,
                a_proxy_is_asked_for_a_tunnel,
            }
            sleep {
                a_program_sleeps_as_long_as_it_wants_and_never_less,
                a_timer_is_due_after_a_sleep,
                what_comes_after_a_sleep_shows_it,
                a_deadline_passes_in_a_sleep,
            }
            socks {
                a_websocket_goes_through,
                an_exchange_goes_through,
                a_stream_goes_through_by_its_address,
                a_wrong_password_is_connect_and_not_told,
                a_refusal_says_why,
                a_proxy_that_misbehaves_is_told_by_kind,
            }
            stream {
                bytes_go_both_ways_in_order_over_tcp_and_tls,
                an_orderly_end_is_told_from_a_broken_one,
                tls_that_is_cut_short_is_no_orderly_end,
                each_failure_has_its_kind,
                it_comes_from_the_address_that_was_asked_for,
                a_far_side_that_stops_reading_ends_the_stream,
                giving_up_while_opening_is_silent,
                a_proxy_is_asked_for_a_tunnel,
                a_name_becomes_addresses_or_a_failure,
            }
            tenants {
                services_that_hang_hold_up_no_other,
            }
            tracks {
                tracks_of_each_kind_flow_both_ways_and_end_with_their_session,
                a_track_taken_again_ends_the_pair_before,
                unread_pictures_lose_the_oldest_and_all_that_build_on_it,
            }
            trust {
                rfc_7469_2_6_a_pinned_host_must_have_the_key,
                a_pin_makes_no_certificate_trusted,
                without_verification_any_certificate_will_do,
                without_roots_nobody_is_trusted_and_plain_connections_work,
            }
            udp {
                datagrams_go_both_ways,
                without_an_address_there_is_a_local_failure,
                a_closed_group_frees_its_ports,
                packets_are_as_urgent_as_is_wished,
                a_group_at_one_address_has_a_port_of_its_own_there,
            }
            websocket {
                texts_go_both_ways_in_order,
                close_codes_arrive,
                a_socket_that_dies_is_told_once,
                each_failure_has_its_kind,
                trust_is_what_the_options_say,
                an_unresolved_name_is_resolve,
                a_message_over_the_limit_ends_the_socket,
                a_far_side_that_stops_reading_ends_the_socket,
                giving_up_while_opening_is_silent,
                a_proxy_is_asked_for_a_tunnel,
                a_proxy_that_refuses_is_connect,
            }
        }
    };
    ($runtime:ty, $block_on:path, $($module:ident { $($test:ident,)* })*) => {
        $(
            mod $module {
                use super::*;

                $(
                    #[test]
                    fn $test() {
                        $block_on(suite::$module::$test::<$runtime>());
                    }
                )*
            }
        )*
    };
}
