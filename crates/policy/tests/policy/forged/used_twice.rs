//! One permit for two effects.

use policy::{Permit, ProcessTerminate};

fn terminate(_: Permit<ProcessTerminate>) {}

fn effect(permit: Permit<ProcessTerminate>) {
    terminate(permit);
    terminate(permit);
}

fn main() {
    let _ = effect;
}
