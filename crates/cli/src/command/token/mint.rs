//! `moonward token mint`: keys and tokens for development, and for nothing else.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use diagnostic::visible;
use serde_json::{Map, Value as Json, json};
use token::limits::{DEVELOPMENT_LIFE_DEFAULT, DEVELOPMENT_LIFE_MAX};
use token::{DevelopmentKey, Issuers, Settings, random_id};
use value::parse_duration;

use crate::command::OutputForm;
use crate::exit::Exit;
use crate::fault::Fault;
use crate::print::{Output, Printer};

/// Claims that have an argument of their own, or are the issuer's entry's to say.
const OWN_CLAIMS: [&str; 6] = ["iss", "aud", "sub", "iat", "exp", "jti"];

/// Make a token for development
///
/// With `--new-key` a private key is made instead, in a file that only its owner can read, and its public half is printed: a set
/// of keys for `jwks` of a `security.issuer`, or an item for its `keys`. Only such keys, whose name begins with `development-`, make tokens; an app that
/// accepts one says so whenever it is loaded.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  moonward token mint --new-key my-app/data/development-key.json > my-app/development-keys.json
  moonward token mint my-app --key my-app/data/development-key.json --sub ada
  moonward token mint my-app --key key.json --sub ada --claim 'roles=[\"developer\"]' --ttl 15m")]
pub(crate) struct Mint {
    /// Folder of the app
    #[arg(default_value = ".")]
    app: PathBuf,
    /// Issuer whose token it is to be, as `namespace:name` [default: the app's only one]
    #[arg(long, value_name = "ID")]
    issuer: Option<String>,
    /// Subject of the token
    #[arg(long, value_name = "SUBJECT", required_unless_present = "new_key", value_parser = super::name)]
    sub: Option<String>,
    /// Another claim, its value JSON or else text; can be given more than once
    #[arg(long = "claim", value_name = "NAME=VALUE", value_parser = claim)]
    claims: Vec<(String, Json)>,
    /// How long it is good [default: 1h, at most 24h]
    #[arg(long, value_name = "DURATION", value_parser = life)]
    ttl: Option<Duration>,
    /// File with the development key that signs it
    #[arg(long, value_name = "FILE", required_unless_present = "new_key")]
    key: Option<PathBuf>,
    /// Make a development key in a new file, and print the set of its public half
    #[arg(long, value_name = "FILE", conflicts_with_all = ["issuer", "sub", "claims", "ttl", "key"])]
    new_key: Option<PathBuf>,
    #[command(flatten)]
    pub(super) output: OutputForm,
}

impl Mint {
    /// Makes a key, or a token.
    pub(super) fn run(&self, printer: &Printer) -> Result<Exit, Fault> {
        match (&self.new_key, &self.key, &self.sub) {
            (Some(file), ..) => make_key(file, printer),
            (None, Some(key), Some(subject)) => self.token(key, subject, printer),
            // The parser of arguments lets nothing else through.
            _ => Err(Fault::usage(
                "nothing is to be made",
                "give `--key FILE --sub SUBJECT`, or `--new-key FILE`",
            )),
        }
    }

    fn token(&self, key: &Path, subject: &str, printer: &Printer) -> Result<Exit, Fault> {
        let app = super::load(&self.app)?;
        let now = super::now();
        let issuers = super::issuers(&app, now)?;
        let settings = super::issuer(app.manifest(), &issuers, self.issuer.as_deref())?;
        let key = read_key(key, printer)?;
        let expires_at =
            now + i64::try_from(self.ttl.unwrap_or(DEVELOPMENT_LIFE_DEFAULT).as_secs()).unwrap_or_default();
        let mut claims = Map::new();
        let jti = random_id().map_err(|error| Fault::failed(error.to_string()))?;
        for (name, value) in [
            ("iss", Json::from(settings.issuer.as_str())),
            ("aud", settings.audience.as_str().into()),
            ("sub", subject.into()),
            ("iat", now.into()),
            ("exp", expires_at.into()),
            ("jti", jti.into()),
        ] {
            claims.insert(name.to_owned(), value);
        }
        claims.extend(self.claims.iter().cloned());
        let jwt = key.sign(&claims);
        match printer.output() {
            Output::Text => printer.data(&format!("{jwt}\n"))?,
            Output::Json => printer.json(
                &json!({"token": jwt, "issuer": &*settings.id, "kid": key.kid(), "expires_at": expires_at}),
            )?,
        }
        printer.say(&format!(
            "warning: a development token of `{}`, good until {}: whoever has it is `{}`",
            settings.id,
            super::time(expires_at),
            visible(subject)
        ));
        say_if_refused(&issuers, settings, &jwt, now, printer);
        Ok(Exit::Done)
    }
}

/// Says when the app would not accept what was made.
fn say_if_refused(issuers: &Issuers, settings: &Settings, jwt: &str, now: i64, printer: &Printer) {
    drop(issuers.refresh_for(jwt.as_bytes(), now));
    if let Err(refused) = issuers.authenticate(jwt.as_bytes(), None, now) {
        let cause = refused.cause();
        let help = match cause {
            token::Cause::UnknownKey { .. } | token::Cause::NoKeys(_) => format!(
                "put the public half of the key, which `--new-key` printed, among the keys of `{}` ({}), and `EdDSA` into its `algorithms`",
                settings.id, settings.place
            ),
            other => other.hint().to_owned(),
        };
        printer.say(&format!(
            "warning: this app does not accept it: {}\nhelp: {help}",
            visible(&cause.to_string())
        ));
    }
}

/// Writes a private key where nobody else reads it, and prints the public one.
fn make_key(file: &Path, printer: &Printer) -> Result<Exit, Fault> {
    let path = visible(&file.display().to_string());
    let key = DevelopmentKey::generate().map_err(|error| Fault::failed(error.to_string()))?;
    let unwritten = |error: std::io::Error| {
        let help = "nothing was changed; a file that is there is never written over";
        Fault::failed(format!("`{path}` cannot be made: {error}")).with_help(help)
    };
    if let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(unwritten)?;
    }
    let mut opened =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(file).map_err(unwritten)?;
    let text = format!("{:#}\n", key.private_jwk());
    opened.write_all(text.as_bytes()).and_then(|()| opened.sync_all()).map_err(unwritten)?;
    match printer.output() {
        Output::Text => printer.data(&format!("{}\n", json!({"keys": [key.public_jwk()]})))?,
        Output::Json => {
            printer.json(&json!({"key": key.public_jwk(), "file": file.display().to_string()}))?
        }
    }
    printer.say(&format!(
        "wrote `{path}`: a private key for development, never to be shared or committed\n\
         help: write what was printed into a file that `jwks` of a `security.issuer` names, or its item into `keys`, and \
         `EdDSA` into `algorithms`; whoever has the private key makes tokens of that issuer"
    ));
    Ok(Exit::Done)
}

fn read_key(file: &Path, printer: &Printer) -> Result<DevelopmentKey, Fault> {
    let path = visible(&file.display().to_string());
    let unreadable = |error: std::io::Error| Fault::Malformed {
        message: format!("`{path}` cannot be read: {error}"),
        help: "`moonward token mint --new-key FILE` makes a key",
    };
    let mode = fs::metadata(file).map_err(unreadable)?.permissions().mode();
    if mode & 0o077 != 0 {
        printer.say(&format!("warning: others than its owner can use `{path}`: `chmod 600 {path}`"));
    }
    let text = fs::read(file).map_err(unreadable)?;
    DevelopmentKey::read(&text).map_err(|error| Fault::Malformed {
        message: format!("`{path}` is not a development key: {error}"),
        help: "`moonward token mint --new-key FILE` makes one; keys of a real issuer stay with that issuer",
    })
}

/// `name=value`, the value JSON if it parses, else text.
fn claim(text: &str) -> Result<(String, Json), String> {
    let (name, value) = text.split_once('=').ok_or("write `NAME=VALUE`")?;
    if name.is_empty() {
        return Err("a claim has a name".to_owned());
    }
    if OWN_CLAIMS.contains(&name) {
        return Err(format!("`{name}` is not given as a claim: it follows from the other arguments"));
    }
    Ok((name.to_owned(), serde_json::from_str(value).unwrap_or_else(|_| value.into())))
}

fn life(text: &str) -> Result<Duration, String> {
    match parse_duration(text)? {
        life if life.as_secs() == 0 => Err("must be at least a second".to_owned()),
        life if life > DEVELOPMENT_LIFE_MAX => {
            Err("at most 24h: development tokens are made when they are needed".to_owned())
        }
        life => Ok(life),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{claim, life};

    #[test]
    fn a_claim_is_json_if_it_parses() {
        for (text, expected) in [
            ("roles=[\"a\"]", ("roles", json!(["a"]))),
            ("plan=gold", ("plan", json!("gold"))),
            ("a=b=c", ("a", json!("b=c"))),
            ("n=5", ("n", json!(5))),
            ("e=", ("e", json!(""))),
        ] {
            assert_eq!(claim(text), Ok((expected.0.to_owned(), expected.1)));
        }
        for text in ["roles", "=x", "iss=x", "exp=5", "sub=eve"] {
            assert!(claim(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_development_token_lives_a_day_at_most() {
        assert!(life("24h").is_ok() && life("1s").is_ok());
        assert!(life("25h").is_err() && life("10ms").is_err() && life("0s").is_err());
    }
}
