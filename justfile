# What is done often here. `just` alone lists it; CONTRIBUTING.md says more.

# Lists the recipes
[private]
default:
    @just --list --unsorted

# What a change must pass: tests, formatting, lints
check:
    cargo test
    cargo fmt --all --check
    cargo clippy --all-targets -- -D warnings

# Runs all tests, or some: `just test --test decisions chains`
test *arguments:
    cargo test {{ arguments }}

# Rewrites the golden files and the README's outputs: review the diff
bless:
    BEHEST_BLESS=1 cargo test --test decisions --test errors --test evidence --test openapi --test readme

# Breaks the code in every way of tests/mutants, or in those named, and wants a test to notice each (a minute each)
mutants *names:
    .ci/nightly {{ names }}

# Runs all benchmarks, or one: `just bench decide`
bench name='*':
    cargo bench --bench '{{ name }}'

# Checks advisories, licences, duplicates and sources of all dependencies (`cargo install --locked cargo-deny`)
deny:
    cargo deny check

# Runs all that CI runs
ci:
    .ci/run
