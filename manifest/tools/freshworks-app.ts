import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "acorn";

/** Something that Freshworks would refuse: where, which rule, and what to do about it. */
export interface Finding {
  readonly file: string;
  readonly rule: string;
  readonly message: string;
}

export type Json = Readonly<Record<string, unknown>>;

/** A node of the syntax tree (ESTree); its fields differ by `type`, so they are looked at before use. */
export interface SyntaxNode {
  readonly type: string;
  readonly start: number;
  readonly [field: string]: unknown;
}

/** A script of the app with its tree; `tree` is null where it cannot be parsed. */
export interface Script {
  readonly file: string;
  readonly source: string;
  readonly tree: SyntaxNode | null;
  readonly syntaxError: string | null;
}

/** An app folder as read from disk: texts, parsed JSON (null: absent or not one object) and scripts. */
export interface AppFiles {
  readonly folder: string;
  readonly files: readonly string[];
  readonly manifest: Json | null;
  readonly iparams: Json | null;
  readonly requests: Json | null;
  readonly server: Script | null;
  readonly scripts: readonly Script[];
  readonly readme: string | null;
  readonly pages: readonly { readonly file: string; readonly source: string }[];
  /** What was wrong with the files as such. */
  readonly unreadable: readonly Finding[];
}

/** Not part of an app: what tools and tests leave behind, and everything hidden. */
const LEFT_OUT = /(?:^|\/)(?:\.[^/]*|node_modules|coverage|dist|log|test|tests|__tests__)(?:\/|$)|\.test\.js$|\.log$/;

export const isObject = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** `{}` for what is no object: a missing part has no fields, and its absence is a finding of its own. */
export const objectAt = (value: unknown, ...path: readonly string[]): Json => {
  let at = value;
  for (const key of path) at = isObject(at) ? at[key] : undefined;
  return isObject(at) ? at : {};
};

/** The app's files that belong into its package, sorted, with forward slashes. */
export function appFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) =>
      join(entry.parentPath, entry.name)
        .slice(folder.length + 1)
        .replaceAll("\\", "/"),
    )
    .filter((file) => !LEFT_OUT.test(file))
    .toSorted();
}

/** Reads the app in `folder`. What cannot be read becomes a finding; it never throws for the app's own faults. */
export function readApp(folder: string): AppFiles {
  const files = appFiles(folder);
  const unreadable: Finding[] = [];
  const text = (file: string) => readFileSync(join(folder, file), "utf8");
  const json = (file: string): Json | null => {
    if (!existsSync(join(folder, file))) return null;
    try {
      const value: unknown = JSON.parse(text(file));
      if (isObject(value)) return value;
      unreadable.push({ file, rule: "json", message: "Put one object, { … }, at the top of this file." });
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      unreadable.push({ file, rule: "json", message: `Make this one valid JSON object: ${why}` });
    }
    return null;
  };
  for (const file of files.filter((name) => name.startsWith("server/test_data/") && name.endsWith(".json"))) json(file);
  const scripts = files
    .filter((file) => /^(?:app|server|config)\/.*\.js$/.test(file))
    .map((file) => script(file, text(file)));
  return {
    folder,
    files,
    manifest: json("manifest.json"),
    iparams: json("config/iparams.json"),
    requests: json("config/requests.json"),
    server: scripts.find((one) => one.file === "server/server.js") ?? null,
    scripts,
    readme: files.includes("README.md") ? text("README.md") : null,
    pages: files.filter((file) => file.endsWith(".html")).map((file) => ({ file, source: text(file) })),
    unreadable,
  };
}

function script(file: string, source: string): Script {
  try {
    const tree: unknown = parse(source, { ecmaVersion: 2022, sourceType: "script" });
    return { file, source, tree: isNode(tree) ? tree : null, syntaxError: null };
  } catch (error) {
    return { file, source, tree: null, syntaxError: error instanceof Error ? error.message : String(error) };
  }
}

/** Whether a value found in a tree is a node of it. */
export const isNode = (value: unknown): value is SyntaxNode => isPlain(value) && typeof value["type"] === "string";
const isPlain = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;

/** Every node of a tree, parents before their children. */
export function* nodesOf(node: SyntaxNode): Generator<SyntaxNode> {
  yield node;
  for (const value of Object.values(node)) {
    for (const child of Array.isArray(value) ? value : [value]) if (isNode(child)) yield* nodesOf(child);
  }
}

/** `a.b.c` of a chain of names, with `?` for an object that is none (a call, say); null for anything else. */
export function dotted(node: unknown): string | null {
  if (!isNode(node)) return null;
  if (node.type === "Identifier") return String(node["name"]);
  if (node.type !== "MemberExpression" || node["computed"] === true) return null;
  return `${dotted(node["object"]) ?? "?"}.${dotted(node["property"]) ?? ""}`;
}

/** Calls in a script: what is called, by its dotted name, and the first argument when it is a string. */
export function callsOf(one: Script): { readonly callee: string; readonly first: string | null }[] {
  if (one.tree === null) return [];
  return Array.from(nodesOf(one.tree)).flatMap((node) => {
    const callee = node.type === "CallExpression" ? dotted(node["callee"]) : null;
    if (callee === null) return [];
    const list = node["arguments"];
    const first: unknown = Array.isArray(list) ? list[0] : undefined;
    const literal = isNode(first) && first.type === "Literal" && typeof first["value"] === "string";
    return [{ callee, first: literal ? String(first["value"]) : null }];
  });
}
