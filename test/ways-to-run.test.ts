import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { describe, expect, onTestFinished, test } from "vitest";
import { freePort } from "./faults/sides.ts";

/** What manifest/run promises, held against the program: there is no container engine and no systemd in every test run. */
const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const read = (file: string): string => readFileSync(join(root, file), "utf8");
const run = (name: string): string => read(`manifest/run/${name}`);
const all = (text: string, pattern: RegExp): string[] => Array.from(text.matchAll(pattern), ([, found = ""]) => found);
const instructions = (name: string): string[] =>
  all(run("Dockerfile").replaceAll("\\\n", ""), new RegExp(`^${name}\\s+(.+)$`, "gm"));

/** The names that the config reads, from its source: nothing else lists them. */
const settings = all(read("src/config.ts"), /^ {2}([A-Z][A-Z_]+): /gm);
/** Read by others than Baton. */
const OF_OTHERS = ["POSTGRES_PASSWORD"];
const example = run("env.example");
const inExample = all(example, /^(?:# )?([A-Z][A-Z_]+)=/gm);

describe("the example of settings", () => {
  test("names every setting there is, once, and no other", () => {
    expect(settings).toEqual(expect.arrayContaining(["PORT", "BASE_URL", "BATON_SECRET", "LOG_LEVEL"]));
    expect(inExample.toSorted()).toEqual([...settings, ...OF_OTHERS].toSorted());
  });

  test("holds no secret: whoever takes it as it is gets one of their own", () => {
    expect(all(example, /^(?:BATON_SECRET|POSTGRES_PASSWORD)=(.*)$/gm)).toEqual(["", ""]);
  });

  test("is what the README tells too", () => {
    const table = all(read("README.md"), /^\| (`[A-Z][A-Z_`, ]+`) +\|/gm).join(" ");
    const told = all(table, /`([A-Z][A-Z_]+)`/g);
    // Those are told of where the ways to run it are described.
    expect(
      settings.filter((name) => !told.includes(name) && !/^(?:NODE_ENV|(?:DATABASE|REDIS)_URL)$/.test(name)),
    ).toEqual([]);
  });
});

describe("the composition", () => {
  const compose = run("compose.yaml");
  const batons = compose.slice(0, compose.indexOf("\n  postgres:\n    image"));

  test("sets nothing that Baton does not read", () => {
    const set = all(batons, /^ {4}([A-Z][A-Z_]+): /gm);
    expect(set).toEqual(expect.arrayContaining(["DATABASE_URL", "REDIS_URL", "BATON_SECRET", "BASE_URL"]));
    expect(set.filter((name) => !settings.includes(name))).toEqual([]);
  });

  test("asks only for what the example of settings holds", () => {
    const asked = all(compose, /\$\{([A-Z_]+)[:}]/g);
    expect(new Set(asked)).toEqual(new Set(["POSTGRES_PASSWORD", "BATON_SECRET", "BASE_URL"]));
    expect(asked.filter((name) => !inExample.includes(name))).toEqual([]);
  });

  test("builds from the Dockerfile beside it, and publishes the port it listens on", () => {
    const [context = "", dockerfile = ""] = [/context: (\S+)/, /dockerfile: (\S+)/].map(
      (one) => one.exec(compose)?.[1],
    );
    expect(join(root, "manifest/run", context, dockerfile)).toBe(join(root, "manifest/run/Dockerfile"));
    expect(instructions("EXPOSE")).toEqual(["3000"]);
    expect(all(compose, /ports: \["127\.0\.0\.1:\d+:(\d+)"\]/g)).toEqual(["3000", "3000"]);
    expect(compose).toContain('PORT: "3000"');
  });

  test("keeps its data in volumes, and throws away no job for want of memory", () => {
    const mounted = all(compose, /volumes: \["([\w-]+):/g);
    const declared = all(compose.slice(compose.indexOf("\nvolumes:")), /^ {2}([\w-]+):$/gm);
    expect(mounted.toSorted()).toEqual(declared.toSorted());
    expect(compose).toContain('--appendonly, "yes"');
    expect(compose).toContain("--maxmemory-policy, noeviction");
  });

  test("leaves more time to stop than stopping takes", () => {
    const longest = Number(/STOP_WITHIN_MS = ([\d_]+)/.exec(read("src/build.ts"))?.[1]?.replaceAll("_", "")) / 1_000;
    const given = [
      /stop_grace_period: (\d+)s/.exec(compose)?.[1],
      /TimeoutStopSec=(\d+)/.exec(run("baton.service"))?.[1],
    ];
    expect(longest).toBeGreaterThan(0);
    for (const seconds of given) expect(Number(seconds)).toBeGreaterThan(longest);
  });
});

describe("the service and the Procfile", () => {
  const service = run("baton.service");

  test("begin as npm start does", () => {
    const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };
    expect(all(service, /^ExecStart=\/usr\/bin\/env (.+)$/gm)).toEqual([scripts["start"]]);
    expect(all(run("Procfile"), /^web: (.+)$/gm)).toEqual([scripts["start"]]);
    expect((JSON.parse(instructions("CMD").at(-1) ?? "") as string[]).join(" ")).toBe(scripts["start"]);
  });

  test("the service keeps its data where it may write, closed to others", () => {
    expect(all(service, /^Environment=.*\bDATA_DIR=(\S+)$/gm)).toEqual(["/var/lib/baton"]);
    expect(service).toMatch(/^StateDirectory=baton\nStateDirectoryMode=0700$/m);
  });

  const systemd = spawnSync("systemd-analyze", ["--version"]).status === 0;
  test.skipIf(!systemd)("systemd has nothing to say against the service", () => {
    const directory = temporary();
    // The checkout stands in for the place where it is installed.
    const file = join(directory, "baton.service");
    cpSync(join(root, "manifest/run/baton.service"), file);
    const { stderr } = spawnSync("systemd-analyze", ["verify", file], { encoding: "utf8" });
    expect(stderr.split("\n").filter((line) => line.includes("baton.service"))).toEqual([]);
  });
});

test("the proxy lets pass what Baton takes, and an event stream that is silent until its next sign of life", () => {
  const nginx = run("nginx.conf");
  const mib = Number(/HANDOFF_BODY_LIMIT = (\d+) \* DEFAULT_BODY_LIMIT/.exec(read("src/http/body.ts"))?.[1]);
  const heartbeat =
    Number(/HEARTBEAT_MS = ([\d_]+)/.exec(read("src/http/event-stream.ts"))?.[1]?.replaceAll("_", "")) / 1_000;
  expect(Number(/client_max_body_size (\d+)m;/.exec(nginx)?.[1])).toBeGreaterThan(mib);
  expect(Number(/proxy_read_timeout (\d+)s;/.exec(nginx)?.[1])).toBeGreaterThan(2 * heartbeat);
  expect(nginx).toContain("proxy_buffering off;");
});

describe("the image", () => {
  test("has everything that the program needs, and needs nothing that is for development", async () => {
    const image = temporary();
    for (const line of instructions("COPY").filter((one) => !one.startsWith("--from"))) {
      const [to = "", ...from] = line.split(" ").toReversed();
      for (const name of from) copyIn(name, join(image, to), { asDirectory: from.length > 1 || to === "./" });
    }
    expect(existsSync(join(image, "test"))).toBe(false);
    expect(existsSync(join(image, "connectors/chatwoot/chatwoot.test.ts"))).toBe(false);
    linkPackages(image);

    const port = await freePort();
    const env = Object.fromEntries(instructions("ENV").flatMap((line) => line.split(" ").map((one) => one.split("="))));
    expect(env).toEqual({ NODE_ENV: "production", PORT: "3000", DATA_DIR: "/data" });
    const given = { ...env, PORT: String(port), HOST: "127.0.0.1", DATA_DIR: join(image, "data"), LOG_LEVEL: "warn" };
    const [, ...command] = JSON.parse(instructions("CMD").at(-1) ?? "") as string[];
    const child = spawn(process.execPath, command, { cwd: image, env: given, stdio: ["ignore", "ignore", "pipe"] });
    const ended = once(child, "close");
    let said = "";
    child.stderr.on("data", (part: Buffer) => (said += part.toString()));
    onTestFinished(() => void child.kill("SIGKILL"));

    const check = /CMD (\[.+\])$/.exec(instructions("HEALTHCHECK")[0] ?? "")?.[1] ?? "";
    const [, ...checking] = JSON.parse(check) as string[];
    const isHealthy = () => spawnSync(process.execPath, checking, { env: given }).status === 0;
    expect(isHealthy()).toBe(false); // it has just been started
    for (const until = Date.now() + 30_000; !isHealthy() && Date.now() < until && child.exitCode === null;)
      await pause(50);
    await expect.poll(() => said).toContain(`serves requests on http://localhost:${port}`);
    expect((await fetch(`http://127.0.0.1:${port}/demo`)).status).toBe(404);
    const [signal] = instructions("STOPSIGNAL");
    child.kill(signal as NodeJS.Signals);
    expect(await ended).toEqual([0, null]);
  }, 90_000);

  test("an older Node is told what to do, before it stumbles over TypeScript", () => {
    // As an older one says of itself.
    const older = `Object.defineProperty(process.versions, "node", { value: "20.20.2" });`;
    const preload = `data:text/javascript,${encodeURIComponent(older)}`;
    const args = ["--import", preload, "--import", "./src/needs-node.js", "-e", "console.log('started')"];
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: "utf8" });
    expect([status, stdout]).toEqual([1, ""]);
    expect(stderr).toMatch(/^Baton needs Node 24\.7 or later; .*npm ci.*install Node 24 /);
    const now = spawnSync(process.execPath, args.slice(2), { cwd: root, encoding: "utf8" });
    expect([now.status, now.stdout]).toEqual([0, "started\n"]);
  });
});

function temporary(): string {
  const path = mkdtempSync(join(tmpdir(), "baton-image-"));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** What a build would copy: .dockerignore leaves out names and endings at any depth, and all that it does not let in. */
function copyIn(name: string, to: string, { asDirectory }: { asDirectory: boolean }): void {
  const lines = read(".dockerignore").split("\n");
  const letIn = lines.flatMap((line) => (line.startsWith("!") ? [line.slice(1)] : []));
  const out = lines.flatMap((line) => (line.startsWith("**/") ? [line.slice(3)] : []));
  expect(lines).toContain("*");
  expect(letIn).toContain(name);
  const isOut = (path: string) =>
    relative(root, path)
      .split("/")
      .some((part) => out.some((one) => (one.startsWith("*") ? part.endsWith(one.slice(1)) : part === one)));
  cpSync(join(root, name), asDirectory ? join(to, name) : to, { recursive: true, filter: (path) => !isOut(path) });
}

/** The packages that `npm ci --omit=dev` installs, by the lock file, linked to those that are here. */
function linkPackages(image: string): void {
  const lock = JSON.parse(read("package-lock.json")) as {
    packages: Record<string, { dev?: boolean; devOptional?: boolean }>;
  };
  const wanted = Object.entries(lock.packages).filter(
    ([path, { dev, devOptional }]) =>
      /^node_modules\/(?:@[^/]+\/)?[^/]+$/.test(path) && dev !== true && devOptional !== true,
  );
  expect(wanted.map(([path]) => path)).not.toContain("node_modules/vitest");
  for (const [path] of wanted.filter(([path]) => existsSync(join(root, path)))) {
    mkdirSync(dirname(join(image, path)), { recursive: true });
    symlinkSync(join(root, path), join(image, path));
  }
}
