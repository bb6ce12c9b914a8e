//! One-time codes and recovery codes, as they are set up and used at the pages.

use ring::hmac;
use stint_tests::Browser;

use super::{Desk, both_ways};

/// RFC 6238 s4 over RFC 4226 s5.3: six digits of HMAC-SHA-1, a step each thirty seconds.
fn code(secret: &str, step: u64) -> String {
    let mut bytes = Vec::new();
    let (mut held, mut bits) = (0u32, 0);
    for c in secret.bytes().filter(u8::is_ascii_alphanumeric) {
        let value = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".iter().position(|own| *own == c).expect("base32");
        held = held << 5 | u32::try_from(value).unwrap();
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(held >> bits & 0xff).unwrap());
        }
    }
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &bytes);
    let tag = hmac::sign(&key, &step.to_be_bytes());
    let tag = tag.as_ref();
    let at = usize::from(tag[19] & 0xf);
    let number = u32::from_be_bytes(tag[at..at + 4].try_into().unwrap()) & 0x7fff_ffff;
    format!("{:06}", number % 1_000_000)
}

/// The browser's own clock is the machine's, as the broker's is.
fn step(browser: &Browser) -> u64 {
    browser.value_of("Math.floor(Date.now() / 30000)").as_u64().unwrap()
}

both_ways!(codes_are_set_up_and_asked_for);

fn codes_are_set_up_and_asked_for(scripts: bool) {
    let desk = Desk::new();
    let browser = desk.browser();
    browser.scripts(scripts).visit("/console/account").click("Set up codes").sees("Secret:");
    browser.is_accessible();
    let secret = browser.text("main li code");
    browser.fill("Code", "000000").click("Use these codes").sees("not");
    assert_eq!(browser.text("main li code"), secret, "another secret after a wrong code");
    let first = step(&browser);
    browser
        .fill("Code", &code(&secret, first))
        .click("Use these codes")
        .sees("a code from your app goes with it");
    browser.is_accessible();

    browser.click("Make ten").sees("I have them");
    assert_eq!(browser.count("ol.codes li"), 10);
    let recovery = browser.text("ol.codes li");
    browser.is_accessible();
    browser.click("I have them").sees("Left: 10");

    browser.click("Sign out").fill("Name", &desk.person).fill("Password", &desk.password).click("Sign in");
    browser.sees("does not belong together");
    browser
        .fill("Name", &desk.person)
        .fill("Password", &desk.password)
        .fill("Code", &code(&secret, first + 1));
    browser.click("Sign in").sees("Sign out").click("Sign out");
    // Without the phone: a recovery code, once.
    browser.fill("Name", &desk.person).fill("Password", &desk.password).fill("Code", &recovery);
    browser.click("Sign in").sees("Sign out").visit("/console/account").sees("Left: 9");
    browser
        .click("Sign out")
        .fill("Name", &desk.person)
        .fill("Password", &desk.password)
        .fill("Code", &recovery);
    browser.click("Sign in").sees("does not belong together");
}
