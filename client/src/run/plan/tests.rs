use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::Path;

use serde_json::json;
use stint_api::StartedSession;

use super::{Inputs, Plan};

const FOUND: &str = "3d2c42fb-1f64-4c8e-9d6f-0d0a4b6f2f11";

fn started() -> StartedSession {
    serde_json::from_value(json!({
        "session": {
            "id": "s-1", "environment": "staging", "tier": "staging", "agent": "coder", "subject": "person:alice",
            "state": "live", "confined": false, "confinement": "none", "credentials": ["railway"],
            "started_at": "2026-11-22T10:00:00Z", "expires_at": "2026-11-22T11:00:00Z"
        },
        "credentials": [{
            "name": "railway", "provider": "railway", "hosts": ["backboard.railway.app"],
            "placeholder": "00000000-5717-4000-8000-000000000001",
            "variables": [{"name": "RAILWAY_API_TOKEN", "value": "00000000-5717-4000-8000-000000000001"}]
        }],
        "hosts": [{"host": "backboard.railway.app", "provider": "railway"}],
        "scrub": ["RAILWAY_API_TOKEN", "RAILWAY_TOKEN", "ODDLY_NAMED"],
        "gateway": "http://127.0.0.1:7380/gateway", "issuer": "http://127.0.0.1:7380",
        "token_endpoint": "http://127.0.0.1:7380/oauth/token", "heartbeat_seconds": 15
    }))
    .unwrap()
}

fn plan(inherited: &[(&str, &str)], keep: &[&str]) -> Plan {
    let inherited: Vec<(OsString, OsString)> =
        inherited.iter().map(|(name, value)| (name.into(), value.into())).collect();
    let keep: Vec<String> = keep.iter().map(|name| (*name).to_owned()).collect();
    let started = started();
    let inputs = Inputs {
        started: &started,
        proxy_url: "http://stint:secret@127.0.0.1:4000",
        bundle: Path::new("/run/ca.pem"),
        keep: &keep,
        confined: false,
    };
    Plan::make(&inherited, &inputs)
}

fn value(plan: &Plan, name: &str) -> Option<String> {
    let mut found = plan.environment().into_iter().filter(|(known, _)| known == name);
    let value = found.next().map(|(_, value)| value.into_string().unwrap());
    assert!(found.next().is_none(), "{name} is there twice");
    value
}

fn dropped(plan: &Plan) -> Vec<&str> {
    plan.dropped.iter().map(|left| left.name.as_str()).collect()
}

#[test]
fn tools_are_led_to_the_sidecar_and_trust_it() {
    let plan =
        plan(&[("SSL_CERT_DIR", "/etc/ssl/certs"), ("HTTPS_PROXY", "http://me:pw@corporate:3128")], &[]);
    for name in ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"] {
        assert_eq!(value(&plan, name).unwrap(), "http://stint:secret@127.0.0.1:4000", "{name}");
    }
    for name in
        ["SSL_CERT_FILE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "GIT_SSL_CAINFO"]
    {
        assert_eq!(value(&plan, name).unwrap(), "/run/ca.pem", "{name}");
    }
    assert_eq!(value(&plan, "SSL_CERT_DIR"), None);
    assert_eq!(value(&plan, "NODE_USE_ENV_PROXY").unwrap(), "1");
    assert_eq!(value(&plan, "STINT_SESSION").unwrap(), "s-1");
    assert_eq!(dropped(&plan), [""; 0]);
}

#[test]
fn a_real_credential_gives_way_to_the_placeholder() {
    let plan = plan(&[("RAILWAY_API_TOKEN", FOUND), ("RAILWAY_TOKEN", FOUND), ("ODDLY_NAMED", "x")], &[]);
    assert_eq!(value(&plan, "RAILWAY_API_TOKEN").unwrap(), "00000000-5717-4000-8000-000000000001");
    assert_eq!(value(&plan, "RAILWAY_TOKEN"), None);
    assert_eq!(value(&plan, "ODDLY_NAMED"), None);
    assert_eq!(dropped(&plan), ["ODDLY_NAMED", "RAILWAY_API_TOKEN", "RAILWAY_TOKEN"]);
    assert!(!serde_json::to_string(&plan).unwrap().contains(FOUND), "a plan shows names only");
    assert!(!plan.environment().iter().any(|(_, value)| value == FOUND));
}

#[test]
fn what_is_to_be_kept_is_kept_and_named() {
    let inherited = [
        ("MODEL_API_KEY", "sk-aaaaaaaaaaaaaaaaaaaaaaaa"),
        ("OTHER_TOKEN", FOUND),
        ("RAILWAY_API_TOKEN", FOUND),
    ];
    let plan = plan(&inherited, &["MODEL_API_KEY", "RAILWAY_API_TOKEN"]);
    assert_eq!(plan.kept, ["MODEL_API_KEY"]);
    assert_eq!(value(&plan, "MODEL_API_KEY").unwrap(), "sk-aaaaaaaaaaaaaaaaaaaaaaaa");
    assert_eq!(dropped(&plan), ["OTHER_TOKEN", "RAILWAY_API_TOKEN"], "a placeholder cannot be kept away");
}

#[test]
fn j8_a_no_proxy_cannot_lead_past_the_sidecar() {
    let plan = plan(
        &[("NO_PROXY", "*,backboard.railway.app,127.0.0.2"), ("no_proxy", ".railway.app,10.0.0.0/8")],
        &[],
    );
    assert_eq!(value(&plan, "NO_PROXY").unwrap(), "localhost,127.0.0.1,::1,127.0.0.2");
    assert_eq!(value(&plan, "no_proxy"), value(&plan, "NO_PROXY"));
}

#[test]
fn the_rest_is_inherited_byte_for_byte() {
    let odd = OsString::from_vec(vec![b'a', 0xff, b'b']);
    let started = started();
    let inputs = Inputs {
        started: &started,
        proxy_url: "http://p",
        bundle: Path::new("/b"),
        keep: &[],
        confined: false,
    };
    let plan = Plan::make(&[("ODD".into(), odd.clone()), ("TERM".into(), "xterm".into())], &inputs);
    assert!(plan.environment().contains(&("ODD".into(), odd)));
    assert!(plan.environment().contains(&("TERM".into(), "xterm".into())));
}

#[test]
fn what_runs_code_in_every_program_is_dropped_and_named() {
    let inherited = [
        ("LD_PRELOAD", "/tmp/x.so"),
        ("BASH_ENV", "/tmp/x"),
        ("NODE_OPTIONS", "--require x"),
        ("PATH", "/bin"),
    ];
    let plan = plan(&inherited, &["NODE_OPTIONS"]);
    assert_eq!(dropped(&plan), ["BASH_ENV", "LD_PRELOAD"]);
    assert_eq!(plan.kept, ["NODE_OPTIONS"]);
    assert_eq!(value(&plan, "PATH").unwrap(), "/bin");
}

/// One of each family: shells, linkers, interpreters, virtual machines, tools that start what they are told to.
#[test]
fn each_family_of_variables_that_run_code_is_known() {
    let families = [
        ("BASH_FUNC_ls%%", "() { evil; }"),
        ("BASH_ENV", "/tmp/x"),
        ("SHELLOPTS", "xtrace"),
        ("PS4", "$(evil)"),
        ("LD_PRELOAD", "/tmp/x.so"),
        ("LD_AUDIT", "/tmp/x.so"),
        ("GCONV_PATH", "/tmp"),
        ("OPENSSL_CONF", "/tmp/x"),
        ("DYLD_INSERT_LIBRARIES", "/tmp/x"),
        ("PYTHONSTARTUP", "/tmp/x.py"),
        ("NODE_OPTIONS", "--require x"),
        ("npm_config_node_options", "--require x"),
        ("PERL5OPT", "-Mx"),
        ("RUBYOPT", "-rx"),
        ("PHPRC", "/tmp"),
        ("LUA_INIT_5_4", "@/tmp/x"),
        ("R_PROFILE_USER", "/tmp/x"),
        ("ERL_AFLAGS", "-eval x"),
        ("JAVA_TOOL_OPTIONS", "-javaagent:x"),
        ("DOTNET_STARTUP_HOOKS", "/tmp/x.dll"),
        ("CORECLR_PROFILER_PATH", "/tmp/x.so"),
        ("GIT_SSH_COMMAND", "evil"),
        ("GIT_CONFIG_COUNT", "1"),
        ("RSYNC_RSH", "evil"),
        ("TAR_OPTIONS", "--checkpoint-action=exec=evil"),
        ("LESSOPEN", "|evil %s"),
        ("VIMINIT", "!evil"),
    ];
    let plan = plan(&families, &[]);
    let mut names: Vec<&str> = families.iter().map(|(name, _)| *name).collect();
    names.sort_unstable();
    assert_eq!(dropped(&plan), names);
    for left in &plan.dropped {
        let own = ["JAVA_TOOL_OPTIONS", "GIT_CONFIG_COUNT"].contains(&left.name.as_str());
        let reason = if own { "replaced by the session's own" } else { "it runs code in what reads it" };
        assert_eq!(left.reason, reason, "{}", left.name);
    }
    // What a person chose to look at text with, and where programs and libraries are found, is theirs.
    let kept = [("EDITOR", "vim"), ("PAGER", "less"), ("PYTHONPATH", "src"), ("MAKEFLAGS", "-j8")];
    assert_eq!(dropped(&self::plan(&kept, &[])), [""; 0]);
}

#[test]
fn a_confined_command_is_not_told_of_sockets_that_it_cannot_reach() {
    let started = started();
    let inherited: Vec<(OsString, OsString)> =
        [("SSH_AUTH_SOCK", "/tmp/ssh/agent"), ("DISPLAY", ":0"), ("LANG", "C")]
            .map(|(n, v)| (n.into(), v.into()))
            .into();
    let make = |confined| {
        let inputs =
            Inputs { started: &started, proxy_url: "http://p", bundle: Path::new("/b"), keep: &[], confined };
        Plan::make(&inherited, &inputs)
    };
    let unset = |plan: &Plan| plan.unset.iter().map(|left| left.name.clone()).collect::<Vec<_>>();
    assert_eq!(unset(&make(true)), ["SSH_AUTH_SOCK", "DISPLAY"]);
    assert_eq!(value(&make(true), "LANG").unwrap(), "C");
    assert_eq!(unset(&make(false)), [""; 0]);
}
