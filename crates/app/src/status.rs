//! What a service is doing, for people and programs that look on.

use crate::identifier::Id;

/// One service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceStatus {
    /// Its id.
    pub id: String,
    /// What it is doing.
    pub state: ServiceState,
    /// Its process, while it runs.
    pub pid: Option<String>,
    /// How often it was started again since it last ran well.
    pub restarts: u32,
    /// How its last run failed. Text of a script: hostile wherever it is shown.
    pub error: Option<String>,
}

/// What a service is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ServiceState {
    /// It is not started: nothing needs it, or nobody has started services yet.
    Idle,
    /// It is about to start: it waits for what it requires, or for its time after a failure.
    Starting,
    /// Its process runs.
    Running,
    /// Its process was asked to end.
    Stopping,
    /// Its main function returned.
    Returned,
    /// Somebody ended its process.
    Terminated,
    /// It failed more often than it may.
    Failed,
    /// It was ended, or never started, since the node drains or since what it requires failed.
    Stopped,
}

impl ServiceState {
    /// In one word: the variant in small letters.
    pub fn text(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Stopping => "stopping",
            Self::Returned => "returned",
            Self::Terminated => "terminated",
            Self::Failed => "failed",
            Self::Stopped => "stopped",
        }
    }
}

impl ServiceStatus {
    /// A service before anything is started.
    pub(crate) fn idle(id: &Id) -> Self {
        Self { id: id.to_string(), state: ServiceState::Idle, pid: None, restarts: 0, error: None }
    }
}
