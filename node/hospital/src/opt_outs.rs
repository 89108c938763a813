//! Where the list of opt-outs lies.

use crate::{HospitalStore, HospitalStoreError};
use async_recursion::async_recursion as boxed;

impl HospitalStore {
    /// Remembers where the list lies; `None`: there is none any more.
    ///
    /// # Errors
    /// The database refuses.
    #[boxed]
    pub async fn keep_opt_out_list(&self, path: Option<&str>) -> Result<(), HospitalStoreError> {
        let statement = match path {
            Some(path) => sqlx::query("INSERT OR REPLACE INTO opt_out_list (id, path) VALUES (0, ?)").bind(path),
            None => sqlx::query("DELETE FROM opt_out_list"),
        };
        statement.execute(&self.pool).await?;
        Ok(())
    }

    /// Where the list lies, if there is one.
    ///
    /// # Errors
    /// The database refuses.
    #[boxed]
    pub async fn opt_out_list(&self) -> Result<Option<String>, HospitalStoreError> {
        Ok(sqlx::query_scalar("SELECT path FROM opt_out_list").fetch_optional(&self.pool).await?)
    }
}
