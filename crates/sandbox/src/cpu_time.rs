//! What a process has used of its CPU budgets: the time that it ran, and for each denial what that costs others.
//!
//! What the budgets are, and what becomes of a process that is over one, is not known here.

use std::cell::Cell;

use crate::limits::DENIAL_NS;

/// CPU time of one process, in nanoseconds.
#[derive(Debug, Clone, Default)]
pub(crate) struct CpuTime {
    /// Since it last had to wait.
    pub(crate) since_wait_ns: u64,
    /// In all.
    pub(crate) total_ns: u64,
    /// Charged for denials of this slice.
    denials_ns: Cell<u64>,
}

impl CpuTime {
    /// The process was denied something.
    pub(crate) fn charge_denial(&self) {
        self.denials_ns.set(self.denials_ns.get().saturating_add(DENIAL_NS));
    }

    /// A slice in which it ran so long is over; gives what it used with all that was charged.
    pub(crate) fn end_slice(&mut self, ran_ns: u64) -> u64 {
        let used_ns = ran_ns.saturating_add(self.denials_ns.take());
        self.since_wait_ns = self.since_wait_ns.saturating_add(used_ns);
        self.total_ns = self.total_ns.saturating_add(used_ns);
        used_ns
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn denials_are_charged_once_with_the_slice_that_they_are_in() {
        let mut cpu = CpuTime::default();
        (0..100).for_each(|_| cpu.charge_denial());
        assert_eq!(cpu.end_slice(5), 100 * DENIAL_NS + 5);
        assert_eq!(cpu.end_slice(7), 7);
        cpu.since_wait_ns = 0;
        cpu.charge_denial();
        cpu.end_slice(0);
        assert_eq!((cpu.since_wait_ns, cpu.total_ns), (DENIAL_NS, 101 * DENIAL_NS + 12));
    }
}
