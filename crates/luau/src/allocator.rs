//! The allocator of a machine: counts every byte, and refuses what goes over the meter's ceiling.

use std::alloc::{Layout, alloc, dealloc, realloc};
use std::ffi::c_void;
use std::ptr;

use crate::meter::Meter;

/// What Luau relies on for its pages.
const ALIGNMENT: usize = 16;

/// Luau's allocation function. `meter` is the pointer that the machine was made with.
///
/// # Safety
/// `meter` points to a live [`Meter`]; `block` is null with `old` 0, or came from here with size `old`.
pub(crate) unsafe extern "C" fn allocate(
    meter: *mut c_void,
    block: *mut c_void,
    old: usize,
    new: usize,
) -> *mut c_void {
    // SAFETY: by the contract; only shared references to the meter are ever made.
    let meter = unsafe { &*meter.cast::<Meter>() };
    let (Ok(old_layout), Ok(new_layout)) =
        (Layout::from_size_align(old, ALIGNMENT), Layout::from_size_align(new, ALIGNMENT))
    else {
        meter.record_refusal(new.saturating_sub(old));
        return ptr::null_mut();
    };
    if new == 0 {
        if !block.is_null() {
            // SAFETY: by the contract, `block` came from here with this layout.
            unsafe { dealloc(block.cast(), old_layout) };
            meter.record(old, 0);
        }
        return ptr::null_mut();
    }
    if !meter.permits(old, new) {
        meter.record_refusal(new.saturating_sub(old));
        return ptr::null_mut();
    }
    let moved = if block.is_null() {
        // SAFETY: the layout's size is not 0.
        unsafe { alloc(new_layout) }
    } else {
        // SAFETY: by the contract, `block` came from here with this layout; `new` is a valid size, not 0.
        unsafe { realloc(block.cast(), old_layout, new) }
    };
    if moved.is_null() {
        meter.record_refusal(new.saturating_sub(old));
    } else {
        meter.record(old, new);
    }
    moved.cast()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_aligned_counted_and_refused_over_the_ceiling() {
        let meter = Meter::new();
        let context = (&raw const meter).cast_mut().cast();
        // SAFETY: the meter lives; sizes are those that the blocks were made with.
        unsafe {
            let block = allocate(context, ptr::null_mut(), 0, 100);
            assert_eq!(block.addr() % ALIGNMENT, 0);
            let block = allocate(context, block, 100, 5_000);
            assert_eq!(meter.allocated(), 5_000);
            meter.set_ceiling(5_000);
            assert!(allocate(context, ptr::null_mut(), 0, 1).is_null());
            assert!(meter.refused());
            let block = allocate(context, block, 5_000, 50);
            assert!(!block.is_null(), "shrinking cannot fail");
            allocate(context, block, 50, 0);
            assert_eq!(meter.allocated(), 0);
        }
    }
}
