//! Where the list of opt-outs lies.

use crate::{HospitalStore, HospitalStoreError};
use async_recursion::async_recursion as boxed;

impl HospitalStore {
    /// Remembers where the list lies and how many people stand on it; `None`: there is none any more.
    ///
    /// # Errors
    /// The database refuses.
    #[boxed]
    pub async fn keep_opt_out_list(&self, list: Option<(&str, usize)>) -> Result<(), HospitalStoreError> {
        let statement = match list {
            Some((path, people)) => {
                sqlx::query("INSERT OR REPLACE INTO opt_out_list (id, path, people) VALUES (0, ?, ?)").bind(path).bind(people as i64)
            }
            None => sqlx::query("DELETE FROM opt_out_list"),
        };
        statement.execute(&self.pool).await?;
        Ok(())
    }

    /// Where the list lies, if there is one, and how many people stood on it.
    ///
    /// # Errors
    /// The database refuses.
    #[boxed]
    pub async fn opt_out_list(&self) -> Result<Option<(String, usize)>, HospitalStoreError> {
        let stored: Option<(String, i64)> = sqlx::query_as("SELECT path, people FROM opt_out_list").fetch_optional(&self.pool).await?;
        Ok(stored.map(|(path, people)| (path, usize::try_from(people).unwrap_or(usize::MAX))))
    }
}
