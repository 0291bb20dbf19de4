//! Keys come over TLS, from a server that a trusted authority vouches for under the name that was asked for.
//!
//! The certificates in `tls/` are of an authority that nobody has the key of any more, and good until 2126.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Arc;
use std::thread;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use token::{Algorithm, KeySource};

use crate::support::{NOW, Signer, actor, claims, issuers, set, settings};

const AUTHORITY: &str = include_str!("tls/authority.pem");
const SERVER: &str = include_str!("tls/server.pem");
const SERVER_KEY: &str = include_str!("tls/server-key.pem");

/// A server of one answer to each who comes over TLS; its port.
fn server(keys: String) -> u16 {
    let certificate = CertificateDer::from_pem_slice(SERVER.as_bytes()).unwrap();
    let key = PrivateKeyDer::from_pem_slice(SERVER_KEY.as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = Arc::new(config.with_no_client_auth().with_single_cert(vec![certificate], key).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream =
                StreamOwned::new(ServerConnection::new(config.clone()).unwrap(), stream.unwrap());
            let mut head = [0; 1024];
            // Who does not trust us goes away here.
            if stream.read(&mut head).is_ok_and(|bytes| bytes > 0) {
                let head =
                    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", keys.len());
                let _ = stream.write_all(format!("{head}{keys}").as_bytes());
            }
        }
    });
    port
}

#[test]
fn keys_are_taken_from_whom_a_trusted_authority_vouches_for() {
    let signer = Signer::ed();
    let port = server(set(&[signer.jwk("k")]));
    let outcome = |host: &str, authorities: Option<&str>| {
        let mut settings = settings(&[Algorithm::EdDsa], &[]);
        settings.keys = KeySource::Url(format!("https://{host}:{port}/jwks"));
        settings.authorities = authorities.map(Into::into);
        let issuers = issuers(settings);
        let outcome = issuers.refresh(NOW).remove(0).outcome;
        if outcome.is_ok() {
            assert_eq!(actor(&issuers, signer.token("EdDSA", "k", &claims())), "acme/user/ada");
        }
        outcome
    };
    assert_eq!(outcome("localhost", Some(AUTHORITY)), Ok(true));
    let stranger = outcome("localhost", None).unwrap_err();
    assert!(stranger.contains("UnknownIssuer"), "{stranger}");
    // The certificate is for `localhost`.
    let misnamed = outcome("127.0.0.1", Some(AUTHORITY)).unwrap_err();
    assert!(misnamed.contains("not valid for name"), "{misnamed}");
    // What has no TLS is not asked in the clear instead.
    let plain = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut settings = settings(&[Algorithm::EdDsa], &[]);
    settings.keys = KeySource::Url(format!("https://localhost:{}/", plain.local_addr().unwrap().port()));
    let heard = thread::spawn(move || {
        let mut first = [0];
        plain.accept().unwrap().0.read_exact(&mut first).unwrap();
        first[0]
    });
    assert!(issuers(settings).refresh(NOW).remove(0).outcome.is_err());
    // The first byte of a TLS handshake (RFC 8446 section 5.1).
    assert_eq!(heard.join().unwrap(), 22);
}

#[test]
fn a_file_of_authorities_has_one() {
    for (pem, expected) in [
        ("", "there is no certificate of an authority"),
        (SERVER_KEY, "there is no certificate of an authority"),
    ] {
        let mut settings = settings(&[Algorithm::EdDsa], &[]);
        settings.keys = KeySource::Url("https://idp.example.org/".into());
        settings.authorities = Some(pem.into());
        assert_eq!(settings.check().unwrap_err()[0].message, expected);
    }
}
