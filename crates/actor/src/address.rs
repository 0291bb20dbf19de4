//! Where a process lives: worker, slot and generation in 64 bits.
//!
//! An address is never used twice: a slot's generation grows with each process in it, and a slot whose
//! generations are used up is retired. Generation 0 is never given out, so address 0 is nobody's.

use std::fmt;

/// A process's place on its node, packed: 8 bits worker, 24 bits slot, 32 bits generation.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Address(u64);

impl Address {
    pub(crate) fn new(worker: u8, slot: u32, generation: u32) -> Self {
        debug_assert!(slot < 1 << 24, "a slot has 24 bits");
        Self(u64::from(worker) << 56 | u64::from(slot) << 32 | u64::from(generation))
    }

    /// The address that a process's facts carry; nobody's for a stand-in.
    pub(crate) fn of(facts: &policy::Process) -> Self {
        Self(facts.address())
    }

    pub(crate) fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    pub(crate) fn bits(self) -> u64 {
        self.0
    }

    pub(crate) fn worker(self) -> u8 {
        (self.0 >> 56) as u8
    }

    pub(crate) fn slot(self) -> u32 {
        (self.0 >> 32) as u32 & 0x00ff_ffff
    }

    pub(crate) fn generation(self) -> u32 {
        self.0 as u32
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}.{}", self.worker(), self.slot(), self.generation())
    }
}

/// One process of a kernel, as its worker names it. Stays valid until the process ended; afterwards every
/// function answers as for a process that does not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LocalId(pub(crate) Address);

impl LocalId {
    /// The id as a number, to be carried where only a number fits.
    pub fn key(self) -> u64 {
        self.0.bits()
    }

    /// The id that [`LocalId::key`] gave. Any other number names no process.
    pub fn from_key(key: u64) -> Self {
        Self(Address::from_bits(key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_gives_back_its_parts() {
        for (worker, slot, generation) in
            [(0, 0, 1), (255, (1 << 24) - 1, u32::MAX), (3, 77, 9), (1, 1 << 20, 1)]
        {
            let address = Address::new(worker, slot, generation);
            assert_eq!((address.worker(), address.slot(), address.generation()), (worker, slot, generation));
            assert_eq!(Address::from_bits(address.bits()), address);
        }
    }
}
