//! Amounts of money, in millionths of a currency: exact, and never a float.

/// One of whatever currency, in millionths.
pub const ONE: u64 = 1_000_000;

/// An amount of a decimal text such as `0.0015` or `1.5e-3`, in millionths. What
/// is smaller than a millionth is rounded up: a budget is never overrun by
/// what was rounded away.
///
/// `None` where the text is no such number, negative, or beyond a `u64`.
pub fn millionths(text: &str) -> Option<u64> {
    let text = text.trim();
    let (digits, exponent) = match text.split_once(['e', 'E']) {
        Some((digits, exponent)) => (digits, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let mut all = [whole, part].concat();
    if whole.is_empty() || all.len() > 60 || !all.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    // The point's place, counted in digits, once the amount is in millionths.
    let point = i64::try_from(whole.len()).ok()? + i64::from(exponent) + 6;
    if all.bytes().all(|byte| byte == b'0') {
        return Some(0);
    }
    let Ok(point) = usize::try_from(point) else {
        return Some(1);
    };
    if point > 60 {
        return None;
    }
    while all.len() < point {
        all.push('0');
    }
    let (amount, rest) = all.split_at(point);
    let amount: u64 = if amount.is_empty() {
        0
    } else {
        amount.parse().ok()?
    };
    let more = rest.bytes().any(|byte| byte != b'0');
    amount.checked_add(u64::from(more))
}

/// Millionths as an amount: `12.5`.
pub fn amount(money: u64) -> String {
    let text = format!("{}.{:06}", money / ONE, money % ONE);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// So many units (credits, say, in millionths of one) at a price each, in
/// millionths; rounded up, and at the end of its range where it is beyond.
pub fn priced(units: u64, price: u64) -> u64 {
    let product = u128::from(units) * u128::from(price);
    u64::try_from(product.div_ceil(u128::from(ONE))).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_exact() {
        for (text, want) in [
            ("0", Some(0)),
            ("1", Some(1_000_000)),
            ("0.0015", Some(1500)),
            (".5", None),
            ("3.", Some(3_000_000)),
            ("0.1", Some(100_000)),
            ("1.5e-3", Some(1500)),
            ("1E2", Some(100_000_000)),
            ("0.0000001", Some(1)),
            ("1e-30", Some(1)),
            ("0e-30", Some(0)),
            (" 25 ", Some(25_000_000)),
            ("18446744073709.551615", Some(u64::MAX)),
            ("18446744073709.551616", None),
            ("1e40", None),
            ("-1", None),
            ("", None),
            (".", None),
            ("1,5", None),
            ("0x10", None),
            ("1e", None),
            ("NaN", None),
        ] {
            assert_eq!(millionths(text), want, "{text:?}");
        }
    }

    #[test]
    fn amounts_read_back() {
        for (money, text) in [
            (12_500_000, "12.5"),
            (1, "0.000001"),
            (3_000_000, "3"),
            (0, "0"),
        ] {
            assert_eq!(amount(money), text);
            assert_eq!(millionths(text), Some(money));
        }
    }

    #[test]
    fn units_have_a_price() {
        assert_eq!(priced(25 * ONE, 490), 12_250);
        assert_eq!(priced(ONE, ONE), ONE);
        assert_eq!(priced(1, 1), 1, "rounded up");
        assert_eq!(priced(0, ONE), 0);
        assert_eq!(priced(u64::MAX, u64::MAX), u64::MAX);
    }
}
