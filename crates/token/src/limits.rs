//! Bounds of tokens, keys and revocations, each with its unit and the reason for the number.

use std::time::Duration;

/// Bytes of a token: 8 KiB, refused before anything is decoded. Servers bound a request's headers to as much; tokens that
/// issuers make have 0.5 to 3 KiB.
pub const TOKEN_BYTES_MAX: usize = 8 * 1024;

/// Levels of lists and objects inside each other in a token or a set of keys: 16. Real claims have three; the reader recurses.
pub const JSON_LEVELS_MAX: usize = 16;

/// Bytes of a claim that becomes part of an id (`sub` and what an actor's template names): 256. Percent-encoded it has to fit
/// an actor's id, which is at most 512 bytes, all the same.
pub const SUBJECT_BYTES_MAX: usize = 256;

/// Bytes of a token's `jti`: 256. It is kept for as long as a session, and in the list of what was revoked.
pub const TOKEN_ID_BYTES_MAX: usize = 256;

/// Bytes of a key's `kid`: 256; issuers use thumbprints of 43 characters.
pub const KEY_ID_BYTES_MAX: usize = 256;

/// Bytes of `issuer`, of `audience` and of the name of a claim: 1 KiB, longer than any URL that people write.
pub const NAME_BYTES_MAX: usize = 1024;

/// Latest time that a claim can name, in seconds since 1970: the end of the year 9999, as RFC 3339 can write it.
pub const TIME_SECONDS_MAX: i64 = 253_402_300_799;

/// Audiences of one token: 64, each compared with every audience of its issuer.
pub const AUDIENCES_MAX: usize = 64;

/// Issuers of one app: 64. All of them are fetched within the time in which a withdrawn key has to be known.
pub const ISSUERS_MAX: usize = 64;

/// Rules of one issuer that give scopes: 256.
pub const GRANTS_MAX: usize = 256;

/// Time by which clocks of issuer and host may differ, where the issuer's entry says nothing: 30 s.
pub const LEEWAY_DEFAULT: Duration = Duration::from_secs(30);

/// Largest `leeway`: 5 min. A token that expired is good for that much longer.
pub const LEEWAY_MAX: Duration = Duration::from_secs(300);

/// Time for which a fetched set of keys is used while it cannot be fetched again, where the issuer's entry says nothing: 24 h.
/// Past it nothing of that issuer is accepted.
pub const KEYS_AGE_DEFAULT: Duration = Duration::from_secs(24 * 3600);

/// Shortest such time: 60 s, three fetches; a shorter one would close an issuer between two of them.
pub const KEYS_AGE_MIN: Duration = Duration::from_secs(60);

/// Bytes of a set of keys: 256 KiB. Sets that issuers serve have 1 to 40 KiB.
pub const KEYS_BYTES_MAX: usize = 256 * 1024;

/// Keys of one issuer: 64; issuers serve two to ten.
pub const KEYS_MAX: usize = 64;

/// Bits of an RSA modulus: at least 2 048 (RFC 7518 section 3.3).
pub const RSA_BITS_MIN: usize = 2048;

/// Bits of an RSA modulus: at most 8 192. Verifying takes longer with each, and a set of keys comes from outside.
pub const RSA_BITS_MAX: usize = 8192;

/// Bytes of a shared secret: at least 32 (RFC 7518 section 3.2 asks for as many as the hash of `HS256` has), and for `HS384`
/// and `HS512` 48 and 64.
pub const SECRET_BYTES_MIN: usize = 32;

/// Time between two fetches of an issuer's keys: 20 s. With [`FETCH_TIMEOUT_DEFAULT`] and [`FETCHES_AT_ONCE`] a key that is
/// withdrawn is known after some 40 s at most, even where every issuer of [`ISSUERS_MAX`] is slow.
pub const FETCH_INTERVAL: Duration = Duration::from_secs(20);

/// Time between two fetches that unknown keys ask for: 10 s. A token with an invented `kid` costs its issuer no more than that.
pub const FETCH_ON_DEMAND_INTERVAL: Duration = Duration::from_secs(10);

/// Time between two looks at a file of keys: 2 s.
pub const FILE_INTERVAL: Duration = Duration::from_secs(2);

/// Time that one fetch may take, from the lookup of the name to the last byte: 5 s.
pub const FETCH_TIMEOUT_DEFAULT: Duration = Duration::from_secs(5);

/// Fetches at the same time: 16, a thread each while they take.
pub const FETCHES_AT_ONCE: usize = 16;

/// Bytes of a file of certificates of authorities: 4 MiB; that of a system has 0.2.
pub const AUTHORITIES_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Bytes of the head of an answer to a fetch: 16 KiB.
pub const RESPONSE_HEAD_BYTES_MAX: usize = 16 * 1024;

/// Time between two looks at the file of revocations: 1 s.
pub const REVOCATIONS_INTERVAL: Duration = Duration::from_secs(1);

/// Revocations of one app: 65 536, some 20 MB in memory.
pub const REVOCATIONS_MAX: usize = 65_536;

/// Bytes of one line of the file of revocations: 4 KiB, three times what the longest names make.
pub const REVOCATION_BYTES_MAX: usize = 4 * 1024;

/// Bytes of the file of revocations: 64 MiB.
pub const REVOCATIONS_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Time for which somebody who revokes waits for another who does: 2 s.
pub const REVOCATIONS_LOCK_WAIT: Duration = Duration::from_secs(2);

/// Life of a development token, where nothing is said: 1 h.
pub const DEVELOPMENT_LIFE_DEFAULT: Duration = Duration::from_secs(3600);

/// Longest life of a development token: 24 h.
pub const DEVELOPMENT_LIFE_MAX: Duration = Duration::from_secs(24 * 3600);
