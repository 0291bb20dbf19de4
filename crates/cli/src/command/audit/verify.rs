//! `moonward audit verify`: whether the audit log is as it was written, and by whose word.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use app::Outline;
use audit::{Checkpoint, Finding, Question, VerifyError, VerifyingKey};
use clap::Args;

use super::filters::time;
use super::verdict;
use crate::command::{LogFolder, OutputForm};
use crate::exit::Exit;
use crate::fault::Fault;
use crate::print::{Output, Printer};
use crate::progress::ProgressLine;

/// Bytes of a file with a key or a checkpoint: both are under 1 KiB.
const FILE_BYTES_MAX: u64 = 64 * 1024;

/// Find out whether the audit log is as it was written
///
/// Each record holds the hash of the one before it, and checkpoints sign the head of that chain: a record that was changed, taken
/// out, put in or moved is found and named. It exits with 0 if nothing is, with 6 if the log was tampered with, and with 4 if it holds
/// together and no trusted key vouches for it.
///
/// Trusted are the keys given with `--key`, else the `public_key` of the app's `audit.log` entry, else the key that the app signs with. Any key that the log was ever signed with will
/// do; but the last key of an app's log has to be the one that the app signs with now, where that one can be read. Who may write the log's folder may also cut its tail off: that is seen only against a checkpoint that was kept elsewhere.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  moonward audit verify my-app
  moonward audit verify my-app --against checkpoint.txt
  moonward audit verify --log /mnt/copy/audit --key moonward.audit+32e8b641+AepKbGPinFIKvvVQexMuxfmVR3auvr57kkIe6mkURtIs
  moonward audit verify my-app --since 2d -o json")]
pub(super) struct Verify {
    /// Folder of the app [default: the current one]
    app: Option<PathBuf>,
    /// Key to trust: a verifier key, or a file with one, or with a key in PEM; can be given more than once
    #[arg(long = "key", value_name = "KEY")]
    keys: Vec<String>,
    /// File with a checkpoint that was kept where the log's writer cannot reach
    #[arg(long, value_name = "FILE")]
    against: Option<PathBuf>,
    /// Only segments that hold records since then, written as for `query` (`2d`, `2026-11-27 13:00`): faster, and no proof of what
    /// is before
    #[arg(long, value_name = "TIME", value_parser = time)]
    since: Option<SystemTime>,
    #[command(flatten)]
    log: LogFolder,
    #[command(flatten)]
    pub(super) output: OutputForm,
}

impl Verify {
    /// Verifies, and prints the verdict.
    pub(super) fn run(&self, printer: &Printer) -> Result<Exit, Fault> {
        let app = self.app()?;
        let folder = match (&self.log.log, &app) {
            (Some(folder), _) => folder.clone(),
            (None, Some(app)) => app.log_options(None).folder,
            (None, None) => PathBuf::new(),
        };
        // Of a log that is given alone it is not known whose it is.
        let in_force = match &app {
            Some(app) if self.app.is_some() || self.log.log.is_none() => written_with(app)?,
            _ => Vec::new(),
        };
        let best_effort = app.as_ref().is_some_and(|app| {
            self.log.log.is_none() && app.log_options(None).mode == audit::Mode::BestEffort
        });
        let trust = match app {
            _ if !self.keys.is_empty() => self.keys.iter().map(|key| given(key)).collect::<Result<_, _>>()?,
            Some(app) => of_app(&app)?,
            None => Vec::new(),
        };
        let against = self.against.as_deref().map(checkpoint).transpose()?;
        let question = Question {
            folder: &folder,
            trust: &trust,
            in_force: &in_force,
            against: against.as_ref(),
            since: self.since,
        };
        let line = Mutex::new(ProgressLine::new());
        let verdict = audit::verify(&question, &|progress| {
            line.lock().unwrap_or_else(PoisonError::into_inner).at(
                "verifying",
                progress.read,
                progress.total,
            );
        });
        drop(line);
        let mut verdict = verdict.map_err(fault)?;
        verdict.figures.best_effort |= best_effort;
        if printer.output() == Output::Json {
            printer.json(&verdict::json(&question, &verdict))?;
        } else {
            printer.data(&verdict::text(&question, &verdict))?;
            printer.say(&format!("help: {}", verdict::next_step(&question, &verdict)));
        }
        Ok(match verdict.finding {
            Finding::Intact => Exit::Done,
            Finding::Unverifiable(_) => Exit::Undetermined,
            Finding::Tampered(_) => Exit::Disproved,
        })
    }

    /// The app, if it has to say where the log is, or whom to trust. A log given alone needs none.
    fn app(&self) -> Result<Option<Outline>, Fault> {
        let needed = self.log.log.is_none() || self.app.is_some();
        match Outline::read(self.app.as_deref().unwrap_or(Path::new("."))) {
            Ok(app) => Ok(Some(app)),
            Err(_) if !needed => Ok(None),
            Err(found) => Err(Fault::Invalid(found)),
        }
    }
}

/// A key out of an argument: itself, or in a file.
fn given(argument: &str) -> Result<VerifyingKey, Fault> {
    if let Ok(key) = VerifyingKey::from_text(argument) {
        return Ok(key);
    }
    let path = Path::new(argument);
    if !path.exists() {
        let message = format!("`{argument}` is neither a verifier key nor a file");
        return Err(Fault::usage(message, "a verifier key begins with `moonward.audit+`"));
    }
    key_in(path)
}

/// The keys that an app trusts: the one that its manifest names, or else the one that it signs with.
fn of_app(app: &Outline) -> Result<Vec<VerifyingKey>, Fault> {
    if let Some(named) = app.manifest().audit_log.public_key {
        return Ok(vec![named]);
    }
    let key = app.log_options(None).key;
    if key.exists() { Ok(vec![key_in(&key)?]) } else { Ok(Vec::new()) }
}

/// The keys that an app writes with: the one in place, and the next while it is changed. None where they cannot be seen.
fn written_with(app: &Outline) -> Result<Vec<VerifyingKey>, Fault> {
    let key = app.log_options(None).key;
    let mut next = key.clone().into_os_string();
    next.push(".new");
    [key, next.into()].into_iter().filter(|path| path.exists()).map(|path| key_in(&path)).collect()
}

fn key_in(path: &Path) -> Result<VerifyingKey, Fault> {
    let text = text_of(path, "give the verifier key instead, with `--key`: it is no secret")?;
    VerifyingKey::from_text(&text).map_err(|invalid| Fault::Malformed {
        message: format!("`{}` is {invalid}", path.display()),
        help: "`moonward audit verify --help` shows what can be given",
    })
}

fn checkpoint(path: &Path) -> Result<Checkpoint, Fault> {
    let text = text_of(path, "it has to be readable by this user")?;
    Checkpoint::parse(&text).map_err(|invalid| Fault::Malformed {
        message: format!("`{}` is no checkpoint: {invalid}", path.display()),
        help: "a checkpoint is a signed note of three lines, whole, as docs/audit-format.md shows it",
    })
}

/// The text of a small file that somebody named.
fn text_of(path: &Path, help: &str) -> Result<String, Fault> {
    let unreadable =
        |why: String| Fault::failed(format!("`{}` cannot be read: {why}", path.display())).with_help(help);
    let file = File::open(path).map_err(|error| unreadable(error.to_string()))?;
    let mut text = String::new();
    file.take(FILE_BYTES_MAX).read_to_string(&mut text).map_err(|error| unreadable(error.to_string()))?;
    Ok(text)
}

fn fault(error: VerifyError) -> Fault {
    match error {
        VerifyError::NoLog(_) => Fault::failed(error.to_string()).with_help(
            "a log begins with the first `moonward run` or `moonward call`; `--log DIR` names another folder",
        ),
        VerifyError::Unreadable { .. } => Fault::failed(error.to_string()).with_help(
            "a log can change while it is read: try again; its files have to be readable by this user",
        ),
    }
}
