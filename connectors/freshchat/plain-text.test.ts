import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { htmlToText } from "./html-text.ts";
import { plainText } from "./plain-text.ts";

describe("formatting is taken off", () => {
  test.each([
    ["Hello **Ana**", "Hello Ana"],
    ["*Important:* read *this*, please", "Important: read this, please"],
    ["__Very important__ and _less so_", "Very important and less so"],
    ["***both***, *a **b** c* and **_deep one_**", "both, a b c and deep one"],
    ["~~12 EUR~~ 9 EUR", "12 EUR 9 EUR"],
    ['(*so*) "**said**" 🎉*Party*🎉', '(so) "said" 🎉Party🎉'],
    ["## Returns\nSend it back", "Returns\nSend it back"],
    ["run `npm test` and `a*b*c`", "run npm test and a*b*c"],
    ["```js\nlet a = *b* - _c_;\n```\ndone", "let a = *b* - _c_;\ndone"],
    ["see [our shop](https://shop.example/p?a=1)", "see our shop: https://shop.example/p?a=1"],
    ["[https://shop.example](https://shop.example)", "https://shop.example"],
    ["[shop.example](https://shop.example/)", "https://shop.example/"],
    ["[the lamp](https://en.example/Lamp_(light)) here", "the lamp: https://en.example/Lamp_(light) here"],
    ['[shop](https://shop.example "Our shop")', "shop: https://shop.example"],
    [
      "**[shop](https://shop.example)** and [**bold**](https://b.example)",
      "shop: https://shop.example and bold: https://b.example",
    ],
    ["![lamp](https://shop.example/l.png)", "lamp: https://shop.example/l.png"],
    [
      "[write](mailto:a@shop.example) or [call](tel:+40712345678)",
      "write: mailto:a@shop.example or call: tel:+40712345678",
    ],
    ["<https://shop.example/a_b_c>", "https://shop.example/a_b_c"],
    ["- **one**\n- two\n1. three", "- one\n- two\n1. three"],
  ])("Markdown: %j", (text, plain) => expect(plainText(text)).toBe(plain));

  test.each([
    ["Hi<br>there<br/>you", "Hi\nthere\nyou"],
    ["<p>Hello <b>Ana</b></p><p>Tom &amp; Jerry &lt;3 &#8364;&#x20AC;&nbsp;</p>", "Hello Ana\n\nTom & Jerry <3 €€"],
    ["<div>one</div>\n  <div>two   words</div>", "one\ntwo words"],
    ["<b>kept\nlines</b>", "kept\nlines"],
    ["<ul><li>one</li><li><p>two</p></li></ul><ol><li>a</li><li>b</li></ol>", "- one\n- two\n1. a\n2. b"],
    [
      'see <a href="https://shop.example/?a=1&amp;b=2">our shop</a> now',
      "see our shop: https://shop.example/?a=1&b=2 now",
    ],
    ["<a href='https://shop.example/'>shop.example</a>", "https://shop.example/"],
    ["<a href='javascript:alert(1)'>click</a>", "click"],
    ["<b>2 * 3 and _x_</b>", "2 * 3 and _x_"],
  ])("HTML: %j", (text, plain) => expect(plainText(text)).toBe(plain));
});

describe("what is no markup is left as it is", () => {
  test.each([
    "2 * 3 * 4 = 24 and 2*3*4",
    "5 *3 and 4* 2",
    "5 *3 lamps* or *lamps 4* 5",
    'a *"* and a *!* b',
    "2**8 ** 2",
    "snake_case_name and _private",
    "a trailing_ one",
    "__init__, __proto__ and _my_name_",
    "f(*args, **kwargs)",
    "rm *.log *.tmp; ls src/**/*.ts; echo *.a and b.*",
    "int *a, *b; x = *p * *q; /* why */",
    "C:\\*.txt \\*not bold\\*",
    "* one\n* two",
    "(*_*) ^_^ -_- T_T >_< *_* ¯\\_(ツ)_/¯",
    "~5 min, ~/notes and ~10",
    "a < b and b > c, <3, x<y>z, List<String>, <ana@shop.example>",
    "put <b> in front",
    "if a < b then<br>stop",
    "<script>alert(1)</script> <custom-tag>x</custom-tag>",
    "Tom &amp; Jerry",
    "# 1042 is your order, so is #1043",
    "it`s and that`s",
    "```\nnever closed",
    "[1] and [a](b) and [x](javascript:alert(1))",
    "**open, *open, _open",
    "_".repeat(40) + "\n" + "*".repeat(40) + "\n" + "~".repeat(40),
    "https://shop.example/_a_/b_c?d=*e*",
    "👍🏽 *",
  ])("%j", (text) => expect(plainText(text)).toBe(text));

  test("tags that a sentence is about are text, not markup", () => {
    expect(plainText("Use `<br>` and `<b>x</b>`")).toBe("Use <br> and <b>x</b>");
  });
});

const pieces = [
  "*",
  "**",
  "_",
  "__",
  "~~",
  "`",
  "```",
  "[",
  "](",
  ")",
  "<",
  ">",
  "<b>",
  "</b>",
  "<br>",
  "<a href='",
  "'",
  '"',
];
const words = [
  "a",
  "Ana",
  "1",
  " ",
  "\n",
  "https://x.example",
  "é",
  "🎉",
  "&amp;",
  "&",
  "# ",
  "\\",
  "(",
  "{",
  "\u0000",
];
const wordsOf = (text: string): string[] => text.match(/Ana|é|🎉/g) ?? [];
const messy = fc.array(fc.constantFrom(...pieces, ...words), { maxLength: 40 }).map((all) => all.join(""));

describe("whatever comes", () => {
  test("a text without signs of markup is untouched", () => {
    const plain = fc.string({ unit: "binary" }).filter((text) => !/[*_~`#[<]/.test(text));
    fc.assert(
      fc.property(plain, (text) => {
        expect(plainText(text)).toBe(text);
      }),
    );
  });

  test("nothing gets longer, and no word is lost or made up", () => {
    fc.assert(
      fc.property(messy, (text) => {
        const plain = plainText(text);
        expect(plain.length).toBeLessThanOrEqual(text.length);
        // What is inside a tag is no word.
        fc.pre(!text.includes("href"));
        expect(wordsOf(plain)).toEqual(wordsOf(text));
      }),
      { numRuns: 2_000 },
    );
  });

  test.each([
    "*a ",
    "_a b_ ",
    "*",
    " *",
    "a* ",
    "_a_",
    "*_",
    "~~a",
    "*a _b ~~c ",
    "*1 2* ",
    "`",
    "` ``",
    "[",
    "[a](",
    "[a](http://",
    '[a](http://x "',

    "<",
    "<a ",
    '<a b="',
    "<a b='",
    "<a b=\"'",
    "<b>",
    "<br>",
    "&amp;<br>",
    "<!--",
    "<https://",
    "<b><a href='http://x'>",
    "#",
    "```\n",
  ])("100 kB of %j take less than 50 ms", (unit) => {
    const text = unit.repeat(Math.ceil(100_000 / unit.length));
    const half = text.slice(0, text.length / 2);
    for (const hostile of [
      text,
      `*a${text}a*`,
      `<p>${text}</p>`,
      half + unit.split("").toReversed().join("").repeat(1_000),
    ]) {
      for (const read of [plainText, (html: string) => htmlToText(html, "email")])
        expect(quickest(read, hostile)).toBeLessThan(50);
    }
  });
});

/** The best of a few runs, in milliseconds of this process's own time: other work on the machine does not count. */
function quickest(read: (text: string) => string, text: string): number {
  let best = Number.POSITIVE_INFINITY;
  for (let run = 0; run < 5 && best >= 40; run += 1) {
    const before = process.cpuUsage();
    read(text);
    best = Math.min(best, process.cpuUsage(before).user / 1_000);
  }
  return best;
}

test("signs heaped up around a word are no markup, and cost no time", () => {
  const heap = `${"_*".repeat(25_000)}a${"*_".repeat(25_000)}`;
  expect(plainText(heap)).toBe(heap);
});

describe("an email", () => {
  test("is read as its words, without what no reader sees", () => {
    const html = `<!DOCTYPE html><html><head><title>T</title><style>p{color:red}</style></head><body>
      <p>Hello
         Ana,</p><!-- note --><table><tr><td>Lamp</td><td>39 EUR</td></tr></table>
      <unknown>x &lt; y</unknown><script>alert(1)</script></body></html>`;
    expect(htmlToText(html, "email")).toBe("Hello Ana,\n\nLamp 39 EUR\n\nx < y");
  });
  test("that is no HTML keeps its words", () => expect(htmlToText("a < b", "email")).toBe("a < b"));
});
