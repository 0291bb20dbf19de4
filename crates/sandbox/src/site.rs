//! Where in its script a call stands: for records, and for errors.

use audit::Place;
use luau::Call;
use value::Frame;

use crate::object::Object;

/// Where a call stands, as long as it goes on or after it was parked.
pub(crate) trait Site {
    /// The innermost line of Lua.
    fn place(&self) -> Option<Place>;

    /// The call stack, innermost first.
    fn stack(&self) -> Vec<Frame>;
}

impl Site for Call<'_, Object> {
    fn place(&self) -> Option<Place> {
        // The inherent one, which knows nothing of records.
        Call::place(self).map(|place| Place { source: place.source.into(), line: place.line })
    }

    fn stack(&self) -> Vec<Frame> {
        Call::stack(self)
    }
}

/// Where a call stood when it was parked.
pub(crate) struct Parked {
    place: Option<Place>,
    stack: Vec<Frame>,
}

impl Parked {
    pub(crate) fn at(site: &dyn Site) -> Self {
        Self { place: site.place(), stack: site.stack() }
    }

    /// What keeping it costs.
    pub(crate) fn bytes(&self) -> usize {
        let frame = |frame: &Frame| size_of::<Frame>() + frame.source.len() + frame.name.len();
        size_of::<Self>() + self.stack.iter().map(frame).sum::<usize>()
    }
}

impl Site for Parked {
    fn place(&self) -> Option<Place> {
        self.place.clone()
    }

    fn stack(&self) -> Vec<Frame> {
        self.stack.clone()
    }
}
