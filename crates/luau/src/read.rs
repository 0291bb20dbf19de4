//! From a script to the host: Lua values become plain data, keys of objects, and references.
//!
//! Nothing here raises or runs Lua: values are looked at raw, and what cannot be copied becomes a text that
//! names the path to it. The one thing that may raise, pinning a value in the registry, is done by a walk of
//! its own before ([`pin_references`]), while nothing that needs dropping is alive.

use std::ffi::c_int;

use mlua::ffi;
use value::{Failure, VALUE_BYTES_MAX, VALUE_DEPTH_MAX, VALUE_NODES_MAX, VALUES_MAX, Value};

use crate::handle;
use crate::host::{Argument, Host};
use crate::machine::Machine;
use crate::object::{Object, Objects};
use crate::reference::Reference;
use crate::surface::{Accepts, Function, Surface};
use crate::thread::Thread;

/// Bytes of a key that a path shows: 40.
const SHOWN_KEY_BYTES_MAX: usize = 40;

/// Levels of deep data: 128, as many as a value may have that is pushed.
const DEEP_DEPTH_MAX: usize = 2 * VALUE_DEPTH_MAX;

/// Values of stack that reading one table needs: an entry, a metatable and an entry of that, and some to spare.
/// Taken level by level, because a stack that has grown stays large while its process waits.
const ROOM: c_int = 8;

/// Pins what the arguments refer to, in the order in which [`read_arguments`] will ask for it. **May raise.**
pub(crate) fn pin_references<H: Host>(
    machine: &Machine<H>,
    thread: Thread,
    function: &Function,
    body: usize,
) {
    machine.inbox.borrow_mut().clear();
    if !thread.make_room(ROOM) {
        thread.raise_text(c"stack overflow");
    }
    let pin = |index| {
        let pinned = thread.pin(index);
        let reference = machine.references.borrow_mut().adopt(pinned, body);
        machine.inbox.borrow_mut().push_back(reference);
    };
    for (index, accepts) in readable(function, thread) {
        match accepts {
            Accepts::Reference if is_kept(thread.kind(index)) => pin(index),
            Accepts::Shallow if thread.kind(index) == ffi::LUA_TTABLE => {
                thread.visit_entries(index, VALUE_NODES_MAX, || {
                    if is_kept_in_table(thread, -1) {
                        pin(-1);
                    }
                });
            }
            Accepts::Data | Accepts::DeepData | Accepts::Reference | Accepts::Shallow => {}
        }
    }
}

/// Reads the arguments of a call. Never raises.
pub(crate) fn read_arguments<H: Host>(
    machine: &Machine<H>,
    objects: &Objects<H::Object>,
    thread: Thread,
    function: &Function,
) -> Vec<Argument> {
    let mut reader = Reader::new(thread, objects, &machine.surface);
    let mut pinned = || machine.inbox.borrow_mut().pop_front();
    let mut arguments: Vec<Argument> = readable(function, thread)
        .map(|(index, accepts)| reader.argument(index, accepts, &mut pinned))
        .collect();
    if function.rest.is_some() && thread.top() > index_max(function) {
        arguments.push(Argument::Wrong(format!(" is one value too many, at most {VALUES_MAX} are allowed")));
    }
    arguments
}

/// The last argument that is read: 255 values beside the parameters.
fn index_max(function: &Function) -> c_int {
    c_int::try_from(function.parameters.len() + VALUES_MAX).unwrap_or(c_int::MAX)
}

/// Which arguments are read, and how.
fn readable(function: &Function, thread: Thread) -> impl Iterator<Item = (c_int, Accepts)> {
    let accepts = function.parameters.iter().copied().chain(std::iter::repeat_n(
        function.rest.unwrap_or(Accepts::Data),
        if function.rest.is_some() { VALUES_MAX } else { 0 },
    ));
    (1..=thread.top().min(index_max(function))).zip(accepts)
}

/// Whether a value is read by reference where references are accepted.
fn is_kept(kind: c_int) -> bool {
    !matches!(kind, ffi::LUA_TNONE | ffi::LUA_TNIL | ffi::LUA_TBOOLEAN | ffi::LUA_TNUMBER)
}

/// The same for an entry of a table that is read one level deep: strings are data there, objects come as
/// such.
fn is_kept_in_table(thread: Thread, index: c_int) -> bool {
    let kind = thread.kind(index);
    is_kept(kind) && kind != ffi::LUA_TSTRING && handle::type_at(thread, index).is_none()
}

/// Reads values of one thread within one set of bounds.
pub(crate) struct Reader<'a, O> {
    thread: Thread,
    objects: &'a Objects<O>,
    surface: &'a Surface,
    nodes: usize,
    bytes: usize,
    depth_max: usize,
    /// Addresses of the tables that the value is in.
    above: Vec<usize>,
}

impl<'a, O: Object> Reader<'a, O> {
    pub(crate) fn new(thread: Thread, objects: &'a Objects<O>, surface: &'a Surface) -> Self {
        Self { thread, objects, surface, nodes: 0, bytes: 0, depth_max: VALUE_DEPTH_MAX, above: Vec::new() }
    }

    /// The first two values of the stack, as a main function's results. The second one counts only as an error, so
    /// that whatever is neither an error object nor a text is left out.
    ///
    /// # Errors
    /// INVALID: what cannot be copied, named by its path from `result`.
    pub(crate) fn results(&mut self) -> Result<Vec<Value>, Failure> {
        let name = |why| Failure::invalid(format!("result{why}"));
        let is_error = match self.thread.kind(2) {
            ffi::LUA_TSTRING => true,
            ffi::LUA_TUSERDATA => self.failure(2).is_some(),
            _ => false,
        };
        let count = if is_error { 2 } else { 1 };
        (1..=self.thread.top().min(count)).map(|index| self.value(index).map_err(name)).collect()
    }

    /// The error object at `index`.
    fn failure(&self, index: c_int) -> Option<&'a Failure> {
        let object = handle::key_at(self.thread, index).and_then(|key| self.objects.get(key));
        object.and_then(Object::as_failure)
    }

    fn argument(
        &mut self,
        index: c_int,
        accepts: Accepts,
        pinned: &mut impl FnMut() -> Option<Reference>,
    ) -> Argument {
        match accepts {
            Accepts::Reference if is_kept(self.thread.kind(index)) => kept(pinned()),
            Accepts::Shallow if self.thread.kind(index) == ffi::LUA_TTABLE => {
                self.shallow(index, pinned).map_or_else(Argument::Wrong, Argument::Shallow)
            }
            Accepts::DeepData => {
                self.depth_max = DEEP_DEPTH_MAX;
                let argument = self.data_or_object(index);
                self.depth_max = VALUE_DEPTH_MAX;
                argument
            }
            Accepts::Data | Accepts::Reference | Accepts::Shallow => self.data_or_object(index),
        }
    }

    fn data_or_object(&mut self, index: c_int) -> Argument {
        match handle::key_at(self.thread, index) {
            Some(key) => Argument::Object(key),
            None => self.value(index).map_or_else(Argument::Wrong, Argument::Value),
        }
    }

    fn shallow(
        &mut self,
        table: c_int,
        pinned: &mut impl FnMut() -> Option<Reference>,
    ) -> Result<Vec<(Value, Argument)>, String> {
        let mut entries = Vec::new();
        let mut problem = self.check_metatable(table).err();
        let thread = self.thread;
        let complete = thread.visit_entries(table, VALUE_NODES_MAX, || {
            let entry =
                if is_kept_in_table(thread, -1) { kept(pinned()) } else { self.data_or_object(thread.top()) };
            match self.key(thread.top() - 1) {
                Ok(key) => entries.push((key, entry)),
                Err(why) => problem = Some(why),
            }
        });
        if !complete {
            return Err(format!(" has more than {VALUE_NODES_MAX} entries"));
        }
        problem.map_or(Ok(entries), Err)
    }

    /// Copies one value. The error begins with the path to what cannot be copied: ` is a function`,
    /// `.items[3] is a function`.
    ///
    /// # Errors
    /// A function, thread or object; a table that contains itself or has a metatable with behaviour; a bound.
    pub(crate) fn value(&mut self, index: c_int) -> Result<Value, String> {
        self.nodes += 1;
        if self.nodes > VALUE_NODES_MAX {
            return wrong(format_args!("is over the bound: at most {VALUE_NODES_MAX} values are copied"));
        }
        self.charge(16)?;
        match self.thread.kind(index) {
            ffi::LUA_TNONE | ffi::LUA_TNIL => Ok(Value::Nil),
            ffi::LUA_TBOOLEAN => Ok(Value::Boolean(self.thread.boolean(index))),
            ffi::LUA_TNUMBER => Ok(Value::Number(self.thread.number(index).unwrap_or(f64::NAN))),
            ffi::LUA_TSTRING => {
                // SAFETY: the string is on the stack or in a table on it, and no Lua runs here.
                let bytes = unsafe { self.thread.bytes(index) }.unwrap_or_default();
                self.charge(bytes.len())?;
                Ok(Value::Bytes(bytes.into()))
            }
            ffi::LUA_TTABLE => self.table(index),
            ffi::LUA_TUSERDATA => self.object(index),
            kind => {
                let name = self.thread.kind_name(kind);
                wrong(format_args!("is a {name}"))
            }
        }
    }

    fn object(&mut self, index: c_int) -> Result<Value, String> {
        if let Some(failure) = self.failure(index) {
            self.charge(failure.bytes())?;
            return Ok(Value::Failure(Box::new(failure.clone())));
        }
        let types = &self.surface.types;
        let name = handle::type_at(self.thread, index).and_then(|index| types.get(index));
        wrong(format_args!("is a {}", name.map_or("userdata", |object_type| object_type.name)))
    }

    fn table(&mut self, index: c_int) -> Result<Value, String> {
        let thread = self.thread;
        let table = if index > 0 { index } else { thread.top() + 1 + index };
        let address = thread.address(table);
        if self.above.contains(&address) {
            return wrong(format_args!("refers back to a table that contains it"));
        }
        if self.above.len() >= self.depth_max {
            return wrong(format_args!("is nested more than {} levels deep", self.depth_max));
        }
        // A protected call of its own, which never raises.
        if !thread.make_room(ROOM) {
            return wrong(format_args!("cannot be read: stack overflow"));
        }
        self.check_metatable(table)?;
        self.above.push(address);
        let mut entries = Entries::default();
        let mut problem = None;
        // Each entry is a node at least, so the bound on nodes ends the walk; one more shows that it was
        // passed.
        let complete = thread.visit_entries(table, VALUE_NODES_MAX + 1, || {
            if problem.is_none() {
                problem = self.entry(&mut entries).err();
            }
        });
        self.above.pop();
        match problem {
            Some(problem) => Err(problem),
            None if complete => Ok(entries.into_value()),
            None => wrong(format_args!("has more than {VALUE_NODES_MAX} entries")),
        }
    }

    /// Reads the entry on top of the stack.
    fn entry(&mut self, entries: &mut Entries) -> Result<(), String> {
        let top = self.thread.top();
        let position = self.thread.number(top - 1);
        if position.is_none_or(|position| !entries.comes_next(position)) {
            let key = self.key(top - 1)?;
            self.nodes += 1;
            self.charge(16 + if let Value::Bytes(bytes) = &key { bytes.len() } else { 0 })?;
            let value = self.value(top).map_err(|why| step(&key) + &why)?;
            entries.add(key, value);
        } else {
            let key = Value::Number(position.unwrap_or_default());
            let value = self.value(top).map_err(|why| step(&key) + &why)?;
            entries.add_next(value);
        }
        Ok(())
    }

    fn key(&mut self, index: c_int) -> Result<Value, String> {
        match self.thread.kind(index) {
            ffi::LUA_TBOOLEAN => Ok(Value::Boolean(self.thread.boolean(index))),
            ffi::LUA_TNUMBER => Ok(Value::Number(self.thread.number(index).unwrap_or_default())),
            ffi::LUA_TSTRING => {
                // SAFETY: the key is on the stack, and no Lua runs here.
                let bytes = unsafe { self.thread.bytes(index) }.unwrap_or_default();
                Ok(Value::Bytes(bytes.into()))
            }
            kind => {
                let name = self.thread.kind_name(kind);
                wrong(format_args!("has a key that is a {name}"))
            }
        }
    }

    /// Refuses a table whose metatable could make it behave as something else than its entries.
    fn check_metatable(&self, table: c_int) -> Result<(), String> {
        let thread = self.thread;
        if !thread.push_metatable(table) {
            return Ok(());
        }
        let metatable = thread.top();
        let mut behaves = false;
        let complete = thread.visit_entries(metatable, VALUE_NODES_MAX, || {
            // SAFETY: the key is on the stack for as long as it is looked at.
            behaves |= unsafe { thread.bytes(-2) }.is_some_and(|key| key.starts_with(b"__"));
        });
        thread.pop(1);
        if behaves || !complete {
            return wrong(format_args!("has a metatable with behaviour"));
        }
        Ok(())
    }

    fn charge(&mut self, bytes: usize) -> Result<(), String> {
        self.bytes = self.bytes.saturating_add(bytes);
        if self.bytes > VALUE_BYTES_MAX {
            return wrong(format_args!("is over the bound: at most {VALUE_BYTES_MAX} bytes are copied"));
        }
        Ok(())
    }
}

fn wrong<T>(what: std::fmt::Arguments<'_>) -> Result<T, String> {
    Err(format!(" {what}"))
}

/// One step of the path to a value, which is put together while the reader backs out of what it cannot copy.
fn step(key: &Value) -> String {
    match key {
        Value::Bytes(bytes) if is_identifier(bytes) => format!(".{}", String::from_utf8_lossy(bytes)),
        Value::Bytes(bytes) => {
            let shown = bytes.get(..SHOWN_KEY_BYTES_MAX).unwrap_or(bytes);
            format!("[\"{}\"]", shown.escape_ascii())
        }
        Value::Number(number) => format!("[{number}]"),
        Value::Boolean(boolean) => format!("[{boolean}]"),
        Value::Nil | Value::Array(_) | Value::Map(_) | Value::Failure(_) => String::new(),
    }
}

fn kept(reference: Option<Reference>) -> Argument {
    reference.map_or_else(|| Argument::Wrong(" changed while it was read".to_owned()), Argument::Reference)
}

fn is_identifier(bytes: &[u8]) -> bool {
    bytes.len() <= SHOWN_KEY_BYTES_MAX
        && bytes.first().is_some_and(|first| first.is_ascii_alphabetic() || *first == b'_')
        && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
}

/// The entries of a table as they come: Luau walks positions in order, then the rest in any order.
#[derive(Default)]
struct Entries {
    /// Values of positions 1, 2, 3 and so on.
    items: Vec<Value>,
    others: Vec<(Value, Value)>,
}

impl Entries {
    #[expect(clippy::float_cmp, clippy::cast_precision_loss, reason = "positions are small whole numbers")]
    fn comes_next(&self, position: f64) -> bool {
        position == (self.items.len() + 1) as f64
    }

    fn add_next(&mut self, value: Value) {
        self.items.push(value);
    }

    fn add(&mut self, key: Value, value: Value) {
        self.others.push((key, value));
    }

    /// An array when the keys are exactly 1 to n, whatever the order in which they came; else a map.
    #[expect(clippy::cast_precision_loss, reason = "positions are small whole numbers")]
    fn into_value(mut self) -> Value {
        self.take_positions();
        if self.others.is_empty() {
            return Value::Array(self.items);
        }
        let positions = (1..).map(|position: usize| Value::Number(position as f64));
        Value::Map(positions.zip(self.items).chain(self.others).collect())
    }

    /// Moves entries that continue the sequence from the others to the items.
    #[expect(clippy::cast_precision_loss, reason = "positions are small whole numbers")]
    fn take_positions(&mut self) {
        let number = |key: &Value| if let Value::Number(number) = key { Some(*number) } else { None };
        if !self.others.iter().any(|(key, _)| number(key).is_some_and(|number| self.comes_next(number))) {
            return;
        }
        let (mut numbered, others): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.others).into_iter().partition(|(key, _)| number(key).is_some());
        self.others = others;
        numbered.sort_by(|(a, _), (b, _)| {
            number(a).unwrap_or_default().total_cmp(&number(b).unwrap_or_default())
        });
        for (key, value) in numbered {
            if number(&key) == Some((self.items.len() + 1) as f64) {
                self.items.push(value);
            } else {
                self.others.push((key, value));
            }
        }
    }
}
