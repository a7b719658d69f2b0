/** Reads CSV as RFC 4180 has it, letter by letter: strict, so that what a spreadsheet would stumble over is a fault here. */
export function readCsv(text: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  let at = 0;
  const fault = (what: string) =>
    new Error(`${what} at character ${at}: ${JSON.stringify(text.slice(at - 10, at + 10))}`);
  while (at < text.length) {
    let cell = "";
    if (text[at] === '"') {
      at += 1;
      for (;;) {
        if (at >= text.length) throw fault("a quote that is not closed");
        if (text[at] !== '"') cell += text[at++];
        else if (text[at + 1] === '"') {
          cell += '"';
          at += 2;
        } else break;
      }
      at += 1;
    } else
      while (at < text.length && text[at] !== "," && text[at] !== "\r") {
        if (text[at] === '"' || text[at] === "\n") throw fault("a quote or line feed in a cell without quotes");
        cell += text[at++];
      }
    row.push(cell);
    if (text[at] === ",") at += 1;
    else if (text.startsWith("\r\n", at)) {
      at += 2;
      rows.push(row);
      row = [];
    } else throw fault("neither a comma nor the end of a line");
  }
  if (row.length > 0) throw fault("a last line without its end");
  return rows;
}
