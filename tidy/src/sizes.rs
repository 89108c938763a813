//! Functions over 70 lines and files over 500: what does not fit a screen is not read.

use crate::{Exceptions, Finding, Repository, exceptions, source::Source};
use std::collections::BTreeMap;
use syn::{
    Block, Signature,
    visit::{self, Visit},
};

/// Most lines of a file.
pub const FILE_LINES: usize = 500;
/// Most lines of a function, from its `fn` to its last brace.
pub const FUNCTION_LINES: usize = 70;

/// No file of Rust and no function is over its limit, or has grown past what it is let pass with.
pub fn check(repository: &Repository, sources: &[Source<'_>], exceptions: &Exceptions) -> Vec<Finding> {
    let files = repository.ending("rs").map(|(path, text)| (path.to_owned(), text.lines().count())).collect();
    let mut findings = exceptions::sizes(&files, FILE_LINES, &exceptions.files);
    findings.extend(exceptions::sizes(&functions(sources), FUNCTION_LINES, &exceptions.functions));
    findings
}

/// The longest function of every name, as `path: name`.
fn functions(sources: &[Source<'_>]) -> BTreeMap<String, usize> {
    let mut all = BTreeMap::new();
    for source in sources {
        let mut lengths = Lengths { path: source.path, within: String::new(), all: &mut all };
        lengths.visit_file(&source.file);
    }
    all
}

struct Lengths<'a> {
    path: &'a str,
    within: String,
    all: &'a mut BTreeMap<String, usize>,
}

impl Lengths<'_> {
    fn note(&mut self, signature: &Signature, block: &Block) {
        let key = format!("{}: {}{}", self.path, self.within, signature.ident);
        let lines = block.brace_token.span.close().end().line + 1 - signature.fn_token.span.start().line;
        let longest = self.all.entry(key).or_default();
        *longest = lines.max(*longest);
    }
}

impl<'ast> Visit<'ast> for Lengths<'_> {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.note(&item.sig, &item.block);
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.note(&item.sig, &item.block);
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        let outside = std::mem::take(&mut self.within);
        if let Some(name) = self_name(&item.self_ty) {
            self.within = format!("{name}::");
        }
        visit::visit_item_impl(self, item);
        self.within = outside;
    }
}

/// The name of the type an `impl` is for.
pub(crate) fn self_name(ty: &syn::Type) -> Option<String> {
    match ty {
        syn::Type::Path(path) => path.path.segments.last().map(|s| s.ident.to_string()),
        syn::Type::Reference(reference) => self_name(&reference.elem),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::sources;

    #[test]
    fn long_functions_and_files_are_found() {
        let body = |lines: usize| "\n    f();".repeat(lines);
        let text =
            format!("/// Long.\n#[inline]\npub fn a() {{{}\n}}\nstruct B;\nimpl B {{\n    fn c() {{{}\n    }}\n}}\n", body(68), body(69));
        let long = "\n".repeat(501);
        let repository = Repository::of(&[("x/a.rs", &text), ("x/b.rs", &long), ("x/c.rs", &long[1..])]);
        let sources = sources(&repository);
        let found: Vec<String> = check(&repository, &sources, &Exceptions::default()).into_iter().map(|f| f.place).collect();
        assert_eq!(found, ["x/b.rs", "x/a.rs: B::c"]);
        assert_eq!(functions(&sources)["x/a.rs: a"], 70);
        let exceptions = Exceptions {
            files: [("x/b.rs".to_owned(), 501)].into(),
            functions: [("x/a.rs: B::c".to_owned(), 71)].into(),
            ..Default::default()
        };
        assert_eq!(check(&repository, &sources, &exceptions), []);
    }
}
