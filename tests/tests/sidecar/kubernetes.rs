//! The worked example in `client/kubernetes`: its command lines are run as they stand, with paths and addresses of the
//! test in place of those of a cluster, and its containers are held to what its README says.

use std::fs;
use std::path::Path;

use rustix::process::Signal;
use serde_json::Value;
use stint_tests::{Options, TestBroker, until};

use super::ground::Ground;
use super::yaml::documents;

fn manifest(name: &str) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../client/kubernetes").join(name);
    documents(&fs::read_to_string(path).unwrap())
}

fn of_kind<'a>(documents: &'a [Value], kind: &str) -> &'a Value {
    documents.iter().find(|document| document["kind"] == kind).unwrap()
}

fn pod<'a>(documents: &'a [Value], kind: &str) -> &'a Value {
    &of_kind(documents, kind)["spec"]["template"]["spec"]
}

fn containers(pod: &Value) -> Vec<&Value> {
    let lists = ["initContainers", "containers"].map(|list| pod[list].as_array());
    lists.into_iter().flatten().flatten().collect()
}

fn named<'a>(pod: &'a Value, name: &str) -> &'a Value {
    containers(pod).into_iter().find(|container| container["name"] == name).unwrap()
}

/// The words of a container after its program, and of a probe likewise.
fn words(list: &Value, places: &[(&str, &str)]) -> Vec<String> {
    let word = |value: &Value| placed(value.as_str().expect("a word is text"), places);
    list.as_array().unwrap().iter().map(word).collect()
}

/// Read once from left to right: what was put in is not looked at again.
fn placed(mut text: &str, places: &[(&str, &str)]) -> String {
    let mut placed = String::new();
    while let Some(first) = text.chars().next() {
        if let Some((theirs, ours)) = places.iter().find(|(theirs, _)| text.starts_with(theirs)) {
            placed.push_str(ours);
            text = &text[theirs.len()..];
        } else {
            placed.push(first);
            text = &text[first.len_utf8()..];
        }
    }
    placed
}

#[test]
fn the_sidecar_of_the_example_runs_as_it_stands() {
    let ground = Ground::lay(Options::default());
    let documents = manifest("agent.yaml");
    let pod = pod(&documents, "Job");
    let sidecar = named(pod, "stint");
    let port = ground.port.to_string();
    let ca = ground.folder.path().join("ca.crt");
    fs::write(&ca, "").unwrap();
    let places = [
        ("/key/agent.jwk", ground.key.to_str().unwrap()),
        ("/stint", ground.published.to_str().unwrap()),
        ("/ca/ca.crt", ca.to_str().unwrap()),
        ("7381", &port),
        ("https://stint.stint.svc:7380", &ground.lab.broker.url),
    ];
    assert_eq!(sidecar["command"], serde_json::json!(["stint"]));
    let arguments = words(&sidecar["args"], &places);
    assert_eq!(arguments[0], "sidecar");
    let arguments: Vec<&str> = arguments[1..].iter().map(String::as_str).collect();
    let mut prepared = ground.sidecar(&arguments);
    for variable in sidecar["env"].as_array().unwrap() {
        let name = variable["name"].as_str().unwrap();
        let known = ["STINT_AGENT", "STINT_BROKER", "STINT_BROKER_CA", "STINT_ENVIRONMENT", "STINT_HOME"];
        assert!(known.contains(&name), "{name} is no variable of the client");
        prepared = prepared.env(name, placed(variable["value"].as_str().unwrap(), &places));
    }
    let running = ground.until_ready(prepared.start());
    for probe in ["startupProbe", "readinessProbe"] {
        let probe = words(&sidecar[probe]["exec"]["command"], &places);
        assert_eq!(probe[..2], ["stint", "sidecar"]);
        let rest: Vec<&str> = probe[2..].iter().map(String::as_str).collect();
        ground.sidecar(&rest).run().ok();
    }
    // The agent's own line, with a script in place of its program.
    let line = words(&named(pod, "agent")["command"], &places);
    assert_eq!(line[..2], ["/bin/sh", "-c"]);
    let script = line[2].replace("exec agent", &format!("exec {} '{{ me {{ name }} }}'", ground.ask()));
    ground.agent_with(":", &script).reply().done();
    running.signal(Signal::TERM);
    running.wait().exits(0);
}

#[test]
fn the_broker_of_the_example_runs_as_it_stands() {
    let documents = manifest("broker.yaml");
    let container = named(pod(&documents, "StatefulSet"), "broker");
    assert_eq!(container["command"], serde_json::json!(["stint-broker"]));
    let files = crate::config::tls::certificates();
    let broker = TestBroker::prepare(Options::default());
    let file = |name: &str| files.path().join(name).display().to_string();
    let data = broker.data().display().to_string();
    let (cert, key, addr) = (file("cert.pem"), file("key.pem"), broker.addr.to_string());
    let places = [
        ("/data/stint", data.as_str()),
        ("/tls/tls.crt", &cert),
        ("/tls/tls.key", &key),
        ("0.0.0.0:7380", &addr),
    ];
    let arguments = words(&container["args"], &places);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mut running = broker.broker_command(&arguments).start();
    let paths = ["readinessProbe", "livenessProbe"].map(|probe| {
        assert_eq!(container[probe]["httpGet"]["scheme"], "HTTPS");
        container[probe]["httpGet"]["path"].as_str().unwrap()
    });
    until("its probes are answered, or it has ended", || {
        let fine =
            paths.iter().all(|path| broker.curl(&["-skf", &format!("https://{addr}{path}")]).code == 0);
        (fine || !running.is_running()).then_some(())
    });
    running.signal(Signal::TERM);
    let out = running.wait().exits(0);
    assert!(!out.stderr.contains("error"), "{}", out.stderr);
}

#[test]
fn no_container_of_the_example_has_more_than_it_needs() {
    let (agent, broker) = (manifest("agent.yaml"), manifest("broker.yaml"));
    for pod in [pod(&agent, "Job"), pod(&broker, "StatefulSet")] {
        assert_eq!(
            (&pod["automountServiceAccountToken"], &pod["enableServiceLinks"]),
            (&false.into(), &false.into())
        );
        assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
        assert_eq!(pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault");
        for shared in ["hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace"] {
            assert!(pod[shared].is_null(), "{shared}");
        }
        for container in containers(pod) {
            let held = &container["securityContext"];
            assert_eq!(held["allowPrivilegeEscalation"], false, "{container:#}");
            assert_eq!(held["readOnlyRootFilesystem"], true, "{container:#}");
            assert_eq!(held["capabilities"], serde_json::json!({ "drop": ["ALL"] }), "{container:#}");
            assert!(held["privileged"].is_null() && container["resources"]["limits"]["memory"].is_string());
            // Each mount is of a volume that there is.
            for mount in container["volumeMounts"].as_array().unwrap() {
                let volumes = pod["volumes"].as_array().unwrap();
                let there = volumes.iter().any(|volume| volume["name"] == mount["name"]);
                assert!(there || mount["name"] == "data", "{mount}");
            }
        }
    }
    let pod = pod(&agent, "Job");
    let (sidecar, agent_container) = (named(pod, "stint"), named(pod, "agent"));
    let mounts = |container: &Value| -> Vec<String> {
        let all = container["volumeMounts"].as_array().unwrap();
        all.iter().map(|mount| mount["name"].as_str().unwrap().to_owned()).collect()
    };
    assert!(mounts(sidecar).contains(&"key".to_owned()));
    assert!(!mounts(agent_container).contains(&"key".to_owned()));
    let published = |container: &Value| {
        let all = container["volumeMounts"].as_array().unwrap();
        all.iter().find(|mount| mount["name"] == "published").unwrap().clone()
    };
    assert_eq!(published(agent_container)["readOnly"], true);
    assert_eq!(published(agent_container)["mountPath"], published(sidecar)["mountPath"]);
    let user = |container: &Value| container["securityContext"]["runAsUser"].clone();
    assert!(user(sidecar) != user(agent_container) && user(sidecar).is_i64());
    assert!(agent_container["env"].is_null(), "the agent's variables are those that are published");
    assert_eq!(sidecar["restartPolicy"], "Always");
    let seconds = |text: &Value| text.as_i64().unwrap();
    let grace = words(&sidecar["args"], &[])
        .iter()
        .find_map(|word| word.strip_prefix("--grace=")?.strip_suffix('s')?.parse::<i64>().ok());
    assert!(seconds(&pod["terminationGracePeriodSeconds"]) > grace.unwrap());
    // What the pod may reach: the broker's port and DNS.
    let policy = &of_kind(&agent, "NetworkPolicy")["spec"];
    let labels = &of_kind(&agent, "Job")["spec"]["template"]["metadata"]["labels"];
    assert_eq!(&policy["podSelector"]["matchLabels"], labels);
    assert_eq!(policy["policyTypes"], serde_json::json!(["Ingress", "Egress"]));
    assert_eq!(policy["ingress"], serde_json::json!([]));
    let ports: Vec<i64> = policy["egress"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|rule| {
            assert!(rule["to"].as_array().is_some_and(|to| !to.is_empty()), "a rule names whom");
            rule["ports"].as_array().unwrap().iter().map(|port| seconds(&port["port"]))
        })
        .collect();
    assert_eq!(ports, [7380, 53, 53]);
    let service = &of_kind(&broker, "Service")["spec"];
    assert_eq!(service["ports"][0]["port"], 7380);
    let template = &of_kind(&broker, "StatefulSet")["spec"]["template"];
    assert_eq!(service["selector"], template["metadata"]["labels"]);
    assert_eq!(policy["egress"][0]["to"][0]["podSelector"]["matchLabels"], service["selector"]);
}
