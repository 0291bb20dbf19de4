//! Objects: what scripts hold handles to and the host owns.
//!
//! The script's side is a userdata that carries nothing but a key; the object itself lives here, in the
//! account of its body, until the handle is collected or the body ends. What an object is, only the host
//! knows.

use std::cell::Cell;
use std::collections::HashMap;
use std::rc::Rc;

use value::Failure;

/// A type of object that scripts may hold.
pub trait Object: 'static {
    /// Which of the surface's types it is.
    fn type_index(&self) -> usize;

    /// Bytes that its body is charged for it while it lives. What it gathers later goes into the body's
    /// [`Ledger`].
    fn bytes(&self) -> usize;

    /// What makes it the same object wherever it comes from: while a handle with this identity lives in a
    /// body, pushing the object again gives the same handle, and the second object is dropped.
    fn identity(&self) -> Option<u64> {
        None
    }

    /// The error object of a failure.
    fn from_failure(failure: Failure) -> Self;

    /// The failure behind an error object, which is copied where data is wanted.
    fn as_failure(&self) -> Option<&Failure>;
}

/// Names one object of one body; never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(C)]
pub struct ObjectKey {
    /// Serial of the body, so that a key is of no use in another.
    body: u32,
    index: u32,
    serial: u32,
}

impl ObjectKey {
    /// Its place among the body's objects, which is free again once the object is gone.
    pub(crate) fn index(self) -> u32 {
        self.index
    }
}

/// Bytes that the host holds for one body beside its objects, such as what waits in a queue: part of the body's
/// account. The host adds what it takes up and takes away what it lets go.
#[derive(Debug, Clone, Default)]
pub struct Ledger(Rc<Entries>);

#[derive(Debug, Default)]
struct Entries {
    bytes: Cell<usize>,
    collection_wanted: Cell<bool>,
}

impl Ledger {
    /// Charges so many bytes more.
    pub fn add(&self, bytes: usize) {
        self.0.bytes.set(self.bytes().saturating_add(bytes));
    }

    /// Charges so many bytes less.
    pub fn take(&self, bytes: usize) {
        self.0.bytes.set(self.bytes().saturating_sub(bytes));
    }

    /// Bytes charged now.
    pub fn bytes(&self) -> usize {
        self.0.bytes.get()
    }

    /// Asks for a collection, at the body's expense, as soon as the call that is under way has been answered: handles
    /// that the script has dropped hold something that is scarce.
    pub fn ask_for_collection(&self) {
        self.0.collection_wanted.set(true);
    }

    pub(crate) fn take_wish(&self) -> bool {
        self.0.collection_wanted.take()
    }
}

/// The objects of one body.
pub struct Objects<O> {
    body: u32,
    slots: Vec<Slot<O>>,
    free: Vec<u32>,
    identities: HashMap<u64, ObjectKey>,
    bytes: usize,
    ledger: Ledger,
}

struct Slot<O> {
    serial: u32,
    object: Option<O>,
    bytes: usize,
}

impl<O: Object> Objects<O> {
    pub(crate) fn new(body: u32) -> Self {
        Self {
            body,
            slots: Vec::new(),
            free: Vec::new(),
            identities: HashMap::new(),
            bytes: 0,
            ledger: Ledger::default(),
        }
    }

    /// The object behind a key; nothing once its handle was collected, or if it is another body's.
    pub fn get(&self, key: ObjectKey) -> Option<&O> {
        self.slot(key)?.object.as_ref()
    }

    /// The same, to change it. What it costs stays what it was.
    pub fn get_mut(&mut self, key: ObjectKey) -> Option<&mut O> {
        if key.body != self.body {
            return None;
        }
        let slot = self.slots.get_mut(key.index as usize).filter(|slot| slot.serial == key.serial)?;
        slot.object.as_mut()
    }

    /// What else is charged to the body.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes that they cost the body, with what is in its ledger.
    pub fn bytes(&self) -> usize {
        self.bytes.saturating_add(self.ledger.bytes())
    }

    pub(crate) fn insert(&mut self, object: O) -> ObjectKey {
        let bytes = object.bytes();
        let identity = object.identity();
        self.bytes = self.bytes.saturating_add(bytes);
        let index = match self.free.pop() {
            Some(index) => index,
            None => {
                self.slots.push(Slot { serial: 0, object: None, bytes: 0 });
                u32::try_from(self.slots.len() - 1).unwrap_or(u32::MAX)
            }
        };
        let mut key = ObjectKey { body: self.body, index, serial: 0 };
        if let Some(slot) = self.slots.get_mut(index as usize) {
            slot.serial = slot.serial.wrapping_add(1);
            slot.object = Some(object);
            slot.bytes = bytes;
            key.serial = slot.serial;
        }
        if let Some(identity) = identity {
            self.identities.insert(identity, key);
        }
        key
    }

    /// The handle's key that an object with this identity has, if its handle was not collected.
    pub(crate) fn with_identity(&self, identity: u64) -> Option<ObjectKey> {
        self.identities.get(&identity).copied()
    }

    /// Takes out an object whose handle was collected.
    pub(crate) fn take(&mut self, key: ObjectKey) -> Option<O> {
        if key.body != self.body {
            return None;
        }
        let slot = self.slots.get_mut(key.index as usize).filter(|slot| slot.serial == key.serial)?;
        let object = slot.object.take()?;
        self.bytes = self.bytes.saturating_sub(slot.bytes);
        slot.bytes = 0;
        self.free.push(key.index);
        // A newer handle of the same identity may have taken the name over already.
        if let Some(identity) = object.identity()
            && self.identities.get(&identity) == Some(&key)
        {
            self.identities.remove(&identity);
        }
        Some(object)
    }

    /// All of them, when the body ends.
    pub(crate) fn into_all(self) -> Vec<O> {
        self.slots.into_iter().filter_map(|slot| slot.object).collect()
    }

    fn slot(&self, key: ObjectKey) -> Option<&Slot<O>> {
        if key.body != self.body {
            return None;
        }
        self.slots.get(key.index as usize).filter(|slot| slot.serial == key.serial)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Weight(usize, Option<u64>);

    impl Object for Weight {
        fn type_index(&self) -> usize {
            0
        }
        fn bytes(&self) -> usize {
            self.0
        }
        fn identity(&self) -> Option<u64> {
            self.1
        }
        fn from_failure(_: Failure) -> Self {
            Self(0, None)
        }
        fn as_failure(&self) -> Option<&Failure> {
            None
        }
    }

    #[test]
    fn a_key_never_names_another_object() {
        let mut objects = Objects::new(1);
        let old = objects.insert(Weight(1, None));
        objects.take(old);
        let new = objects.insert(Weight(2, None));
        assert_ne!(old, new);
        assert!(objects.get(old).is_none());
        assert_eq!(objects.get(new).map(Object::bytes), Some(2));
        assert!(Objects::<Weight>::new(2).get(new).is_none());
        assert_eq!(objects.len(), 1);
    }

    #[test]
    fn the_account_follows_objects_that_come_and_go_and_the_ledger() {
        let mut objects = Objects::new(1);
        let key = objects.insert(Weight(10, None));
        objects.insert(Weight(5, None));
        let ledger = objects.ledger().clone();
        ledger.add(90);
        assert_eq!(objects.bytes(), 105);
        ledger.take(90);
        assert!(objects.take(key).is_some());
        assert!(objects.take(key).is_none());
        assert_eq!(objects.bytes(), 5);
    }

    #[test]
    fn an_identity_belongs_to_the_newest_handle() {
        let mut objects = Objects::new(1);
        let old = objects.insert(Weight(1, Some(7)));
        let new = objects.insert(Weight(1, Some(7)));
        objects.take(old);
        assert_eq!(objects.with_identity(7), Some(new));
        objects.take(new);
        assert_eq!(objects.with_identity(7), None);
    }
}
