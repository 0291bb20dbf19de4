//! Exit codes: one meaning each, the same for every command.

use std::process::ExitCode;

/// How a command ended, for the shell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done.
    Done,
    /// Failed.
    Failed,
    /// Denied by a policy, or something was found.
    Denied,
    /// What was read is not valid.
    Invalid,
    /// It cannot be told.
    Undetermined,
    /// Tests or coverage fell short.
    FellShort,
    /// A counterexample, or tampering.
    Disproved,
    /// Wrong usage: `EX_USAGE` of sysexits(3).
    Usage,
    /// The audit log cannot be written: `EX_IOERR` of sysexits(3).
    Log,
    /// Interrupted: 128 and the number of SIGINT, as shells have it.
    Interrupted,
}

impl Exit {
    /// Every way to end, by code.
    pub(crate) const ALL: [Self; 10] = [
        Self::Done,
        Self::Failed,
        Self::Denied,
        Self::Invalid,
        Self::Undetermined,
        Self::FellShort,
        Self::Disproved,
        Self::Usage,
        Self::Log,
        Self::Interrupted,
    ];

    /// The number that the shell sees.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Denied => 2,
            Self::Invalid => 3,
            Self::Undetermined => 4,
            Self::FellShort => 5,
            Self::Disproved => 6,
            Self::Usage => 64,
            Self::Log => 74,
            Self::Interrupted => 130,
        }
    }

    /// What it says, for the reference.
    pub(crate) fn meaning(self) -> &'static str {
        match self {
            Self::Done => "done; it is allowed; it holds",
            Self::Failed => "it failed",
            Self::Denied => {
                "a policy denied it; there are findings; a file is out of date; a token is refused"
            }
            Self::Invalid => "invalid input: a manifest, script or policy; what is no token",
            Self::Undetermined => "undetermined: the question cannot be decided",
            Self::FellShort => "tests or coverage fell short",
            Self::Disproved => "a counterexample; tampering",
            Self::Usage => "wrong usage",
            Self::Log => "the audit log cannot be written",
            Self::Interrupted => "interrupted",
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::Exit;

    #[test]
    fn codes_ascend_and_none_means_two_things() {
        let codes: Vec<u8> = Exit::ALL.into_iter().map(Exit::code).collect();
        assert_eq!(codes, [0, 1, 2, 3, 4, 5, 6, 64, 74, 130]);
    }
}
