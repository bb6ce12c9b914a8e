use cedar_policy::Effect;

/// Seconds that a snapshot may take where the policy says nothing else.
const SNAPSHOT: u32 = 120;
/// Whoever sent the request waits for it.
const LONGEST_SNAPSHOT: u32 = 600;

/// What a policy's annotations say, and where it stands.
#[derive(Debug, Clone, Default)]
pub(super) struct Note {
    pub(super) approvable: bool,
    pub(super) confirm: bool,
    pub(super) approvers: u32,
    /// Seconds.
    pub(super) cooldown: u32,
    /// Seconds that a snapshot may take, where one is taken before what the policy decides goes on.
    pub(super) snapshot: Option<u32>,
    pub(super) advice: Option<String>,
    pub(super) file: String,
}

impl Note {
    pub(super) fn of(policy: &cedar_policy::Policy) -> Result<Self, String> {
        let mut note = Note { approvers: 1, ..Note::default() };
        for (key, value) in policy.annotations() {
            match key {
                "id" => {}
                "advice" => note.advice = Some(value.to_owned()),
                "approvable" if policy.effect() == Effect::Forbid => note.approvable = true,
                "confirm" if value == "type-name" => note.confirm = true,
                "approvers" => {
                    note.approvers = value
                        .parse()
                        .ok()
                        .filter(|n| (1..=9).contains(n))
                        .ok_or("@approvers takes 1 to 9")?;
                }
                "cooldown" => {
                    note.cooldown = cooldown(value).ok_or("@cooldown takes 1s to 24h, such as 10m")?
                }
                // As Cedar reads an annotation without a value.
                "snapshot" if value.is_empty() => note.snapshot = Some(SNAPSHOT),
                "snapshot" => {
                    let seconds = cooldown(value).filter(|seconds| *seconds <= LONGEST_SNAPSHOT);
                    note.snapshot = Some(seconds.ok_or("@snapshot takes 1s to 10m, such as 2m, or nothing")?);
                }
                other => {
                    return Err(format!(
                        "@{other}({value:?}) is not an annotation that a {} can have",
                        effect(policy)
                    ));
                }
            }
        }
        Ok(note)
    }
}

/// `90s`, `10m`, `2h`: up to a day.
fn cooldown(text: &str) -> Option<u32> {
    let (number, unit) = text.split_at_checked(text.find(|c: char| !c.is_ascii_digit())?)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return None,
    };
    number.parse::<u32>().ok()?.checked_mul(seconds).filter(|all| (1..=86_400).contains(all))
}

fn effect(policy: &cedar_policy::Policy) -> &'static str {
    match policy.effect() {
        Effect::Permit => "permit",
        Effect::Forbid => "forbid",
    }
}

#[cfg(test)]
mod tests {
    use super::super::set::{Error, PolicyFile, PolicySet};
    use super::cooldown;

    fn load(text: &str) -> Result<PolicySet, Error> {
        PolicySet::load(&[PolicyFile { name: "t.cedar".into(), text: text.into(), tests: None }])
    }

    #[test]
    fn a_snapshot_takes_a_time_of_up_to_ten_minutes() {
        for (text, seconds) in [("@snapshot", 120), ("@snapshot(\"90s\")", 90), ("@snapshot(\"10m\")", 600)] {
            for effect in ["permit", "forbid"] {
                let source = format!("@id(\"a\") {text} {effect}(principal,action,resource);");
                assert_eq!(load(&source).expect("loads").notes["a"].snapshot, Some(seconds), "{source}");
            }
        }
        for text in ["11m", "0s", "soon"] {
            let source = format!("@id(\"a\") @snapshot({text:?}) permit(principal,action,resource);");
            assert!(load(&source).is_err(), "{text:?} is taken");
        }
    }

    #[test]
    fn a_cooldown_is_a_time_of_up_to_a_day() {
        for (text, seconds) in [("90s", Some(90)), ("10m", Some(600)), ("24h", Some(86_400))] {
            assert_eq!(cooldown(text), seconds, "{text}");
        }
        for text in ["", "10", "m", "0s", "25h", "-1s", "1d", "99999999999h"] {
            let source =
                format!("@id(\"a\") @approvable @cooldown({text:?}) forbid(principal,action,resource);");
            assert!(load(&source).is_err(), "{text:?} is taken");
        }
    }
}
