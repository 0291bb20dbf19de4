//! What `ask` sees: the arguments, read one by one with errors that name them, and a directory to look things
//! up in. Nothing here can change anything.

use std::rc::Rc;
use std::sync::Arc;

use luau::{Argument, Call, ObjectKey, Objects};
use policy::{Actor, ScopeSet};
use value::{Failure, Value};

use crate::builder::Builder;
use crate::channel::{Case, Channel, Held};
use crate::message::Message;
use crate::object::Object;
use crate::process_state::ProcessState;
use crate::timer::Timer;
use crate::world::World;

/// A call that has not been permitted yet.
pub(crate) struct Question<'a> {
    /// Everything that can be looked up: names, processes, definitions, hosts, scopes.
    pub(crate) world: &'a World,
    /// Who is asking: the process's own state.
    pub(crate) state: &'a ProcessState,
    /// The destination as the script wrote it: what a refusal calls it.
    pub(crate) named: Option<String>,
    arguments: &'a mut Vec<Argument>,
    objects: &'a Objects<Object>,
    /// Whether the caller could wait here.
    pub(crate) yieldable: bool,
}

impl<'a> Question<'a> {
    /// # Errors
    /// INVALID: no process context.
    pub(crate) fn new(world: &'a World, call: &'a mut Call<'_, Object>) -> Result<Self, Failure> {
        let state = world.state()?;
        Ok(Self {
            world,
            state,
            named: None,
            arguments: &mut call.arguments,
            objects: call.objects,
            yieldable: call.yieldable,
        })
    }

    /// Whom a destination means.
    ///
    /// # Errors
    /// INVALID: neither a pid nor a name. NOT_FOUND: nobody of one's own tenant.
    pub(crate) fn resolve(&mut self, destination: String) -> Result<Arc<policy::Process>, Failure> {
        let process = self.world.kernel.node().resolve(self.state.actor.tenant(), &destination);
        self.named = Some(destination);
        process
    }

    /// How many arguments there are.
    pub(crate) fn count(&self) -> usize {
        self.arguments.len()
    }

    /// Takes argument `index` (from 0); [`Argument::Missing`] past the last one.
    pub(crate) fn take(&mut self, index: usize) -> Argument {
        self.arguments
            .get_mut(index)
            .map_or(Argument::Missing, |slot| std::mem::replace(slot, Argument::Missing))
    }

    /// A piece of plain data; a missing argument is nil.
    ///
    /// # Errors
    /// A function, thread or object, or something inside a table that cannot be copied: INVALID that names the
    /// path.
    pub(crate) fn value(&mut self, index: usize, name: &str) -> Result<Value, Failure> {
        match self.take(index) {
            Argument::Missing => Ok(Value::Nil),
            Argument::Value(value) => Ok(value),
            Argument::Object(key) => match self.objects.get(key) {
                Some(Object::Failure(failure)) => Ok(Value::Failure(failure.clone())),
                object => Err(cannot_cross(name, object)),
            },
            Argument::Wrong(why) => Err(Failure::invalid(name_path(name, &why))),
            Argument::Reference(_) | Argument::Shallow(_) => {
                Err(Failure::invalid(format!("`{name}` must be plain data")))
            }
        }
    }

    /// A piece of plain data where only `wanted` will do: what is no data at all is told so, too. Something in a table
    /// that cannot be copied is still named by its path.
    pub(crate) fn of_type(&mut self, index: usize, name: &str, wanted: &str) -> Result<Value, Failure> {
        let whole = match self.arguments.get(index) {
            Some(Argument::Wrong(why)) => why.strip_prefix(" is a ").map(str::to_owned),
            Some(Argument::Object(key)) => match self.objects.get(*key) {
                Some(Object::Failure(_)) | None => None,
                Some(object) => Some(crate::surface::type_name(object.kind()).to_owned()),
            },
            _ => None,
        };
        match whole {
            Some(found) => Err(wrong_type(name, wanted, &found)),
            None => self.value(index, name),
        }
    }

    /// All arguments from `index` on, as data.
    ///
    /// # Errors
    /// As [`Question::value`]; the n-th is named `name[n]`.
    pub(crate) fn rest(&mut self, index: usize, name: &str) -> Result<Vec<Value>, Failure> {
        (index..self.count())
            .map(|at| {
                // One value is named as itself, so that `payload.items[3]` reads as the documentation does.
                let single = self.count() == index + 1;
                let label = if single { name.to_owned() } else { format!("{name}[{}]", at - index + 1) };
                self.value(at, &label)
            })
            .collect()
    }

    /// A string of UTF-8.
    ///
    /// # Errors
    /// INVALID: missing, of another type, or not UTF-8.
    pub(crate) fn text(&mut self, index: usize, name: &str) -> Result<String, Failure> {
        self.optional_text(index, name)?.ok_or_else(|| missing(name, "a string"))
    }

    /// A string of UTF-8, or nothing.
    ///
    /// # Errors
    /// INVALID: of another type, or not UTF-8.
    pub(crate) fn optional_text(&mut self, index: usize, name: &str) -> Result<Option<String>, Failure> {
        match self.of_type(index, name, "a string")? {
            Value::Nil => Ok(None),
            value => text_of(value, name).map(Some),
        }
    }

    /// A string of any bytes.
    ///
    /// # Errors
    /// INVALID: missing or of another type.
    pub(crate) fn bytes(&mut self, index: usize, name: &str) -> Result<Box<[u8]>, Failure> {
        match self.of_type(index, name, "a string")? {
            Value::Bytes(bytes) => Ok(bytes),
            Value::Nil => Err(missing(name, "a string")),
            other => Err(wrong_type(name, "a string", other.type_name())),
        }
    }

    /// A number without a fraction, or nothing.
    ///
    /// # Errors
    /// INVALID: of another type, with a fraction, or beyond 2^53.
    pub(crate) fn optional_integer(&mut self, index: usize, name: &str) -> Result<Option<i64>, Failure> {
        match self.of_type(index, name, "an integer")? {
            Value::Nil => Ok(None),
            Value::Number(number) => integer_of(number, name).map(Some),
            other => Err(wrong_type(name, "an integer", other.type_name())),
        }
    }

    /// A number without a fraction.
    ///
    /// # Errors
    /// INVALID: missing, of another type, with a fraction, or beyond 2^53.
    pub(crate) fn integer(&mut self, index: usize, name: &str) -> Result<i64, Failure> {
        self.optional_integer(index, name)?.ok_or_else(|| missing(name, "an integer"))
    }

    /// A table with string keys, or nothing: its entries.
    ///
    /// # Errors
    /// INVALID: not a table, or a key that is not a string.
    pub(crate) fn optional_fields(
        &mut self,
        index: usize,
        name: &str,
    ) -> Result<Vec<(String, Value)>, Failure> {
        match self.of_type(index, name, "a table")? {
            Value::Nil => Ok(Vec::new()),
            value => fields_of(value, name),
        }
    }

    /// A table with string keys.
    ///
    /// # Errors
    /// INVALID: missing, not a table, or a key that is not a string.
    pub(crate) fn fields(&mut self, index: usize, name: &str) -> Result<Vec<(String, Value)>, Failure> {
        match self.of_type(index, name, "a table")? {
            Value::Nil => Err(missing(name, "a table")),
            value => fields_of(value, name),
        }
    }

    /// Any value of this process, kept by reference where it is not plain.
    pub(crate) fn held(&mut self, index: usize) -> Held {
        match self.take(index) {
            Argument::Reference(reference) => Held::Reference(reference),
            Argument::Value(value) => Held::Value(value),
            Argument::Missing | Argument::Object(_) | Argument::Shallow(_) | Argument::Wrong(_) => {
                Held::Value(Value::Nil)
            }
        }
    }

    /// The object at `index`.
    pub(crate) fn object(&self, index: usize) -> Option<&'a Object> {
        match self.arguments.get(index) {
            Some(Argument::Object(key)) => self.object_of(*key),
            _ => None,
        }
    }

    /// The object behind a key.
    pub(crate) fn object_of(&self, key: ObjectKey) -> Option<&'a Object> {
        self.objects.get(key)
    }

    /// The channel at `index`.
    ///
    /// # Errors
    /// INVALID: anything else.
    pub(crate) fn channel(&self, index: usize, name: &str) -> Result<Rc<Channel>, Failure> {
        match self.object(index) {
            Some(Object::Channel(channel)) => Ok(channel.clone()),
            _ => Err(self.expected(index, name, "a channel")),
        }
    }

    /// The case behind a key.
    pub(crate) fn case(&self, key: ObjectKey) -> Option<Case> {
        match self.objects.get(key) {
            Some(Object::Case(case)) => Some((**case).clone()),
            _ => None,
        }
    }

    /// The message at `index`.
    ///
    /// # Errors
    /// INVALID: anything else.
    pub(crate) fn message(&self, index: usize) -> Result<&'a Message, Failure> {
        match self.object(index) {
            Some(Object::Message(message)) => Ok(message),
            _ => Err(self.expected(index, "self", "a message")),
        }
    }

    /// The builder at `index`.
    ///
    /// # Errors
    /// INVALID: anything else.
    pub(crate) fn builder(&self, index: usize) -> Result<Rc<Builder>, Failure> {
        match self.object(index) {
            Some(Object::Builder(builder)) => Ok(builder.clone()),
            _ => Err(self.expected(index, "self", "a SpawnBuilder")),
        }
    }

    /// The actor at `index`.
    ///
    /// # Errors
    /// INVALID: anything else.
    pub(crate) fn actor(&self, index: usize, name: &str) -> Result<Arc<Actor>, Failure> {
        match self.object(index) {
            Some(Object::Actor(actor)) => Ok(actor.clone()),
            _ => Err(self.expected(index, name, "an actor of the `security` module")),
        }
    }

    /// The scope at `index`.
    ///
    /// # Errors
    /// INVALID: anything else.
    pub(crate) fn scope(&self, index: usize, name: &str) -> Result<ScopeSet, Failure> {
        match self.object(index) {
            Some(Object::Scope(scopes)) => Ok(scopes.clone()),
            _ => Err(self.expected(index, name, "a scope of the `security` module")),
        }
    }

    /// The timer or ticker at `index`.
    ///
    /// # Errors
    /// INVALID: anything else.
    pub(crate) fn timer(&self, index: usize) -> Result<Rc<Timer>, Failure> {
        match self.object(index) {
            Some(Object::Timer(timer)) => Ok(timer.clone()),
            _ => Err(self.expected(index, "self", "a timer or ticker")),
        }
    }

    /// The error object at `index`.
    pub(crate) fn failure(&self, index: usize) -> Option<&'a Failure> {
        match self.object(index) {
            Some(Object::Failure(failure)) => Some(failure),
            _ => None,
        }
    }

    /// The INVALID failure for an argument that should have been `wanted`.
    pub(crate) fn expected(&self, index: usize, name: &str, wanted: &str) -> Failure {
        match self.arguments.get(index) {
            None | Some(Argument::Missing | Argument::Value(Value::Nil)) => missing(name, wanted),
            Some(Argument::Value(value)) => wrong_type(name, wanted, value.type_name()),
            Some(Argument::Object(_)) => wrong_type(name, wanted, "another object"),
            Some(Argument::Reference(_) | Argument::Wrong(_)) => wrong_type(name, wanted, "another value"),
            Some(Argument::Shallow(_)) => wrong_type(name, wanted, "a table"),
        }
    }
}

/// INVALID: an argument that is not there.
pub(crate) fn missing(name: &str, wanted: &str) -> Failure {
    Failure::invalid(format!("`{name}` is missing, {wanted} is expected"))
}

/// INVALID: an argument of another type.
pub(crate) fn wrong_type(name: &str, wanted: &str, found: &str) -> Failure {
    Failure::invalid(format!("`{name}` must be {wanted}, got {found}"))
}

/// The text of a string value.
///
/// # Errors
/// INVALID: of another type, or not UTF-8.
pub(crate) fn text_of(value: Value, name: &str) -> Result<String, Failure> {
    match value {
        Value::Bytes(bytes) => String::from_utf8(bytes.into_vec())
            .map_err(|_| Failure::invalid(format!("`{name}` must be UTF-8 text"))),
        other => Err(wrong_type(name, "a string", other.type_name())),
    }
}

/// The entries of a table with string keys.
///
/// # Errors
/// INVALID: not a table, or a key that is not a string.
pub(crate) fn fields_of(value: Value, name: &str) -> Result<Vec<(String, Value)>, Failure> {
    match value {
        Value::Array(items) if items.is_empty() => Ok(Vec::new()),
        Value::Map(entries) => entries
            .into_iter()
            .map(|(key, value)| match key {
                Value::Bytes(_) => Ok((text_of(key, name)?, value)),
                other => Err(wrong_type(
                    name,
                    "a table with string keys",
                    &format!("a {} as key", other.type_name()),
                )),
            })
            .collect(),
        Value::Array(_) => {
            Err(Failure::invalid(format!("`{name}` must be a table with string keys, got an array")))
        }
        other => Err(wrong_type(name, "a table", other.type_name())),
    }
}

/// A double as an integer.
///
/// # Errors
/// INVALID: with a fraction, or where doubles no longer tell neighbours apart (2^53, IEEE 754).
pub(crate) fn integer_of(number: f64, name: &str) -> Result<i64, Failure> {
    const EXACT_MAX: f64 = 9_007_199_254_740_992.0;
    if number.fract() == 0.0 && number.abs() <= EXACT_MAX {
        #[expect(clippy::cast_possible_truncation, reason = "an integer within 2^53 fits an i64 exactly")]
        return Ok(number as i64);
    }
    Err(Failure::invalid(format!("`{name}` must be an integer within 2^53, got {number}")))
}

fn cannot_cross(name: &str, object: Option<&Object>) -> Failure {
    let what = match object {
        Some(object) => crate::surface::type_name(object.kind()),
        None => "an object that is gone",
    };
    Failure::invalid(format!("{name} is a {what}, which cannot be copied; only data can"))
}

/// Puts the argument's name in front of a path such as `.items[3] is a function`.
fn name_path(name: &str, why: &str) -> String {
    format!("{name}{why}")
}
