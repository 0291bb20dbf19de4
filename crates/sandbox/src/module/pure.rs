//! Functions that need nothing but their arguments: most of the plain modules.
//!
//! A pure function asks for no permission, waits for nothing and changes nothing, so its answer can be worked
//! out while it is still only looking. Whatever needs a clock, a log or a stack is a [`Function`] of its own.

use luau::Accepts;
use value::Failure;

use crate::declaration::Doc;
use crate::function::{Function, Outcome};
use crate::module::limits::QUOTED_CHARS_MAX;
use crate::question::Question;
use crate::scene::Scene;

/// A function of its arguments.
pub(crate) trait Pure: 'static {
    /// Its documentation.
    const DOC: Doc;
    /// How each parameter is read.
    const ACCEPTS: &'static [Accepts];
    /// Whether a failure is raised: operators, which have no second result to return it in.
    const RAISES: bool = false;

    /// Arguments in, results out.
    ///
    /// # Errors
    /// What the documentation lists.
    fn answer(question: &mut Question<'_>) -> Result<Outcome, Failure>;
}

impl<P: Pure> Function for P {
    const DOC: Doc = P::DOC;
    const ACCEPTS: &'static [Accepts] = P::ACCEPTS;
    const RAISES: bool = P::RAISES;
    type Asks = ();
    type Payload = Outcome;

    fn ask(question: &mut Question<'_>) -> Result<((), Outcome), Failure> {
        Ok(((), P::answer(question)?))
    }

    fn run(_: &mut Scene<'_>, (): (), outcome: Outcome) -> Result<Outcome, Failure> {
        Ok(outcome)
    }
}

/// The beginning of a script's own text, for an error message: at most 64 characters.
pub(crate) fn quoted(text: &str) -> String {
    text.chars().take(QUOTED_CHARS_MAX).collect()
}
