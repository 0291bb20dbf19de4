//! A sweep: every claim put to solvers, several at once, until all are answered or time is up.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};
use std::{io, thread};

use cedar_policy::{Policy, RequestEnv};
use cedar_policy_symcc::err::Error;
use cedar_policy_symcc::solver::SolverError;
use cedar_policy_symcc::{CedarSymCompiler, CompiledPolicySet, Env};

use super::claim::{Broken, Claim, Outcome, Sides};
use super::confirm::confirm;
use super::known::{Known, Named};
use super::side::Side;
use super::solver::{Session, Solver, runtime};
use super::strict;
use crate::cedar::{SCHEMA, action_uid, type_name};
use crate::limits::{
    CEDAR_MESSAGE_CHARS_MAX, EVALUATION_STACK_BYTES, PROOF_SIDES_BYTES_MAX, PROOF_WAIT_MAX, SOLVERS_MAX,
};
use crate::study::{Study, type_named};
use crate::vocabulary::EntityType;

/// What becomes of each claim, in their order, with nobody waiting longer than `wait`, or [`PROOF_WAIT_MAX`]; `done` is told after each how many are.
/// What was not answered by then is unknown. Claims are about the policies of `study`.
///
/// # Errors
/// The system gives no thread.
pub fn sweep(
    study: &Study,
    claims: &[Claim],
    solver: &Solver,
    wait: Duration,
    mut done: impl FnMut(usize),
) -> io::Result<Vec<Outcome>> {
    let deadline = Instant::now() + wait.min(PROOF_WAIT_MAX);
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let (next, (report, reports)) = (AtomicUsize::new(0), mpsc::channel());
    let work = |report: mpsc::Sender<(usize, Outcome)>| {
        let mut asking = Asking::new(study, solver, deadline);
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(claim) = claims.get(number) else { break };
            let outcome = match &mut asking {
                Ok(asking) => asking.outcome(claim),
                Err(why) => Outcome::Unknown(why.clone()),
            };
            if report.send((number, outcome)).is_err() {
                break;
            }
        }
        if let Ok(asking) = asking {
            asking.end();
        }
    };
    let mut outcomes = vec![Outcome::Unknown("the engine gave up on it".to_owned()); claims.len()];
    thread::scope(|scope| {
        let mut threads = Vec::new();
        for _ in 0..cores.min(SOLVERS_MAX).min(claims.len()) {
            let (report, work) = (report.clone(), &work);
            let thread = thread::Builder::new().name("policy proof".to_owned());
            let thread = thread.stack_size(EVALUATION_STACK_BYTES);
            threads.push(thread.spawn_scoped(scope, move || work(report))?);
        }
        drop(report);
        for (count, (number, outcome)) in reports.iter().enumerate() {
            if let Some(place) = outcomes.get_mut(number) {
                *place = outcome;
            }
            done(count + 1);
        }
        // One that panicked has left its claim as it was: unknown.
        threads.into_iter().for_each(|thread| drop(thread.join()));
        io::Result::Ok(())
    })?;
    Ok(outcomes)
}

/// One solver and who asks it.
struct Asking<'a> {
    study: &'a Study,
    deadline: Instant,
    runtime: tokio::runtime::Runtime,
    compiler: CedarSymCompiler<Session<'a>>,
}

impl<'a> Asking<'a> {
    fn new(study: &'a Study, solver: &'a Solver, deadline: Instant) -> Result<Self, String> {
        let compiler =
            CedarSymCompiler::new(Session::new(solver, deadline)).map_err(|error| error.to_string())?;
        Ok(Self { study, deadline, runtime: runtime()?, compiler })
    }

    fn end(mut self) {
        self.runtime.block_on(self.compiler.solver_mut().end());
    }

    fn outcome(&mut self, claim: &Claim) -> Outcome {
        self.tried(claim).unwrap_or_else(Outcome::Unknown)
    }

    /// First for every request that keeps to the schema; where that fails, for those that can come; and where that fails
    /// too, for one that is easy to read. The engine has the last word.
    fn tried(&mut self, claim: &Claim) -> Result<Outcome, String> {
        let Sides::Sets { left, right, only } = &claim.sides else { return Ok(Outcome::Proved) };
        if is_same(left, right) {
            return Ok(Outcome::Proved);
        }
        is_in_bounds([left, right, only])?;
        self.in_time()?;
        let allowed = Question {
            claim,
            right: CompiledPolicySet::compile(&claim.right()?, &env(claim), &SCHEMA).map_err(words)?,
        };
        let Some(any) = self.ask(&allowed, left, only)? else { return Ok(Outcome::Proved) };
        let named = named([left, right, only].into_iter().flat_map(|side| side.iter()))?;
        let mut known = Known::of(claim.spec).by_construction(&named);
        let mut readable = known.clone().readable();
        if let Broken::Allowed { by_guard: true } = claim.broken {
            known = known.any_held();
            // That it is this one which permits is a help to readers: a guard can tell scopes apart.
            readable = claim.held.iter().fold(readable, |readable, scope| readable.held(scope));
        } else {
            known = claim.held.iter().fold(known, |known, scope| known.held(scope));
            readable = known.clone().readable();
        }
        let readable = readable.policies()?;
        let with = |more: Vec<Policy>| -> Vec<Policy> { only.iter().cloned().chain(more).collect() };
        let known = with(known.policies()?);
        let possible = self.ask(&allowed, left, &known)?;
        let readable = self.ask(&allowed, left, &with(readable)).ok().flatten();
        let Some(possible) = possible else { return Ok(Outcome::Proved) };
        if let Broken::Untold(why) = &claim.broken {
            return Err(why.clone());
        }
        let mut why = String::new();
        for model in readable.into_iter().chain([possible, any]) {
            match confirm(self.study, claim, &model, &named) {
                Ok(found) => return Ok(Outcome::Counterexample(Box::new(found))),
                Err(error) if why.is_empty() => why = error,
                Err(_) => {}
            }
        }
        Err(format!("the solver's counterexample is none: {why}"))
    }

    /// A request that the first set allows with the forbids of `also`, and the second does not.
    fn ask(
        &mut self,
        question: &Question<'_>,
        left: &[Policy],
        also: &[Policy],
    ) -> Result<Option<Env>, String> {
        self.in_time()?;
        let left = strict::decided(left.iter().chain(also))?;
        let left = CompiledPolicySet::compile(&left, &env(question.claim), &SCHEMA).map_err(words)?;
        self.compiler.solver_mut().clear();
        let asked = self.compiler.check_implies_with_counterexample_opt(&left, &question.right);
        self.runtime.block_on(asked).map_err(words)
    }

    /// Looked at before each piece of work that nothing interrupts.
    fn in_time(&self) -> Result<(), String> {
        if Instant::now() >= self.deadline { Err("time is up".to_owned()) } else { Ok(()) }
    }
}

/// Policies allow what they allow: nobody has to be asked.
fn is_same(left: &Side, right: &Side) -> bool {
    left.written().digest == right.written().digest
}

fn is_in_bounds(sides: [&Side; 3]) -> Result<(), String> {
    let bytes: usize = sides.iter().map(|side| side.written().bytes).sum();
    if bytes > PROOF_SIDES_BYTES_MAX {
        return Err(format!("its policies are over {PROOF_SIDES_BYTES_MAX} bytes long together"));
    }
    Ok(())
}

struct Question<'a> {
    claim: &'a Claim,
    right: CompiledPolicySet,
}

fn env(claim: &Claim) -> RequestEnv {
    let (principal, resource) = (type_name(EntityType::Actor), type_name(claim.spec.resource));
    RequestEnv::new(principal.clone(), action_uid(claim.spec.action), resource.clone())
}

/// The entities that policies name, actions left out.
fn named<'a>(policies: impl Iterator<Item = &'a Policy>) -> Result<Vec<Named>, String> {
    let mut named = Vec::new();
    for policy in policies {
        let of_policy = strict::named(policy)?;
        named.extend(of_policy.into_iter().filter_map(|(kind, id)| Some((type_named(&kind)?, id))));
    }
    named.sort();
    named.dedup();
    Ok(named)
}

/// Why a question has no answer, at most as long as somebody reads.
fn words(error: Error) -> String {
    let words = match error {
        Error::SolverError(SolverError::Solver(why)) => why,
        Error::SolverError(SolverError::UnrecognizedSolverOutput(said)) => {
            format!("the solver said what nobody asked for: `{said}`")
        }
        Error::ModelInvalid { .. } => "the solver's counterexample is none, by its own terms".to_owned(),
        Error::SolverUnknown => "the solver cannot tell".to_owned(),
        Error::PolicyNotWellTyped { errs } => {
            let first = errs.first().map_or(String::new(), |error| format!(": {error}"));
            format!("a policy is not well typed{first}")
        }
        error => error.to_string(),
    };
    words.chars().take(CEDAR_MESSAGE_CHARS_MAX).collect()
}
