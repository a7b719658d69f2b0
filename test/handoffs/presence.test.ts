import { describe, expect, test, vi } from "vitest";
import type { Destination } from "../../src/domain/settings.ts";
import type { Connectors } from "../../src/handoffs/deps.ts";
import { createPresence } from "../../src/handoffs/presence.ts";
import type { Connector, Log } from "../../src/ports.ts";

const nothing = (): void => undefined;
const silent: Log = { debug: nothing, info: nothing, warn: nothing, error: nothing, with: () => silent };
const support: Destination = { id: "con_a", team: "support", priority: null, labels: [] };

/** A helpdesk that counts how often it is asked, and a clock that stands until it is moved. */
function setUp() {
  let now = new Date("2026-11-20T12:00:00Z").getTime();
  let online = 2;
  const asked = vi.fn(() => Promise.resolve(online));
  const connector = { presence: asked } as unknown as Connector;
  const connectors: Connectors = {
    get: () => Promise.resolve(connector),
    types: () => [],
    isLocal: () => false,
    settleMs: () => 0,
  };
  const presence = createPresence({ connectors, clock: () => new Date(now), log: silent });
  return {
    presence,
    asked,
    set: (count: number) => (online = count),
    pass: (ms: number) => (now += ms),
  };
}

describe("who is online in a helpdesk", () => {
  test("is asked at most every five seconds", async () => {
    const { presence, asked, pass } = setUp();
    for (const after of [0, 1_000, 3_000]) {
      pass(after);
      expect(await presence.online("wsp_1", support)).toBe(2);
    }
    expect(asked).toHaveBeenCalledTimes(1);
    pass(1_001);
    await presence.online("wsp_1", support);
    expect(asked).toHaveBeenCalledTimes(2);
  });

  test("is asked anew when somebody came or went, and the next request is told the new number", async () => {
    const { presence, asked, set } = setUp();
    expect(await presence.online("wsp_1", support)).toBe(2);
    set(0);
    presence.changed("wsp_1", "con_a");
    expect(await presence.online("wsp_1", support)).toBe(0);
    expect(asked).toHaveBeenCalledTimes(2);
  });

  test("news of another connection or workspace changes nothing", async () => {
    const { presence, asked } = setUp();
    await presence.online("wsp_1", support);
    presence.changed("wsp_1", "con_b");
    presence.changed("wsp_2", "con_a");
    await presence.online("wsp_1", support);
    expect(asked).toHaveBeenCalledTimes(1);
  });

  test("an answer that was asked for before the news does not count as news", async () => {
    const { presence, asked, set } = setUp();
    let release: (count: number) => void = nothing;
    asked.mockImplementationOnce(() => new Promise((resolve) => (release = resolve)));
    const first = presence.online("wsp_1", support);
    await vi.waitFor(() => expect(asked).toHaveBeenCalledTimes(1));
    presence.changed("wsp_1", "con_a");
    set(0);
    release(2);
    expect(await first).toBe(2);
    await vi.waitFor(() => expect(asked).toHaveBeenCalledTimes(2), { timeout: 3_000 });
    expect(await presence.online("wsp_1", support)).toBe(0);
  });

  test("a burst of news is one question, and where nobody wants to know it is none", async () => {
    vi.useFakeTimers();
    try {
      const { presence, asked, pass } = setUp();
      await presence.online("wsp_1", support);
      for (let i = 0; i < 50; i += 1) {
        presence.changed("wsp_1", "con_a");
        await vi.advanceTimersByTimeAsync(40);
      }
      expect(asked.mock.calls.length).toBeLessThanOrEqual(4);
      await vi.advanceTimersByTimeAsync(2_000);
      const before = asked.mock.calls.length;
      pass(61_000);
      presence.changed("wsp_1", "con_a");
      await vi.advanceTimersByTimeAsync(5_000);
      expect(asked).toHaveBeenCalledTimes(before);
    } finally {
      vi.useRealTimers();
    }
  });
});
