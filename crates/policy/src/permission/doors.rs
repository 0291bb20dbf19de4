//! The product's own doors: what its operators and tenants do beside the specification. They are declared and
//! guarded so that policies can be written for them; nothing in this version asks for one.

use std::sync::Arc;

use super::{Fields, Permission, Recorded, Resource, Spec, declared};
use crate::identity::TenantId;
use crate::resource::{Definition, Namespace, Process};
use crate::vocabulary::{EntityType, Group};

/// A door differs from the next in its name and in what it leads to.
macro_rules! door {
    ($(#[$doc:meta])* $name:ident { $(#[$about:meta])* $field:ident: $type:ty => $variant:ident },
     $action:literal, $sentence:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone)]
        pub struct $name {
            $(#[$about])*
            pub $field: $type,
        }

        impl declared::Here for $name {}

        impl Permission for $name {
            const SPEC: Spec = Spec {
                action: $action,
                group: Group::Doors,
                resource: EntityType::$variant,
                doc: $sentence,
                asked_by: &[],
                context: &[],
                recorded: Recorded::Always,
            };

            fn resource(&self) -> Resource<'_> {
                Resource::$variant(&self.$field)
            }

            fn context(&self) -> Fields<'_> {
                Fields::none()
            }
        }
    };
}

door!(
    /// Put new definitions into a namespace.
    DefinitionDeploy {
        /// The namespace.
        namespace: Namespace => Namespace
    },
    "definition.deploy",
    "Put new definitions into a namespace."
);

door!(
    /// Read what a definition is.
    DefinitionRead {
        /// The definition.
        definition: Arc<Definition> => Definition
    },
    "definition.read",
    "Read what a definition is."
);

door!(
    /// Read what a process is and does.
    ProcessRead {
        /// The process.
        process: Arc<Process> => Process
    },
    "process.read",
    "Read what a process is and does."
);

door!(
    /// Read what a tenant's processes log.
    LogRead {
        /// Whose log.
        tenant: TenantId => Tenant
    },
    "log.read",
    "Read what a tenant's processes log."
);

door!(
    /// Read a tenant's audit records.
    AuditRead {
        /// Whose records.
        tenant: TenantId => Tenant
    },
    "audit.read",
    "Read a tenant's audit records."
);

door!(
    /// Read a tenant's policies.
    PolicyRead {
        /// Whose policies.
        tenant: TenantId => Tenant
    },
    "policy.read",
    "Read a tenant's policies."
);

door!(
    /// Change a tenant's policies.
    PolicyWrite {
        /// Whose policies.
        tenant: TenantId => Tenant
    },
    "policy.write",
    "Change a tenant's policies."
);

door!(
    /// Read what a tenant is and uses.
    TenantRead {
        /// The tenant.
        tenant: TenantId => Tenant
    },
    "tenant.read",
    "Read what a tenant is and uses."
);

door!(
    /// Suspend or resume a tenant.
    TenantSuspend {
        /// The tenant.
        tenant: TenantId => Tenant
    },
    "tenant.suspend",
    "Suspend or resume a tenant."
);

door!(
    /// Revoke tokens of a tenant.
    TokenRevoke {
        /// Whose tokens.
        tenant: TenantId => Tenant
    },
    "token.revoke",
    "Revoke tokens of a tenant."
);
