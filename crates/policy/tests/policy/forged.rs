//! A permit cannot be had but from the gate: these programs must not compile.

#[test]
fn a_permit_cannot_be_forged_exchanged_or_used_twice() {
    let cases = trybuild::TestCases::new();
    for case in ["forged", "another_permission", "used_twice"] {
        cases.compile_fail(format!("tests/policy/forged/{case}.rs"));
    }
}
