import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openSqliteStore } from "../../src/storage/sqlite-store.ts";
import { storeContract } from "../contracts/store-contract.ts";

storeContract("SQLite", async () => {
  const directory = mkdtempSync(join(tmpdir(), "baton-store-"));
  const file = join(directory, "baton.db");
  let store = await openSqliteStore(file);
  return {
    store,
    async reopen() {
      await store.close();
      store = await openSqliteStore(file);
      return store;
    },
    async dispose() {
      await store.close();
      rmSync(directory, { recursive: true });
    },
  };
});
