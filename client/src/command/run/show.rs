use serde::Serialize;

use super::hold::Held;
use crate::exit::Failure;
use crate::output;
use crate::run::Plan;
use crate::run::plan::Left;

/// What would be within a session: its command is held as that one is.
pub(super) fn within(plan: &Plan, json: bool) -> Result<(), Failure> {
    if json {
        return output::json(plan);
    }
    variables(plan);
    output::line("\nheld as the session around it is");
    output::hint("nothing was started");
    Ok(())
}

/// What would be, and nothing was started.
pub(super) fn plan(plan: &Plan, held: &Held, json: bool) -> Result<(), Failure> {
    if json {
        #[derive(Serialize)]
        struct Whole<'a> {
            #[serde(flatten)]
            plan: &'a Plan,
            confinement: &'a Held,
        }
        return output::json(&Whole { plan, confinement: held });
    }
    variables(plan);
    match &held.view {
        None => output::line(format!("\nconfined: {}", held.level)),
        Some(view) => {
            output::line("\nconfined: what is not named here can be read and not written\n");
            let named = [
                ("write", &view.writable),
                ("read only", &view.read_only),
                ("hidden", &view.hidden),
                ("emptied", &view.emptied),
            ];
            let rows = named.iter().flat_map(|(what, paths)| {
                paths.iter().map(|path| vec![path.display().to_string(), (*what).to_owned()])
            });
            output::table(&["path", "how"], rows.collect());
            let hosts = if held.hosts.is_empty() { "none".to_owned() } else { held.hosts.join(", ") };
            output::line(format!("\nhosts beside the providers': {hosts}"));
        }
    }
    output::hint("nothing was started; `--keep VARIABLE` hands one on that would be dropped");
    Ok(())
}

fn variables(plan: &Plan) {
    let rows = |left: &[Left]| {
        left.iter().map(|left| vec![left.name.clone(), left.reason.clone()]).collect::<Vec<_>>()
    };
    output::line(format!("would run in {} as {}, and set:\n", plan.environment, plan.agent));
    let set = plan.set.iter().map(|set| vec![set.name.clone(), set.value.clone(), set.reason.clone()]);
    output::table(&["variable", "value", "why"], set.collect());
    if !plan.dropped.is_empty() {
        output::line("\nand drop:\n");
        output::table(&["variable", "why"], rows(&plan.dropped));
    }
    if !plan.unset.is_empty() {
        output::line("\nand unset:\n");
        output::table(&["variable", "why"], rows(&plan.unset));
    }
}
