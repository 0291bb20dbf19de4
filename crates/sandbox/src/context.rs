//! Context values: what `with_context` gave, as one map that children share.

use std::sync::Arc;

use value::Value;

/// The values of one process. Shared with its children; never changed.
#[derive(Clone, Default)]
pub(crate) struct Context(Arc<Value>);

impl Context {
    /// The values of a map with string keys; none for anything else.
    pub(crate) fn new(values: Arc<Value>) -> Self {
        Self(values)
    }

    /// The same as plain data, to give to a child.
    pub(crate) fn share(&self) -> Arc<Value> {
        self.0.clone()
    }

    /// Keys and values.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        let entries = match &*self.0 {
            Value::Map(entries) => entries.as_slice(),
            _ => &[],
        };
        entries.iter().filter_map(|(key, value)| Some((key.as_text()?, value)))
    }

    /// Bytes of keys and values.
    pub(crate) fn bytes(&self) -> usize {
        self.iter().map(|(key, value)| key.len() + value.bytes()).sum()
    }

    /// These values with others on top; a key that is there already is replaced.
    pub(crate) fn with(&self, values: &[(String, Value)]) -> Self {
        if values.is_empty() {
            return self.clone();
        }
        let kept = self.iter().filter(|(key, _)| values.iter().all(|(other, _)| other != key));
        let entries = kept
            .map(|(key, value)| (key.into(), value.clone()))
            .chain(values.iter().map(|(key, value)| (key.as_str().into(), value.clone())));
        Self(Arc::new(Value::Map(entries.collect())))
    }
}
