//! What is allowed and needs no record of its own: the first of each class has one all the same, so that whoever decides the
//! log again by other policies meets every sort of question that there was. The others are counted.

use audit::{Because, Occurrence};

use super::{Caller, Operation, Refusal};
use crate::memo::Given;
use crate::occurred::Under;
use crate::permission::Permission;

impl Operation<'_> {
    /// Counts an allowed question. One that was met on this thread before costs a load and a store.
    pub(super) fn count<P: Permission>(
        &self,
        caller: &Caller<'_>,
        request: &P,
        given: &Given,
    ) -> Result<(), Refusal> {
        match given.answer.tally.get() {
            Some(tally) => {
                tally.add_one();
                Ok(())
            }
            // Its records say how often it was given.
            None if given.answer.shadow.is_some() => Ok(()),
            None => self.meet(caller, request, given),
        }
    }

    /// Counts what this thread has not met, or does not remember, and records what no thread has.
    #[cold]
    fn meet<P: Permission>(&self, caller: &Caller<'_>, request: &P, given: &Given) -> Result<(), Refusal> {
        // What is allowed was put together a moment ago.
        let question = self.question(caller, request).ok_or(Refusal::Unavailable)?;
        let class = self.local.class_digest(&question).ok_or(Refusal::Unavailable)?;
        let tally = match self.local.tally(&question, class) {
            Ok(tally) => {
                tally.add_one();
                tally
            }
            Err(under) => {
                let first = self.decision(caller, request, given, Because::First);
                let record = self.gate.log.accept(first.into()).map_err(|_| Refusal::Unavailable)?;
                let occurrence = self.occurrence::<P>(caller, given);
                let actor = occurrence.actor.filter(|_| matches!(under, Under::Class(_)));
                let count = self.gate.log.count(&Occurrence { actor, ..occurrence }, record);
                self.local.begin_tally(&question, under, count)
            }
        };
        // Empty, or this would not have been asked.
        let _ = given.answer.tally.set(tally);
        Ok(())
    }
}
