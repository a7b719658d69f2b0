/** The languages that the demo's own words exist in. Baton's words to the visitor come in more. */
export const DEMO_LOCALES = ["en", "de", "ro", "ar"] as const;
export type DemoLocale = (typeof DEMO_LOCALES)[number];

export const PRODUCT_IDS = ["reading", "pendant", "lantern"] as const;
export type ProductId = (typeof PRODUCT_IDS)[number];

/** What the shop sells, as the bot tells it to Baton, so that the agent sees which lamp the visitor looks at. */
export const PRODUCTS: Readonly<Record<ProductId, { readonly name: string; readonly price: string }>> = {
  reading: { name: "Heron reading lamp", price: "79.00 EUR" },
  pendant: { name: "Moonrise pendant", price: "129.00 EUR" },
  lantern: { name: "Firefly lantern", price: "49.00 EUR" },
};
