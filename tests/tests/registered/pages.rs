use stint_standin::railway::{Viewer, ids};
use stint_standin::{Railway, Standin};
use stint_tests::{Options, TestBroker};

use super::console::{Console, PASSWORD, leads};

/// Environments, an agent and a credential, made and changed by forms alone; the provider's inventory is read and shown.
#[test]
fn everything_is_registered_by_forms() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let railway = runtime.block_on(Standin::loopback(Railway::seeded())).unwrap();
    let broker = TestBroker::start(Options::default());
    let secret = broker.secret("railway");
    railway.site.world().admit(&secret, Viewer::Account { user: ids::USER.to_owned() });
    let console = Console::set_up(&broker);
    for (path, text) in [
        ("/console/agents", "No agent is registered"),
        ("/console/environments", "There is no environment"),
        ("/console/credentials", "The vault is empty"),
    ] {
        assert!(console.page(path).contains(text), "{path}");
    }

    let add = |name: &str, tier: &str| {
        console.taken(
            "/console/new/environment",
            &[("name", name), ("tier", tier)],
            &format!("/console/environments/{name}"),
        );
    };
    add("staging", "staging");
    add("production", "production");
    console.taken(
        "/console/new/agent",
        &[("name", "coder"), ("environments", "staging"), ("key", "")],
        "/console/agents/coder",
    );
    let (upstream, ca) = (railway.url(), railway.ca_pem().unwrap_or_default().to_owned());
    let fields = [
        ("name", "railway"),
        ("kind", "railway:account"),
        ("environment", ""),
        ("upstream", upstream.as_str()),
        ("upstream_ca", ca.as_str()),
        ("secret", ""),
    ];
    let added = console.upload("/console/new/credential", &fields, ("secret_file", &format!("{secret}\n")));
    leads(&added, "/console/new/credential", "/console/credentials/railway");

    console.taken("/console/inventory", &[], "/console/environments");
    let page = console.page("/console/environments");
    let selector = format!("railway:environment/{}", ids::STAGING);
    assert!(page.contains("Not mapped: nobody reaches these") && page.contains(&selector), "{page}");
    console.taken(
        "/console/map",
        &[("environment", "staging"), ("selector", &selector)],
        "/console/environments#unmapped",
    );
    let page = console.page("/console/environments/staging");
    assert!(page.contains(&selector) && page.contains("volume"), "what lives in it is shown: {page}");
    let again = console.post("/console/map", &[("environment", "production"), ("selector", &selector)]);
    assert_eq!(again.status, 409, "{}", again.text());
    assert!(again.text().contains("belongs to staging already"), "{}", again.text());

    // Lowering takes a proof; the one of the setup is fresh. A page that is older than a change says so.
    console.taken(
        "/console/environments/production/tier",
        &[("tier", "staging"), ("was", "production")],
        "/console/environments/production",
    );
    let stale = console
        .post("/console/environments/production/tier", &[("tier", "development"), ("was", "production")]);
    assert_eq!(stale.status, 409);
    assert!(stale.text().contains("was changed to staging in the meantime"), "{}", stale.text());
    let wrong = console.post(
        "/console/environments/production/tier",
        &[("tier", "development"), ("was", "staging"), ("password", "not this one at all")],
    );
    assert_eq!(wrong.status, 401, "{}", wrong.text());
    console.taken(
        "/console/environments/production/tier",
        &[("tier", "development"), ("was", "staging"), ("password", PASSWORD)],
        "/console/environments/production",
    );
    assert!(console.page("/console/environments/production").contains("Tier changed"));

    console.taken(
        "/console/agents/coder/edit",
        &[("was", "staging"), ("environments", "staging"), ("environments", "production")],
        "/console/agents/coder",
    );
    let stale = console.post("/console/agents/coder/edit", &[("was", "staging")]);
    assert_eq!(stale.status, 409);
    assert!(
        stale.text().contains("they are production, staging")
            || stale.text().contains("they are staging, production"),
        "{}",
        stale.text()
    );
    let kept = console.post("/console/environments/production/remove", &[]);
    assert_eq!(kept.status, 409);
    assert!(kept.text().contains("still in use by agent coder"), "{}", kept.text());
    console.taken("/console/agents/coder/remove", &[], "/console/agents");
    console.taken("/console/environments/production/remove", &[], "/console/environments");
    assert_eq!(console.get("/console/environments/production").status, 404);
    assert_eq!(console.get("/console/agents/coder").status, 404);
}

/// E21: a secret goes in and is on no page, right after it was given, after a mistake, or later.
#[test]
fn e21_a_secret_is_shown_on_no_page() {
    let broker = TestBroker::start(Options::default());
    let console = Console::set_up(&broker);
    let secret = broker.secret("github");
    let clean =
        |what: &str, bytes: &[u8]| assert_eq!(broker.canary.found_in(bytes), None, "{what} shows the secret");
    let kinds = console.page("/console/new/credential");
    let kind = kinds
        .split("value=\"github:")
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .expect("a kind")
        .to_owned();
    let kind = format!("github:{kind}");
    let form = |name: &str| {
        vec![
            ("name".to_owned(), name.to_owned()),
            ("kind".to_owned(), kind.clone()),
            ("secret".to_owned(), secret.clone()),
            // There is nobody to ask.
            ("unchecked".to_owned(), "yes".to_owned()),
        ]
    };
    let send = |name: &str, more: &[(&str, &str)]| {
        let form = form(name);
        let mut pairs: Vec<(&str, &str)> =
            form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        pairs.extend(more);
        console.upload("/console/new/credential", &pairs, ("secret_file", ""))
    };
    // Each mistake is said beside its field, and what was typed is still there, but for the secret.
    let wrong = send("Not A Name", &[("environment", "nowhere")]);
    assert_eq!(wrong.status, 400, "{}", wrong.text());
    clean("a wrong name", &wrong.body);
    let text = wrong.text();
    assert!(
        text.contains("name-error") && text.contains("value=\"Not A Name\"") && text.contains("given again"),
        "{text}"
    );
    let wrong = send("github", &[("environment", "nowhere")]);
    assert_eq!(wrong.status, 404, "{}", wrong.text());
    assert!(wrong.text().contains("environment-error"), "{}", wrong.text());
    clean("a wrong environment", &wrong.body);
    let wrong = send("github", &[("colour", "red")]);
    assert_eq!(wrong.status, 400);
    clean("a field too many", &wrong.body);
    let both = console.upload(
        "/console/new/credential",
        &[("name", "github"), ("kind", &kind), ("secret", &secret)],
        ("secret_file", &secret),
    );
    assert!(both.status == 400 && both.text().contains("secret-error"), "{}", both.text());
    clean("two secrets", &both.body);

    let added = send("github", &[]);
    leads(&added, "/console/new/credential", "/console/credentials/github");
    clean("the answer", &added.body);
    let wrong = send("github", &[]);
    assert!(wrong.status == 409 && wrong.text().contains("the name github is taken"), "{}", wrong.text());
    clean("a name that is taken", &wrong.body);
    let rotated = console.upload(
        "/console/credentials/github/rotate",
        &[("secret", &broker.secret("second"))],
        ("secret_file", ""),
    );
    leads(&rotated, "rotate", "/console/credentials/github");
    let empty = console.upload("/console/credentials/github/rotate", &[("secret", "")], ("secret_file", ""));
    assert!(empty.status == 400 && empty.text().contains("the secret is missing"), "{}", empty.text());
    for path in [
        "/console/credentials",
        "/console/credentials/github",
        "/console/new/credential",
        "/console/credentials/github/revoke",
        "/console/now",
        "/console/",
    ] {
        clean(path, &console.get(path).body);
    }
    assert!(console.page("/console/credentials/github").contains("<dt>Version</dt><dd>2</dd>"));

    let mistyped = console.post("/console/credentials/github/revoke", &[("confirm", "gitlab")]);
    assert!(
        mistyped.status >= 400 && mistyped.text().contains("type github to revoke it"),
        "{}",
        mistyped.text()
    );
    console.taken(
        "/console/credentials/github/revoke",
        &[("confirm", "github")],
        "/console/credentials/github",
    );
    assert!(console.page("/console/credentials").contains("revoked"));
}

/// A form of another site changes nothing, and nobody who is not signed in sees anything.
#[test]
fn e5_pages_of_registered_things_are_for_those_who_are_signed_in() {
    let broker = TestBroker::start(Options::default());
    let console = Console::set_up(&broker);
    console.taken(
        "/console/new/environment",
        &[("name", "staging"), ("tier", "staging")],
        "/console/environments/staging",
    );
    for path in [
        "/console/agents",
        "/console/environments",
        "/console/credentials",
        "/console/environments/staging",
        "/console/new/credential",
    ] {
        let answer = stint_tests::wire::get(broker.addr, path).unwrap();
        assert_eq!(answer.status, 303, "{path}");
        assert!(answer.header("location").unwrap().starts_with("/console/sign-in?next="), "{path}");
    }
    let foreign = console.post_from("https://evil.test", "/console/environments/staging/remove");
    assert_eq!(foreign.status, 403, "{}", foreign.text());
    assert!(console.page("/console/environments").contains("/console/environments/staging"));
}

/// E6, E17: what a provider's people name their things is shown as text, and what hides in it is visible.
#[test]
fn e17_names_of_a_provider_are_text() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let railway = runtime.block_on(Standin::loopback(Railway::seeded())).unwrap();
    let broker = TestBroker::start(Options::default());
    let secret = broker.secret("railway");
    let viewer = Viewer::Account { user: ids::USER.to_owned() };
    railway.site.world().admit(&secret, viewer.clone());
    railway.site.world().admit("of-the-attacker", viewer);
    let hostile = "<img src=x onerror=alert(1)>\u{202e}gnp\u{200b}";
    let document = format!(
        "mutation {{ volumeUpdate(volumeId: \"{}\", input: {{ name: \"{hostile}\" }}) {{ id }} }}",
        ids::VOLUME_STAGING
    );
    let body = serde_json::json!({ "query": document }).to_string();
    let renamed = broker
        .curl(&[
            "-sSk",
            "-H",
            "Authorization: Bearer of-the-attacker",
            "-H",
            "content-type: application/json",
            "--data-binary",
            &body,
            &format!("{}/graphql/v2", railway.url()),
        ])
        .ok();
    assert!(renamed.stdout.contains(ids::VOLUME_STAGING), "{}", renamed.stdout);

    let console = Console::set_up(&broker);
    let (upstream, ca) = (railway.url(), railway.ca_pem().unwrap_or_default().to_owned());
    let fields = [
        ("name", "railway"),
        ("kind", "railway:account"),
        ("upstream", upstream.as_str()),
        ("upstream_ca", ca.as_str()),
        ("secret", secret.as_str()),
    ];
    leads(
        &console.upload("/console/new/credential", &fields, ("secret_file", "")),
        "add",
        "/console/credentials/railway",
    );
    console.taken("/console/inventory", &[], "/console/environments");
    let page = console.page("/console/environments");
    assert!(page.contains("&lt;img src=x onerror=alert(1)&gt;") && !page.contains("<img"), "{page}");
    assert!(page.contains("U+202E") && page.contains("U+200B") && !page.contains('\u{202e}'), "{page}");
    // And what a form sends back.
    let answer = console
        .post("/console/new/environment", &[("name", "\"><script>alert(1)</script>"), ("tier", "staging")]);
    assert!(answer.status == 400 && !answer.text().contains("<script>alert"), "{}", answer.text());
}

#[test]
fn what_a_provider_can_do_is_searched_by_word_and_class_a_page_at_a_time() {
    let broker = TestBroker::start(Options::default());
    let console = Console::set_up(&broker);
    let page = console.page("/console/providers");
    assert!(
        page.contains("/console/providers/github?class=destroy") && page.contains("backboard.railway.com"),
        "{page}"
    );
    let page = console.page("/console/providers/railway?q=volume+delete&class=destroy");
    assert!(
        page.contains("railway:volumeDelete")
            && page.contains("volume=volumeId")
            && page.contains("guardrail.destroy"),
        "{page}"
    );
    assert!(!page.contains("railway:volumeCreate") && !page.contains("The next hundred"), "{page}");
    assert!(console.page("/console/providers/railway?q=nosuchthing").contains("No operation is like that"));
    assert_eq!(console.get("/console/providers/nowhere").status, 404);
    // Every operation is on exactly one page.
    let (mut path, mut seen, mut pages) = ("/console/providers/github".to_owned(), Vec::new(), 0);
    loop {
        let page = console.page(&path);
        seen.extend(
            page.split("role=\"rowheader\"><code><bdi>github:")
                .skip(1)
                .filter_map(|rest| Some(rest.split("</bdi>").next()?.to_owned())),
        );
        pages += 1;
        let Some(next) = page.split("rel=\"next\" href=\"").nth(1).and_then(|rest| rest.split('"').next())
        else {
            break;
        };
        path = next.replace("&amp;", "&").replace("#operations", "");
    }
    let all = seen.len();
    seen.sort();
    seen.dedup();
    assert!(
        pages > 5 && all == seen.len() && all > 800,
        "{pages} pages, {all} rows, {} operations",
        seen.len()
    );
}

#[test]
fn settings_say_where_they_were_set_and_no_secret() {
    let variables = vec![("STINT_BROKER_TOKEN_TTL".to_owned(), "5m".to_owned())];
    let broker = TestBroker::start(Options { variables, ..Options::default() });
    let console = Console::set_up(&broker);
    let page = console.page("/console/settings");
    for (key, value, origin) in
        [("token.ttl", "5m", "variable"), ("upstreams.allow_private", "127.0.0.0/8", "flag")]
    {
        let row = format!(
            "<code>{key}</code></th><td role=\"cell\" data-label=\"Value\"><div><bdi>{value}</bdi></div></td><td role=\"cell\" data-label=\"Set by\"><div>{origin}</div></td>"
        );
        assert!(page.contains(&row), "{row}: {page}");
    }
    assert!(
        page.contains("<div>the audit trail</div>") && page.contains("stint-broker audit export"),
        "{page}"
    );
    let key = std::fs::read_to_string(broker.data().join("stint.key")).unwrap();
    let key = key.lines().find(|line| line.len() > 30).unwrap_or(&key).trim().to_owned();
    assert!(!page.contains(&key), "the key that seals the vault is on the page");
}

#[test]
fn the_first_steps_tick_themselves() {
    let broker = TestBroker::start(Options::default());
    let console = Console::set_up(&broker);
    let done = |page: &str| page.matches(">done</span>").count();
    assert!(console.page("/console/").contains("5 steps are left"));
    let page = console.page("/console/welcome");
    assert_eq!(done(&page), 0);
    assert!(
        page.contains(&format!("stint login --broker {}", broker.url))
            && page.contains("stint run --environment staging --agent coder"),
        "{page}"
    );
    console.taken(
        "/console/new/environment",
        &[("name", "lab"), ("tier", "development")],
        "/console/environments/lab",
    );
    console.taken("/console/new/agent", &[("name", "robot")], "/console/agents/robot");
    console.taken(
        "/console/environments/lab/map",
        &[("selector", "github:repository/Octo/Hello")],
        "/console/environments/lab",
    );
    assert!(
        console.page("/console/environments/lab").contains("github:repository/octo/hello"),
        "in the spelling of the provider"
    );
    let page = console.page("/console/welcome");
    assert!(done(&page) == 3 && page.contains("stint run --environment lab --agent robot"), "{page}");
    assert!(console.page("/console/").contains("2 steps are left"));
}
