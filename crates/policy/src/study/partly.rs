//! What policies come to where part of a request is not said: each is taken apart at `&&`, `||`, `!` and `if`, Cedar
//! decides the parts that are known, and the others may come out either way.
//!
//! Never too narrow: what a policy can come to is always among the outcomes, though some may be among them that no
//! request has, where two parts hang together. Who asks, and about what, is not known here.

use std::collections::BTreeSet;
use std::sync::Arc;

use cedar_policy::pst::{
    self, ActionConstraint, BinaryOp, Clause, Effect, EntityOrSlot, Expr, Literal, ResourceConstraint,
    UnaryOp, Var,
};
use cedar_policy::{Authorizer, Policy, PolicyId, PolicySet, PrincipalConstraint};

use crate::bundle::Loaded;
use crate::cedar::type_name;
use crate::footprint::{Attribute, Chain, Read, Root, reading};
use crate::generation::Case;
use crate::permission::Spec;
use crate::vocabulary::{EntityType, FieldType};

/// What is not said of a request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Unsaid {
    /// Fields of the context.
    pub(super) fields: BTreeSet<&'static str>,
    /// Which of the asker's processes asks: it is one of its own, and no more is known of it.
    pub(super) caller: bool,
    /// Who asks, but for its tenant, and which scopes it holds.
    pub(super) asker: bool,
}

/// The name of the field that is the process that asks.
pub(super) const CALLER: &str = "pid";

/// What an expression reads that is not said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Missing {
    fields: BTreeSet<&'static str>,
    asker: bool,
}

impl Missing {
    fn is_nothing(&self) -> bool {
        self.fields.is_empty() && !self.asker
    }

    fn add(&mut self, other: Self) {
        self.fields.extend(other.fields);
        self.asker |= other.asker;
    }
}

impl Unsaid {
    fn of(&self, expression: &Expr, spec: &'static Spec) -> Missing {
        let Ok(reading) = reading(expression, spec) else {
            // It counts as reading everything.
            let caller = self.caller.then_some(CALLER);
            return Missing {
                fields: self.fields.iter().copied().chain(caller).collect(),
                asker: self.asker,
            };
        };
        let mut fields = BTreeSet::new();
        for read in &reading.reads {
            let (one, other) = match read {
                Read::Value(chain) | Read::Presence(chain) => (chain, None),
                Read::Same(one, other) => (one, Some(other)),
            };
            for chain in [Some(one), other].into_iter().flatten() {
                fields.extend(self.field(read, chain));
                if is_of_parent(chain) {
                    fields.extend(self.caller.then_some(CALLER));
                    fields.extend(self.naming(spec, &[EntityType::Process]));
                }
            }
        }
        // Of an actor that several things are of, one version counts.
        for actor in &reading.claimants {
            if actor.steps.contains(&Attribute::Parent) {
                fields.extend(self.caller.then_some(CALLER));
            }
            fields.extend(self.naming(spec, &[EntityType::Actor, EntityType::Process]));
        }
        Missing { fields, asker: self.asker && reading.of_asker }
    }

    /// The fields that are not said and can name an entity of these types.
    fn naming(&self, spec: &'static Spec, types: &[EntityType]) -> impl Iterator<Item = &'static str> {
        let of_types = |kind| matches!(kind, FieldType::Entity(kind) if types.contains(&kind));
        let fields = spec.context.iter().filter(move |field| of_types(field.kind));
        fields.map(|field| field.name).filter(|name| self.fields.contains(name))
    }

    /// The field that a chain begins at, if what is read there is not said.
    fn field(&self, read: &Read, chain: &Chain) -> Option<&'static str> {
        match chain.root {
            Root::Field(name) => self.fields.get(name).copied(),
            Root::Caller if self.caller => {
                // A process runs as its actor, and is its actor's tenant's.
                let known = match chain.steps.first() {
                    None => matches!(read, Read::Presence(_)),
                    Some(Attribute::Tenant) => true,
                    Some(Attribute::Owner) => !self.asker,
                    Some(_) => false,
                };
                (!known).then_some(CALLER)
            }
            Root::Caller | Root::Principal | Root::Resource => None,
        }
    }
}

/// Whether it is read whose child a parent is. A request says that of the processes that it names alone: of a parent only if it
/// names that as well.
fn is_of_parent(chain: &Chain) -> bool {
    chain.steps.iter().filter(|step| **step == Attribute::Parent).count() > 1
}

/// What a policy, or a part of one, can come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Outcomes(u8);

impl Outcomes {
    pub(super) const TRUE: Self = Self(1);
    pub(super) const FALSE: Self = Self(2);
    pub(super) const FAILS: Self = Self(4);

    /// Whether these are among them.
    pub(super) fn has(self, others: Self) -> bool {
        self.0 & others.0 != 0
    }

    /// Whether there is no other.
    pub(super) fn is_within(self, others: Self) -> bool {
        self.0 & !others.0 == 0
    }

    /// These and those.
    pub(super) fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Where this is true those, where it is false those; where it fails it fails.
    fn then(self, if_true: Self, if_false: Self) -> Self {
        let of = |outcome, others: Self| if self.has(outcome) { others } else { Self(0) };
        of(Self::FAILS, Self::FAILS).or(of(Self::TRUE, if_true)).or(of(Self::FALSE, if_false))
    }
}

/// A part of a policy.
enum Part {
    /// Decided by Cedar: the number of the permit that asks for it.
    Known(usize),
    Unsaid {
        can_fail: bool,
    },
    Not(Box<Part>),
    And(Vec<Part>),
    Or(Box<[Part; 2]>),
    If(Box<[Part; 3]>),
}

impl Part {
    fn outcomes(&self, known: &[Outcomes]) -> Outcomes {
        let of = |part: &Self| part.outcomes(known);
        match self {
            Self::Known(number) => known.get(*number).copied().unwrap_or(Outcomes::FAILS),
            Self::Unsaid { can_fail: false } => Outcomes::TRUE.or(Outcomes::FALSE),
            Self::Unsaid { can_fail: true } => Outcomes::TRUE.or(Outcomes::FALSE).or(Outcomes::FAILS),
            Self::Not(part) => of(part).then(Outcomes::FALSE, Outcomes::TRUE),
            Self::And(parts) => {
                (parts.iter().rev()).fold(Outcomes::TRUE, |rest, part| of(part).then(rest, Outcomes::FALSE))
            }
            Self::Or(parts) => {
                let [one, other] = &**parts;
                of(one).then(Outcomes::TRUE, of(other))
            }
            Self::If(parts) => {
                let [test, yes, no] = &**parts;
                of(test).then(of(yes), of(no))
            }
        }
    }
}

/// A policy, taken apart.
pub(super) struct Taken {
    pub(super) loaded: Arc<Loaded>,
    /// The fields that it reads and that are not said.
    pub(super) unsaid: BTreeSet<&'static str>,
    part: Part,
}

/// Whether a policy could come out otherwise for the same actor: with other roles, tags or scopes.
pub(super) fn reads_claims(policy: &Policy, spec: &'static Spec) -> bool {
    let names_role = match policy.principal_constraint() {
        PrincipalConstraint::In(named) | PrincipalConstraint::IsIn(_, named) => {
            named.type_name() == type_name(EntityType::Role)
        }
        PrincipalConstraint::Any | PrincipalConstraint::Is(_) | PrincipalConstraint::Eq(_) => false,
    };
    names_role || any_condition(policy, |it| reading(it, spec).map_or(true, |reading| reading.of_claims))
}

/// Whether a policy can fail, whatever is asked.
pub(super) fn may_fail(policy: &Policy) -> bool {
    any_condition(policy, can_fail)
}

/// Whether this holds for a condition of a policy. Of one that cannot be read it does.
fn any_condition(policy: &Policy, holds: impl Fn(&Expr) -> bool) -> bool {
    policy.to_pst().map_or(true, |tree| {
        tree.body().clauses().iter().any(|clause| {
            let (Clause::When(condition) | Clause::Unless(condition)) = clause;
            holds(condition)
        })
    })
}

/// Policies that are selected together, taken apart.
pub(super) struct Apart {
    pub(super) policies: Vec<Taken>,
    known: PolicySet,
    count: usize,
}

impl Apart {
    /// Takes policies apart that can match when this is asked for. Threads that call it need a stack of
    /// [`crate::limits::EVALUATION_STACK_BYTES`].
    pub(super) fn of<'a>(
        policies: impl IntoIterator<Item = &'a Arc<Loaded>>,
        spec: &'static Spec,
        unsaid: &Unsaid,
    ) -> Self {
        let mut apart = Self { policies: Vec::new(), known: PolicySet::new(), count: 0 };
        for loaded in policies {
            let mut missing = Missing::default();
            let part = match loaded.policy.to_pst() {
                Ok(tree) => apart.policy(tree.body(), spec, unsaid, &mut missing),
                Err(_) => Part::Unsaid { can_fail: true },
            };
            apart.policies.push(Taken { loaded: loaded.clone(), unsaid: missing.fields, part });
        }
        apart
    }

    /// What each of the policies can come to in this case, in their order.
    pub(super) fn outcomes(&self, case: &Case) -> Vec<(&Taken, Outcomes)> {
        let response = Authorizer::new().is_authorized(&case.request, &self.known, &case.entities);
        let mut known = vec![Outcomes::FALSE; self.count];
        let mut put = |id: &PolicyId, outcome| {
            let id: &str = id.as_ref();
            let number = id.parse::<usize>().ok();
            if let Some(place) = number.and_then(|number| known.get_mut(number)) {
                *place = outcome;
            }
        };
        response.diagnostics().reason().for_each(|id| put(id, Outcomes::TRUE));
        response.diagnostics().errors().for_each(|error| match error {
            cedar_policy::AuthorizationError::PolicyEvaluationError(error) => {
                put(error.policy_id(), Outcomes::FAILS);
            }
        });
        self.policies.iter().map(|taken| (taken, taken.part.outcomes(&known))).collect()
    }

    fn policy(
        &mut self,
        body: &pst::Template,
        spec: &'static Spec,
        unsaid: &Unsaid,
        missing: &mut Missing,
    ) -> Part {
        for clause in body.clauses() {
            let (Clause::When(condition) | Clause::Unless(condition)) = clause;
            missing.add(unsaid.of(condition, spec));
        }
        if missing.is_nothing() {
            // All of it, as a permit: Cedar tells of every permit that matches, and of forbids only if one does.
            let mut permit = body.clone();
            permit.effect = Effect::Permit;
            return self.ask(permit);
        }
        // Principal and action let it match, or it would not be selected.
        let mut parts: Vec<Part> =
            head(&body.resource).map(|head| self.part(&Arc::new(head), spec, unsaid)).into_iter().collect();
        parts.extend(body.clauses().iter().map(|clause| match clause {
            Clause::When(condition) => self.part(condition, spec, unsaid),
            Clause::Unless(condition) => Part::Not(Box::new(self.part(condition, spec, unsaid))),
        }));
        Part::And(parts)
    }

    fn part(&mut self, expression: &Arc<Expr>, spec: &'static Spec, unsaid: &Unsaid) -> Part {
        if unsaid.of(expression, spec).is_nothing() {
            return self.expression(expression);
        }
        let mut part = |expression| self.part(expression, spec, unsaid);
        match &**expression {
            Expr::UnaryOp { op: UnaryOp::Not, expr } => Part::Not(Box::new(part(expr))),
            Expr::BinaryOp { op: BinaryOp::And, left, right } => Part::And(vec![part(left), part(right)]),
            Expr::BinaryOp { op: BinaryOp::Or, left, right } => Part::Or(Box::new([part(left), part(right)])),
            Expr::IfThenElse { cond, then_expr, else_expr } => {
                Part::If(Box::new([part(cond), part(then_expr), part(else_expr)]))
            }
            other => Part::Unsaid { can_fail: can_fail(other) },
        }
    }

    fn expression(&mut self, expression: &Arc<Expr>) -> Part {
        let permit = pst::Template::new(
            "",
            Effect::Permit,
            pst::PrincipalConstraint::Any,
            ActionConstraint::Any,
            ResourceConstraint::Any,
        );
        match permit.try_with_clauses([Clause::When(expression.clone())]) {
            Ok(permit) => self.ask(permit),
            Err(_) => Part::Unsaid { can_fail: true },
        }
    }

    /// A part that this permit asks for.
    fn ask(&mut self, permit: pst::Template) -> Part {
        let number = self.count;
        let permit = permit.with_id(pst::PolicyID(number.to_string().into()));
        let policy = pst::StaticPolicy::try_from(permit).ok().map(pst::Policy::Static);
        let added = policy
            .and_then(|policy| Policy::from_pst(policy).ok())
            .is_some_and(|policy| self.known.add(policy).is_ok());
        if !added {
            return Part::Unsaid { can_fail: true };
        }
        self.count += 1;
        Part::Known(number)
    }
}

/// What a head says of the resource, beside its type, which is the action's.
fn head(resource: &ResourceConstraint) -> Option<Expr> {
    let (op, EntityOrSlot::Entity(named)) = (match resource {
        ResourceConstraint::Any | ResourceConstraint::Is(_) => return None,
        ResourceConstraint::Eq(named) => (BinaryOp::Eq, named),
        ResourceConstraint::In(named) | ResourceConstraint::IsIn(_, named) => (BinaryOp::In, named),
    }) else {
        return None;
    };
    let right = Arc::new(Expr::Literal(Literal::EntityUID(named.clone())));
    Some(Expr::BinaryOp { op, left: Arc::new(Expr::Var(Var::Resource)), right })
}

/// Whether an expression of a validated policy can fail, whatever is asked: by an overflow, or in a function. An attribute
/// that may be absent and a type that does not fit are found at load.
fn can_fail(expression: &Expr) -> bool {
    match expression {
        Expr::Literal(_) | Expr::Var(_) => false,
        Expr::UnaryOp { op: UnaryOp::Not | UnaryOp::IsEmpty, expr }
        | Expr::GetAttr { expr, .. }
        | Expr::HasAttr { expr, .. }
        | Expr::Like { expr, .. } => can_fail(expr),
        Expr::Is { expr, in_expr, .. } => can_fail(expr) || in_expr.as_deref().is_some_and(can_fail),
        Expr::BinaryOp {
            op:
                BinaryOp::Eq
                | BinaryOp::NotEq
                | BinaryOp::Less
                | BinaryOp::LessEq
                | BinaryOp::Greater
                | BinaryOp::GreaterEq
                | BinaryOp::And
                | BinaryOp::Or
                | BinaryOp::In
                | BinaryOp::Contains
                | BinaryOp::ContainsAll
                | BinaryOp::ContainsAny
                | BinaryOp::GetTag
                | BinaryOp::HasTag,
            left,
            right,
        } => can_fail(left) || can_fail(right),
        Expr::IfThenElse { cond, then_expr, else_expr } => {
            can_fail(cond) || can_fail(then_expr) || can_fail(else_expr)
        }
        Expr::Set(items) => items.iter().any(|item| can_fail(item)),
        Expr::Record(fields) => fields.values().any(|field| can_fail(field)),
        _ => true,
    }
}
