//! What a token costs: minted, verified for the first time and again, and the proof that comes with each request.
//!
//! `ed25519 verify` is the floor: the goal is a cached token and a fresh proof within 1.2 times of it.
#![expect(clippy::expect_used, reason = "a bench that cannot set up has nothing to measure")]

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use stint_broker::model::{Name, Principal, SessionId};
use stint_broker::token::{Audience, Mint, ReplayMemory, Shown, SigningKey, TokenKey, Tokens, prove};
use stint_jose::{NewProof, Proof};

const NOW: i64 = 1_800_000_000;
const URL: &str = "https://broker.example/gateway/railway/graphql/v2";

fn name(text: &str) -> Name {
    Name::parse(text).expect("a name")
}

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32]).expect("a seed")
}

fn mint(holder: &SigningKey) -> Mint {
    Mint {
        subject: Principal::Person(name("alice")),
        client_id: "cli_0190a0b0c0d0e0f00123456789abcdef".to_owned(),
        agent: Some(name("ci")),
        session: Some(SessionId::from_uuid(uuid::Uuid::from_u128(5))),
        environment: Some(name("staging")),
        credentials: vec![name("railway")],
        audience: Audience::Gateway,
        jkt: holder.public().thumbprint(),
        ttl_seconds: 600,
        jti: "Zm9vYmFyYmF6cXV4cXV1eA".to_owned(),
        now: NOW,
    }
}

fn token(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("token");
    let holder = key(7);
    let tokens = Tokens::new("https://broker.example".to_owned(), vec![TokenKey::active("k1", key(1))])
        .expect("one active key");

    let pair = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).expect("a seed");
    let message = [b'a'; 600];
    let signature = pair.sign(&message);
    group.bench_function("ed25519 verify (floor)", |bencher| {
        let public = UnparsedPublicKey::new(&ED25519, pair.public_key().as_ref());
        bencher.iter(|| public.verify(black_box(&message), signature.as_ref()).expect("valid"));
    });

    group.bench_function("mint", |bencher| {
        bencher.iter(|| tokens.mint(mint(&holder)).expect("minted"));
    });

    let token = tokens.mint(mint(&holder)).expect("minted").token;
    group.bench_function("verify fresh", |bencher| {
        bencher.iter(|| tokens.verify(black_box(&token), Audience::Gateway, NOW).expect("valid"));
    });
    group.bench_function("verify cached", |bencher| {
        bencher.iter(|| tokens.verify_cached(black_box(&token), Audience::Gateway, NOW).expect("valid"));
    });

    let new =
        NewProof { htm: "POST", htu: URL, access_token: Some(&token), nonce: None, jti: "p-1", iat: NOW };
    let proof = Proof::make(&holder, &new).expect("made");
    let shown = Shown { proof: &proof, htm: "POST", htu: URL, nonce: &|_, _| true, now: NOW };
    let verified = tokens.verify_cached(&token, Audience::Gateway, NOW).expect("valid");
    group.bench_function("prove", |bencher| {
        bencher.iter(|| prove(Arc::clone(&verified), black_box(&shown)).expect("proven"));
    });
    group.bench_function("verify cached and prove", |bencher| {
        bencher.iter(|| {
            let verified = tokens.verify_cached(black_box(&token), Audience::Gateway, NOW).expect("valid");
            prove(verified, black_box(&shown)).expect("proven")
        });
    });

    let memory = ReplayMemory::new(1_000_000);
    let mut counter = 0u64;
    group.bench_function("replay memory", |bencher| {
        bencher.iter(|| {
            counter += 1;
            let mut key = [0; 32];
            key[..8].copy_from_slice(&counter.to_le_bytes());
            // A thousand a second, so that what is stale goes as it does in service.
            let now = NOW + i64::try_from(counter / 1000).expect("small");
            memory.check_and_insert(key, now + 61, now)
        });
    });
    group.finish();
}

criterion_group!(benches, token);
criterion_main!(benches);
