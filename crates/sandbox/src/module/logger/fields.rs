//! The fields of a logger: named data that stands beside every message. Immutable; adding makes a new set.

use value::{Failure, Value};

use crate::limits::LOG_LINE_BYTES_MAX;
use crate::module::limits::LOG_FIELDS_MAX;

/// Named data, each name once, in the order in which the names came.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Fields {
    entries: Vec<(String, Value)>,
}

impl Fields {
    /// These fields and others; of two with one name the other counts.
    ///
    /// # Errors
    /// INVALID: more than 64, or more bytes than a line has.
    pub(super) fn with(&self, others: Vec<(String, Value)>) -> Result<Self, Failure> {
        let mut entries = self.entries.clone();
        for (name, value) in others {
            let full = entries.len() == LOG_FIELDS_MAX;
            match entries.iter_mut().find(|(present, _)| *present == name) {
                Some((_, slot)) => *slot = value,
                None if full => {
                    return Err(Failure::invalid(format!(
                        "`fields` are more than {LOG_FIELDS_MAX}, which is the most"
                    )));
                }
                None => entries.push((name, value)),
            }
        }
        let fields = Self { entries };
        let bytes = fields.bytes();
        if bytes > LOG_LINE_BYTES_MAX {
            return Err(Failure::invalid(format!(
                "`fields` are {bytes} bytes, at most {LOG_LINE_BYTES_MAX} allowed"
            )));
        }
        Ok(fields)
    }

    /// The fields.
    pub(super) fn entries(&self) -> &[(String, Value)] {
        &self.entries
    }

    /// Bytes that holding them costs.
    pub(crate) fn bytes(&self) -> usize {
        self.entries.iter().map(|(name, value)| name.len() + value.bytes()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(names: impl IntoIterator<Item = usize>) -> Vec<(String, Value)> {
        names.into_iter().map(|name| (name.to_string(), Value::Nil)).collect()
    }

    #[test]
    fn a_later_field_takes_the_place_of_an_earlier_one_in_a_new_set() {
        let first = Fields::default().with(vec![("a".into(), 1.0.into()), ("b".into(), 2.0.into())]).unwrap();
        let second = first.with(vec![("a".into(), 3.0.into())]).unwrap();
        assert_eq!(second.entries(), [("a".into(), 3.0.into()), ("b".into(), 2.0.into())]);
        assert_eq!(first.entries().first(), Some(&("a".into(), 1.0.into())));
    }

    #[test]
    fn fields_are_bounded_in_number_and_size() {
        let full = Fields::default().with(named(0..64)).unwrap();
        assert_eq!(
            full.with(named(64..65)).unwrap_err().message,
            "`fields` are more than 64, which is the most"
        );
        assert!(full.with(named(0..64)).is_ok());

        let long = vec![("a".to_owned(), Value::from("x".repeat(LOG_LINE_BYTES_MAX)))];
        let failure = Fields::default().with(long).unwrap_err();
        assert_eq!(failure.message, "`fields` are 8209 bytes, at most 8192 allowed");
    }
}
