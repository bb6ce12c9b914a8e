//! What is registered: changed and removed by `/v1`, by the command line and by pages without a script.

mod calls;
mod console;
mod pages;
