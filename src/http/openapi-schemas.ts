import { z } from "zod";

export type Json = Record<string, unknown>;
type Side = "input" | "output";

const MARK = "component:";

/**
 * The named schemas of a document, each once. A schema that is read differently from how it is written (defaults, transforms),
 * itself or deep inside, becomes two components: `Name` as answered, `NameInput` as taken.
 */
export class Components {
  readonly #input = new Map<string, Json>();
  readonly #output = new Map<string, Json>();

  /** The schema with marks in place of names: which name is known only when all are in. See {@link named}. */
  convert(schema: z.ZodType, side: Side): Json {
    const converted: Json = z.toJSONSchema(schema, { io: side, unrepresentable: "any" });
    const { $schema: _dialect, $defs = {}, ...root } = converted;
    const known = side === "input" ? this.#input : this.#output;
    for (const [name, definition] of Object.entries($defs as Record<string, Json>))
      known.set(name, marked(definition, side));
    return marked(root, side);
  }

  /** Puts the names in. To be called once everything is converted. */
  named<Value>(value: Value): Value {
    const split = this.#split();
    // Only texts are changed, and those into texts.
    return mapTexts(value, (text) => {
      if (!text.startsWith(MARK)) return text;
      const [, side, name = ""] = text.split(":");
      return `#/components/schemas/${this.#nameOf(name, side === "input" ? "input" : "output", split)}`;
    }) as Value;
  }

  /** Every component, by name. */
  all(): Record<string, Json> {
    const split = this.#split();
    const entries = [
      ...[...this.#output].map(([name, schema]): [string, Json] => [name, schema]),
      ...[...this.#input].map(([name, schema]): [string, Json] => [this.#nameOf(name, "input", split), schema]),
    ];
    const sorted = entries.sort(([one], [other]) => (one < other ? -1 : 1));
    return this.named(Object.fromEntries(sorted));
  }

  #nameOf(name: string, side: Side, split: ReadonlySet<string>): string {
    return side === "input" && split.has(name) ? `${name}Input` : name;
  }

  /** Names whose two sides differ, or hold a name whose sides differ. */
  #split(): ReadonlySet<string> {
    const both = [...this.#input].filter(([name]) => this.#output.has(name));
    const split = new Set<string>();
    for (const [name, input] of both) if (sideless(input) !== sideless(this.#output.get(name))) split.add(name);
    for (let size = -1; size !== split.size;) {
      size = split.size;
      for (const [name, input] of both) {
        const found = [...JSON.stringify(input).matchAll(/component:input:([\w.-]+)/g)];
        if (found.some(([, inner = ""]) => split.has(inner))) split.add(name);
      }
    }
    return split;
  }
}

/** The schema as text, with both sides' marks made the same. */
const sideless = (schema: Json | undefined) => JSON.stringify(schema)?.replaceAll(/component:(?:input|output):/g, MARK);

function marked(schema: Json, side: Side): Json {
  return mapTexts(schema, (text) =>
    text.startsWith("#/$defs/") ? `${MARK}${side}:${text.slice("#/$defs/".length)}` : text,
  ) as Json;
}

function mapTexts(value: unknown, change: (text: string) => string): unknown {
  if (typeof value === "string") return change(value);
  if (Array.isArray(value)) return value.map((item) => mapTexts(item, change));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, mapTexts(item, change)]));
}
