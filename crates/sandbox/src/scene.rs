//! What `run` acts on: the world, the calling process, and the strand that called.

use std::rc::Rc;
use std::time::SystemTime;

use luau::{Item, StrandId};
use value::{Failure, Value};

use crate::channel::Channel;
use crate::log_line;
use crate::object::Object;
use crate::process_state::ProcessState;
use crate::site::Site;
use crate::world::World;

/// A call that has been permitted.
pub(crate) struct Scene<'a> {
    /// Everything that a permitted call may change.
    pub(crate) world: &'a mut World,
    /// The strand that called, which is what waits.
    pub(crate) strand: StrandId,
    /// Where the call stands in the script.
    pub(crate) site: &'a dyn Site,
}

impl<'a> Scene<'a> {
    pub(crate) fn new(world: &'a mut World, strand: StrandId, site: &'a dyn Site) -> Self {
        Self { strand, world, site }
    }

    /// The calling process.
    ///
    /// # Errors
    /// INVALID: no process context.
    pub(crate) fn state(&self) -> Result<&ProcessState, Failure> {
        self.world.state()
    }

    /// The calling process, to change it.
    ///
    /// # Errors
    /// INVALID: no process context.
    pub(crate) fn state_mut(&mut self) -> Result<&mut ProcessState, Failure> {
        self.world.state_mut()
    }

    /// Takes what a channel has now.
    ///
    /// # Errors
    /// INVALID: no process context.
    pub(crate) fn take(&mut self, channel: &Channel) -> Result<Option<(Item<Object>, bool)>, Failure> {
        self.world.take(channel)
    }

    /// Closes a channel and tells who waits on it.
    ///
    /// # Errors
    /// INVALID: no process context.
    pub(crate) fn close(&mut self, channel: &Rc<Channel>) -> Result<(), Failure> {
        self.state_mut()?.waits.close(channel);
        Ok(())
    }

    /// Now, by the wall clock.
    pub(crate) fn wall(&self) -> SystemTime {
        self.world.wall()
    }

    /// Writes a line to the tenant's log.
    pub(crate) fn log(&mut self, level: tracing::Level, message: &str, fields: &[(String, Value)]) {
        let now_ns = self.world.now_ns();
        if let Some(state) = self.world.current.as_deref_mut() {
            log_line::write(state, now_ns, level, message, fields);
        }
    }
}
