//! Who may do one thing: an answer for each actor that is known, and which permits could let in others.
//!
//! An answer is told only if it is the same whatever is not said: the fields of the context that nobody gave, and which
//! process asks. Where actors and their scopes come from is not known here.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;
use std::rc::Rc;
use std::sync::Arc;

use cedar_policy::{Entities, PrincipalConstraint};

use self::told::Told;
use super::case::{Case, Posed};
use super::partly::{Apart, CALLER, Outcomes, Unsaid, reads_claims};
use super::view::PolicyView;
use super::{Study, on_a_large_stack};
use crate::asked::{self, InvalidQuestion};
use crate::bundle::Loaded;
use crate::cedar::type_name;
use crate::entity;
use crate::identity::{Actor, ScopeSet, TenantId};
use crate::limits::{STUDY_KINDS_MAX, STUDY_OPENINGS_MAX};
use crate::permission::Spec;
use crate::resource::{Definition, Host, Process};
use crate::slice;
use crate::vocabulary::{EntityType, Group};

mod told;

/// Whether an actor may.
#[derive(Debug, Clone)]
pub enum May {
    /// It may, by these policies, whatever is not said.
    Yes(Vec<PolicyView>),
    /// It may not, whatever is not said.
    No,
    /// That depends.
    Depends {
        /// The fields of the context that it depends on, by name; `pid` is the process that asks.
        on: BTreeSet<&'static str>,
        /// The policies that read them, ordered by id.
        by: Vec<PolicyView>,
    },
}

/// A permit that could let in somebody who is not known.
#[derive(Debug, Clone)]
pub struct Opening {
    /// The permit.
    pub policy: PolicyView,
    /// Whom its head names.
    pub whom: Whom,
    /// The tenants whose actors it could let in, ordered by id.
    pub tenants: Vec<TenantId>,
}

/// Whom the head of a permit names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whom {
    /// One actor, by its id: one that was not asked about, or not with other scopes, roles or tags. Hostile text.
    Actor(String),
    /// Whoever has a role. Hostile text.
    Role(String),
    /// Anybody of the tenants.
    Anybody,
}

/// Who could be let in beside those that are known.
#[derive(Clone, Copy)]
pub struct Others<'a> {
    /// The tenants that they could be of.
    pub tenants: &'a [TenantId],
    /// The scopes that they could hold; nothing for any.
    pub scopes: Option<&'a ScopeSet>,
    /// The actors that are known, by id, each with the scopes that it was asked about under.
    pub known: &'a HashMap<&'a str, Vec<(&'a Actor, &'a ScopeSet)>>,
}

/// One permission, asked for by one actor after the other.
pub struct Inquiry<'s> {
    study: &'s Study,
    spec: &'static Spec,
    unsaid: Unsaid,
    /// Policies taken apart, by where they are in memory and what is not said.
    apart: HashMap<(Vec<usize>, bool, bool), Rc<Apart>>,
}

impl Study {
    /// Asks who may do something, on a thread with a large stack. `said` are the fields of the context that are given,
    /// with `pid` where it is said which process asks, or that none does.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn inquire<T: Send>(
        &self,
        spec: &'static Spec,
        said: &BTreeSet<String>,
        work: impl FnOnce(&mut Inquiry<'_>) -> T + Send,
    ) -> io::Result<T> {
        let fields = spec.context.iter().map(|field| field.name).filter(|name| !said.contains(*name));
        let unsaid = Unsaid { fields: fields.collect(), caller: !said.contains(CALLER), asker: false };
        on_a_large_stack(|| work(&mut Inquiry { study: self, spec, unsaid, apart: HashMap::new() }))
    }

    /// The tenants that heads of permits name for this permission.
    pub fn tenants_named(&self, spec: &'static Spec) -> BTreeSet<TenantId> {
        let scopes = self.bundle().scopes.values();
        let permits = scopes.flat_map(|held| held.policies.concerning(spec));
        permits.filter_map(|sliced| named(&sliced.loaded).1).collect()
    }
}

impl Inquiry<'_> {
    /// Whether the actor of a case may do what it asks for.
    ///
    /// # Errors
    /// As [`super::Sitting::decide`].
    pub fn may(&mut self, posed: &Posed) -> Result<May, InvalidQuestion> {
        let study = self.study;
        posed.with(|case| {
            let selected = study.bundle().select(case.actor, self.spec, case.scopes);
            let selected: Vec<&Arc<Loaded>> = selected.into_iter().map(|sliced| &sliced.loaded).collect();
            self.whoever_asks(case, &selected, false)
        })
    }

    /// The permits that could let in somebody who is not known, ordered by file and place. `posed` is a case of
    /// anybody's; of it, what is asked about counts.
    ///
    /// # Errors
    /// As [`super::Sitting::decide`].
    pub fn openings(&mut self, posed: &Posed, others: Others<'_>) -> Result<Vec<Opening>, InvalidQuestion> {
        let bundle = self.study.bundle();
        let door = self.spec.group == Group::Doors;
        let mut found: BTreeMap<(&str, usize), Opening> = BTreeMap::new();
        let mut told = Told::of(self.study, self.spec, others.known);
        let mut asked = 0;
        let mut guards = bundle.guards.concerning(self.spec).filter(|sliced| !sliced.loaded.shadow);
        let guard_reads_claims = guards.any(|sliced| reads_claims(&sliced.loaded.policy, self.spec));
        for (id, held) in &bundle.scopes {
            let owner = held.scope.tenant();
            let is_meant = others.scopes.is_none_or(|scopes| scopes.contains(id));
            if !is_meant || (door && !owner.is_system()) {
                continue;
            }
            let scopes = ScopeSet::new([held.scope.clone()]);
            let mut seen = BTreeSet::new();
            for sliced in held.policies.concerning(self.spec) {
                let loaded = &sliced.loaded;
                if loaded.shadow || !seen.insert(loaded.position()) {
                    continue;
                }
                let (whom, of) = named(loaded);
                let is_told = !guard_reads_claims
                    && matches!(&whom, Whom::Actor(actor) if told.of_permit(actor, id, loaded))
                    && !reads_claims(&loaded.policy, self.spec);
                if is_told {
                    continue;
                }
                for tenant in others.tenants {
                    let is_for = owner.is_system() || owner == tenant;
                    if !is_for || of.as_ref().is_some_and(|of| of != tenant) {
                        continue;
                    }
                    asked += 1;
                    // Whom nobody asked about could be let in.
                    if asked > STUDY_OPENINGS_MAX
                        || self.could_open(posed, loaded, &whom, (tenant, &scopes))?
                    {
                        let opening = || Opening {
                            policy: self.study.places.view(loaded),
                            whom: whom.clone(),
                            tenants: Vec::new(),
                        };
                        let opening = found.entry(loaded.position()).or_insert_with(opening);
                        opening.tenants.push(tenant.clone());
                    }
                }
            }
        }
        Ok(found.into_values().collect())
    }

    /// Whether a permit could let in somebody of this tenant whom its head names, past the guard.
    fn could_open(
        &mut self,
        posed: &Posed,
        permit: &Arc<Loaded>,
        whom: &Whom,
        (tenant, scopes): (&TenantId, &ScopeSet),
    ) -> Result<bool, InvalidQuestion> {
        let somebody = Actor::stand_in(tenant);
        let actor = match whom {
            Whom::Actor(id) => Actor::parse(id).unwrap_or(somebody),
            Whom::Role(role) => somebody.clone().with_roles([role.as_str()]).unwrap_or(somebody),
            Whom::Anybody => somebody,
        };
        let names = slice::named_by(&actor);
        let guards = self.study.bundle().guards.select(&names, self.spec).map(|sliced| &sliced.loaded);
        let policies: Vec<&Arc<Loaded>> = guards.chain([permit]).collect();
        let posed = Posed { actor: Arc::new(actor), scopes: scopes.clone(), ..posed.clone() };
        let may = posed.with(|case| self.whoever_asks(case, &policies, true))?;
        Ok(!matches!(may, May::No))
    }

    /// The answer that holds whichever process asks, if that is not said: none, or one of the asker's own.
    fn whoever_asks(
        &mut self,
        case: &Case<'_>,
        policies: &[&Arc<Loaded>],
        asker: bool,
    ) -> Result<May, InvalidQuestion> {
        let tenants = &self.study.bundle().tenants;
        let shared = entity::of_class(case.actor, case.scopes, self.spec, tenants);
        // What the engine cannot be asked is denied.
        let Ok(shared) = shared else { return Ok(May::No) };
        let unsaid = |caller| Unsaid { caller, asker, fields: self.unsaid.fields.clone() };
        let (outside, inside) = (unsaid(false), unsaid(true));
        let outside = self.answer(case, &shared, policies, &outside)?;
        if !self.unsaid.caller {
            return Ok(outside);
        }
        let own = process_of(case.actor);
        let case = Case { process: Some(&own), ..*case };
        let inside = self.answer(&case, &shared, policies, &inside)?;
        Ok(match (outside, inside) {
            (May::Yes(by), May::Yes(_)) => May::Yes(by),
            (May::No, May::No) => May::No,
            (May::Depends { mut on, mut by }, May::Depends { on: also, by: others }) => {
                on.extend(also);
                by.extend(others);
                May::Depends { on, by: in_order(by) }
            }
            // What an answer depends on that is the same either way is no less open for that.
            (one, other) => {
                let (mut on, mut by) = (BTreeSet::from([CALLER]), Vec::new());
                for may in [one, other] {
                    match may {
                        May::Yes(policies) => by.extend(policies),
                        May::No => {}
                        May::Depends { on: also, by: policies } => {
                            on.extend(also);
                            by.extend(policies);
                        }
                    }
                }
                May::Depends { on, by: in_order(by) }
            }
        })
    }

    fn answer(
        &mut self,
        case: &Case<'_>,
        shared: &Entities,
        policies: &[&Arc<Loaded>],
        unsaid: &Unsaid,
    ) -> Result<May, InvalidQuestion> {
        let (spec, fields) = asked::pose(case.action, case.resource.entity_type(), case.fields)?;
        let question = super::question(case, spec, &fields);
        let made = self.study.generation.case_with(&question, shared);
        let Ok(made) = made else { return Ok(May::No) };
        let apart = self.apart(policies, unsaid);
        let outcomes = apart.outcomes(&made);
        let view = |loaded: &Arc<Loaded>| self.study.places.view(loaded);
        let (mut sure, mut perhaps, mut denies) = (Vec::new(), Vec::new(), Vec::new());
        for (taken, outcomes) in outcomes {
            let forbids = self.study.places.is_guard(&taken.loaded);
            let denying = if forbids { Outcomes::TRUE.or(Outcomes::FAILS) } else { Outcomes::FAILS };
            if outcomes.is_within(denying) {
                return Ok(May::No);
            }
            if outcomes.has(denying) {
                denies.push(taken);
            }
            if !forbids && outcomes == Outcomes::TRUE {
                sure.push(taken);
            } else if !forbids && outcomes.has(Outcomes::TRUE) {
                perhaps.push(taken);
            }
        }
        if sure.is_empty() && perhaps.is_empty() {
            return Ok(May::No);
        }
        if denies.is_empty() && !sure.is_empty() {
            return Ok(May::Yes(in_order(sure.iter().map(|taken| view(&taken.loaded)).collect())));
        }
        // Where one permits for sure, what the others permit is of no account.
        let open = if sure.is_empty() { perhaps } else { Vec::new() };
        let open: Vec<_> = open.into_iter().chain(denies).collect();
        Ok(May::Depends {
            on: open.iter().flat_map(|taken| taken.unsaid.iter().copied()).collect(),
            by: in_order(open.iter().map(|taken| view(&taken.loaded)).collect()),
        })
    }

    fn apart(&mut self, policies: &[&Arc<Loaded>], unsaid: &Unsaid) -> Rc<Apart> {
        let enforced = || policies.iter().copied().filter(|loaded| !loaded.shadow);
        let places = enforced().map(address).collect();
        let key = (places, unsaid.caller, unsaid.asker);
        if let Some(apart) = self.apart.get(&key) {
            return apart.clone();
        }
        if self.apart.len() >= STUDY_KINDS_MAX {
            self.apart.clear();
        }
        let apart = Rc::new(Apart::of(enforced(), self.spec, unsaid));
        self.apart.insert(key, apart.clone());
        apart
    }
}

/// Where a policy is in memory: one is loaded once.
pub(super) fn address(loaded: &Arc<Loaded>) -> usize {
    Arc::as_ptr(loaded).addr()
}

/// A process of an actor, of which no more is known.
fn process_of(actor: &Arc<Actor>) -> Arc<Process> {
    let stand_in = Process::stand_in("one of its own", actor.tenant(), 0);
    let (definition, host): (&Arc<Definition>, &Arc<Host>) = (stand_in.definition(), stand_in.host());
    Arc::new(Process::new("one of its own", actor.clone(), definition.clone(), host.clone(), None, 0))
}

/// Whom the head of a permit names, and their tenant, if it says one.
fn named(permit: &Loaded) -> (Whom, Option<TenantId>) {
    let named = match permit.policy.principal_constraint() {
        PrincipalConstraint::Any | PrincipalConstraint::Is(_) => return (Whom::Anybody, None),
        PrincipalConstraint::Eq(named)
        | PrincipalConstraint::In(named)
        | PrincipalConstraint::IsIn(_, named) => named,
    };
    let id: &str = named.id().unescaped();
    let tenant = |id: &str| TenantId::new(id.split('/').next().unwrap_or_default()).ok();
    if named.type_name() == type_name(EntityType::Actor) {
        (Whom::Actor(id.to_owned()), tenant(id))
    } else if named.type_name() == type_name(EntityType::Role) {
        (Whom::Role(id.to_owned()), tenant(id))
    } else {
        (Whom::Anybody, tenant(id))
    }
}

/// Ordered by id, each once.
fn in_order(mut policies: Vec<PolicyView>) -> Vec<PolicyView> {
    policies.sort_by(|one, other| (&one.id, one.span.start).cmp(&(&other.id, other.span.start)));
    policies.dedup_by(|one, other| one.id == other.id && one.place == other.place);
    policies
}
