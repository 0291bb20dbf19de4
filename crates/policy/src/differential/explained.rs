//! Explanations held against plain Cedar: what is said of each part of a generated policy is what Cedar decides by that part
//! alone, and whatever is suggested allows the case.

use audit::DecisionKind;
use cedar_policy::{Authorizer, Decision, Policy, PolicySet};

use super::{Asked, Case, Class, Policies, QUESTIONS_A_GENERATION, Random, World, on_a_large_stack};
use crate::permission::{Datum, Given, Resource, Subject};
use crate::study::{Claim, ClaimForm, Explained, Facts, Outcome, Posed, Remedy, Section, Sitting, Study};

/// Worlds of one run, each with its own policies.
const WORLDS: usize = 40;

/// Questions of one world.
const QUESTIONS: u64 = QUESTIONS_A_GENERATION / 10;

#[test]
fn what_is_explained_is_what_cedar_says_and_what_is_suggested_allows_the_case() {
    on_a_large_stack(|| {
        let mut random = Random::seeded();
        let (mut clauses, mut parts, mut changes, mut scopes, mut wider) = (0, 0, 0, 0, 0);
        for _ in 0..WORLDS {
            let world = World::new(&mut random, ["acme", "beta"]);
            let policies = Policies::new(&mut random, &world);
            let study = Study::new(policies.load(&world));
            let facts = facts(&world);
            let asked: Vec<Asked<'_>> = (0..QUESTIONS).map(|_| world.question(&mut random)).collect();
            let posed: Vec<Posed> = asked.iter().map(posed).collect();
            let counted = study.sit(|sitting| {
                let mut counted = [0; 5];
                for posed in &posed {
                    let told = posed.with(|case| sitting.explain(case)).unwrap();
                    let verdict = posed.with(|case| sitting.decide(case)).unwrap();
                    assert_eq!(told.verdict.kind, verdict.kind);
                    let alone = Alone::of(&study, posed);
                    for explained in &told.policies {
                        counted[0] += explained.clauses.len();
                        counted[1] += alone.agrees(explained);
                        let wanted = verdict.kind != DecisionKind::DenyDefault;
                        let failed = verdict.kind == DecisionKind::DenyError;
                        assert!(explained.matches() == (wanted && !failed), "{explained:?}");
                        if let Some(wider) = explained.wider(posed) {
                            assert_eq!(
                                alone.decides(&wider.source.text),
                                Outcome::True,
                                "{}",
                                wider.source.text
                            );
                            counted[4] += 1;
                        }
                    }
                    for remedy in sitting.remedies(posed, &told, &facts, None) {
                        assert!(posed.reaches().is_none());
                        match remedy {
                            Remedy::Change(changes) => {
                                assert!(
                                    allows(&posed.changed(&facts, &changes).unwrap(), sitting),
                                    "{changes:?}"
                                );
                                for at in 0..changes.len() {
                                    let mut fewer = changes.clone();
                                    fewer.remove(at);
                                    let needed = fewer.is_empty()
                                        || posed
                                            .changed(&facts, &fewer)
                                            .map_or(true, |posed| !allows(&posed, sitting));
                                    assert!(needed, "{changes:?} are more than is needed");
                                }
                                counted[2] += 1;
                            }
                            Remedy::Scope(scope, scopes) => {
                                assert_eq!(verdict.kind, DecisionKind::DenyDefault);
                                assert_eq!(scope.tenant(), posed.actor.tenant());
                                assert!(allows(&Posed { scopes, ..posed.clone() }, sitting));
                                counted[3] += 1;
                            }
                        }
                    }
                }
                counted
            });
            let [of_clauses, of_parts, of_changes, of_scopes, of_wider] = counted.unwrap();
            clauses += of_clauses;
            parts += of_parts;
            changes += of_changes;
            scopes += of_scopes;
            wider += of_wider;
        }
        println!(
            "{clauses} clauses, {parts} parts; {changes} changes, {scopes} scopes, {wider} permits suggested"
        );
        for number in [clauses, parts, changes, scopes, wider] {
            assert!(number > 20, "{number}: tests little");
        }
    });
}

fn allows(posed: &Posed, sitting: &mut Sitting<'_>) -> bool {
    posed.with(|case| sitting.decide(case)).unwrap().allows()
}

/// A case, decided by one policy alone, which has nothing but a condition.
struct Alone {
    case: Case,
}

impl Alone {
    fn of(study: &Study, posed: &Posed) -> Self {
        posed.with(|case| {
            let (spec, fields) =
                crate::asked::pose(case.action, case.resource.entity_type(), case.fields).unwrap();
            let question = crate::study::question(case, spec, &fields);
            let class = Class::of(&question, study.bundle()).unwrap();
            Self { case: study.generation().case(&question, &class).unwrap() }
        })
    }

    /// What a permit comes to.
    fn decides(&self, permit: &str) -> Outcome {
        let policies = PolicySet::from_policies([Policy::parse(None, permit).unwrap()]).unwrap();
        let response = Authorizer::new().is_authorized(&self.case.request, &policies, &self.case.entities);
        match (response.diagnostics().errors().next(), response.decision()) {
            (Some(_), _) => {
                let span = diagnostic::Span::unread("");
                Outcome::Fails(String::new(), span)
            }
            (None, Decision::Allow) => Outcome::True,
            (None, Decision::Deny) => Outcome::False,
        }
    }

    /// Holds each part of a policy against Cedar; how many there are.
    fn agrees(&self, explained: &Explained) -> usize {
        let parts = explained.clauses.iter().map(|clause| {
            assert!(!clause.claim.span.source.text.is_empty());
            match clause.section {
                // As Cedar reads a head.
                Section::Principal | Section::Action | Section::Resource => {
                    let mut head = ["principal", "action", "resource"].map(str::to_owned);
                    let at = head.iter().position(|name| name == clause.section.name()).unwrap();
                    head[at] = text(&clause.claim).to_owned();
                    self.same(&clause.claim, &format!("permit ({});", head.join(", ")));
                    1
                }
                Section::When | Section::Unless => self.part(&clause.claim),
            }
        });
        parts.sum()
    }

    fn part(&self, claim: &Claim) -> usize {
        self.same(claim, &format!("permit (principal, action, resource) when {{ {} }};", text(claim)));
        1 + match &claim.form {
            ClaimForm::Test { .. } => 0,
            ClaimForm::All(parts) | ClaimForm::Any(parts) => parts.iter().map(|part| self.part(part)).sum(),
            ClaimForm::Not(part) => self.part(part),
            ClaimForm::If(test, taken) => {
                self.part(test) + taken.as_ref().map_or(0, |taken| self.part(taken))
            }
        }
    }

    fn same(&self, claim: &Claim, permit: &str) {
        let decided = self.decides(permit);
        let same = match (&claim.outcome, &decided) {
            (Outcome::Fails(..), Outcome::Fails(..)) => true,
            (said, decided) => said == decided,
        };
        assert!(same, "{permit}: {:?}, and Cedar {decided:?}", claim.outcome);
    }
}

fn text(claim: &Claim) -> &str {
    &claim.span.source.text[claim.span.start..claim.span.end]
}

fn facts(world: &World) -> Facts {
    let mut facts = Facts::default();
    for tenant in &world.tenants {
        facts.add_tenant(crate::identity::Tenant::new(tenant.clone()));
    }
    world.actors.iter().for_each(|actor| facts.add_actor(actor.id().to_string(), actor.clone()));
    world.definitions.iter().for_each(|definition| facts.add_definition(definition.clone()));
    world.hosts.iter().for_each(|host| facts.add_host(host.clone()));
    world.scopes.iter().for_each(|scope| facts.add_scope(scope.clone()));
    world.processes.iter().for_each(|process| facts.add_process(process.pid().to_string(), process.clone()));
    facts
}

fn posed(asked: &Asked<'_>) -> Posed {
    let given = |datum: Datum<'_>| match datum {
        Datum::Bool(truth) => Given::Bool(truth),
        Datum::Long(number) => Given::Long(number),
        Datum::String(text) => Given::Text(text.to_owned()),
        Datum::Strings(texts) => Given::Texts(texts.to_vec()),
        Datum::Via(via) => Given::Via(via),
        Datum::Host(host) => Given::Host(host.clone()),
        Datum::Process(process) => Given::Process(process.clone()),
        Datum::Actor(actor) => Given::Actor(actor.clone()),
        Datum::Scope(scope) => Given::Scope(scope.clone()),
    };
    Posed {
        actor: asked.actor.clone(),
        scopes: asked.scopes.clone(),
        process: asked.process.cloned(),
        spec: asked.spec,
        subject: match asked.resource {
            Resource::Process(process) => Subject::Process(process.clone()),
            Resource::Definition(definition) => Subject::Definition(definition.clone()),
            Resource::Host(host) => Subject::Host(host.clone()),
            Resource::Name(name) => Subject::Name(name.clone()),
            Resource::Facility(facility) => Subject::Facility(facility),
            Resource::Tenant(tenant) => Subject::Tenant(tenant.clone()),
            Resource::Namespace(namespace) => Subject::Namespace(namespace.clone()),
        },
        fields: asked.context.iter().map(|(name, datum)| (name, given(datum))).collect(),
        assumed: Vec::new(),
        stand_ins: 0,
    }
}
