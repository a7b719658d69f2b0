/** What the demo prints: who said what on which side, and what was checked. Colours on a terminal only. */

const isColourful = process.stdout.isTTY && process.env["NO_COLOR"] === undefined;
const paint = (code: string, text: string): string => (isColourful ? `\u001b[${code}m${text}\u001b[0m` : text);

const WIDTH = 100;
const SIDES = {
  shop: "36",
  chatwoot: "33",
  freshchat: "33",
  baton: "35",
  mail: "34",
} as const;
export type Side = keyof typeof SIDES;

export function chapter(title: string): void {
  console.log(`\n${paint("1", `── ${title} `.padEnd(WIDTH, "─"))}`);
}

/** A line of `who` on one side; long text is wrapped under itself. */
export function say(side: Side, who: string, text: string): void {
  const room = WIDTH - 25;
  const [first = "", ...more] = text.split("\n").flatMap((line) => wrapped(line, room));
  console.log(`${paint(SIDES[side], side.padEnd(9))} ${paint("1", who.padEnd(14))} ${first}`.trimEnd());
  for (const line of more) console.log(`${" ".repeat(25)}${line}`.trimEnd());
}

/** Stops the story when it does not hold. */
export function check(claim: string, holds: boolean, instead?: unknown): void {
  if (!holds)
    throw new Error(`Not so: ${claim}${instead === undefined ? "" : `. Instead: ${JSON.stringify(instead)}`}`);
  console.log(`${" ".repeat(10)}${paint("32", "✓")} ${claim}`);
}

export const dim = (text: string): string => paint("2", text);

function wrapped(line: string, room: number): string[] {
  const lines: string[] = [];
  let rest = line;
  while (rest.length > room) {
    const space = rest.lastIndexOf(" ", room);
    const at = space > 0 ? space : room;
    lines.push(rest.slice(0, at));
    rest = rest.slice(at).trimStart();
  }
  return [...lines, rest];
}
