//! Public items that nobody uses. The compiler finds private ones; of a public one it cannot know.
//!
//! By name alone: an item is used if its name occurs anywhere beside definitions, `pub use`, and the heads of `impl` blocks. So some that nobody
//! uses are missed, if another thing has their name.

use crate::{Exceptions, Finding, exceptions, sizes::self_name, source::Source};
use std::collections::BTreeMap;
use syn::{
    Ident, Visibility,
    visit::{self, Visit},
};

/// Every public item's name occurs somewhere else in the repository.
pub fn check(sources: &[Source<'_>], exceptions: &Exceptions) -> Vec<Finding> {
    let mut occurs: BTreeMap<&str, usize> = BTreeMap::new();
    for word in sources.iter().flat_map(|s| &s.words) {
        *occurs.entry(&word.text).or_default() += 1;
    }
    let mut items = Items::default();
    for source in sources {
        items.path = source.path.to_owned();
        items.visit_file(&source.file);
    }
    let unused = items.public.into_iter().filter(|(name, _)| {
        let all = occurs.get(name.as_str()).copied().unwrap_or_default();
        all <= items.no_use.get(name).copied().unwrap_or_default()
    });
    let found = unused.map(|(name, place)| {
        let finding = Finding::new(place, format!("{name} is public and used nowhere: take it out"));
        (name, finding)
    });
    exceptions::less(found.collect(), &exceptions.items)
}

#[derive(Default)]
struct Items {
    path: String,
    /// Public items by name, with a place.
    public: BTreeMap<String, String>,
    /// How often a name occurs where it is not used.
    no_use: BTreeMap<String, usize>,
}

impl Items {
    fn name(ident: &Ident) -> String {
        ident.to_string().trim_start_matches("r#").to_owned()
    }

    fn define(&mut self, visibility: &Visibility, ident: &Ident) {
        let name = Self::name(ident);
        if matches!(visibility, Visibility::Public(_)) {
            self.public.insert(name.clone(), format!("{}:{}", self.path, ident.span().start().line));
        }
        *self.no_use.entry(name).or_default() += 1;
    }

    fn reexport(&mut self, tree: &syn::UseTree) {
        match tree {
            syn::UseTree::Path(path) => self.reexport(&path.tree),
            syn::UseTree::Group(group) => group.items.iter().for_each(|tree| self.reexport(tree)),
            syn::UseTree::Name(name) => *self.no_use.entry(Self::name(&name.ident)).or_default() += 1,
            syn::UseTree::Rename(_) | syn::UseTree::Glob(_) => {}
        }
    }
}

macro_rules! define {
    ($($visit:ident($item:ty) $ident:ident;)*) => {
        $(fn $visit(&mut self, item: &'ast $item) {
            self.define(&item.vis, &item.$ident);
            visit::$visit(self, item);
        })*
    };
}

impl<'ast> Visit<'ast> for Items {
    define! {
        visit_item_struct(syn::ItemStruct) ident;
        visit_item_enum(syn::ItemEnum) ident;
        visit_item_trait(syn::ItemTrait) ident;
        visit_item_type(syn::ItemType) ident;
        visit_item_const(syn::ItemConst) ident;
        visit_item_static(syn::ItemStatic) ident;
        visit_impl_item_const(syn::ImplItemConst) ident;
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.define(&item.vis, &item.sig.ident);
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.define(&item.vis, &item.sig.ident);
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        if let Some(name) = self_name(&item.self_ty) {
            *self.no_use.entry(name).or_default() += 1;
        }
        visit::visit_item_impl(self, item);
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        if !matches!(item.vis, Visibility::Inherited) {
            self.reexport(&item.tree);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Repository, source::sources};

    fn found(texts: &[(&str, &str)], exceptions: &Exceptions) -> Vec<String> {
        check(&sources(&Repository::of(texts)), exceptions).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn items_nobody_uses_are_found() {
        let lib = "pub use a::{Lonely, used};\nmod a;\n";
        let a = "/// `lonely_fn` is said here.\npub struct Lonely;\nimpl Lonely {\n    pub fn lonely_fn(&self) {}\n    fn private(&self) {}\n}\n\
                 pub fn used() {}\npub(crate) const INSIDE: u8 = 1;\npub const LONELY: u8 = 2;\n";
        let other = "fn main() { x::used(); }\n";
        let names = |found: Vec<String>| found.iter().map(|f| f.split(' ').nth(1).unwrap().to_owned()).collect::<Vec<_>>();
        let all = [("x/src/lib.rs", lib), ("x/src/a.rs", a), ("y/src/main.rs", other)];
        let lines = found(&all, &Exceptions::default());
        assert!(lines[0].starts_with("x/src/a.rs:9: LONELY"), "{lines:?}");
        assert_eq!(names(lines), ["LONELY", "Lonely", "lonely_fn"]);
        let allowed = Exceptions {
            items: [("LONELY".to_owned(), "why".to_owned()), ("used".to_owned(), "why".to_owned())].into(),
            ..Default::default()
        };
        let lines = found(&all, &allowed);
        assert!(
            lines.iter().any(|l| l.contains("used is no longer needed")) && !lines.iter().any(|l| l.contains("LONELY is")),
            "{lines:?}"
        );
    }

    #[test]
    fn strings_of_attributes_and_macros_are_uses() {
        let text = "pub fn one() {}\npub fn two() {}\nstruct A { #[serde(default = \"one\")] a: u8 }\nmacro_of!(two);\n";
        assert_eq!(found(&[("a.rs", text)], &Exceptions::default()), Vec::<String>::new());
    }
}
