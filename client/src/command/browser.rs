use std::io::IsTerminal as _;
use std::process::{Command, Stdio};

use super::context::Context;

/// Opens a page where somebody sits in front of it: at a terminal, on a machine with a screen. Whether it did; the
/// address is printed anyway.
pub(super) fn open(context: &Context, url: &str) -> bool {
    let web = url.starts_with("https://") || url.starts_with("http://");
    let screen = cfg!(target_os = "macos")
        || ["DISPLAY", "WAYLAND_DISPLAY"].iter().any(|name| context.config.variable(name).is_some());
    let remote = context.config.variable("SSH_CONNECTION").is_some();
    if !web || !screen || remote || !std::io::stderr().is_terminal() {
        return false;
    }
    let program = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    Command::new(program)
        .arg(url)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .is_ok()
}
