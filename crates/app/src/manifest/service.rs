//! Services made into what they mean: who they run as, where, with which arguments, and how they start again.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value as Json;
use value::{VALUE_NODES_MAX, VALUES_MAX, Value};

use super::entry::{Located, Restart, Service};
use super::form::Form;
use super::gather::Entry;
use super::quantity::Time;
use super::resolve::Resolver;
use super::written;
use crate::findings::Findings;
use crate::identifier::{Id, TenantName};
use crate::limits::{
    RESTART_BACKOFF_FACTOR_DEFAULT, RESTART_INITIAL_DELAY_DEFAULT_MS, RESTART_JITTER_DEFAULT,
    RESTART_MAX_DELAY_DEFAULT_MS, STABLE_THRESHOLD_DEFAULT_MS, STOP_TIMEOUT_DEFAULT_MS, TAGS_BYTES_MAX,
    TAGS_MAX,
};

/// Who a service runs as.
struct Identity {
    tenant: TenantName,
    actor: Located<String>,
    tags: BTreeMap<String, String>,
    scopes: Vec<Located<Id>>,
}

impl Resolver<'_> {
    /// Adds a service, unless something it says of itself is wrong.
    pub(super) fn service(&mut self, entry: &Entry, written: &written::Service) {
        let lifecycle = &written.lifecycle;
        let identity = self.identity(entry, written);
        let definition = self.id(entry, "process", &written.process);
        let host = self.host(entry, written.host.as_deref());
        let arguments = arguments(entry, written.input.as_ref(), self.findings);
        let requires = self.requires(entry, lifecycle);
        let restart = restart(entry, &lifecycle.restart, self.findings);
        let (Some(identity), Some(definition), Some(host), Some(arguments)) =
            (identity, definition, host, arguments)
        else {
            return;
        };
        self.manifest.services.push(Service {
            id: entry.id.clone(),
            span: entry.span(""),
            tenant: identity.tenant,
            definition,
            host,
            arguments,
            actor: identity.actor,
            tags: identity.tags,
            scopes: identity.scopes,
            auto_start: lifecycle.auto_start,
            stop_timeout: or_default(lifecycle.stop_timeout, STOP_TIMEOUT_DEFAULT_MS),
            stable_threshold: or_default(lifecycle.stable_threshold, STABLE_THRESHOLD_DEFAULT_MS),
            requires,
            restart,
        });
    }

    /// Its actor and scopes: of its `security`, or of what the reference system has instead, or by default.
    fn identity(&mut self, entry: &Entry, written: &written::Service) -> Option<Identity> {
        let (actor, path, scopes, scopes_path) = match (&written.security, &written.lifecycle.security) {
            (Some(_), Some(_)) => {
                let message = "`security` is given twice: `lifecycle.security` is read as it";
                self.twice(entry, "lifecycle.security", message);
                return None;
            }
            (Some(own), None) => {
                (own.actor.as_ref(), "security.actor", own.scopes.as_ref(), "security.scopes")
            }
            (None, Some(other)) => {
                let (scopes, path) = match (&other.scopes, &other.groups) {
                    (Some(_), Some(_)) => {
                        let message = "`scopes` is given twice: `groups` is read as it";
                        self.twice(entry, "lifecycle.security.groups", message);
                        return None;
                    }
                    (Some(scopes), None) => (Some(scopes), "lifecycle.security.scopes"),
                    (None, groups) => (groups.as_ref(), "lifecycle.security.groups"),
                };
                (other.actor.as_ref(), "lifecycle.security.actor", scopes, path)
            }
            (None, None) => (None, "", None, ""),
        };
        let tags = actor.map(|actor| actor.meta.clone()).unwrap_or_default();
        let bytes: usize = tags.iter().map(|(key, value)| key.len() + value.len()).sum();
        if tags.len() > TAGS_MAX || bytes > TAGS_BYTES_MAX {
            let message = format!(
                "`meta` is {} tags of {bytes} bytes, at most {TAGS_MAX} and {TAGS_BYTES_MAX} bytes allowed",
                tags.len()
            );
            self.findings.push(entry.error("manifest.length", &format!("{path}.meta"), message));
        }
        let (tenant, actor) = self.actor(entry, path, actor)?;
        let scopes = match scopes {
            Some(scopes) => self.ids(entry, scopes_path, scopes),
            None => {
                let tenant = self.manifest.tenants.iter().find(|candidate| candidate.name == tenant);
                tenant.map(|tenant| tenant.default_scopes.clone()).unwrap_or_default()
            }
        };
        Some(Identity { tenant, actor, tags, scopes })
    }

    /// The actor and its tenant: the owner of the namespace, or in the operator's own namespaces any tenant.
    fn actor(
        &mut self,
        entry: &Entry,
        path: &str,
        written: Option<&written::Actor>,
    ) -> Option<(TenantName, Located<String>)> {
        let owner = self.tenancy.owner(entry.id.namespace());
        let Some(written) = written else {
            let actor = format!("{owner}/service/{}", entry.id.name());
            return Some((owner, Located { value: actor, span: entry.span("") }));
        };
        let path = format!("{path}.id");
        let span = entry.span(&path);
        if !written.id.contains('/') {
            // No name can look like another's id.
            let value = format!("{owner}/service/{}", policy::encode_subject(&written.id));
            return Some((owner, Located { value, span }));
        }
        let allowed =
            |tenant: &TenantName| *tenant == owner || (owner.is_system() && self.tenancy.knows(tenant));
        let named = written.id.split('/').next().and_then(TenantName::new).filter(allowed);
        if let (Some(tenant), true) = (named, Form::Actor.fits(&written.id)) {
            return Some((tenant, Located { value: written.id.clone(), span }));
        }
        let message = format!("`{}` cannot be the actor of a service of tenant `{owner}`", written.id);
        let help = match self.tenancy.is_declared() {
            true => format!("write `{owner}/service/NAME`"),
            false => format!("write `{owner}/service/NAME`, or declare the tenant"),
        };
        self.findings.push(entry.error("manifest.actor", &path, message).help(help));
        None
    }

    /// The host that is named, or the only one there is.
    fn host(&mut self, entry: &Entry, written: Option<&str>) -> Option<Located<Id>> {
        if let Some(host) = written {
            return self.id(entry, "host", host);
        }
        if let [only] = self.manifest.hosts.as_slice() {
            return Some(Located { value: only.id.clone(), span: entry.span("") });
        }
        let message = "key `host` is missing: the app has more than one";
        self.findings.push(entry.error("manifest.missing-key", "", message));
        None
    }

    fn requires(&mut self, entry: &Entry, lifecycle: &written::Lifecycle) -> Vec<Located<Id>> {
        match (&lifecycle.requires, &lifecycle.depends_on) {
            (Some(_), Some(_)) => {
                let message = "`requires` is given twice: `depends_on` is read as it";
                self.twice(entry, "lifecycle.depends_on", message);
                Vec::new()
            }
            (Some(requires), None) => self.ids(entry, "lifecycle.requires", requires),
            (None, Some(requires)) => self.ids(entry, "lifecycle.depends_on", requires),
            (None, None) => Vec::new(),
        }
    }

    fn twice(&mut self, entry: &Entry, path: &str, message: &str) {
        self.findings.push(entry.error("manifest.duplicate-key", path, message).help("keep one of them"));
    }
}

/// A list is one argument an item, anything else the only argument.
fn arguments(entry: &Entry, input: Option<&Json>, findings: &mut Findings) -> Option<Vec<Value>> {
    let arguments: Vec<Value> = match input {
        None => Vec::new(),
        Some(Json::Array(items)) => items.iter().map(value::from_json).collect(),
        Some(one) => vec![value::from_json(one)],
    };
    let nodes = input.map_or(0, nodes);
    let too_large = match (arguments.len(), nodes) {
        (count, _) if count > VALUES_MAX => {
            format!("`input` is {count} arguments, at most {VALUES_MAX} allowed")
        }
        (_, nodes) if nodes > VALUE_NODES_MAX => {
            format!("`input` is {nodes} tables, keys and values, at most {VALUE_NODES_MAX} allowed")
        }
        _ => return Some(arguments),
    };
    findings.push(entry.error("manifest.length", "input", too_large));
    None
}

/// Tables, keys and leaves. The scan has bounded how deep this goes.
fn nodes(json: &Json) -> usize {
    match json {
        Json::Array(items) => 1 + items.iter().map(nodes).sum::<usize>(),
        Json::Object(keys) => 1 + keys.values().map(|value| 1 + nodes(value)).sum::<usize>(),
        _ => 1,
    }
}

fn restart(entry: &Entry, written: &written::Restart, findings: &mut Findings) -> Restart {
    let restart = Restart {
        initial_delay: or_default(written.initial_delay, RESTART_INITIAL_DELAY_DEFAULT_MS),
        max_delay: or_default(written.max_delay, RESTART_MAX_DELAY_DEFAULT_MS),
        backoff_factor: written.backoff_factor.unwrap_or(RESTART_BACKOFF_FACTOR_DEFAULT),
        jitter: written.jitter.unwrap_or(RESTART_JITTER_DEFAULT),
        attempts_max: written.max_attempts.filter(|attempts| *attempts > 0),
    };
    if restart.max_delay < restart.initial_delay {
        let (first, longest) = (restart.initial_delay, restart.max_delay);
        let show = humantime::format_duration;
        let message = format!(
            "`initial_delay` is {}, longer than `max_delay`, which is {}",
            show(first),
            show(longest)
        );
        let path = if written.max_delay.is_some() { "max_delay" } else { "initial_delay" };
        findings.push(entry.error("manifest.value", &format!("lifecycle.restart.{path}"), message));
    }
    restart
}

fn or_default(time: Option<Time>, default_ms: u64) -> Duration {
    time.map_or(Duration::from_millis(default_ms), |time| time.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_are_tables_keys_and_leaves() {
        let json = serde_json::json!({"a": [1, 2], "b": {}});
        assert_eq!(nodes(&json), 7);
    }
}
