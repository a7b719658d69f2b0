import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { describe, expect, onTestFinished, test } from "vitest";
import { DataDirError, ensurePrivateFile, lockDataDir, prepareDataDir } from "../../src/storage/data-dir.ts";

const holder = fileURLToPath(new URL("hold-lock.ts", import.meta.url));
const modeOf = (path: string) => statSync(path).mode & 0o777;

function directory(): string {
  const path = mkdtempSync(join(tmpdir(), "baton-data-"));
  onTestFinished(() => rmSync(path, { recursive: true }));
  return path;
}

/** A real second process that tries to take the directory; resolves with the first line it says. */
async function otherProcess(path: string): Promise<{ child: ChildProcess; said: string }> {
  const child = spawn(process.execPath, [holder, path], { stdio: ["ignore", "pipe", "inherit"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  const [said] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
  return { child, said };
}

function faultOf(act: () => unknown): DataDirError {
  try {
    act();
  } catch (error) {
    if (error instanceof DataDirError) return error;
    throw error;
  }
  throw new Error("it worked");
}

describe("preparing the data directory", () => {
  test("makes it, with those above it, for its owner alone", () => {
    const path = join(directory(), "deep", "data");
    prepareDataDir(path, { isProduction: true });
    expect(modeOf(path)).toBe(0o700);
  });

  test("closes one that is open to others", () => {
    const path = directory();
    chmodSync(path, 0o755);
    prepareDataDir(path, { isProduction: false });
    expect(modeOf(path)).toBe(0o700);
  });

  test("refuses one that is open to others in production, and leaves it as it is", () => {
    const path = directory();
    chmodSync(path, 0o755);
    const { code, message } = faultOf(() => prepareDataDir(path, { isProduction: true }));
    expect({ code, message }).toEqual({
      code: "data_dir_unusable",
      message: `The data directory ${path} is open to other users of this machine. Close it (chmod 700 ${path}) and start again.`,
    });
    expect(modeOf(path)).toBe(0o755);
  });

  test("says so when something else is in the way", () => {
    const path = join(directory(), "data");
    writeFileSync(path, "a file");
    expect(faultOf(() => prepareDataDir(path, { isProduction: false })).message).toContain(
      "set DATA_DIR to another one",
    );
  });
});

test("a private file is made, or an existing one closed, with its content kept", () => {
  const path = directory();
  ensurePrivateFile(join(path, "new"));
  writeFileSync(join(path, "open"), "content", { mode: 0o644 });
  ensurePrivateFile(join(path, "open"));
  expect([modeOf(join(path, "new")), modeOf(join(path, "open")), statSync(join(path, "open")).size]).toEqual([
    0o600, 0o600, 7,
  ]);
});

describe("one process on a data directory", () => {
  test("a second one is refused, and told who has it", async () => {
    const path = directory();
    const lock = lockDataDir(path);
    onTestFinished(() => lock.release());
    const { said } = await otherProcess(path);
    expect(said).toBe(
      `Another Baton (process ${process.pid}) runs on the data directory ${path}. Stop it first, or set DATA_DIR to another directory.`,
    );
  });

  test("this process is refused while another has it", async () => {
    const path = directory();
    const { child, said } = await otherProcess(path);
    expect(said).toBe("locked");
    const { code, message } = faultOf(() => lockDataDir(path, { waitMs: 0 }));
    expect(code).toBe("data_dir_in_use");
    expect(message).toContain(`process ${child.pid}`);
  });

  test("after kill -9 the next one takes it at once, whatever was left behind", async () => {
    const path = directory();
    const { child } = await otherProcess(path);
    child.kill("SIGKILL");
    await once(child, "exit");
    expect(existsSync(join(path, "baton.pid"))).toBe(true);
    expect(() => lockDataDir(path, { waitMs: 0 }).release()).not.toThrow();
  });

  test("a left-behind process id that is alive again, as somebody else's, keeps nobody out", () => {
    const path = directory();
    writeFileSync(join(path, "baton.pid"), JSON.stringify({ pid: process.ppid, host: "here" }));
    expect(() => lockDataDir(path, { waitMs: 0 }).release()).not.toThrow();
  });

  test("one that is refused does not loosen the lock", async () => {
    const path = directory();
    const lock = lockDataDir(path);
    onTestFinished(() => lock.release());
    expect(faultOf(() => lockDataDir(path, { waitMs: 0 })).code).toBe("data_dir_in_use");
    const attempts = [await otherProcess(path), await otherProcess(path)];
    expect(attempts.map(({ said }) => said)).toEqual([
      expect.stringContaining("Another Baton"),
      expect.stringContaining("Another Baton"),
    ]);
  });

  test("released, another one can have it; releasing twice does no harm", async () => {
    const path = directory();
    const lock = lockDataDir(path);
    lock.release();
    lock.release();
    expect((await otherProcess(path)).said).toBe("locked");
  });

  test("other directories are free", () => {
    const locks = [lockDataDir(directory()), lockDataDir(directory())];
    for (const lock of locks) lock.release();
    expect(locks).toHaveLength(2);
  });

  test("its files are its owner's alone, and no others are left", () => {
    const path = directory();
    mkdirSync(join(path, "sub"));
    const lock = lockDataDir(path);
    expect(
      readdirSync(path)
        .toSorted()
        .map((name) => [name, modeOf(join(path, name))]),
    ).toEqual([
      ["baton.lock", 0o600],
      ["baton.pid", 0o600],
      ["sub", modeOf(join(path, "sub"))],
    ]);
    lock.release();
    expect(readdirSync(path).toSorted()).toEqual(["baton.lock", "sub"]);
  });
});
