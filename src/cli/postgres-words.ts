/** A command line for a person to copy, with the address of the database but without its password. */
const shell = (text: string): string => (/^[\w./:@=+-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`);

export const dumpCommand = (url: string, file: string): string =>
  `pg_dump --format=custom --file=${shell(file)} ${shell(withoutPassword(url))}`;

export const restoreCommand = (url: string, file: string): string =>
  `pg_restore --clean --if-exists --no-owner --single-transaction --dbname=${shell(withoutPassword(url))} ${shell(file)}`;

/** As a restore of SQLite does it: what is owed is looked for at the far side before it is sent again. */
export const markCommand = (url: string): string =>
  `psql ${shell(withoutPassword(url))} --command="update deliveries set may_have_happened = 1 where state in ('waiting', 'sending')"`;

/** Parameters may hold a password too, and the names of files: only those that say how to connect stay. */
export function withoutPassword(url: string): string {
  const address = new URL(url);
  address.password = "";
  address.hash = "";
  for (const name of new Set(address.searchParams.keys()))
    if (!["host", "port", "sslmode"].includes(name)) address.searchParams.delete(name);
  return address.href;
}
