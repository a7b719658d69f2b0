import { randomBytes } from "node:crypto";
import {
  chmodSync,
  closeSync,
  fsyncSync,
  linkSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { BatonError } from "../domain/errors.ts";

/** The secrets that everything else is derived from. The first seals and signs, each of them opens. At least one. */
export type MasterSecret = readonly [string, ...string[]];

export class SecretError extends BatonError {
  override readonly name = "SecretError";
  readonly code = "unusable_secret";
}

const shortestBytes = 32;

/**
 * The master secret: from BATON_SECRET where set, else from the file `secret` in the data directory, which is made at the
 * first start, for its owner alone (0600). The directory must exist.
 *
 * The file is read like BATON_SECRET: several secrets, comma-separated, take part in a rotation. A file that cannot be used
 * is never replaced: with a new secret, no stored credential could be opened again.
 *
 * @throws SecretError saying what to do, when the file is damaged, or in production when others can read it
 */
export function loadMasterSecret(config: {
  readonly secrets: readonly string[];
  readonly dataDir: string;
  readonly isProduction: boolean;
}): MasterSecret {
  const found = readMasterSecret(config);
  if (found) return found;
  const path = join(config.dataDir, "secret");
  createSecretFile(path, config.dataDir);
  const made = readSecretFile(path, config.isProduction);
  if (!made) throw new SecretError(`${path} vanished while it was being made; start again`);
  return made;
}

/** The same, where there is one; none is made. Null where there is none. @throws SecretError */
export function readMasterSecret(config: Parameters<typeof loadMasterSecret>[0]): MasterSecret | null {
  const [first, ...others] = config.secrets;
  if (first !== undefined) return [first, ...others];
  return readSecretFile(join(config.dataDir, "secret"), config.isProduction) ?? null;
}

function readSecretFile(path: string, isProduction: boolean): MasterSecret | undefined {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw new SecretError(`${path} cannot be read (${codeOf(error)}); give it to the user that runs Baton`);
  }
  keepPrivate(path, isProduction);
  const [first, ...others] = text.split(",").map((secret) => secret.trim());
  if (first === undefined || [first, ...others].some((secret) => Buffer.byteLength(secret) < shortestBytes)) {
    throw new SecretError(
      `${path} is empty or damaged. Restore it from a backup, or set BATON_SECRET to its former content. Only on a server ` +
        "without data of value, delete it: a new one is made, and all stored credentials and tokens become void.",
    );
  }
  return [first, ...others];
}

function keepPrivate(path: string, isProduction: boolean): void {
  const isOpen = process.platform !== "win32" && (statSync(path).mode & 0o077) !== 0;
  if (isOpen && isProduction) {
    throw new SecretError(
      `${path} can be read by other users, who may know it by now; make a new one, or chmod 600 it`,
    );
  }
  if (isOpen) chmodSync(path, 0o600);
}

/** Written whole under another name and then linked: a crash leaves no half secret, and of two makers one wins. */
function createSecretFile(path: string, directory: string): void {
  const draft = `${path}.${randomBytes(6).toString("hex")}.tmp`;
  try {
    const file = openSync(draft, "wx", 0o600);
    try {
      writeSync(file, `${randomBytes(32).toString("base64url")}\n`);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    linkSync(draft, path);
    syncDirectory(directory);
  } catch (error) {
    if (codeOf(error) !== "EEXIST") throw error;
  } finally {
    rmSync(draft, { force: true });
  }
}

// Without it the secret could be gone after a power cut, while what it sealed is there.
function syncDirectory(directory: string): void {
  if (process.platform === "win32") return; // directories cannot be opened there
  const handle = openSync(directory, "r");
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error ? String(error.code) : undefined;
}
