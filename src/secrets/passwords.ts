import { argon2, randomBytes, timingSafeEqual } from "node:crypto";
import { HandoffError } from "../domain/errors.ts";
import { plainPassword } from "../domain/password-rules.ts";

/** How dear one guess is. `memory` in KiB. */
interface Cost {
  readonly memory: number;
  readonly passes: number;
  readonly parallelism: number;
}

/** The least that OWASP's Password Storage Cheat Sheet asks for with Argon2id; a sign-in costs about 40 ms of one core by it. */
const COST: Cost = { memory: 19_456, passes: 2, parallelism: 1 };
const SALT_BYTES = 16;
const HASH_BYTES = 32;
/** Each takes 19 MiB, and a thread that files are read by as well. */
const MOST_AT_ONCE = 2;
const MOST_WAITING = 100;

const format = /^\$argon2id\$v=19\$m=(\d{1,8}),t=(\d{1,4}),p=(\d{1,3})\$([\w+/]{11,88})\$([\w+/]{22,88})$/;

export interface Passwords {
  /** With a salt of its own and its parameters, as `$argon2id$v=19$m=…,t=…,p=…$salt$hash`. */
  hash(password: string): Promise<string>;
  /**
   * Whether the password is the one that was hashed.
   *
   * @param kept null where there is none: answered after the same work, so that nobody learns by the time who has a password
   * @throws HandoffError `overloaded` when too many wait
   */
  check(password: string, kept: string | null): Promise<boolean>;
  /** Whether it was hashed cheaper than passwords are now. */
  isOutdated(kept: string): boolean;
}

/** @param cost of new hashes; those that are kept say their own. For tests */
export function createPasswords(cost: Cost = COST): Passwords {
  const turn = turns();
  const hashWith = (password: string, salt: Buffer, by: Cost, bytes: number): Promise<Buffer> =>
    turn(
      () =>
        new Promise((resolve, reject) => {
          const given = { message: plainPassword(password), nonce: salt, tagLength: bytes, ...by };
          argon2("argon2id", given, (error, derived) => (error === null ? resolve(derived) : reject(error)));
        }),
    );
  const nobody = { salt: randomBytes(SALT_BYTES), hash: randomBytes(HASH_BYTES), cost };
  return {
    async hash(password) {
      const salt = randomBytes(SALT_BYTES);
      return written(cost, salt, await hashWith(password, salt, cost, HASH_BYTES));
    },
    async check(password, kept) {
      const known = kept === null ? nobody : read(kept);
      const derived = await hashWith(password, known.salt, known.cost, known.hash.byteLength);
      return timingSafeEqual(derived, known.hash) && kept !== null;
    },
    isOutdated: (kept) => {
      const { cost: own } = read(kept);
      return own.memory * own.passes < cost.memory * cost.passes || own.memory < cost.memory;
    },
  };
}

const base64 = (bytes: Buffer): string => bytes.toString("base64").replaceAll("=", "");
const written = ({ memory, passes, parallelism }: Cost, salt: Buffer, hash: Buffer): string =>
  `$argon2id$v=19$m=${memory},t=${passes},p=${parallelism}$${base64(salt)}$${base64(hash)}`;

function read(kept: string): { salt: Buffer; hash: Buffer; cost: Cost } {
  const [, memory, passes, parallelism, salt, hash] = format.exec(kept) ?? [];
  // Its words are nobody's password, but nobody needs to see them either.
  if (salt === undefined || hash === undefined) throw new Error("a kept password is not in the form that was written");
  const cost = { memory: Number(memory), passes: Number(passes), parallelism: Number(parallelism) };
  return { salt: Buffer.from(salt, "base64"), hash: Buffer.from(hash, "base64"), cost };
}

/** So many at once, the others in a line; whoever finds the line too long is told to come again. */
function turns(): <Result>(work: () => Promise<Result>) => Promise<Result> {
  let running = 0;
  const line: (() => void)[] = [];
  return async (work) => {
    if (line.length >= MOST_WAITING)
      throw new HandoffError("overloaded", "Too many people sign in at this moment", { retryAfterSeconds: 5 });
    if (running >= MOST_AT_ONCE) await new Promise<void>((resolve) => line.push(resolve));
    else running += 1;
    try {
      return await work();
    } finally {
      // Its place goes to the next in line, or is free.
      const next = line.shift();
      if (next === undefined) running -= 1;
      else next();
    }
  };
}
