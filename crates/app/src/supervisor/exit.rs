//! How a service's process ended, brought from the worker that it ran on, and what that counts as.

use actor::{ExitHook, ExitResult};
use tokio::sync::mpsc;
use value::Failure;

use super::roster::Outcome;

/// The end of one run of a service.
#[derive(Debug)]
pub(crate) struct Exit {
    /// Its place on the roster.
    pub(crate) index: usize,
    /// Why it failed, if it did.
    pub(crate) failure: Option<Failure>,
}

impl Exit {
    /// What tells `exits` of the end of this service's next run. Never waits.
    pub(crate) fn hook(index: usize, exits: mpsc::Sender<Self>) -> ExitHook {
        Box::new(move |result: &ExitResult| {
            let failure = result.as_ref().err().cloned();
            // Nobody keeps services any more, who would have to hear it.
            let _ = exits.try_send(Self { index, failure });
        })
    }

    /// What it counts as. A script that raises what the actor system says of an end that was asked for keeps nobody
    /// but itself from starting again.
    pub(crate) fn outcome(&self) -> Outcome {
        match &self.failure {
            None => Outcome::Returned,
            Some(failure) if actor::was_asked_for(failure) => Outcome::Terminated,
            Some(_) => Outcome::Failed,
        }
    }
}

#[cfg(test)]
mod tests {
    use value::Kind;

    use super::*;

    #[test]
    fn only_an_end_that_somebody_asked_for_counts_as_one() {
        for (failure, expected) in [
            (None, Outcome::Returned),
            (Some(Failure::new(Kind::Canceled, "process terminated")), Outcome::Terminated),
            (Some(Failure::new(Kind::Canceled, "cancel deadline exceeded")), Outcome::Terminated),
            (Some(Failure::new(Kind::Canceled, "linked process failed")), Outcome::Failed),
            (Some(Failure::new(Kind::Unknown, "process terminated")), Outcome::Failed),
            (Some(Failure::new(Kind::Timeout, "cpu limit exceeded")), Outcome::Failed),
        ] {
            assert_eq!(Exit { index: 0, failure: failure.clone() }.outcome(), expected, "{failure:?}");
        }
    }
}
