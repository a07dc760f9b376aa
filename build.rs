//! Packs and the default bundle are embedded in the binary: a file added to them must lead to a new
//! one.

fn main() {
    println!("cargo:rerun-if-changed=policies");
    println!("cargo:rerun-if-changed=schemas");
}
