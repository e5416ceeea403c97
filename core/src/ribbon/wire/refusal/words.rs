//! The gateway's codes in words (w1.6).

/// The meaning of a code.
pub(super) fn meaning(code: i32) -> &'static str {
    match code {
        4 => "the credentials are wrong",
        5 => "the request's body cannot be used",
        9 | 17 | 54 => "the account or what is behind it has a problem",
        19 => "the user has too many sessions",
        26 => "the gateway has an internal error",
        27 => "the user may not",
        35 => "the service is not enabled",
        37 => "a value of the request cannot be used",
        38 => "the name of the client cannot be used",
        39 => "there is no such subscription any more",
        42 => "there is no such resource",
        47 => "there is no such session",
        49 => "the far side changes the call just now",
        55 => "the call was answered elsewhere",
        61 => "the credentials are missing or wrong",
        62 => "the account is disabled",
        63 => "the account is locked",
        65 => "the token has expired",
        503 => "the gateway has too much to do",
        1004 => "the request is wrong",
        _ => "unknown error",
    }
}
