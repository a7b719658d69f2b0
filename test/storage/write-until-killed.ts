// Stores units in the file given as the first argument until it is killed, and says each one's number once it is acknowledged.
import { writeSync } from "node:fs";
import { openSqliteStore } from "../../src/storage/sqlite-store.ts";

const [file = "", first = "0"] = process.argv.slice(2);
const store = await openSqliteStore(file);
const answer = { requestHash: "hash", status: 201, body: "x".repeat(500) };
let next = Number(first);

async function writeOn(): Promise<void> {
  for (;;) {
    const n = next;
    next += 1;
    await store.write(async (tx) => {
      await tx.storeAnswer("first half", String(n), answer, new Date(0));
      await tx.storeAnswer("second half", String(n), answer, new Date(0));
    });
    writeSync(1, `${n}\n`);
  }
}

await Promise.all(Array.from({ length: 8 }, writeOn));
