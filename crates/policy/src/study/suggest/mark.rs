//! Marks: what conditions of a policy can say of a case, beside who asks, what for, and on what by its id.
//!
//! Each is an expression that the gate follows, and that a policy may evaluate whatever the case: what may be absent is asked for
//! first. Ids of processes are no mark, since no later case has them; how two processes are related is.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::literal::{quoted, uid};
use crate::permission::{Given, Subject};
use crate::resource::Process;
use crate::study::Posed;
use crate::vocabulary::EntityType;

/// What is said something of. In the order in which one would say it: what stands first is preferred.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Term {
    Via,
    /// What the process that asks was started from.
    CallerDefinition,
    /// What the process that it is about was started from.
    Definition,
    /// What the process that is to have the name was started from.
    TargetDefinition,
    /// Whom a child is to run as, and under what.
    GivenActor,
    GivenScope,
    /// The process asks about itself.
    Itself,
    Child,
    Parent,
    TargetSelf,
    TargetChild,
    /// A field of the context.
    Field {
        name: &'static str,
        required: bool,
    },
    Owner,
    Host,
    ParentDefinition,
    CallerHost,
    CallerParentDefinition,
    Verified,
    Role(Arc<str>),
    Tag(Arc<str>),
    HeldScope(Arc<str>),
    AuthTime,
}

/// What it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Value {
    /// It is redacted: it may be anything.
    Unknown,
    Absent,
    Bool(bool),
    Long(i64),
    Text(Arc<str>),
    Texts(BTreeSet<Arc<str>>),
    Entity(EntityType, Arc<str>),
}

impl Term {
    /// Whether a permit says it from the beginning: what decides how far its power goes. The rest says more of one request, and
    /// differs from run to run; it is said where it is needed.
    pub(super) fn begins(&self) -> bool {
        *self <= Self::GivenScope
    }

    /// What a case without such a mark has.
    pub(super) fn unmarked(&self) -> &'static Value {
        match self {
            Self::Role(_) | Self::HeldScope(_) => &Value::Bool(false),
            _ => &Value::Absent,
        }
    }

    /// Whether it is no less false where what it needs is not there.
    pub(super) fn unmarked_is_false(&self) -> bool {
        matches!(self, Self::Itself | Self::Child | Self::Parent | Self::TargetSelf | Self::TargetChild)
            || *self.unmarked() == Value::Bool(false)
    }

    /// The expression.
    pub(super) fn text(&self) -> String {
        let text = match self {
            Self::Via => "context.via",
            Self::CallerDefinition => "context.pid.definition",
            Self::Definition => "resource.definition",
            Self::TargetDefinition => "context.target.definition",
            Self::GivenActor => "context.actor",
            Self::GivenScope => "context.scope",
            Self::Itself => "resource == context.pid",
            Self::Child => "resource.parent == context.pid",
            Self::Parent => "resource == context.pid.parent",
            Self::TargetSelf => "context.target == context.pid",
            Self::TargetChild => "context.target.parent == context.pid",
            Self::Field { name, .. } => return format!("context.{name}"),
            Self::Owner => "resource.owner",
            Self::Host => "resource.host",
            Self::ParentDefinition => "resource.parent.definition",
            Self::CallerHost => "context.pid.host",
            Self::CallerParentDefinition => "context.pid.parent.definition",
            Self::Verified => "principal.verified",
            Self::Role(role) => return format!("principal in {}", uid(EntityType::Role, role)),
            Self::Tag(key) => return format!("principal.getTag({})", quoted(key)),
            Self::HeldScope(id) => return format!("context.scopes.contains({})", uid(EntityType::Scope, id)),
            Self::AuthTime => "principal.authTime",
        };
        text.to_owned()
    }

    /// What has to be so before the expression can be evaluated, in order.
    pub(super) fn needs(&self) -> Vec<String> {
        const CALLER: &str = "context has pid";
        let needs: &[&str] = match self {
            Self::CallerDefinition | Self::CallerHost | Self::Itself | Self::TargetSelf => &[CALLER],
            Self::Child => &[CALLER, "resource has parent"],
            Self::TargetChild => &[CALLER, "context.target has parent"],
            Self::Parent | Self::CallerParentDefinition => &[CALLER, "context.pid has parent"],
            Self::ParentDefinition => &["resource has parent"],
            Self::GivenActor => &["context has actor"],
            Self::GivenScope => &["context has scope"],
            Self::AuthTime => &["principal has authTime"],
            Self::Field { name, required: false } => return vec![format!("context has {name}")],
            Self::Tag(key) => return vec![format!("principal.hasTag({})", quoted(key))],
            Self::Via
            | Self::Definition
            | Self::TargetDefinition
            | Self::Field { .. }
            | Self::Owner
            | Self::Host
            | Self::Verified
            | Self::Role(_)
            | Self::HeldScope(_) => &[],
        };
        needs.iter().map(|text| (*text).to_owned()).collect()
    }
}

impl Value {
    /// The value as policies write it; nothing for what cannot be written.
    pub(super) fn text(&self) -> Option<String> {
        match self {
            Self::Unknown | Self::Absent => None,
            Self::Bool(value) => Some(value.to_string()),
            Self::Long(value) => Some(value.to_string()),
            Self::Text(text) => Some(quoted(text)),
            Self::Texts(texts) => {
                let texts: Vec<String> = texts.iter().map(|text| quoted(text)).collect();
                Some(format!("[{}]", texts.join(", ")))
            }
            Self::Entity(entity_type, id) => Some(uid(*entity_type, id)),
        }
    }
}

/// The marks of a case, in order.
pub(super) fn marks(posed: &Posed, redacted: &[&'static str]) -> Vec<(Term, Value)> {
    let mut marks = BTreeMap::new();
    let caller = posed.process.as_ref();
    let parent_of_caller = caller.and_then(|caller| caller.parent());
    let is_caller = |process: &Process| caller.is_some_and(|caller| caller.pid() == process.pid());
    let is_child = |process: &Process| process.parent().is_some_and(|parent| is_caller(parent));
    let definition =
        |process: &Process| Value::Entity(EntityType::Definition, process.definition().id().clone());
    let host = |process: &Process| Value::Entity(EntityType::Host, process.host().id().clone());
    let or_absent = |value: Option<Value>| value.unwrap_or(Value::Absent);
    marks.insert(Term::CallerDefinition, or_absent(caller.map(|caller| definition(caller))));
    marks.insert(Term::CallerHost, or_absent(caller.map(|caller| host(caller))));
    let above = parent_of_caller.map(|parent| definition(parent));
    marks.insert(Term::CallerParentDefinition, or_absent(above));
    if let Subject::Process(process) = &posed.subject {
        let is_parent = parent_of_caller.is_some_and(|parent| parent.pid() == process.pid());
        marks.insert(Term::Definition, definition(process));
        marks.insert(Term::Itself, Value::Bool(is_caller(process)));
        marks.insert(Term::Child, Value::Bool(is_child(process)));
        marks.insert(Term::Parent, Value::Bool(is_parent));
        marks.insert(Term::Owner, Value::Entity(EntityType::Actor, process.owner().id().clone()));
        marks.insert(Term::Host, host(process));
        marks.insert(Term::ParentDefinition, or_absent(process.parent().map(|parent| definition(parent))));
    }
    for declared in posed.spec.context {
        let given = posed.fields.iter().find(|(name, _)| *name == declared.name).map(|(_, given)| given);
        let value = match given {
            _ if redacted.contains(&declared.name) => Value::Unknown,
            None => Value::Absent,
            Some(Given::Process(target)) => {
                marks.insert(Term::TargetDefinition, definition(target));
                marks.insert(Term::TargetSelf, Value::Bool(is_caller(target)));
                marks.insert(Term::TargetChild, Value::Bool(is_child(target)));
                continue;
            }
            Some(given) => value(given),
        };
        let term = match declared.name {
            "via" => Term::Via,
            "actor" => Term::GivenActor,
            "scope" => Term::GivenScope,
            name => Term::Field { name, required: declared.required },
        };
        marks.insert(term, value);
    }
    let actor = &posed.actor;
    marks.insert(Term::Verified, Value::Bool(actor.verified()));
    marks.insert(Term::AuthTime, or_absent(actor.auth_time().map(Value::Long)));
    marks.extend(actor.roles().map(|role| (Term::Role(role.into()), Value::Bool(true))));
    marks.extend(actor.tags().map(|(key, tag)| (Term::Tag(key.into()), Value::Text(tag.into()))));
    marks.extend(posed.scopes.ids().map(|id| (Term::HeldScope(id.into()), Value::Bool(true))));
    marks.into_iter().collect()
}

fn value(given: &Given) -> Value {
    match given {
        Given::Bool(value) => Value::Bool(*value),
        Given::Long(value) => Value::Long(*value),
        Given::Text(text) => Value::Text(text.as_str().into()),
        Given::Texts(texts) => Value::Texts(texts.iter().cloned().collect()),
        Given::Via(via) => Value::Text(via.text().into()),
        Given::Host(host) => Value::Entity(EntityType::Host, host.id().clone()),
        Given::Actor(actor) => Value::Entity(EntityType::Actor, actor.id().clone()),
        Given::Scope(scope) => Value::Entity(EntityType::Scope, scope.id().clone()),
        // A pid says nothing to a later case; how the process is related has marks of its own.
        Given::Process(_) => Value::Unknown,
    }
}
