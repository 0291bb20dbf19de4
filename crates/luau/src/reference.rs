//! References: Lua values that the host keeps without looking into them.
//!
//! A reference pins its value in the registry of its pod. Dropping the last clone only notes that; the pod
//! lets go of the value when no Lua is running. A reference belongs to one body, and cannot be pushed into
//! another.

use std::cell::RefCell;
use std::ffi::c_int;
use std::rc::Rc;

/// A Lua value kept alive; cloning shares it.
#[derive(Clone, Debug)]
pub struct Reference(Rc<Handle>);

#[derive(Debug)]
struct Handle {
    index: usize,
    serial: u64,
    dropped: Dropped,
}

/// Which references nobody holds any more.
type Dropped = Rc<RefCell<Vec<(usize, u64)>>>;

impl Drop for Handle {
    fn drop(&mut self) {
        self.dropped.borrow_mut().push((self.index, self.serial));
    }
}

/// All references of one pod.
#[derive(Default)]
pub(crate) struct References {
    entries: Vec<Entry>,
    free: Vec<usize>,
    next_serial: u64,
    dropped: Dropped,
}

struct Entry {
    /// Position in Lua's registry; none when the entry is free.
    registry: Option<c_int>,
    /// Which body's, by its place in the pod.
    body: usize,
    serial: u64,
}

impl References {
    /// Takes over a value that is pinned in the registry.
    pub(crate) fn adopt(&mut self, registry: c_int, body: usize) -> Reference {
        self.next_serial += 1;
        let entry = Entry { registry: Some(registry), body, serial: self.next_serial };
        let index = match self.free.pop() {
            Some(index) => {
                if let Some(slot) = self.entries.get_mut(index) {
                    *slot = entry;
                }
                index
            }
            None => {
                self.entries.push(entry);
                self.entries.len() - 1
            }
        };
        Reference(Rc::new(Handle { index, serial: self.next_serial, dropped: Rc::clone(&self.dropped) }))
    }

    /// Where the value is pinned; nothing when it is another pod's or body's, or its body has ended.
    pub(crate) fn registry(&self, reference: &Reference, body: usize) -> Option<c_int> {
        let handle = &reference.0;
        let entry = self.entries.get(handle.index)?;
        let same = Rc::ptr_eq(&handle.dropped, &self.dropped) && entry.serial == handle.serial;
        entry.registry.filter(|_| same && entry.body == body)
    }

    /// Frees what nobody holds any more, and returns what to unpin.
    pub(crate) fn take_dropped(&mut self) -> Vec<c_int> {
        let dropped = std::mem::take(&mut *self.dropped.borrow_mut());
        dropped
            .into_iter()
            .filter_map(|(index, serial)| {
                let entry = self.entries.get_mut(index).filter(|entry| entry.serial == serial)?;
                let registry = entry.registry.take()?;
                self.free.push(index);
                Some(registry)
            })
            .collect()
    }

    /// Frees every reference of a body that has ended, and returns what to unpin.
    pub(crate) fn take_of_body(&mut self, body: usize) -> Vec<c_int> {
        let mut unpinned = Vec::new();
        for (index, entry) in self.entries.iter_mut().enumerate() {
            if entry.body == body
                && let Some(registry) = entry.registry.take()
            {
                unpinned.push(registry);
                self.free.push(index);
            }
        }
        unpinned
    }

    /// How many values are pinned.
    pub(crate) fn count(&self) -> usize {
        self.entries.len() - self.free.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_let_go_once_when_its_last_clone_is_dropped() {
        let mut references = References::default();
        let first = references.adopt(7, 0);
        let second = first.clone();
        drop(first);
        assert!(references.take_dropped().is_empty());
        drop(second);
        assert_eq!(references.take_dropped(), [7]);
        assert!(references.take_dropped().is_empty());
        assert_eq!(references.count(), 0);
    }

    #[test]
    fn a_reference_of_an_ended_body_names_nothing_and_frees_nothing() {
        let mut references = References::default();
        let old = references.adopt(7, 3);
        assert_eq!(references.take_of_body(3), [7]);
        let new = references.adopt(8, 3);
        assert_eq!(references.registry(&old, 3), None);
        drop(old);
        assert!(references.take_dropped().is_empty());
        assert_eq!(references.registry(&new, 3), Some(8));
    }

    #[test]
    fn a_reference_is_of_no_use_to_another_body_or_pod() {
        let mut references = References::default();
        let mut others = References::default();
        let reference = references.adopt(7, 1);
        let _other = others.adopt(9, 1);
        assert_eq!(references.registry(&reference, 2), None);
        assert_eq!(others.registry(&reference, 1), None);
    }
}
