// Takes the data directory given as the first argument, says so, and holds it until it is killed.
import { lockDataDir } from "../../src/storage/data-dir.ts";

try {
  lockDataDir(process.argv[2] ?? "", { waitMs: 0 });
  console.log("locked");
  setInterval(() => undefined, 60_000);
} catch (error) {
  console.log(error instanceof Error ? error.message : "?");
}
