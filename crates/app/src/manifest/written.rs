//! Entries as they are written: one plain struct a kind, its fields the keys of the vocabulary that are read.
//!
//! Nothing is resolved here: names are text, what is not given is `None`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::quantity::{Bytes, Time, TimeOrNone};

/// One entry of a kind that is read.
#[derive(Debug)]
pub(crate) enum Written {
    Host(Host),
    Definition(Box<Definition>),
    Library(Library),
    Service(Box<Service>),
    Tenant(Tenant),
    Scope(Scope),
    Issuer(Box<Issuer>),
    AuditLog(AuditLog),
}

#[derive(Debug, Deserialize)]
pub(crate) struct Host {
    #[serde(default)]
    pub(crate) host: HostBounds,
}

#[derive(Debug, Default, Deserialize)]
pub(crate) struct HostBounds {
    pub(crate) workers: Option<u32>,
    pub(crate) max_processes: Option<u32>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Definition {
    pub(crate) source: String,
    pub(crate) method: Option<String>,
    #[serde(default)]
    pub(crate) modules: Vec<String>,
    #[serde(default)]
    pub(crate) imports: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) limits: Limits,
    pub(crate) isolation: Option<String>,
    #[serde(default)]
    pub(crate) shared: bool,
}

#[derive(Debug, Default, Deserialize)]
pub(crate) struct Limits {
    pub(crate) memory: Option<Bytes>,
    pub(crate) cpu: Option<Time>,
    pub(crate) cpu_total: Option<Time>,
    pub(crate) mailbox: Option<u32>,
    pub(crate) lifetime: Option<Time>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Library {
    pub(crate) source: String,
    #[serde(default)]
    pub(crate) modules: Vec<String>,
    #[serde(default)]
    pub(crate) imports: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) shared: bool,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Service {
    pub(crate) process: String,
    pub(crate) host: Option<String>,
    pub(crate) input: Option<Json>,
    pub(crate) security: Option<Security>,
    #[serde(default)]
    pub(crate) lifecycle: Lifecycle,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Security {
    pub(crate) actor: Option<Actor>,
    pub(crate) scopes: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Actor {
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) meta: BTreeMap<String, String>,
}

#[derive(Debug, Default, Deserialize)]
pub(crate) struct Lifecycle {
    #[serde(default)]
    pub(crate) auto_start: bool,
    pub(crate) stop_timeout: Option<Time>,
    pub(crate) stable_threshold: Option<Time>,
    pub(crate) requires: Option<Vec<String>>,
    #[serde(default)]
    pub(crate) restart: Restart,
    pub(crate) depends_on: Option<Vec<String>>,
    pub(crate) security: Option<ReferenceSecurity>,
}

#[derive(Debug, Default, Deserialize)]
pub(crate) struct Restart {
    pub(crate) initial_delay: Option<Time>,
    pub(crate) max_delay: Option<Time>,
    pub(crate) backoff_factor: Option<f64>,
    pub(crate) jitter: Option<f64>,
    pub(crate) max_attempts: Option<u32>,
}

/// Who a service runs as, in the reference system's way.
#[derive(Debug, Deserialize)]
pub(crate) struct ReferenceSecurity {
    pub(crate) actor: Option<Actor>,
    pub(crate) scopes: Option<Vec<String>>,
    pub(crate) groups: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Tenant {
    pub(crate) namespaces: Vec<String>,
    #[serde(default)]
    pub(crate) default_scopes: Vec<String>,
    #[serde(default)]
    pub(crate) quotas: Quotas,
    pub(crate) max_lifetime: Option<Time>,
}

#[derive(Debug, Default, Deserialize)]
pub(crate) struct Quotas {
    pub(crate) processes: Option<u32>,
    pub(crate) memory: Option<Bytes>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Scope {
    pub(crate) policies: Vec<String>,
    #[serde(default)]
    pub(crate) always: bool,
    #[serde(default)]
    pub(crate) replace_shipped_guard: bool,
    #[serde(default)]
    pub(crate) shared: bool,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Issuer {
    pub(crate) issuer: String,
    pub(crate) audience: String,
    pub(crate) algorithms: Vec<String>,
    pub(crate) jwks: Option<String>,
    pub(crate) keys: Option<Vec<IssuerKey>>,
    pub(crate) leeway: Option<TimeOrNone>,
    pub(crate) max_age: Option<Time>,
    pub(crate) jwks_max_age: Option<Time>,
    pub(crate) tenant: String,
    pub(crate) actor: IssuerActor,
    pub(crate) roles: Option<String>,
    #[serde(default)]
    pub(crate) grants: Vec<Grant>,
}

/// A key as RFC 7517 writes it. The names are its own.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct IssuerKey {
    pub(crate) kty: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) kid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) alg: Option<String>,
    #[serde(rename = "use", skip_serializing_if = "Option::is_none")]
    pub(crate) purpose: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) crv: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) x: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) y: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) n: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) e: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) k: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct IssuerActor {
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) tags: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Grant {
    pub(crate) when: Condition,
    pub(crate) grant: Vec<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Condition {
    pub(crate) claim: String,
    pub(crate) contains: Option<String>,
    pub(crate) equals: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct AuditLog {
    pub(crate) path: Option<String>,
    pub(crate) mode: Option<String>,
    pub(crate) key: Option<String>,
    pub(crate) public_key: Option<String>,
    pub(crate) checkpoints: Option<String>,
    #[serde(default)]
    pub(crate) redact: Vec<String>,
    pub(crate) retain: Option<Time>,
    #[serde(default)]
    pub(crate) rotate: Rotate,
}

#[derive(Debug, Default, Deserialize)]
pub(crate) struct Rotate {
    pub(crate) size: Option<Bytes>,
    pub(crate) age: Option<Time>,
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use serde::de::{self, DeserializeOwned, Deserializer, Visitor};

    use super::super::vocabulary::{KINDS, Key, Shape, Sort, Standing};
    use super::*;

    thread_local! {
        static FIELDS: RefCell<Vec<&'static str>> = const { RefCell::new(Vec::new()) };
    }

    /// Answers nothing, and remembers which fields were asked for.
    struct Asked;

    impl<'de> Deserializer<'de> for Asked {
        type Error = de::value::Error;

        fn deserialize_struct<V: Visitor<'de>>(
            self,
            _: &'static str,
            fields: &'static [&'static str],
            _: V,
        ) -> Result<V::Value, Self::Error> {
            FIELDS.with_borrow_mut(|asked| *asked = fields.to_vec());
            Err(de::Error::custom("asked"))
        }

        fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Self::Error> {
            Err(de::Error::custom("not a struct"))
        }

        serde::forward_to_deserialize_any! {
            bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit unit_struct
            newtype_struct seq tuple tuple_struct map enum identifier ignored_any
        }
    }

    fn check<T: DeserializeOwned>(keys: &[Key]) {
        assert!(T::deserialize(Asked).is_err());
        let mut fields = FIELDS.with_borrow(Clone::clone);
        let mut read: Vec<_> = keys.iter().filter(|key| is_read(key)).map(|key| key.name).collect();
        fields.sort_unstable();
        read.sort_unstable();
        assert_eq!(fields, read, "{}", std::any::type_name::<T>());
    }

    fn is_read(key: &Key) -> bool {
        matches!(key.standing, Standing::Required | Standing::Optional | Standing::ReadAs(_))
    }

    fn below<'a>(keys: &'a [Key], name: &str) -> &'a [Key] {
        match keys.iter().find(|key| key.name == name).unwrap().shape {
            Shape::Keys(keys) => keys,
            _ => panic!("`{name}` holds no keys"),
        }
    }

    fn items<'a>(keys: &'a [Key], name: &str) -> &'a [Key] {
        match keys.iter().find(|key| key.name == name).unwrap().shape {
            Shape::List { of: Shape::Keys(keys), .. } => keys,
            _ => panic!("`{name}` is no list of keys"),
        }
    }

    #[test]
    fn the_vocabulary_and_the_structs_know_the_same_keys() {
        for kind in KINDS {
            let keys = kind.keys;
            match kind.sort {
                Sort::Host => {
                    check::<Host>(keys);
                    check::<HostBounds>(below(keys, "host"));
                }
                Sort::Definition => {
                    check::<Definition>(keys);
                    check::<Limits>(below(keys, "limits"));
                }
                Sort::Library => check::<Library>(keys),
                Sort::Service => {
                    check::<Service>(keys);
                    check::<Security>(below(keys, "security"));
                    check::<Actor>(below(below(keys, "security"), "actor"));
                    let lifecycle = below(keys, "lifecycle");
                    check::<Lifecycle>(lifecycle);
                    check::<Restart>(below(lifecycle, "restart"));
                    check::<ReferenceSecurity>(below(lifecycle, "security"));
                    check::<Actor>(below(below(lifecycle, "security"), "actor"));
                }
                Sort::Tenant => {
                    check::<Tenant>(keys);
                    check::<Quotas>(below(keys, "quotas"));
                }
                Sort::Scope => check::<Scope>(keys),
                Sort::Issuer => {
                    check::<Issuer>(keys);
                    check::<IssuerKey>(items(keys, "keys"));
                    check::<IssuerActor>(below(keys, "actor"));
                    let grants = items(keys, "grants");
                    check::<Grant>(grants);
                    check::<Condition>(below(grants, "when"));
                }
                Sort::AuditLog => check::<AuditLog>(keys),
            }
        }
    }
}
