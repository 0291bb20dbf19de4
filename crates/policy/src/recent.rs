//! What a thread was asked last, found by where the parts of the question are in memory: faster than by what they say.
//!
//! An entry holds the parts that it is found by, so that nothing else can be at their places meanwhile; none of them ever
//! changes. What the answers are, and how many bytes all this counts for, is not known here.

use std::rc::Rc;
use std::sync::Arc;

use crate::class::Class;
use crate::generation::{Answer, Question};
use crate::identity::{Actor, ScopeSet, TenantId};
use crate::limits::{MEMO_RECENT_ANSWERS, MEMO_RECENT_CLASSES};
use crate::permission::{Resource, Spec};
use crate::resource::Process;

/// The classes and answers asked for last. One that comes to the place of another puts it out.
pub(crate) struct Recent {
    classes: Vec<Option<(Asker, Rc<Class>)>>,
    answers: Vec<Option<Answered>>,
}

/// Who asks for what sort of thing.
struct Asker {
    actor: Arc<Actor>,
    scopes: ScopeSet,
    spec: &'static Spec,
}

/// An answer that a process got about another, and that nothing but the two could change.
struct Answered {
    asker: Asker,
    process: Option<Arc<Process>>,
    about: Arc<Process>,
    answer: Rc<Answer>,
}

impl Default for Recent {
    fn default() -> Self {
        Self { classes: empty(MEMO_RECENT_CLASSES), answers: empty(MEMO_RECENT_ANSWERS) }
    }
}

fn empty<T>(places: usize) -> Vec<Option<T>> {
    std::iter::repeat_with(|| None).take(places).collect()
}

impl Recent {
    /// The class of a question.
    pub(crate) fn class(&self, question: &Question<'_>) -> Option<Rc<Class>> {
        let (asker, class) = self.classes.get(class_place(question))?.as_ref()?;
        asker.asks(question).then(|| class.clone())
    }

    /// Keeps the class of a question.
    pub(crate) fn keep_class(&mut self, question: &Question<'_>, class: &Rc<Class>) {
        if let Some(place) = self.classes.get_mut(class_place(question)) {
            *place = Some((Asker::of(question), class.clone()));
        }
    }

    /// The answer to a question.
    pub(crate) fn answer(&self, question: &Question<'_>) -> Option<Rc<Answer>> {
        let Resource::Process(about) = question.resource else { return None };
        let answered = self.answers.get(answer_place(question, about))?.as_ref()?;
        let same_process = match (&answered.process, question.process) {
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            (one, other) => one.is_none() && other.is_none(),
        };
        (same_process && Arc::ptr_eq(&answered.about, about) && answered.asker.asks(question))
            .then(|| answered.answer.clone())
    }

    /// Keeps the answer to a question, if nothing but who asks about whom could change it.
    pub(crate) fn keep_answer(&mut self, question: &Question<'_>, class: &Class, answer: &Rc<Answer>) {
        let Resource::Process(about) = question.resource else { return };
        if !class.reads_no_field {
            return;
        }
        if let Some(place) = self.answers.get_mut(answer_place(question, about)) {
            *place = Some(Answered {
                asker: Asker::of(question),
                process: question.process.cloned(),
                about: about.clone(),
                answer: answer.clone(),
            });
        }
    }

    /// Forgets what actors of a tenant asked.
    pub(crate) fn forget(&mut self, tenant: &TenantId) {
        for place in &mut self.classes {
            place.take_if(|(asker, _)| asker.actor.tenant() == tenant);
        }
        for place in &mut self.answers {
            place.take_if(|answered| answered.asker.actor.tenant() == tenant);
        }
    }
}

impl Asker {
    fn of(question: &Question<'_>) -> Self {
        Self { actor: question.actor.clone(), scopes: question.scopes.clone(), spec: question.spec }
    }

    fn asks(&self, question: &Question<'_>) -> bool {
        Arc::ptr_eq(&self.actor, question.actor)
            && self.scopes.is_same(question.scopes)
            && std::ptr::eq(self.spec, question.spec)
    }
}

fn class_place(question: &Question<'_>) -> usize {
    mixed(question, 0) % MEMO_RECENT_CLASSES
}

fn answer_place(question: &Question<'_>, about: &Arc<Process>) -> usize {
    let process = question.process.map_or(0, |process| Arc::as_ptr(process).addr());
    mixed(question, Arc::as_ptr(about).addr().wrapping_mul(7) ^ process) % MEMO_RECENT_ANSWERS
}

/// Addresses differ in their middle bits: one multiplication brings those up, and the top ones are taken (Fibonacci hashing,
/// Knuth volume 3, 6.4).
fn mixed(question: &Question<'_>, more: usize) -> usize {
    let parts = Arc::as_ptr(question.actor).addr()
        ^ question.scopes.address().wrapping_mul(31)
        ^ std::ptr::from_ref(question.spec).addr().wrapping_mul(131)
        ^ more.wrapping_mul(8191);
    parts.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (usize::BITS / 2)
}
