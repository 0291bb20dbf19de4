//! `security.can`: a question of a script, in texts, made into one that the gate understands.
//!
//! What the texts mean is looked up as a call would; what cannot be found is nothing that one can do. The
//! answer is the gate's.

use std::sync::Arc;

use policy::permission::{self, Given, Subject};
use policy::vocabulary::{EntityType, FieldType};
use policy::{Datum, Facility, Name, Namespace, TenantId};
use value::{Failure, Value};

use crate::question::{integer_of, text_of, wrong_type};
use crate::site::Site;
use crate::world::World;

impl World {
    /// Whether the running process would be permitted `action` on `resource` now.
    ///
    /// # Errors
    /// INVALID: an unknown action, or a field that the action does not have.
    pub(crate) fn can(
        &self,
        site: &dyn Site,
        action: &str,
        resource: &str,
        fields: Vec<(String, Value)>,
    ) -> Result<bool, Failure> {
        let Some(spec) = permission::find(action) else {
            let known = permission::ALL.iter().map(|spec| spec.action);
            let help = diagnostic::did_you_mean(action, known);
            let help = help.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
            return Err(Failure::invalid(format!("`action` is unknown: `{action}`{help}")));
        };
        let mut given = Vec::new();
        for (name, value) in fields {
            let declared = spec.context.iter().find(|field| field.name == name).map(|field| field.kind);
            match self.given(&name, declared, value)? {
                Some(value) => given.push((name, value)),
                None => return Ok(false),
            }
        }
        let Some(found) = self.found(spec.resource, resource)? else { return Ok(false) };
        let fields: Vec<(&str, Datum<'_>)> =
            given.iter().map(|(name, value)| (name.as_str(), value.datum())).collect();
        self.with_caller(site, |caller| {
            self.gate.can(caller, action, found.resource(), &fields).map_err(Failure::from)
        })
    }

    /// What a text means as a resource of this type; nothing when it does not exist.
    fn found(&self, kind: EntityType, text: &str) -> Result<Option<Subject>, Failure> {
        let tenant = self.state()?.actor.tenant();
        Ok(match kind {
            EntityType::Process => self.kernel.node().resolve(tenant, text).ok().map(Subject::Process),
            EntityType::Definition => {
                let found = self.catalogue.find_definition(tenant, "resource", text).ok();
                found.map(|found| Subject::Definition(found.facts))
            }
            EntityType::Host => self.catalogue.find_host(tenant, text).ok().map(Subject::Host),
            EntityType::Name => {
                let (owner, name) = match text.split_once('/') {
                    Some((owner, name)) => (TenantId::new(owner).ok(), name),
                    None => (Some(tenant.clone()), text),
                };
                owner.and_then(|owner| Name::new(&owner, name).ok()).map(Subject::Name)
            }
            EntityType::Facility => match text {
                "context" => Some(Subject::Facility(Facility::Context)),
                "security" => Some(Subject::Facility(Facility::Security)),
                _ => None,
            },
            EntityType::Tenant => TenantId::new(text).ok().map(Subject::Tenant),
            EntityType::Namespace => {
                let owner = self.catalogue.owner(text).cloned();
                owner.and_then(|owner| Namespace::new(text, &owner).ok()).map(Subject::Namespace)
            }
            EntityType::Role | EntityType::Scope | EntityType::Actor => None,
        })
    }

    /// A field as its declaration wants it; nothing when it names something that does not exist.
    fn given(&self, name: &str, declared: Option<FieldType>, value: Value) -> Result<Option<Given>, Failure> {
        let label = format!("fields.{name}");
        Ok(match (declared, value) {
            (Some(FieldType::Entity(EntityType::Host)), value) => {
                let tenant = self.state()?.actor.tenant();
                self.catalogue.find_host(tenant, &text_of(value, &label)?).ok().map(Given::Host)
            }
            (Some(FieldType::Entity(EntityType::Process)), value) => {
                let tenant = self.state()?.actor.tenant();
                self.kernel.node().resolve(tenant, &text_of(value, &label)?).ok().map(Given::Process)
            }
            (_, Value::Boolean(value)) => Some(Given::Bool(value)),
            (_, Value::Number(number)) => Some(Given::Long(integer_of(number, &label)?)),
            (_, Value::Array(items)) => {
                let texts = items.into_iter().map(|item| text_of(item, &label).map(Arc::from));
                Some(Given::Texts(texts.collect::<Result<_, _>>()?))
            }
            (_, value @ Value::Bytes(_)) => Some(Given::Text(text_of(value, &label)?)),
            (_, other) => {
                return Err(wrong_type(&label, "a boolean, integer, string or list", other.type_name()));
            }
        })
    }
}
