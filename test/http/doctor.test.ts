import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { delivery, token } from "../contracts/store-samples.ts";
import { startWorld } from "./harness.ts";
import type { World } from "./harness.ts";

let world: World;
let admin: string;
let workspaceId: string;

const NOW = new Date("2026-03-02T10:00:00.000Z");
const minutes = (count: number): Date => new Date(NOW.getTime() + count * 60_000);
const days = (count: number): Date => minutes(count * 24 * 60);

beforeEach(async () => {
  world = await startWorld();
  ({ admin, id: workspaceId } = await world.workspace("Lamps"));
  world.setClock(NOW);
});
afterEach(() => world.close());

interface Told {
  readonly area: string;
  readonly step: string;
  readonly state: string;
  readonly message: string;
  readonly fix: string | null;
  readonly workspace: { id: string } | null;
  readonly connection: { id: string } | null;
}

const ask = async (query = ""): Promise<{ ok: boolean; findings: Told[] }> => {
  const operator = world.token("operator", null, "operator");
  const told = await world.call("GET", `/v1/doctor${query}`, { token: operator });
  expect(told.status).toBe(200);
  return told.body;
};
const of = (findings: readonly Told[], area: string) =>
  findings.filter((one) => one.area === area).map(({ step, state, message, fix }) => ({ step, state, message, fix }));
const connect = async (config: object = {}): Promise<string> => {
  const token = world.token("admin", workspaceId, workspaceId);
  const body = { type: "fakedesk", config: { baseUrl: "https://desk.example", apiAccessToken: "t", ...config } };
  return (await world.call("POST", "/v1/connections", { token, body })).body.id;
};

const make = (id: string, createdAt: Date, expiresAt: Date, more: object = {}) =>
  world.store.write((tx) => tx.createToken(token(workspaceId, id, { createdAt, expiresAt, revokedAt: null, ...more })));

const put = (state: "waiting" | "held", at: Date, more: object = {}) =>
  world.store.write((tx) => tx.addDeliveries([delivery(workspaceId, `lane-${at.getTime()}`, { state, ...more })], at));

/** A helpdesk that says what time it is. */
async function desk(date: string | null): Promise<string> {
  const server = createServer((_request, response) => {
    response.sendDate = false;
    if (date !== null) response.setHeader("Date", date);
    response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const ids = ({ findings }: { findings: readonly Told[] }) => new Set(findings.map((one) => one.workspace?.id));

describe("the report", () => {
  test("of a healthy installation says so, with what the server finds about itself first", async () => {
    world.health.diagnoses = [{ area: "store", step: "integrity", state: "ok", message: "Whole.", fix: null }];
    const id = await connect();
    world.helpdesk.report = {
      ok: true,
      findings: [{ step: "reach", ok: true, message: "Yes.", fix: null }],
      about: {},
    };
    const { ok, findings } = await ask();
    expect(ok).toBe(true);
    expect(findings).toEqual([
      {
        area: "store",
        step: "integrity",
        state: "ok",
        message: "Whole.",
        fix: null,
        workspace: null,
        connection: null,
      },
      expect.objectContaining({
        area: "deliveries",
        step: "owed",
        state: "ok",
        workspace: { id: workspaceId, name: "Lamps" },
      }),
      {
        area: "connection",
        step: "reach",
        state: "ok",
        message: "Yes.",
        fix: null,
        workspace: { id: workspaceId, name: "Lamps" },
        connection: { id, name: "Fakedesk" },
      },
    ]);
  });

  test("is bad as soon as one thing is, and no note makes it so", async () => {
    const base = { area: "settings", step: "mail", message: "No mail.", fix: "Set it." } as const;
    world.health.diagnoses = [{ ...base, state: "note" }];
    expect((await ask()).ok).toBe(true);
    world.health.diagnoses = [
      { ...base, state: "note" },
      { ...base, state: "wrong" },
    ];
    expect((await ask()).ok).toBe(false);
  });

  test("is of one workspace where one is named, and an unknown one is told", async () => {
    const other = await world.workspace("Next door");
    const id = await connect();
    expect(ids(await ask())).toEqual(new Set([workspaceId, other.id]));
    const named = await ask(`?workspaceId=${other.id}`);
    expect(ids(named)).toEqual(new Set([other.id]));
    expect(JSON.stringify(named)).not.toContain(id);
    const operator = world.token("operator", null, "operator");
    expect((await world.call("GET", "/v1/doctor?workspaceId=ws_none", { token: operator })).status).toBe(404);
  });

  test("is the operator's alone", async () => {
    world.setClock(null);
    expect((await world.call("GET", "/v1/doctor", { token: admin })).status).toBe(403);
  });
});

describe("a connection", () => {
  test("is asked itself, and nothing is written about it", async () => {
    const id = await connect();
    const findings = [
      { step: "reach", ok: true, message: "It answers.", fix: null },
      { step: "token", ok: false, message: "The token is refused.", fix: "Make a new one." },
    ];
    world.helpdesk.report = { ok: false, findings, about: {} };
    const told = await ask();
    expect(told.ok).toBe(false);
    expect(of(told.findings, "connection")).toEqual([
      { step: "reach", state: "ok", message: "It answers.", fix: null },
      { step: "token", state: "wrong", message: "The token is refused.", fix: "Make a new one." },
    ]);
    expect((await world.store.read.connection(workspaceId, id))?.problem).toBeNull();
  });

  test("whose credentials cannot be opened is told as such, and the others are asked all the same", async () => {
    const id = await connect();
    await connect({ accountId: 2 });
    await world.store.write((tx) => tx.updateConnection(workspaceId, id, { sealedSecrets: "v1.sealed.elsewhere" }));
    world.helpdesk.report = {
      ok: true,
      findings: [{ step: "reach", ok: true, message: "Yes.", fix: null }],
      about: {},
    };
    const states = of((await ask()).findings, "connection").map(({ step, state }) => `${step} ${state}`);
    expect(states.toSorted()).toEqual(["credentials wrong", "reach ok"]);
  });
});

describe("what is owed", () => {
  test("may wait for ten minutes", async () => {
    await put("waiting", minutes(-9));
    const [owed] = of((await ask()).findings, "deliveries");
    expect(owed).toMatchObject({ state: "ok", message: expect.stringContaining("for 9 minutes") });
  });

  test("is wrong after that, with what kept it", async () => {
    await put("waiting", minutes(-200));
    await world.store.write(async (tx) => {
      const claim = await tx.claimLane(`lane-${minutes(-200).getTime()}`, NOW, 1_000);
      const again = { nextAt: NOW, error: "The token is refused.", mayHaveHappened: false, countAttempt: true };
      await tx.postponeDelivery(claim!, again, NOW);
    });
    const told = await ask();
    expect([told.ok, of(told.findings, "deliveries")]).toEqual([
      false,
      [
        {
          step: "owed",
          state: "wrong",
          message: "The oldest delivery that is owed (dlv_1) has waited for 3 hours: The token is refused.",
          fix: expect.stringContaining("its connection"),
        },
      ],
    ]);
  });

  test("is told by its reasons where it was given up, and where it is kept back", async () => {
    for (const [n, error] of ["No such inbox.", "No such inbox.", "Too long."].entries()) {
      await put("waiting", minutes(-n));
      await world.store.write(async (tx) => {
        const claim = await tx.claimLane(`lane-${minutes(-n).getTime()}`, NOW, 1_000);
        await tx.finishDelivery(claim!, { state: "dead", error }, NOW, 1_000);
      });
    }
    await put("held", minutes(-30), { kind: "email" });
    const rows = of((await ask()).findings, "deliveries");
    expect(rows.map(({ step, state, message }) => [step, state, message])).toEqual([
      ["owed", "ok", "Nothing is owed to anybody."],
      ["dead", "wrong", "3 given up: No such inbox (2 times); Too long (once)."],
      ["held", "note", "1 kept back: email, without a reason (once)."],
    ]);
  });
});

describe("tokens", () => {
  test("that were made to last and end within thirty days are told, nobody's daily ones", async () => {
    await make("tok_far", days(-300), days(31));
    await make("tok_soon", days(-300), days(29), { name: "Shop" });
    await make("tok_now", days(-300), days(6), { name: null });
    await make("tok_ended", days(-300), days(-1));
    await make("tok_revoked", days(-300), days(3), { revokedAt: days(-1) });
    await make("tok_today", days(0), days(0.5));
    await world.store.write((tx) =>
      tx.createToken(
        token(null, "tok_operator", { scope: "operator", createdAt: days(-300), expiresAt: days(20), name: null }),
      ),
    );
    const told = await ask();
    expect(of(told.findings, "tokens").map(({ state, message }) => [state, message])).toEqual([
      ["note", "A token of scope operator (tok_operator) ends in 20 days."],
      ["wrong", "A token of scope bot (tok_now) ends in 6 days."],
      ["note", "A token of scope bot (tok_soon, Shop) ends in 29 days."],
    ]);
    expect(told.ok).toBe(false);
  });
});

describe("clocks", () => {
  test.each([
    ["Mon, 02 Mar 2026 10:00:59 GMT", [["ok", /agrees/]]],
    ["Mon, 02 Mar 2026 09:57:00 GMT", [["wrong", /are 180 seconds apart/]]],
    ["Mon, 02 Mar 2026 10:02:00 GMT", [["wrong", /are 120 seconds apart/]]],
    ["not a time", []],
    [null, []],
  ] as const)("%s at the helpdesk", async (date, expected) => {
    await world.close();
    world = await startWorld({ reachesOut: true });
    ({ id: workspaceId } = await world.workspace("Lamps"));
    world.setClock(NOW);
    await connect({ baseUrl: await desk(date) });
    const told = of((await ask()).findings, "clock").map(({ state, message }) => [state, message]);
    expect(told).toEqual(expected.map(([state, message]) => [state, expect.stringMatching(message)]));
  });

  test("nobody is told of one that was not asked", async () => {
    await connect();
    expect(of((await ask()).findings, "clock")).toEqual([]);
  });
});
