//! The beginning of a log that is not there any more: whether an answer can do without it.

/// Why an answer is not complete that looked at everything from record `first` on, the log's oldest. `removed_through` is the
/// last record that a retention says was removed; `since` is whether the range begins at a time, which may be an earlier one.
pub(crate) fn trouble(first: u64, removed_through: Option<u64>, since: bool) -> Option<String> {
    let through = first.checked_sub(1).filter(|through| *through > 0)?;
    if removed_through.is_none_or(|removed| removed < through) {
        Some(format!("the records 1 to {through} are missing, and no retention says that it removed them"))
    } else if since {
        Some(format!("the records up to {through} were removed by retention, and some may be of the range"))
    } else {
        None
    }
}
