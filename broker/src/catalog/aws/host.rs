//! From a host to a service: `ec2.eu-west-1.amazonaws.com`, `bucket.s3.eu-west-1.amazonaws.com`, `iam.amazonaws.com`.

use super::table::Service;

const SUFFIXES: [&str; 3] = [".amazonaws.com", ".amazonaws.com.cn", ".api.aws"];
/// The one service whose hosts begin with what a request names.
const BUCKETS: &str = "s3";

/// What a host says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Address<'a> {
    /// Place in the list of services.
    pub service: usize,
    /// Where the host begins with it.
    pub bucket: Option<&'a str>,
}

pub(super) fn address<'a>(services: &[Service], host: &'a str) -> Option<Address<'a>> {
    let rest = SUFFIXES.iter().find_map(|suffix| host.strip_suffix(suffix))?;
    let (rest, region) = match rest.rsplit_once('.') {
        Some((before, last)) if is_region(last) => (before, true),
        _ => (rest, false),
    };
    let rest = rest.strip_suffix(".dualstack").unwrap_or(rest);
    let named = |text: &str, region: bool| {
        let text = text.strip_suffix("-fips").unwrap_or(text);
        services.iter().position(|one| one.host == text && (region || one.global))
    };
    if let Some(service) = named(rest, region) {
        return Some(Address { service, bucket: None });
    }
    // DynamoDB has a host for each account.
    if let Some((account, "ddb")) = rest.split_once('.').filter(|_| region) {
        let number = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
        let service = services.iter().position(|one| one.name == "dynamodb")?;
        return number.then_some(Address { service, bucket: None });
    }
    // `s3-eu-west-1` is an old way to write a region.
    let old = |text: &str| text.strip_prefix("s3-").is_some_and(is_region);
    let service = services.iter().position(|one| one.name == BUCKETS)?;
    if old(rest) && !region {
        return Some(Address { service, bucket: None });
    }
    let (bucket, last) = rest.rsplit_once('.')?;
    let s3 = named(last, region) == Some(service) || (old(last) && !region);
    (s3 && !bucket.is_empty()).then_some(Address { service, bucket: Some(bucket) })
}

/// `eu-west-1`, `us-gov-east-1`.
fn is_region(text: &str) -> bool {
    let mut parts = text.split('-');
    let word =
        |part: Option<&str>| part.is_some_and(|p| !p.is_empty() && p.bytes().all(|b| b.is_ascii_lowercase()));
    let last = text.rsplit('-').next().unwrap_or_default();
    let number = matches!(last.len(), 1 | 2) && last.bytes().all(|byte| byte.is_ascii_digit());
    let count = text.split('-').count();
    number
        && matches!(count, 3 | 4)
        && text.split('-').next().is_some_and(|first| (2..=4).contains(&first.len()))
        && (0..count - 1).all(|_| word(parts.next()))
}
