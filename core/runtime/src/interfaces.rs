//! The computer's addresses.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use offhook::net::InterfaceAddress;

/// The time between two looks of those who look after them.
pub(crate) const LOOK: Duration = Duration::from_millis(250);

/// The addresses of interfaces that are up.
pub(crate) fn present() -> io::Result<Vec<InterfaceAddress>> {
    let mut all = if_addrs::get_if_addrs()?;
    // Unix does not say `Down`, only that one is not `Up`.
    all.retain(if_addrs::Interface::is_oper_up);
    Ok(all.into_iter().map(|one| InterfaceAddress::new(one.name.clone(), one.ip())).collect())
}

/// The addresses as somebody in this process saw them lately: many clients look little more often than one. Who looks
/// each [`LOOK`] sees new ones each time.
pub(crate) fn lately() -> io::Result<Arc<[InterfaceAddress]>> {
    type Seen = (Instant, Arc<[InterfaceAddress]>);
    static LAST: Mutex<Option<Seen>> = Mutex::new(None);

    // It is whole after every statement, so a panic elsewhere does not matter.
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((at, seen)) = &*last
        && at.elapsed() < LOOK / 2
    {
        return Ok(Arc::clone(seen));
    }
    let seen: Arc<[_]> = present()?.into();
    *last = Some((Instant::now(), Arc::clone(&seen)));
    Ok(seen)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_look_at_what_one_saw() {
        let (one, other) = (lately().expect("addresses"), lately().expect("addresses"));
        // Unless the computer was busy for so long between the two.
        assert!(Arc::ptr_eq(&one, &other) || one == other);
        assert!(present().expect("addresses").iter().any(|one| one.address.is_loopback()));
    }
}
