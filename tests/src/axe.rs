//! axe-core, the checker of accessibility: fetched by `./tests/run`, never part of the repository.

use std::fs;
use std::sync::OnceLock;

use serde_json::json;

use crate::webdriver::Driver;

/// Where `tests/axe` puts it, under the folder of what is built.
const FILE: &str = "axe-core-4.14.1/axe.min.js";

const RUN: &str = r"
const done = arguments[arguments.length - 1];
const options = { resultTypes: ['violations'] };
axe.run(document, options).then(
  (result) => done(result.violations.map((found) =>
    found.id + ': ' + found.help + '\n' + found.nodes.map((node) => '    ' + node.html + '\n      ' + node.failureSummary).join('\n'))),
  (error) => done(['axe failed: ' + error]));
";

/// Every violation of every rule on the page as it is shown, contrast included.
pub(crate) fn run(driver: &Driver) -> Vec<String> {
    if driver.script("return typeof axe === 'undefined';", json!([])) == true {
        driver.script(source(), json!([]));
    }
    let found = driver.wait_for_script(RUN, json!([]));
    let found = found.as_array().expect("axe answers with a list");
    found.iter().map(|one| one.as_str().unwrap_or_default().to_owned()).collect()
}

fn source() -> &'static str {
    static SOURCE: OnceLock<String> = OnceLock::new();
    SOURCE.get_or_init(|| {
        let test = std::env::current_exe().expect("the test binary has a path");
        let found =
            test.ancestors().skip(1).take(4).find_map(|folder| fs::read_to_string(folder.join(FILE)).ok());
        found
            .unwrap_or_else(|| panic!("{FILE} is not in the folder of what is built: ./tests/run fetches it"))
    })
}
