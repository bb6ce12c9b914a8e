//! From a host to a service: `ec2.eu-west-1.amazonaws.com`, `bucket.s3.eu-west-1.amazonaws.com`, `iam.amazonaws.com`.

use super::table::Service;

const SUFFIXES: [&str; 3] = [".amazonaws.com", ".amazonaws.com.cn", ".api.aws"];
/// The one service whose hosts begin with what a request names.
const BUCKETS: &str = "s3";

/// What a host says.
#[derive(Debug)]
pub(super) struct Address<'a> {
    pub service: &'a Service,
    /// Where the host begins with it.
    pub bucket: Option<&'a str>,
}

pub(super) fn address<'a>(services: &'a [Service], host: &'a str) -> Option<Address<'a>> {
    let rest = SUFFIXES.iter().find_map(|suffix| host.strip_suffix(suffix))?;
    let (rest, region) = match rest.rsplit_once('.') {
        Some((before, last)) if is_region(last) => (before, true),
        _ => (rest, false),
    };
    let rest = rest.strip_suffix(".dualstack").unwrap_or(rest);
    let named = |text: &str, region: bool| {
        let text = text.strip_suffix("-fips").unwrap_or(text);
        services.iter().find(|one| one.host == text && (region || one.global))
    };
    if let Some(service) = named(rest, region) {
        return Some(Address { service, bucket: None });
    }
    // DynamoDB has a host for each account.
    if let Some((account, "ddb")) = rest.split_once('.').filter(|_| region) {
        let number = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
        let service = services.iter().find(|one| one.name == "dynamodb")?;
        return number.then_some(Address { service, bucket: None });
    }
    // `s3-eu-west-1` is an old way to write a region.
    let old = |text: &str| text.strip_prefix("s3-").is_some_and(is_region);
    let service = services.iter().find(|one| one.name == BUCKETS)?;
    if old(rest) && !region {
        return Some(Address { service, bucket: None });
    }
    let (bucket, last) = rest.rsplit_once('.')?;
    let s3 = named(last, region).is_some_and(|one| one.name == BUCKETS) || (old(last) && !region);
    (s3 && !bucket.is_empty()).then_some(Address { service, bucket: Some(bucket) })
}

/// `eu-west-1`, `us-gov-east-1`.
fn is_region(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let Some((last, words)) = parts.split_last() else { return false };
    let word = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase());
    matches!(words.len(), 2 | 3)
        && matches!(last.len(), 1 | 2)
        && last.bytes().all(|byte| byte.is_ascii_digit())
        && words.iter().all(word)
        && words.first().is_some_and(|first| (2..=4).contains(&first.len()))
}
