//! A policy as a tool shows it: where it is written, where it applies, and what it says to people.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use diagnostic::{Source, Span, visible};

use crate::bundle::{Bundle, Loaded};

/// Where a policy applies.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// It is a forbid of the guard, which binds every check.
    Guard,
    /// It is a permit of the scope of this id.
    Scope(Arc<str>),
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Guard => formatter.write_str("guard"),
            Self::Scope(id) => formatter.write_str(id),
        }
    }
}

/// One policy.
#[derive(Debug, Clone)]
pub struct PolicyView {
    /// Its `@id`.
    pub id: Arc<str>,
    /// Where it applies.
    pub place: Place,
    /// Where it is written, from its first annotation to its `;`.
    pub span: Span,
    /// Whether it is written in the shipped guard, which is in the product and in no folder of an app.
    pub shipped: bool,
    /// Its `@advice`, for whoever is denied. Hostile text.
    pub advice: Option<Arc<str>>,
    /// Its `@severity`. Hostile text.
    pub severity: Option<Arc<str>>,
    /// Whether each allow that it determines is recorded: `@audit("always")`.
    pub audited: bool,
    /// Whether it is in shadow: `@mode("shadow")`.
    pub shadow: bool,
}

impl PolicyView {
    /// `file:line`.
    pub fn position(&self) -> String {
        format!("{}:{}", self.span.source.path, self.span.position().0)
    }

    /// Its id and where it applies, for people: "`a` of the guard", "`a` of `acme:staff`".
    pub fn named(&self) -> String {
        let id = visible(&self.id);
        match &self.place {
            Place::Guard => format!("`{id}` of the guard"),
            Place::Scope(scope) => format!("`{id}` of `{}`", visible(scope)),
        }
    }

    /// The same, and where it is written.
    pub fn placed(&self) -> String {
        format!("{} ({})", self.named(), visible(&self.position()))
    }

    /// The same as a heading over its lines: "permit `a` of scope `acme:staff`".
    pub fn title(&self) -> String {
        let id = visible(&self.id);
        match &self.place {
            Place::Guard => format!("forbid `{id}` of the guard"),
            Place::Scope(scope) => format!("permit `{id}` of scope `{}`", visible(scope)),
        }
    }

    /// Its text as written.
    pub fn text(&self) -> &str {
        self.span.source.text.get(self.span.start..self.span.end).unwrap_or_default()
    }

    /// Whether it is a forbid: only the guard has those.
    pub fn forbids(&self) -> bool {
        self.place == Place::Guard
    }
}

/// Where each policy of a bundle applies, by where the policy is in memory.
pub(super) struct Places {
    all: HashMap<usize, Place>,
    shipped_guard: Arc<Source>,
}

impl Places {
    /// The bundle has to be kept as long.
    pub(super) fn of(bundle: &Bundle) -> Self {
        let key = |loaded: &Arc<Loaded>| Arc::as_ptr(loaded).addr();
        let guards = bundle.guards.iter().map(|loaded| (key(loaded), Place::Guard));
        let scopes = bundle.scopes.iter().flat_map(|(id, scope)| {
            scope.policies.iter().map(move |loaded| (key(loaded), Place::Scope(id.clone())))
        });
        Self { all: guards.chain(scopes).collect(), shipped_guard: bundle.shipped_guard.clone() }
    }

    /// Whether it is a policy of the guard: a forbid.
    pub(super) fn is_guard(&self, loaded: &Arc<Loaded>) -> bool {
        self.all.get(&Arc::as_ptr(loaded).addr()).is_none_or(|place| *place == Place::Guard)
    }

    pub(super) fn view(&self, loaded: &Arc<Loaded>) -> PolicyView {
        let said = |name| loaded.policy.annotation(name).map(Arc::from);
        PolicyView {
            id: loaded.id.clone(),
            place: self.all.get(&Arc::as_ptr(loaded).addr()).cloned().unwrap_or(Place::Guard),
            span: loaded.span.clone(),
            shipped: Arc::ptr_eq(&loaded.span.source, &self.shipped_guard),
            advice: said("advice"),
            severity: said("severity"),
            audited: loaded.audited,
            shadow: loaded.shadow,
        }
    }
}
