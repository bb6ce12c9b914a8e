//! What a decision costs: with the policies that ship, and with hundreds of an administrator's own beside them.
//!
//! The last group is the goal: a mutation of 1 KB classified and decided within 40 us while 300 policies are loaded.
#![expect(clippy::expect_used, reason = "a bench that cannot set up has nothing to measure")]

use std::hint::black_box;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use http::{HeaderMap, HeaderValue, Method};
use serde_json::json;
use stint_broker::catalog::Catalog;
use stint_broker::model::{
    Class, Confinement, CredentialId, Name, Operation, Request, Resource, Tier, Touch, Where,
};
use stint_broker::policy::{Asker, Decision, PolicyFile, PolicySet, Question, builtin_files, check};

const STAGING: &str = "c7e5a3b1-0d2f-4c8e-9a6b-4d3c2b1a0f9e";
const SERVICE: &str = "2b4d6f80-1a3c-4e5f-9b7d-0c2e4a6f8b1d";

/// About 1 KB: a mutation with variables, and a selection with fragments.
const MUTATION: &str = "
mutation UpdateAndRead($service: String!, $environment: String!, $input: ServiceInstanceUpdateInput!, $full: Boolean = true) {
  updated: serviceInstanceUpdate(serviceId: $service, environmentId: $environment, input: $input)
  redeployed: serviceInstanceRedeploy(serviceId: $service, environmentId: $environment)
  environmentRename(id: $environment, input: { name: \"staging\" }) {
    ...Names
    serviceInstances(first: 20) { edges { node { ...Instance latestDeployment { ...Deploy } } } }
  }
}
fragment Names on Environment { id name projectId isEphemeral createdAt updatedAt }
fragment Instance on ServiceInstance { id serviceId serviceName startCommand buildCommand numReplicas region healthcheckPath source { image repo } }
fragment Deploy on Deployment { id status createdAt staticUrl url canRedeploy @include(if: $full) canRollback @include(if: $full) }
";

fn name(text: &str) -> Name {
    Name::parse(text).expect("a name")
}

/// What ships, and so many permits of the kind that an administrator writes: this agent, these operations, that place.
fn policies(extra: usize) -> PolicySet {
    let mut files = builtin_files();
    for (number, chunk) in (0..extra).collect::<Vec<_>>().chunks(100).enumerate() {
        let text = chunk.iter().map(|n| {
            format!(
                "@id(\"extra.{n}\") permit (principal == Agent::\"agent-{n}\", action in [Action::\"class:read\", Action::\"class:write\"], \
                 resource in Environment::\"place-{}\") when {{ !context.session.confined }};\n",
                n % 17
            )
        });
        files.push(PolicyFile { name: format!("extra-{number}.cedar"), text: text.collect(), tests: None });
    }
    PolicySet::load(&files).expect("the policies load")
}

fn asker() -> Asker {
    Asker {
        agent: name("ci"),
        subject: "person:alice".to_owned(),
        environment: name("staging"),
        tier: Tier::Staging,
        confinement: Confinement::None,
    }
}

/// Each resource where it is; what names none is left out, as the bench's mutation has no such operation.
fn touches(operations: &[Operation]) -> Vec<Touch> {
    let touch = |operation: &Operation, resource: &Resource| Touch {
        operation: operation.operation.clone(),
        provider: "railway".to_owned(),
        class: operation.class,
        marks: operation.marks.clone(),
        resource: Some(resource.clone()),
        name: None,
        place: Where::Environment { name: name("staging"), tier: Tier::Staging },
        consequences: vec![],
    };
    operations
        .iter()
        .flat_map(|operation| operation.resources.iter().map(move |resource| touch(operation, resource)))
        .collect()
}

fn one(class: Class) -> Operation {
    Operation {
        operation: "railway:deploymentStop".to_owned(),
        class,
        resources: vec![Resource::new("environment", STAGING)],
        scope: Default::default(),
        marks: Default::default(),
        pending: None,
    }
}

/// The same document each time, as programs send it, with another value in it each time.
fn mutation(number: u32) -> Request {
    let mut headers = HeaderMap::new();
    headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let variables = json!({
        "service": SERVICE,
        "environment": STAGING,
        "input": { "startCommand": format!("bin/server --port {number}"), "numReplicas": 2, "healthcheckPath": "/health" },
    });
    Request {
        method: Method::POST,
        host: "backboard.railway.com".to_owned(),
        path: "/graphql/v2".to_owned(),
        query: None,
        headers,
        body: json!({ "query": MUTATION, "variables": variables }).to_string().into(),
        partial: false,
    }
}

fn decide(set: &PolicySet, asker: &Asker, touches: &[Touch]) -> Decision {
    set.authorize(&Question {
        asker,
        credential: &CredentialId::from_uuid(uuid::Uuid::nil()),
        credential_name: &name("railway"),
        digest: [7; 32],
        touches,
        approved: None,
    })
}

fn bench(criterion: &mut Criterion) {
    let catalog = Catalog::builtin().expect("the packs load");
    let pack = catalog.pack("railway").expect("there is a pack");
    let asker = asker();
    let sets = [0, 100, 300, 1000].map(|extra| (extra, policies(extra)));

    let mut group = criterion.benchmark_group("decide");
    for (extra, set) in &sets {
        for (what, class) in [("write", Class::Write), ("destroy, which asks", Class::Destroy)] {
            let touches = touches(&[one(class)]);
            group.bench_function(format!("{what}, {extra} more policies"), |bencher| {
                bencher.iter(|| decide(set, &asker, black_box(&touches)));
            });
        }
    }
    group.finish();

    let understood = catalog.classify(pack, mutation(0)).expect("understood");
    let touched = touches(&understood.operations);
    let mut group = criterion.benchmark_group("mutation of 1 KB");
    for (extra, set) in &sets {
        assert!(matches!(decide(set, &asker, &touched), Decision::Allow { .. }), "the mutation is allowed");
        group.bench_function(format!("decide {} touches, {extra} more policies", touched.len()), |bencher| {
            bencher.iter(|| decide(set, &asker, black_box(&touched)));
        });
    }
    let mut number = 0;
    let mut next = || {
        number += 1;
        mutation(number)
    };
    group.bench_function("classify", |bencher| {
        bencher.iter_batched(&mut next, |request| catalog.classify(pack, request), BatchSize::SmallInput);
    });
    for (extra, set) in &sets {
        group.bench_function(format!("classify and decide, {extra} more policies"), |bencher| {
            bencher.iter_batched(
                &mut next,
                |request| {
                    let understood = catalog.classify(pack, request).expect("understood");
                    decide(set, &asker, &touches(&understood.operations))
                },
                BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

/// What a person waits for while they type: all files, among them many small ones, read, validated and tested.
fn checking(criterion: &mut Criterion) {
    let catalog = Catalog::builtin().expect("the packs load");
    let rows = stint_broker::app::actions(&catalog);
    let rule = |number: usize| {
        let operation = &rows.iter().cycle().nth(number * 7).expect("there are operations").operation;
        PolicyFile {
            name: format!("rule-{number}"),
            text: format!(
                "@id(\"rule.{number}\") forbid (principal == Agent::\"a{number}\", action == Action::\"{operation}\", resource is Resource) when {{ resource.tier == \"staging\" }};"
            ),
            tests: Some(format!(
                "[[test]]\nname = \"x\"\nagent = \"a{number}\"\nsession = [\"staging\", \"staging\"]\ntouch = [{{ operation = \"{operation}\", class = \"read\", resource = \"thing/x\", place = [\"staging\", \"staging\"] }}]\ndecision = \"deny\"\npolicies = [\"rule.{number}\"]\n"
            )),
        }
    };
    let mut group = criterion.benchmark_group("check");
    group.sample_size(10);
    for files in [1, 20, 100] {
        let own: Vec<PolicyFile> = (0..files).map(rule).collect();
        let checked = check(&builtin_files(), &own, &rows).expect("they are read");
        assert_eq!(checked.faults, [], "they hold");
        group.bench_function(format!("{files} files beside what ships"), |bencher| {
            bencher.iter(|| check(&builtin_files(), black_box(&own), &rows));
        });
    }
    group.finish();
}

criterion_group!(benches, bench, checking);
criterion_main!(benches);
