//! What it costs to judge a GraphQL request: parse, choose, coerce, walk, classify, write again.

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use http::{HeaderMap, HeaderValue, Method};
use serde_json::json;
use stint_broker::catalog::graphql::{Tables, classify};
use stint_broker::catalog::pack::Manifest;
use stint_broker::model::Request;

fn file(name: &str) -> Option<String> {
    std::fs::read_to_string(format!("{}/../policies/packs/railway/{name}", env!("CARGO_MANIFEST_DIR"))).ok()
}

fn request(query: &str, variables: serde_json::Value) -> Request {
    let mut headers = HeaderMap::new();
    headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Request {
        method: Method::POST,
        host: "backboard.railway.com".to_owned(),
        path: "/graphql/v2".to_owned(),
        query: None,
        headers,
        body: json!({ "query": query, "variables": variables }).to_string().into(),
        partial: false,
    }
}

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

fn bench(c: &mut Criterion) {
    let (Some(manifest), Ok(tables)) = (file("pack.toml"), Tables::load(&file)) else { return };
    let Ok(manifest) = toml::from_str::<Manifest>(&manifest) else { return };
    let variables = json!({
        "service": "0a1b2c3d-0000-4000-8000-000000000001",
        "environment": "0a1b2c3d-0000-4000-8000-000000000002",
        "input": { "startCommand": "bin/server --port 8080", "numReplicas": 2, "healthcheckPath": "/health" },
    });
    let large = request(MUTATION, variables);
    let small =
        request("mutation { volumeDelete(volumeId: \"3d2c42fb-0000-4000-8000-000000000001\") }", json!({}));
    let mut group = c.benchmark_group("graphql");
    for (name, request) in [("classify-1k", large), ("classify-incident", small)] {
        assert!(classify(&tables, &manifest, request.clone()).is_ok(), "the request is understood");
        group.throughput(Throughput::Bytes(request.body.len() as u64));
        group.bench_function(name, |b| {
            b.iter_batched(
                || request.clone(),
                |request| classify(&tables, &manifest, request),
                BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
