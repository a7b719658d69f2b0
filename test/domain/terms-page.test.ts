import { describe, expect, test } from "vitest";
import { TERMS_VERSION, renderTermsPage, termsConsentText } from "../../src/domain/terms-page.ts";
import { LOCALES } from "../../src/domain/texts.ts";

describe("the default terms page", () => {
  test("says who, what, what for, to whom, how long, and how to withdraw", () => {
    const { title, paragraphs, version } = renderTermsPage({ locale: "en-US", business: "Lamp & Co" });
    expect(title).toBe("Terms and conditions for leaving your details");
    expect(version).toBe(TERMS_VERSION);
    expect(paragraphs[0]).toBe("Responsible for your details: Lamp & Co (“we”).");
    const topics = ["What we collect", "What for", "Who receives them", "How long", "Your choice"];
    expect(paragraphs.slice(1).map((paragraph) => paragraph.split(":")[0])).toEqual(topics);
    expect(paragraphs[5]).toContain("withdraw your consent at any time");
  });

  test.each(LOCALES)("in %s it is a document in that language with the business's name", (locale) => {
    const { html, paragraphs, title } = renderTermsPage({ locale, business: "Lămpi SRL" });
    expect(html).toContain(`<html lang="${locale}" dir="${locale === "ar" ? "rtl" : "ltr"}">`);
    expect(html).toContain(`<h1>${title}</h1>`);
    expect(html).toContain("Lămpi SRL");
    expect(html).toContain(TERMS_VERSION);
    expect(html.match(/<p>/g)).toHaveLength(7);
    expect(paragraphs.join("")).not.toMatch(/[{}]/);
  });

  test("without a name it still says who", () =>
    expect(renderTermsPage({ locale: "de", business: null }).paragraphs[0]).toBe(
      "Verantwortlich für Ihre Daten: das Unternehmen, mit dem Sie chatten („wir“).",
    ));

  test("a hostile name is text, in one line", () => {
    const { html } = renderTermsPage({
      locale: "en",
      business: `<script>alert("1")</script>\n& 'Sons' {{business}} $&`,
    });
    expect(html).not.toContain("<script");
    expect(html).toContain(
      "&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt; &amp; &#39;Sons&#39; {{business}} $&amp; (“we”)",
    );
  });

  test("a locale of markup gives the English page", () =>
    expect(renderTermsPage({ locale: '"><script>', business: "A" })).toMatchObject({
      locale: "en",
      html: expect.stringContaining('<html lang="en" dir="ltr">') as string,
    }));

  test("the consent is the label of the checkbox", () => {
    expect(termsConsentText("fr-CA")).toBe(
      "J’accepte les conditions générales et l’utilisation de mes données pour répondre à ma demande.",
    );
  });
});
