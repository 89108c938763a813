//! Secret bytes as people type them: letters and digits that are not taken for one another (Crockford's base 32), in groups of five, with a check that finds slips.

use countersign_circuits::{hash::Digest32, tag};
use zeroize::Zeroizing;

const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Bytes of the check: one slip in 65,536 passes.
const CHECK: usize = 2;
const GROUP: usize = 5;

fn check(bytes: &[u8]) -> [u8; CHECK] {
    let Digest32(digest) = Digest32::tagged(tag::TYPED_CHECK, [bytes]);
    [digest[0], digest[1]]
}

/// Digits of so many bytes and their check.
const fn digits(bytes: usize) -> usize {
    ((bytes + CHECK) * 8).div_ceil(5)
}

/// Writes bytes with their check.
pub(crate) fn write(bytes: &[u8]) -> Zeroizing<String> {
    let all: Zeroizing<Vec<u8>> = Zeroizing::new(bytes.iter().copied().chain(check(bytes)).collect());
    let bit = |at: usize| all.get(at / 8).is_some_and(|byte| byte >> (7 - at % 8) & 1 == 1);
    let mut text = Zeroizing::new(String::with_capacity(digits(bytes.len()) * 6 / 5 + 1));
    for digit in 0..digits(bytes.len()) {
        if digit > 0 && digit % GROUP == 0 {
            text.push('-');
        }
        let value = (0..5).fold(0, |value, i| value << 1 | usize::from(bit(digit * 5 + i)));
        text.push(char::from(DIGITS[value]));
    }
    text
}

/// Reads what [`write`] wrote, whatever its letters' case and its groups. `None`: it is not so, or a slip.
pub(crate) fn read<const N: usize>(text: &str) -> Option<Zeroizing<[u8; N]>> {
    let typed = text.chars().filter(|c| !c.is_whitespace() && *c != '-').map(|c| match c.to_ascii_uppercase() {
        'O' => '0',
        'I' | 'L' => '1',
        other => other,
    });
    let values: Zeroizing<Vec<u8>> = Zeroizing::new(
        typed.map(|c| DIGITS.iter().position(|d| char::from(*d) == c).and_then(|value| u8::try_from(value).ok())).collect::<Option<_>>()?,
    );
    if values.len() != digits(N) {
        return None;
    }
    let bit = |at: usize| values[at / 5] >> (4 - at % 5) & 1 == 1;
    let bits = (N + CHECK) * 8;
    if (bits..values.len() * 5).any(bit) {
        return None;
    }
    let byte = |at: usize| (0..8).fold(0, |value, i| value << 1 | u8::from(bit(at * 8 + i)));
    let bytes = Zeroizing::new(std::array::from_fn(byte));
    (check(&*bytes) == [byte(N), byte(N + 1)]).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_slips_are_found() {
        for i in 0..200_u8 {
            let bytes: [u8; 16] = std::array::from_fn(|at| i.wrapping_mul(37).wrapping_add((at as u8).wrapping_mul(i)));
            let text = write(&bytes);
            assert_eq!(text.len(), 29 + 5, "{}", *text);
            assert_eq!(*read::<16>(&text).unwrap(), bytes);
            let otherwise = text.to_lowercase().replace('-', " ").replace('0', "o").replace('1', "l");
            assert_eq!(*read::<16>(&otherwise).unwrap(), bytes);
            let mut slip: Vec<char> = text.chars().filter(|c| *c != '-').collect();
            let at = usize::from(i) % 28;
            slip[at] = if slip[at] == '7' { '8' } else { '7' };
            // one slip in 65,536 passes; none of these does
            assert!(read::<16>(&slip.into_iter().collect::<String>()).is_none(), "{}", *text);
            assert!(read::<15>(&text).is_none() && read::<32>(&text).is_none());
        }
        let long = [0xa5; 32];
        assert_eq!(*read::<32>(&write(&long)).unwrap(), long);
        for bad in ["", "0", "U".repeat(29).as_str(), "0".repeat(30).as_str(), "Ã€".repeat(15).as_str()] {
            assert!(read::<16>(bad).is_none());
        }
    }
}
