//! What is looked at: each thing tried as an app would use it.

use std::fs;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use audit::{Event, EventKind, Log, Options};
use diagnostic::visible;
use serde_json::{Value as Json, json};

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finding {
    name: &'static str,
    /// Whether it is well.
    pub(super) state: State,
    text: String,
}

/// Whether it is well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// It is.
    Well,
    /// Apps run, but not at their best.
    Poor,
    /// Apps will not run.
    Wrong,
}

impl State {
    fn text(self) -> &'static str {
        match self {
            Self::Well => "ok",
            Self::Poor => "warning",
            Self::Wrong => "error",
        }
    }
}

impl Finding {
    fn well(name: &'static str, text: impl Into<String>) -> Self {
        Self { name, state: State::Well, text: text.into() }
    }

    fn of(name: &'static str, outcome: Result<String, String>, otherwise: State) -> Self {
        match outcome {
            Ok(text) => Self::well(name, text),
            Err(text) => Self { name, state: otherwise, text },
        }
    }

    pub(super) fn to_text(&self) -> String {
        format!("{:<8} {:<16} {}\n", self.state.text(), self.name, visible(&self.text))
    }

    pub(super) fn to_json(&self) -> Json {
        json!({"name": self.name, "state": self.state.text(), "text": self.text})
    }
}

/// Everything, in the order in which a run would meet it.
pub(super) fn all(log_folder: Option<&Path>) -> Vec<Finding> {
    vec![
        Finding::well("moonward", version()),
        Finding::of("cores", cores(), State::Poor),
        Finding::of("memory", memory(), State::Poor),
        Finding::of("stack", stack(), State::Wrong),
        Finding::of("clock", clock(), State::Wrong),
        Finding::of("virtual machine", virtual_machine(), State::Wrong),
        Finding::of("audit log", audit_log(log_folder), State::Wrong),
    ]
}

fn version() -> String {
    let build = if cfg!(debug_assertions) { "debug" } else { "release" };
    let (system, machine) = (std::env::consts::OS, std::env::consts::ARCH);
    format!("{} ({build} build, {system} {machine})", env!("CARGO_PKG_VERSION"))
}

fn cores() -> Result<String, String> {
    let cores =
        thread::available_parallelism().map_err(|error| format!("not known, one is used: {error}"))?;
    Ok(format!("{cores}, a worker thread each"))
}

/// Memory that can be used before the system ends a process for it.
fn memory() -> Result<String, String> {
    /// Below it a few tenants with the default limits fill the machine: 256 MiB.
    const ENOUGH_KIB: u64 = 256 * 1024;
    let text = fs::read_to_string("/proc/meminfo").map_err(|error| format!("not known here: {error}"))?;
    let (Some(available), Some(total)) = (kibibytes(&text, "MemAvailable"), kibibytes(&text, "MemTotal"))
    else {
        return Err("not known here: `/proc/meminfo` does not tell".to_owned());
    };
    let text = format!("{} MiB available of {} MiB", available / 1024, total / 1024);
    if available < ENOUGH_KIB {
        Err(format!("{text}, at least {} MiB advised", ENOUGH_KIB / 1024))
    } else {
        Ok(text)
    }
}

fn kibibytes(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    line.split_whitespace().next()?.parse().ok()
}

/// A thread as workers are, and the policy engine at home on it.
fn stack() -> Result<String, String> {
    let bytes = sandbox::limits::WORKER_STACK_BYTES;
    let thread = thread::Builder::new().stack_size(bytes).spawn(|| {});
    let refused =
        |why: String| format!("a thread with {} MiB of stack cannot be made: {why}", bytes / 1024 / 1024);
    let thread = thread.map_err(|error| refused(error.to_string()))?;
    thread.join().map_err(|_| refused("it panicked".to_owned()))?;
    Ok(format!("{} MiB a worker", bytes / 1024 / 1024))
}

/// Records carry the time, and timers need a clock that is fine enough.
fn clock() -> Result<String, String> {
    /// 2025-01-01: before this program was built.
    const BUILT_AFTER: Duration = Duration::from_secs(1_735_689_600);
    /// Timers count in milliseconds.
    const STEP_MAX: Duration = Duration::from_millis(1);
    let now = SystemTime::now();
    let shown = value::rfc3339_seconds(now);
    if now.duration_since(SystemTime::UNIX_EPOCH).is_ok_and(|since| since < BUILT_AFTER) {
        return Err(format!("it says {shown}, which is before this program was built"));
    }
    let start = Instant::now();
    let step = loop {
        let step = start.elapsed();
        if !step.is_zero() {
            break step;
        }
    };
    if step > STEP_MAX {
        return Err(format!("it moves in steps of {step:?}, at most {STEP_MAX:?} allowed"));
    }
    Ok(format!("{shown}, in steps of at most {step:?}"))
}

/// In a process of its own: what is tried has brought down virtual machines.
fn virtual_machine() -> Result<String, String> {
    let program =
        std::env::current_exe().map_err(|error| format!("the program does not find itself: {error}"))?;
    let started = Instant::now();
    let output = Command::new(program)
        .args(["doctor", "--self-test"])
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("self-test cannot be started: {error}"))?;
    if output.status.success() {
        let report = String::from_utf8_lossy(&output.stdout);
        return Ok(format!("{}, in {} ms", report.trim(), started.elapsed().as_millis()));
    }
    let why = String::from_utf8_lossy(&output.stderr);
    let why = why.lines().find_map(|line| line.strip_prefix("error: ")).map(str::to_owned);
    Err(why.unwrap_or_else(|| format!("self-test ended with {}", output.status)))
}

/// A log of its own on the same disk: the app's may be in use.
fn audit_log(folder: Option<&Path>) -> Result<String, String> {
    const SYNCS: u32 = 20;
    let wanted = folder.map_or_else(std::env::temp_dir, Path::to_path_buf);
    // A log makes its folder: what matters is the disk that this will be on.
    let parent = wanted.ancestors().find(|folder| folder.as_os_str().is_empty() || folder.exists());
    let parent = match parent {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_path_buf(),
        _ => Path::new(".").to_path_buf(),
    };
    let shown = parent.display();
    let unwritable = |error: io::Error| format!("`{shown}` cannot be written: {error}");
    let folder =
        tempfile::Builder::new().prefix(".moonward-doctor-").tempdir_in(&parent).map_err(unwritable)?;
    let log = Log::open(Options::new(folder.path().join("log"))).map_err(|error| error.to_string())?;
    let started = Instant::now();
    for _ in 0..SYNCS {
        log.accept(Event::new(EventKind::Admin).into()).map_err(|error| error.to_string())?;
        log.sync().map_err(|error| error.to_string())?;
    }
    let each = started.elapsed() / SYNCS;
    log.close().map_err(|error| error.to_string())?;
    Ok(format!("`{shown}` can be written, a record is durable in {:.1} ms", each.as_secs_f64() * 1000.0))
}

#[cfg(test)]
mod tests {
    use super::{Finding, State, audit_log, kibibytes};

    #[test]
    fn a_finding_is_one_line_whatever_it_holds() {
        let finding = Finding::of("clock", Err("it says\n1970".into()), State::Wrong);
        assert_eq!(finding.to_text(), "error    clock            it says\\u{a}1970\n");
        assert_eq!(
            finding.to_json().to_string(),
            r#"{"name":"clock","state":"error","text":"it says\n1970"}"#
        );
    }

    #[test]
    fn memory_is_read_as_the_system_writes_it() {
        let text = "MemTotal:       24689764 kB\nMemFree:  1 kB\nMemAvailable:   23001484 kB\n";
        assert_eq!(kibibytes(text, "MemAvailable"), Some(23_001_484));
        assert_eq!(kibibytes(text, "Mem"), None);
    }

    #[test]
    fn a_folder_that_is_not_there_is_judged_by_the_one_that_it_would_be_made_in() {
        let folder = tempfile::tempdir().unwrap();
        let text = audit_log(Some(&folder.path().join("missing/too"))).unwrap();
        assert!(text.contains(&format!("`{}` can be written", folder.path().display())), "{text}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_file_is_no_place_for_a_log() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert!(audit_log(Some(file.path())).unwrap_err().contains("cannot be written"));
    }
}
