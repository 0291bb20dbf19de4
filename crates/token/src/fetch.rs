//! One fetch of an issuer's keys: over TLS, from where the manifest says and nowhere else, within bounds of size and time.
//!
//! What the answer means is not known here.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use ureq::http::Uri;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, TlsProvider, parse_pem};

use crate::limits::{KEYS_BYTES_MAX, RESPONSE_HEAD_BYTES_MAX};

static PROVIDER: LazyLock<Arc<rustls::crypto::CryptoProvider>> =
    LazyLock::new(|| Arc::new(rustls::crypto::aws_lc_rs::default_provider()));

/// A place from which no keys are fetched.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{url}` is no place to fetch keys from: {why}")]
pub struct InvalidUrl {
    /// The text as given.
    pub url: String,
    /// The rule that it breaks.
    pub why: &'static str,
}

/// Whether keys may be fetched from there: `https`, or `http` from this machine itself.
///
/// # Errors
/// It is no URL, of another scheme, names a user, or is `http` to another machine.
pub fn check_url(url: &str) -> Result<(), InvalidUrl> {
    let wrong = |why| InvalidUrl { url: url.to_owned(), why };
    let parsed: Uri = url.parse().map_err(|_| wrong("it is no URL"))?;
    let authority = parsed.authority().ok_or_else(|| wrong("it names no host"))?;
    if authority.as_str().contains('@') {
        return Err(wrong("it names a user: a set of keys is public"));
    }
    if authority.host().is_empty() {
        return Err(wrong("it names no host"));
    }
    match parsed.scheme_str() {
        Some("https") => Ok(()),
        Some("http") if is_loopback(&parsed) => Ok(()),
        Some("http") => Err(wrong("`http` is for `127.0.0.1`, `[::1]` and `localhost` only; write `https`")),
        _ => Err(wrong("its scheme is not `https`")),
    }
}

fn is_loopback(url: &Uri) -> bool {
    url.host().is_some_and(|host| ["127.0.0.1", "[::1]", "localhost"].contains(&host))
}

/// Certificates of authorities, as a file of them writes them (PEM).
///
/// # Errors
/// It is damaged, or there is none in it.
pub(crate) fn authorities(pem: &str) -> Result<Vec<Certificate<'static>>, String> {
    let mut certificates = Vec::new();
    for item in parse_pem(pem.as_bytes()) {
        match item {
            Ok(PemItem::Certificate(certificate)) => certificates.push(certificate),
            Ok(_) => {}
            Err(error) => return Err(format!("the certificates of authorities cannot be read: {error}")),
        }
    }
    if certificates.is_empty() {
        Err("there is no certificate of an authority".to_owned())
    } else {
        Ok(certificates)
    }
}

/// What is there, from a server that one of these authorities vouches for, or without any one of Mozilla's list.
///
/// # Errors
/// Why nothing could be had, in words; they can quote the server.
pub(crate) fn fetch(url: &str, timeout: Duration, trusted: Option<&str>) -> Result<Vec<u8>, String> {
    check_url(url).map_err(|error| error.to_string())?;
    let roots = match trusted {
        Some(pem) => RootCerts::new_with_certs(&authorities(pem)?),
        None => RootCerts::WebPki,
    };
    let local = url.parse().is_ok_and(|url| is_loopback(&url));
    let over_tls = url.starts_with("https:");
    let tls = TlsConfig::builder()
        .provider(TlsProvider::Rustls)
        .unversioned_rustls_crypto_provider(PROVIDER.clone())
        .root_certs(roots)
        .build();
    let mut config = ureq::Agent::config_builder()
        .tls_config(tls)
        .https_only(over_tls)
        // Who can redirect can say which keys are good.
        .max_redirects(0)
        .max_redirects_will_error(false)
        .http_status_as_error(false)
        .timeout_global(Some(timeout))
        .max_response_header_size(RESPONSE_HEAD_BYTES_MAX)
        .max_idle_connections(0)
        .user_agent("moonward")
        .accept("application/jwk-set+json, application/json");
    if local {
        config = config.proxy(None);
    }
    let mut response = config
        .build()
        .new_agent()
        .get(url)
        .call()
        .map_err(|error| format!("`{url}` gave no answer: {error}"))?;
    match response.status().as_u16() {
        200 => {}
        status @ 300..=399 => {
            return Err(format!("`{url}` answered with {status}, and redirects are not followed"));
        }
        status => return Err(format!("`{url}` answered with {status}")),
    }
    let body = response.body_mut().with_config().limit(KEYS_BYTES_MAX as u64).read_to_vec();
    body.map_err(|error| {
        format!("the answer of `{url}` cannot be read, at most {KEYS_BYTES_MAX} bytes allowed: {error}")
    })
}

#[cfg(test)]
mod tests {
    use super::check_url;

    #[test]
    fn keys_come_over_tls_or_from_this_machine() {
        for url in [
            "https://idp.example.org/jwks",
            "http://127.0.0.1:8080/jwks",
            "http://[::1]/",
            "http://localhost/x",
        ] {
            assert_eq!(check_url(url), Ok(()), "{url}");
        }
        for url in [
            "http://idp.example.org/jwks",
            "http://127.0.0.1.example.org/",
            "http://localhost@example.org/",
            "https://user:secret@idp.example.org/",
            "ftp://x/",
            "file:///etc/passwd",
            "/jwks",
            "",
            "https://",
        ] {
            assert!(check_url(url).is_err(), "{url}");
        }
    }
}
