//! The program's allocator: what one thread allocates and another frees is measured as well.

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
