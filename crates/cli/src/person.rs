//! The person at the command line, as the records of a run name them where no token says who acts.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;

use audit::AssertedBy;

use crate::fault::Fault;

/// Who runs this command, where that has to be on record.
///
/// # Errors
/// The system does not tell.
pub(crate) fn required() -> Result<AssertedBy, Fault> {
    present()
        .map_err(|error| Fault::failed(format!("the system does not tell who runs this command: {error}")))
}

/// Who runs this command: the user number as the system has it, the names as its files have them. Variables such
/// as `USER` are not asked, since whoever runs the command sets them.
///
/// # Errors
/// The system does not tell.
pub(crate) fn present() -> io::Result<AssertedBy> {
    let uid = user_number()?;
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let login = login(&users, uid).unwrap_or("unknown");
    let host = ["/proc/sys/kernel/hostname", "/etc/hostname"]
        .into_iter()
        .find_map(|file| fs::read_to_string(file).ok())
        .unwrap_or_default();
    let host = match host.trim() {
        "" => "unknown",
        name => name,
    };
    Ok(AssertedBy { uid, login: login.into(), host: host.into() })
}

/// The standard library does not tell who we are, but whose a file is that we just made; where there is a `/proc`,
/// it tells without a file.
fn user_number() -> io::Result<u32> {
    match fs::metadata("/proc/self") {
        Ok(own) => Ok(own.uid()),
        Err(_) => Ok(tempfile::tempfile()?.metadata()?.uid()),
    }
}

/// The name of a user in a text of the form of passwd(5).
fn login(users: &str, uid: u32) -> Option<&str> {
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid)).then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::login;

    #[test]
    fn a_user_is_found_by_number() {
        let users = "root:x:0:0:root:/root:/bin/bash\nbroken\nada:x:1000:1000::/home/ada:/bin/sh\n";
        assert_eq!(login(users, 1000), Some("ada"));
        assert_eq!(login(users, 0), Some("root"));
        assert_eq!(login(users, 7), None);
    }
}
