//! Texts that others will be shown.

/// True of characters that others' screens must not get from a text: controls (line breaks among them), line and paragraph separators, and marks that
/// turn the direction of writing (Unicode UAX #9), which make a text read as another one.
pub fn is_unprintable(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
