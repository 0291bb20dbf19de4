//! A permit given to the effect of another permission.

use policy::{Permit, ProcessLink, ProcessTerminate};

fn terminate(_: Permit<ProcessTerminate>) {}

fn effect(permit: Permit<ProcessLink>) {
    terminate(permit);
}

fn main() {
    let _ = effect;
}
