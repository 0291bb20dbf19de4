//! How a process ended, and the words for the ends that the host causes.

use std::time::Duration;

use value::{Failure, Kind, Value};

use crate::limits::RESULT_BYTES_MAX;

/// What a process leaves behind: the value that main returned, or why it failed.
pub type ExitResult = Result<Value, Failure>;

/// Bytes that holding a result costs.
pub(crate) fn bytes(result: &ExitResult) -> usize {
    match result {
        Ok(value) => value.bytes(),
        Err(failure) => failure.bytes(),
    }
}

/// The result itself if it is small enough to be kept for those who hear of it, else an error that says why
/// not.
pub(crate) fn bounded(result: ExitResult) -> ExitResult {
    let bytes = bytes(&result);
    if bytes <= RESULT_BYTES_MAX {
        return result;
    }
    match result {
        Ok(_) => {
            Err(Failure::invalid(format!("result is {bytes} bytes, at most {RESULT_BYTES_MAX} allowed")))
        }
        Err(failure) => {
            let start: String = failure.message.chars().take(200).collect();
            let message =
                format!("{start}... (the error is {bytes} bytes, at most {RESULT_BYTES_MAX} allowed)");
            Err(Failure { kind: failure.kind, retryable: failure.retryable, message, ..Failure::default() })
        }
    }
}

/// Somebody called terminate.
pub(crate) fn terminated() -> Failure {
    Failure::new(Kind::Canceled, "process terminated")
}

/// A cancel's deadline passed.
pub(crate) fn cancel_deadline() -> Failure {
    Failure::new(Kind::Canceled, "cancel deadline exceeded")
}

/// Whether a process ended because somebody asked for exactly that: terminate, or the deadline of a cancel.
pub fn was_asked_for(failure: &Failure) -> bool {
    [terminated(), cancel_deadline()]
        .iter()
        .any(|asked| failure.kind == asked.kind && failure.message == asked.message)
}

/// A linked process failed and this one does not trap links.
pub(crate) fn linked_process_failed(from: &str, result: &ExitResult) -> Failure {
    let why = result.as_ref().err().map(|failure| failure.to_string().chars().take(200).collect::<String>());
    let details = vec![
        (Value::text("from"), Value::text(from)),
        (Value::text("error"), Value::text(why.unwrap_or_default())),
    ];
    Failure::new(Kind::Canceled, "linked process failed").with_details(Value::Map(details))
}

/// Who waited for the call's result ended or was upgraded.
pub(crate) fn caller_gone() -> Failure {
    Failure::new(Kind::Canceled, "process terminated: its caller no longer waits")
}

/// It lived as long as its definition allows.
pub(crate) fn lifetime_over(lived: Duration, allowed: Duration) -> Failure {
    let message = format!(
        "lifetime limit exceeded: lived {:.3} s, at most {:.3} s allowed",
        lived.as_secs_f64(),
        allowed.as_secs_f64()
    );
    Failure::new(Kind::Timeout, message)
}

/// The token that it ran under, or one before it, is no longer good.
pub(crate) fn session_over(why: &str) -> Failure {
    Failure::new(Kind::Canceled, format!("session over: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_over_the_bound_becomes_an_error_that_says_so() {
        let fits = Ok(Value::text("x".repeat(RESULT_BYTES_MAX - 16)));
        assert_eq!(bounded(fits.clone()), fits);
        let over = bounded(Ok(Value::text("x".repeat(RESULT_BYTES_MAX)))).unwrap_err();
        assert_eq!(over.message, "result is 65552 bytes, at most 65536 allowed");
        let failure = Failure::new(Kind::Conflict, "é".repeat(RESULT_BYTES_MAX));
        let cut = bounded(Err(failure)).unwrap_err();
        assert_eq!(cut.kind, Kind::Conflict);
        assert!(cut.message.ends_with("... (the error is 131152 bytes, at most 65536 allowed)"), "{cut}");
        assert!(cut.bytes() < 1_000);
    }
}
