//! The words of policies: entity types, their attributes, the groups of actions and what every check carries.
//!
//! Permissions are declared in `permission`; both are rendered by `schema` and `reference`. Nothing here knows
//! Cedar.

/// A type of entity, as policies write it after `Moonward::`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EntityType {
    /// A tenant.
    Tenant,
    /// A role of a tenant.
    Role,
    /// A named set of policies.
    Scope,
    /// A principal.
    Actor,
    /// A namespace of definitions.
    Namespace,
    /// A program that processes start from.
    Definition,
    /// A place where processes run.
    Host,
    /// A process.
    Process,
    /// A name in a tenant's registry.
    Name,
    /// Something of a process that is not a thing of its own.
    Facility,
}

/// The type of an attribute or of a field of the context.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldType {
    /// True or false.
    Bool,
    /// A whole number, 64 bits.
    Long,
    /// Text.
    String,
    /// A set of texts.
    Strings,
    /// Text: by which way a process is started.
    Via,
    /// One entity.
    Entity(EntityType),
    /// A set of entities.
    Entities(EntityType),
}

/// An attribute of an entity, or a field of the context.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub kind: FieldType,
    /// Whether it is always there; a policy must ask with `has` otherwise.
    pub required: bool,
    /// What it means, with its unit.
    pub doc: &'static str,
}

impl Field {
    /// A field that is always there.
    pub const fn new(name: &'static str, kind: FieldType, doc: &'static str) -> Self {
        Self { name, kind, required: true, doc }
    }

    /// A field that may be absent.
    pub const fn optional(name: &'static str, kind: FieldType, doc: &'static str) -> Self {
        Self { name, kind, required: false, doc }
    }
}

/// A group of actions, used in policies with `in`; never asked for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// The specification's permissions.
    All,
    /// Starting processes.
    Spawn,
    /// Sending messages.
    Message,
    /// Ending processes, or tying one's end to theirs.
    Control,
    /// Watching processes.
    Observe,
    /// Names.
    Registry,
    /// The product's own doors.
    Doors,
}

impl Group {
    /// Every group, in the order of the documentation.
    pub const ALL: [Self; 7] =
        [Self::All, Self::Doors, Self::Spawn, Self::Message, Self::Control, Self::Observe, Self::Registry];

    /// Its name in policies.
    pub const fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Spawn => "spawn",
            Self::Message => "message",
            Self::Control => "control",
            Self::Observe => "observe",
            Self::Registry => "registry",
            Self::Doors => "doors",
        }
    }

    /// The group that it is part of.
    pub const fn parent(self) -> Option<Self> {
        match self {
            Self::All | Self::Doors => None,
            Self::Spawn | Self::Message | Self::Control | Self::Observe | Self::Registry => Some(Self::All),
        }
    }

    /// What its actions have in common.
    pub const fn doc(self) -> &'static str {
        match self {
            Self::All => "The specification's permissions: all that a tenant's own policies may permit.",
            Self::Doors => "The product's doors: only the operator's policies may permit these.",
            Self::Spawn => "Starting processes: `spawn*`, `call` and the host they run on.",
            Self::Message => "Sending messages.",
            Self::Control => "Ending processes, and links: an error exit ends the other side of a link.",
            Self::Observe => "Watching processes end.",
            Self::Registry => "Giving and taking names.",
        }
    }
}

/// What policies can read of one type of entity.
#[derive(Debug, Clone, Copy)]
pub struct Declaration {
    /// What it is, and how its id is written.
    pub doc: &'static str,
    /// Types of the entities that it can be `in`.
    pub parents: &'static [EntityType],
    /// Its attributes.
    pub attributes: &'static [Field],
    /// Whether it has tags: texts under free names, read with `hasTag` and `getTag`.
    pub tags: bool,
}

/// What every check carries in its context.
pub const BASE: &[Field] = &[
    Field::optional(
        "pid",
        FieldType::Entity(EntityType::Process),
        "The caller's process; absent when the call comes from HTTP or the command line.",
    ),
    Field::new("scopes", FieldType::Entities(EntityType::Scope), "The scopes that the caller runs under."),
];

impl EntityType {
    /// Every type, in the order of the documentation.
    pub const ALL: [Self; 10] = [
        Self::Tenant,
        Self::Role,
        Self::Scope,
        Self::Actor,
        Self::Namespace,
        Self::Definition,
        Self::Host,
        Self::Process,
        Self::Name,
        Self::Facility,
    ];

    /// Its name in policies, after `Moonward::`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tenant => "Tenant",
            Self::Role => "Role",
            Self::Scope => "Scope",
            Self::Actor => "Actor",
            Self::Namespace => "Namespace",
            Self::Definition => "Definition",
            Self::Host => "Host",
            Self::Process => "Process",
            Self::Name => "Name",
            Self::Facility => "Facility",
        }
    }

    /// What policies can read of it.
    pub const fn declaration(self) -> Declaration {
        match self {
            Self::Tenant => plain("A tenant. `system` is the operator's own.", &[], TENANT),
            Self::Role => plain(
                "Tenant-qualified role: `acme/operator`. Its only parent is its tenant.",
                &[Self::Tenant],
                &[],
            ),
            Self::Scope => plain("A named set of policies.", &[], SCOPE),
            Self::Actor => Declaration {
                doc: "Principal, `tenant/kind/rest`; never from Lua input. Claims and meta values are its tags.",
                parents: &[Self::Role, Self::Tenant],
                attributes: ACTOR,
                tags: true,
            },
            Self::Namespace => {
                plain("A namespace, in those around it: `acme.workers` in `acme`.", &[Self::Namespace], OWNED)
            }
            Self::Definition => plain(
                "What processes are started from: `acme.workers:handler`.",
                &[Self::Namespace],
                DEFINITION,
            ),
            Self::Host => plain("A host. Without a tenant it is open to every tenant.", &[], HOST),
            Self::Process => {
                plain("A live process; its id is its pid. All attributes are fixed at spawn.", &[], PROCESS)
            }
            Self::Name => plain("A registered name, `tenant/name`; made from the request.", &[], NAME),
            Self::Facility => plain("`Facility::\"context\"` and `Facility::\"security\"`.", &[], &[]),
        }
    }
}

const fn plain(
    doc: &'static str,
    parents: &'static [EntityType],
    attributes: &'static [Field],
) -> Declaration {
    Declaration { doc, parents, attributes, tags: false }
}

const OWNER: Field = Field::new("tenant", FieldType::Entity(EntityType::Tenant), "Owner of its namespace.");

const OWNED: &[Field] = &[OWNER];

const TENANT: &[Field] = &[
    Field::new("suspended", FieldType::Bool, "Whether everything of it is refused."),
    Field::new("plan", FieldType::String, "The name of its plan; empty without one."),
];

const SCOPE: &[Field] = &[
    OWNER,
    Field::new("shared", FieldType::Bool, "Whether the operator lets other tenants' actors hold it."),
];

const ACTOR: &[Field] = &[
    Field::new("tenant", FieldType::Entity(EntityType::Tenant), "Its tenant."),
    Field::new("kind", FieldType::String, "`user`, `service`, `operator` or `derived`."),
    Field::new(
        "verified",
        FieldType::Bool,
        "Whether a token or the manifest established it; false for `security.new_actor`.",
    ),
    Field::optional(
        "authTime",
        FieldType::Long,
        "When it authenticated, in seconds since 1970-01-01 UTC; read of the principal only.",
    ),
];

const DEFINITION: &[Field] = &[
    OWNER,
    Field::new("name", FieldType::String, "The part of its id after the colon."),
    Field::new("shared", FieldType::Bool, "Whether other tenants may run it."),
];

const HOST: &[Field] =
    &[Field::optional("tenant", FieldType::Entity(EntityType::Tenant), "The only tenant that may use it.")];

const PROCESS: &[Field] = &[
    Field::new("tenant", FieldType::Entity(EntityType::Tenant), "Its owner's tenant."),
    Field::new("owner", FieldType::Entity(EntityType::Actor), "The actor that it runs for."),
    Field::new("definition", FieldType::Entity(EntityType::Definition), "What it was started from."),
    Field::new("host", FieldType::Entity(EntityType::Host), "Where it runs."),
    Field::optional(
        "parent",
        FieldType::Entity(EntityType::Process),
        "The process that spawned it, which then carries no parent of its own.",
    ),
];

const NAME: &[Field] = &[
    Field::new("tenant", FieldType::Entity(EntityType::Tenant), "Whose registry it is in."),
    Field::new("value", FieldType::String, "The name itself."),
];
