//! Whose thing it is, where the provider has to be asked: by REST, at a stand-in that says what the test wants.

mod check;
mod lies;
mod mapping;
mod owners;

use serde_json::{Value, json};
use stint_standin::{Handle, Said, Scripted, Standin};
use stint_tests::{Options, Output, Reply, TestBroker};
use tokio::runtime::{Builder, Runtime};

/// DigitalOcean with two projects: droplet 11 and volume v1 are in `p-staging`, droplet 22 in `p-live`.
pub struct Ocean {
    pub broker: TestBroker,
    pub provider: Handle<Scripted>,
    runtime: Runtime,
}

pub const DROPLET: &str = "/v2/droplets/11";
pub const PROJECTS: &str = "/v2/projects?per_page=200";
pub const STAGING: &str = "/v2/projects/p-staging/resources?per_page=200";
pub const LIVE: &str = "/v2/projects/p-live/resources?per_page=200";

impl Ocean {
    /// Both projects are mapped to the environments of their names, and `coder` may work in staging.
    pub fn mapped() -> Ocean {
        let ocean = Ocean::new();
        ocean.broker.map("staging", "digitalocean:project/p-staging");
        ocean.broker.map("production", "digitalocean:project/p-live");
        ocean
    }

    pub fn new() -> Ocean {
        Ocean::told(&[])
    }

    /// With more arguments of the broker.
    pub fn told(args: &[&str]) -> Ocean {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let provider = runtime.block_on(Standin::loopback(Scripted::default())).unwrap();
        let mut variables = vec![("STINT_BROKER_APPROVAL_HOLD".to_owned(), "300ms".to_owned())];
        for limit in ["CONNECT", "HEADER", "IDLE"] {
            variables.push((format!("STINT_BROKER_LIMITS_{limit}_TIMEOUT"), "1s".to_owned()));
        }
        let broker = TestBroker::start(Options {
            variables,
            args: args.iter().map(|arg| (*arg).to_owned()).collect(),
            ..Options::default()
        });
        let ocean = Ocean { broker, provider, runtime };
        ocean.honest();
        let broker = &ocean.broker;
        broker.login();
        broker.add_environment("staging", "staging");
        broker.add_environment("production", "production");
        let (url, secret) = (ocean.provider.url(), broker.secret("ocean"));
        broker.add_credential("ocean", "digitalocean", &url, ocean.provider.ca_pem(), &secret);
        broker.add_agent("coder");
        ocean
    }

    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.runtime.block_on(future)
    }

    pub fn say(&self, target: &str, said: Said) {
        self.provider.site.say(target, said);
    }

    pub fn honest(&self) {
        let droplet = |id: u64, name: &str| droplet(id, name);
        self.say(DROPLET, Said::json(&droplet(11, "web-staging")));
        self.say("/v2/droplets/22", Said::json(&droplet(22, "web")));
        self.say(
            "/v2/volumes/v1",
            Said::json(&json!({ "volume": { "id": "v1", "name": "data", "size_gigabytes": 10 } })),
        );
        let projects = json!({ "projects": [{ "id": "p-staging", "name": "Shop staging" }, { "id": "p-live", "name": "Shop" }], "links": {} });
        self.say(PROJECTS, Said::json(&projects));
        for (id, name) in [("p-staging", "Shop staging"), ("p-live", "Shop")] {
            let project = json!({ "project": { "id": id, "name": name, "environment": "" } });
            self.say(&format!("/v2/projects/{id}"), Said::json(&project));
        }
        self.say(STAGING, Said::json(&resources(&["do:droplet:11", "do:volume:v1"])));
        self.say(LIVE, Said::json(&resources(&["do:droplet:22"])));
        self.say(
            "/v2/account",
            Said::json(&json!({ "account": { "email": "robin@example.com", "team": { "name": "Shop" } } })),
        );
    }

    /// One request by `curl` in a session of staging.
    pub fn ask(&self, method: &str, path: &str) -> Reply {
        self.curl(method, path).reply()
    }

    pub fn curl(&self, method: &str, path: &str) -> Output {
        let line = format!(
            "curl -sS -X {method} -w '\\n%{{http_code}}' -H \"Authorization: Bearer $DIGITALOCEAN_ACCESS_TOKEN\" 'https://api.digitalocean.com{path}'"
        );
        self.broker.run("staging", "coder", &["sh", "-c", &line])
    }
}

pub fn droplet(id: u64, name: &str) -> Value {
    json!({ "droplet": { "id": id, "name": name, "backup_ids": [7], "volume_ids": [] } })
}

pub fn resources(urns: &[&str]) -> Value {
    let resources: Vec<Value> = urns.iter().map(|urn| json!({ "urn": urn, "status": "ok" })).collect();
    json!({ "resources": resources, "links": {} })
}
