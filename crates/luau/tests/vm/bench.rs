//! A small host, and what it takes to run scripts on it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use luau::{
    Accepts, Argument, BodyId, BodySettings, Call, Code, Function, Host, Import, Item, Library, Modules,
    Object, ObjectType, Pod, Reference, Reply, Slice, Step, StrandId, Surface, now_ns,
};
use value::{Failure, Value};

/// Memory limit of a body, unless a test says otherwise: 4 MiB.
pub(crate) const MEMORY: usize = 4 * 1024 * 1024;

/// How long a test lets a script run before it says that nothing stops it: 20 s, also on a busy machine.
const PATIENCE_NS: u64 = 20_000_000_000;

/// What scripts hold.
pub(crate) enum Thing {
    Failure(Failure),
    /// A box with a number; the same identity is the same box.
    Box(u64, f64),
    /// Weighs as many bytes as it says, and counts its drop.
    Weight(usize, Arc<std::sync::atomic::AtomicUsize>),
}

impl Object for Thing {
    fn type_index(&self) -> usize {
        match self {
            Self::Failure(_) => 0,
            Self::Box(..) => 1,
            Self::Weight(..) => 2,
        }
    }
    fn bytes(&self) -> usize {
        match self {
            Self::Failure(failure) => failure.bytes(),
            Self::Box(..) => 16,
            Self::Weight(bytes, _) => *bytes,
        }
    }
    fn identity(&self) -> Option<u64> {
        match self {
            Self::Box(identity, _) => Some(*identity),
            _ => None,
        }
    }
    fn from_failure(failure: Failure) -> Self {
        Self::Failure(failure)
    }
    fn as_failure(&self) -> Option<&Failure> {
        match self {
            Self::Failure(failure) => Some(failure),
            _ => None,
        }
    }
}

impl Drop for Thing {
    fn drop(&mut self) {
        if let Self::Weight(_, drops) = self {
            drops.fetch_add(1, Ordering::Relaxed);
        }
    }
}

const fn function(name: &'static str, parameters: &'static [Accepts], rest: Option<Accepts>) -> Function {
    Function { name, parameters, rest }
}

/// The functions of the test host, by what they do.
pub(crate) fn surface() -> Arc<Surface> {
    use Accepts::{Data, Reference, Shallow};
    Arc::new(Surface {
        libraries: vec![
            Library {
                functions: vec![function("print", &[], Some(Data))],
                global: true,
                ..Library::default()
            },
            Library {
                name: "host",
                global: true,
                functions: vec![
                    function("echo", &[], Some(Data)),
                    function("wait", &[Data], None),
                    function("pass", &[], None),
                    function("never", &[], None),
                    function("panic", &[], None),
                    function("fail", &[Data], None),
                    function("keep", &[Reference], None),
                    function("give", &[], None),
                    function("drop", &[], None),
                    function("shallow", &[Shallow], None),
                    function("box", &[Data], None),
                    function("weight", &[Data], None),
                    function("key", &[], None),
                    function("place", &[], None),
                    function("stack", &[], None),
                    function("table", &[], None),
                    function("yieldable", &[], None),
                ],
                constants: vec![("answer", Value::Number(42.0)), ("name", Value::from("bench"))],
                tables: vec![Library {
                    name: "inner",
                    functions: vec![function("one", &[], None)],
                    ..Library::default()
                }],
            },
            Library { name: "extra", functions: vec![function("two", &[], None)], ..Library::default() },
            Library { name: "other", functions: vec![function("three", &[], None)], ..Library::default() },
        ],
        types: vec![
            ObjectType { name: "error", methods: vec![function("kind", &[Data], None)] },
            ObjectType {
                name: "box",
                methods: vec![
                    function("value", &[Data], None),
                    function("set", &[Data, Data], None),
                    function("__tostring", &[Data], None),
                    function("__eq", &[Data, Data], None),
                    function("__lt", &[Data, Data], None),
                    function("__add", &[Data, Data], None),
                    function("__concat", &[Data, Data], None),
                    function("__len", &[Data], None),
                ],
            },
            ObjectType { name: "weight", methods: vec![] },
        ],
    })
}

/// The test host: answers at once, but for `host.wait`, which the test answers.
#[derive(Default)]
pub(crate) struct Bench {
    names: Vec<String>,
    pub(crate) printed: Vec<Value>,
    pub(crate) waiting: Vec<(StrandId, Value)>,
    pub(crate) kept: Vec<Reference>,
    pub(crate) drops: Arc<std::sync::atomic::AtomicUsize>,
}

impl Bench {
    pub(crate) fn new(surface: &Surface) -> Self {
        Self { names: surface.names(), ..Self::default() }
    }
}

fn value_of(arguments: &[Argument], index: usize) -> Value {
    match arguments.get(index) {
        Some(Argument::Value(value)) => value.clone(),
        Some(Argument::Wrong(why)) => Value::text(format!("payload{why}")),
        Some(other) => Value::text(format!("{other:?}").split('(').next().unwrap_or_default()),
        None => Value::Nil,
    }
}

fn number_of(arguments: &[Argument], index: usize) -> f64 {
    match value_of(arguments, index) {
        Value::Number(number) => number,
        _ => 0.0,
    }
}

impl Host for Bench {
    type Object = Thing;

    fn call(&mut self, mut call: Call<'_, Thing>) -> Reply<Thing> {
        let name = self.names[usize::from(call.function.0)].clone();
        let arguments = std::mem::take(&mut call.arguments);
        let own = |index: usize| match arguments.get(index) {
            Some(Argument::Object(key)) => match call.objects.get(*key) {
                Some(Thing::Box(_, number)) => *number,
                _ => -1.0,
            },
            _ => number_of(&arguments, index),
        };
        let one = |value: Value| Reply::Return(vec![Item::Value(value)]);
        match name.as_str() {
            "print" => {
                self.printed.extend((0..arguments.len()).map(|index| value_of(&arguments, index)));
                Reply::Return(vec![])
            }
            "host.echo" => Reply::Return(
                (0..arguments.len())
                    .map(|index| match arguments.get(index) {
                        Some(Argument::Object(key)) => match call.objects.get(*key) {
                            Some(Thing::Failure(failure)) => Item::Value(failure.clone().into()),
                            _ => Item::Value(Value::from("object")),
                        },
                        _ => Item::Value(value_of(&arguments, index)),
                    })
                    .collect(),
            ),
            "host.wait" => {
                self.waiting.push((call.strand, value_of(&arguments, 0)));
                Reply::Wait
            }
            "host.pass" => Reply::Pass,
            "host.never" => Reply::Never,
            "host.panic" => panic!("on purpose"),
            "host.fail" => Reply::Raise(
                Failure::invalid(value_of(&arguments, 0).as_text().unwrap_or("no text"))
                    .with_details(Value::Number(7.0)),
            ),
            "host.keep" => match arguments.into_iter().next() {
                Some(Argument::Reference(reference)) => {
                    self.kept.push(reference);
                    Reply::Return(vec![])
                }
                other => Reply::Raise(Failure::invalid(format!("{other:?}"))),
            },
            "host.give" => Reply::Return(self.kept.iter().cloned().map(Item::Reference).collect()),
            "host.drop" => {
                self.kept.clear();
                Reply::Return(vec![])
            }
            "host.shallow" => match arguments.into_iter().next() {
                Some(Argument::Shallow(entries)) => Reply::Return(vec![Item::Table(
                    entries
                        .into_iter()
                        .map(|(key, entry)| {
                            let entry = match entry {
                                Argument::Reference(reference) => Item::Reference(reference),
                                Argument::Value(value) => Item::Value(value),
                                other => Item::Value(Value::text(
                                    format!("{other:?}").split('(').next().unwrap_or_default(),
                                )),
                            };
                            (key, entry)
                        })
                        .collect(),
                )]),
                Some(Argument::Wrong(why)) => one(Value::text(format!("payload{why}"))),
                other => one(Value::text(format!("{other:?}"))),
            },
            "host.box" => Reply::Return(vec![Item::Object(Thing::Box(number_of(&arguments, 0) as u64, 0.0))]),
            "host.weight" => Reply::Return(vec![Item::Object(Thing::Weight(
                number_of(&arguments, 0) as usize,
                self.drops.clone(),
            ))]),
            "host.key" => one(Value::Number(call.key as f64)),
            "host.place" => one(Value::text(call.place().map(|place| place.to_string()).unwrap_or_default())),
            "host.stack" => one(Value::Array(
                call.stack()
                    .into_iter()
                    .map(|f| Value::text(format!("{}:{} {}", f.source, f.line, f.name)))
                    .collect(),
            )),
            "host.table" => Reply::Return(vec![Item::Table(vec![
                (Value::from("number"), Item::Value(Value::Number(1.0))),
                (Value::from("box"), Item::Object(Thing::Box(99, 5.0))),
                (Value::Number(f64::NAN), Item::Value(Value::Number(1.0))),
            ])]),
            "host.yieldable" => one(Value::Boolean(call.yieldable)),
            "host.inner.one" => one(Value::Number(1.0)),
            "extra.two" => one(Value::Number(2.0)),
            "other.three" => one(Value::Number(3.0)),
            "box:value" => one(Value::Number(own(0))),
            "box:set" => {
                let number = number_of(&arguments, 1);
                if let Some(Argument::Object(key)) = arguments.first()
                    && let Some(Thing::Box(_, held)) = call.objects.get_mut(*key)
                {
                    *held = number;
                }
                Reply::Return(vec![])
            }
            "box:__tostring" => one(Value::text(format!("box of {}", own(0)))),
            "box:__eq" => one(Value::Boolean(own(0) == own(1))),
            "box:__lt" => one(Value::Boolean(own(0) < own(1))),
            "box:__add" => one(Value::Number(own(0) + own(1))),
            "box:__concat" => one(Value::text(format!("{}..{}", own(0), own(1)))),
            "box:__len" => one(Value::Number(own(0))),
            "error:kind" => one(Value::from("a kind")),
            other => panic!("no function {other}"),
        }
    }
}

/// One pod with its host.
pub(crate) struct Room {
    pub(crate) pod: Pod<Bench>,
    pub(crate) host: Bench,
    pub(crate) ending: Arc<AtomicBool>,
}

impl Room {
    pub(crate) fn new() -> Self {
        let surface = surface();
        Self { pod: Pod::new(&surface).expect("a pod"), host: Bench::new(&surface), ending: Arc::default() }
    }

    pub(crate) fn start(&mut self, source: &str) -> BodyId {
        self.start_with(source, MEMORY, Modules::default(), Vec::new())
    }

    pub(crate) fn start_with(
        &mut self,
        source: &str,
        memory_bytes_max: usize,
        modules: Modules,
        arguments: Vec<Value>,
    ) -> BodyId {
        let code =
            Code::compile("test", source.as_bytes()).unwrap_or_else(|error| panic!("{error}: {source}"));
        let settings = BodySettings {
            key: 7,
            code: &code,
            method: "main",
            arguments,
            modules,
            memory_bytes_max,
            ending: self.ending.clone(),
        };
        self.pod.start(settings).expect("room")
    }

    /// One slice of 5 ms.
    pub(crate) fn slice(&mut self, body: BodyId) -> Step {
        let slice = Slice { until_ns: now_ns() + 5_000_000, memory_bytes_max: usize::MAX };
        self.pod.run(body, &mut self.host, slice)
    }

    /// Slices until something else than a pre-emption comes of it.
    pub(crate) fn run(&mut self, body: BodyId) -> Step {
        let begun = now_ns();
        loop {
            match self.slice(body) {
                Step::Preempted => assert!(now_ns() - begun < PATIENCE_NS, "nothing stops it"),
                Step::Passed { strand } => drop(self.pod.wake(body, strand, Reply::Return(Vec::new()))),
                step => return step,
            }
        }
    }

    /// Answers every waiting strand, oldest first, with what it asked for.
    pub(crate) fn answer_all(&mut self, body: BodyId) -> usize {
        let waiting = std::mem::take(&mut self.host.waiting);
        let count = waiting.len();
        for (strand, value) in waiting {
            assert!(self.pod.wake(body, strand, Reply::Return(vec![Item::Value(value)])));
        }
        count
    }

    /// Runs to the end, answering whatever waits.
    pub(crate) fn finish(&mut self, body: BodyId) -> Step {
        loop {
            match self.run(body) {
                Step::Parked => assert!(self.answer_all(body) > 0, "deadlock at {:?}", self.pod.parked(body)),
                step => return step,
            }
        }
    }
}

/// Runs a script as the whole of a body, and shows its first result as JSON, or how else it ended.
pub(crate) fn result(source: &str) -> String {
    let mut room = Room::new();
    let body = room.start(source);
    let step = room.finish(body);
    shown(&step)
}

/// How a body ended, as text.
pub(crate) fn shown(step: &Step) -> String {
    match step {
        Step::Returned(Ok(values)) => {
            let values: Vec<_> = values.iter().map(|value| value::to_json(value).to_string()).collect();
            values.join(" ")
        }
        Step::Returned(Err(failure)) => format!("not copyable: {failure}"),
        Step::Failed { failure, loading } => {
            format!("{}: {failure}", if *loading { "load failed" } else { "failed" })
        }
        other => format!("{other:?}"),
    }
}

/// Checks what the main function of a script with this body returns.
pub(crate) fn check(body: &str, expected: &str) {
    let source = format!("return function(...)\n{body}\nend");
    assert_eq!(result(&source), expected, "{body}");
}

/// Modules that list these libraries, and imports by name with their source and own imports.
pub(crate) fn modules(libraries: &[&str], imports: &[(&str, &str, Modules)]) -> Modules {
    Modules::new(
        libraries.iter().map(|name| (*name).to_owned()),
        imports.iter().map(|(name, source, modules)| {
            let code = Code::compile(&format!("lib:{name}"), source.as_bytes()).expect("compiles");
            ((*name).to_owned(), Import { code, modules: modules.clone() })
        }),
    )
}
