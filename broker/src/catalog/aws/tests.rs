//! What requests to Amazon Web Services mean, and what nobody may make of them.

use serde_json::{Value, json};

use super::super::{BUILTIN, build, lines, pack::Tables};

const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/x-amz-json-1.1";

fn ask(method: &str, url: &str, headers: Value, body: &str) -> Value {
    let line = json!({ "method": method, "url": url, "headers": headers, "body": body });
    serde_json::from_str(&lines::answer(&BUILTIN, None, &line.to_string())).unwrap()
}

/// `destroy ec2.TerminateInstances`, or the code of the refusal.
fn said(answer: &Value) -> String {
    let one = &answer["operations"][0];
    match answer["refused"].as_str() {
        Some(code) => code.to_owned(),
        None => format!(
            "{} {}",
            one["class"].as_str().unwrap(),
            one["operation"].as_str().unwrap().trim_start_matches("aws:")
        ),
    }
}

fn query(url: &str, body: &str) -> String {
    said(&ask("POST", url, json!({ "content-type": FORM }), body))
}

fn target(url: &str, target: &str, body: &str) -> String {
    said(&ask("POST", url, json!({ "content-type": JSON, "x-amz-target": target }), body))
}

fn plain(method: &str, url: &str) -> String {
    said(&ask(method, url, json!({}), ""))
}

#[test]
fn an_action_is_named_by_a_form_or_a_query_once() {
    let ec2 = "https://ec2.eu-west-1.amazonaws.com/";
    let end = "Action=TerminateInstances&Version=2016-11-15&InstanceId.1=i-0a";
    assert_eq!(query(ec2, end), "destroy ec2.TerminateInstances");
    assert_eq!(query(ec2, "Action=DescribeInstances&Version=2016-11-15"), "read ec2.DescribeInstances");
    assert_eq!(plain("GET", &format!("{ec2}?{end}")), "destroy ec2.TerminateInstances");
    assert_eq!(
        query("https://iam.amazonaws.com/", "Action=CreateAccessKey&Version=2010-05-08"),
        "grant iam.CreateAccessKey"
    );
    assert_eq!(
        query("https://sts.us-east-1.amazonaws.com/", "Action=GetCallerIdentity&Version=2011-06-15"),
        "read sts.GetCallerIdentity"
    );
    // Named twice, by another spelling, in another place, in another version, by nothing.
    for (url, body) in [
        (ec2.to_owned(), format!("Action=DescribeInstances&{end}")),
        (format!("{ec2}?Action=DescribeInstances"), end.to_owned()),
        (ec2.to_owned(), format!("action=DescribeInstances&{end}")),
        (ec2.to_owned(), format!("Act-ion=DescribeInstances&{end}")),
        (ec2.to_owned(), format!("Action%20=DescribeInstances&{end}")),
        (ec2.to_owned(), format!("x=1;Action=DescribeInstances&{end}")),
    ] {
        assert_eq!(query(&url, &body), "ambiguous_body", "{url} {body}");
    }
    for body in [
        "Action=TerminateInstances&Version=2010-01-01",
        "Action=TerminateInstances",
        "Version=2016-11-15",
        "Action=terminateinstances&Version=2016-11-15",
    ] {
        assert_eq!(query(ec2, body), "unknown_operation", "{body}");
    }
    let json_body =
        ask("POST", ec2, json!({ "content-type": "application/json" }), "{\"Action\":\"DescribeInstances\"}");
    assert_eq!(said(&json_body), "ambiguous_body");
    assert_eq!(query(&format!("{ec2}doc/"), end), "empty_segment");
    assert_eq!(query(&format!("{ec2}doc"), end), "unknown_operation");
}

#[test]
fn an_action_is_named_by_a_header_and_its_body_is_strict_json() {
    let dynamo = "https://dynamodb.eu-west-1.amazonaws.com/";
    assert_eq!(
        target(dynamo, "DynamoDB_20120810.DeleteTable", "{\"TableName\":\"t\"}"),
        "destroy dynamodb.DeleteTable"
    );
    assert_eq!(target(dynamo, "DynamoDB_20120810.GetItem", "{}"), "read dynamodb.GetItem");
    assert_eq!(
        target("https://123456789012.ddb.eu-west-1.amazonaws.com/", "DynamoDB_20120810.Query", "{}"),
        "read dynamodb.Query"
    );
    let secrets = "https://secretsmanager.us-east-1.amazonaws.com/";
    assert_eq!(
        target(secrets, "secretsmanager.GetSecretValue", "{}"),
        "reveal secretsmanager.GetSecretValue"
    );
    for (header, body, code) in [
        ("DynamoDB_20120810.deleteTable", "{}", "unknown_operation"),
        ("DynamoDB_20111205.DeleteTable", "{}", "unknown_operation"),
        ("DeleteTable", "{}", "unknown_operation"),
        ("DynamoDB_20120810.GetItem", "{\"a\":1,\"a\":2}", "malformed_body"),
        ("DynamoDB_20120810.GetItem", "[]", "malformed_body"),
    ] {
        assert_eq!(target(dynamo, header, body), code, "{header} {body}");
    }
    let twice = json!({ "content-type": JSON, "x-amz-target": ["DynamoDB_20120810.GetItem", "DynamoDB_20120810.DeleteTable"] });
    assert_eq!(said(&ask("POST", dynamo, twice, "{}")), "ambiguous_body");
    // A form with a target, a target with a query, a target where forms are read.
    let form = json!({ "content-type": FORM, "x-amz-target": "DynamoDB_20120810.GetItem" });
    assert_eq!(said(&ask("POST", dynamo, form, "Action=DeleteTable")), "ambiguous_body");
    assert_eq!(
        target(&format!("{dynamo}?Action=DeleteTable"), "DynamoDB_20120810.GetItem", "{}"),
        "ambiguous_body"
    );
    assert_eq!(target("https://iam.amazonaws.com/", "IAM.ListUsers", "{}"), "ambiguous_body");
    // CloudWatch speaks both, and CBOR, which is not read.
    let watch = "https://monitoring.eu-west-1.amazonaws.com/";
    assert_eq!(query(watch, "Action=DeleteAlarms&Version=2010-08-01"), "destroy cloudwatch.DeleteAlarms");
    assert_eq!(
        target(watch, "GraniteServiceVersion20100801.ListMetrics", "{}"),
        "read cloudwatch.ListMetrics"
    );
    let cbor = json!({ "content-type": "application/cbor", "smithy-protocol": "rpc-v2-cbor" });
    let url = format!("{watch}service/GraniteServiceVersion20100801/operation/DeleteAlarms");
    assert_eq!(said(&ask("POST", &url, cbor, "")), "unknown_operation");
}

#[test]
fn s3_is_read_in_both_styles_with_the_keys_that_decide() {
    let path = "https://s3.eu-west-1.amazonaws.com/pictures";
    let host = "https://pictures.s3.eu-west-1.amazonaws.com";
    for (method, rest, expected) in [
        ("GET", "/a/b.png", "read s3.GetObject"),
        ("HEAD", "/a/b.png", "read s3.GetObject"),
        ("PUT", "/a/b.png", "write s3.PutObject"),
        ("DELETE", "/a/b.png", "destroy s3.DeleteObject"),
        ("DELETE", "/a/b.png?versionId=x", "destroy s3.DeleteObject"),
        ("PUT", "/a/b.png?acl", "grant s3.PutObjectAcl"),
        ("PUT", "/a/b.png?partNumber=1&uploadId=x", "write s3.UploadPart"),
        ("DELETE", "/a/b.png?uploadId=x", "destroy s3.AbortMultipartUpload"),
        ("GET", "/a/b.png?partNumber=1", "read s3.GetObject"),
        ("PUT", "/a/b.png?newthing", "unknown_operation"),
        ("PUT", "/a/b.png?acl&tagging", "unknown_operation"),
        ("PUT", "/a/b.png?ACL", "ambiguous_body"),
        ("GET", "/a/b.png?X-Amz-Signature=0", "bad_parameter"),
        ("PUT", "/a/b.png?x-amz-acl=public-read", "bad_parameter"),
        ("GET", "/a/b.png?response-content-type=x", "read s3.GetObject"),
        ("PUT", "/a/b.png?response-content-type=x", "unknown_operation"),
    ] {
        for start in [path, host] {
            assert_eq!(plain(method, &format!("{start}{rest}")), expected, "{method} {start}{rest}");
        }
    }
    for start in [path, "https://pictures.s3.eu-west-1.amazonaws.com/"] {
        assert_eq!(plain("DELETE", start), "destroy s3.DeleteBucket");
        assert_eq!(plain("GET", &format!("{start}?list-type=2&prefix=a")), "read s3.ListObjectsV2");
        assert_eq!(plain("PUT", &format!("{start}?policy")), "grant s3.PutBucketPolicy");
        assert_eq!(plain("DELETE", &format!("{start}?lifecycle")), "destroy s3.DeleteBucketLifecycle");
        let many = ask(
            "POST",
            &format!("{start}?delete"),
            json!({ "content-type": "application/xml" }),
            "<Delete/>",
        );
        assert_eq!(said(&many), "destroy s3.DeleteObjects");
        assert_eq!(many["operations"][0]["resources"], json!([{ "kind": "bucket", "id": "pictures" }]));
    }
    assert_eq!(plain("GET", "https://s3.amazonaws.com/"), "read s3.ListBuckets");
    assert_eq!(plain("GET", "https://a.b.s3.dualstack.eu-west-1.amazonaws.com/x"), "read s3.GetObject");
    assert_eq!(plain("GET", "https://pictures.s3-eu-west-1.amazonaws.com/x"), "read s3.GetObject");
    // Headers open a thing, and name a second one.
    let put = |name: &str, value: &str| ask("PUT", &format!("{path}/x"), json!({ name: value }), "x");
    assert_eq!(said(&put("x-amz-acl", "public-read")), "grant s3.PutObject");
    assert_eq!(said(&put("x-amz-grant-read", "uri=x")), "grant s3.PutObject");
    let copied = put("x-amz-copy-source", "/secrets/key.pem?versionId=1");
    assert_eq!(said(&copied), "write s3.CopyObject");
    assert_eq!(copied["operations"][0]["resources"][1], json!({ "kind": "bucket", "id": "secrets" }));
    assert_eq!(
        said(&put("x-amz-copy-source", "arn:aws:s3:eu-west-1:1:accesspoint/a/object/b")),
        "bad_parameter"
    );
    assert_eq!(said(&put("x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER")), "encoded_body");
}

#[test]
fn paths_of_services_with_rest_are_known() {
    let lambda = "https://lambda.eu-west-1.amazonaws.com/2015-03-31/functions";
    assert_eq!(plain("DELETE", &format!("{lambda}/f")), "destroy lambda.DeleteFunction");
    assert_eq!(plain("GET", &format!("{lambda}/f")), "reveal lambda.GetFunction");
    assert_eq!(plain("POST", &format!("{lambda}/f/invocations")), "destroy lambda.Invoke");
    assert_eq!(
        plain("POST", "https://route53.amazonaws.com/2013-04-01/hostedzone/Z1/rrset"),
        "destroy route53.ChangeResourceRecordSets"
    );
    assert_eq!(plain("GET", "https://eks.eu-west-1.amazonaws.com/clusters"), "read eks.ListClusters");
    assert_eq!(plain("GET", "https://eks.eu-west-1.amazonaws.com/nothing"), "unknown_operation");
    let tags = "https://cloudfront.amazonaws.com/2020-05-31/tagging";
    assert!(plain("POST", &format!("{tags}?Operation=Tag&Resource=x")).ends_with("cloudfront.TagResource"));
    assert_eq!(plain("POST", &format!("{tags}?Operation=Delete&Resource=x")), "ambiguous_body");
}

#[test]
fn members_make_an_action_stronger_and_never_weaker() {
    let ecs = |body: &str| {
        target(
            "https://ecs.eu-west-1.amazonaws.com/",
            "AmazonEC2ContainerServiceV20141113.UpdateService",
            body,
        )
    };
    assert_eq!(ecs("{\"service\":\"s\"}"), "write ecs.UpdateService");
    assert_eq!(ecs("{\"service\":\"s\",\"desiredCount\":3}"), "write ecs.UpdateService");
    assert_eq!(ecs("{\"service\":\"s\",\"desiredCount\":0}"), "destroy ecs.UpdateService");
    assert_eq!(ecs("{\"service\":\"s\",\"forceNewDeployment\":true}"), "destroy ecs.UpdateService");
    let rds = |rest: &str| {
        query(
            "https://rds.eu-west-1.amazonaws.com/",
            &format!("Action=CreateDBInstance&Version=2014-10-31{rest}"),
        )
    };
    assert!(rds("").ends_with("rds.CreateDBInstance"));
    assert_eq!(rds("&BackupRetentionPeriod=0"), "destroy rds.CreateDBInstance");
    assert!(rds("&BackupRetentionPeriod=7").starts_with("write "));
    assert_eq!(rds("&PubliclyAccessible=true"), "grant rds.CreateDBInstance");
    assert_eq!(rds("&Tags.Tag.1.Policy=x"), "grant rds.CreateDBInstance");
}

#[test]
fn hosts_that_look_like_a_service_are_none() {
    for host in [
        "ec2.amazonaws.com.evil.test",
        "evilec2.eu-west-1.amazonaws.com",
        "ec2.eu-west-1.amazonaws.com.",
        "EC2.eu-west-1.amazonaws.com",
        "ec2.amazonaws.com",
        "ec2.europe.amazonaws.com",
        "execute-api.eu-west-1.amazonaws.com",
        "x.ec2.eu-west-1.amazonaws.com",
        "s3-website.eu-west-1.amazonaws.com",
        "12345678901.ddb.eu-west-1.amazonaws.com",
        ".s3.eu-west-1.amazonaws.com",
        "169.254.169.254",
    ] {
        assert_eq!(plain("GET", &format!("https://{host}/")), "unknown_host", "{host}");
    }
    assert_eq!(plain("GET", "https://s3.cn-north-1.amazonaws.com.cn/b/k"), "read s3.GetObject");
    assert_eq!(plain("GET", "https://s3-fips.us-gov-east-1.amazonaws.com/b/k"), "read s3.GetObject");
}

/// The table is wide, and no row is guarded less than the rules say of its name.
#[test]
fn no_action_is_weaker_than_the_rules_without_a_reason() {
    let overrides = super::super::embedded::overrides("aws");
    assert!(overrides.len() > 500, "{} classes have a reason", overrides.len());
    let pack = BUILTIN.pack("aws").unwrap();
    let Tables::Aws(table) = &pack.tables else { panic!("the pack has another protocol") };
    assert!(table.rows().len() > 3300);
    let mut weaker = Vec::new();
    for row in table.rows() {
        let (service, action) = row.id.split_once('.').unwrap();
        let described = build::Described {
            method: row.methods[0].to_string(),
            path: row.template.clone(),
            id: action.to_owned(),
            service: service.to_owned(),
            style: build::Style::Action,
            ..build::Described::default()
        };
        let rule = build::judge(&described).class;
        if row.class < rule && overrides.get(&row.id) != Some(&row.class) {
            weaker.push(format!("{} is {}, the rules say {rule}", row.id, row.class));
        }
    }
    assert!(weaker.is_empty(), "{weaker:#?}");
}
