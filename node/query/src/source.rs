//! From text to the parts of one SELECT: bounds, tokens, what is foreign to the language, and sqlparser's syntax tree.
//!
//! Table names such as `cardiometabolic-core@1` are not SQL identifiers. The tokens after FROM that touch each other are
//! joined into one identifier; string literals and comments are whole tokens by then, so nothing inside them is touched, and
//! every token keeps its place.

use crate::refusal::{Code, Refusal, TextPosition};
use countersign_circuits::dictionary::Dictionary;
use sqlparser::{
    ast::{Expr, GroupByExpr, Query, Select, SelectItem, SetExpr, Spanned, Statement, TableFactor},
    dialect::Dialect,
    keywords::Keyword,
    parser::{Parser, ParserError},
    tokenizer::{Token, TokenWithSpan, Tokenizer, Word},
};

/// Longest query text; far beyond what eight clauses of four predicates need.
pub const SQL_BYTES_MAX: usize = 8 << 10;
/// Most AND, OR and NOT of one query: bounds the depth of its syntax tree.
pub const CONNECTIVES_MAX: usize = 200;
/// Deepest parentheses, and longest run of NOT.
const NESTING_MAX: usize = 24;
/// The parser's own bound on recursion.
const RECURSION_MAX: usize = 64;

/// Words that begin constructs which are not part of the language (Q04).
const FOREIGN: [&str; 32] = [
    "JOIN",
    "UNION",
    "INTERSECT",
    "EXCEPT",
    "MINUS",
    "HAVING",
    "DISTINCT",
    "OVER",
    "WINDOW",
    "CASE",
    "ORDER",
    "LIMIT",
    "OFFSET",
    "FETCH",
    "EXISTS",
    "QUALIFY",
    "FILTER",
    "LATERAL",
    "CAST",
    "LIKE",
    "ILIKE",
    "SIMILAR",
    "ANY",
    "ALL",
    "SOME",
    "INTO",
    "TOP",
    "ROLLUP",
    "CUBE",
    "VALUES",
    "INTERVAL",
    "RECURSIVE",
];
/// After these words a minus is a sign, not a subtraction.
const BEFORE_OPERAND: [&str; 12] = ["SELECT", "FROM", "WHERE", "AND", "OR", "NOT", "IN", "BETWEEN", "BY", "IS", "AS", "NULL"];

/// ASCII identifiers, double quotes for names, single quotes for texts.
#[derive(Debug)]
struct Countersign;

impl Dialect for Countersign {
    fn is_identifier_start(&self, ch: char) -> bool {
        ch.is_ascii_alphabetic() || ch == '_'
    }

    fn is_identifier_part(&self, ch: char) -> bool {
        ch.is_ascii_alphanumeric() || ch == '_'
    }

    fn is_delimited_identifier_start(&self, ch: char) -> bool {
        ch == '"'
    }
}

/// The parts of one SELECT.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) projection: Vec<SelectItem>,
    pub(crate) table: String,
    pub(crate) table_at: TextPosition,
    pub(crate) selection: Option<Expr>,
    pub(crate) group_by: Vec<Expr>,
    /// Position of the word SELECT.
    pub(crate) at: TextPosition,
}

/// Reads a query text.
pub(crate) fn read(sql: &str, dictionary: &Dictionary) -> Result<Source, Refusal> {
    if sql.len() > SQL_BYTES_MAX {
        let words = format!("the query has {} bytes; at most {SQL_BYTES_MAX}.", sql.len());
        return Err(Refusal::new(Code::Q18, TextPosition::START, words));
    }
    let mut tokens: Vec<TokenWithSpan> = Tokenizer::new(&Countersign, sql)
        .tokenize_with_location()
        .map_err(|e| Refusal::unreadable(e.location, &format!("the query cannot be read: {}.", e.message)))?
        .into_iter()
        .collect();
    join_table_name(&mut tokens);
    tokens.retain(|t| !matches!(t.token, Token::Whitespace(_) | Token::EOF));
    check_sizes(&tokens)?;
    take_release(&mut tokens)?;
    check_foreign(&tokens, dictionary)?;
    let first = tokens.first().map_or(TextPosition::START, |t| t.span.into());
    let statements = Parser::new(&Countersign)
        .with_recursion_limit(RECURSION_MAX)
        .with_tokens_with_locations(tokens)
        .parse_statements()
        .map_err(|e| parse_error(&e))?;
    match <[Statement; 1]>::try_from(statements) {
        Ok([Statement::Query(query)]) => parts(*query, first),
        Ok(_) => Err(Refusal::unreadable(first, "a query begins with SELECT.")),
        Err(found) if found.is_empty() => Err(Refusal::unreadable(first, "the query is empty; it begins with SELECT.")),
        Err(_) => Err(Refusal::unreadable(first, "one query at a time: there is a second statement after ;.")),
    }
}

fn unquoted(token: &Token) -> Option<&str> {
    match token {
        Token::Word(Word { value, quote_style: None, .. }) => Some(value),
        _ => None,
    }
}

fn is_word(token: &Token, word: &str) -> bool {
    unquoted(token).is_some_and(|w| w.eq_ignore_ascii_case(word))
}

/// Joins the touching tokens after the first FROM into one quoted identifier.
fn join_table_name(tokens: &mut Vec<TokenWithSpan>) {
    let Some(from) = tokens.iter().position(|t| is_word(&t.token, "FROM")) else { return };
    let blank = |t: &TokenWithSpan| matches!(t.token, Token::Whitespace(_));
    let start = from + 1 + tokens[from + 1..].iter().take_while(|t| blank(t)).count();
    let part = |t: &TokenWithSpan| match &t.token {
        Token::Word(word) => word.quote_style.is_none(),
        other => matches!(other, Token::Number(..) | Token::Minus | Token::AtSign | Token::Period),
    };
    let length = tokens[start..].iter().take_while(|t| part(t)).count();
    let Some(end) = (start + length).checked_sub(1).filter(|end| *end >= start) else { return };
    let value: String = tokens[start..=end].iter().map(|t| t.token.to_string()).collect();
    if is_word(&tokens[start].token, "SELECT") || is_word(&tokens[start].token, "WHERE") {
        return;
    }
    let mut span = tokens[start].span;
    span.end = tokens[end].span.end;
    let word = Token::Word(Word { value, quote_style: Some('"'), keyword: Keyword::NoKeyword });
    tokens.splice(start..=end, [TokenWithSpan::new(word, span)]);
}

fn check_sizes(tokens: &[TokenWithSpan]) -> Result<(), Refusal> {
    let (mut depth, mut nots, mut connectives) = (0usize, 0usize, 0usize);
    for t in tokens {
        nots = if is_word(&t.token, "NOT") { nots + 1 } else { 0 };
        match &t.token {
            Token::LParen => depth += 1,
            Token::RParen => depth = depth.saturating_sub(1),
            other if ["AND", "OR", "NOT"].iter().any(|w| is_word(other, w)) => connectives += 1,
            _ => {}
        }
        if depth.max(nots) > NESTING_MAX {
            return Err(Refusal::new(Code::Q18, t.span, format!("parentheses or NOT are nested more than {NESTING_MAX} deep.")));
        }
        if connectives > CONNECTIVES_MAX {
            return Err(Refusal::new(Code::Q18, t.span, format!("more than {CONNECTIVES_MAX} of AND, OR and NOT in one query.")));
        }
    }
    Ok(())
}

/// Takes `WITH (release = mode)` off the end; circuit 1 has the exact mode only.
fn take_release(tokens: &mut Vec<TokenWithSpan>) -> Result<(), Refusal> {
    while tokens.last().is_some_and(|t| t.token == Token::SemiColon) {
        tokens.pop();
    }
    let Some(at) = tokens.len().checked_sub(6) else { return Ok(()) };
    let [with, open, release, equals, mode, close] = &tokens[at..] else { return Ok(()) };
    let shape = is_word(&with.token, "WITH") && open.token == Token::LParen && is_word(&release.token, "RELEASE");
    if !(shape && equals.token == Token::Eq && close.token == Token::RParen) {
        return Ok(());
    }
    if !is_word(&mode.token, "EXACT") {
        let words = format!("release = {} is not offered by circuit 1; use release = exact, or leave it out.", mode.token);
        return Err(Refusal::unreadable(mode.span, &words));
    }
    tokens.truncate(at);
    Ok(())
}

/// Q04: finds the first construct that is not part of the language.
fn check_foreign(tokens: &[TokenWithSpan], dictionary: &Dictionary) -> Result<(), Refusal> {
    let mut selects = 0;
    for (i, t) in tokens.iter().enumerate() {
        let before = i.checked_sub(1).map(|j| &tokens[j].token);
        let found = match &t.token {
            Token::Word(Word { value, quote_style: None, .. }) => {
                let upper = value.to_ascii_uppercase();
                let is_name = before.is_some_and(|b| is_word(b, "AS")) || dictionary.find(&value.to_ascii_lowercase()).is_some();
                selects += usize::from(upper == "SELECT");
                match upper.as_str() {
                    "SELECT" if selects > 1 => Some("subquery".to_owned()),
                    "WITH" => Some(upper),
                    _ if FOREIGN.contains(&upper.as_str()) && !is_name => Some(upper),
                    _ => None,
                }
            }
            Token::Minus | Token::Mul if before.is_some_and(ends_operand) => Some(t.token.to_string()),
            Token::Plus | Token::Div | Token::Mod | Token::StringConcat | Token::Caret | Token::Pipe | Token::Ampersand => {
                Some(t.token.to_string())
            }
            _ => None,
        };
        if let Some(found) = found {
            return Err(match found.as_str() {
                "ORDER" | "LIMIT" | "OFFSET" | "FETCH" | "TOP" => Refusal::sorting(t.span, &found),
                "+" if !before.is_some_and(ends_operand) => Refusal::unreadable(t.span, "a number is written without a plus: 50, not +50."),
                _ => Refusal::foreign(t.span, &found),
            });
        }
    }
    Ok(())
}

fn ends_operand(token: &Token) -> bool {
    match token {
        Token::Number(..) | Token::SingleQuotedString(_) | Token::RParen => true,
        Token::Word(word) => word.quote_style.is_some() || !BEFORE_OPERAND.contains(&word.value.to_ascii_uppercase().as_str()),
        _ => false,
    }
}

/// sqlparser puts the place at the end of its message.
fn parse_error(error: &ParserError) -> Refusal {
    let text = match error {
        ParserError::TokenizerError(text) | ParserError::ParserError(text) => text,
        ParserError::RecursionLimitExceeded => {
            return Refusal::new(Code::Q18, TextPosition::START, "the condition is nested too deeply.");
        }
    };
    let (words, position) = match text.rsplit_once(" at Line: ") {
        Some((words, position)) => (words, read_position(position).unwrap_or(TextPosition::START)),
        None => (text.as_str(), TextPosition::START),
    };
    let words: String = words.chars().take(200).collect();
    Refusal::unreadable(position, &format!("the query cannot be read: {words}."))
}

fn read_position(text: &str) -> Option<TextPosition> {
    let (line, column) = text.split_once(", Column: ")?;
    let line: u64 = line.trim().parse().ok()?;
    let column: u64 = column.trim().parse().ok()?;
    // the end of the text has no place of its own
    Some(TextPosition { line: line.max(1), column: column.max(1) })
}

fn parts(query: Query, at: TextPosition) -> Result<Source, Refusal> {
    let whole = query.to_string();
    let body = match *query.body {
        SetExpr::Select(select) => select,
        _ => return Err(Refusal::foreign(at, "something else than one SELECT")),
    };
    let Select { projection, from, selection, group_by, .. } = *body;
    if let Some(SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..)) = projection.first() {
        return Err(Refusal::all_rows(projection.first().map_or(at, |p| p.span().into())));
    }
    let group_by = match group_by {
        GroupByExpr::Expressions(list, modifiers) if modifiers.is_empty() => list,
        GroupByExpr::Expressions(..) | GroupByExpr::All(_) => return Err(Refusal::foreign(at, "GROUP BY with a modifier")),
    };
    let mut tables = from.into_iter();
    let Some(table) = tables.next() else {
        return Err(Refusal::unreadable(at, "FROM is missing: name the dictionary, as in FROM cardiometabolic-core."));
    };
    if let Some(second) = tables.next() {
        return Err(Refusal::foreign(second.span(), "a second table"));
    }
    // whatever the syntax tree holds beside the four parts would be lost: write them down again and compare
    let mut again = format!("SELECT {} FROM {}", comma(&projection), table.relation);
    if let Some(condition) = &selection {
        again.push_str(&format!(" WHERE {condition}"));
    }
    if !group_by.is_empty() {
        again.push_str(&format!(" GROUP BY {}", comma(&group_by)));
    }
    let TableFactor::Table { name, alias: None, .. } = &table.relation else {
        return Err(Refusal::unreadable(table.span(), "FROM names one dictionary, without an alias."));
    };
    let [part] = name.0.as_slice() else {
        return Err(Refusal::unreadable(table.span(), "FROM names one dictionary, without a schema."));
    };
    let ident = part.as_ident().filter(|ident| table.relation.to_string() == ident.to_string());
    let Some(ident) = ident.filter(|_| again == whole) else {
        return Err(Refusal::unreadable(at, "a query is SELECT … FROM … [WHERE …] [GROUP BY …]; this one holds something else."));
    };
    Ok(Source { projection, table: ident.value.clone(), table_at: ident.span.into(), selection, group_by, at })
}

fn comma<T: std::fmt::Display>(list: &[T]) -> String {
    list.iter().map(T::to_string).collect::<Vec<_>>().join(", ")
}
