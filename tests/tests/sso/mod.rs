//! Single sign-on: people by an OpenID provider that follows the specification, and by one that does not.

mod browser;
mod fetching;
mod limits;
mod people;
mod sign_in;
mod step_up;
mod tokens;

use serde_json::Value;
use stint_standin::Handle;
use stint_tests::openid::{CLIENT, OpenId, SECRET, World};
use stint_tests::wire;
use stint_tests::{Options, TestBroker};
use tokio::runtime::{Builder, Runtime};

use crate::people::browser::{Browser, Page, set_up};

/// A broker and the provider that its people sign in with.
pub(super) struct Place {
    pub(super) broker: TestBroker,
    pub(super) provider: Handle<OpenId>,
    _runtime: Runtime,
}

impl Place {
    pub(super) fn start(options: Options) -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let provider = runtime.block_on(OpenId::start(""));
        let variables = [
            ("STINT_BROKER_SSO_ISSUER", provider.url()),
            ("STINT_BROKER_SSO_CLIENT_ID", CLIENT.to_owned()),
            ("STINT_BROKER_SSO_CLIENT_SECRET", SECRET.to_owned()),
            ("STINT_BROKER_SSO_ROLES", "admins=owner, ops = operator, lookers=auditor".to_owned()),
            ("STINT_BROKER_SSO_NAME", "the company".to_owned()),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value)).to_vec();
        let host = Some("localhost".to_owned());
        let broker = TestBroker::start(Options { host, variables, ..options });
        provider.site.world().redirect_uri = format!("{}/console/sso/callback", broker.url);
        Place { broker, provider, _runtime: runtime }
    }

    /// The same with `alice`, an owner by a password, who is signed in.
    pub(super) fn with_alice(options: Options) -> Self {
        let place = Place::start(options);
        set_up(&place.broker);
        place
    }

    pub(super) fn browser(&self) -> Browser<'_> {
        Browser::new(&self.broker)
    }

    pub(super) fn world(&self) -> std::sync::MutexGuard<'_, World> {
        self.provider.site.world()
    }

    /// Where a page of the broker sends the browser at the provider: path and query.
    #[track_caller]
    pub(super) fn leave(&self, browser: &mut Browser<'_>, path: &str) -> String {
        let page = browser.get(path);
        let location = page.0.header("location").unwrap_or_default().to_owned();
        let Some(rest) = location.strip_prefix(&self.provider.url()) else {
            panic!("{} to {location:?}: {}", page.0.status, page.0.text());
        };
        rest.to_owned()
    }

    /// What the provider makes of it: path and query of where it sends the browser back to.
    #[track_caller]
    pub(super) fn at_provider(&self, path: &str) -> String {
        let answer = wire::get(self.provider.addr, path).unwrap();
        let location = answer.header("location").unwrap_or_default();
        let back = location.strip_prefix(&self.broker.url);
        back.unwrap_or_else(|| panic!("{} to {location:?}: {}", answer.status, answer.text())).to_owned()
    }

    /// All of the way.
    #[track_caller]
    pub(super) fn through(&self, browser: &mut Browser<'_>, path: &str) -> Page {
        let away = self.leave(browser, path);
        let back = self.at_provider(&away);
        browser.get(&back)
    }

    /// A new browser that tries to sign in.
    #[track_caller]
    pub(super) fn sign_in(&self) -> (Browser<'_>, Page) {
        let mut browser = self.browser();
        let page = self.through(&mut browser, "/console/sso/sign-in");
        (browser, page)
    }

    /// The facts of records of this kind, newest first.
    pub(super) fn records(&self, kind: &str) -> Vec<Value> {
        let exported = self.broker.broker(&["audit", "export"]).ok().stdout;
        let bodies = exported.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let events = bodies.filter_map(|line| match &line["body"] {
            Value::String(text) => serde_json::from_str::<Value>(text).ok(),
            body => Some(body.clone()),
        });
        let mut found: Vec<Value> = events.filter(|event| event["kind"] == kind).collect();
        found.reverse();
        found
    }
}
