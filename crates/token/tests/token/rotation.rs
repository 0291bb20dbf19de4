//! Keys that come and go: fetched from a server of the test's own, at times that the test says.

use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use policy::TenantId;
use token::{Algorithm, Cause, Change, Ended, Issuers, Keeper, KeyFile, KeySource, Revocations, Settings};

use crate::support::{Answer, NOW, Server, Signer, cause_at, claims, issuers, set, settings, with};

fn served(server: &Server) -> Issuers {
    let mut settings = settings(&[Algorithm::EdDsa], &[]);
    settings.keys = KeySource::Url(server.url.clone());
    issuers(settings)
}

fn unknown(kid: &str) -> Cause {
    Cause::UnknownKey { issuer: "acme:idp".into(), kid: Some(kid.into()) }
}

#[test]
fn keys_overlap_while_they_rotate_and_a_withdrawn_one_ends_its_sessions() {
    let (old, new) = (Signer::ed(), Signer::ed());
    let server = Server::new(Answer::Keys(set(&[old.jwk("old")])));
    let issuers = served(&server);
    let long = with("exp", (NOW + 3600).into());
    let (old_jwt, new_jwt) = (old.token("EdDSA", "old", &long), new.token("EdDSA", "new", &long));
    assert_eq!(cause_at(&issuers, &old_jwt, NOW), Cause::NoKeys("acme:idp".into()));
    assert_eq!(issuers.refresh(NOW)[0].outcome, Ok(true));
    let old_session = issuers.authenticate(old_jwt.as_bytes(), None, NOW).unwrap().session;

    server.says(Answer::Keys(set(&[old.jwk("old"), new.jwk("new")])));
    assert_eq!(issuers.refresh(NOW + 20)[0].outcome, Ok(true));
    let new_session = issuers.authenticate(new_jwt.as_bytes(), None, NOW + 20).unwrap().session;
    assert_eq!(issuers.still_good(&old_session, NOW + 20), Ok(()));

    server.says(Answer::Keys(set(&[new.jwk("new")])));
    assert!(issuers.refresh(NOW + 30).is_empty());
    assert_eq!(issuers.refresh(NOW + 40)[0].outcome, Ok(true));
    assert_eq!(issuers.still_good(&old_session, NOW + 40), Err(Ended::KeyWithdrawn));
    assert_eq!(issuers.still_good(&new_session, NOW + 40), Ok(()));
    assert_eq!(cause_at(&issuers, &old_jwt, NOW + 40), unknown("old"));
    assert_eq!(issuers.refresh(NOW + 60)[0].outcome, Ok(false));
}

#[test]
fn a_server_that_serves_no_key_has_withdrawn_them_all() {
    let signer = Signer::ed();
    let server = Server::new(Answer::Keys(set(&[signer.jwk("k")])));
    let issuers = served(&server);
    issuers.refresh(NOW);
    let jwt = signer.token("EdDSA", "k", &claims());
    let session = issuers.authenticate(jwt.as_bytes(), None, NOW).unwrap().session;
    let mut for_another_purpose = signer.jwk("k");
    for_another_purpose["use"] = "enc".into();
    for keys in [set(&[]), set(&[for_another_purpose])] {
        server.says(Answer::Keys(keys));
        issuers.refresh_now(NOW + 1);
        assert_eq!(issuers.still_good(&session, NOW + 1), Err(Ended::KeyWithdrawn));
        assert_eq!(cause_at(&issuers, &jwt, NOW + 1), unknown("k"));
        server.says(Answer::Keys(set(&[signer.jwk("k")])));
        issuers.refresh_now(NOW + 2);
        assert_eq!(issuers.still_good(&session, NOW + 2), Ok(()));
    }
}

#[test]
fn another_key_of_the_same_name_does_not_keep_a_session() {
    let (old, new) = (Signer::ed(), Signer::ed());
    let server = Server::new(Answer::Keys(set(&[old.jwk("k")])));
    let issuers = served(&server);
    issuers.refresh(NOW);
    let session =
        issuers.authenticate(old.token("EdDSA", "k", &claims()).as_bytes(), None, NOW).unwrap().session;
    server.says(Answer::Keys(set(&[new.jwk("k")])));
    issuers.refresh(NOW + 20);
    assert_eq!(issuers.still_good(&session, NOW + 20), Err(Ended::KeyWithdrawn));
}

#[test]
fn an_unknown_key_is_asked_for_once_in_ten_seconds() {
    let (old, new) = (Signer::ed(), Signer::ed());
    let server = Server::new(Answer::Keys(set(&[old.jwk("old")])));
    let issuers = served(&server);
    issuers.refresh(NOW);
    assert_eq!(server.asked(), 1);
    server.says(Answer::Keys(set(&[old.jwk("old"), new.jwk("new")])));
    let jwt = new.token("EdDSA", "new", &claims());
    // However many come, and with whatever names.
    for at in 0..100 {
        let invented = new.token("EdDSA", &format!("x{at}"), &claims());
        assert_eq!(cause_at(&issuers, invented, NOW + 9), unknown(&format!("x{at}")));
        assert_eq!(cause_at(&issuers, &jwt, NOW + 9), unknown("new"));
        assert!(issuers.refresh(NOW + 9).is_empty());
    }
    assert_eq!(server.asked(), 1);
    assert_eq!(issuers.refresh(NOW + 10)[0].outcome, Ok(true));
    assert_eq!(server.asked(), 2);
    assert!(issuers.authenticate(jwt.as_bytes(), None, NOW + 10).is_ok());
    assert_eq!(cause_at(&issuers, new.token("EdDSA", "x", &claims()), NOW + 11), unknown("x"));
    assert!(issuers.refresh(NOW + 19).is_empty());
    assert_eq!(issuers.refresh(NOW + 20).len(), 1);
    assert_eq!(server.asked(), 3);
    // Nobody asked: the next is the periodic one.
    assert!(issuers.refresh(NOW + 39).is_empty());
    assert_eq!(issuers.refresh(NOW + 40).len(), 1);
}

#[test]
fn the_last_good_keys_are_used_until_they_are_too_old() {
    let signer = Signer::ed();
    let server = Server::new(Answer::Keys(set(&[signer.jwk("k")])));
    let issuers = served(&server);
    issuers.refresh(NOW);
    let jwt = signer.token("EdDSA", "k", &with("exp", (NOW + 100_000).into()));
    let session = issuers.authenticate(jwt.as_bytes(), None, NOW).unwrap().session;
    let mut now = NOW;
    for answer in [
        Answer::Down,
        Answer::Raw("HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n".into()),
        Answer::Raw(format!("HTTP/1.1 302 Found\r\nlocation: {}\r\ncontent-length: 0\r\n\r\n", server.url)),
        Answer::Raw("HTTP/1.1 204 No Content\r\n\r\n".into()),
        Answer::Raw("gibberish\r\n\r\n".into()),
        Answer::Raw(format!("HTTP/1.1 200 OK\r\n{}\r\n", "x: y\r\n".repeat(10_000))),
        Answer::Raw("HTTP/1.1 200 OK\r\ncontent-length: 100\r\nconnection: close\r\n\r\n{\"keys\"".into()),
        Answer::Keys("<html>".into()),
        Answer::Keys("{}".into()),
        Answer::Keys(String::new()),
        Answer::Keys(" ".repeat(300 * 1024)),
    ] {
        server.says(answer);
        now += 20;
        let refreshed = issuers.refresh(now);
        assert!(refreshed[0].outcome.is_err(), "{refreshed:?}");
        assert!(issuers.authenticate(jwt.as_bytes(), None, now).is_ok());
    }
    assert!(issuers.authenticate(jwt.as_bytes(), None, NOW + 3600).is_ok());
    assert_eq!(cause_at(&issuers, &jwt, NOW + 3601), Cause::NoKeys("acme:idp".into()));
    assert_eq!(issuers.still_good(&session, NOW + 3601), Err(Ended::NoKeys));
    server.says(Answer::Keys(set(&[signer.jwk("k")])));
    assert_eq!(issuers.refresh(NOW + 3620)[0].outcome, Ok(false));
    assert_eq!(issuers.still_good(&session, NOW + 3620), Ok(()));
}

#[test]
fn a_silent_server_is_given_up_on() {
    let server = Server::new(Answer::Silent);
    let mut settings = settings(&[Algorithm::EdDsa], &[]);
    settings.keys = KeySource::Url(server.url.clone());
    settings.fetch_timeout = Duration::from_millis(50);
    let refreshed = issuers(settings).refresh(NOW);
    assert!(refreshed[0].outcome.as_ref().unwrap_err().contains("timeout"), "{refreshed:?}");
    assert_eq!(server.asked(), 1);
}

#[test]
fn keys_come_from_where_the_manifest_says_and_over_tls() {
    let mut one = settings(&[Algorithm::EdDsa], &[]);
    for url in
        ["http://idp.example.org/jwks", "file:///etc/passwd", "https://user:secret@idp.example.org/jwks"]
    {
        one.keys = KeySource::Url(url.into());
        let error = one.check().unwrap_err().remove(0);
        assert_eq!(error.key, "jwks");
        assert!(error.message.starts_with(&format!("`{url}` is no place to fetch keys from: ")), "{error}");
    }
}

#[test]
fn a_redirect_is_not_followed() {
    let signer = Signer::ed();
    let other = Server::new(Answer::Keys(set(&[signer.jwk("k")])));
    let redirect = format!(
        "HTTP/1.1 302 Found\r\nlocation: {}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
        other.url
    );
    let issuers = served(&Server::new(Answer::Raw(redirect)));
    let refreshed = issuers.refresh(NOW);
    assert!(
        refreshed[0]
            .outcome
            .as_ref()
            .unwrap_err()
            .ends_with("answered with 302, and redirects are not followed")
    );
    assert_eq!(other.asked(), 0);
}

#[test]
fn a_file_of_keys_is_read_again() {
    let (old, new) = (Signer::ed(), Signer::ed());
    let text = Arc::new(Mutex::new(set(&[old.jwk("old")])));
    let read = text.clone();
    let file = KeyFile { path: "keys.json".into(), read: Arc::new(move || Ok(read.lock().unwrap().clone())) };
    let mut settings = settings(&[Algorithm::EdDsa], &[]);
    settings.keys = KeySource::File(file);
    let issuers = issuers(settings);
    issuers.refresh(NOW);
    let session =
        issuers.authenticate(old.token("EdDSA", "old", &claims()).as_bytes(), None, NOW).unwrap().session;
    *text.lock().unwrap() = set(&[new.jwk("new")]);
    assert!(issuers.refresh(NOW + 1).is_empty());
    assert_eq!(issuers.refresh(NOW + 2)[0].outcome, Ok(true));
    assert_eq!(issuers.still_good(&session, NOW + 2), Err(Ended::KeyWithdrawn));
}

#[test]
fn a_new_version_of_an_app_goes_on_with_the_keys_of_the_one_before() {
    let signer = Signer::ed();
    let server = Server::new(Answer::Keys(set(&[signer.jwk("k")])));
    let before = served(&server);
    before.refresh(NOW);
    let jwt = signer.token("EdDSA", "k", &claims());
    let session = before.authenticate(jwt.as_bytes(), None, NOW).unwrap().session;
    let after = served(&server);
    after.adopt(&before);
    assert_eq!(after.still_good(&session, NOW), Ok(()));
    assert!(after.authenticate(jwt.as_bytes(), None, NOW).is_ok());
    assert_eq!(Issuers::none().still_good(&session, NOW), Err(Ended::IssuerGone));
    // Of another tenant, or for another audience, it is another issuer.
    for change in [
        |settings: &mut Settings| settings.tenant = TenantId::system(),
        |settings: &mut Settings| settings.audience = "other".into(),
        |settings: &mut Settings| settings.issuer = "https://other.example/".into(),
    ] {
        let mut changed = settings(&[Algorithm::EdDsa], &[]);
        changed.keys = KeySource::Url(server.url.clone());
        change(&mut changed);
        let changed = issuers(changed);
        changed.adopt(&before);
        assert_eq!(changed.still_good(&session, NOW), Err(Ended::IssuerGone));
    }
    // Where the keys of the same entry are elsewhere now, nothing is taken over.
    let elsewhere = served(&Server::new(Answer::Down));
    elsewhere.adopt(&before);
    assert_eq!(elsewhere.still_good(&session, NOW), Err(Ended::NoKeys));
}

#[test]
fn a_session_ends_at_its_deadline() {
    let signer = Signer::ed();
    let issuers = issuers(settings(&[Algorithm::EdDsa], &[signer.jwk("k")]));
    let session =
        issuers.authenticate(signer.token("EdDSA", "k", &claims()).as_bytes(), None, NOW).unwrap().session;
    assert_eq!(issuers.still_good(&session, NOW + 629), Ok(()));
    assert_eq!(issuers.still_good(&session, NOW + 630), Err(Ended::Expired));
}

#[test]
fn a_keeper_fetches_at_once_and_when_a_token_needs_it_and_ends_when_dropped() {
    let (old, new) = (Signer::ed(), Signer::ed());
    let server = Server::new(Answer::Keys(set(&[old.jwk("old")])));
    let mut settings = settings(&[Algorithm::EdDsa], &[]);
    settings.keys = KeySource::Url(server.url.clone());
    let issuers = Arc::new(Issuers::new(vec![settings], Arc::new(Revocations::none())).unwrap());
    let time = Arc::new(Mutex::new(NOW));
    let clock = time.clone();
    let (changed, changes) = mpsc::channel();
    let keeper = Keeper::start(&issuers, Arc::new(move || *clock.lock().unwrap()), move |change| {
        changed.send(change).unwrap();
    })
    .unwrap();
    let wait = Duration::from_secs(20);
    assert_eq!(changes.recv_timeout(wait), Ok(Change::Keys("acme:idp".into())));
    server.says(Answer::Keys(set(&[new.jwk("new")])));
    *time.lock().unwrap() = NOW + 10;
    assert_eq!(cause_at(&issuers, new.token("EdDSA", "new", &claims()), NOW + 10), unknown("new"));
    assert_eq!(changes.recv_timeout(wait), Ok(Change::Keys("acme:idp".into())));
    assert_eq!(server.asked(), 2);
    drop(keeper);
    // Both threads have ended: nobody holds the sender any more.
    assert!(matches!(changes.try_recv(), Err(mpsc::TryRecvError::Disconnected)));
}
