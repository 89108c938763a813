//! Rust sources as words and as syntax.

use crate::Repository;
use proc_macro2::{Delimiter, TokenStream, TokenTree};
use std::{collections::BTreeSet, fmt};

/// A word of a source with what tells a use of it apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// An identifier, or a part of a string.
    pub text: String,
    /// Do `::` follow, or `use` precede?
    pub path_start: bool,
}

/// One file, parsed.
pub struct Source<'a> {
    /// Path from the root.
    pub path: &'a str,
    /// Syntax.
    pub file: syn::File,
    /// Words, those of comments and documentation left out.
    pub words: Vec<Word>,
}

impl fmt::Debug for Source<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Source({}, {} words)", self.path, self.words.len())
    }
}

/// Every Rust file, parsed.
///
/// # Panics
/// One is not Rust: the compiler would have refused it.
pub fn sources(repository: &Repository) -> Vec<Source<'_>> {
    repository.ending("rs").map(|(path, text)| parse(path, text)).collect()
}

/// Names of all functions.
pub fn functions<'a>(sources: &'a [Source<'_>]) -> BTreeSet<&'a str> {
    let pairs = sources.iter().flat_map(|s| s.words.windows(2));
    pairs.filter(|pair| pair[0].text == "fn").map(|pair| pair[1].text.as_str()).collect()
}

fn parse<'a>(path: &'a str, text: &str) -> Source<'a> {
    let file = syn::parse_file(text).unwrap_or_else(|e| panic!("{path}: {e}"));
    let tokens: TokenStream = text.parse().unwrap_or_else(|e| panic!("{path}: {e}"));
    let mut words = Vec::new();
    collect(tokens, &mut words);
    Source { path, file, words }
}

fn collect(tokens: TokenStream, words: &mut Vec<Word>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let colon = |i: usize| matches!(tokens.get(i), Some(TokenTree::Punct(p)) if p.as_char() == ':');
    for (i, token) in tokens.iter().enumerate() {
        match token {
            TokenTree::Ident(word) => {
                let follows_use = i > 0 && matches!(&tokens[i - 1], TokenTree::Ident(before) if *before == "use" || *before == "crate");
                let text = word.to_string().trim_start_matches("r#").to_owned();
                words.push(Word { text, path_start: follows_use || (colon(i + 1) && colon(i + 2)) });
            }
            TokenTree::Group(group) => {
                if !(group.delimiter() == Delimiter::Bracket && is_documentation(&group.stream())) {
                    collect(group.stream(), words);
                }
            }
            TokenTree::Literal(literal) => {
                let text = literal.to_string();
                let parts = text.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|part| !part.is_empty());
                words.extend(parts.map(|part| Word { text: part.to_owned(), path_start: text.contains(&format!("{part}::")) }));
            }
            TokenTree::Punct(_) => {}
        }
    }
}

/// `doc = "..."` of an attribute: what a comment becomes.
fn is_documentation(stream: &TokenStream) -> bool {
    let mut tokens = stream.clone().into_iter();
    let named = matches!(tokens.next(), Some(TokenTree::Ident(word)) if word == "doc");
    named && matches!(tokens.next(), Some(TokenTree::Punct(p)) if p.as_char() == '=')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<(String, bool)> {
        parse("a.rs", text).words.into_iter().map(|w| (w.text, w.path_start)).collect()
    }

    #[test]
    fn comments_are_no_words_and_strings_are() {
        let found = words("//! toml::\n/// syn::parse\n// rand::\n#[serde(with = \"hex::serde\")]\nstruct A { b: ark_ff::Fp }\nuse r#csv;");
        let names: Vec<&str> = found.iter().map(|(text, _)| text.as_str()).collect();
        assert_eq!(names, ["serde", "with", "hex", "serde", "struct", "A", "b", "ark_ff", "Fp", "use", "csv"]);
        let starts: Vec<&str> = found.iter().filter(|(_, start)| *start).map(|(text, _)| text.as_str()).collect();
        assert_eq!(starts, ["hex", "ark_ff", "csv"]);
    }
}
