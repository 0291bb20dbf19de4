//! Forms of text: what a name, an id, a file or a module looks like, in words, as a check, and as a pattern.
//!
//! Only the look of the text is known here; whether the thing exists is asked later.

use token::limits::NAME_BYTES_MAX as LINE_BYTES_MAX;

use crate::identifier::{self, TenantName, in_actor};
use crate::limits::{ACTOR_BYTES_MAX, PATH_BYTES_MAX, TAG_KEY_BYTES_MAX, TAG_VALUE_BYTES_MAX};

/// What introduces a file inside the app.
pub(crate) const FILE: &str = "file://";

/// Modules of the host that `require` can load, where a definition lists them, beside its imports.
pub const MODULES: [&str; 11] =
    ["base64", "channel", "ctx", "errors", "hash", "json", "logger", "process", "security", "time", "uuid"];

/// What a text has to look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Any text.
    Text,
    /// Version of the manifest's own form.
    Version,
    /// Words joined by dots.
    Namespace,
    /// Last part of an id.
    Name,
    /// Name of a tenant.
    Tenant,
    /// Id of an entry of this kind, or its bare name in the same namespace.
    Reference(&'static str),
    /// Id of a service's actor.
    Actor,
    /// Id of a service's actor, or in the reference system's way just a name for it.
    LooseActor,
    /// Key of one tag of an actor.
    TagKey,
    /// Value of one tag of an actor.
    Tag,
    /// Name of a Lua function.
    Function,
    /// Module that `require` loads.
    Module,
    /// Name by which `require` finds a library.
    Alias,
    /// Lua source: a file of the app, or the text itself.
    Script,
    /// A Cedar file of the app.
    Policy,
    /// A folder below the app's.
    Folder,
    /// A file or folder below the app's, or anywhere by its whole path.
    Place,
    /// The same, or `-` for stdout.
    PlaceOrStdout,
    /// What checks an audit log's signatures.
    VerifyingKey,
    /// A member of audit records that is not to be kept.
    RedactPath,
    /// Name of a tenant, the operator's own among them.
    AnyTenant,
    /// What a token has to say, or the name of a claim: compared byte by byte.
    Line,
    /// Last part of the id of a token's actor.
    Template,
    /// Where an issuer's keys are: a URL, or a file of the app.
    KeySet,
    /// A secret's reference.
    Secret,
}

impl Form {
    /// Whether the text is of this form.
    pub(crate) fn fits(self, text: &str) -> bool {
        match self {
            Self::Text => true,
            Self::Version => text == "1.0" || text == "1",
            Self::Namespace => identifier::is_namespace(text),
            Self::Name => identifier::is_name(text),
            Self::Tenant => identifier::is_tenant(text) && text != TenantName::SYSTEM,
            Self::Reference(_) => identifier::Id::within("bare", text).is_some(),
            Self::Actor => is_service_actor(text),
            Self::LooseActor => !text.is_empty() && text.len() <= ACTOR_BYTES_MAX / 4,
            Self::TagKey => !text.is_empty() && text.len() <= TAG_KEY_BYTES_MAX,
            Self::Tag => text.len() <= TAG_VALUE_BYTES_MAX,
            Self::Function => is_word(text, b"_"),
            Self::Module => MODULES.contains(&text),
            Self::Alias => is_word(text, b"_-"),
            Self::Script => match text.strip_prefix(FILE) {
                Some(path) => is_path(path) && path.ends_with(".lua"),
                None => !is_bare_file_name(text),
            },
            Self::Policy => {
                text.strip_prefix(FILE).is_some_and(|path| is_path(path) && path.ends_with(".cedar"))
            }
            Self::Folder => is_path(text),
            Self::Place => is_place(text),
            Self::PlaceOrStdout => text == STDOUT || is_place(text),
            Self::VerifyingKey => text.parse::<audit::VerifyingKey>().is_ok(),
            Self::RedactPath => audit::Redaction::of([text]).is_ok(),
            Self::AnyTenant => identifier::is_tenant(text),
            Self::Line => {
                !text.is_empty() && text.len() <= LINE_BYTES_MAX && !text.chars().any(char::is_control)
            }
            Self::Template => token::Template::parse(text).is_ok(),
            Self::KeySet => match text.strip_prefix(FILE) {
                Some(path) => is_path(path) && path.ends_with(".json"),
                None => token::check_url(text).is_ok(),
            },
            Self::Secret => variable(text).is_some(),
        }
    }

    /// What is expected, in words.
    pub(crate) fn expected(self) -> String {
        match self {
            Self::Text => "text".into(),
            Self::Version => "version `1.0`".into(),
            Self::Namespace => {
                "words of letters, digits, `_` and `-` joined by `.`, at most 128 bytes".into()
            }
            Self::Name => "letters, digits, `.`, `_` and `-`, at most 128".into(),
            Self::Tenant => "small letters, digits and `-`, at most 64, and not `system`".into(),
            Self::Reference(kind) => format!("the id of a {kind}, such as `acme.workers:handler`"),
            Self::Actor => "the id of a service's actor, such as `acme/service/orders`".into(),
            Self::LooseActor => "the name of an actor, at most 128 bytes".into(),
            Self::TagKey => format!("a key of at most {TAG_KEY_BYTES_MAX} bytes"),
            Self::Tag => format!("text of at most {TAG_VALUE_BYTES_MAX} bytes"),
            Self::Function => "the name of a Lua function, at most 64 letters, digits and `_`".into(),
            Self::Module => format!("one of {}", quoted(&MODULES)),
            Self::Alias => "a name for `require`, at most 64 letters, digits, `_` and `-`".into(),
            Self::Script => "`file://NAME.lua` in or below this folder, or Lua text".into(),
            Self::Policy => "`file://NAME.cedar` in or below this folder".into(),
            Self::Folder => "a folder below the app's, such as `data/audit`".into(),
            Self::Place => {
                "a path below the app's folder, or a whole one, such as `/etc/moonward/audit.ed25519`".into()
            }
            Self::PlaceOrStdout => "a folder below the app's, a whole path, or `-` for stdout".into(),
            Self::VerifyingKey => {
                "a verifier key, `moonward.audit+` and what follows, as `moonward audit rotate-key` prints it"
                    .into()
            }
            Self::RedactPath => {
                "a member of audit records, such as `context.topic` or `asserted_by.login`".into()
            }
            Self::AnyTenant => "small letters, digits and `-`, at most 64".into(),
            Self::Line => format!("text of 1 to {LINE_BYTES_MAX} bytes without control characters"),
            Self::Template => "a template such as `user/{sub}`".into(),
            Self::KeySet => "an `https://` URL, or `file://NAME.json` in or below this folder".into(),
            Self::Secret => "`${env:NAME}`: a secret is never written into a manifest".into(),
        }
    }

    /// The next step for a text that does not fit, where there is a better one than the words above.
    pub(crate) fn help(self, text: &str) -> Option<String> {
        match self {
            Self::Module => {
                diagnostic::did_you_mean(text, MODULES).map(|module| format!("did you mean `{module}`?"))
            }
            Self::Script if text.starts_with(FILE) => Some(NO_WAY_OUT.into()),
            Self::Policy if text.starts_with(FILE) => Some(NO_WAY_OUT.into()),
            Self::Script => Some(format!("write `{FILE}{text}`")),
            Self::Policy if is_path(text) => Some(format!("write `{FILE}{text}`")),
            Self::Actor if text.split('/').nth(1) == Some("operator") => {
                Some("an operator is somebody with a token, never a service".into())
            }
            Self::Folder => Some("`--log DIR` puts the log anywhere for one run".into()),
            Self::RedactPath => audit::Redaction::of([text]).err().map(|error| error.to_string()),
            Self::Template => token::Template::parse(text).err().map(|error| error.to_string()),
            Self::KeySet if text.starts_with(FILE) => Some(NO_WAY_OUT.into()),
            Self::KeySet if is_path(text) => Some(format!("write `{FILE}{text}`")),
            Self::KeySet => token::check_url(text).err().map(|error| error.to_string()),
            _ => None,
        }
    }

    /// The form as a regular expression of JSON Schema, where it is one.
    pub(crate) fn pattern(self) -> Option<&'static str> {
        match self {
            Self::Text | Self::LooseActor | Self::TagKey | Self::Tag | Self::Script | Self::Line => None,
            Self::Version => Some(r"^1(\.0)?$"),
            Self::Namespace => Some(r"^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$"),
            Self::Name => Some(r"^[A-Za-z0-9._-]{1,128}$"),
            Self::Tenant => Some(r"^[a-z0-9-]{1,64}$"),
            Self::Reference(_) => Some(r"^([A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*:)?[A-Za-z0-9._-]{1,128}$"),
            Self::Actor => Some(r"^[a-z0-9-]{1,64}/service/[A-Za-z0-9._@%/-]+$"),
            Self::Function => Some(r"^[A-Za-z_][A-Za-z0-9_]{0,63}$"),
            Self::Module => None,
            Self::Alias => Some(r"^[A-Za-z_][A-Za-z0-9_-]{0,63}$"),
            Self::Policy => Some(r"^file://[^%?#\\]+\.cedar$"),
            Self::Folder => Some(r"^[^/%?#\\][^%?#\\]*$"),
            Self::Place | Self::PlaceOrStdout => Some(r"^[^%?#\\]+$"),
            Self::VerifyingKey => Some(r"^moonward\.audit\+[0-9a-f]{8}\+[A-Za-z0-9+/]{43}=$"),
            Self::RedactPath => Some(r"^[a-z_]+(\.[^.]+)*$"),
            Self::AnyTenant => Some(r"^[a-z0-9-]{1,64}$"),
            Self::Template => Some(r"^(user|operator)/.*\{[A-Za-z0-9._:-]+\}.*$"),
            Self::KeySet => Some(r"^(https?://.+|file://[^%?#\\]+\.json)$"),
            Self::Secret => Some(r"^\$\{env:[A-Za-z_][A-Za-z0-9_]*\}$"),
        }
    }
}

/// Stands for stdout where a place is asked for.
pub(crate) const STDOUT: &str = "-";

const NO_WAY_OUT: &str =
    "a file is named from this folder downwards: no `..`, no leading `/`, none of `%`, `?`, `#`, `\\`";

/// The environment variable that `${env:NAME}` names.
pub(crate) fn variable(text: &str) -> Option<&str> {
    text.strip_prefix("${env:")?.strip_suffix('}').filter(|name| is_word(name, b"_"))
}

/// Texts in backticks, with commas between.
pub(crate) fn quoted(texts: &[&str]) -> String {
    texts.iter().map(|text| format!("`{text}`")).collect::<Vec<_>>().join(", ")
}

/// `tenant/service/rest`, rest without empty parts.
fn is_service_actor(text: &str) -> bool {
    let mut parts = text.splitn(3, '/');
    let (Some(tenant), Some(kind), Some(rest)) = (parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    identifier::is_tenant(tenant)
        && kind == "service"
        && text.len() <= ACTOR_BYTES_MAX
        && rest.split('/').all(|part| !part.is_empty())
        && rest.bytes().all(in_actor)
}

/// A letter or `_`, then letters, digits and these.
fn is_word(text: &str, also: &[u8]) -> bool {
    let first = text.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    first && text.len() <= 64 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || also.contains(&byte))
}

/// Components joined by `/` that lead nowhere but down.
pub(crate) fn is_path(text: &str) -> bool {
    let plain = |character: char| !character.is_control() && !"\\%?#".contains(character);
    text.len() <= PATH_BYTES_MAX
        && text.chars().all(plain)
        && text.split('/').all(|component| !["", ".", ".."].contains(&component))
}

/// A path that leads nowhere but down, from the app's folder or from the root.
fn is_place(text: &str) -> bool {
    text != STDOUT && is_path(text.strip_prefix('/').unwrap_or(text))
}

/// A file's name where `file://` was forgotten: no Lua program is one line that ends in `.lua`.
fn is_bare_file_name(text: &str) -> bool {
    text.trim_end().ends_with(".lua") && !text.trim_end().contains(['\n', ' '])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_takes_its_own_and_nothing_else() {
        for (form, fitting, unfitting) in [
            (
                Form::Script,
                &["file://a.lua", "file://a/b.lua", "return 1", ""][..],
                &[
                    "file://../a.lua",
                    "file:///etc/a.lua",
                    "file://a//b.lua",
                    "file://a.txt",
                    "file://./a.lua",
                    "file://a%2e.lua",
                    "file://a.lua?x",
                    "file://a\\b.lua",
                    "file://",
                    "worker.lua",
                ][..],
            ),
            (
                Form::Policy,
                &["file://a.cedar"],
                &["a.cedar", "permit(principal, action, resource);", "file://a.lua"],
            ),
            (Form::Folder, &["data/audit"], &["/var/log", "../log", "", "data/"]),
            (Form::Place, &["data/key", "/etc/key"], &["../key", "", "/", "/etc/../key", "-"]),
            (Form::PlaceOrStdout, &["-", "/mnt/checkpoints"], &["../key", ""]),
            (
                Form::VerifyingKey,
                &["moonward.audit+c95e1cd4+ATYn3lW6FDO65ThTKGH5S3SU+0ZugLF866mQQz4uxXOp"],
                &[
                    "",
                    "moonward.audit",
                    "moonward.audit+00000000+ATYn3lW6FDO65ThTKGH5S3SU+0ZugLF866mQQz4uxXOp",
                ],
            ),
            (Form::RedactPath, &["context.topic", "asserted_by.login"], &["tenant", "nonsense", "context."]),
            (
                Form::Actor,
                &["acme/service/orders", "acme/service/a/b"],
                &[
                    "acme/operator/root",
                    "acme/user/bob",
                    "acme/service/",
                    "acme/service/a//b",
                    "orders",
                    "ACME/service/x",
                ],
            ),
            (Form::Function, &["main", "_m1"], &["", "1m", "a.b", "a-b"]),
            (Form::Module, &["time", "process"], &["http", "io", "Time"]),
            (Form::Tenant, &["acme"], &["system", "Acme", ""]),
            (Form::AnyTenant, &["acme", "system"], &["Acme", ""]),
            (Form::Template, &["user/{sub}", "operator/{sub}"], &["{sub}", "service/{sub}", "user/bob"]),
            (
                Form::KeySet,
                &["https://idp.example.org/jwks", "http://127.0.0.1:1/", "file://keys/idp.json"],
                &[
                    "http://idp.example.org/",
                    "file://../x.json",
                    "file:///x.json",
                    "keys.json",
                    "file://x.yaml",
                ],
            ),
            (
                Form::Secret,
                &["${env:KEY}", "${env:k_1}"],
                &["secret", "${env:}", "${env:a b}", "${KEY}", "$KEY", ""],
            ),
            (Form::Version, &["1.0", "1"], &["2.0", "1.0.0"]),
        ] {
            for text in fitting {
                assert!(form.fits(text), "{form:?} {text}");
            }
            for text in unfitting {
                assert!(!form.fits(text), "{form:?} {text}");
            }
        }
    }
}
