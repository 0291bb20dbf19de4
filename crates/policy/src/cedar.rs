//! Cedar's names for our words: types, uids and the schema, made once.

use std::borrow::Cow;
use std::sync::LazyLock;

use cedar_policy::{Entities, EntityId, EntityTypeName, EntityUid, Schema};

use crate::identity::TenantId;
use crate::permission::Resource;
use crate::resource::Name;
use crate::schema;
use crate::vocabulary::EntityType;

/// The namespace of every name in policies.
pub(crate) const NAMESPACE: &str = "Moonward";

static TYPES: LazyLock<[EntityTypeName; EntityType::ALL.len()]> =
    LazyLock::new(|| EntityType::ALL.map(|entity_type| type_of(entity_type.name())));

static ACTION: LazyLock<EntityTypeName> = LazyLock::new(|| type_of("Action"));

/// The schema, parsed from its rendering.
#[expect(clippy::expect_used, reason = "our own text; a test parses it")]
pub(crate) static SCHEMA: LazyLock<Schema> =
    LazyLock::new(|| Schema::from_cedarschema_str(&schema::render()).expect("our schema parses").0);

/// Every action and group as Cedar has them, each with its groups above it.
#[expect(clippy::expect_used, reason = "follows from the schema, which a test parses")]
pub(crate) static ACTIONS: LazyLock<Entities> =
    LazyLock::new(|| SCHEMA.action_entities().expect("the actions of our schema"));

#[expect(clippy::expect_used, reason = "words of our own; a test names them all")]
fn type_of(name: &str) -> EntityTypeName {
    format!("{NAMESPACE}::{name}").parse().expect("a type name of ours")
}

/// The name of a type.
#[expect(clippy::indexing_slicing, reason = "as many names as types, in their order")]
pub(crate) fn type_name(entity_type: EntityType) -> &'static EntityTypeName {
    &TYPES[entity_type as usize]
}

/// The uid of an entity.
pub(crate) fn uid(entity_type: EntityType, id: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(type_name(entity_type).clone(), EntityId::new(id))
}

/// The uid of an action or group.
pub(crate) fn action_uid(name: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(ACTION.clone(), EntityId::new(name))
}

/// The uid of a tenant.
pub(crate) fn tenant_uid(tenant: &TenantId) -> EntityUid {
    uid(EntityType::Tenant, tenant.as_str())
}

/// The uid of what a permission is about.
pub(crate) fn resource_uid(resource: &Resource<'_>) -> EntityUid {
    uid(resource.entity_type(), &resource_id(resource))
}

/// Its id.
pub(crate) fn resource_id<'a>(resource: &'a Resource<'_>) -> Cow<'a, str> {
    match resource {
        Resource::Name(name) => Cow::Owned(name_id(name)),
        other => Cow::Borrowed(other.text()),
    }
}

/// The id of a name as an entity: `tenant/name`, since two tenants may use one name.
pub(crate) fn name_id(name: &Name) -> String {
    format!("{}/{}", name.tenant(), name.value())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_in_the_order_of_their_names() {
        for entity_type in EntityType::ALL {
            let name = uid(entity_type, "x").type_name().to_string();
            assert_eq!(name, format!("Moonward::{}", entity_type.name()));
        }
    }
}
