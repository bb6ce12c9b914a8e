//! A person at the console: Chromium on pages of the real broker, used by what is written on them.
//!
//! Fields are found by their labels, buttons and links by their words, so what a test can do a person can do. When a
//! `Browser` goes out of scope it checks what must hold on every page: no error in the console, nothing that the content
//! security policy had to stop, no request to any other origin, no asset that is missing.

mod look;

use std::cell::{Cell, RefCell};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::axe;
use crate::broker::TestBroker;
use crate::webdriver::{Driver, Element};

#[derive(Debug)]
pub struct Browser {
    driver: Driver,
    /// Of the broker, no slash at its end.
    pub origin: String,
    scripted: Cell<bool>,
    problems: RefCell<Vec<String>>,
    requested: RefCell<Vec<String>>,
    checks: Cell<bool>,
    /// Other origins that its pages may lead to.
    others: RefCell<Vec<String>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Theme {
    Light,
    Dark,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    Desktop,
    Phone,
}

/// How long a page may take to show what a test waits for.
const PATIENCE: Duration = Duration::from_secs(20);

impl Browser {
    /// A browser that has never been at the broker. Its profile is among the broker's files, so that what it keeps is
    /// searched for secrets too.
    pub fn start(broker: &TestBroker) -> Self {
        let folder = tempfile::Builder::new().prefix("browser-").tempdir_in(broker.folder());
        let folder = folder.expect("a folder for the profile").keep();
        let browser = Browser {
            driver: Driver::start(&folder),
            origin: broker.url.clone(),
            scripted: Cell::new(true),
            problems: RefCell::default(),
            requested: RefCell::default(),
            checks: Cell::new(true),
            others: RefCell::default(),
        };
        browser.visit("about:blank").view(Theme::Light, Size::Desktop);
        // The browser's own first page is not the broker's.
        for log in ["browser", "performance"] {
            browser.driver.log(log);
        }
        browser
    }

    /// Whether pages may run scripts, from the next page on.
    pub fn scripts(&self, on: bool) -> &Self {
        self.driver.devtools("Emulation.setScriptExecutionDisabled", json!({ "value": !on }));
        self.scripted.set(on);
        self
    }

    pub fn view(&self, theme: Theme, size: Size) {
        self.resize(size, size.pixels().1);
        let scheme = json!([{ "name": "prefers-color-scheme", "value": theme.as_str() }]);
        self.driver.devtools("Emulation.setEmulatedMedia", json!({ "features": scheme }));
    }

    fn resize(&self, size: Size, height: u64) {
        let metrics = json!({ "width": size.pixels().0, "height": height, "deviceScaleFactor": 1, "mobile": size == Size::Phone });
        self.driver.devtools("Emulation.setDeviceMetricsOverride", metrics);
    }

    /// Open a page of the console, or any URL.
    #[track_caller]
    pub fn visit(&self, path: &str) -> &Self {
        let url = if path.starts_with('/') { format!("{}{path}", self.origin) } else { path.to_owned() };
        self.driver.tell("/url", &json!({ "url": url }));
        self
    }

    /// Path and query of the page.
    pub fn at(&self) -> String {
        let url = self.url();
        url.strip_prefix(&self.origin).map_or(url.clone(), str::to_owned)
    }

    pub fn url(&self) -> String {
        self.driver.get("/url").as_str().unwrap_or_default().to_owned()
    }

    pub fn title(&self) -> String {
        self.driver.get("/title").as_str().unwrap_or_default().to_owned()
    }

    /// What a person reads of the first thing that fits, or nothing where there is none.
    pub fn text(&self, css: &str) -> String {
        let script =
            "const found = document.querySelector(arguments[0]); return found ? found.innerText : '';";
        self.driver.script(script, json!([css])).as_str().unwrap_or_default().to_owned()
    }

    pub fn count(&self, css: &str) -> u64 {
        let script = "return document.querySelectorAll(arguments[0]).length;";
        self.driver.script(script, json!([css])).as_u64().unwrap_or_default()
    }

    /// The value of an expression on the page.
    pub fn value_of(&self, expression: &str) -> Value {
        self.driver.script(&format!("return ({expression});"), json!([]))
    }

    /// Click the button or link that says this.
    #[track_caller]
    pub fn click(&self, words: &str) -> &Self {
        let xpath =
            format!("//*[self::button or self::a or self::summary][normalize-space(.)={}]", quoted(words));
        self.on_element(words, &xpath, |element| {
            self.driver
                .try_tell(&element.path("click"), &json!({}))
                .map(drop)
                .map_err(|refused| refused.error)
        });
        self
    }

    /// Type into the field whose label starts with this, in place of what is in it.
    #[track_caller]
    pub fn fill(&self, label: &str, text: &str) -> &Self {
        self.on_element(label, &field(label), |element| {
            self.driver.try_tell(&element.path("clear"), &json!({})).map_err(|refused| refused.error)?;
            let typed = json!({ "text": text });
            self.driver.try_tell(&element.path("value"), &typed).map(drop).map_err(|refused| refused.error)
        });
        self
    }

    /// Choose the option that starts with this, in the field whose label starts with that.
    #[track_caller]
    pub fn choose(&self, label: &str, option: &str) -> &Self {
        let xpath =
            format!("({})//option[starts-with(normalize-space(.), {})]", field(label), quoted(option));
        self.on_element(option, &xpath, |element| {
            self.driver
                .try_tell(&element.path("click"), &json!({}))
                .map(drop)
                .map_err(|refused| refused.error)
        });
        self
    }

    /// What stands in the field whose label starts with this.
    #[track_caller]
    pub fn filled(&self, label: &str) -> String {
        let found = self.driver.find(&field(label));
        let element = found.first().unwrap_or_else(|| panic!("no field {label:?} on\n{}", self.text("body")));
        let value = self.driver.script("return arguments[0].value;", json!([element.argument()]));
        value.as_str().unwrap_or_default().to_owned()
    }

    /// Press keys where the focus is.
    pub fn press(&self, keys: &str) {
        let strokes: Vec<Value> = keys
            .chars()
            .flat_map(|key| {
                [json!({ "type": "keyDown", "value": key }), json!({ "type": "keyUp", "value": key })]
            })
            .collect();
        self.driver.tell(
            "/actions",
            &json!({ "actions": [{ "type": "key", "id": "keyboard", "actions": strokes }] }),
        );
    }

    /// Wait until the page shows this text.
    #[track_caller]
    pub fn sees(&self, text: &str) -> &Self {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let body = self.text("body");
            if body.contains(text) {
                return self;
            }
            assert!(Instant::now() < deadline, "{:?} is not on {}:\n{body}", text, self.at());
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// What axe finds wrong on the page as it is shown, in both themes.
    pub fn axe(&self) -> Vec<String> {
        self.axe_in(&[Theme::Light, Theme::Dark])
    }

    fn axe_in(&self, themes: &[Theme]) -> Vec<String> {
        // The page's own scripts have run by now or never will; axe's needs them allowed.
        self.driver.devtools("Emulation.setScriptExecutionDisabled", json!({ "value": false }));
        let mut found = Vec::new();
        for theme in themes {
            let scheme = json!([{ "name": "prefers-color-scheme", "value": theme.as_str() }]);
            self.driver.devtools("Emulation.setEmulatedMedia", json!({ "features": scheme }));
            let of_theme = axe::run(&self.driver);
            found.extend(
                of_theme.into_iter().map(|what| format!("{} ({}): {what}", self.at(), theme.as_str())),
            );
        }
        let scripts = json!({ "value": !self.scripted.get() });
        self.driver.devtools("Emulation.setScriptExecutionDisabled", scripts);
        found
    }

    /// The page has nothing that axe finds wrong, light on a phone and dark on a desktop, and does not scroll sideways.
    #[track_caller]
    pub fn is_accessible(&self) -> &Self {
        self.accessible([(Size::Phone, &[Theme::Light]), (Size::Desktop, &[Theme::Dark])])
    }

    /// The same in both themes at both widths.
    #[track_caller]
    pub fn is_accessible_throughout(&self) -> &Self {
        let both: &[Theme] = &[Theme::Light, Theme::Dark];
        self.accessible([(Size::Phone, both), (Size::Desktop, both)])
    }

    #[track_caller]
    fn accessible(&self, looks: [(Size, &[Theme]); 2]) -> &Self {
        for (size, themes) in looks {
            self.view(Theme::Light, size);
            let found = self.axe_in(themes);
            assert!(found.is_empty(), "{}", found.join("\n"));
            let wide = self.too_wide(size);
            assert!(wide.is_empty(), "{} is too wide for {size:?}:\n{}", self.at(), wide.join("\n"));
        }
        self.view(Theme::Light, Size::Desktop);
        self
    }

    /// A device that holds passkeys and says yes (WebAuthn s11): answers with its id.
    pub fn add_authenticator(&self) -> String {
        let wanted = json!({
            "protocol": "ctap2", "transport": "internal", "hasResidentKey": true,
            "hasUserVerification": true, "isUserConsenting": true, "isUserVerified": true,
        });
        self.driver.tell("/webauthn/authenticator", &wanted).as_str().unwrap_or_default().to_owned()
    }

    /// The passkeys that such a device holds.
    pub fn passkeys(&self, authenticator: &str) -> Vec<Value> {
        let held = self.driver.get(&format!("/webauthn/authenticator/{authenticator}/credentials"));
        held.as_array().cloned().unwrap_or_default()
    }

    /// The cookies of the page, as the browser keeps them.
    pub fn cookies(&self) -> Vec<Value> {
        self.driver.get("/cookie").as_array().cloned().unwrap_or_default()
    }

    /// URLs of everything that was asked for since the start.
    pub fn requests(&self) -> Vec<String> {
        self.read_logs();
        self.requested.borrow().clone()
    }

    /// What went wrong on the pages seen so far, in the words of the browser.
    pub fn problems(&self) -> Vec<String> {
        self.read_logs();
        let mut problems = self.problems.borrow().clone();
        let foreign = |url: &&String| {
            let others = self.others.borrow();
            let of = |origin: &String| {
                url.strip_prefix(origin).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            };
            !of(&self.origin) && !others.iter().any(of) && !url.starts_with("data:")
        };
        problems.extend(
            self.requested
                .borrow()
                .iter()
                .filter(foreign)
                .map(|url| format!("a request to another origin: {url}")),
        );
        problems
    }

    /// Its pages may lead to this origin too: a provider that people sign in with.
    pub fn leads_to(&self, origin: &str) -> &Self {
        self.others.borrow_mut().push(origin.to_owned());
        self
    }

    /// Do not check at the end: for tests whose pages are made to go wrong.
    pub fn without_checks(&self) {
        self.checks.set(false);
    }

    fn read_logs(&self) {
        let mut problems = self.problems.borrow_mut();
        for entry in self.driver.log("browser") {
            let severe = matches!(entry["level"].as_str(), Some("SEVERE" | "WARNING"));
            // Answers that are no success are looked at below: a form that is shown again has a status that says why.
            if severe && entry["source"] != "network" {
                problems.push(entry["message"].as_str().unwrap_or_default().to_owned());
            }
        }
        for entry in self.driver.log("performance") {
            let Ok(entry) = serde_json::from_str::<Value>(entry["message"].as_str().unwrap_or_default())
            else {
                continue;
            };
            let (method, about) = (&entry["message"]["method"], &entry["message"]["params"]);
            if method == "Network.requestWillBeSent" {
                let url = about["request"]["url"].as_str().unwrap_or_default();
                self.requested.borrow_mut().push(url.to_owned());
            } else if method == "Network.responseReceived"
                && about["type"] != "Document"
                && about["response"]["status"].as_u64().is_some_and(|status| status >= 400)
            {
                let response = &about["response"];
                problems.push(format!("{} answered {}", response["url"], response["status"]));
            }
        }
    }

    /// Does something to the first element, as soon as there is one; a live page may replace it at any time.
    #[track_caller]
    fn on_element(&self, what: &str, xpath: &str, act: impl Fn(&Element) -> Result<(), String>) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let found = self.driver.find(xpath);
            let outcome = found.first().map_or_else(|| Err("there is none".to_owned()), &act);
            let Err(error) = outcome else { return };
            assert!(Instant::now() < deadline, "{what:?} on {}: {error}\n{}", self.at(), self.text("body"));
            thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("--- the browser was at {}:\n{}", self.at(), self.text("body"));
            eprintln!("--- and said:\n{}", self.problems().join("\n"));
            return;
        }
        if self.checks.get() {
            let problems = self.problems();
            assert!(problems.is_empty(), "the browser says:\n{}", problems.join("\n"));
        }
    }
}

impl Theme {
    fn as_str(self) -> &'static str {
        match self {
            Theme::Light => "light",
            Theme::Dark => "dark",
        }
    }
}

impl Size {
    fn as_str(self) -> &'static str {
        match self {
            Size::Desktop => "desktop",
            Size::Phone => "phone",
        }
    }

    fn pixels(self) -> (u64, u64) {
        match self {
            Size::Desktop => (1280, 800),
            Size::Phone => (360, 780),
        }
    }
}

/// The XPath of the field of a label.
fn field(label: &str) -> String {
    let label = quoted(label);
    format!("//*[@id = //label[starts-with(normalize-space(.), {label})]/@for]")
}

/// A string of XPath, which has no escapes.
fn quoted(text: &str) -> String {
    if !text.contains('\'') {
        return format!("'{text}'");
    }
    assert!(!text.contains('"'), "one kind of quotes at a time: {text}");
    format!("\"{text}\"")
}
