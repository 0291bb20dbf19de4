//! A service ready to be started: who it runs as, under which scopes, what and where.

use std::sync::Arc;
use std::time::Duration;

use policy::{Actor, InvalidIdentity, ScopeSet, Via};
use sandbox::{Catalogue, StartRequest};
use value::Value;

use super::scope_set;
use crate::identifier::Id;
use crate::manifest::Service;

/// What every start of a service takes. When it is started is the manifest's entry to say.
pub(crate) struct Supervised {
    pub(crate) id: Id,
    pub(crate) actor: Arc<Actor>,
    pub(crate) scopes: ScopeSet,
    /// Time between being asked to stop and being terminated.
    pub(crate) stop_timeout: Duration,
    pub(crate) definition: Id,
    pub(crate) host: Id,
    arguments: Vec<Value>,
}

impl Supervised {
    /// The service that the manifest declares. The manifest vouches for its actor.
    pub(super) fn of(service: &Service, catalogue: &Catalogue) -> Result<Self, InvalidIdentity> {
        let tags = service.tags.iter().map(|(key, value)| (key.clone(), value.clone()));
        let actor = Actor::parse(&service.actor.value)?.with_verified().with_tags(tags)?;
        Ok(Self {
            id: service.id.clone(),
            actor: Arc::new(actor),
            scopes: scope_set(catalogue, &service.scopes),
            stop_timeout: service.stop_timeout,
            definition: service.definition.value.clone(),
            host: service.host.value.clone(),
            arguments: service.arguments.clone(),
        })
    }

    /// What the runtime is asked for, each time it starts.
    pub(crate) fn request(&self) -> StartRequest {
        StartRequest {
            definition: self.definition.to_string(),
            host: self.host.to_string(),
            actor: self.actor.clone(),
            scopes: self.scopes.clone(),
            arguments: self.arguments.clone(),
            via: Via::Service,
        }
    }
}
