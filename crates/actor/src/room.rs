//! The free room of one mailbox, which senders of any worker reserve before they send.
//!
//! One atomic word holds both counts, so that a reservation is one compare-and-swap and can never leave one
//! count taken and the other refused. Knows nothing of the messages themselves.

use std::sync::atomic::{AtomicU64, Ordering};

/// Low bits of the word: bytes. The rest: messages.
const BYTES_BITS: u32 = 40;
const BYTES_MASK: u64 = (1 << BYTES_BITS) - 1;

/// How much of a mailbox is taken, and its bounds.
#[derive(Debug)]
pub(crate) struct Room {
    taken: AtomicU64,
    messages_max: u64,
    bytes_max: u64,
}

/// Why a message does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Full {
    /// As many messages as allowed wait already.
    Messages { max: u64 },
    /// So many bytes wait already that these do not fit.
    Bytes { waiting: u64, max: u64 },
}

impl Room {
    pub(crate) fn new(messages_max: u32, bytes_max: u64) -> Self {
        Self {
            taken: AtomicU64::new(0),
            messages_max: u64::from(messages_max.min(crate::limits::MAILBOX_MESSAGES_MAX)),
            bytes_max: bytes_max.min(BYTES_MASK),
        }
    }

    /// Takes room for one message.
    pub(crate) fn reserve(&self, bytes: u64) -> Result<(), Full> {
        let reserve = |taken: u64| {
            let (messages, waiting) = (taken >> BYTES_BITS, taken & BYTES_MASK);
            let fits = messages < self.messages_max && bytes <= self.bytes_max.saturating_sub(waiting);
            fits.then(|| (messages + 1) << BYTES_BITS | (waiting + bytes))
        };
        match self.taken.fetch_update(Ordering::AcqRel, Ordering::Acquire, reserve) {
            Ok(_) => Ok(()),
            Err(taken) if taken >> BYTES_BITS >= self.messages_max => {
                Err(Full::Messages { max: self.messages_max })
            }
            Err(taken) => Err(Full::Bytes { waiting: taken & BYTES_MASK, max: self.bytes_max }),
        }
    }

    /// Gives back the room of one message that was reserved with the same number of bytes.
    pub(crate) fn release(&self, bytes: u64) {
        let before = self.taken.fetch_sub(1 << BYTES_BITS | bytes, Ordering::AcqRel);
        debug_assert!(
            before >> BYTES_BITS >= 1 && before & BYTES_MASK >= bytes,
            "released more than reserved"
        );
    }

    /// Messages and bytes that hold room now.
    pub(crate) fn taken(&self) -> (u64, u64) {
        let taken = self.taken.load(Ordering::Acquire);
        (taken >> BYTES_BITS, taken & BYTES_MASK)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reservation_over_either_bound_takes_nothing() {
        let room = Room::new(2, 100);
        assert_eq!(room.reserve(101), Err(Full::Bytes { waiting: 0, max: 100 }));
        assert_eq!(room.reserve(60), Ok(()));
        assert_eq!(room.reserve(41), Err(Full::Bytes { waiting: 60, max: 100 }));
        assert_eq!(room.reserve(40), Ok(()));
        assert_eq!(room.reserve(0), Err(Full::Messages { max: 2 }));
        assert_eq!(room.taken(), (2, 100));
        room.release(60);
        assert_eq!(room.taken(), (1, 40));
        assert_eq!(room.reserve(u64::MAX), Err(Full::Bytes { waiting: 40, max: 100 }));
    }

    #[test]
    fn many_senders_never_overfill_it() {
        let room = Room::new(1_000, 50_000);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let accepted = (0..1_000).filter(|_| room.reserve(100).is_ok()).count();
                    for _ in 0..accepted / 2 {
                        room.release(100);
                    }
                });
            }
        });
        let (messages, bytes) = room.taken();
        assert!(messages <= 1_000 && bytes <= 50_000 && bytes == messages * 100, "{messages} {bytes}");
    }
}
