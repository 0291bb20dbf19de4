//! `moonward token`: why a token becomes this actor with these scopes, tokens for development, and revocation.

mod explained;
mod inspect;
mod mint;
mod revoke;

use std::io::{self, Read as _};
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use app::{App, Manifest};
use clap::{Args, Subcommand};
use diagnostic::{Diagnostic, Span};
use token::limits::TOKEN_BYTES_MAX;
use token::{Issuers, Settings, system_clock};

use crate::exit::Exit;
use crate::fault::Fault;
use crate::print::{Output, Printer};

/// Explain, make and revoke tokens
///
/// Whose tokens an app accepts, and what their claims are worth, is in its `security.issuer` entries.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  moonward token inspect - my-app < token.txt
  moonward token mint --new-key my-app/data/development-key.json > my-app/development-keys.json
  moonward token mint my-app --key my-app/data/development-key.json --sub ada
  moonward token revoke my-app --issuer app:idp --sub ada")]
pub(crate) struct Token {
    #[command(subcommand)]
    which: Which,
}

#[derive(Debug, Subcommand)]
enum Which {
    Inspect(inspect::Inspect),
    Mint(mint::Mint),
    Revoke(revoke::Revoke),
}

impl Token {
    /// The form in which data is wanted.
    pub(super) fn output(&self) -> Output {
        match &self.which {
            Which::Inspect(inspect) => inspect.output.output,
            Which::Mint(mint) => mint.output.output,
            Which::Revoke(revoke) => revoke.output.output,
        }
    }

    /// Does it.
    pub(super) fn run(self, printer: &Printer) -> Result<Exit, Fault> {
        match self.which {
            Which::Inspect(inspect) => inspect.run(printer),
            Which::Mint(mint) => mint.run(printer),
            Which::Revoke(revoke) => revoke.run(printer),
        }
    }
}

/// The token that was given; `-` stands for what stdin has, without the line break at its end.
///
/// # Errors
/// Stdin cannot be read.
pub(super) fn given(text: &str) -> Result<Vec<u8>, Fault> {
    if text != "-" {
        return Ok(text.as_bytes().to_vec());
    }
    let mut jwt = Vec::new();
    // A little more than the bound, so that it can be told.
    let bytes_max = u64::try_from(TOKEN_BYTES_MAX * 2).unwrap_or(u64::MAX);
    let read = io::stdin().take(bytes_max).read_to_end(&mut jwt);
    read.map_err(|error| Fault::failed(format!("stdin cannot be read: {error}")))?;
    while jwt.last().is_some_and(|byte| b"\r\n".contains(byte)) {
        jwt.pop();
    }
    Ok(jwt)
}

/// The time, in seconds since 1970.
fn now() -> i64 {
    system_clock()()
}

/// A time in seconds since 1970 as people write it.
fn time(seconds: i64) -> String {
    let since = Duration::from_secs(u64::try_from(seconds).unwrap_or_default());
    let time = UNIX_EPOCH.checked_add(since);
    time.map_or_else(|| seconds.to_string(), |time| value::rfc3339_seconds(time).to_string())
}

/// An app, whatever it warns of: `check`, `run` and `call` say that.
fn load(folder: &Path) -> Result<App, Fault> {
    App::load(folder).map(|(app, _)| app).map_err(Fault::Invalid)
}

/// The issuers of an app.
fn issuers(app: &App, now: i64) -> Result<Issuers, Fault> {
    app.issuers(now).map_err(|invalid| Fault::failed(invalid.to_string()))
}

/// A subject or a `jti`: no token has an empty one.
fn name(text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Err("expected text of at least one character".to_owned());
    }
    Ok(text.to_owned())
}

/// The issuer of that id; without one the only one there is.
fn issuer<'a>(manifest: &Manifest, issuers: &'a Issuers, id: Option<&str>) -> Result<&'a Settings, Fault> {
    let known: Vec<&Settings> = issuers.settings().collect();
    let names = || known.iter().map(|settings| format!("`{}`", settings.id)).collect::<Vec<_>>().join(", ");
    match (id, known.as_slice()) {
        (_, []) => Err(no_issuer(manifest)),
        (None, [only]) => Ok(only),
        (None, _) => Err(Fault::usage(
            format!("the app has more than one issuer: {}", names()),
            "name one with `--issuer ID`",
        )),
        (Some(id), _) => known.iter().find(|settings| *settings.id == *id).copied().ok_or_else(|| {
            let nearest = diagnostic::did_you_mean(id, known.iter().map(|settings| &*settings.id));
            let help = nearest.map_or_else(
                || format!("there are: {}", names()),
                |nearest| format!("did you mean `{nearest}`?"),
            );
            Fault::usage(format!("the app has no issuer `{id}`"), help)
        }),
    }
}

/// An app that accepts no token at all: what its manifest would have to say, in its first file.
fn no_issuer(manifest: &Manifest) -> Fault {
    let missing = Diagnostic::error("manifest.issuer", "the app has no `security.issuer`")
        .help("docs/identity.md shows how to write one");
    let manifest = manifest.sources().iter().find(|source| source.path.ends_with(".yaml"));
    Fault::Invalid(vec![match manifest {
        Some(source) => missing.at(Span::line(source, 1)),
        None => missing,
    }])
}

#[cfg(test)]
mod tests {
    use super::time;

    #[test]
    fn a_time_is_shown_in_utc() {
        assert_eq!(time(1_800_000_000), "2027-01-15T08:00:00Z");
        assert_eq!(time(253_402_300_799), "9999-12-31T23:59:59Z");
        // A token may be good to the end of the calendar, and its session for the leeway after that.
        assert_eq!(time(253_402_300_829), "9999-12-31T23:59:59Z");
    }
}
