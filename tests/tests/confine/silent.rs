//! Clients that drop the user information of a proxy, and so say nothing of whom they speak for.

use stint_tests::{Lab, Options};

/// Connects through the proxy with what `$1` says of its secret, and prints what the proxy and the provider answered.
const ASK: &str = r#"
    cat > ask <<'END'
    curl -s -o /dev/null -w '%{http_connect} %{http_code}\n' -x "http://${1:+$1@}${HTTPS_PROXY##*@}" \
        -H "Authorization: Bearer $RAILWAY_API_TOKEN" -H 'content-type: application/json' \
        -d '{"query":"{ me { name } }"}' https://backboard.railway.com/graphql/v2 || true
END
    sh ask; sh ask stint:wrong; sh ask stint:
    curl -s -o /dev/null -w '%{http_code}\n' --noproxy '*' -X POST "http://${HTTPS_PROXY##*@}/children" -d '{}' || true
    "$OWN" run --credential railway -- sh -c 'sh ask; sh ask "$(echo "$HTTPS_PROXY" | sed "s#http://##; s#@.*##")"'
"#;

/// Inside, nobody else can reach the proxy. A wrong secret is refused all the same, nothing but a tunnel is had without
/// one, and beside a session within, who could speak for either is asked for whom.
#[test]
fn a_client_without_the_secret_goes_through_only_inside() {
    let lab = Lab::start(Options::default());
    let own = lab.broker.program_inside("stint");
    let run = |flag: &str| {
        let args = ["run", "-e", "staging", "-a", "coder", flag, "--", "sh", "-c", ASK];
        lab.broker.command(&args).current_dir(&lab.broker.scratch()).env("OWN", &own).run()
    };
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let open = run("--no-confine").ok();
    let asked = ["407 000", "407 000", "407 000", "407", "407 000", "200 200"];
    assert_eq!(lines(&open.stdout), asked, "{}", open.stderr);
    let inside = run("--confine");
    if inside.code == 125 && inside.stderr.contains("cannot be confined here") {
        return;
    }
    let asked = ["200 200", "407 000", "407 000", "407", "407 000", "200 200"];
    assert_eq!(lines(&inside.ok().stdout), asked);
}
