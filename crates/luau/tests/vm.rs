//! The virtual machine from outside: scripts of one body or several, a small host, and attacks.

#[cfg(test)]
mod vm {
    mod attack;
    mod bench;
    mod coroutine;
    mod crossing;
    mod language;
    mod memory;
    mod object;
    mod random;
    mod require;
    mod slice;
}
