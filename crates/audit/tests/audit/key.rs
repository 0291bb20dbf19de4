//! The signing key: made once, safe or refused, and changed without a moment in which nobody can say who signs.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use audit::{
    Doubt, Finding, KeyFileError, KeyRotation, Log, OpenError, Options, Question, RotateError, VerifyingKey,
    verify, verifying_key_of,
};

use crate::faulty::{EIO, FaultyDisk, Operation};
use crate::sealed::assert_sealed;
use crate::{Folder, accept, of_kind, open, options, records, sync_at_last, tempdir};

fn key_of(folder: &Folder) -> PathBuf {
    folder.beside("keys/audit.ed25519")
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

fn refused(folder: &Folder) -> KeyFileError {
    let error = Log::open(options(folder.path())).unwrap_err();
    let OpenError::Key(error) = error else { unreachable!("{error}") };
    error
}

#[test]
fn a_log_without_a_key_gets_one_that_only_its_owner_may_read_and_keeps_it() {
    let folder = tempdir().unwrap();
    let first = open(folder.path()).verifying_key();
    assert_eq!(mode(&folder.beside("keys")), 0o700);
    assert_eq!(mode(&key_of(&folder)), 0o600);
    assert_eq!(fs::read_dir(folder.beside("keys")).unwrap().count(), 1);
    assert_eq!(open(folder.path()).verifying_key(), first);
    assert_eq!(verifying_key_of(&key_of(&folder)).unwrap(), first);
}

#[test]
fn openssl_reads_our_key_and_we_read_its() {
    let folder = tempdir().unwrap();
    let ours = open(folder.path()).verifying_key();
    let openssl = |arguments: &[&str]| {
        let done = Command::new("openssl").args(arguments).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        done.stdout
    };
    let path = key_of(&folder);
    let der = openssl(&["pkey", "-in", path.to_str().unwrap(), "-pubout", "-outform", "DER"]);
    // A verifier key ends with the base64 of 0x01 and the key, a public key of OpenSSL's with the key (RFC 8410).
    let text = ours.to_string();
    let encoded = text.splitn(3, '+').last().unwrap();
    let key = value::base64::decode(encoded.as_bytes(), value::base64::Alphabet::Standard).unwrap();
    assert!(der.ends_with(&key[1..]));

    let theirs = folder.beside("theirs.pem");
    openssl(&["genpkey", "-algorithm", "ed25519", "-out", theirs.to_str().unwrap()]);
    fs::copy(&theirs, &path).unwrap();
    let log = open(folder.path());
    assert_ne!(log.verifying_key(), ours);
    assert_eq!(log.verifying_key(), verifying_key_of(&theirs).unwrap());
}

#[test]
fn a_key_that_others_may_know_is_refused_and_the_next_step_is_told() {
    for (harm, expected, next) in [
        ("keys/audit.ed25519", "has mode 0640, expected 0600", "`chmod 600 "),
        ("keys", "has mode 0750, expected 0700", "`chmod 700 "),
    ] {
        let folder = tempdir().unwrap();
        open(folder.path()).close().unwrap();
        let path = folder.beside(harm);
        set_mode(&path, if harm == "keys" { 0o750 } else { 0o640 });
        let error = refused(&folder);
        assert!(matches!(&error, KeyFileError::Mode { file, .. } if *file == path), "{error:?}");
        assert!(error.to_string().contains(expected), "{error}");
        assert!(error.hint().starts_with(next), "{}", error.hint());
        set_mode(&path, if harm == "keys" { 0o700 } else { 0o600 });
        open(folder.path()).close().unwrap();
    }
}

#[test]
fn a_key_of_another_user_is_refused() {
    let folder = tempdir().unwrap();
    open(folder.path()).close().unwrap();
    // Only the superuser can give a file away.
    match std::os::unix::fs::chown(key_of(&folder), Some(4711), None) {
        Ok(()) => assert!(matches!(refused(&folder), KeyFileError::Owner { found: 4711, .. })),
        Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::PermissionDenied),
    }
}

#[test]
fn a_key_behind_a_link_or_that_is_none_is_refused_and_left_alone() {
    let folder = tempdir().unwrap();
    open(folder.path()).close().unwrap();
    let path = key_of(&folder);
    fs::rename(&path, folder.beside("elsewhere")).unwrap();
    symlink(folder.beside("elsewhere"), &path).unwrap();
    assert!(refused(&folder).to_string().contains("it is a symbolic link"));
    fs::remove_file(&path).unwrap();
    for text in ["", "nonsense", &"x".repeat(100_000)] {
        fs::write(&path, text).unwrap();
        set_mode(&path, 0o600);
        let error = refused(&folder);
        assert!(matches!(error, KeyFileError::NoKey { .. } | KeyFileError::Unusable { .. }), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }
    fs::rename(folder.beside("keys"), folder.beside("moved")).unwrap();
    symlink(folder.beside("moved"), folder.beside("keys")).unwrap();
    assert!(refused(&folder).to_string().contains("it is a symbolic link"));
}

#[test]
fn a_key_or_a_lock_with_two_names_is_refused_unless_its_maker_was_stopped_between_them() {
    let folder = tempdir().unwrap();
    let first = open(folder.path()).verifying_key();
    let key = key_of(&folder);
    fs::hard_link(&key, folder.beside("elsewhere")).unwrap();
    assert!(refused(&folder).to_string().contains("it has 2 names (hard links), expected 1"));
    fs::remove_file(folder.beside("elsewhere")).unwrap();
    fs::hard_link(&key, folder.beside(&format!("keys/audit.ed25519.{}", "a".repeat(64)))).unwrap();
    assert_eq!(open(folder.path()).verifying_key(), first);
    assert_eq!(fs::read_dir(folder.beside("keys")).unwrap().count(), 1);

    fs::hard_link(folder.path().join("lock"), folder.beside("elsewhere")).unwrap();
    let error = Log::open(options(folder.path())).unwrap_err();
    assert!(error.to_string().contains("lock` cannot be opened: it has 2 names"), "{error}");
}

#[test]
fn a_key_inside_the_logs_folder_is_refused() {
    for place in ["audit.ed25519", "keys/audit.ed25519", "../log/audit.ed25519"] {
        let folder = tempdir().unwrap();
        set_mode(folder.path(), 0o700);
        let key = folder.path().join(place);
        let error = Log::open(Options { key: key.clone(), ..options(folder.path()) }).unwrap_err();
        assert!(matches!(error, OpenError::Key(KeyFileError::InTheLog { .. })), "{error}");
        assert!(!key.exists());
    }
}

#[test]
fn a_change_of_keys_is_signed_by_both_and_the_old_one_is_kept() {
    let folder = tempdir().unwrap();
    let log = open(folder.path());
    let first = log.verifying_key();
    accept(&log, 1).unwrap();
    let second = log.rotate_key().unwrap();
    accept(&log, 2).unwrap();
    let third = log.rotate_key().unwrap();
    log.close().unwrap();
    assert_ne!(first, second);
    assert_eq!(verifying_key_of(&key_of(&folder)).unwrap(), third);
    for old in [first, second] {
        let kept = folder.beside(&format!("keys/audit.ed25519.{}.old", old.id()));
        assert_eq!((verifying_key_of(&kept).unwrap(), mode(&kept)), (old, 0o600));
    }
    assert_eq!(assert_sealed(folder.path(), first), ["key", "key", "shutdown"]);
    let records = records(folder.path());
    let changes = of_kind(&records, "key_rotate");
    assert_eq!(changes[0]["detail"]["old"], first.to_string());
    assert_eq!(changes[0]["detail"]["new"], second.to_string());

    accept(&open(folder.path()), 3).unwrap();
    assert_eq!(assert_sealed(folder.path(), first).len(), 4);
    assert_eq!(fs::read_dir(folder.beside("keys")).unwrap().count(), 3);
}

#[test]
fn a_change_of_keys_that_was_stopped_before_its_record_never_was() {
    let folder = tempdir().unwrap();
    let log = open(folder.path());
    let first = log.verifying_key();
    accept(&log, 1).unwrap();
    log.close().unwrap();
    let next = folder.beside("keys/audit.ed25519.new");
    fs::copy(key_of(&folder), &next).unwrap();
    assert_eq!(open(folder.path()).verifying_key(), first);
    assert!(!next.exists());
}

#[test]
fn a_change_of_keys_that_was_stopped_after_its_record_is_finished_by_the_next_start() {
    let folder = tempdir().unwrap();
    let disk = FaultyDisk::healthy();
    let log = Log::open(Options { disk: Arc::new(disk.clone()), ..options(folder.path()) }).unwrap();
    let first = log.verifying_key();
    accept(&log, 1).unwrap();
    log.sync().unwrap();
    // The record comes late, so that the key is not put in place by who asked for it.
    disk.fail(|operation| (operation == Operation::Sync).then_some(EIO));
    assert!(matches!(log.rotate_key(), Err(RotateError::Unavailable(_))));
    assert!(matches!(log.rotate_key(), Err(RotateError::Key(_))), "one at a time");
    disk.heal();
    sync_at_last(&log);
    log.close().unwrap();
    let beside = folder.beside("keys/audit.ed25519.new");
    let next = verifying_key_of(&beside).unwrap();
    set_mode(&beside, 0o644);
    assert!(matches!(refused(&folder), KeyFileError::Mode { .. }), "not taken for gone");
    set_mode(&beside, 0o600);
    assert_eq!(verifying_key_of(&key_of(&folder)).unwrap(), first);

    let log = open(folder.path());
    assert_eq!(log.verifying_key(), next);
    accept(&log, 2).unwrap();
    log.close().unwrap();
    assert_sealed(folder.path(), first);
    assert_eq!(verifying_key_of(&key_of(&folder)).unwrap(), next);
}

#[test]
fn two_logs_with_one_key_file_both_have_the_change_signed_by_both_keys_when_somebody_says_so() {
    let folder = tempdir().unwrap();
    let other = tempdir().unwrap();
    let options = |log: &Folder| Options { key: key_of(&folder), ..options(log.path()) };
    let first = open(folder.path()).verifying_key();
    let log = Log::open(options(&other)).unwrap();
    accept(&log, 1).unwrap();
    log.close().unwrap();

    let second = open(folder.path()).rotate_key().unwrap();
    let log = Log::open(Options { hand_over: true, ..options(&other) }).unwrap();
    assert_eq!(log.verifying_key(), second);
    accept(&log, 2).unwrap();
    log.close().unwrap();
    assert_eq!(assert_sealed(other.path(), first), ["shutdown", "key", "shutdown"]);
}

#[test]
fn a_stolen_key_does_not_survive_its_change() {
    let folder = tempdir().unwrap();
    let log = open(folder.path());
    let (stolen, thief) = (log.verifying_key(), folder.beside("thief"));
    accept(&log, 1).unwrap();
    log.close().unwrap();
    fs::create_dir(&thief).unwrap();
    set_mode(&thief, 0o700);
    fs::copy(key_of(&folder), thief.join("audit.ed25519")).unwrap();
    let second = open(folder.path()).rotate_key().unwrap();

    // The log is replaced by one that was forged with the key that is kept as the former one.
    fs::remove_dir_all(folder.path()).unwrap();
    fs::create_dir(folder.path()).unwrap();
    let forged = Log::open(Options { key: thief.join("audit.ed25519"), ..options(folder.path()) }).unwrap();
    assert_eq!(forged.verifying_key(), stolen);
    accept(&forged, 2).unwrap();
    forged.close().unwrap();

    let log = open(folder.path());
    assert_eq!(log.verifying_key(), second);
    log.close().unwrap();
    for trust in [stolen, second] {
        let question =
            Question { folder: folder.path(), trust: &[trust], in_force: &[], against: None, since: None };
        let verdict = verify(&question, &|_| {}).unwrap();
        // Nobody handed the trust over: one key vouches for what is forged, the other for what came after.
        let Finding::Unverifiable(Doubt::KeyLost { vouched, others }) = verdict.finding else {
            unreachable!("{verdict:?}")
        };
        let (forged, own) = if trust == stolen { (&vouched, &others) } else { (&others, &vouched) };
        assert!(
            forged.iter().any(|range| range.0 == 1) && own.iter().all(|range| range.0 > 1),
            "{forged:?} {own:?}"
        );
    }
}

#[test]
fn a_key_that_is_gone_is_replaced_on_record_without_its_signature() {
    let folder = tempdir().unwrap();
    let log = open(folder.path());
    let first = log.verifying_key();
    accept(&log, 1).unwrap();
    log.close().unwrap();
    fs::remove_file(key_of(&folder)).unwrap();

    let log = open(folder.path());
    let second = log.verifying_key();
    log.close().unwrap();
    assert_ne!(first, second);
    let records = records(folder.path());
    let detail = &of_kind(&records, "key_rotate")[0]["detail"];
    assert_eq!(
        (&detail["old"], &detail["new"]),
        (&first.id().to_string().into(), &second.to_string().into())
    );
    let trusting = |trust: &[VerifyingKey]| {
        let question = Question { folder: folder.path(), trust, against: None, since: None, in_force: &[] };
        verify(&question, &|_| {}).unwrap().finding
    };
    let lost = |finding| matches!(finding, Finding::Unverifiable(Doubt::KeyLost { .. }));
    assert!(lost(trusting(&[first])) && lost(trusting(&[second])), "{:?}", trusting(&[first]));
    assert_eq!(trusting(&[first, second]), Finding::Intact);
    let change = KeyRotation::parse(detail["note"].as_str().unwrap()).unwrap();
    assert!(change.is_signed_by(&second) && !change.is_signed_by(&first));
    assert_eq!(change.new_key(), second);
}
