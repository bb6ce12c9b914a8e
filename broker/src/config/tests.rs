use super::*;

fn read(toml: &str, variables: &[(&str, &str)]) -> Result<Config, String> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("stint-broker.toml");
    std::fs::write(&path, toml).expect("written");
    let flags = Flags { config: Some(path), data: Some("/nowhere".into()), ..Flags::default() };
    Config::read(flags, &Environment::of(variables)).map_err(|error| error.to_string())
}

#[test]
fn an_unknown_key_names_itself_and_its_line() {
    let error = read("listen = \"127.0.0.1:1\"\n[approval]\nhodl = \"20s\"\n", &[]).expect_err("refused");
    assert!(error.contains("hodl") && error.contains("line 3"), "{error}");
}

#[test]
fn a_wrong_value_names_its_line() {
    let error = read("[approval]\nhold = \"20 parsecs\"\n", &[]).expect_err("refused");
    assert!(error.contains("parsecs") && error.contains("line 2"), "{error}");
}

#[test]
fn a_variable_stands_over_the_file() {
    let config =
        read("[approval]\nhold = \"20s\"\n", &[("STINT_BROKER_APPROVAL_HOLD", "1s")]).expect("reads");
    assert_eq!(config.approval.hold, Duration::from_secs(1));
    let nets =
        read("", &[("STINT_BROKER_UPSTREAMS_ALLOW_PRIVATE", "127.0.0.0/8, 10.0.0.0/8")]).expect("reads");
    assert_eq!(nets.allow_private.len(), 2);
}

#[test]
fn a_wrong_variable_names_itself() {
    let error = read("", &[("STINT_BROKER_LIMITS_BODY", "lots")]).expect_err("refused");
    assert!(error.contains("STINT_BROKER_LIMITS_BODY"), "{error}");
    let error = read("", &[("STINT_BROKER_LISTN", "x")]).expect_err("refused");
    assert!(error.contains("STINT_BROKER_LISTN"), "{error}");
}

#[test]
fn beyond_loopback_needs_tls() {
    assert!(read("listen = \"0.0.0.0:7380\"\n", &[]).expect_err("refused").contains("beyond loopback"));
    assert!(read("listen = \"0.0.0.0:7380\"\nbehind_tls_proxy = true\n", &[]).is_ok());
    assert!(read("[tls]\ncert = \"c\"\n", &[]).is_err());
}
