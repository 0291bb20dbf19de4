//! On how many workers a node runs, with which hosts, and what each tenant may use of it.

use std::sync::Arc;
use std::thread;

use actor::{HostSettings, Quotas, WORKERS_MAX};
use policy::{Host, InvalidIdentity, TenantId};

use super::tenant_id;
use crate::manifest::{self, Manifest};

/// Workers, hosts and quotas of a node.
pub(crate) struct Placement {
    /// Worker threads.
    pub(crate) workers: u16,
    /// Every host. The manifest's are the operator's and open to every tenant.
    pub(crate) hosts: Vec<(Arc<Host>, HostSettings)>,
    /// Every tenant, the operator's own with them.
    pub(crate) tenants: Vec<(TenantId, Quotas)>,
}

impl Placement {
    /// The placement that a manifest asks for, on this machine.
    pub(super) fn of(manifest: &Manifest) -> Result<Self, InvalidIdentity> {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let hosts = manifest.hosts.iter().map(|host| {
            let settings = HostSettings {
                workers: host.workers.map_or(u16::MAX, |workers| u16::try_from(workers).unwrap_or(u16::MAX)),
                processes_max: host.processes_max,
            };
            Ok((Arc::new(Host::new(host.id.as_str(), None)?), settings))
        });
        let tenants = manifest.tenants.iter().map(|tenant| {
            let quotas = Quotas {
                processes: tenant.processes_max,
                memory_bytes: tenant.memory_bytes_max.unwrap_or(u64::MAX),
            };
            Ok((tenant_id(&tenant.name)?, quotas))
        });
        let operator = [Ok((TenantId::system(), Quotas::default()))];
        Ok(Self {
            workers: workers(&manifest.hosts, cores),
            hosts: hosts.collect::<Result<_, _>>()?,
            tenants: tenants.chain(operator).collect::<Result<_, _>>()?,
        })
    }
}

/// As many workers as the hosts want together, so that each can have its own, but no more than there are cores.
fn workers(hosts: &[manifest::Host], cores: usize) -> u16 {
    let wanted = |host: &manifest::Host| {
        host.workers.map_or(cores, |workers| usize::try_from(workers).unwrap_or(usize::MAX))
    };
    let together = hosts.iter().map(wanted).fold(0, usize::saturating_add);
    let workers = together.min(cores).clamp(1, WORKERS_MAX);
    u16::try_from(workers).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use crate::identifier::Id;
    use crate::manifest::Host;

    #[test]
    fn there_are_as_many_workers_as_hosts_want_and_cores_give() {
        for (wanted, cores, expected) in [
            (vec![None], 8, 8),
            (vec![Some(2)], 8, 2),
            (vec![Some(2), Some(3)], 8, 5),
            (vec![Some(2), None], 8, 8),
            (vec![Some(64)], 2, 2),
            (vec![None, None], 4_096, 256),
            (vec![], 4, 1),
        ] {
            let host = |workers: &Option<u32>| Host {
                id: Id::join("app", "processes").unwrap(),
                span: None,
                workers: *workers,
                processes_max: 1,
            };
            let hosts: Vec<Host> = wanted.iter().map(host).collect();
            assert_eq!(super::workers(&hosts, cores), expected, "{wanted:?} on {cores}");
        }
    }
}
