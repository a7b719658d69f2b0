import { describe, expect, test } from "vitest";
import { createMarks } from "../../src/handoffs/marks.ts";

const SOON_MS = 5;
const LONG_MS = 60_000;

describe("a mark", () => {
  test("is heard by everybody who listens to the connection, and once for all", async () => {
    const marks = createMarks();
    const [one, other, elsewhere] = [marks.listen("con_1"), marks.listen("con_1"), marks.listen("con_2")];
    const heard = [one.heard("m-1", LONG_MS), other.heard("m-1", LONG_MS), elsewhere.heard("m-1", SOON_MS)];
    marks.heard("con_1", '{"text":"m-1"}');
    expect(await Promise.all(heard)).toEqual([true, true, false]);
    expect(await one.heard("m-1", SOON_MS)).toBe(true);
    one.stop();
    expect(await other.heard("m-1", SOON_MS)).toBe(true);
  });

  test("that came before anybody listened is not heard", async () => {
    const marks = createMarks();
    marks.heard("con_1", "m-1");
    expect(await marks.listen("con_1").heard("m-1", SOON_MS)).toBe(false);
  });

  test("is waited for no longer once the listening ends", async () => {
    const marks = createMarks();
    const listening = marks.listen("con_1");
    const heard = listening.heard("m-1", LONG_MS);
    listening.stop();
    marks.heard("con_1", "m-1");
    expect([await heard, await listening.heard("m-1", LONG_MS)]).toEqual([false, false]);
  });

  test("is heard late among the last fifty bodies, and not behind a megabyte of others", async () => {
    const marks = createMarks();
    const listening = marks.listen("con_1");
    marks.heard("con_1", "m-1");
    for (let n = 0; n < 49; n += 1) marks.heard("con_1", "of something else");
    expect(await listening.heard("m-1", SOON_MS)).toBe(true);
    marks.heard("con_1", "of something else");
    expect(await listening.heard("m-1", SOON_MS)).toBe(false);
    marks.heard("con_1", "m-2");
    for (let n = 0; n < 2; n += 1) marks.heard("con_1", "x".repeat(500_000));
    expect(await listening.heard("m-2", SOON_MS)).toBe(false);
  });

  test("is heard in a body too large to be kept, by who waits for it", async () => {
    const marks = createMarks();
    const listening = marks.listen("con_1");
    const heard = listening.heard("m-1", LONG_MS);
    marks.heard("con_1", `${"x".repeat(1_100_000)} m-1`);
    expect(await heard).toBe(true);
  });
});
