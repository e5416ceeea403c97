//! The place where a sound server listens.

use std::path::PathBuf;

/// The advice to a person without a sound server.
const ADVICE: &str = "Start PipeWire (systemctl --user start pipewire-pulse.socket) or PulseAudio (pulseaudio --start); \
                      if neither is installed: apt install pipewire-pulse";

/// The socket of the sound server that the environment names, or words for a person about what is missing.
///
/// `PULSE_SERVER` is asked first: a list of addresses, of which those of this machine's sockets count. Then
/// `PULSE_RUNTIME_PATH`, then `XDG_RUNTIME_DIR`. The socket need not be there.
pub(super) fn from_env(variable: impl Fn(&str) -> Option<String>) -> Result<PathBuf, String> {
    if let Some(servers) = variable("PULSE_SERVER").filter(|servers| !servers.trim().is_empty()) {
        return servers.split_whitespace().find_map(socket).ok_or_else(|| {
            format!(
                "PULSE_SERVER is `{servers}`, which is no socket of this machine (unix:/PATH), and others are not spoken to"
            )
        });
    }
    if let Some(own) = variable("PULSE_RUNTIME_PATH") {
        return Ok(PathBuf::from(own).join("native"));
    }
    if let Some(user) = variable("XDG_RUNTIME_DIR") {
        return Ok(PathBuf::from(user).join("pulse/native"));
    }
    Err("it is not known where a sound server listens: neither PULSE_SERVER nor XDG_RUNTIME_DIR is set, as after su or \
         in a container. Log in as the user who has the devices, or set PULSE_SERVER=unix:/PATH"
        .to_owned())
}

/// The words about a socket at which nobody answers.
pub(super) fn silent(path: &std::path::Path, error: &std::io::Error) -> String {
    format!("neither PulseAudio nor PipeWire answers at {}: {error}. {ADVICE}", path.display())
}

/// The path of an address, if it is a socket: `unix:/PATH`, or `/PATH`, for any machine (`{ID}` before it).
fn socket(address: &str) -> Option<PathBuf> {
    let address = match address.strip_prefix('{') {
        Some(rest) => rest.split_once('}')?.1,
        None => address,
    };
    let path = address.strip_prefix("unix:").unwrap_or(address);
    path.starts_with('/').then(|| path.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(variables: &[(&str, &str)]) -> Result<PathBuf, String> {
        from_env(|name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn a_server_is_looked_for_as_its_own_programs_do() {
        let runtime = ("XDG_RUNTIME_DIR", "/run/user/1");
        for (server, path) in [
            ("unix:/a/b", "/a/b"),
            ("/a/b", "/a/b"),
            ("{0f}unix:/a/b", "/a/b"),
            ("tcp:far:4713 unix:/a/b", "/a/b"),
            (" ", "/run/user/1/pulse/native"),
        ] {
            assert_eq!(found(&[("PULSE_SERVER", server), runtime]), Ok(path.into()), "{server}");
        }
        assert_eq!(found(&[runtime]), Ok("/run/user/1/pulse/native".into()));
        assert_eq!(found(&[("PULSE_RUNTIME_PATH", "/p"), runtime]), Ok("/p/native".into()));
    }

    #[test]
    fn what_is_missing_is_said() {
        let far = found(&[("PULSE_SERVER", "tcp:far:4713")]).unwrap_err();
        assert!(far.contains("`tcp:far:4713`"), "{far}");
        let none = found(&[]).unwrap_err();
        assert!(none.contains("XDG_RUNTIME_DIR"), "{none}");
    }
}
