import { connect } from "node:net";
import { expect, test } from "vitest";
import { startWorld } from "./harness.ts";

test("a connection that never said anything does not hold up the stop", async () => {
  const world = await startWorld();
  const socket = connect(world.port, "127.0.0.1");
  await new Promise((resolve) => socket.once("connect", resolve));
  // A request after it: by its answer the server has seen the silent one too.
  expect((await fetch(`${world.url}/healthz`, { headers: { connection: "close" } })).status).toBe(200);
  const cutOff = new Promise((resolve) => socket.once("close", () => resolve("cut off")));
  const tooLate = 60_000;
  const stopped = world.server.stop(tooLate).then(() => "stopped");
  expect(await Promise.all([stopped, cutOff])).toEqual(["stopped", "cut off"]);
  await world.close();
});
