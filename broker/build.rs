//! `sqlx::migrate!` reads the migrations when the crate is built, and does not notice a new file by itself.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=../migrations");
}
