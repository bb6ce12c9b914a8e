//! Canonical form, classification of REST and the search for foreign credentials.

use std::hint::black_box;

use bytes::Bytes;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use http::{HeaderMap, HeaderValue};
use stint_broker::catalog::{Catalog, Parts, canonical};
use stint_broker::model::Placeholder;

const PLACEHOLDER: &str = "ghp_PlaceholderPlaceholderPlaceholder012";

fn headers() -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("accept", "application/vnd.github+json"),
        ("content-type", "application/json"),
        ("user-agent", "gh/2.23.0"),
        ("x-github-api-version", "2022-11-28"),
        ("authorization", "token ghp_PlaceholderPlaceholderPlaceholder012"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers
}

fn rest(c: &mut Criterion) {
    let Ok(catalog) = Catalog::builtin() else { return };
    let Some(pack) = catalog.pack("github") else { return };
    let headers = headers();
    let cases = [
        ("read", "GET", "/repos/octocat/hello-world/pulls/1347/reviews/80/comments?per_page=100&page=2", ""),
        (
            "write",
            "POST",
            "/repos/octocat/hello-world/issues",
            r#"{"title":"Found a bug","body":"It does not work."}"#,
        ),
        (
            "payload",
            "PATCH",
            "/repos/octocat/hello-world/git/refs/heads/feature/x",
            r#"{"sha":"aa218f","force":true}"#,
        ),
    ];
    let mut group = c.benchmark_group("classify rest");
    for (name, method, target, body) in cases {
        group.bench_function(name, |b| {
            b.iter(|| {
                let body = Bytes::from_static(body.as_bytes());
                let request = canonical::request(
                    method,
                    "api.github.com",
                    black_box(target),
                    &headers,
                    body,
                    false,
                    pack.provider(&pack.manifest.hosts),
                );
                request.and_then(|request| catalog.classify(pack, request))
            });
        });
    }
    group.finish();
}

fn foreign(c: &mut Criterion) {
    let Ok(catalog) = Catalog::builtin() else { return };
    let placeholders = [Placeholder(PLACEHOLDER.to_owned())];
    let headers = headers();
    let bodies = [
        ("none", String::new()),
        ("json 1 KiB", r#"{"title":"It does not work","number":12}"#.repeat(26)),
        ("base64 1 MiB", format!("{{\"content\":\"{}\"}}", "QmFzZTY0IGlzIG5vIHNlY3JldC4g".repeat(37_450))),
    ];
    let mut group = c.benchmark_group("foreign credentials");
    for (name, body) in &bodies {
        group.throughput(Throughput::Bytes(body.len().max(1) as u64));
        group.bench_function(*name, |b| {
            let parts = Parts {
                headers: &headers,
                path: "/repos/o/r/contents/x",
                query: None,
                body: body.as_bytes(),
            };
            b.iter(|| catalog.carried(black_box(&parts), &placeholders));
        });
    }
    group.finish();
}

fn load(c: &mut Criterion) {
    c.bench_function("load the builtin packs", |b| {
        b.iter_batched(|| (), |()| Catalog::builtin(), BatchSize::PerIteration)
    });
}

criterion_group!(benches, rest, foreign, load);
criterion_main!(benches);
