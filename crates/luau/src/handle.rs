//! Handles: the userdata by which a script holds an object of the host.
//!
//! A handle carries a key and nothing else. Its userdata tag is the type's position in the surface, plus one;
//! no other userdata of a machine has such a tag, so the tag is proof of what the payload is.

use std::ffi::{c_int, c_void};

use mlua::ffi;

use crate::host::Host;
use crate::machine::Machine;
use crate::object::{Object, ObjectKey};
use crate::thread::Thread;

/// The payload of a handle.
#[derive(Clone, Copy)]
#[repr(C)]
struct Handle {
    /// Which body's object, by its place in the pod.
    body: usize,
    /// None for the moment between making the userdata and placing the object.
    key: Option<ObjectKey>,
}

/// The tag of a type.
pub(crate) fn tag_of_type(type_index: usize) -> c_int {
    c_int::try_from(type_index).map_or(c_int::MAX, |index| index.saturating_add(1))
}

/// Which type the value at `index` is a handle of.
pub(crate) fn type_at(thread: Thread, index: c_int) -> Option<usize> {
    thread.userdata_tag(index).and_then(|tag| usize::try_from(tag).ok()?.checked_sub(1))
}

/// The key in the handle at `index`; none when the value is no handle.
pub(crate) fn key_at(thread: Thread, index: c_int) -> Option<ObjectKey> {
    let tag = thread.userdata_tag(index).filter(|tag| *tag > 0)?;
    let payload = thread.userdata(index, tag)?;
    // SAFETY: only `push` makes userdata with a positive tag; it writes a `Handle` before anything else can
    // see the userdata. The payload is aligned to 16 bytes.
    unsafe { payload.cast::<Handle>().read() }.key
}

/// Pushes a handle of the object in `machine.spare`, or the handle that its identity has. **May raise.**
pub(crate) fn push<H: Host>(machine: &Machine<H>, thread: Thread) {
    // SAFETY: nothing else uses the spare while it is pushed; the reference ends here.
    let described = unsafe { &*machine.spare.get() }.as_ref().map(|o| (o.type_index(), o.identity()));
    let Some((type_index, identity)) = described else { return thread.push_nil() };
    if type_index >= machine.surface.types.len() {
        thread.raise_text(c"the host made an object of a type that it did not declare");
    }
    if let Some(identity) = identity
        && push_same(machine, thread, identity)
    {
        drop_spare(machine);
        return;
    }
    let Some((body, _)) = machine.running.get() else { return thread.push_nil() };
    let payload = thread.push_userdata(size_of::<Handle>(), tag_of_type(type_index)).cast::<Handle>();
    // SAFETY: the payload has the size of a `Handle` and is aligned to 16 bytes.
    unsafe { payload.write(Handle { body, key: None }) };
    // SAFETY: nothing else uses the spare.
    let object = unsafe { &mut *machine.spare.get() }.take();
    let key = object.and_then(|object| {
        machine.with_running(|body, _| {
            let key = body.objects.insert(object);
            machine.meter.object_bytes.set(body.objects.bytes());
            key
        })
    });
    // SAFETY: the userdata is on the stack, so its payload lives.
    unsafe { payload.write(Handle { body, key }) };
    if let Some(key) = key
        && identity.is_some()
    {
        remember(machine, thread, key);
    }
}

/// Pushes the living handle of an identity, if there is one.
fn push_same<H: Host>(machine: &Machine<H>, thread: Thread, identity: u64) -> bool {
    let known = machine.with_running(|body, _| Some((body.objects.with_identity(identity)?, body.handles?)));
    let Some((key, handles)) = known.flatten() else { return false };
    thread.push_pinned(handles);
    thread.push_number(f64::from(key.index()));
    thread.get_raw(-2);
    if key_at(thread, -1) == Some(key) {
        thread.insert(-2);
        thread.pop(1);
        return true;
    }
    thread.pop(2);
    false
}

/// Enters the handle on top into the body's weak table, so that its identity finds it again.
fn remember<H: Host>(machine: &Machine<H>, thread: Thread, key: ObjectKey) {
    match machine.with_running(|body, _| body.handles).flatten() {
        Some(handles) => thread.push_pinned(handles),
        None => {
            thread.push_table(0, 1);
            thread.push_table(0, 1);
            thread.push_bytes(b"v");
            thread.set_field(-2, c"__mode");
            thread.set_metatable(-2);
            let pinned = thread.pin(-1);
            machine.with_running(|body, _| body.handles = Some(pinned));
        }
    }
    thread.push_number(f64::from(key.index()));
    thread.push_copy(-3);
    thread.set_raw(-3);
    thread.pop(1);
}

fn drop_spare<H: Host>(machine: &Machine<H>) {
    // SAFETY: nothing else uses the spare; no Lua is called while the object is dropped.
    drop(unsafe { &mut *machine.spare.get() }.take());
}

/// Called by the collector when a handle is freed. The object is set aside: its drop is the host's code,
/// which must not run in the middle of a collection.
pub(crate) unsafe extern "C" fn release<H: Host>(raw: *mut ffi::lua_State, payload: *mut c_void) {
    // SAFETY: Luau calls this with a thread of the machine, and a payload that `push` wrote.
    let (machine, handle) = unsafe { (Machine::<H>::of(Thread::new(raw)), payload.cast::<Handle>().read()) };
    // Nothing borrows the bodies while Lua runs; should that ever fail, the object lives until its body ends.
    if let Some(key) = handle.key
        && let Ok(mut bodies) = machine.bodies.try_borrow_mut()
        && let Some(Some(body)) = bodies.get_mut(handle.body)
    {
        let object = body.objects.take(key);
        machine.discarded.borrow_mut().extend(object);
    }
}
