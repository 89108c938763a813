//! Figures in words.

/// The number of people an estimate rests on.
pub(crate) fn people(n: u64) -> String {
    format!("n {}", thousands(&n.to_string()))
}

/// An interval in brackets, after a space; empty if there is none.
pub(crate) fn interval(ci95: Option<(f64, f64)>, decimals: usize) -> String {
    ci95.map(|(low, high)| format!(" ({} to {})", fixed(low, decimals), fixed(high, decimals))).unwrap_or_default()
}

/// A number with so many decimals, commas between groups of three digits, and no minus before zero.
pub(crate) fn fixed(x: f64, decimals: usize) -> String {
    let text = format!("{x:.decimals$}");
    let zero = text.trim_start_matches('-').bytes().all(|b| b == b'0' || b == b'.');
    thousands(if zero { text.trim_start_matches('-') } else { &text })
}

/// Commas between groups of three digits before the point.
pub(crate) fn thousands(number: &str) -> String {
    let (sign, digits) = number.strip_prefix('-').map_or(("", number), |rest| ("-", rest));
    let (integer, fraction) = digits.split_once('.').map_or((digits, None), |(i, f)| (i, Some(f)));
    let mut out = sign.to_owned();
    for (i, c) in integer.chars().enumerate() {
        if i > 0 && (integer.len() - i) % 3 == 0 {
            out.push(',');
        }
        out.push(c);
    }
    if let Some(fraction) = fraction {
        out.push('.');
        out.push_str(fraction);
    }
    out
}
