//! FILE_CHECK: the number in a tracked file adds to a weight, or says that the server failed. It is told, not asked.

use keepalived_conf::blocks::lvs::check_file::FileCheck;

use super::Finding;
use crate::proto::health::Weight;

/// What the number in the file means for the server.
pub fn read(check: &FileCheck, value: i64) -> Finding {
    let factor = i64::from(*check.weight);
    if factor == 0 {
        let failed = if *check.reverse { value == 0 } else { value != 0 };
        return match failed {
            true => Finding::bad(format!("the number in track file {} is {value}", &*check.track_file)),
            false => Finding::good(),
        };
    }
    let sign = if *check.reverse { -1 } else { 1 };
    let product = value.saturating_mul(factor).saturating_mul(sign);
    let weight = i32::try_from(product).unwrap_or(if product < 0 { i32::MIN } else { i32::MAX });
    // The lowest number there is stands for failure, as with keepalived.
    if weight == i32::MIN {
        return Finding::bad(format!(
            "the number in track file {} is {value}, which with its weight is failure",
            &*check.track_file
        ));
    }
    Finding::weighed(Weight::Plus(weight))
}

#[cfg(test)]
mod tests;
