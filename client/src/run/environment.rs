//! The variables that lead tools to the sidecar and make them trust it.

/// Where HTTP clients look for a proxy. Lower case too: curl reads `http_proxy` in no other way.
pub(super) const PROXY: [&str; 8] = [
    "ALL_PROXY",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "all_proxy",
    "http_proxy",
    "https_proxy",
    "npm_config_https_proxy",
    "npm_config_proxy",
];

/// What goes straight: this machine alone. Anything else here would lead past the sidecar.
pub(super) const NO_PROXY: [&str; 3] = ["NO_PROXY", "no_proxy", "npm_config_noproxy"];
pub(super) const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// Where trust stores look for a file of certificates. Most replace the store, so the file holds the system's roots too.
pub(super) const BUNDLE: [&str; 16] = [
    "AWS_CA_BUNDLE",
    "BUNDLE_SSL_CA_CERT",
    "CARGO_HTTP_CAINFO",
    "CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE",
    "CURL_CA_BUNDLE",
    "DENO_CERT",
    "GIT_SSL_CAINFO",
    "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH",
    "HTTPLIB2_CA_CERTS",
    "NIX_SSL_CERT_FILE",
    "NODE_EXTRA_CA_CERTS",
    "PIP_CERT",
    "REQUESTS_CA_BUNDLE",
    "SSL_CERT_FILE",
    "YARN_HTTPS_CA_FILE_PATH",
    "npm_config_cafile",
];

/// What every virtual machine of Java reads options from; it says so on standard error.
pub(super) const JAVA: &str = "JAVA_TOOL_OPTIONS";

/// Switches that make a client read the variables above.
pub(super) const SWITCHES: [(&str, &str, &str); 2] = [
    ("NODE_USE_ENV_PROXY", "1", "makes Node read the proxy variables"),
    ("DENO_TLS_CA_STORE", "system", "makes Deno read SSL_CERT_FILE"),
];

/// Variables that would lead past what is set.
pub(super) const UNSET: [(&str, &str); 1] =
    [("SSL_CERT_DIR", "its folder would be trusted beside the bundle")];

/// Variables that make interpreters, linkers and tools run what they name.
const RUN_CODE: &[&str] = &[
    "BASH_ENV",
    "BUN_OPTIONS",
    "CORECLR_ENABLE_PROFILING",
    "CORECLR_PROFILER",
    "CORECLR_PROFILER_PATH",
    "COR_ENABLE_PROFILING",
    "COR_PROFILER",
    "COR_PROFILER_PATH",
    "CVS_RSH",
    "DENO_V8_FLAGS",
    "DOTNET_ADDITIONAL_DEPS",
    "DOTNET_STARTUP_HOOKS",
    "DYLD_FRAMEWORK_PATH",
    "DYLD_INSERT_LIBRARIES",
    "DYLD_LIBRARY_PATH",
    "ELIXIR_ERL_OPTIONS",
    "ENV",
    "ERL_AFLAGS",
    "ERL_FLAGS",
    "ERL_ZFLAGS",
    "EXINIT",
    "GCONV_PATH",
    "GIT_ASKPASS",
    // Settings, commands among them, in a numbered list of variables (git-config(1)).
    "GIT_CONFIG_COUNT",
    "GIT_CONFIG_PARAMETERS",
    "GIT_EXEC_PATH",
    "GIT_EXTERNAL_DIFF",
    "GIT_PROXY_COMMAND",
    "GIT_SSH",
    "GIT_SSH_COMMAND",
    "GIT_TEMPLATE_DIR",
    "GVIMINIT",
    "JAVA_TOOL_OPTIONS",
    "JDK_JAVA_OPTIONS",
    "LD_AUDIT",
    "LD_PRELOAD",
    "LESSCLOSE",
    "LESSOPEN",
    "NODE_OPTIONS",
    "NODE_REPL_EXTERNAL_MODULE",
    "NPM_CONFIG_NODE_OPTIONS",
    "NPM_CONFIG_SCRIPT_SHELL",
    "OPENSSL_CONF",
    "OPENSSL_ENGINES",
    "OPENSSL_MODULES",
    "PERL5DB",
    "PERL5OPT",
    "PHPRC",
    "PHP_INI_SCAN_DIR",
    "PROMPT_COMMAND",
    "PS4",
    "PYTEST_PLUGINS",
    "PYTHONBREAKPOINT",
    "PYTHONINSPECT",
    "PYTHONSTARTUP",
    "RSYNC_RSH",
    "RUBYOPT",
    "R_PROFILE",
    "R_PROFILE_USER",
    "SHELLOPTS",
    "SSH_ASKPASS",
    "SSLKEYLOGFILE",
    "SUDO_ASKPASS",
    "SVN_SSH",
    "TAR_OPTIONS",
    "VIMINIT",
    "_JAVA_OPTIONS",
    "npm_config_node_options",
    "npm_config_script_shell",
];
/// How such variables begin, where there are many of a kind: functions that bash takes over from its surroundings, and
/// Lua's own by version.
const RUN_CODE_PREFIXES: [&str; 2] = ["BASH_FUNC_", "LUA_INIT"];

/// Variables that name sockets, displays and folders outside the namespaces of a confined command.
const LEAD_OUT: [&str; 21] = [
    "CONTAINERD_ADDRESS",
    "CONTAINER_HOST",
    "DBUS_SESSION_BUS_ADDRESS",
    "DBUS_SYSTEM_BUS_ADDRESS",
    "DISPLAY",
    "DOCKER_HOST",
    "GNOME_KEYRING_CONTROL",
    "GPG_AGENT_INFO",
    "KRB5CCNAME",
    "PODMAN_HOST",
    "SESSION_MANAGER",
    "SSH_AGENT_PID",
    "SSH_AUTH_SOCK",
    "STY",
    "TMPDIR",
    "TMUX",
    "TMUX_PANE",
    "VSCODE_GIT_IPC_HANDLE",
    "VSCODE_IPC_HOOK_CLI",
    "WAYLAND_DISPLAY",
    "XDG_RUNTIME_DIR",
];

pub(super) fn runs_code(name: &str) -> bool {
    RUN_CODE.contains(&name) || RUN_CODE_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

pub(super) fn leads_out(name: &str) -> bool {
    LEAD_OUT.contains(&name)
}
