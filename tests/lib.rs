//! Nothing but a home for the tests in `it/`; see the README.
