//! What a slice holds and what its policies read, in words; and which of them keeps answers from being remembered.

use super::{PolicyView, Study};
use crate::class::Class;
use crate::footprint::{Attribute, Chain, NotFollowed, Read, Root};
use crate::generation::Question;
use crate::identity::{Actor, ScopeSet, TenantId};
use crate::limits::MEMO_CLASS_BYTES_MAX;
use crate::permission::{Fields, Resource, Spec};
use crate::resource::Facility;
use crate::slice::Sliced;

/// One permission, as asked by an actor, or by any of a tenant.
#[derive(Debug, Clone)]
pub struct Inspection {
    /// The permission.
    pub spec: &'static Spec,
    /// The policies that can match: guard first, each in the order of its file.
    pub policies: Vec<Inspected>,
    /// Whether all of them together are too large to be remembered.
    pub too_large: bool,
}

/// One policy that can match.
#[derive(Debug, Clone)]
pub struct Inspected {
    /// The policy.
    pub policy: PolicyView,
    /// What it can read of a request beside the actor and its scopes, in words.
    ///
    /// # Errors
    /// Why that cannot be told: it counts as reading everything.
    pub reads: Result<Vec<String>, &'static str>,
}

impl Inspection {
    /// Whether answers are remembered.
    pub fn is_remembered(&self) -> bool {
        !self.too_large && self.policies.iter().all(|inspected| inspected.reads.is_ok())
    }

    /// What all of the policies read together, in order; nothing when that may be anything.
    pub fn reads(&self) -> Option<Vec<&str>> {
        let mut reads = Vec::new();
        for inspected in &self.policies {
            reads.extend(inspected.reads.as_ref().ok()?.iter().map(String::as_str));
        }
        reads.sort_unstable();
        reads.dedup();
        Some(reads)
    }
}

impl Study {
    /// The slice of a permission as this actor asks for it under these scopes.
    pub fn inspect(
        &self,
        actor: &std::sync::Arc<Actor>,
        scopes: &ScopeSet,
        spec: &'static Spec,
    ) -> Inspection {
        let question = Question {
            actor,
            scopes,
            process: None,
            spec,
            // A class does not depend on what is asked about.
            resource: Resource::Facility(Facility::Context),
            context: &Fields::none(),
        };
        let class = Class::of(&question, self.bundle());
        let too_large = class.is_ok_and(|class| class.bytes > MEMO_CLASS_BYTES_MAX);
        let policies = self.inspected(self.bundle().select(actor, spec, scopes));
        Inspection { spec, policies, too_large }
    }

    /// The slice of a permission as any actor of a tenant could ask for it under these scopes.
    pub fn inspect_any(&self, tenant: &TenantId, scopes: &ScopeSet, spec: &'static Spec) -> Inspection {
        let policies = self.inspected(self.bundle().concerning(tenant, spec, scopes));
        Inspection { spec, policies, too_large: false }
    }

    fn inspected(&self, selected: Vec<&Sliced>) -> Vec<Inspected> {
        let inspected = |sliced: &Sliced| Inspected {
            policy: self.places.view(&sliced.loaded),
            reads: match &sliced.footprint {
                Ok(reads) => Ok(reads.iter().map(words).collect()),
                Err(NotFollowed(why)) => Err(why),
            },
        };
        selected.into_iter().map(inspected).collect()
    }
}

fn words(read: &Read) -> String {
    match read {
        Read::Value(chain) => format!("`{}`", path(chain)),
        Read::Presence(chain) => format!("whether there is `{}`", path(chain)),
        Read::Same(one, other) => format!("whether `{}` is `{}`", path(one), path(other)),
    }
}

fn path(chain: &Chain) -> String {
    let root = match chain.root {
        Root::Principal => "principal".to_owned(),
        Root::Resource => "resource".to_owned(),
        Root::Caller => "context.pid".to_owned(),
        Root::Field(name) => format!("context.{name}"),
    };
    let name =
        |step: &Attribute| Attribute::ALL.into_iter().find(|(known, _)| known == step).map(|(_, name)| name);
    chain.steps.iter().filter_map(name).fold(root, |path, step| format!("{path}.{step}"))
}
