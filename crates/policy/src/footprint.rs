//! What a policy can read of a request, from Cedar's public syntax tree: two requests that agree on all of it
//! have the same answer.
//!
//! What is the same in all requests of one actor under one set of scopes (the principal, the action, the scopes held, and
//! all that these lead to) is left out: an answer is never kept for another. Nothing here knows a request.
//!
//! Sound since a Cedar policy is a pure function of what it reads (no clock, no chance), and since what is not understood
//! here counts as reading everything. `in` needs no more than the uid of its left side: what is above an entity follows
//! from its id (a definition's namespaces), or it has nothing above it.

use std::collections::BTreeSet;

use cedar_policy::Policy;
use cedar_policy::pst::{self, BinaryOp, Clause, Expr, ResourceConstraint, Var};

use crate::permission::Spec;
use crate::vocabulary::{EntityType, FieldType};

/// All that a policy can read when it is asked for one permission.
pub(crate) type Footprint = Result<Vec<Read>, NotFollowed>;

/// One thing that is read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Read {
    /// The value there; of an entity the uid.
    Value(Chain),
    /// Whether something is there.
    Presence(Chain),
    /// Whether the two are the same. Which entities they are is not read, so that one answer is good for many.
    Same(Chain, Chain),
}

impl Read {
    /// Whether it begins at a field of the context other than the process that asks.
    pub(crate) fn reads_a_field(&self) -> bool {
        self.roots().any(|root| matches!(root, Root::Field(_)))
    }

    /// Whether it begins at this field of the context.
    pub(crate) fn begins_at(&self, field: &str) -> bool {
        self.roots().any(|root| matches!(root, Root::Field(name) if name == field))
    }

    fn roots(&self) -> impl Iterator<Item = Root> {
        let (one, other) = match self {
            Self::Value(chain) | Self::Presence(chain) => (chain, None),
            Self::Same(one, other) => (one, Some(other)),
        };
        std::iter::once(one.root).chain(other.map(|chain| chain.root))
    }
}

/// A chain of attributes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Chain {
    pub(crate) root: Root,
    pub(crate) steps: Vec<Attribute>,
}

/// Where a chain begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Root {
    Principal,
    Resource,
    /// The process that asks: the field `pid` of the context.
    Caller,
    /// Another field of the context.
    Field(&'static str),
}

/// An attribute of any type of entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Attribute {
    AuthTime,
    Definition,
    Host,
    Kind,
    Name,
    Owner,
    Parent,
    Plan,
    Shared,
    Suspended,
    Tenant,
    Value,
    Verified,
}

impl Attribute {
    pub(crate) const ALL: [(Self, &'static str); 13] = [
        (Self::AuthTime, "authTime"),
        (Self::Definition, "definition"),
        (Self::Host, "host"),
        (Self::Kind, "kind"),
        (Self::Name, "name"),
        (Self::Owner, "owner"),
        (Self::Parent, "parent"),
        (Self::Plan, "plan"),
        (Self::Shared, "shared"),
        (Self::Suspended, "suspended"),
        (Self::Tenant, "tenant"),
        (Self::Value, "value"),
        (Self::Verified, "verified"),
    ];

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(_, known)| *known == name).map(|(attribute, _)| attribute)
    }
}

/// Why a policy is not followed: it counts as reading everything.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NotFollowed(pub(crate) &'static str);

/// What an expression names.
enum Path {
    /// The action, or something else that is the same in all requests.
    Constant,
    /// The context itself.
    Context,
    Chain(Chain),
}

/// A policy's syntax tree, which its footprints are found in.
pub(crate) struct Tree(Option<pst::Policy>);

impl Tree {
    /// The tree of a policy. Cedar parses its text again for this.
    pub(crate) fn of(policy: &Policy) -> Self {
        Self(policy.to_pst().ok())
    }

    /// What the policy can read when it is asked for this permission.
    pub(crate) fn footprint(&self, spec: &'static Spec) -> Footprint {
        let tree = self.0.as_ref().ok_or(NotFollowed("its syntax tree cannot be had"))?;
        let mut walk = Walk::new(spec);
        walk.policy(tree)?;
        Ok(walk.reads.into_iter().collect())
    }
}

/// What an expression can read, with what a footprint leaves out.
pub(crate) struct Reading {
    pub(crate) reads: BTreeSet<Read>,
    /// Whether it reads more of who asks than its tenant: the actor itself, or the scopes held.
    pub(crate) of_asker: bool,
    /// Whether it reads what another token of the same actor could say otherwise: roles, tags, how it was established, and the
    /// scopes held. Any actor that it is led to can be the one that asks.
    pub(crate) of_claims: bool,
    /// Where it is led to actors of whom it reads such things, other than by way of the principal.
    pub(crate) claimants: BTreeSet<Chain>,
}

/// What an expression of a policy can read when the policy is asked for this permission.
pub(crate) fn reading(expression: &Expr, spec: &'static Spec) -> Result<Reading, NotFollowed> {
    let mut walk = Walk::new(spec);
    walk.value(expression)?;
    let Walk { reads, of_asker, of_claims, claimants, .. } = walk;
    Ok(Reading { reads, of_asker, of_claims, claimants })
}

struct Walk {
    spec: &'static Spec,
    reads: BTreeSet<Read>,
    of_asker: bool,
    of_claims: bool,
    claimants: BTreeSet<Chain>,
}

impl Walk {
    fn new(spec: &'static Spec) -> Self {
        let (reads, claimants) = (BTreeSet::new(), BTreeSet::new());
        Self { spec, reads, of_asker: false, of_claims: false, claimants }
    }

    fn policy(&mut self, tree: &pst::Policy) -> Result<(), NotFollowed> {
        let body = tree.body();
        match &body.resource {
            // The type is the action's.
            ResourceConstraint::Any | ResourceConstraint::Is(_) => {}
            ResourceConstraint::Eq(_) | ResourceConstraint::In(_) | ResourceConstraint::IsIn(..) => {
                self.read(Read::Value(Chain { root: Root::Resource, steps: Vec::new() }));
            }
        }
        body.clauses().iter().try_for_each(|clause| match clause {
            Clause::When(condition) | Clause::Unless(condition) => self.value(condition),
        })
    }

    fn read(&mut self, read: Read) {
        let of_principal = |chain: &Chain| chain.root == Root::Principal;
        let is_constant = match &read {
            Read::Value(chain) | Read::Presence(chain) => of_principal(chain),
            Read::Same(one, other) => of_principal(one) && of_principal(other),
        };
        for chain in match &read {
            Read::Value(chain) | Read::Presence(chain) => [Some(chain), None],
            Read::Same(one, other) => [Some(one), Some(other)],
        }
        .into_iter()
        .flatten()
        {
            self.of_asker |= of_principal(chain) && chain.steps.first() != Some(&Attribute::Tenant);
            // They end a chain: they lead to no entity.
            if let Some((Attribute::Verified | Attribute::AuthTime, to)) = chain.steps.split_last() {
                self.claims(Chain { root: chain.root, steps: to.to_vec() });
            }
        }
        if !is_constant {
            self.reads.insert(read);
        }
    }

    /// Claims of the actor that a chain leads to are read.
    fn claims(&mut self, actor: Chain) {
        (self.of_asker, self.of_claims) = (true, true);
        if actor.root != Root::Principal {
            self.claimants.insert(actor);
        }
    }

    /// Whether a chain leads to an actor.
    fn is_actor(&self, chain: &Chain) -> bool {
        match (chain.steps.last(), chain.root) {
            (Some(last), _) => *last == Attribute::Owner,
            (None, Root::Principal) => true,
            (None, Root::Field(name)) => {
                let field = self.spec.context.iter().find(|field| field.name == name);
                field.is_some_and(|field| field.kind == FieldType::Entity(EntityType::Actor))
            }
            (None, Root::Resource | Root::Caller) => false,
        }
    }

    /// An expression is evaluated.
    fn value(&mut self, expression: &Expr) -> Result<(), NotFollowed> {
        match expression {
            Expr::Literal(_) => Ok(()),
            Expr::Var(_) | Expr::GetAttr { .. } => match self.path(expression)? {
                Path::Constant => Ok(()),
                Path::Context => Err(NotFollowed("it uses the whole context as a value")),
                Path::Chain(chain) => {
                    self.read(Read::Value(chain));
                    Ok(())
                }
            },
            Expr::HasAttr { expr, attrs } => self.presence(expr, attrs.iter().map(|name| &**name)),
            Expr::UnaryOp { expr, .. } | Expr::Like { expr, .. } => self.value(expr),
            Expr::BinaryOp { op: BinaryOp::Eq | BinaryOp::NotEq, left, right } => {
                match (self.path(left), self.path(right)) {
                    (Ok(Path::Chain(left)), Ok(Path::Chain(right))) => {
                        self.read(Read::Same(left, right));
                        Ok(())
                    }
                    _ => self.value(left).and_then(|()| self.value(right)),
                }
            }
            Expr::BinaryOp { op: BinaryOp::In | BinaryOp::HasTag | BinaryOp::GetTag, left, right } => {
                self.entity(left).and_then(|()| self.value(right))
            }
            Expr::BinaryOp { left, right, .. } => self.value(left).and_then(|()| self.value(right)),
            Expr::Is { expr, in_expr: None, .. } => self.value(expr),
            Expr::Is { expr, in_expr: Some(group), .. } => self.entity(expr).and_then(|()| self.value(group)),
            Expr::IfThenElse { cond, then_expr, else_expr } => {
                [cond, then_expr, else_expr].into_iter().try_for_each(|part| self.value(part))
            }
            Expr::Set(items) => items.iter().try_for_each(|item| self.value(item)),
            Expr::Record(fields) => fields.values().try_for_each(|field| self.value(field)),
            _ => Err(NotFollowed("it has an expression of a kind that is not known here")),
        }
    }

    /// What is above an entity or its tags are looked for. Of one that the request does not name, whether it is among the
    /// entities of the request would be read.
    fn entity(&mut self, expression: &Expr) -> Result<(), NotFollowed> {
        if let Path::Chain(chain) = self.path(expression)?
            && self.is_actor(&chain)
        {
            self.claims(chain);
        }
        self.value(expression)
    }

    /// `expression has a.b.c`: each step may be the one that is missing.
    fn presence<'n>(
        &mut self,
        expression: &Expr,
        names: impl Iterator<Item = &'n str>,
    ) -> Result<(), NotFollowed> {
        let mut path = self.path(expression)?;
        if let Path::Chain(chain) = &path {
            self.read(Read::Presence(chain.clone()));
        }
        for name in names {
            path = self.step(path, name)?;
            if let Path::Chain(chain) = &path {
                self.read(Read::Presence(chain.clone()));
            }
        }
        Ok(())
    }

    fn path(&mut self, expression: &Expr) -> Result<Path, NotFollowed> {
        match expression {
            Expr::Var(Var::Action) => Ok(Path::Constant),
            Expr::Var(Var::Principal) => Ok(Path::Chain(Chain { root: Root::Principal, steps: Vec::new() })),
            Expr::Var(Var::Resource) => Ok(Path::Chain(Chain { root: Root::Resource, steps: Vec::new() })),
            Expr::Var(Var::Context) => Ok(Path::Context),
            Expr::GetAttr { expr, attr } => {
                let path = self.path(expr)?;
                self.step(path, attr)
            }
            _ => Err(NotFollowed("it looks into something that is worked out or written as a literal")),
        }
    }

    fn step(&mut self, path: Path, name: &str) -> Result<Path, NotFollowed> {
        match path {
            Path::Constant => Ok(Path::Constant),
            Path::Context if name == "scopes" => {
                (self.of_asker, self.of_claims) = (true, true);
                Ok(Path::Constant)
            }
            Path::Context => {
                let root = if name == "pid" { Some(Root::Caller) } else { self.field(name) };
                // A field that the action does not have is never there.
                Ok(root.map_or(Path::Constant, |root| Path::Chain(Chain { root, steps: Vec::new() })))
            }
            Path::Chain(mut chain) => {
                let attribute = Attribute::named(name);
                chain
                    .steps
                    .push(attribute.ok_or(NotFollowed("it reads an attribute that is not known here"))?);
                Ok(Path::Chain(chain))
            }
        }
    }

    fn field(&self, name: &str) -> Option<Root> {
        self.spec.context.iter().find(|field| field.name == name).map(|field| Root::Field(field.name))
    }
}
