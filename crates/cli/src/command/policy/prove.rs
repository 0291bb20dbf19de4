//! `moonward policy prove`: what policies can never do, shown for every request that there can be.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use app::study::suggest::put;
use app::study::{NotPosed, Posed, Premises, Proofs, Property};
use clap::Args;
use diagnostic::{did_you_mean, visible};
use policy::limits::PROOF_WAIT_MAX;
use policy::prove::{self, Solver};

use super::super::OutputForm;
use super::premises::{Source, failed, usage_with};
use super::prove_report::{Report, TESTS, Told, too_many};
use crate::exit::Exit;
use crate::fault::Fault;
use crate::print::Printer;
use crate::progress::ProgressLine;

/// Prove what policies can never do, for every request that there can be
///
/// PROPERTY is `isolation` (the guard keeps tenants apart, whatever scopes permit), `never-errors` (no policy fails),
/// `no-new-access` (nothing is allowed that BASE does not allow: an app, file or folder of policies), or a file or folder
/// of invariants: a policy of Cedar each, a `forbid` of what must never be allowed, or a `permit` of what may at most be.
///
/// Each permission is a question for cvc5, a solver. Exits with 0 if all is proved, with 6 and a request if there is a
/// counterexample, which the engine has confirmed, and with 4 if something could not be told: there is no solver, it took
/// too long or died.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  moonward policy prove isolation my-app
  moonward policy prove never-errors my-app --timeout 10m
  moonward policy prove no-new-access released/my-app my-app
  moonward policy prove invariants.cedar my-app --save-counterexample my-app/policies/tests/found_test.json
  moonward policy prove isolation --policies guard.cedar -o json")]
pub(super) struct Prove {
    /// `isolation`, `never-errors`, `no-new-access`, or a file or folder of invariants
    property: String,
    /// Folder of the app [default: .]; for `no-new-access`, BASE before it
    #[arg(value_name = "PATH", num_args = 0..=2)]
    paths: Vec<PathBuf>,
    /// File or folder of policies, instead of an app's; can be given more than once
    #[arg(long = "policies", value_name = "PATH")]
    policies: Vec<PathBuf>,
    /// The solver: a `cvc5` program; a name without `/` is looked for on the PATH [default: cvc5]
    #[arg(long, value_name = "PATH")]
    solver: Option<PathBuf>,
    /// How long the solver may take for everything, such as `30s` or `10m`
    #[arg(long, value_name = "DURATION", default_value = "1m", value_parser = wait)]
    timeout: Duration,
    /// Write counterexamples as tests, which `moonward policy test` runs: they fail until the claim holds. The name ends in
    /// `_test.json`
    #[arg(long, value_name = "FILE")]
    save_counterexample: Option<PathBuf>,
    /// Replace what `--save-counterexample` names
    #[arg(long, requires = "save_counterexample")]
    force: bool,
    /// Prove anew what was proved before, and do not remember it
    #[arg(long)]
    no_cache: bool,
    #[command(flatten)]
    pub(super) output: OutputForm,
}

fn wait(text: &str) -> Result<Duration, String> {
    let wait = humantime::parse_duration(text).map_err(|error| format!("{error}; write `30s` or `10m`"))?;
    if wait > PROOF_WAIT_MAX {
        return Err(format!("at most {} is allowed", humantime::format_duration(PROOF_WAIT_MAX)));
    }
    Ok(wait)
}

impl Prove {
    /// Proves it, or says what stands against it.
    pub(super) fn run(&self, printer: &Printer) -> Result<Exit, Fault> {
        let (property, app) = self.property()?;
        let source = Source { app, policies: self.policies.clone() };
        let premises = source.premises(None)?;
        if let Some(path) = &self.save_counterexample {
            self.may_save(&premises, &source.app, path)?;
        }
        let Posed { study, claims } = match property.pose(&premises) {
            Ok(posed) => posed,
            Err(NotPosed::Invalid(found)) => return Err(Fault::Invalid(found)),
            Err(NotPosed::TooMany(why)) => return too_many(&property, &why, printer),
        };
        let mut report = Report::new(&property, &study, &claims);
        let begun = Instant::now();
        match Solver::find(self.solver.as_deref(), self.timeout) {
            Err(none) => report.told = Told::NoSolver(none),
            Ok(solver) => {
                let proofs = if self.no_cache { None } else { Proofs::of_user() };
                let unknown = |why| Fault::failed(format!("{why}; `--no-cache` proves without remembering"));
                let digested = |proofs| prove::digest(&claims, &solver).map(|digest| (proofs, digest));
                let proofs = proofs.map(digested).transpose().map_err(unknown)?;
                let known = proofs.as_ref().and_then(|(proofs, digest)| proofs.proved(digest, claims.len()));
                report.told = match known {
                    Some(when) => Told::Remembered(when),
                    None => {
                        let mut progress = ProgressLine::new();
                        let all = claims.len() as u64;
                        let done = |done: usize| progress.at("proving", done as u64, all);
                        let outcomes = prove::sweep(&study, &claims, &solver, self.timeout, done);
                        Told::Now(outcomes.map_err(|error| failed(&error))?, begun.elapsed())
                    }
                };
                if let (Some((proofs, digest)), Told::Now(..), Exit::Done) =
                    (proofs, &report.told, report.exit())
                    && let Err(error) = proofs.keep(&digest, claims.len())
                {
                    printer.say(&format!("warning: the proof is not remembered: {error}"));
                }
                report.solver = Some(solver);
            }
        }
        report.print(printer)?;
        if let Some(path) = &self.save_counterexample {
            self.save(path, &report, printer)?;
        }
        Ok(report.exit())
    }

    /// Whether counterexamples may be written there, before anybody waits for them.
    fn may_save(&self, premises: &Premises, app: &Path, path: &Path) -> Result<(), Fault> {
        let shown = visible(&path.to_string_lossy());
        if !path.file_name().is_some_and(|name| name.to_string_lossy().ends_with("_test.json")) {
            let message = format!("`{shown}` is no name of a file of tests");
            return Err(usage_with(
                &message,
                Some("let it end in `_test.json`: then `moonward policy test` runs it"),
            ));
        }
        if premises.is_in_force(app, path) {
            return Err(Fault::failed(format!("`{shown}` holds policies that are in force")));
        }
        if !self.force && path.symlink_metadata().is_ok() {
            let fault = Fault::failed(format!("`{shown}` is there already"));
            return Err(fault.with_help("`--force` replaces it"));
        }
        Ok(())
    }

    /// Writes the counterexamples as tests, if there are any. That it cannot be done is said, and changes nothing about what was
    /// found.
    fn save(&self, path: &Path, report: &Report<'_>, printer: &Printer) -> Result<(), Fault> {
        let Some(tests) = report.tests() else { return Ok(()) };
        let text = serde_json::to_string_pretty(&tests).map_err(|error| Fault::failed(error.to_string()))?;
        if let Err(refused) = put(path, &(text + "\n"), self.force) {
            let help = refused.help.map_or(String::new(), |help| format!("\nhelp: {}", visible(&help)));
            printer.say(&format!("error: {}{help}", visible(&refused.message)));
            return Ok(());
        }
        let (shown, left_out) = (visible(&path.to_string_lossy()), report.tests_left_out());
        let of = match left_out {
            0 => String::new(),
            _ => format!(" with the first {TESTS} counterexamples, {left_out} more are left out"),
        };
        printer.say(&format!("ok: wrote {shown}{of}; `moonward policy test` runs it"));
        Ok(())
    }

    /// What is to be proved, and the app that it is about.
    fn property(&self) -> Result<(Property, PathBuf), Fault> {
        let [first, second] = [0, 1].map(|at| self.paths.get(at));
        let app = |path: Option<&PathBuf>| path.cloned().unwrap_or_else(|| PathBuf::from("."));
        if self.property == "no-new-access" {
            let help =
                "name an app, file or folder of policies: `moonward policy prove no-new-access BASE APP`";
            let base = first.ok_or_else(|| Fault::usage("`no-new-access` of what? BASE is missing", help))?;
            return Ok((Property::NoNewAccess(base.clone()), app(second)));
        }
        if let Some(second) = second {
            let message = format!("one app is enough: what is `{}`?", visible(&second.to_string_lossy()));
            return Err(usage_with(&message, Some("only `no-new-access` takes a BASE, before the app")));
        }
        let property = match self.property.as_str() {
            "isolation" => Property::Isolation,
            "never-errors" => Property::NeverErrors,
            path if Path::new(path).exists() => Property::Invariants(PathBuf::from(path)),
            unknown => {
                let near = did_you_mean(unknown, ["isolation", "never-errors", "no-new-access"]);
                let near = near.map_or(String::new(), |near| format!(", did you mean `{near}`?"));
                let message = format!("there is no property `{}` and no such file{near}", visible(unknown));
                let help =
                    "there are `isolation`, `never-errors`, `no-new-access BASE`, and files of invariants";
                return Err(usage_with(&message, Some(help)));
            }
        };
        Ok((property, app(first)))
    }
}
