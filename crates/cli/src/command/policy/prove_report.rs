//! What a proof comes to, as it is shown: the verdict first, then what stands against it, then what was taken for granted;
//! the same as JSON, and counterexamples as tests.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use app::study::Property;
use diagnostic::visible;
use policy::prove::{Claim, Counterexample, Expected, NoSolver, NotAsked, Outcome, Solver, engine_versions};
use policy::study::Study;
use serde_json::{Value as Json, json};

use super::answer::Policy;
use crate::exit::Exit;
use crate::fault::Fault;
use crate::print::{Output, Printer};

/// Counterexamples that are shown whole; of the rest what they are about.
const WHOLE: usize = 2;

/// Claims that are named one by one; the rest is counted.
const NAMED: usize = 20;

/// Counterexamples that are written as tests.
pub(super) const TESTS: usize = 100;

/// How the answer came about.
#[derive(Debug)]
pub(super) enum Told {
    /// Nobody was asked.
    NoSolver(NoSolver),
    /// It was proved then.
    Remembered(SystemTime),
    /// What became of each claim, and how long that took.
    Now(Vec<Outcome>, Duration),
}

/// A property, its claims, and what became of them.
#[derive(Debug)]
pub(super) struct Report<'a> {
    property: &'a Property,
    claims: &'a [Claim],
    assumed: Vec<String>,
    pub(super) solver: Option<Solver>,
    pub(super) told: Told,
}

impl<'a> Report<'a> {
    /// Nothing is told yet.
    pub(super) fn new(property: &'a Property, study: &Study, claims: &'a [Claim]) -> Self {
        let told = Told::Now(Vec::new(), Duration::ZERO);
        Self { property, claims, assumed: assumed(property, study), solver: None, told }
    }

    /// The exit code that follows.
    pub(super) fn exit(&self) -> Exit {
        match &self.told {
            Told::NoSolver(_) => Exit::Undetermined,
            Told::Remembered(_) => Exit::Done,
            Told::Now(outcomes, _) if outcomes.len() != self.claims.len() => Exit::Undetermined,
            Told::Now(..) if self.counterexamples().next().is_some() => Exit::Disproved,
            Told::Now(..) if self.unknown().next().is_some() => Exit::Undetermined,
            Told::Now(..) => Exit::Done,
        }
    }

    fn outcomes(&self) -> impl Iterator<Item = (&Claim, &Outcome)> {
        let outcomes = match &self.told {
            Told::Now(outcomes, _) => outcomes.as_slice(),
            _ => &[],
        };
        self.claims.iter().zip(outcomes)
    }

    fn counterexamples(&self) -> impl Iterator<Item = (&Claim, &Counterexample)> {
        self.outcomes().filter_map(|(claim, outcome)| match outcome {
            Outcome::Counterexample(found) => Some((claim, &**found)),
            _ => None,
        })
    }

    fn unknown(&self) -> impl Iterator<Item = (&Claim, &str)> {
        self.outcomes().filter_map(|(claim, outcome)| match outcome {
            Outcome::Unknown(why) => Some((claim, why.as_str())),
            _ => None,
        })
    }

    /// How many permissions it is about.
    fn environments(&self) -> usize {
        let mut actions: Vec<&str> = self.claims.iter().map(|claim| claim.spec.action).collect();
        actions.sort_unstable();
        actions.dedup();
        actions.len()
    }

    /// Prints it.
    pub(super) fn print(&self, printer: &Printer) -> Result<(), Fault> {
        if printer.output() == Output::Json {
            return printer.json(&self.to_json());
        }
        printer.data(&self.to_text())?;
        if let Told::NoSolver(_) = &self.told {
            printer.say(
                "help: install cvc5 (`apt-get install cvc5`, or https://github.com/cvc5/cvc5/releases) or name it with `--solver PATH`",
            );
        } else if self.unknown().next().is_some() {
            printer.say("help: `--timeout` gives the solver more time");
        }
        Ok(())
    }

    fn to_text(&self) -> String {
        let claims = self.claims.len();
        let words = words(self.property);
        let mut text = match (&self.told, self.exit()) {
            (Told::NoSolver(none), _) => format!("UNKNOWN: {words}\n  {}\n", visible(&none.to_string())),
            (Told::Remembered(when), _) => {
                let when = humantime::format_rfc3339_seconds(*when);
                format!("PROVED: {words}: {}, remembered from {when}\n", self.extent())
            }
            (Told::Now(_, took), Exit::Done) => {
                format!("PROVED: {words}: {}, {:.1} s\n", self.extent(), took.as_secs_f64())
            }
            (_, Exit::Disproved) => {
                let found = self.counterexamples().count();
                let broken = match claims {
                    1 => "the claim is broken".to_owned(),
                    _ => {
                        format!("{found} of {claims} claims {} broken", if found == 1 { "is" } else { "are" })
                    }
                };
                format!("COUNTEREXAMPLE: not so: {words}: {broken}\n")
            }
            _ => {
                let unknown = self.unknown().count();
                format!("UNKNOWN: {words}: {unknown} of {claims} claims cannot be told\n")
            }
        };
        for (claim, found) in self.counterexamples().take(WHOLE) {
            text.push_str(&whole(claim, found));
        }
        let more: Vec<String> = self.counterexamples().skip(WHOLE).map(|(claim, _)| name(claim)).collect();
        text.push_str(&named("\nbroken too:", &more));
        let unknown: Vec<String> =
            self.unknown().map(|(claim, why)| format!("{}: {}", name(claim), visible(why))).collect();
        text.push_str(&named("\nnot told:", &unknown));
        text.push_str("\ntaken for granted:\n");
        for line in self.assumed.iter().chain(&self.made_with()) {
            let _ = writeln!(text, "  {line}");
        }
        text
    }

    fn extent(&self) -> String {
        format!("{} claims in {} request environments", self.claims.len(), self.environments())
    }

    fn made_with(&self) -> Option<String> {
        let solver = self.solver.as_ref()?;
        let (version, path) = (visible(solver.version()), solver.path().to_string_lossy());
        Some(format!("cvc5 {version} ({}) answers right, and so do {}", visible(&path), engine_versions()))
    }

    fn to_json(&self) -> Json {
        let verdict = match self.exit() {
            Exit::Done => "proved",
            Exit::Disproved => "counterexample",
            _ => "unknown",
        };
        let found: Vec<Json> = self
            .counterexamples()
            .map(|(claim, found)| {
                json!({
                    "about": claim.about.to_string(),
                    "action": claim.spec.action,
                    "principal": found.principal,
                    "resource": {"type": found.resource.0, "id": found.resource.1},
                    "context": found.context,
                    "entities": found.entities,
                    "decision_kind": found.verdict.kind,
                    "policies": found.verdict.policies.iter().map(Policy::of).collect::<Vec<_>>(),
                    "errors": found.verdict.errors,
                })
            })
            .collect();
        let unknown: Vec<Json> = self
            .unknown()
            .map(|(claim, why)| {
                json!({"about": claim.about.to_string(), "action": claim.spec.action, "why": why})
            })
            .collect();
        let why = match &self.told {
            Told::NoSolver(none) => Some(none.to_string()),
            _ => None,
        };
        let remembered = match &self.told {
            Told::Remembered(when) => Some(humantime::format_rfc3339_seconds(*when).to_string()),
            _ => None,
        };
        json!({
            "schema": "moonward.policy-prove/1",
            "property": words(self.property),
            "verdict": verdict,
            "why": why,
            "claims": self.claims.len(),
            "environments": self.environments(),
            "remembered": remembered,
            "counterexamples": found,
            "unknown": unknown,
            "assumed": self.assumed,
            "solver": self.solver.as_ref().map(|solver| json!({
                "path": solver.path().to_string_lossy(),
                "version": solver.version(),
            })),
            "engine": engine_versions(),
        })
    }

    /// The counterexamples in the form of `cedar run-tests`; nothing when there is none.
    pub(super) fn tests(&self) -> Option<Json> {
        let tests: Vec<Json> = self
            .counterexamples()
            .take(TESTS)
            .map(|(claim, found)| test(self.property, claim, found))
            .collect();
        (!tests.is_empty()).then(|| tests.into())
    }

    /// Counterexamples that are not among the tests.
    pub(super) fn tests_left_out(&self) -> usize {
        self.counterexamples().count().saturating_sub(TESTS)
    }
}

/// A property that comes to more claims than can be asked cannot be told.
pub(super) fn too_many(property: &Property, why: &NotAsked, printer: &Printer) -> Result<Exit, Fault> {
    let words = words(property);
    match printer.output() {
        Output::Json => printer.json(&json!({
            "schema": "moonward.policy-prove/1",
            "property": words,
            "verdict": "unknown",
            "why": why.to_string(),
        }))?,
        Output::Text => {
            printer.data(&format!("UNKNOWN: {words}\n  {why}\n"))?;
            printer
                .say("help: `--policies` takes a part of the policies; invariants can be split into files");
        }
    }
    Ok(Exit::Undetermined)
}

fn test(property: &Property, claim: &Claim, found: &Counterexample) -> Json {
    let uid = |kind: &str, id: &str| json!({"type": format!("Moonward::{kind}"), "id": id});
    let mut test = json!({
        "name": format!("{}: {}", words(property), name(claim)),
        "request": {
            "principal": uid("Actor", &found.principal),
            "action": uid("Action", claim.spec.action),
            "resource": uid(found.resource.0, &found.resource.1),
            "context": found.context,
        },
        "entities": found.entities,
        "decision": if found.expected == (Expected::NoError { allowed: true }) { "allow" } else { "deny" },
        "reason": [],
        "num_errors": 0,
    });
    if let (Expected::DeniedByGuard, Json::Object(members)) = (found.expected, &mut test) {
        members.insert("kind".to_owned(), "deny_forbid".into());
    }
    test
}

fn name(claim: &Claim) -> String {
    format!("{} ({})", claim.spec.action, visible(&claim.about.to_string()))
}

fn named(title: &str, names: &[String]) -> String {
    if names.is_empty() {
        return String::new();
    }
    let mut text = format!("{title}\n");
    for name in names.iter().take(NAMED) {
        let _ = writeln!(text, "  {name}");
    }
    if names.len() > NAMED {
        let _ = writeln!(text, "  and {} more", names.len() - NAMED);
    }
    text
}

/// A counterexample: who asks for what, and all that there is to know of it.
fn whole(claim: &Claim, found: &Counterexample) -> String {
    let mut text = format!("\n{}\n", name(claim));
    let _ = writeln!(text, "  actor     {}", visible(&found.principal));
    let _ = writeln!(text, "  resource  {} {}", found.resource.0, visible(&found.resource.1));
    for (name, value) in found.context.as_object().into_iter().flatten() {
        let _ = writeln!(text, "  context   {name}: {}", shown(value));
    }
    for entity in found.entities.as_array().into_iter().flatten() {
        let mut parts = Vec::new();
        for (name, value) in entity.get("attrs").and_then(Json::as_object).into_iter().flatten() {
            parts.push(format!("{name} {}", shown(value)));
        }
        for (name, value) in entity.get("tags").and_then(Json::as_object).into_iter().flatten() {
            parts.push(format!("tag {} {}", visible(name), shown(value)));
        }
        let parents = entity.get("parents").and_then(Json::as_array).map_or(&[][..], Vec::as_slice);
        parts.extend((!parents.is_empty()).then(|| format!("in {}", shown(&Json::from(parents.to_vec())))));
        let uid = entity.get("uid").map(kind_and_id).unwrap_or_default();
        if !parts.is_empty() {
            let _ = writeln!(text, "  where     {uid}: {}", parts.join(", "));
        }
    }
    let ids: Vec<String> = found
        .verdict
        .policies
        .iter()
        .map(|policy| match &*policy.id {
            "prove.everything" => "a permit of everything".to_owned(),
            id => format!("`{}` ({})", visible(id), visible(&policy.position())),
        })
        .collect();
    if found.verdict.allows() {
        let _ = writeln!(text, "  allowed by {}, and no forbid of the guard", ids.join(", "));
    }
    for error in &found.verdict.errors {
        let _ = writeln!(text, "  denied, since {}", visible(error));
    }
    text
}

/// A value of Cedar's as people read it.
fn shown(value: &Json) -> String {
    match value {
        Json::String(text) => format!("\"{}\"", visible(text)),
        Json::Array(items) => {
            let items: Vec<String> = items.iter().map(shown).collect();
            if items.is_empty() { "none".to_owned() } else { items.join(", ") }
        }
        Json::Object(members) if members.contains_key("__entity") || members.contains_key("id") => {
            let id = members.get("__entity").unwrap_or(value).get("id").and_then(Json::as_str);
            visible(id.unwrap_or_default())
        }
        other => visible(&other.to_string()),
    }
}

fn kind_and_id(uid: &Json) -> String {
    let text = |name: &str| uid.get(name).and_then(Json::as_str).unwrap_or_default();
    let kind = text("type");
    format!("{} {}", kind.strip_prefix("Moonward::").unwrap_or(kind), visible(text("id")))
}

/// A property in words.
fn words(property: &Property) -> String {
    match property {
        Property::Isolation => "the guard keeps tenants apart, whatever scopes permit".to_owned(),
        Property::NeverErrors => "no policy ever fails".to_owned(),
        Property::NoNewAccess(base) => {
            format!("nothing is allowed that `{}` does not allow", visible(&base.to_string_lossy()))
        }
        Property::Invariants(path) => {
            format!("what is allowed keeps to the invariants of `{}`", visible(&path.to_string_lossy()))
        }
    }
}

fn assumed(property: &Property, study: &Study) -> Vec<String> {
    let mut assumed = vec![
        "requests and entities keep to the schema, and none that a policy could read is missing: the gate makes them so"
            .to_owned(),
        "an id tells tenant and kind, and a process is its owner's tenant's: the product has no others".to_owned(),
    ];
    let of_guard: Vec<_> = study.policies().filter(|policy| policy.forbids()).collect();
    let enforced = of_guard.iter().filter(|policy| !policy.shadow).count();
    let replaced =
        study.bundle().warnings().iter().any(|found| found.code == "policy.shipped-guard-replaced");
    let shipped = if replaced { "; the shipped one is replaced" } else { ", the shipped ones among them" };
    assumed.push(format!("the guard is the {enforced} forbids that are enforced{shipped}"));
    let shadow: Vec<String> = study
        .policies()
        .filter(|policy| policy.shadow)
        .map(|policy| format!("`{}` ({})", visible(&policy.id), visible(&policy.position())))
        .collect();
    if !shadow.is_empty() && *property != Property::NeverErrors {
        assumed.push(format!("policies in shadow decide nothing and do not count: {}", shadow.join(", ")));
    }
    if let Property::NoNewAccess(_) = property {
        let what = "what is compared are guard, scopes, and who has which by default or as a service, with the service's tags, and whether something else is said of an issuer; not tenants, definitions, hosts, keys, and which scopes are shared";
        assumed.push(what.to_owned());
    }
    assumed
}
