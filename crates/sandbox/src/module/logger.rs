//! The `logger` module and `print`: lines for the tenant's log.
//!
//! What a line says beside the script's own words (pid, definition, actor, time), where it goes, and how many
//! there may be, is the scene's. Scripts cannot write to the audit log at all.

mod fields;

use std::marker::PhantomData;
use std::rc::Rc;

use luau::{Accepts, Argument};
use tracing::Level;
use value::{Failure, Kind};

use crate::declaration::{Doc, Module, Type};
use crate::function::{Function, Outcome, declare};
use crate::module::pure::Pure;
use crate::module::text;
use crate::object::Object;
use crate::question::Question;
use crate::scene::Scene;

pub(crate) use fields::Fields;

pub(crate) static MODULE: Module = Module {
    name: "logger",
    global: false,
    text: "Lines for the tenant's log, each with the process's pid, definition, actor and time. A line is cut at \
           8 KiB; past 100 lines in a second they are counted and left out.",
    functions: &[
        declare::<At<Debug>>(),
        declare::<At<Info>>(),
        declare::<At<Warn>>(),
        declare::<At<Error>>(),
        declare::<With>(),
    ],
    constants: &[],
    tables: &[],
};

pub(crate) static TYPE: Type = Type {
    name: "logger",
    text: "A logger with fields of its own, made by `logger:with`. It has the functions of the module.",
    methods: MODULE.functions,
};

/// What every script sees without `require`.
pub(crate) static GLOBALS: Module = Module {
    name: "",
    global: true,
    text: "Functions that are simply there.",
    functions: &[declare::<Print>()],
    constants: &[],
    tables: &[],
};

/// A level that scripts log at.
trait Severity: 'static {
    const LEVEL: Level;
    const DOC: Doc;
}

/// The function that logs at one level. A method of logger objects, and a function of the module, which then is
/// its own first argument.
struct At<S>(PhantomData<S>);

/// A line that is ready to be logged.
struct Line {
    message: String,
    fields: Fields,
}

impl<S: Severity> Function for At<S> {
    const DOC: Doc = S::DOC;
    const ACCEPTS: &'static [Accepts] = &[Accepts::Data, Accepts::Data, Accepts::Data];
    type Asks = ();
    type Payload = Line;

    fn ask(question: &mut Question<'_>) -> Result<((), Line), Failure> {
        let own = itself(question, "message")?;
        let message = question.text(1, "message")?;
        let fields = own.with(question.optional_fields(2, "fields")?)?;
        Ok(((), Line { message, fields }))
    }

    fn run(scene: &mut Scene<'_>, (): (), line: Line) -> Result<Outcome, Failure> {
        scene.log(S::LEVEL, &line.message, line.fields.entries());
        Ok(Outcome::done())
    }
}

const WRONG_LINE: &[(Kind, &str)] = &[(
    Kind::Invalid,
    "no message, fields that are not plain data with string keys, more than 64 of them or more than 8 KiB, or a \
     dot instead of the colon",
)];

struct Debug;

impl Severity for Debug {
    const LEVEL: Level = Level::DEBUG;
    const DOC: Doc = Doc {
        name: "logger:debug",
        signature: "(message: string, fields: {[string]: any}?) -> (true?, error?)",
        text: "Logs what helps while a defect is looked for. `fields` is data beside the message; a field of the \
               logger with the same name gives way.",
        permissions: &[],
        errors: WRONG_LINE,
        example: "local logger = require(\"logger\")\nassert(logger:debug(\"cache\", {hits = 3}))",
    };
}

struct Info;

impl Severity for Info {
    const LEVEL: Level = Level::INFO;
    const DOC: Doc = Doc {
        name: "logger:info",
        signature: "(message: string, fields: {[string]: any}?) -> (true?, error?)",
        text: "Logs what happens when all is well. Fields as in `logger:debug`.",
        permissions: &[],
        errors: WRONG_LINE,
        example: "local logger = require(\"logger\")\n\
                  assert(logger:info(\"order accepted\", {order = 7}))\n\
                  local ok, err = logger.info(\"order accepted\")\n\
                  assert(ok == nil and err:kind() == errors.INVALID)",
    };
}

struct Warn;

impl Severity for Warn {
    const LEVEL: Level = Level::WARN;
    const DOC: Doc = Doc {
        name: "logger:warn",
        signature: "(message: string, fields: {[string]: any}?) -> (true?, error?)",
        text: "Logs what somebody should look at before it becomes an error. Fields as in `logger:debug`.",
        permissions: &[],
        errors: WRONG_LINE,
        example: "local logger = require(\"logger\")\nassert(logger:warn(\"slow answer\", {ms = 900}))",
    };
}

struct Error;

impl Severity for Error {
    const LEVEL: Level = Level::ERROR;
    const DOC: Doc = Doc {
        name: "logger:error",
        signature: "(message: string, fields: {[string]: any}?) -> (true?, error?)",
        text: "Logs what went wrong; it raises nothing. Fields as in `logger:debug`; an error object is a good one.",
        permissions: &[],
        errors: WRONG_LINE,
        example: "local logger = require(\"logger\")\n\
                  assert(logger:error(\"order lost\", {error = errors.new(\"no stock\")}))",
    };
}

struct With;

impl Pure for With {
    const DOC: Doc = Doc {
        name: "logger:with",
        signature: "(fields: {[string]: any}) -> (logger?, error?)",
        text: "A logger whose every line has these fields too, on top of the ones it has. The logger it is called \
               on stays as it is.",
        permissions: &[],
        errors: &[(
            Kind::Invalid,
            "no table, fields that are not plain data with string keys, or more than 64 of them or 8 KiB together",
        )],
        example: "local logger = require(\"logger\")\n\
                  local orders = logger:with({component = \"orders\"})\n\
                  assert(orders:with({order = 7}):info(\"accepted\"))",
    };
    const ACCEPTS: &'static [Accepts] = &[Accepts::Data, Accepts::Data];

    fn answer(question: &mut Question<'_>) -> Result<Outcome, Failure> {
        let fields = itself(question, "fields")?.with(question.fields(1, "fields")?)?;
        Ok(Outcome::object(Object::Logger(Rc::new(fields))))
    }
}

struct Print;

impl Function for Print {
    const DOC: Doc = Doc {
        name: "print",
        signature: "(...any) -> ()",
        text: "Logs its arguments, joined by tabs, at the level of `logger:info`. A table of plain data is shown as \
               JSON, any other by its type.",
        permissions: &[],
        errors: &[],
        example: "print(\"orders\", 3, {first = 7}, nil, print)",
    };
    const ACCEPTS: &'static [Accepts] = &[];
    const REST: Option<Accepts> = Some(Accepts::Data);
    type Asks = ();
    type Payload = String;

    fn ask(question: &mut Question<'_>) -> Result<((), String), Failure> {
        let words: Vec<String> = (0..question.count()).map(|index| word(question, index)).collect();
        Ok(((), words.join("\t")))
    }

    fn run(scene: &mut Scene<'_>, (): (), line: String) -> Result<Outcome, Failure> {
        scene.log(Level::INFO, &line, &[]);
        Ok(Outcome::nothing())
    }
}

/// The fields of the logger that is called; none for the module itself.
fn itself(question: &Question<'_>, first: &str) -> Result<Rc<Fields>, Failure> {
    match question.object(0) {
        Some(Object::Logger(fields)) => Ok(fields.clone()),
        // The module is a table of functions, which is no plain data: no argument that could be a message.
        _ if question.count() > 1 => Ok(Rc::default()),
        _ => Err(Failure::invalid(format!(
            "`{first}` is missing, or the call is without a colon: `logger:info(message)`"
        ))),
    }
}

/// One argument of `print` as text.
fn word(question: &mut Question<'_>, index: usize) -> String {
    if let Some(object) = question.object(index) {
        return match object {
            Object::Failure(failure) => failure.to_string(),
            Object::Duration(nanoseconds) => crate::module::time::duration::text(*nanoseconds),
            Object::Moment(moment) => moment.to_string(),
            Object::Location(location) => location.name().to_owned(),
            other => crate::surface::type_name(other.kind()).to_owned(),
        };
    }
    match question.take(index) {
        Argument::Missing => "nil".to_owned(),
        Argument::Value(value) => text::of(&value),
        Argument::Wrong(why) => text::of_unreadable(&why).to_owned(),
        Argument::Object(_) | Argument::Reference(_) | Argument::Shallow(_) => "value".to_owned(),
    }
}
