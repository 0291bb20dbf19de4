//! The solver: a `cvc5` program that is asked questions, and trusted with nothing but their answers.
//!
//! It runs beside us, has a deadline, and is ended when that has passed, or when it says what nobody asked for. After each question it
//! has to repeat a word of ours, so that no answer is taken for that of another question. What questions mean is not known here.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use cedar_policy_symcc::SmtLibScript as _;
use cedar_policy_symcc::solver::{Decision, DecisionWithModel, Solver as Asked, SolverError};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::{Instant, timeout_at};

use crate::limits::{PROOF_ANSWER_BYTES_MAX, PROOF_SCRIPT_BYTES_MAX, SOLVER_VERSION_WAIT};

/// A program that answers as cvc5 does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Solver {
    path: PathBuf,
    version: String,
}

/// There is no solver to ask.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoSolver {
    /// No program of that name.
    #[error("there is no solver: `{}` is not on the PATH", .0.display())]
    NotFound(PathBuf),
    /// A program that cannot be used.
    #[error("`{}` cannot be used as a solver: {why}", path.display())]
    Unusable {
        /// The program.
        path: PathBuf,
        /// Why not. Hostile text.
        why: String,
    },
}

impl Solver {
    /// The program at this path; without one, or for a name without `/`, the one that the PATH has.
    ///
    /// # Errors
    /// There is none, or it does not say that it is cvc5 within `wait`, or [`SOLVER_VERSION_WAIT`].
    pub fn find(path: Option<&Path>, wait: Duration) -> Result<Self, NoSolver> {
        let name = path.unwrap_or(Path::new("cvc5"));
        let path = match name.as_os_str().as_encoded_bytes().contains(&b'/') {
            true => name.to_owned(),
            false => on_path(name).ok_or_else(|| NoSolver::NotFound(name.to_owned()))?,
        };
        match runtime().and_then(|runtime| runtime.block_on(version(&path, wait.min(SOLVER_VERSION_WAIT)))) {
            Ok(version) => Ok(Self { path, version }),
            Err(why) => Err(NoSolver::Unusable { path, why }),
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The version that it says it has, such as `1.0.3`. Hostile text.
    pub fn version(&self) -> &str {
        &self.version
    }
}

/// The first program of that name, in the folders that are named whole; a file that cannot be run is none.
fn on_path(name: &Path) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let can_be_run = |program: &PathBuf| {
        let about = program.metadata();
        about.is_ok_and(|about| about.is_file() && about.permissions().mode() & 0o111 != 0)
    };
    let folders = std::env::split_paths(&path).filter(|folder| folder.is_absolute());
    folders.map(|folder| folder.join(name)).find(can_be_run)
}

/// What proofs wait on: one solver, on one thread.
pub(super) fn runtime() -> Result<tokio::runtime::Runtime, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build();
    runtime.map_err(|error| error.to_string())
}

async fn version(path: &Path, wait: Duration) -> Result<String, String> {
    let mut child = command(path).arg("--version").spawn().map_err(|error| error.to_string())?;
    let mut text = String::new();
    let said = async {
        let Some(stdout) = child.stdout.take() else { return Ok(0) };
        stdout.take(PROOF_ANSWER_BYTES_MAX as u64).read_to_string(&mut text).await
    };
    let said = timeout_at(Instant::now() + wait, said).await;
    // However it went, nothing of it stays.
    let _ = child.kill().await;
    match said {
        Err(_) => return Err(format!("it did not say its version within {wait:?}")),
        Ok(Err(error)) => return Err(error.to_string()),
        Ok(Ok(_)) => {}
    }
    let version = text.split_once("cvc5 version ").and_then(|(_, rest)| rest.split_whitespace().next());
    let version = version.map(|version| version.chars().take(40).collect());
    version.ok_or_else(|| "`--version` does not say that it is cvc5".to_owned())
}

fn command(path: &Path) -> Command {
    let mut command = Command::new(path);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
    command
}

/// Questions to one process, one after the other. It is started when the first is asked, and again after it was ended.
pub(super) struct Session<'s> {
    solver: &'s Solver,
    deadline: Instant,
    script: Vec<u8>,
    running: Option<Running>,
    asked: u64,
}

struct Running {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl<'s> Session<'s> {
    /// Questions that are all answered by then.
    pub(super) fn new(solver: &'s Solver, deadline: std::time::Instant) -> Self {
        Self { solver, deadline: deadline.into(), script: Vec::new(), running: None, asked: 0 }
    }

    /// Forgets what was written and not sent.
    pub(super) fn clear(&mut self) {
        self.script.clear();
    }

    /// Ends the process, and waits until it is gone.
    pub(super) async fn end(&mut self) {
        if let Some(mut running) = self.running.take() {
            let _ = running.child.kill().await;
        }
    }

    /// Sends what was written so far and gives the lines that are answered.
    async fn ask(&mut self) -> Result<String, SolverError> {
        if self.script.len() > PROOF_SCRIPT_BYTES_MAX {
            self.script = Vec::new();
            let why = format!("the question is over {PROOF_SCRIPT_BYTES_MAX} bytes long");
            return Err(SolverError::Solver(why));
        }
        let answer = match timeout_at(self.deadline, self.exchange()).await {
            Ok(answer) => answer,
            Err(_) => Err(SolverError::Solver("the solver did not answer in time".to_owned())),
        };
        self.script.clear();
        if answer.is_err() {
            self.end().await;
        }
        answer
    }

    async fn exchange(&mut self) -> Result<String, SolverError> {
        self.asked += 1;
        let word = format!("moonward-{}", self.asked);
        self.script.extend_from_slice(format!("(echo \"{word}\")\n").as_bytes());
        if self.running.is_none() {
            self.running = Some(self.start()?);
        }
        let Some(Running { stdin, stdout, .. }) = &mut self.running else {
            return Err(SolverError::SolverMarkedFailed);
        };
        let script = &self.script;
        let send = async {
            stdin.write_all(script).await?;
            stdin.flush().await.map_err(SolverError::from)
        };
        // Both at once: a solver that talks before it listens fills its pipe.
        let ((), answer) = tokio::try_join!(send, read(stdout, &word))?;
        Ok(answer)
    }

    fn start(&self) -> Result<Running, SolverError> {
        // It ends itself, too: what a script starts in its turn is not ours to end.
        let left = self.deadline.saturating_duration_since(Instant::now()) + Duration::from_secs(1);
        let mut child = command(&self.solver.path)
            .args(["--lang", "smt", "--quiet"])
            .arg(format!("--tlimit={}", left.as_millis()))
            .spawn()?;
        match (child.stdin.take(), child.stdout.take()) {
            (Some(stdin), Some(stdout)) => Ok(Running { child, stdin, stdout: BufReader::new(stdout) }),
            _ => Err(SolverError::SolverMarkedFailed),
        }
    }
}

/// All lines before the one that is `word`.
async fn read(stdout: &mut BufReader<ChildStdout>, word: &str) -> Result<String, SolverError> {
    let mut answer = Vec::new();
    loop {
        let from = answer.len();
        let room = (PROOF_ANSWER_BYTES_MAX + 1).saturating_sub(from);
        let read = (&mut *stdout).take(room as u64).read_until(b'\n', &mut answer).await?;
        if answer.len() > PROOF_ANSWER_BYTES_MAX {
            let why = format!("the solver's answer is over {PROOF_ANSWER_BYTES_MAX} bytes long");
            return Err(SolverError::Solver(why));
        }
        let line = answer.get(from..).unwrap_or_default().trim_ascii();
        if line
            .trim_ascii_start()
            .strip_prefix(b"\"")
            .and_then(|line| line.strip_suffix(b"\""))
            .unwrap_or(line)
            == word.as_bytes()
        {
            answer.truncate(from);
            return String::from_utf8(answer)
                .map_err(|_| SolverError::Solver("the solver's answer is not text".to_owned()));
        }
        if read == 0 {
            return Err(SolverError::Solver("the solver ended without an answer".to_owned()));
        }
    }
}

impl Asked for Session<'_> {
    fn smtlib_input(&mut self) -> &mut (dyn AsyncWrite + Unpin + Send) {
        &mut self.script
    }

    async fn enable_models(&mut self) -> Result<(), SolverError> {
        Ok(self.script.set_option("produce-models", "true").await?)
    }

    async fn check_sat(&mut self) -> Result<Decision, SolverError> {
        self.script.check_sat().await?;
        let answer = self.ask().await?;
        match answer.trim() {
            "sat" => Ok(Decision::Sat),
            "unsat" => Ok(Decision::Unsat),
            "unknown" => Ok(Decision::Unknown),
            other => {
                let other = other.chars().take(200).collect();
                self.end().await;
                Err(SolverError::UnrecognizedSolverOutput(other))
            }
        }
    }

    async fn check_sat_with_model(&mut self) -> Result<DecisionWithModel, SolverError> {
        match self.check_sat().await? {
            Decision::Unsat => Ok(DecisionWithModel::Unsat),
            Decision::Unknown => Ok(DecisionWithModel::Unknown),
            Decision::Sat => {
                self.script.get_model().await?;
                Ok(DecisionWithModel::Sat { model: self.ask().await? })
            }
        }
    }
}
