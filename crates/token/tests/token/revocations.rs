//! What was revoked: durable, read by others, closed when damaged.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use serde_json::{Value as Json, json};
use tempfile::TempDir;
use token::{
    Algorithm, AssertedBy, Cause, Change, Ended, Issuers, Keeper, Revocation, RevocationError, Revocations,
};

use crate::support::{NOW, Signer, cause, claims, settings, with, without};

fn by() -> AssertedBy {
    AssertedBy { uid: 1000, login: "ada".into(), host: "desk".into() }
}

fn subject(subject: &str, at: i64) -> Revocation {
    let (issuer, subject) = (Some("acme:idp".into()), Some(subject.into()));
    Revocation { at, issuer, subject, jti: None, recorded: false, by: by() }
}

fn one(jti: &str, issuer: Option<&str>) -> Revocation {
    let issuer = issuer.map(Into::into);
    Revocation { at: NOW, issuer, subject: None, jti: Some(jti.into()), recorded: false, by: by() }
}

/// A folder for the file, a signer, and issuers that read it.
fn world() -> (TempDir, Signer, Issuers) {
    let folder = tempfile::tempdir().unwrap();
    let signer = Signer::ed();
    let settings = settings(&[Algorithm::EdDsa], &[signer.jwk("k1")]);
    let revocations = Revocations::open(&folder.path().join("data/revocations.jsonl"), NOW);
    let issuers = Issuers::new(vec![settings], Arc::new(revocations)).unwrap();
    (folder, signer, issuers)
}

fn jwt(signer: &Signer, claims: &Json) -> String {
    signer.token("EdDSA", "k1", claims)
}

#[test]
fn a_subject_is_revoked_up_to_a_moment() {
    let (_folder, signer, issuers) = world();
    let before = jwt(&signer, &with("iat", NOW.into()));
    let session = issuers.authenticate(before.as_bytes(), None, NOW).unwrap().session;
    issuers.revocations().append(subject("ada", NOW)).unwrap();
    assert_eq!(issuers.still_good(&session, NOW), Err(Ended::Revoked));
    assert_eq!(cause(&issuers, &before), Cause::Revoked);
    assert_eq!(cause(&issuers, jwt(&signer, &without("jti"))), Cause::Revoked);
    assert!(issuers.authenticate(jwt(&signer, &with("iat", (NOW + 1).into())).as_bytes(), None, NOW).is_ok());
    assert!(issuers.authenticate(jwt(&signer, &with("sub", "bob".into())).as_bytes(), None, NOW).is_ok());
    // An earlier moment takes nothing back.
    issuers.revocations().append(subject("ada", NOW - 1000)).unwrap();
    assert_eq!(cause(&issuers, &before), Cause::Revoked);
}

#[test]
fn one_token_is_revoked_by_its_id() {
    let (_folder, signer, issuers) = world();
    let session = issuers.authenticate(jwt(&signer, &claims()).as_bytes(), None, NOW).unwrap().session;
    issuers.revocations().append(one("t1", Some("acme:other"))).unwrap();
    assert_eq!(issuers.still_good(&session, NOW), Ok(()));
    issuers.revocations().append(one("t1", None)).unwrap();
    assert_eq!(issuers.still_good(&session, NOW), Err(Ended::Revoked));
    assert_eq!(cause(&issuers, jwt(&signer, &claims())), Cause::Revoked);
    assert!(issuers.authenticate(jwt(&signer, &with("jti", "t2".into())).as_bytes(), None, NOW).is_ok());
}

#[test]
fn a_revocation_is_a_line_that_only_its_owner_reads_and_the_next_run_knows() {
    let (folder, signer, issuers) = world();
    issuers.revocations().append(subject("ada", NOW)).unwrap();
    let path = folder.path().join("data/revocations.jsonl");
    let text = fs::read_to_string(&path).unwrap();
    let line: Json = serde_json::from_str(&text).unwrap();
    let expected = json!({"version": 1, "at": NOW, "issuer": "acme:idp", "sub": "ada", "recorded": false,
        "by": {"uid": 1000, "login": "ada", "host": "desk"}});
    assert_eq!(line, expected);
    assert!(text.ends_with('\n'));
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::metadata(path.parent().unwrap()).unwrap().permissions().mode() & 0o777, 0o700);
    let next = Revocations::open(&path, NOW);
    let settings = settings(&[Algorithm::EdDsa], &[signer.jwk("k1")]);
    let next = Issuers::new(vec![settings], Arc::new(next)).unwrap();
    assert_eq!(cause(&next, jwt(&signer, &claims())), Cause::Revoked);
}

/// Issuers that found this text in the file.
fn found(folder: &Path, signer: &Signer, text: &str) -> Issuers {
    let path = folder.join("found.jsonl");
    fs::write(&path, text).unwrap();
    let settings = settings(&[Algorithm::EdDsa], &[signer.jwk("k1")]);
    Issuers::new(vec![settings], Arc::new(Revocations::open(&path, NOW))).unwrap()
}

const LINE: &str =
    "{\"version\":1,\"at\":1,\"jti\":\"x\",\"by\":{\"uid\":1,\"login\":\"a\",\"host\":\"b\"}}\n";

#[test]
fn a_torn_last_line_was_never_acknowledged() {
    let (folder, signer, _) = world();
    for torn in
        ["{\"version\":1,\"at\":5,\"jti\":\"t1", "{", "\0\0\0", &LINE.trim_end().replace("\"x\"", "\"t1\"")]
    {
        let issuers = found(folder.path(), &signer, &format!("{LINE}{torn}"));
        assert!(issuers.authenticate(jwt(&signer, &claims()).as_bytes(), None, NOW).is_ok(), "{torn}");
        assert_eq!(issuers.revocations().len(), 1);
        issuers.revocations().append(one("t1", None)).unwrap();
        assert_eq!(cause(&issuers, jwt(&signer, &claims())), Cause::Revoked);
        let text = fs::read_to_string(folder.path().join("found.jsonl")).unwrap();
        assert_eq!(text.lines().count(), 2, "{text}");
    }
}

#[test]
fn a_damaged_file_closes() {
    let (folder, signer, _) = world();
    for (damaged, why) in [
        ("{\n", "it is not JSON"),
        ("\n", "it is not JSON"),
        (&LINE.replace(":1,\"at", ":2,\"at")[..], "its `version` is not 1"),
        (&LINE.replace("\"at\":1", "\"at\":\"1\""), "`at` is not a time"),
        (&LINE.replace("\"at\":1", "\"at\":1,\"at\":2"), "it has member `at` twice"),
        (&LINE.replace("\"jti\":\"x\"", "\"sub\":\"x\""), "it has neither `jti` nor `issuer` and `sub`"),
        (&LINE.replace("\"jti\":\"x\",", ""), "it has neither `jti` nor `issuer` and `sub`"),
        (&LINE.replace("\"jti\":\"x\"", "\"jti\":5"), "`jti` is not text"),
    ] {
        for text in [format!("{damaged}{LINE}"), format!("{LINE}{damaged}")] {
            let issuers = found(folder.path(), &signer, &text);
            let cause = cause(&issuers, jwt(&signer, &claims()));
            assert!(matches!(&cause, Cause::RevocationsUnreadable(text) if text.ends_with(why)), "{cause}");
            // Nor is anything put behind it.
            let error = issuers.revocations().append(one("t1", None)).unwrap_err();
            assert!(matches!(error, RevocationError::Line { .. }), "{error}");
        }
    }
}

#[test]
fn a_file_that_lost_lines_closes_and_sessions_go_by_what_was_known() {
    let (folder, signer, issuers) = world();
    let session = issuers.authenticate(jwt(&signer, &claims()).as_bytes(), None, NOW).unwrap().session;
    let bob = jwt(
        &signer,
        &json!({"iss": crate::support::ISSUER, "aud": "moonward", "sub": "bob", "iat": NOW, "exp": NOW + 9}),
    );
    let other = issuers.authenticate(bob.as_bytes(), None, NOW).unwrap().session;
    issuers.revocations().append(subject("ada", NOW)).unwrap();
    let path = folder.path().join("data/revocations.jsonl");
    let other_lines = fs::read_to_string(&path).unwrap().replace("\"ada\"", "\"eve\"");
    for left in [None, Some(""), Some(other_lines.as_str())] {
        match left {
            None => fs::remove_file(&path).unwrap(),
            Some(text) => fs::write(&path, text).unwrap(),
        }
        assert!(matches!(issuers.revocations().reload(), Err(RevocationError::Lost(_))));
        assert!(matches!(cause(&issuers, &bob), Cause::RevocationsUnreadable(_)));
        assert_eq!(issuers.still_good(&session, NOW), Err(Ended::Revoked));
        assert_eq!(issuers.still_good(&other, NOW), Ok(()));
    }
}

#[test]
fn a_link_is_not_followed() {
    let (folder, signer, _) = world();
    let (target, link) = (folder.path().join("elsewhere"), folder.path().join("link.jsonl"));
    fs::write(&target, "").unwrap();
    std::os::unix::fs::symlink(&target, &link).unwrap();
    let revocations = Revocations::open(&link, NOW);
    assert!(
        revocations.append(one("t1", None)).unwrap_err().to_string().ends_with("it is not a regular file")
    );
    let settings = settings(&[Algorithm::EdDsa], &[signer.jwk("k1")]);
    let issuers = Issuers::new(vec![settings], Arc::new(revocations)).unwrap();
    assert!(matches!(cause(&issuers, jwt(&signer, &claims())), Cause::RevocationsUnreadable(_)));
    assert_eq!(fs::read_to_string(target).unwrap(), "");
}

#[test]
fn somebody_elses_lock_is_waited_for_and_no_longer() {
    let (folder, _, issuers) = world();
    issuers.revocations().append(one("t0", None)).unwrap();
    let held = fs::File::open(folder.path().join("data/revocations.jsonl")).unwrap();
    held.lock().unwrap();
    assert!(matches!(issuers.revocations().append(one("t1", None)), Err(RevocationError::Held(_))));
    held.unlock().unwrap();
    issuers.revocations().append(one("t1", None)).unwrap();
    assert_eq!(issuers.revocations().len(), 2);
}

#[test]
fn who_holds_the_log_learns_what_nobody_recorded() {
    let (folder, ..) = world();
    let path = folder.path().join("data/revocations.jsonl");
    let (writer, reader) = (Revocations::open(&path, NOW), Revocations::open(&path, NOW));
    writer.append(one("t1", None)).unwrap();
    writer.append(Revocation { recorded: true, ..one("t2", None) }).unwrap();
    assert_eq!(reader.reload(), Ok(true));
    assert_eq!(reader.take_unrecorded(), [one("t1", None)]);
    assert_eq!(reader.take_unrecorded(), []);
    assert_eq!(reader.reload(), Ok(false));
    // Whoever starts just then still learns it, and nobody later.
    assert_eq!(Revocations::open(&path, NOW + 60).take_unrecorded().len(), 1);
    assert_eq!(Revocations::open(&path, NOW + 61).take_unrecorded().len(), 0);
}

#[test]
fn a_keeper_sees_what_another_process_revoked() {
    let (folder, signer, issuers) = world();
    let issuers = Arc::new(issuers);
    let session = issuers.authenticate(jwt(&signer, &claims()).as_bytes(), None, NOW).unwrap().session;
    let (changed, changes) = mpsc::channel();
    let keeper =
        Keeper::start(&issuers, Arc::new(|| NOW), move |change| changed.send(change).unwrap()).unwrap();
    Revocations::open(&folder.path().join("data/revocations.jsonl"), NOW)
        .append(subject("ada", NOW))
        .unwrap();
    assert_eq!(changes.recv_timeout(Duration::from_secs(20)), Ok(Change::Revoked));
    assert_eq!(issuers.still_good(&session, NOW), Err(Ended::Revoked));
    // What this process revokes is told too, and what was there before the start.
    issuers.revocations().append(one("t9", None)).unwrap();
    assert_eq!(changes.recv_timeout(Duration::from_secs(20)), Ok(Change::Revoked));
    assert_eq!(issuers.revocations().take_unrecorded().len(), 2);
    drop(keeper);
    let (changed, changes) = mpsc::channel();
    let keeper =
        Keeper::start(&issuers, Arc::new(|| NOW), move |change| changed.send(change).unwrap()).unwrap();
    assert_eq!(changes.recv_timeout(Duration::from_secs(20)), Ok(Change::Revoked));
    drop(keeper);
}
