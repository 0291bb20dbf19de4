//! The typed reader: the only file that names serde_yaml.
//!
//! It reads a file that passed the scan and the check, each entry straight into the struct of its kind. (A
//! tagged enum would lose the places of errors.) It should find nothing wrong; if it does, the two readers
//! disagree about the file, and the file is refused.

use std::fmt;
use std::sync::Arc;

use diagnostic::{Diagnostic, Source, Span};
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::check::Outline;
use super::vocabulary::Sort;
use super::written::Written;

/// The sound entries of a file, each with its index in `entries`.
///
/// # Errors
/// The file is not what the scan and the check saw.
pub(crate) fn read(
    source: &Arc<Source>,
    outline: &Outline,
) -> Result<Vec<(usize, Written)>, Box<Diagnostic>> {
    File(outline).deserialize(serde_yaml::Deserializer::from_str(&source.text)).map_err(|error| {
        let mut refused = Diagnostic::error("manifest.syntax", format!("not YAML: {error}"));
        if let Some(location) = error.location() {
            refused = refused.at(Span::at(source, location.line(), location.column()));
        }
        Box::new(refused)
    })
}

/// A file, of which the `entries` are read.
struct File<'a>(&'a Outline);

impl<'de> DeserializeSeed<'de> for File<'_> {
    type Value = Vec<(usize, Written)>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for File<'_> {
    type Value = Vec<(usize, Written)>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a manifest")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut keys: A) -> Result<Self::Value, A::Error> {
        let mut read = Vec::new();
        while let Some(key) = keys.next_key::<String>()? {
            match key.as_str() {
                "entries" => read = keys.next_value_seed(Entries(self.0))?,
                "namespace" if keys.next_value::<String>()? != self.0.namespace => {
                    return Err(A::Error::custom("the file's namespace can be read in two ways"));
                }
                "namespace" => {}
                _ => drop(keys.next_value::<IgnoredAny>()?),
            }
        }
        Ok(read)
    }
}

/// The items of `entries`.
struct Entries<'a>(&'a Outline);

impl<'de> DeserializeSeed<'de> for Entries<'_> {
    type Value = Vec<(usize, Written)>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Entries<'_> {
    type Value = Vec<(usize, Written)>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list of entries")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut read = Vec::new();
        for (index, declared) in self.0.entries.iter().enumerate() {
            let sort = declared.kind.filter(|_| declared.sound).map(|kind| kind.sort);
            if let Some(Some(written)) = items.next_element_seed(Entry(sort))? {
                read.push((index, written));
            }
        }
        match items.next_element::<IgnoredAny>()? {
            Some(_) => Err(A::Error::custom("the file's entries can be read in two ways")),
            None => Ok(read),
        }
    }
}

/// One entry of a kind that is read, or one to pass over.
struct Entry(Option<Sort>);

impl<'de> DeserializeSeed<'de> for Entry {
    type Value = Option<Written>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        use serde::Deserialize as _;

        use super::written::{AuditLog, Definition, Host, Issuer, Library, Scope, Service, Tenant};

        let Some(sort) = self.0 else {
            IgnoredAny::deserialize(deserializer)?;
            return Ok(None);
        };
        Ok(Some(match sort {
            Sort::Host => Written::Host(Host::deserialize(deserializer)?),
            Sort::Definition => Written::Definition(Box::new(Definition::deserialize(deserializer)?)),
            Sort::Library => Written::Library(Library::deserialize(deserializer)?),
            Sort::Service => Written::Service(Box::new(Service::deserialize(deserializer)?)),
            Sort::Tenant => Written::Tenant(Tenant::deserialize(deserializer)?),
            Sort::Scope => Written::Scope(Scope::deserialize(deserializer)?),
            Sort::Issuer => Written::Issuer(Box::new(Issuer::deserialize(deserializer)?)),
            Sort::AuditLog => Written::AuditLog(AuditLog::deserialize(deserializer)?),
        }))
    }
}
