//! A permit made outside the gate.

use policy::{Permit, ProcessHost};

fn forge(request: ProcessHost) -> Permit<ProcessHost> {
    Permit { request, generation: 1 }
}

fn main() {
    let _ = forge;
}
