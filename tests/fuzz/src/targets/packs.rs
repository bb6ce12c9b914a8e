//! What owners bring: descriptions of providers, GraphQL schemas, packs of their own.

use std::collections::BTreeMap;

use stint_broker::catalog::Pack;
use stint_broker::catalog::build::{self, Limits};
use stint_broker::provider::Rules;

use super::{Target, texts};

const LIMITS: Limits = Limits { bytes: 64 * 1024, depth: 40, nodes: 50_000, operations: 500, steps: 50_000 };
/// Between the files of a pack.
const CUT: &str = "\n====\n";

pub(super) const DESCRIPTIONS: Target = Target {
    name: "descriptions",
    seeds: || {
        texts(&[
            "openapi: 3.1.0\npaths:\n  /sites/{site}:\n    get: {operationId: getSite, responses: {}}\n    delete: {operationId: deleteSite, responses: {}}\n",
            "{\"openapi\":\"3.0.0\",\"paths\":{\"/a/{b}\":{\"post\":{\"operationId\":\"x\",\"requestBody\":{\"content\":{\"application/json\":{\"schema\":{\"$ref\":\"#/components/schemas/S\"}}}},\"responses\":{}}}},\"components\":{\"schemas\":{\"S\":{\"properties\":{\"force\":{\"$ref\":\"#/components/schemas/S\"}}}}}}",
            "{\"metadata\":{\"endpointPrefix\":\"kms\",\"protocol\":\"json\"},\"operations\":{\"ScheduleKeyDeletion\":{\"http\":{\"method\":\"POST\",\"requestUri\":\"/\"}}},\"shapes\":{}}",
            "{\"services\":{\"s3\":{\"ops\":{\"DeleteBucket\":[\"DELETE\",\"/{Bucket}\"]}}}}",
            "a: &a [1, 2]\nb: *a\nopenapi: 3.0.0\npaths: {}\n",
        ])
    },
    words: &[
        "&a ",
        "*a",
        "$ref: '#/'",
        "\"$ref\":\"#/paths\"",
        "paths:",
        "operationId:",
        "get:",
        "{",
        "}",
        "[",
        "]",
        "- ",
        ": ",
        "|\n",
        "!!binary",
        "<<: *a",
        "\t",
        "---\n",
        "allOf",
    ],
    run: |input| {
        let mut said = Vec::new();
        for file in ["a.json", "a.yaml"] {
            said.push(match build::read(file, input, &LIMITS) {
                Ok((format, all)) => {
                    // Whatever was described has a class.
                    let classes: Vec<String> =
                        all.iter().take(3).map(|one| build::judge(one).class.to_string()).collect();
                    format!("{format:?} {}", classes.join(","))
                }
                Err(error) => words(&error.reason),
            });
        }
        Ok(said.join("; "))
    },
};

pub(super) const SCHEMAS: Target = Target {
    name: "schemas",
    seeds: || {
        texts(&[
            "type Query { site(siteId: ID!): Site } type Mutation { siteDelete(siteId: ID!): Boolean! } type Site { name: String apiKey: String }",
            "schema { query: Q mutation: M } type Q { a: [I!]! } interface I { id: ID! } type M { b(input: In): Int } input In { c: In d: E = X } enum E { X Y } scalar D union U = Q | M",
            "{\"data\":{\"__schema\":{\"queryType\":{\"name\":\"Q\"},\"types\":[{\"kind\":\"OBJECT\",\"name\":\"Q\",\"fields\":[{\"name\":\"a\",\"args\":[],\"type\":{\"kind\":\"SCALAR\",\"name\":\"Int\"}}]}]}}}",
        ])
    },
    words: &[
        "type ",
        "input ",
        "enum ",
        "union ",
        "interface ",
        "extend ",
        "implements ",
        "{",
        "}",
        "(",
        ")",
        ":",
        "!",
        "[",
        "]",
        "=",
        "@deprecated",
        "\"\"\"",
        "&",
        "|",
        "Query",
        "Mutation",
        "#",
    ],
    run: |input| {
        Ok(match build::graphql("a.graphql", input, &LIMITS, &BTreeMap::new()) {
            Ok(_) => "built".to_owned(),
            Err(error) => words(&error.reason),
        })
    },
};

/// `pack.toml`, `operations.tsv`, `overrides.toml`, `payload.toml` and `resolvers.toml`, one after the other.
pub(super) const PACKS: Target = Target {
    name: "packs",
    seeds: || {
        let vercel = [
            include_str!("../../../../policies/packs/gitlab/pack.toml"),
            include_str!("../../../../policies/packs/gitlab/operations.tsv"),
            include_str!("../../../../policies/packs/gitlab/overrides.toml"),
            "",
            include_str!("../../../../policies/packs/gitlab/resolvers.toml"),
        ];
        let small = [
            "name = \"acme\"\ntitle = \"Acme\"\nprotocol = \"rest\"\nhosts = [\"api.acme.test\"]\ncarriers = [\"authorization\"]\nenvironment-kinds = [\"site\"]\n[[credential]]\nname = \"token\"\ndefault = true\ncarrier = { header = \"authorization\", format = \"Bearer {}\" }\nvariables = [\"ACME_TOKEN\"]\nplaceholder = { alphabet = \"hex\", length = 32 }\n",
            "method\tpath\toperation\tclass\tresources\tscope\tmarks\nPATCH\t/sites/{site}\tx\twrite\tsite={site}\tresources\t\nGET\t/a/{b/}/{c*}\ty\tread\t\tshared\t\n",
            "",
            "[[raise]]\noperations = [\"x\"]\nmembers = [\"/a/b\"]\nwhen = \"zero\"\nclass = \"destroy\"\nreason = \"r\"\n",
            "provider = \"acme\"\n[kind.site]\nby = \"self\"\n",
        ];
        vec![vercel.join(CUT).into_bytes(), small.join(CUT).into_bytes()]
    },
    words: &[
        "{",
        "}",
        "{a*}",
        "{a/}",
        "{a...b*}",
        "{a}:verb",
        "\t",
        "destroy",
        "read",
        "resources",
        "shared",
        "account",
        "GET|POST",
        "=",
        "[[",
        "]]",
        "protocol = \"mcp\"",
        "protocol = \"aws\"",
        "endpoints = [\"/x\"]",
        "\n====\n",
        "by = \"part\"\nof = \"site\"\n",
    ],
    run: |input| {
        let text = String::from_utf8_lossy(input);
        let files: Vec<&str> = text.split(CUT).collect();
        let file =
            |index: usize| files.get(index).map(|text| (*text).to_owned()).filter(|text| !text.is_empty());
        let pack = Pack::load("acme", &|name| match name {
            "pack.toml" => file(0),
            "operations.tsv" => file(1),
            "overrides.toml" => file(2),
            "payload.toml" => file(3),
            _ => None,
        });
        let rules = file(4).map(|text| match Rules::load(&text, "") {
            Ok(_) => "rules".to_owned(),
            Err(error) => words(&error.to_string()),
        });
        let pack = match pack {
            Ok(pack) => format!("loaded {}", pack.operations().len().min(3)),
            Err(error) => format!("{} {}", error.file, words(&error.reason)),
        };
        Ok(format!("{pack}; {}", rules.unwrap_or_default()))
    },
};

/// A reason without what it quotes: the same for the same kind of fault.
fn words(reason: &str) -> String {
    let mut quoted = false;
    let plain = |c: &char| {
        if matches!(c, '\'' | '"' | '`') {
            quoted = !quoted;
        }
        !quoted && (c.is_ascii_alphabetic() || *c == ' ')
    };
    reason.lines().next_back().unwrap_or_default().chars().filter(plain).take(60).collect()
}
