//! Who a person is: passkeys, passwords and codes; accounts, people, and proving again who one is.

mod account;
pub(crate) mod browser;
mod calls;
mod factors;
mod login;
mod passkeys;
mod roster;
mod throttle;
mod webauthn;
