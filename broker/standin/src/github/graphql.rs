//! The other door to the same world: documents, executed over what a repository looks like as JSON. Arguments count at
//! the root alone.

use apollo_compiler::ast::{self, Definition, OperationType, Selection};
use apollo_compiler::parser::Parser;
use serde_json::{Map, Value, json};

use super::Reply;
use super::world::{Issue, Pull, Repository, World};

/// One document with its variables.
struct Asked<'a> {
    document: &'a ast::Document,
    variables: &'a Value,
}

pub(crate) fn answer(world: &mut World, login: &str, body: &Value) -> Reply {
    let text = body.get("query").and_then(Value::as_str).unwrap_or_default();
    let document = match Parser::new().recursion_limit(64).parse_ast(text, "query.graphql") {
        Ok(document) => document,
        Err(errors) => return Reply::Json(200, json!({"errors": [{"message": errors.to_string()}]})),
    };
    let none = Value::Null;
    let asked = Asked { document: &document, variables: body.get("variables").unwrap_or(&none) };
    let Some(operation) = document.definitions.iter().find_map(Definition::as_operation_definition) else {
        return Reply::Json(200, json!({"errors": [{"message": "there is no operation"}]}));
    };
    let mut data = Map::new();
    let mut errors = Vec::new();
    for selection in &operation.selection_set {
        let Selection::Field(field) = selection else { continue };
        let arguments = asked.arguments(field, operation);
        let found = match operation.operation_type {
            OperationType::Mutation => mutate(world, &field.name, &arguments),
            _ => query(world, login, &field.name, &arguments),
        };
        let key = field.alias.as_ref().unwrap_or(&field.name).to_string();
        match found {
            Ok(value) => {
                data.insert(key, asked.pick(&field.selection_set, &value));
            }
            Err(message) => {
                data.insert(key, Value::Null);
                errors.push(json!({"type": "NOT_FOUND", "message": message}));
            }
        }
    }
    let mut answer = json!({ "data": data });
    if let (false, Some(members)) = (errors.is_empty(), answer.as_object_mut()) {
        members.insert("errors".to_owned(), errors.into());
    }
    Reply::Json(200, answer)
}

/// Names of the root fields of a document, for the log.
pub(crate) fn root_fields(body: &[u8]) -> Vec<String> {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    crate::railway::root_fields(body.get("query").and_then(Value::as_str).unwrap_or_default())
}

impl Asked<'_> {
    fn arguments(&self, field: &ast::Field, operation: &ast::OperationDefinition) -> Map<String, Value> {
        let named = field.arguments.iter();
        named.map(|one| (one.name.to_string(), self.value(&one.value, operation))).collect()
    }

    fn value(&self, value: &ast::Value, operation: &ast::OperationDefinition) -> Value {
        match value {
            ast::Value::String(text) => json!(text),
            ast::Value::Int(number) => json!(number.as_str().parse::<i64>().unwrap_or_default()),
            ast::Value::Boolean(is) => json!(is),
            ast::Value::Enum(name) => json!(name.as_str()),
            ast::Value::List(items) => items.iter().map(|item| self.value(item, operation)).collect(),
            ast::Value::Object(members) => Value::Object(
                members
                    .iter()
                    .map(|(name, value)| (name.to_string(), self.value(value, operation)))
                    .collect(),
            ),
            ast::Value::Variable(name) => match self.variables.get(name.as_str()) {
                Some(value) => value.clone(),
                None => {
                    let declared = operation.variables.iter().find(|variable| variable.name == *name);
                    let default = declared.and_then(|variable| variable.default_value.as_ref());
                    default.map_or(Value::Null, |value| self.value(value, operation))
                }
            },
            _ => Value::Null,
        }
    }

    fn pick(&self, selections: &[Selection], value: &Value) -> Value {
        match value {
            Value::Array(items) => items.iter().map(|item| self.pick(selections, item)).collect(),
            Value::Object(_) if !selections.is_empty() => {
                let mut out = Map::new();
                self.fill(selections, value, &mut out);
                Value::Object(out)
            }
            other => other.clone(),
        }
    }

    fn fill(&self, selections: &[Selection], value: &Value, out: &mut Map<String, Value>) {
        for selection in selections {
            match selection {
                Selection::Field(field) => {
                    let found = value.get(field.name.as_str()).unwrap_or(&Value::Null);
                    let key = field.alias.as_ref().unwrap_or(&field.name).to_string();
                    out.insert(key, self.pick(&field.selection_set, found));
                }
                Selection::InlineFragment(inline) => {
                    if inline.type_condition.as_ref().is_none_or(|name| is(value, name)) {
                        self.fill(&inline.selection_set, value, out);
                    }
                }
                Selection::FragmentSpread(spread) => {
                    let all = self.document.definitions.iter().filter_map(Definition::as_fragment_definition);
                    for fragment in all.filter(|fragment| fragment.name == spread.fragment_name) {
                        if is(value, &fragment.type_condition) {
                            self.fill(&fragment.selection_set, value, out);
                        }
                    }
                }
            }
        }
    }
}

/// Whether a thing is of a type, or of an interface.
fn is(value: &Value, name: &str) -> bool {
    let own = value.get("__typename").and_then(Value::as_str).unwrap_or_default();
    match name {
        "Node" => true,
        "RepositoryNode" => matches!(own, "Issue" | "PullRequest"),
        "Actor" | "RepositoryOwner" => matches!(own, "User" | "Organization"),
        _ => own == name,
    }
}

fn query(world: &World, login: &str, name: &str, arguments: &Map<String, Value>) -> Result<Value, String> {
    let text = |name: &str| arguments.get(name).and_then(Value::as_str).unwrap_or_default();
    match name {
        "viewer" => Ok(user(login)),
        "repository" => {
            let id = world.now(text("owner"), text("name"));
            let found = id.and_then(|id| world.repository(id));
            found.map(full).ok_or_else(|| "Could not resolve to a Repository with that name.".to_owned())
        }
        "node" => node(world, text("id")),
        "search" => {
            let hits = world.all().iter().filter(|one| {
                let name = format!("repo:{}/{}", one.owner, one.name).to_lowercase();
                let words = text("query").to_lowercase();
                !words.contains("repo:") || words.split(' ').any(|word| word == name)
            });
            Ok(page(hits.flat_map(issues).collect()))
        }
        _ => Err(format!("Field '{name}' doesn't exist on type 'Query'")),
    }
}

fn node(world: &World, id: &str) -> Result<Value, String> {
    let unknown = || format!("Could not resolve to a node with the global id of '{id}'");
    let mut parts = id.split('_');
    let (kind, repository) = (parts.next().unwrap_or_default(), parts.next().and_then(|id| id.parse().ok()));
    let repository = repository.and_then(|id| world.repository(id)).ok_or_else(unknown)?;
    let all = match kind {
        "R" => return Ok(full(repository)),
        "I" => issues(repository),
        "PR" => pulls(repository),
        "REF" => references(repository),
        _ => return Err(unknown()),
    };
    all.into_iter().find(|one| one.get("id").and_then(Value::as_str) == Some(id)).ok_or_else(unknown)
}

fn mutate(world: &mut World, name: &str, arguments: &Map<String, Value>) -> Result<Value, String> {
    let none = Value::Null;
    let input = arguments.get("input").unwrap_or(&none);
    let text = |name: &str| input.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let member = ["repositoryId", "issueId", "pullRequestId", "subjectId", "refId", "id"];
    let id = member.iter().map(|name| text(name)).find(|id| !id.is_empty()).unwrap_or_default();
    let before = node(world, &id)?;
    let at = before.get("number").and_then(Value::as_u64).and_then(|number| usize::try_from(number).ok());
    let repository = id.split('_').nth(1).and_then(|id| id.parse().ok());
    let repository = repository.and_then(|id| world.repository_mut(id)).ok_or("it has gone")?;
    let issue = at.and_then(|number| repository.issues.get_mut(number - 1));
    match (name, issue) {
        ("createIssue", _) => {
            let issue = Issue { title: text("title"), body: text("body"), open: true, comments: Vec::new() };
            repository.issues.push(issue);
            Ok(json!({ "issue": issues(repository).pop() }))
        }
        ("closeIssue" | "reopenIssue" | "updateIssue", Some(issue)) => {
            if name != "updateIssue" {
                issue.open = name == "reopenIssue";
            }
            if !text("title").is_empty() {
                issue.title = text("title");
            }
            Ok(json!({ "__typename": "Payload", "issue": node(world, &id)? }))
        }
        ("addComment", Some(issue)) => {
            issue.comments.push(text("body"));
            Ok(json!({ "commentEdge": { "node": { "url": "https://github.com/comment" } } }))
        }
        ("createPullRequest", _) => {
            let (head, base) = (text("headRefName"), text("baseRefName"));
            repository.pulls.push(Pull { title: text("title"), head, base, open: true, merged: false });
            Ok(json!({ "pullRequest": pulls(repository).pop() }))
        }
        ("mergePullRequest" | "closePullRequest", _) => {
            let pull =
                at.and_then(|number| number.checked_sub(PULLS)).and_then(|at| repository.pulls.get_mut(at));
            let pull = pull.ok_or("it is no pull request")?;
            (pull.open, pull.merged) = (false, name == "mergePullRequest");
            Ok(json!({ "clientMutationId": null, "pullRequest": node(world, &id)? }))
        }
        ("addPullRequestReview", _) => Ok(json!({ "clientMutationId": null })),
        ("deleteRef", _) => {
            let name = before.get("name").and_then(Value::as_str).unwrap_or_default();
            repository.refs.remove(&format!("heads/{name}"));
            Ok(json!({ "clientMutationId": null }))
        }
        _ => Err(format!("Field '{name}' doesn't exist on type 'Mutation'")),
    }
}

/// The first number of a pull request: issues stay below it.
const PULLS: usize = 100;

fn user(login: &str) -> Value {
    json!({ "__typename": "User", "id": format!("U_{login}"), "login": login, "name": login })
}

fn short(repository: &Repository) -> Value {
    json!({
        "__typename": "Repository", "id": format!("R_{}", repository.id), "name": repository.name,
        "nameWithOwner": format!("{}/{}", repository.owner, repository.name), "owner": user(&repository.owner),
        "description": repository.description, "hasIssuesEnabled": true, "hasWikiEnabled": false, "isPrivate": repository.private,
        "viewerPermission": "WRITE", "defaultBranchRef": { "name": repository.default_branch },
        "mergeCommitAllowed": true, "rebaseMergeAllowed": true, "squashMergeAllowed": true, "visibility": "PRIVATE",
    })
}

fn full(repository: &Repository) -> Value {
    let mut all = short(repository);
    if let Some(members) = all.as_object_mut() {
        let (issues, pulls) = (issues(repository), pulls(repository));
        for (name, first) in [
            ("issue", issues.first()),
            ("issueOrPullRequest", issues.first()),
            ("pullRequest", pulls.first()),
        ] {
            members.insert(name.to_owned(), first.cloned().unwrap_or_default());
        }
        for (name, things) in
            [("issues", issues), ("pullRequests", pulls), ("labels", vec![]), ("releases", vec![])]
        {
            members.insert(name.to_owned(), page(things));
        }
        members.insert("ref".to_owned(), references(repository).into_iter().next().unwrap_or_default());
    }
    all
}

fn issues(repository: &Repository) -> Vec<Value> {
    let show = |(at, issue): (usize, &Issue)| {
        json!({
            "__typename": "Issue", "id": format!("I_{}_{}", repository.id, at + 1), "number": at + 1, "title": issue.title,
            "body": issue.body, "state": if issue.open { "OPEN" } else { "CLOSED" }, "author": user("robin"),
            "url": format!("https://github.com/{}/{}/issues/{}", repository.owner, repository.name, at + 1),
            "repository": short(repository), "labels": page(vec![]), "assignees": page(vec![]), "projectCards": page(vec![]),
            "comments": page(issue.comments.iter().map(|said| json!({ "body": said, "author": user("robin") })).collect()),
            "createdAt": "2026-01-01T00:00:00Z", "updatedAt": "2026-01-01T00:00:00Z", "reactionGroups": [],
        })
    };
    repository.issues.iter().enumerate().map(show).collect()
}

fn pulls(repository: &Repository) -> Vec<Value> {
    let show = |(at, pull): (usize, &Pull)| {
        let state = match (pull.merged, pull.open) {
            (true, _) => "MERGED",
            (_, true) => "OPEN",
            _ => "CLOSED",
        };
        json!({
            "__typename": "PullRequest", "id": format!("PR_{}_{}", repository.id, at + PULLS), "number": at + PULLS,
            "title": pull.title, "body": "", "state": state, "author": user("robin"), "headRefName": pull.head,
            "baseRefName": pull.base, "url": format!("https://github.com/{}/{}/pull/{}", repository.owner, repository.name, at + PULLS),
            "isDraft": false, "isCrossRepository": false, "mergeable": "MERGEABLE", "mergeStateStatus": "CLEAN",
            "headRepositoryOwner": user(&repository.owner), "headRepository": short(repository), "repository": short(repository),
            "labels": page(vec![]), "assignees": page(vec![]), "projectCards": page(vec![]), "comments": page(vec![]),
            "reviews": page(vec![]), "reviewRequests": page(vec![]), "commits": page(vec![]), "reactionGroups": [],
            "createdAt": "2026-01-01T00:00:00Z", "updatedAt": "2026-01-01T00:00:00Z", "additions": 1, "deletions": 1,
        })
    };
    repository.pulls.iter().enumerate().map(show).collect()
}

fn references(repository: &Repository) -> Vec<Value> {
    let names = repository.refs.keys().filter_map(|name| name.strip_prefix("heads/")).enumerate();
    let id = |at: usize| format!("REF_{}_{at}", repository.id);
    names.map(|(at, name)| json!({ "__typename": "Ref", "id": id(at), "name": name, "repository": short(repository) })).collect()
}

fn page(nodes: Vec<Value>) -> Value {
    json!({
        "totalCount": nodes.len(), "issueCount": nodes.len(), "pageInfo": { "hasNextPage": false, "endCursor": "" },
        "edges": nodes.iter().map(|node| json!({ "node": node })).collect::<Value>(), "nodes": nodes,
    })
}
