import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  LOCALES,
  MESSAGE_KEYS,
  MessageOverrides,
  countryOf,
  directionOf,
  formatOpening,
  renderText,
  resolveLocale,
  textsFor,
} from "../../src/domain/texts.ts";

const now = new Date("2026-11-22T10:00:00Z"); // a Sunday, noon in Bucharest
const monday9 = new Date("2026-11-23T07:00:00Z");
const bucharest = { timezone: "Europe/Bucharest", now };

describe("the locale that speaks", () => {
  const available = ["en", "pt", "zh", "zh-Hant", "es", "pt-AO"];
  test.each([
    ["exact", "pt", "pt"],
    ["a region falls back to its language", "pt-BR", "pt"],
    ["the exact region wins", "pt-AO", "pt-AO"],
    ["any case", "PT-ao", "pt-AO"],
    ["with underscore", "es_MX", "es"],
    ["as a POSIX locale", "es_MX.UTF-8@euro", "es"],
    ["the first of an Accept-Language", "es-AR,es;q=0.9,en;q=0.8", "es"],
    ["script and region", "zh-Hant-TW", "zh-Hant"],
    ["a region that implies the script", "zh-TW", "zh-Hant"],
    ["a region that implies the other script", "zh-CN", "zh"],
    ["extensions are ignored", "es-u-nu-arab-ca-buddhist", "es"],
    ["a language we lack", "sv", "en"],
    ["nothing", null, "en"],
    ["left out", undefined, "en"],
    ["empty", "", "en"],
    ["junk", "../../etc/passwd", "en"],
    ["control characters", "e\u0000s", "en"],
    ["a name of Object.prototype", "constructor", "en"],
    ["far too long", "es-".repeat(10_000), "en"],
  ])("%s", (_what, requested, expected) => expect(resolveLocale(requested, available)).toBe(expected));

  test("another region of the same language is nearer than the default", () =>
    expect(resolveLocale("pt", ["en", "pt-BR"])).toBe("pt-BR"));
  test("but not in another script", () => expect(resolveLocale("sr-Latn", ["en", "sr-Cyrl"])).toBe("en"));
  test("the default is en even when nothing is available", () => expect(resolveLocale("fr", [])).toBe("en"));
  test("never throws, and answers only with what is available or en", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (junk) => {
        expect([...available, "en"]).toContain(resolveLocale(junk, available));
      }),
    );
  });

  test.each([
    ["ar", "rtl"],
    ["ar-EG", "rtl"],
    ["he", "rtl"],
    ["fa_IR", "rtl"],
    ["en", "ltr"],
    ["az-Arab", "rtl"],
    ["junk!", "ltr"],
    [null, "ltr"],
  ])("%s runs %s", (locale, expected) => expect(directionOf(locale)).toBe(expected));

  test.each([
    ["ro-RO", "RO"],
    ["en_gb", "GB"],
    ["ro", null],
    ["es-419", null],
    ["junk!", null],
    [undefined, null],
  ])("the country of %s is %s", (locale, expected) => expect(countryOf(locale)).toBe(expected));
});

describe("default texts", () => {
  test("there are thirteen languages, the ten promised ones first", () =>
    expect(LOCALES).toEqual(["en", "es", "pt", "fr", "de", "it", "nl", "ro", "hi", "ar", "pl", "tr", "ja"]));

  const placeholders = { agentJoined: ["{{agent}}"], offline: ["{{opensAt}}"] } as Partial<Record<string, string[]>>;

  describe.each(LOCALES)("in %s", (locale) => {
    const texts = textsFor(locale);

    test.each(MESSAGE_KEYS)("%s is written, with its own placeholders", (key) => {
      expect(texts.messages[key] === "").toBe(key === "custom");
      expect(texts.messages[key].match(/\{\{.*?\}\}/g) ?? []).toEqual(placeholders[key] ?? []);
    });

    test.each(MESSAGE_KEYS)("%s renders without braces, with and without values", (key) => {
      const bare = renderText(key, { locale, values: { now } });
      const full = renderText(key, { locale, values: { name: "Ana", agent: "Maria", opensAt: monday9, ...bucharest } });
      for (const text of [bare, full]) {
        expect(text).not.toMatch(/[{}]|undefined|null| {2}/);
        expect(text).toBe(text.trim());
      }
    });

    test("offline tells the time when it is known, and says nothing of it when not", () => {
      const known = renderText("offline", { locale, values: { opensAt: monday9, ...bucharest } });
      expect(known).toContain("9:00");
      expect(renderText("offline", { locale, values: bucharest })).not.toMatch(/\d/);
    });

    test("no form word or fault is missing, and the label names what it links", () => {
      const { form, faults, termsPage } = texts;
      const words = [...Object.values(form), ...Object.values(faults), termsPage.title, termsPage.business];
      expect(words.filter((word) => word.trim() === "")).toEqual([]);
      expect(form.terms).toContain(form.termsLink);
      expect(termsPage.paragraphs).toHaveLength(6);
    });

    test("it is not left in English", () => {
      if (locale === "en") return;
      for (const key of MESSAGE_KEYS.filter((key) => key !== "custom")) {
        expect(texts.messages[key]).not.toBe(textsFor("en").messages[key]);
      }
    });
  });

  test("connecting says no more than is true", () =>
    expect(renderText("connecting", { locale: "en", values: { now } })).toBe("I am connecting you with a person."));
});

describe("when the team opens", () => {
  test.each([
    ["en", "2026-11-22T12:00:00Z", "today at 2:00 PM"],
    ["en", "2026-11-23T07:00:00Z", "Monday 9:00 AM"],
    ["en", "2026-11-28T07:00:00Z", "Saturday 9:00 AM"],
    ["en", "2026-11-29T07:00:00Z", "Sunday, November 29 at 9:00 AM"],
    ["en-GB", "2026-11-22T12:00:00Z", "today at 14:00"],
    ["de", "2026-11-23T07:00:00Z", "am Montag um 9:00 Uhr"],
    ["de", "2026-12-03T07:00:00Z", "am Donnerstag, 3. Dezember, um 9:00 Uhr"],
    ["es", "2026-11-22T23:00:00Z", "el lunes a la 1:00"],
    ["es", "2026-11-22T12:00:00Z", "hoy a las 14:00"],
    ["fr", "2026-11-23T07:00:00Z", "lundi à 9:00"],
    ["ro", "2026-11-23T07:00:00Z", "luni la ora 9:00"],
    ["pl", "2026-11-25T07:00:00Z", "w środę o 9:00"],
    ["pl", "2026-11-29T07:00:00Z", "w niedzielę, 29 listopada, o 9:00"],
    ["ar", "2026-11-23T07:00:00Z", "يوم الاثنين الساعة 9:00 ص"],
    ["ja", "2026-11-29T07:00:00Z", "11月29日(日曜日) 9:00"],
    ["sv", "2026-11-23T07:00:00Z", "Monday 9:00 AM"],
  ])("%s, %s: %s", (locale, opensAt, expected) =>
    expect(formatOpening(new Date(opensAt), { locale, ...bucharest })).toBe(expected),
  );

  test("today is a day of the schedule's zone, not of UTC", () => {
    const late = new Date("2026-11-22T22:30:00Z"); // Monday 00:30 in Bucharest
    expect(formatOpening(monday9, { locale: "en", timezone: "Europe/Bucharest", now: late })).toBe("today at 9:00 AM");
    expect(formatOpening(monday9, { locale: "en", timezone: "UTC", now: late })).toBe("Monday 7:00 AM");
  });

  test("a clock change in between does not lose a day", () => {
    const saturday = new Date("2026-10-24T20:30:00Z"); // 23:30 in Bucharest, clocks go back that night
    const nextFriday = new Date("2026-10-30T07:00:00Z");
    expect(formatOpening(nextFriday, { locale: "en", timezone: "Europe/Bucharest", now: saturday })).toBe(
      "Friday 9:00 AM",
    );
  });

  test("the locale's extensions change neither calendar nor digits", () =>
    expect(formatOpening(monday9, { locale: "en-u-ca-buddhist-nu-thai", ...bucharest })).toBe("Monday 9:00 AM"));

  test("a sentence does not end in two full stops", () =>
    expect(renderText("offline", { locale: "es-MX", values: { opensAt: monday9, ...bucharest } })).toBe(
      "Nuestro equipo no está disponible en este momento. Volvemos el lunes a las 9:00 a.m.",
    ));
});

function connecting(locale: string | null, overrides: MessageOverrides) {
  return renderText("connecting", { locale, overrides, values: { now } });
}

function rendered(offline: string, values: object) {
  return renderText("offline", { locale: "en", overrides: { en: { offline } }, values: { ...bucharest, ...values } });
}

describe("own texts", () => {
  test.each([
    ["exact locale", "pt-BR", { "pt-BR": { connecting: "A" }, pt: { connecting: "B" } }, "A"],
    ["its language", "pt-BR", { pt: { connecting: "B" }, en: { connecting: "C" } }, "B"],
    ["another region of it", "pt", { "pt-BR": { connecting: "A" } }, "A"],
    ["any spelling of the key", "pt-BR", { pt_br: { connecting: "A" } }, "A"],
    ["a key that the exact locale lacks", "pt-BR", { "pt-BR": { resolved: "A" }, pt: { connecting: "B" } }, "B"],
    ["blank in the exact locale", "pt-BR", { "pt-BR": { connecting: " " }, pt: { connecting: "B" } }, "B"],
    ["a language that only the business speaks", "sv-SE", { sv: { connecting: "Ett ögonblick." } }, "Ett ögonblick."],
    ["no locale: the business's English", null, { en: { connecting: "C" } }, "C"],
    ["a language nobody wrote: the business's English", "sv", { en: { connecting: "C" } }, "C"],
    [
      "only German is written, the visitor is French",
      "fr",
      { de: { connecting: "D" } },
      textsFor("fr").messages.connecting,
    ],
    [
      "English is written, the visitor is French",
      "fr",
      { en: { connecting: "C" } },
      textsFor("fr").messages.connecting,
    ],
    [
      "only German is written, the locale unknown",
      null,
      { de: { connecting: "D" } },
      "I am connecting you with a person.",
    ],
    ["blank keeps the default", "en", { en: { connecting: " \n" } }, "I am connecting you with a person."],
  ])("%s", (_what, locale, overrides, expected) => expect(connecting(locale, overrides)).toBe(expected));

  test("custom may be written like the others", () =>
    expect(renderText("custom", { locale: "en", overrides: { en: { custom: "Bye!" } }, values: { now } })).toBe(
      "Bye!",
    ));

  test.each([
    ["values", "Hi {{name}}, {{ agent }} is back {{opensAt}}!", "Hi Ana, Maria is back Monday 9:00 AM!"],
    ["the same one twice", "{{name}} {{name}}", "Ana Ana"],
    [
      "what is no placeholder stays as written",
      "{{nmae}} {{ 7*7 }} {name} {% if %} ${x}",
      "{{nmae}} {{ 7*7 }} {name} {% if %} ${x}",
    ],
  ])("%s", (_what, text, expected) =>
    expect(rendered(text, { name: "Ana", agent: "Maria", opensAt: monday9 })).toBe(expected),
  );

  test.each([
    ["a name with its comma", "Sorry, {{name}}! Come back later.", "Sorry! Come back later."],
    ["a name with its space", "Hello {{name}}.", "Hello."],
    ["a name at the start", "{{name}}, we are away.", "we are away."],
    [
      "an agent is somebody",
      "{{agent}} writes to you. Ask {{agent}}.",
      "A person from our team writes to you. Ask a person from our team.",
    ],
    ["the sentence about the time", "We are away. We open {{opensAt}}. Leave a word!", "We are away. Leave a word!"],
    ["nothing else was said", "Back {{opensAt}}!", "Our team is not available right now."],
    ["only a name was said", "{{name}}", "Our team is not available right now."],
  ])("without a value: %s", (_what, text, expected) => expect(rendered(text, {})).toBe(expected));

  test("braces and patterns in a value are not expanded again", () =>
    expect(rendered("Hi {{name}}, {{agent}}.", { name: "{{agent}} $& $1", agent: "{{opensAt}}" })).toBe(
      "Hi {{agent}} $& $1, {{opensAt}}.",
    ));

  test("a value is one line", () =>
    expect(rendered("Hi {{name}}.", { name: "Ana\r\nBcc: x\u0000" })).toBe("Hi Ana Bcc: x."));

  test("hostile texts of the longest kind take milliseconds", () => {
    const before = performance.now();
    for (const unit of ["{{", "{{ ", " ,", "{{opensAt}}", ". ", "{{name", "{{name}}"]) {
      rendered(unit.repeat(2000 / unit.length), { name: "{{".repeat(50_000) });
      rendered(unit.repeat(2000 / unit.length), {});
    }
    expect(performance.now() - before).toBeLessThan(500);
  });
});

describe("the settings field `messages`", () => {
  test.each([
    ["nothing", {}],
    ["a part", { "pt-BR": { connecting: "Oi" }, es_MX: { custom: "" } }],
    ["the longest text", { en: { offline: "x".repeat(2000) } }],
    ["lines and tabs", { en: { offline: "a\nb\tc" } }],
  ])("takes %s", (_what, value) => expect(MessageOverrides.parse(value)).toEqual(value));

  test.each([
    ["an unknown text", { en: { hello: "x" } }, ["en"]],
    ["a text too long", { en: { offline: "x".repeat(2001) } }, ["en", "offline"]],
    ["a number", { en: { offline: 1 } }, ["en", "offline"]],
    ["control characters", { en: { offline: "a\u0000" } }, ["en", "offline"]],
    ["half a character", { en: { offline: "a\ud83d" } }, ["en", "offline"]],
    ["a key that is no locale", { "en us!": { offline: "x" } }, ["en us!"]],
    ["null", null, []],
  ])("refuses %s", (_what, value, path) => {
    const result = MessageOverrides.safeParse(value);
    expect(result.error?.issues.map((issue) => issue.path)).toEqual([path]);
  });

  test("a key of the prototype is dropped and changes nothing", () => {
    const parsed = MessageOverrides.parse(JSON.parse('{"__proto__": {"connecting": "x"}}'));
    expect(Reflect.ownKeys(parsed)).toEqual([]);
    expect(Object.getPrototypeOf(parsed)).toBe(Object.prototype);
    expect(renderText("connecting", { locale: "en", overrides: parsed, values: { now } })).not.toBe("x");
  });

  test("refuses more than a hundred locales", () => {
    const letters = "abcdefghijk".split("");
    const tags = letters.flatMap((a) => letters.map((b) => `${a}${b}`)).slice(0, 101);
    expect(MessageOverrides.safeParse(Object.fromEntries(tags.map((tag) => [tag, {}]))).success).toBe(false);
    expect(MessageOverrides.safeParse(Object.fromEntries(tags.slice(1).map((tag) => [tag, {}]))).success).toBe(true);
  });
});
