/** Addresses are the same whoever typed them with capitals: how one is compared. */
export const emailKeyOf = (email: string | null): string | null => email?.normalize("NFC").toLowerCase() ?? null;
