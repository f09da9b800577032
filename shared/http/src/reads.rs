//! Which fields and query parameters the parsers look at, for the tests that compare them with the OpenAPI document.

use std::cell::RefCell;
use std::collections::BTreeSet;

thread_local! {
    static READ: RefCell<BTreeSet<&'static str>> = const { RefCell::new(BTreeSet::new()) };
}

/// Notes that a parser looks for this name.
pub(crate) fn note(name: &'static str) {
    READ.with_borrow_mut(|names| names.insert(name));
}

/// The names that `parse` looks for on this thread.
pub(crate) fn during<T>(parse: impl FnOnce() -> T) -> BTreeSet<&'static str> {
    READ.take();
    drop(parse());
    READ.take()
}
