//! The tables of the pack: complete, and no row weaker than its name without a reason.

use std::collections::{BTreeMap, BTreeSet};

use super::*;

/// Rows of `operations.tsv`: root, field, class, scope, resources, marks, payload.
fn rows() -> Vec<Vec<String>> {
    let text = file("operations.tsv").unwrap();
    text.lines().skip(1).map(|line| line.split('\t').map(str::to_owned).collect()).collect()
}

#[test]
fn every_root_field_of_the_schema_has_one_row() {
    let counted = rows().iter().fold(BTreeMap::new(), |mut counts: BTreeMap<String, usize>, row| {
        *counts.entry(row[0].clone()).or_default() += 1;
        counts
    });
    let expected = [("mutation", 233), ("query", 158), ("subscription", 13)];
    assert_eq!(counted, expected.map(|(root, count)| (root.to_owned(), count)).into());
    assert_eq!(railway().0.operations().count(), 404);
    // SHA-256 over the sorted names, one `root.field` a line: the list of the schema that the tables were made from.
    let names: BTreeSet<String> = rows().iter().map(|row| format!("{}.{}\n", row[0], row[1])).collect();
    let names: String = names.into_iter().collect();
    let digest = ring::digest::digest(&ring::digest::SHA256, names.as_bytes());
    assert_eq!(crate::model::digest_hex(digest), DIGEST);
}

const DIGEST: &str = "5f5991af3c5fd17d21230041636bbabe509e484d4bece3a1ca2320bfff9ce2bf";

fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for c in name.chars() {
        match words.last_mut() {
            Some(word) if !c.is_ascii_uppercase() => word.push(c),
            _ => words.push(c.to_ascii_lowercase().to_string()),
        }
    }
    words
}

/// What a name alone makes of an operation, as `overrides.toml` says it.
fn by_name(root: &str, field: &str) -> Class {
    const DESTROY: &str = "delete remove destroy reset clear revoke leave disable disconnect unset stop cancel sleep purge eject \
         replace revert rollback force unpublish restore exec execution wipe dismiss detach";
    const GRANT: &str = "token invite invitation member permission transfer key login credentials recovery factor trusted email \
         passkey claim integration allowlist policy session signup";
    const REVEAL: &str =
        "token tokens secret credentials variables password key keys invite invitation auth auths";
    let has = |list: &str| words(field).iter().any(|word| list.split_whitespace().any(|known| known == word));
    match root {
        "mutation" if has(DESTROY) => Class::Destroy,
        "mutation" if has(GRANT) => Class::Grant,
        "mutation" => Class::Write,
        _ if has(REVEAL) => Class::Reveal,
        _ => Class::Read,
    }
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Overrides {
    r#override: Vec<Override>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Override {
    operation: String,
    class: String,
    reason: String,
}

#[test]
fn a_row_that_is_weaker_than_its_name_has_a_reason_and_every_reason_has_such_a_row() {
    let overrides: Overrides = toml::from_str(&file("overrides.toml").unwrap()).unwrap();
    let given: BTreeMap<&str, &str> =
        overrides.r#override.iter().map(|row| (row.operation.as_str(), row.class.as_str())).collect();
    assert_eq!(given.len(), overrides.r#override.len());
    assert!(overrides.r#override.iter().all(|row| row.reason.len() > 10));
    let rows = rows();
    let weaker: BTreeMap<&str, &str> = rows
        .iter()
        .filter(|row| row[2].parse::<Class>().unwrap() < by_name(&row[0], &row[1]))
        .map(|row| (row[1].as_str(), row[2].as_str()))
        .collect();
    assert_eq!(weaker, given);
}

#[test]
fn what_destroys_data_and_what_takes_a_payload_is_known_as_such() {
    let rows = rows();
    let row = |name: &str| rows.iter().find(|row| row[0] == "mutation" && row[1] == name).expect(name);
    for name in "volumeDelete volumeInstanceBackupDelete volumeInstanceBackupRestore volumeInstanceBackupScheduleUpdate \
         environmentDelete projectDelete projectScheduleDelete projectScheduleDeleteForce serviceDelete pluginDelete \
         pluginReset workspaceDelete userDelete sandboxDestroy sandboxCheckpointDelete cloudAgentDelete \
         agentBootstrapDelete variableDelete templateDelete disablePitrForHaCluster \
         deploymentStop deploymentRemove sandboxExec deploymentInstanceExecutionCreate canvasViewMerge dockerComposeImport \
         templateRevert herokuImportVariables environmentPatchCommitStaged"
        .split_whitespace()
    {
        assert_eq!(row(name)[2], "destroy", "{name}");
    }
    for name in "environmentPatchCommit environmentPatchCommitStaged environmentStageChanges environmentApplyChangeSet \
         volumeInstanceUpdate variableUpsert variableCollectionUpsert serviceInstanceUpdate"
        .split_whitespace()
    {
        assert!(!row(name)[6].is_empty(), "{name}");
    }
    for name in "apiTokenCreate projectTokenCreate sshPublicKeyCreate generateShellToken workspaceInviteCodeCreate \
         projectMemberAdd projectMemberUpdate workspacePermissionChange loginSessionCreate loginSessionConsume \
         twoFactorInfoCreate twoFactorInfoSecret trustedDomainCreate integrationCreate cloudAgentHarnessToken"
        .split_whitespace()
    {
        assert_eq!(row(name)[2], "grant", "{name}");
    }
    for name in
        "volumeDelete serviceDelete environmentDelete projectDelete projectScheduleDelete workspaceDelete"
            .split_whitespace()
    {
        assert!(row(name)[5].contains("carries-backups"), "{name}");
    }
    for name in "volumeInstanceBackupDelete volumeInstanceBackupRestore volumeInstanceBackupScheduleUpdate"
        .split_whitespace()
    {
        assert!(row(name)[5].contains("backup"), "{name}");
    }
    for row in rows.iter().filter(|row| row[0] != "mutation") {
        assert!(matches!(row[2].as_str(), "read" | "reveal") || row[1] == "projectInviteCode", "{row:?}");
    }
}

#[test]
fn every_operation_can_be_asked_for_and_comes_out_as_its_row() {
    let (tables, _) = railway();
    for row in rows() {
        let kind = match row[0].as_str() {
            "mutation" => apollo_compiler::ast::OperationType::Mutation,
            "query" => apollo_compiler::ast::OperationType::Query,
            _ => apollo_compiler::ast::OperationType::Subscription,
        };
        let returns = &tables.root(kind, &row[1]).unwrap().returns;
        let selection =
            if tables.composite(returns.inner_named_type()).is_some() { "{ __typename }" } else { "" };
        let owner = format!("{}.{}", row[0], row[1]);
        let arguments: Vec<String> = tables
            .inputs(&owner)
            .unwrap_or_default()
            .iter()
            .filter(|input| input.ty.is_non_null() && input.default.is_none())
            .map(|input| format!("{}: {}", input.name, sample(tables, &input.ty)))
            .collect();
        let arguments =
            if arguments.is_empty() { String::new() } else { format!("({})", arguments.join(", ")) };
        let text = format!("{} {{ {}{arguments} {selection} }}", row[0], row[1]);
        let operation = only(document(&text));
        assert_eq!(operation.operation, format!("railway:{}", row[1]));
        assert!(operation.class >= row[2].parse().unwrap(), "{text}: {operation:?}");
        let required = row[4].split(',').filter(|part| part.contains("=id") && !part.contains('|')).count();
        if operation.scope != crate::model::Scope::Shared {
            assert!(operation.resources.len() >= required, "{text}: {operation:?}");
        }
    }
}

/// A literal of a type, with only what is required.
fn sample(tables: &Tables, ty: &apollo_compiler::ast::Type) -> String {
    use super::super::tables::Leaf;
    if ty.is_list() {
        return format!("[{}]", sample(tables, ty.item_type()));
    }
    let name = ty.inner_named_type().as_str();
    match (name, tables.leaf(name), tables.inputs(name)) {
        ("Int", ..) => "1".to_owned(),
        ("Float", ..) => "1.5".to_owned(),
        ("Boolean", ..) => "true".to_owned(),
        (_, Some(Leaf::Enum(words)), _) => words.first().unwrap().clone(),
        (_, Some(Leaf::Json), _) => "{a: \"b\"}".to_owned(),
        (.., Some(inputs)) => {
            let required = inputs.iter().filter(|input| input.ty.is_non_null() && input.default.is_none());
            let fields: Vec<String> =
                required.map(|input| format!("{}: {}", input.name, sample(tables, &input.ty))).collect();
            format!("{{{}}}", fields.join(", "))
        }
        _ => "\"some-id\"".to_owned(),
    }
}

#[test]
fn the_pack_names_both_hosts_and_every_carrier() {
    let manifest = &railway().1;
    assert_eq!(manifest.hosts, ["backboard.railway.com", "backboard.railway.app"]);
    assert_eq!(manifest.credential.iter().filter(|kind| kind.default).count(), 1);
    for kind in &manifest.credential {
        assert!(manifest.carriers.contains(&kind.carrier.header));
    }
}

#[test]
fn tables_that_say_something_wrong_do_not_load() {
    let load = |name: &str, from: &str, to: &str| {
        let read = |file_name: &str| {
            let text = file(file_name)?;
            assert!(file_name != name || text.contains(from), "{from}");
            Some(if file_name == name { text.replacen(from, to, 1) } else { text })
        };
        Tables::load(&read).map(|_| ()).unwrap_err()
    };
    for (name, from, to) in [
        ("operations.tsv", "volume=volumeId\tcarries", "volume=volumeIdd\tcarries"),
        ("operations.tsv", "\tdestroy\tresources", "\tdestructive\tresources"),
        ("operations.tsv", "\tdestroy\tresources", "\tdestroy\tshared"),
        ("operations.tsv", "carries-backups", "carries"),
        ("operations.tsv", "environment-config:patch", "environment-config:patches"),
        ("operations.tsv", "environment-config:patch", "environment-confg:patch"),
        ("operations.tsv", "service=input.serviceIds[]", "service=input.serviceIds"),
        ("operations.tsv", "root\tfield", "field\troot"),
        ("operations.tsv", "mutation\tapiTokenDelete", "mutation\tapiTokenCreate"),
        ("types.tsv", "reveal-if:", "reveal-when:"),
        ("types.tsv", "\tString!\t", "\tString!!x\t"),
        ("inputs.tsv", "\tjson\t", "\tjsonn\t"),
    ] {
        let error = load(name, from, to);
        assert_eq!(error.file, name, "{from} -> {to}: {error}");
        assert!(error.row > 0, "{error}");
    }
    assert_eq!(Tables::load(&|name| file(name).filter(|_| name != "types.tsv")).unwrap_err().row, 0);
}
