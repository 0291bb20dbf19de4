//! Options tables with one switch: `{raw = true}`, `{url = true}`.

use value::{Failure, Value};

/// Whether the switch `name` is on. An empty table is off.
///
/// # Errors
/// INVALID: another option, or a value that is not a boolean. Nothing is ignored, so that a misspelt option
/// cannot go unnoticed.
pub(crate) fn switch(options: Vec<(String, Value)>, name: &str) -> Result<bool, Failure> {
    let mut on = false;
    for (option, value) in options {
        on = match value {
            Value::Boolean(boolean) if option == name => boolean,
            other if option == name => {
                let found = other.type_name();
                return Err(Failure::invalid(format!("`options.{name}` must be a boolean, got {found}")));
            }
            _ => {
                let shown: String = option.chars().take(32).collect();
                return Err(Failure::invalid(format!("`options` has no `{shown}`, only `{name}`")));
            }
        };
    }
    Ok(on)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_switch_is_off_until_it_is_true_and_nothing_else_is_accepted() {
        let check = |options: &[(&str, Value)], expected: Result<bool, &str>| {
            let options = options.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
            let found = switch(options, "raw").map_err(|failure| failure.message);
            assert_eq!(found, expected.map_err(str::to_owned));
        };
        check(&[], Ok(false));
        check(&[("raw", true.into())], Ok(true));
        check(&[("raw", false.into())], Ok(false));
        check(&[("raw", "yes".into())], Err("`options.raw` must be a boolean, got string"));
        check(&[("rwa", true.into())], Err("`options` has no `rwa`, only `raw`"));
    }
}
