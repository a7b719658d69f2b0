import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { renderLiquid } from "../../test/simulators/chatwoot/liquid.ts";
import { LONGEST_CONTENT, neutralised, partsToNeutralise } from "./liquid.ts";

const drops = {
  contact: { name: "Ana Pop", email: "ana@example.com" },
  agent: { name: "Alex Agent", email: "alex@lampion.example" },
};
/** What Chatwoot stores for a text that is sent as it is. */
const stored = (text: string) => renderLiquid(text, drops);

const hostile = [
  "{{ contact.email }}",
  "{{contact.email}} and {{ agent.email | upcase }}",
  "{% if true %}yes{% endif %}",
  "{%- raw -%} {{ agent.email }} {%- endraw -%}",
  "`{{ agent.email }}`",
  "`a` {{ agent.email }} `b`",
  "` {{ agent.email }} ",
  "`{% endraw %}{{ agent.email }}{% raw %}`",
  "{`x`",
  "{`x`{{ agent.email }}",
  "{{{ agent.email }}}",
  "{{{{{{%`{{",
  "{{ broken",
  "{% broken",
  "{% nonsense %}",
  "```\n{{ agent.email }}\n```",
  "a { b } c % d `e` f",
  "100 % {sure}",
  "\\{{ agent.email }}",
  '{{ "{{ agent.email }}" }}',
  '{{ "%60" | url_decode }}',
  "{{ '}}' }} `",
  "  leading and trailing  \n",
  "grüße \u{1F469}‍\u{1F467} {{ x }}",
];

describe("text in outgoing Chatwoot messages", () => {
  test("would be filled in, if it were sent as it is: the renderer of these tests works", () => {
    expect(stored("{{ agent.email }}")).toBe("alex@lampion.example");
    expect(stored("`{% endraw %}{{ agent.email }}{% raw %}`")).toContain("alex@lampion.example");
  });

  test.each(hostile)("%j is stored as it was written", (text) => expect(stored(neutralised(text))).toBe(text));

  test("without Liquid it is sent as it is", () => {
    for (const text of ["Hello `code` there", "a { b } c", "50 % off"]) expect(neutralised(text)).toBe(text);
  });

  test("of any making is stored as it was written", () => {
    const pieces = fc.constantFrom(
      "{",
      "}",
      "{{",
      "}}",
      "{%",
      "%}",
      "`",
      "raw",
      "endraw",
      " ",
      "agent.email",
      '"',
      "|",
      "\n",
      "é",
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 25 }), (parts) => {
        const text = parts.join("");
        expect(stored(neutralised(text))).toBe(text);
      }),
      { numRuns: 2_000 },
    );
  });

  test("too long once neutralised comes in parts that fit, and that join to the original", () => {
    for (const text of ["`a".repeat(40_000) + "{{", "x".repeat(400_000), "{{".repeat(60_000)]) {
      const parts = partsToNeutralise(text);
      expect(parts.join("")).toBe(text);
      for (const part of parts) expect(neutralised(part).length).toBeLessThanOrEqual(LONGEST_CONTENT);
    }
    expect(partsToNeutralise("short {{ x }}")).toEqual(["short {{ x }}"]);
    expect(partsToNeutralise("")).toEqual([]);
  });
});
