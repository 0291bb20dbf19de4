//! The objects that scripts hold: what each is, what it costs, and which are the same.
//!
//! An object lives on the host's side; a script holds a handle that it cannot forge, read as a table or put in
//! a message (error objects excepted: they are copied). This file knows no function.

use std::rc::Rc;
use std::sync::Arc;

use policy::{Actor, ScopeSet};
use value::Failure;

use crate::builder::Builder;
use crate::channel::{Case, Channel};
use crate::message::Message;
use crate::module::logger::Fields;
use crate::module::time::{Location, Moment};
use crate::timer::Timer;

/// One object of a script.
pub(crate) enum Object {
    /// An error.
    Failure(Box<Failure>),
    /// A channel.
    Channel(Rc<Channel>),
    /// One case of a select.
    Case(Box<Case>),
    /// A message taken from the inbox or a listened topic.
    Message(Box<Message>),
    /// A one-shot timer or a ticker.
    Timer(Rc<Timer>),
    /// A duration, in nanoseconds.
    Duration(i64),
    /// A point in time, in a location.
    Moment(Box<Moment>),
    /// A time zone.
    Location(Box<Location>),
    /// A SpawnBuilder.
    Builder(Rc<Builder>),
    /// An actor.
    Actor(Arc<Actor>),
    /// A set of scopes.
    Scope(ScopeSet),
    /// A logger with fields of its own.
    Logger(Rc<Fields>),
}

/// The types in the order of the surface; an object's index is its place here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TypeIndex {
    Failure,
    Channel,
    Case,
    Message,
    Timer,
    Ticker,
    Duration,
    Moment,
    Location,
    Builder,
    Actor,
    Scope,
    Logger,
}

impl Object {
    /// Which type it is.
    pub(crate) fn kind(&self) -> TypeIndex {
        match self {
            Self::Failure(_) => TypeIndex::Failure,
            Self::Channel(_) => TypeIndex::Channel,
            Self::Case(_) => TypeIndex::Case,
            Self::Message(_) => TypeIndex::Message,
            Self::Timer(timer) if timer.is_ticker() => TypeIndex::Ticker,
            Self::Timer(_) => TypeIndex::Timer,
            Self::Duration(_) => TypeIndex::Duration,
            Self::Moment(_) => TypeIndex::Moment,
            Self::Location(_) => TypeIndex::Location,
            Self::Builder(_) => TypeIndex::Builder,
            Self::Actor(_) => TypeIndex::Actor,
            Self::Scope(_) => TypeIndex::Scope,
            Self::Logger(_) => TypeIndex::Logger,
        }
    }
}

impl luau::Object for Object {
    fn type_index(&self) -> usize {
        self.kind() as usize
    }

    /// What the process is charged for it, in bytes; estimates of the host's side, never less than 64.
    fn bytes(&self) -> usize {
        match self {
            Self::Failure(failure) => failure.bytes(),
            Self::Message(message) => 96 + message.payload_bytes(),
            Self::Builder(builder) => builder.bytes(),
            // What waits in it is in the body's ledger.
            Self::Channel(_) => 256,
            Self::Logger(fields) => 64 + fields.bytes(),
            Self::Moment(_) | Self::Location(_) => 192,
            Self::Actor(actor) => 64 + actor.bytes(),
            Self::Scope(scopes) => 64 + size_of::<usize>() * scopes.len(),
            Self::Case(_) | Self::Timer(_) | Self::Duration(_) => 64,
        }
    }

    /// A channel is the same channel wherever it comes from.
    fn identity(&self) -> Option<u64> {
        match self {
            Self::Channel(channel) => Some(channel.identity()),
            _ => None,
        }
    }

    fn from_failure(failure: Failure) -> Self {
        Self::Failure(Box::new(failure))
    }

    fn as_failure(&self) -> Option<&Failure> {
        match self {
            Self::Failure(failure) => Some(failure),
            _ => None,
        }
    }
}
