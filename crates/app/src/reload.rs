//! What another version of an app may not change while it runs.
//!
//! Workers, hosts, quotas, who owns which namespace, the log and the list of services belong to the node. A change of them that were accepted
//! and had no effect would be worse than one that is refused.

use std::collections::BTreeSet;

use crate::manifest::{AuditLog, Manifest};

/// The first thing that is not as it was at the start, in words.
pub(crate) fn fixed_at_start(before: &Manifest, after: &Manifest) -> Option<String> {
    let hosts = |manifest: &Manifest| {
        let hosts = manifest.hosts.iter();
        sorted(hosts.map(|host| (host.id.to_string(), (host.workers, host.processes_max))))
    };
    let tenants = |manifest: &Manifest| {
        let tenants = manifest.tenants.iter();
        sorted(tenants.map(|tenant| {
            let namespaces: BTreeSet<String> = tenant.namespaces.iter().cloned().collect();
            (tenant.name.to_string(), (tenant.processes_max, tenant.memory_bytes_max, namespaces))
        }))
    };
    let services = |manifest: &Manifest| {
        let services = manifest.services.iter();
        sorted(services.map(|service| {
            let requires: Vec<_> = service.requires.iter().map(|id| id.value.clone()).collect();
            let terms = (service.auto_start, requires, service.restart.clone(), service.stable_threshold);
            (service.id.to_string(), terms)
        }))
    };
    let log = |manifest: &Manifest| AuditLog { span: None, ..manifest.audit_log.clone() };
    difference("host", &hosts(before), &hosts(after))
        .or_else(|| difference("tenant", &tenants(before), &tenants(after)))
        .or_else(|| difference("service", &services(before), &services(after)))
        .or_else(|| (log(before) != log(after)).then(|| "the audit log is another".to_owned()))
}

fn sorted<T>(named: impl Iterator<Item = (String, T)>) -> Vec<(String, T)> {
    let mut named: Vec<_> = named.collect();
    named.sort_by(|(one, _), (other, _)| one.cmp(other));
    named
}

fn difference<T: PartialEq>(what: &str, before: &[(String, T)], after: &[(String, T)]) -> Option<String> {
    let find = |list: &[(String, T)], name: &str| list.iter().position(|(candidate, _)| candidate == name);
    for (name, terms) in before {
        match find(after, name).and_then(|at| after.get(at)) {
            None => return Some(format!("{what} `{name}` is gone")),
            Some((_, changed)) if changed != terms => return Some(format!("{what} `{name}` is changed")),
            Some(_) => {}
        }
    }
    let added = after.iter().find(|(name, _)| find(before, name).is_none());
    added.map(|(name, _)| format!("{what} `{name}` is new"))
}
