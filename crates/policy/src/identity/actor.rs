//! Actors: the principals of every check.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, OnceLock};

use super::{InvalidIdentity, Session, TenantId};
use crate::limits::{
    ID_BYTES_MAX, ROLES_MAX, TAG_KEY_BYTES_MAX, TAG_VALUE_BYTES_MAX, TAGS_BYTES_MAX, TAGS_MAX,
};

/// Where an actor's identity comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ActorKind {
    /// A person or program with a token.
    User,
    /// A service of the manifest.
    Service,
    /// An operator of the product; only the tenant `system` has any, which the shipped guard enforces.
    Operator,
    /// Made in Lua by `security.new_actor`.
    Derived,
}

impl ActorKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::User, Self::Service, Self::Operator, Self::Derived];

    /// As it stands in an actor's id and in `principal.kind`.
    pub fn text(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Service => "service",
            Self::Operator => "operator",
            Self::Derived => "derived",
        }
    }

    /// The kind of that text.
    pub fn from_text(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.text() == text)
    }
}

/// SHA-256 of all that policies can read of an actor.
pub type Digest = [u8; 32];

/// A principal: its id is `tenant/kind/rest`. Built by the host, never from what a script says about itself.
#[derive(Debug, Clone)]
pub struct Actor {
    id: Arc<str>,
    tenant: TenantId,
    kind: ActorKind,
    verified: bool,
    auth_time: Option<i64>,
    roles: Vec<Arc<str>>,
    tags: BTreeMap<String, String>,
    /// The session of the token that made it, if one did. Not part of what it is: no policy can read it.
    session: Option<Arc<Session>>,
    // INVARIANT: empty while the actor is being built; every `with_` function clears it.
    digest: OnceLock<Digest>,
}

impl Actor {
    /// An actor that nobody verified, without roles or tags. `rest` is the last part of the id; see
    /// [`encode_subject`] for text from outside.
    ///
    /// # Errors
    /// `rest` is empty, or holds octets outside `[A-Za-z0-9._@%/-]`; the id is over 512 bytes.
    pub fn new(tenant: &TenantId, kind: ActorKind, rest: &str) -> Result<Self, InvalidIdentity> {
        let id = format!("{tenant}/{}/{rest}", kind.text());
        if rest.is_empty() || !rest.bytes().all(in_id) {
            let rule = "write `tenant/kind/rest`, the rest in letters, digits and `._@%/-`";
            return Err(InvalidIdentity::new("actor id", &id, rule));
        }
        if id.len() > ID_BYTES_MAX {
            return Err(InvalidIdentity::new("actor id", &id, "at most 512 bytes"));
        }
        Ok(Self::unchecked(tenant, kind, &id))
    }

    /// The actor of that id, `tenant/kind/rest`.
    ///
    /// # Errors
    /// As [`Actor::new`], and for an unknown kind or a tenant that is no tenant's id.
    pub fn parse(id: &str) -> Result<Self, InvalidIdentity> {
        let wrong = |rule| InvalidIdentity::new("actor id", id, rule);
        let mut parts = id.splitn(3, '/');
        let (Some(tenant), Some(kind), Some(rest)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(wrong("write `tenant/kind/rest`"));
        };
        let tenant = TenantId::new(tenant).map_err(|error| wrong(error.rule))?;
        let kind = ActorKind::from_text(kind)
            .ok_or_else(|| wrong("the kind is `user`, `service`, `operator` or `derived`"))?;
        Self::new(&tenant, kind, rest)
    }

    /// The owner of a process of which nothing is known but whose it is.
    pub(crate) fn stand_in(tenant: &TenantId) -> Self {
        Self::unchecked(tenant, ActorKind::Derived, &format!("{tenant}/derived/unknown"))
    }

    fn unchecked(tenant: &TenantId, kind: ActorKind, id: &str) -> Self {
        Self {
            id: Arc::from(id),
            tenant: tenant.clone(),
            kind,
            verified: false,
            auth_time: None,
            roles: Vec::new(),
            tags: BTreeMap::new(),
            session: None,
            digest: OnceLock::new(),
        }
    }

    /// The same, its identity established by a token or the manifest.
    #[must_use]
    pub fn with_verified(mut self) -> Self {
        self.digest = OnceLock::new();
        self.verified = true;
        self
    }

    /// The same, with the time at which it authenticated, in seconds since 1970-01-01 UTC.
    #[must_use]
    pub fn with_auth_time(mut self, seconds: i64) -> Self {
        self.digest = OnceLock::new();
        self.auth_time = Some(seconds);
        self
    }

    /// The same, with these roles (`tenant/role`) instead of those it had; each counts once.
    ///
    /// # Errors
    /// A role of another tenant, of another shape, or more than 64.
    pub fn with_roles<'a>(
        mut self,
        roles: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, InvalidIdentity> {
        self.digest = OnceLock::new();
        self.roles.clear();
        for role in roles {
            let wrong = |rule| InvalidIdentity::new("role", role, rule);
            let (tenant, name) = role.split_once('/').ok_or_else(|| wrong("write `tenant/role`"))?;
            if tenant != self.tenant.as_str() {
                return Err(wrong("a role belongs to its actor's tenant"));
            }
            if name.is_empty() || role.len() > ID_BYTES_MAX || !name.bytes().all(in_id) {
                return Err(wrong("a role is letters, digits and `._@%/-`, at most 512 bytes"));
            }
            self.roles.push(Arc::from(role));
        }
        self.roles.sort();
        self.roles.dedup();
        if self.roles.len() > ROLES_MAX {
            return Err(InvalidIdentity::new("actor", &self.id, "at most 64 roles"));
        }
        Ok(self)
    }

    /// The same, with these tags (claims or meta values) instead of those it had; of one key the last counts.
    ///
    /// # Errors
    /// More than 64 tags, a key over 128 bytes, a value over 1 KiB, or over 4 KiB in all.
    pub fn with_tags(
        mut self,
        tags: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, InvalidIdentity> {
        self.digest = OnceLock::new();
        self.tags.clear();
        for (key, value) in tags {
            if key.len() > TAG_KEY_BYTES_MAX || value.len() > TAG_VALUE_BYTES_MAX {
                let rule = "a key is at most 128 bytes, a value at most 1024";
                return Err(InvalidIdentity::new("tag", &key, rule));
            }
            self.tags.insert(key, value);
        }
        let bytes: usize = self.tags.iter().map(|(key, value)| key.len() + value.len()).sum();
        if self.tags.len() > TAGS_MAX || bytes > TAGS_BYTES_MAX {
            return Err(InvalidIdentity::new("actor", &self.id, "at most 64 tags and 4 KiB of them"));
        }
        Ok(self)
    }

    /// The same, known by a token: whatever runs as it ends with that session.
    #[must_use]
    pub fn with_session(mut self, session: Arc<Session>) -> Self {
        self.session = Some(session);
        self
    }

    /// `tenant/kind/rest`.
    pub fn id(&self) -> &Arc<str> {
        &self.id
    }

    /// Its tenant, and the tenant of every process that runs for it.
    pub fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    /// Where its identity comes from.
    pub fn kind(&self) -> ActorKind {
        self.kind
    }

    /// Whether a token or the manifest established it.
    pub fn verified(&self) -> bool {
        self.verified
    }

    /// When it authenticated, in seconds since 1970-01-01 UTC.
    pub fn auth_time(&self) -> Option<i64> {
        self.auth_time
    }

    /// Its roles (`tenant/role`), in order.
    pub fn roles(&self) -> impl Iterator<Item = &str> {
        self.roles.iter().map(|role| &**role)
    }

    /// Its tags, in order of their keys.
    pub fn tags(&self) -> impl Iterator<Item = (&str, &str)> {
        self.tags.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// The session of the token that made it, if one did.
    pub fn session(&self) -> Option<&Arc<Session>> {
        self.session.as_ref()
    }

    /// The value of one tag.
    pub fn tag(&self, key: &str) -> Option<&str> {
        self.tags.get(key).map(String::as_str)
    }

    /// What tells this actor from every other that policies could treat differently: id, attributes, roles and
    /// tags. Two tokens of one user can carry different roles, so the id alone never does.
    pub fn digest(&self) -> &Digest {
        self.digest.get_or_init(|| audit::digest::sha256(&self.canonical()))
    }

    /// Bytes that it takes in memory, about.
    pub fn bytes(&self) -> usize {
        /// Of a tag or role beside its text: its place in a map or list.
        const PLACE_BYTES: usize = 64;
        let tags = self.tags.iter().map(|(key, value)| key.len() + value.len() + PLACE_BYTES);
        let roles = self.roles.iter().map(|role| role.len() + PLACE_BYTES);
        size_of::<Self>() + self.id.len() + tags.chain(roles).sum::<usize>()
    }

    /// Every part with its length before it, so that no two actors have one text.
    fn canonical(&self) -> Vec<u8> {
        let mut text = Vec::new();
        let mut put = |part: &str| {
            text.extend_from_slice(&part.len().to_le_bytes());
            text.extend_from_slice(part.as_bytes());
        };
        put(&self.id);
        put(if self.verified { "verified" } else { "" });
        put(&self.auth_time.map_or(String::new(), |seconds| seconds.to_string()));
        put(&format!("{} roles, {} tags", self.roles.len(), self.tags.len()));
        self.roles().for_each(&mut put);
        for (key, value) in self.tags() {
            put(key);
            put(value);
        }
        text
    }
}

impl PartialEq for Actor {
    fn eq(&self, other: &Self) -> bool {
        self.digest() == other.digest()
    }
}

impl Eq for Actor {}

impl fmt::Display for Actor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.id)
    }
}

/// Text from outside (a token's `sub`) as the last part of an actor's id: octets outside `[A-Za-z0-9._@-]` are
/// percent-encoded, so that no subject can look like another's id.
pub fn encode_subject(subject: &str) -> String {
    let mut text = String::with_capacity(subject.len());
    for byte in subject.bytes() {
        if byte.is_ascii_alphanumeric() || b"._@-".contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

fn in_id(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"._@%/-".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn acme() -> TenantId {
        TenantId::new("acme").unwrap()
    }

    #[test]
    fn an_actor_id_is_tenant_kind_and_rest() {
        for (id, valid) in [
            ("acme/user/bob@example.org", true),
            ("acme/service/orders/eu", true),
            ("acme/user/", false),
            ("acme/user", false),
            ("acme/root/bob", false),
            ("ACME/user/bob", false),
            ("acme/user/b\u{202e}ob", false),
            ("acme/user/a b", false),
        ] {
            assert_eq!(Actor::parse(id).is_ok(), valid, "{id}");
        }
        assert_eq!(&**Actor::parse("acme/service/a/b").unwrap().id(), "acme/service/a/b");
    }

    #[test]
    fn a_role_belongs_to_its_actors_tenant() {
        let actor = Actor::new(&acme(), ActorKind::User, "bob").unwrap();
        assert!(actor.clone().with_roles(["acme/operator"]).is_ok());
        assert!(actor.clone().with_roles(["other/operator"]).is_err());
        assert!(actor.with_roles(["operator"]).is_err());
    }

    #[test]
    fn two_actors_of_one_id_differ_by_what_policies_can_read() {
        let bob = || Actor::new(&acme(), ActorKind::User, "bob").unwrap();
        let tag = |key: &str, value: &str| bob().with_tags([(key.to_owned(), value.to_owned())]).unwrap();
        let different = [
            bob(),
            bob().with_verified(),
            bob().with_auth_time(1),
            bob().with_roles(["acme/a"]).unwrap(),
            bob().with_roles(["acme/a", "acme/b"]).unwrap(),
            tag("a", "bc"),
            tag("ab", "c"),
        ];
        for (at, one) in different.iter().enumerate() {
            for (other_at, other) in different.iter().enumerate() {
                assert_eq!(one == other, at == other_at, "{one:?} {other:?}");
            }
        }
        assert_eq!(bob().with_roles(["acme/b", "acme/a", "acme/b"]).unwrap(), different[4]);
    }

    #[test]
    fn a_subject_cannot_look_like_another_actors_id() {
        assert_eq!(encode_subject("a/b c%20ü"), "a%2Fb%20c%2520%C3%BC");
        assert_eq!(encode_subject("bob@example.org"), "bob@example.org");
    }
}
