import { afterAll, beforeAll, describe } from "vitest";
import type { Store } from "../../src/ports-store.ts";
import { openPostgresStore } from "../../src/storage/postgres-store.ts";
import { storeContract } from "../contracts/store-contract.ts";
import { PATIENT, freshDatabase, missingPostgres } from "./postgres.ts";
import type { FreshDatabase } from "./postgres.ts";

const missing = await missingPostgres();
if (missing !== undefined) process.stderr.write(`${missing}\n`);
const small = { connections: { units: 4, reads: 2 }, timing: PATIENT };

describe.skipIf(missing !== undefined)("on PostgreSQL", () => {
  let database: FreshDatabase;
  let store: Store;
  beforeAll(async () => {
    database = await freshDatabase();
    store = await openPostgresStore(database.url, small);
  });
  afterAll(async () => {
    await store.close();
    await database.drop();
  });

  // One database for all of it, emptied before each test: to make one takes longer than most tests.
  storeContract("PostgreSQL", async () => {
    await database.empty();
    return {
      store,
      async reopen() {
        await store.close();
        store = await openPostgresStore(database.url, small);
        return store;
      },
      dispose: () => Promise.resolve(),
    };
  });
});
