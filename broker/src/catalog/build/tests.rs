//! Descriptions of every format, good and hostile.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{Change, Described, Format, Limits, Plan, build, compare, graphql, judge, read};
use crate::model::Class;

fn described(file: &str, text: &str) -> Vec<Described> {
    read(file, text.as_bytes(), &Limits::default()).unwrap_or_else(|error| panic!("{error}")).1
}

fn refused(file: &str, text: &str) -> String {
    read(file, text.as_bytes(), &Limits::default()).unwrap_err().to_string()
}

fn class(method: &str, path: &str, id: &str) -> Class {
    judge(&Described { method: method.into(), path: path.into(), id: id.into(), ..Described::default() })
        .class
}

#[test]
fn openapi_3_gives_names_flags_and_secrets() {
    let text = r##"{"openapi":"3.0.0","paths":{"/volumes/{id}":{
        "parameters":[{"name":"id","in":"path"}],
        "patch":{"operationId":"updateVolume","parameters":[{"$ref":"#/components/parameters/force"}],
          "requestBody":{"content":{"application/json":{"schema":{"$ref":"#/components/schemas/Change"}}}},"responses":{}},
        "get":{"operationId":"getVolume","responses":{"200":{"content":{"application/json":{"schema":{"properties":{"db_password":{}}}}}}}}
      }},
      "components":{"parameters":{"force":{"name":"force","in":"query"}},
        "schemas":{"Change":{"properties":{"wipe_data":{"type":"boolean"},"child":{"$ref":"#/components/schemas/Change"}}}}}}"##;
    let all = described("a.json", text);
    let one = |id: &str| all.iter().find(|one| one.id == id).unwrap();
    assert_eq!(judge(one("getVolume")).class, Class::Reveal);
    let update = judge(one("updateVolume"));
    assert_eq!(
        (update.class, update.query, update.members),
        (Class::Write, vec!["force".into()], vec!["wipe_data".into()])
    );
}

#[test]
fn the_same_description_in_yaml_says_the_same() {
    let yaml = "openapi: 3.1.0\npaths:\n  /things:\n    get: &get\n      operationId: listThings\n      responses: {}\n  /others:\n    get: *get\n";
    let all = described("a.yaml", yaml);
    let paths: Vec<&str> = all.iter().map(|one| one.path.as_str()).collect();
    // One name for two is no name: both are called after their paths.
    assert_eq!((paths, all[0].id.as_str()), (vec!["/things", "/others"], "things/get"));
}

#[test]
fn swagger_2_discovery_botocore_and_hyper_schema_are_read() {
    let swagger = r#"{"swagger":"2.0","basePath":"/v1","paths":{"/keys":{"post":{"operationId":"makeKey","parameters":[{"name":"body","in":"body","schema":{"properties":{"name":{}}}}],"responses":{}}}}}"#;
    assert_eq!(described("a.json", swagger)[0].path, "/v1/keys");
    let google = r#"{"kind":"discovery#restDescription","servicePath":"sql/","schemas":{},"resources":{"instances":{"methods":{
        "reset":{"id":"sql.instances.reset","httpMethod":"POST","path":"projects/{project}/instances/{instance}:reset"},
        "list":{"id":"sql.instances.list","httpMethod":"GET","path":"projects/{project}/instances"}}}}}"#;
    let all = described("a.json", google);
    let of = |id: &str| judge(all.iter().find(|one| one.id == id).unwrap()).class;
    // The name of the service is no deed.
    assert_eq!((of("sql.instances.reset"), of("sql.instances.list")), (Class::Destroy, Class::Read));
    let aws = r#"{"metadata":{"endpointPrefix":"kms","protocol":"json"},"operations":{"ScheduleKeyDeletion":{"http":{"method":"POST","requestUri":"/"}},
        "ListAliases":{"http":{"method":"POST","requestUri":"/"}},"GetSecretValue":{"output":{"shape":"Out"}}},"shapes":{"Out":{"members":{"SecretString":{"shape":"Text"}}},"Text":{}}}"#;
    let all = described("a.json", aws);
    let of = |id: &str| judge(all.iter().find(|one| one.id == id).unwrap()).class;
    assert_eq!(of("ScheduleKeyDeletion"), Class::Destroy);
    assert_eq!((of("ListAliases"), of("GetSecretValue")), (Class::Read, Class::Reveal));
    let hyper = r##"{"definitions":{"app":{"links":[{"href":"/apps/{(%23%2Fdefinitions%2Fapp)}","method":"DELETE","title":"Delete"}]}}}"##;
    let all = described("a.json", hyper);
    assert_eq!((all[0].path.as_str(), all[0].id.as_str()), ("/apps/{app}", "app/delete"));
}

#[test]
fn the_method_is_not_the_effect() {
    for (method, path, id, expected) in [
        ("POST", "/v1/subscriptions/{id}/cancel", "", Class::Destroy),
        ("POST", "/v1/refunds", "", Class::Destroy),
        ("GET", "/api/auth.revoke", "auth_revoke", Class::Destroy),
        ("GET", "/pods/{name}/exec", "connectGetPodExec", Class::Destroy),
        ("POST", "/services/{id}/suspend", "", Class::Destroy),
        ("PUT", "/deployments/{name}/scale", "", Class::Destroy),
        ("PUT", "/buckets/{name}/lifecycle", "", Class::Destroy),
        ("PUT", "/buckets/{name}/retention", "", Class::Destroy),
        ("POST", "/database/query", "", Class::Destroy),
        ("PUT", "/buckets/{name}/policy", "putBucketPolicy", Class::Grant),
        ("POST", "/projects/{id}/invitations", "", Class::Grant),
        ("POST", "/webhook_endpoints", "", Class::Grant),
        ("GET", "/clusters/{id}/kubeconfig", "", Class::Reveal),
        ("GET", "/services/{id}/env-vars", "", Class::Reveal),
        ("GET", "/services/{id}", "getService", Class::Read),
        ("POST", "/services", "createService", Class::Write),
        ("PATCH", "/gibberish/{x}", "frobnicate", Class::Write),
        ("DELETE", "/anything", "", Class::Destroy),
    ] {
        assert_eq!(class(method, path, id), expected, "{method} {path}");
    }
}

#[test]
fn descriptions_that_are_malformed_say_where() {
    for (file, text, says) in [
        ("a.json", "{", "row 1"),
        ("a.json", "{\"openapi\":\"3\",\n\"paths\":{},}", "row 2"),
        ("a.json", r#"{"openapi":"3","paths":{"/a":{},"/a":{}}}"#, "twice"),
        ("a.yaml", "openapi: 3\npaths:\n\t- x", "row 3"),
        ("a.yaml", "a: 1\na: 2\n", "twice"),
        ("a.yaml", "a: !!binary x\n", "tags"),
        ("a.yaml", "a: 1\n---\nb: 2\n", "more than one"),
        ("a.yaml", "", "empty"),
        ("a.json", "{}", "format"),
        ("a.json", r#"{"openapi":"3","paths":{}}"#, "no operations"),
        ("a.json", r#"{"openapi":"3","paths":[]}"#, "not an object"),
        ("a.json", r#"{"openapi":"3","paths":{"a":{"get":{}}}}"#, "does not start"),
        (
            "a.json",
            r#"{"openapi":"3","paths":{"/a":{"get":{"parameters":[{"name":"x","in":"nowhere"}]}}}}"#,
            "nobody knows",
        ),
        (
            "a.json",
            r##"{"openapi":"3","paths":{"/a":{"get":{"parameters":[{"$ref":"#/nothing"}]}}}}"##,
            "leads to nothing",
        ),
        (
            "a.json",
            r##"{"openapi":"3","paths":{"/a":{"get":{"parameters":[{"$ref":"other.json#/x"}]}}}}"##,
            "out of the document",
        ),
        ("a.json", r##"{"openapi":"3","paths":{"/a":{"$ref":"#/paths/~1a"}}}"##, "without end"),
        ("a.json", r#"{"ops":[{"m":"GET"}]}"#, "no path"),
        (
            "a.json",
            r#"{"ops":[{"m":"GET","p":"/a/{x}","id":"a"},{"m":"GET","p":"/a/{y}","id":"b"}]}"#,
            "twice",
        ),
    ] {
        let error = refused(file, text);
        assert!(error.contains(says), "{text}: {error}");
    }
    assert!(read("a.json", b"{\"a\":\"\xFF\"}", &Limits::default()).is_err());
}

#[test]
fn recursive_and_enormous_descriptions_end_soon() {
    let began = std::time::Instant::now();
    // Every schema holds all the others.
    let names: Vec<String> = (0..300).map(|n| format!("S{n}")).collect();
    let inner: Vec<String> =
        names.iter().map(|n| format!(r##""{n}":{{"$ref":"#/definitions/{n}"}}"##)).collect();
    let schemas: Vec<String> =
        names.iter().map(|n| format!(r#""{n}":{{"properties":{{{}}}}}"#, inner.join(","))).collect();
    let text = format!(
        r##"{{"swagger":"2.0","paths":{{"/a":{{"get":{{"responses":{{"200":{{"schema":{{"$ref":"#/definitions/S0"}}}}}}}}}}}},"definitions":{{{}}}}}"##,
        schemas.join(",")
    );
    assert_eq!(described("a.json", &text).len(), 1);
    // An alias of aliases of aliases: what it stands for is counted, not built.
    let mut bomb = String::from("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
    for n in 1..12 {
        let row = vec![format!("*a{}", n - 1); 10].join(",");
        bomb.push_str(&format!("a{n}: &a{n} [{row}]\n"));
    }
    assert!(refused("a.yaml", &bomb).contains("more than"));
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(!refused("a.json", &deep).is_empty());
    assert!(!refused("a.yaml", &format!("a: {}", "[".repeat(100_000))).is_empty());
    let small = Limits { operations: 3, ..Limits::default() };
    let many: Vec<String> = (0..9).map(|n| format!(r#"{{"m":"GET","p":"/a{n}"}}"#)).collect();
    let error = read("a.json", format!(r#"{{"ops":[{}]}}"#, many.join(",")).as_bytes(), &small).unwrap_err();
    assert!(error.reason.contains("too many operations"), "{error}");
    let small = Limits { bytes: 10, ..Limits::default() };
    assert!(read("a.json", b"{\"openapi\":\"3\"}", &small).is_err());
    assert!(began.elapsed().as_secs() < 20, "{:?}", began.elapsed());
}

#[test]
fn a_table_is_built_loads_and_is_compared() {
    let list = r#"{"ops":[{"m":"GET","p":"/a/{id}"},{"m":"DELETE","p":"/a/{id}"},{"m":"POST","p":"/a/{id}/stop"},{"m":"HEAD","p":"/a/{id}"}]}"#;
    let plan = Plan::parse("base = \"/v1\"\n[[resource]]\nparameters = [\"id\"]\nresource = \"thing={id}\"")
        .unwrap();
    let overrides = BTreeMap::from([("a/stop/post".to_owned(), Class::Write)]);
    let (format, all) = read("a.json", list.as_bytes(), &Limits::default()).unwrap();
    assert_eq!((format, all.len()), (Format::List, 3));
    let built = build(all.clone(), &plan, &overrides).unwrap();
    assert!(
        built.operations.contains("POST\t/v1/a/{id}/stop\ta/stop/post\twrite\tthing={id}\tresources\t\n")
    );
    let table = built.operations.clone();
    let manifest = "name = \"x\"\ntitle = \"X\"\nprotocol = \"rest\"\nhosts = [\"x.test\"]\ncarriers = [\"authorization\"]\nenvironment-kinds = [\"thing\"]\n[[credential]]\nname = \"t\"\ndefault = true\ncarrier = { header = \"authorization\", format = \"Bearer {}\" }\nvariables = []\nplaceholder = { alphabet = \"uuid\" }\n";
    let pack = crate::catalog::Pack::load("x", &|file| match file {
        "pack.toml" => Some(manifest.to_owned()),
        "operations.tsv" => Some(table.clone()),
        _ => None,
    });
    assert_eq!(pack.unwrap().operations().len(), 3);
    let before = build(all[..2].to_vec(), &plan, &BTreeMap::new()).unwrap();
    let changed = before.operations.replace("destroy", "write");
    let changes = compare(&changed, &built.operations);
    assert_eq!(
        changes,
        [
            Change::Class { operation: "a/delete".into(), old: "write".into(), new: "destroy".into() },
            Change::Appeared { operation: "a/stop/post".into(), class: "write".into() },
        ]
    );
    assert_eq!(compare(&built.operations, &before.operations).len(), 1);
    let unknown = BTreeMap::from([("nothing".to_owned(), Class::Write)]);
    assert!(build(all, &plan, &unknown).unwrap_err().reason.contains("nothing"));
    assert!(Plan::parse("bse = 1").is_err());
}

#[test]
fn graphql_makes_the_three_tables_from_either_form() {
    let sdl = "type Query { thing(id: ID!): Thing }\ntype Mutation { thingDelete(thingId: ID!): Boolean! thingUpdate(thingId: ID!, input: Change = {size: 3, kind: BIG}): Thing keyCreate(projectId: ID): Key }\n\
        type Thing { id: ID! apiKey: String other(first: Int = 10): [Thing!]! }\ntype Key { token: String }\nenum Kind { BIG SMALL }\nscalar Blob\ninput Change { size: Int, kind: Kind, blob: Blob }\nunion Any = Thing | Key";
    let overrides = BTreeMap::from([("thingUpdate".to_owned(), Class::Write)]);
    let built = graphql("a.graphql", sdl.as_bytes(), &Limits::default(), &overrides).unwrap();
    assert!(
        built.operations.contains("mutation\tthingDelete\tdestroy\tresources\tthing=thingId\t\t\tBoolean!\n"),
        "{}",
        built.operations
    );
    assert!(built.operations.contains("mutation\tkeyCreate\tgrant\t"), "{}", built.operations);
    assert!(built.types.contains("Thing\tapiKey\tString\treveal\n"), "{}", built.types);
    assert!(
        built.inputs.contains("mutation.thingUpdate\tinput\tChange\t{\"size\":3,\"kind\":\"BIG\"}\n"),
        "{}",
        built.inputs
    );
    // What was built is what the loader reads.
    let file = |name: &str| match name {
        "operations.tsv" => Some(built.operations.clone()),
        "types.tsv" => Some(built.types.clone()),
        "inputs.tsv" => Some(built.inputs.clone()),
        _ => None,
    };
    assert_eq!(crate::catalog::graphql::Tables::load(&file).unwrap().operations().count(), 4);
    let introspection = r#"{"data":{"__schema":{"queryType":{"name":"Query"},"mutationType":null,"types":[
        {"kind":"OBJECT","name":"Query","fields":[{"name":"me","args":[{"name":"first","type":{"kind":"SCALAR","name":"Int"},"defaultValue":"5"}],"type":{"kind":"NON_NULL","ofType":{"kind":"OBJECT","name":"Me"}}}]},
        {"kind":"OBJECT","name":"Me","fields":[{"name":"password","args":[],"type":{"kind":"SCALAR","name":"String"}}]},
        {"kind":"SCALAR","name":"String"},{"kind":"SCALAR","name":"Int"}]}}}"#;
    let built = graphql("a.json", introspection.as_bytes(), &Limits::default(), &BTreeMap::new()).unwrap();
    assert!(built.operations.contains("query\tme\tread\taccount\t\t\t\tMe!\n"), "{}", built.operations);
    assert!(built.types.contains("Me\tpassword\tString\treveal\n"));
    assert!(built.inputs.contains("query.me\tfirst\tInt\t5\n"));
}

#[test]
fn hostile_schemas_are_refused_in_bounded_time() {
    let began = std::time::Instant::now();
    let read = |file: &str, text: &str| graphql(file, text.as_bytes(), &Limits::default(), &BTreeMap::new());
    let wrapped = format!(
        "{}{}",
        "{\"kind\":\"LIST\",\"ofType\":".repeat(40),
        "{\"name\":\"Int\"}".to_owned() + &"}".repeat(40)
    );
    for (file, text) in [
        ("a.graphql", "type Query { a: ".to_owned()),
        ("a.graphql", "type Thing { a: Int }".to_owned()),
        ("a.graphql", format!("type Query {{ a: {}Int{} }}", "[".repeat(50_000), "]".repeat(50_000))),
        (
            "a.graphql",
            format!("type Query {{ a(b: X = {}1{}): Int }} scalar X", "[".repeat(50_000), "]".repeat(50_000)),
        ),
        ("a.json", "{\"__schema\":{}}".to_owned()),
        ("a.json", "{\"__schema\":{\"types\":[{\"kind\":\"OBJECT\",\"name\":\"a b\"}]}}".to_owned()),
        (
            "a.json",
            format!(
                "{{\"__schema\":{{\"types\":[{{\"kind\":\"OBJECT\",\"name\":\"Q\",\"fields\":[{{\"name\":\"f\",\"type\":{wrapped}}}]}}]}}}}"
            ),
        ),
    ] {
        let error = read(file, &text).unwrap_err();
        assert!(!error.reason.is_empty() && error.reason.len() < 2000, "{error}");
    }
    assert!(began.elapsed().as_secs() < 20, "{:?}", began.elapsed());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), yaml in "[-:a-z&* \\n\\[\\]{}#'\"|>!?,0-9]{0,120}") {
        let _ = read("a.json", &bytes, &Limits::default());
        let _ = read("a.yaml", yaml.as_bytes(), &Limits::default());
    }
}

/// Services of botocore by the pack's own names, a path that a key of the query completes, a class that a person chose.
#[test]
fn a_plan_names_services_completes_paths_and_says_what_is_of_backups() {
    let plan = Plan::parse(
        r#"
        style = "action"
        service-names = true
        otherwise = "account=self"
        backups = ["files.CancelHold"]
        leave-out = { "files.HeadThing" = "as GetThing" }
        services = { "elastic-files" = "files" }
        paths = { "files.AbortUpload" = "/{Key+}?uploadId" }
        "#,
    )
    .unwrap();
    let model = |operations: serde_json::Value| {
        let text = serde_json::json!({
            "metadata": { "serviceId": "Elastic Files", "protocol": "rest-xml" },
            "operations": operations,
            "shapes": {},
        });
        read("m.json", text.to_string().as_bytes(), &Limits::default()).unwrap().1
    };
    let at =
        |method: &str, path: &str| serde_json::json!({ "http": { "method": method, "requestUri": path } });
    let described = model(serde_json::json!({
        "AbortUpload": at("DELETE", "/{Key+}"),
        "CancelHold": at("POST", "/holds/"),
        "GetThing": at("GET", "/{Key+}"),
        "HeadThing": at("HEAD", "/{Key+}"),
        "VerifyThing": at("POST", "/verify"),
    }));
    let overrides = BTreeMap::from([("files.VerifyThing".to_owned(), Class::Write)]);
    let built = build(described, &plan, &overrides).unwrap();
    let rows: Vec<&str> = built.operations.lines().skip(1).collect();
    assert_eq!(
        rows,
        [
            "POST\t/holds\tfiles.CancelHold\tdestroy\taccount=self\tresources\tbackup",
            "POST\t/verify\tfiles.VerifyThing\twrite\taccount=self\tresources\t",
            "GET\t/{Key*}\tfiles.GetThing\tread\taccount=self\tresources\t",
            "DELETE\t/{Key*}?uploadId\tfiles.AbortUpload\tdestroy\taccount=self\tresources\t",
        ]
    );
    for missing in ["paths = { \"files.None\" = \"/x\" }", "backups = [\"files.None\"]"] {
        let plan = Plan::parse(&format!("service-names = true\n{missing}")).unwrap();
        let error = build(model(serde_json::json!({ "Get": at("GET", "/x") })), &plan, &BTreeMap::new());
        assert!(error.unwrap_err().to_string().contains("which the description has not"), "{missing}");
    }
}
